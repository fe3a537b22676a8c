"""What is plain is what h11 makes of it: both are given the same bytes, whole, broken and odd."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import plain

HOOK = (
    b"POST /hook/main/?a=b HTTP/1.1\r\nHost: example.org:8080\r\nUser-Agent: x y\r\n"
    b"Accept: */*\r\nContent-Type: application/json\r\nX-Hub-Signature-256: sha256=00\r\n"
    b"Content-Length: 5\r\n\r\nhello"
)
SENT = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=UTF-8\r\nVary: a, b\r\n"
    b"Connection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"
)


def by_h11(data: bytes, role: type) -> tuple[object, bytes, bytes] | None:
    """The head, the body and what is left, if all of it is there; None if h11 refuses it."""
    http = h11.Connection(role)
    if role is h11.CLIENT:
        fields = [("host", "x"), ("content-length", "0")]
        http.send(h11.Request(method="POST", target="/", headers=fields))
        http.send(h11.EndOfMessage())
    head: object = None
    body = b""
    try:
        http.receive_data(data)
        while True:
            event = http.next_event()
            if isinstance(event, h11.Request | h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return head, body, http.trailing_data[0]
            else:
                return None
    except h11.RemoteProtocolError:
        return None


def head_by_h11(data: bytes, found: plain.Plain | plain.Answer, role: type) -> Any:
    """What h11 makes of the head of what is plain; its body and its end must be the same."""
    end = found.begin + found.length
    read = by_h11(data.ljust(end, b"x"), role)
    assert read is not None, data
    head, body, left = read
    assert body == data[found.begin : end].ljust(found.length, b"x")
    assert left == data[end:]
    return head


def same_request(data: bytes) -> bool:
    """Whether it is plain; then h11 must read the same."""
    found = plain.request(data)
    if found is not None:
        assert found.head == plain.head_of(head_by_h11(data, found, h11.SERVER))
    return found is not None


def same_answer(data: bytes) -> bool:
    """The same for an answer."""
    found = plain.answer(data)
    if found is not None:
        head = head_by_h11(data, found, h11.CLIENT)
        assert (found.status, found.fields) == (head.status_code, list(head.headers))
    return found is not None


def test_what_usually_comes_is_plain() -> None:
    """The fast way is taken for what Meta and the sandbox say."""
    assert same_request(HOOK)
    assert same_request(b"GET / HTTP/1.1\r\nHost:x\r\nConnection: Keep-Alive\r\n\r\nGET /next")
    assert same_request(HOOK[:-3]), "the body may still be on its way"
    assert same_answer(SENT)
    assert same_answer(SENT + b"HTTP/1.1 200")


ODD = {
    "no host": HOOK.replace(b"Host", b"Hos"),
    "two hosts": HOOK.replace(b"Accept", b"host"),
    "two lengths": HOOK.replace(b"Accept: */*", b"Content-Length: 4"),
    "two equal lengths": HOOK.replace(b"Accept: */*", b"Content-Length: 5"),
    "lengths with a comma": HOOK.replace(b"Length: 5", b"Length: 5, 5"),
    "a signed length": HOOK.replace(b"Length: 5", b"Length: +5"),
    "a length in hex": HOOK.replace(b"Length: 5", b"Length: 0x5"),
    "an endless length": HOOK.replace(b"Length: 5", b"Length: 5555555555"),
    "chunks": HOOK.replace(b"Accept: */*", b"Transfer-Encoding: chunked"),
    "chunks beside an odd name": HOOK.replace(b"Accept:", b"Transfer-Encoding : chunked\r\nA:"),
    "a space before the colon": HOOK.replace(b"Length:", b"Length :"),
    "a folded line": HOOK.replace(b"Accept: */*", b"Accept: a\r\n b"),
    "a bare line feed": HOOK.replace(b"Accept: */*", b"Accept: a\nTransfer-Encoding: chunked"),
    "a bare carriage return": HOOK.replace(b"*/*", b"a\rb"),
    "a zero": HOOK.replace(b"*/*", b"a\0b"),
    "beyond ASCII": HOOK.replace(b"*/*", b"\xff"),
    "line feeds alone": HOOK.replace(b"\r\n", b"\n"),
    "an empty line first": b"\r\n" + HOOK,
    "who asks first": HOOK.replace(b"Accept: */*", b"Expect: 100-continue"),
    "an upgrade": HOOK.replace(b"Accept: */*", b"Upgrade: h2c"),
    "the last one": HOOK.replace(b"Accept: */*", b"Connection: close"),
    "HTTP/1.0": HOOK.replace(b"1.1", b"1.0"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "another method": HOOK.replace(b"POST", b"PUT"),
    "two spaces": HOOK.replace(b"POST ", b"POST  "),
    "a whole address": HOOK.replace(b"/hook", b"http://x/hook"),
    "a tab in the line": HOOK.replace(b" HTTP", b"\tHTTP"),
    "half a head": HOOK.partition(b"Accept")[0],
    "no fields": b"GET / HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize("data", ODD.values(), ids=ODD)
def test_what_could_be_read_in_two_ways_is_not_plain(data: bytes) -> None:
    """It is left to h11, whatever that makes of it."""
    assert plain.request(data) is None


ODD_ANSWERS = {
    "without a length": SENT.replace(b"Content-Length", b"Length"),
    "two lengths": SENT.replace(b"Vary: a, b", b"content-length: 5"),
    "chunks": SENT.replace(b"Vary: a, b", b"Transfer-Encoding: chunked"),
    "the last one": SENT.replace(b"keep-alive", b"close"),
    "an early one": SENT.replace(b"200", b"103"),
    "one that has no body": SENT.replace(b"200", b"204"),
    "one that did not change": SENT.replace(b"200", b"304"),
    "HTTP/1.0": SENT.replace(b"1.1", b"1.0"),
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "a cookie twice": SENT.replace(b"Vary: a, b", b"Set-Cookie: a\r\nset-cookie: b"),
    "half a head": SENT.partition(b"Vary")[0],
}


@pytest.mark.parametrize("data", ODD_ANSWERS.values(), ids=ODD_ANSWERS)
def test_an_answer_that_could_be_read_in_two_ways_is_not_plain(data: bytes) -> None:
    """It is left to h11, whatever that makes of it."""
    assert plain.answer(data) is None


def mutated(whole: bytes, seed: int) -> Iterator[bytes]:
    """Bytes changed, taken out, put in and doubled, at random places."""
    chance = random.Random(seed)
    pieces = [b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"0", b"5", b",", b"\0", b"\x80", b"\r\n\r\n",
              b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Host: y\r\n"]  # fmt: skip
    for _ in range(400):
        data = whole
        for _ in range(chance.randint(1, 3)):
            at = chance.randrange(len(data))
            cut = at + chance.choice((0, 0, 1, 1, 2, 7))
            data = data[:at] + chance.choice([b"", *pieces]) + data[cut:]
        yield data


@pytest.mark.parametrize("seed", range(20))
def test_whatever_is_plain_is_read_as_h11_reads_it(seed: int) -> None:
    """A request, or an answer, that was changed at random: left to h11, or the same."""
    requests = [same_request(data) for data in mutated(HOOK, seed)]
    answers = [same_answer(data) for data in mutated(SENT, seed)]
    assert 20 < sum(requests) < 380, "both ways are tried"
    assert 20 < sum(answers) < 380, "both ways are tried"


_names = st.text("aAxX-!#:_ ", min_size=1, max_size=6)
_values = st.text(" \t09azAZ,;=/~\x7f\x00\xff\r\n", max_size=12)
_known = st.sampled_from(
    ["Host", "Content-Length", "content-length", "Transfer-Encoding", "Connection", "Expect"]
)


@given(
    fields=st.lists(st.tuples(_known | _names, _values | st.sampled_from(["3", "x", "close"]))),
    end=st.sampled_from(["\r\n", "\r\n", "\n"]),
    body=st.binary(max_size=6),
)
def test_fields_of_any_kind(fields: list[tuple[str, str]], end: str, body: bytes) -> None:
    """Names and values of all sorts, with the ones that matter among them."""
    lines = "".join(f"{name}:{value}{end}" for name, value in [("Host", "x"), *fields])
    raw = f"{lines}{end}".encode("latin-1") + body
    same_request(b"POST / HTTP/1.1" + end.encode() + raw)
    same_answer(b"HTTP/1.1 200 OK" + end.encode() + raw)
