"""Bodies: every way a form is posted, every charset, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gateway_plugins.inputs.form.bodies import BYTES, FIELDS, BodyError, read_body

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
NAME = "Testkäufer Süd"


def parts(*fields: tuple[str, bytes], end: bytes = b"--x--\r\n") -> bytes:
    """A multipart body; the first of each pair is its Content-Disposition."""
    made = (
        b"--x\r\nContent-Disposition: " + head.encode() + b"\r\n\r\n" + value + b"\r\n"
        for head, value in fields
    )
    return b"".join(made) + end


MULTIPART = "multipart/form-data; boundary=x"

READ: list[tuple[str, str, bytes, dict[str, Any]]] = [
    ("urlencoded", FORM, b"name=Testk%C3%A4ufer+S%C3%BCd&consent=on", {"name": NAME, "consent": "on"}),
    ("bytes as they are", FORM, f"name={NAME}".encode(), {"name": NAME}),
    ("latin-1", FORM, b"name=Testk%E4ufer+S%FCd", {"name": NAME}),
    ("latin-1 by its name", f"{FORM}; charset=iso-8859-1", b"name=Testk%E4ufer+S%FCd", {"name": NAME}),
    ("the euro of Windows", FORM, b"name=5+%80", {"name": "5 €"}),
    ("_charset_", FORM, b"_charset_=iso-8859-5&name=%BF", {"_charset_": "iso-8859-5", "name": "П"}),
    ("utf-8 wins over a wrong name", f"{FORM}; charset=latin1", b"n=%C3%A4", {"n": "ä"}),
    ("no charset at all", f"{FORM}; charset=rot13", b"n=%E4", {"n": "ä"}),
    ("a charset that is none", f"{FORM}; charset=\xff", b"n=%E4", {"n": "ä"}),
    ("repeated", FORM, b"t=a&t=b&t=c", {"t": ["a", "b", "c"]}),
    ("with []", FORM, b"t[]=a&t[]=b", {"t": ["a", "b"]}),
    ("empty parts", FORM, b"&&a=&=b&c", {"a": "", "": "b", "c": ""}),
    ("half an escape", FORM, b"a=%E&b=%zz", {"a": "%E", "b": "%zz"}),
    ("nothing", FORM, b"", {}),
    ("control characters", FORM, b"a=x%00y%1bz%0d%0aw%e2%80%ae", {"a": "xyz\nw"}),
    ("no type", "", b"a=b", {"a": "b"}),
    ("json", JSON, json.dumps({"name": NAME, "n": 1, "x": None}).encode(), {"name": NAME, "n": 1, "x": None}),
    ("json with a charset", f"{JSON}; charset=UTF-8", b'{"a": [1, {"b": true}]}', {"a": [1, {"b": True}]}),
    ("json in latin-1", f"{JSON}; charset=iso-8859-1", '{"n": "ä"}'.encode("latin-1"), {"n": "ä"}),
    ("json with a mark", JSON, b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    ("json of another name", "application/vnd.x+json", b'{"a": 1}', {"a": 1}),
    ("json as text", "text/plain", b' {"a": 1}', {"a": 1}),
    ("json without a type", "", b'{"a": 1}', {"a": 1}),
    ("json, one in a list", JSON, b'[{"a": 1}]', {"a": 1}),
    ("a form as text", "text/plain", b"a=b", {"a": "b"}),
    ("multipart", MULTIPART, parts(('form-data; name="name"', NAME.encode())), {"name": NAME}),
    ("multipart in latin-1", MULTIPART, parts(('form-data; name="n"', b"\xe4")), {"n": "ä"}),
    (
        "multipart without its file",
        MULTIPART,
        parts(('form-data; name="f"; filename="a.exe"', b"MZ"), ('form-data; name="n"', b"1")),
        {"n": "1"},
    ),
    ("multipart, repeated", MULTIPART, parts(*[('form-data; name="t"', b"a")] * 2), {"t": ["a", "a"]}),
    ("multipart, lines", MULTIPART, parts(('form-data; name="n"', b"a\r\nb")), {"n": "a\nb"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "raw", "found"), [row[1:] for row in READ], ids=[r[0] for r in READ]
)
def test_what_was_posted_is_read(kind: str, raw: bytes, found: dict[str, Any]) -> None:
    assert read_body(kind, raw) == found


deep = b'{"a":' * 40 + b"1" + b"}" * 40
REFUSED: list[tuple[str, str, bytes, int]] = [
    ("too large", FORM, b"a=" + b"x" * BYTES, 413),
    ("too many fields", FORM, b"a=1&" * (FIELDS + 1), 400),
    ("a name without end", FORM, b"x" * 1000 + b"=1", 400),
    ("json that is none", JSON, b"{", 400),
    ("json that is no object", JSON, b'"text"', 400),
    ("json, two in a list", JSON, b"[{}, {}]", 400),
    ("json too deep", JSON, deep, 400),
    ("json far too deep", JSON, b"[" * 100_000, 400),
    ("json of too many values", JSON, json.dumps({"a": [0] * 2000}).encode(), 400),
    ("another type", "image/png", b"\x89PNG", 415),
    ("xml", "text/xml", b"<a/>", 415),
    ("multipart cut off", MULTIPART, parts(('form-data; name="n"', b"1"), end=b""), 400),
    ("multipart of nothing", MULTIPART, b"", 400),
    ("multipart without a boundary", "multipart/form-data", b"--x", 400),
    ("multipart of too many", MULTIPART, parts(*[('form-data; name="n"', b"1")] * (FIELDS + 1)), 400),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "raw", "status"), [row[1:] for row in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_what_cannot_be_read_is_refused(kind: str, raw: bytes, status: int) -> None:
    with pytest.raises(BodyError) as refused:
        read_body(kind, raw)
    assert refused.value.status == status


def test_values_are_cut() -> None:
    assert len(read_body(FORM, b"a=" + b"x" * 100_000)["a"]) == 20_000
    assert len(read_body(JSON, json.dumps({"a": "x" * 100_000}).encode())["a"]) == 20_000
