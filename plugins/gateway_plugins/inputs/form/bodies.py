"""Reads what was posted: urlencoded, multipart, JSON, in whatever charset, within bounds.

All of it becomes plain values by name.  Nothing is interpreted: text stays text, however much it
looks like SQL or HTML.
"""

from __future__ import annotations

import codecs
import re
from typing import Any
from urllib.parse import unquote_to_bytes

import msgspec
import python_multipart
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

BYTES = 256 * 1024
"""Of a whole body."""
FIELDS = 300
NAME = 200  # characters of a field's name
VALUE = 20_000  # characters of a value that are kept
DEPTH = 12

Value = Any
"""None, bool, int, float, str, list or dict with texts as keys."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff]")


class BodyError(ValueError):
    """What came cannot be read.  `status` is the answer's; the text is for whoever sends it."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def read_body(kind: str, raw: bytes) -> dict[str, Value]:
    """Return the fields of a body by its Content-Type.  Raises BodyError.

    A name that is there several times holds a list; a trailing `[]` is no part of a name.
    """
    if len(raw) > BYTES:
        raise BodyError(f"the body is larger than {BYTES // 1024} KiB", 413)
    media, options = parse_options_header(kind.encode("latin-1", "replace"))
    charset = options.get(b"charset", b"").decode("ascii", "replace")
    if media == b"multipart/form-data":
        return _collect(_multipart(raw, options.get(b"boundary", b"")), charset)
    # CF7 posts its own templates as text/plain when they are no valid JSON to it.
    if media.endswith((b"/json", b"+json")) or (
        media in (b"", b"text/plain") and raw.lstrip()[:1] in (b"{", b"[")
    ):
        return _json(raw, charset)
    if media in (b"application/x-www-form-urlencoded", b"text/plain", b""):
        return _collect(_urlencoded(raw), charset)
    raise BodyError("send a form (urlencoded or multipart) or JSON", 415)


def _json(raw: bytes, charset: str) -> dict[str, Value]:
    try:
        found = msgspec.json.decode(_text(raw, charset))
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        raise BodyError("the body is no JSON") from None
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise BodyError("the JSON has to be an object with the fields")
    return dict(_bounded(found, DEPTH, [FIELDS * 4]))


def _bounded(value: Value, depth: int, left: list[int]) -> Value:
    """Return a value with its texts cleaned; `left` counts what may still come."""
    left[0] -= 1
    if depth <= 0 or left[0] < 0:
        raise BodyError("the JSON is nested too deeply, or has too many values")
    if isinstance(value, dict):
        return {
            clean(str(name))[:NAME]: _bounded(item, depth - 1, left) for name, item in value.items()
        }
    if isinstance(value, list):
        return [_bounded(item, depth - 1, left) for item in value]
    return clean(value)[:VALUE] if isinstance(value, str) else value


def _urlencoded(raw: bytes) -> list[tuple[bytes, bytes]]:
    pairs = raw.split(b"&", FIELDS)
    if len(pairs) > FIELDS:
        raise BodyError(f"the form has more than {FIELDS} fields")
    split = (pair.replace(b"+", b" ").partition(b"=") for pair in pairs if pair)
    return [(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in split]


def _multipart(raw: bytes, boundary: bytes) -> list[tuple[bytes, bytes]]:
    """The fields of a multipart form; files are passed over."""
    found: list[tuple[bytes, bytes]] = []
    header, value, data = bytearray(), bytearray(), bytearray()
    headers: dict[bytes, bytes] = {}

    def header_end() -> None:
        headers[bytes(header).lower()] = bytes(value)
        header.clear()
        value.clear()

    def part_end() -> None:
        _, options = parse_options_header(headers.get(b"content-disposition", b""))
        if b"name" in options and not options.get(b"filename"):
            found.append((options[b"name"], bytes(data)))
        if len(found) > FIELDS:
            raise BodyError(f"the form has more than {FIELDS} fields")
        headers.clear()
        data.clear()

    ended = []
    try:
        parser = python_multipart.MultipartParser(
            boundary,
            {
                "on_header_field": lambda part, a, b: header.extend(part[a:b]),
                "on_header_value": lambda part, a, b: value.extend(part[a:b]),
                "on_header_end": header_end,
                "on_part_data": lambda part, a, b: data.extend(part[a:b]),
                "on_part_end": part_end,
                "on_end": lambda: ended.append(True),
            },
        )
        parser.write(raw)
        parser.finalize()
    except FormParserError:
        ended.clear()
    if not ended:
        raise BodyError("the multipart form is broken, or cut off")
    return found


def _collect(pairs: list[tuple[bytes, bytes]], charset: str) -> dict[str, Value]:
    """Decode and put together what has the same name."""
    named = next((value for name, value in pairs if name == b"_charset_"), b"")
    charset = named.decode("ascii", "replace").strip() or charset
    fields: dict[str, Value] = {}
    for raw_name, raw_value in pairs:
        if len(raw_name) > 4 * NAME:
            raise BodyError(f"a field's name is longer than {NAME} characters")
        name = clean(_text(raw_name, charset)).removesuffix("[]")[:NAME]
        value = clean(_text(raw_value, charset))[:VALUE]
        if name not in fields:
            fields[name] = value
        elif isinstance(fields[name], list):
            fields[name].append(value)
        else:
            fields[name] = [fields[name], value]
    return fields


def _text(raw: bytes, charset: str) -> str:
    """Decode by UTF-8, else by the charset that was named, else as Windows does: old pages say
    nothing, or the wrong thing."""
    for name in ("utf-8-sig", charset):
        try:
            # Only real charsets: Python also knows rot13 and zip by such names.
            if name and codecs.lookup(name)._is_text_encoding:
                return raw.decode(name)
        except (LookupError, ValueError):
            continue
    return raw.decode("cp1252", "replace")


def clean(text: str) -> str:
    """Take out control characters, and those that turn the direction of writing."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
