"""Requests and answers of the plainest HTTP/1.1, taken apart without a parser; all others are h11's.

Nearly all that comes is plain, and h11 costs three times as much.  What is plain is narrower than
HTTP: whatever a proxy or a server could read in two ways (a repeated field, two lengths, chunks,
a folded line, a bare line feed, a byte beyond ASCII) is not.  So nothing is decided here that h11
would decide otherwise; tests/gateway/test_plain.py holds both against each other.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import h11

_NAME = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_FIELDS = rb"((?:" + _NAME + rb":[\t -~]*\r\n)+)\r\n"
_REQUEST = re.compile(rb"(GET|POST) (/[!-~]*) HTTP/1\.1\r\n" + _FIELDS)
_ANSWER = re.compile(rb"HTTP/1\.1 ([2-5][0-9][0-9]) [ -~]*\r\n" + _FIELDS)
_FIELD = re.compile(rb"(" + _NAME + rb"):[\t ]*([\t -~]*)\r\n")
_LENGTH = re.compile(rb"[0-9]{1,9}")

# What makes the end, or the sense, of a message depend on more than its length.
_NOT_PLAIN = frozenset(
    {b"transfer-encoding", b"expect", b"upgrade", b"trailer", b"te", b"http2-settings"}
)
_NO_BODY = (b"204", b"304")

Field = tuple[bytes, bytes]


class Head(NamedTuple):
    """The head of a request; names of fields are lower case."""

    method: bytes
    target: bytes
    fields: list[Field]
    version: bytes = b"1.1"


class Plain(NamedTuple):
    """A request's head, where its body begins, and how many bytes it has."""

    head: Head
    begin: int
    length: int


class Answer(NamedTuple):
    """An answer's head, where its body begins, and how many bytes it has."""

    status: int
    fields: list[Field]
    begin: int
    length: int


def request(came: bytes) -> Plain | None:
    """Take the request apart that `came` begins with; None if its head is not there as a whole,
    or not plain."""
    found = _REQUEST.match(came)
    if found is None:
        return None
    fields = _fields(found[3])
    length = _length(fields)
    if length is None or not any(name == b"host" for name, _ in fields):
        return None
    return Plain(Head(found[1], found[2], fields), found.end(), length)


def answer(came: bytes) -> Answer | None:
    """Take the answer to a POST apart that `came` begins with; None if its head is not there as a
    whole, or not plain, or says nothing of a length."""
    found = _ANSWER.match(came)
    if found is None or found[1] in _NO_BODY:
        return None
    fields = _fields(found[2])
    length = _length(fields)
    if length is None or not any(name == b"content-length" for name, _ in fields):
        return None
    return Answer(int(found[1]), fields, found.end(), length)


def _fields(lines: bytes) -> list[Field]:
    return [(name.lower(), value.rstrip(b" \t")) for name, value in _FIELD.findall(lines)]


def _length(fields: list[Field]) -> int | None:
    """Return the length of the body; None if it is not surely that."""
    known = dict(fields)
    if len(known) != len(fields) or not _NOT_PLAIN.isdisjoint(known):
        return None
    if known.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    length = known.get(b"content-length", b"0")
    return int(length) if _LENGTH.fullmatch(length) else None


def head_of(part: h11.Request) -> Head:
    """Return what h11 read."""
    return Head(part.method, part.target, list(part.headers), part.http_version)
