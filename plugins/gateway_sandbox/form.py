"""Bodies of management calls: JSON, a form, or multipart/form-data with a file (RFC 7578)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from gateway_sandbox.graph import GraphError, parse_object
from gateway_sandbox.server import Request

Json = dict[str, Any]

_PARTS = 20
_BOUNDARY = re.compile(r'boundary="?([^";,]{1,70})"?')
_PARAMETER = re.compile(r'(name\*?|filename\*?)="?((?:[^"\\;]|\\.)*)"?')


class Part(msgspec.Struct):
    """One field of a form; `filename` is None if it is no file."""

    name: str
    content: bytes
    filename: str | None = None
    mime: str | None = None

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace").strip()


def query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def parameters(request: Request) -> Json:
    """Members of a call, from its query and its body: a JSON object or an encoded form."""
    found: Json = dict(query(request))
    if not request.body.strip():
        return found
    kind = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return found | dict(parse_qsl(request.body.decode("utf-8", "replace")))
    if kind == "multipart/form-data":
        return found | {name: part.text for name, part in multipart(request).items()}
    return found | parse_object(request.body)


def multipart(request: Request) -> dict[str, Part]:
    """The parts by name.  Raises GraphError 100 if the body is no such form."""
    kind = request.header(b"content-type") or ""
    boundary = _BOUNDARY.search(kind)
    if not kind.lower().startswith("multipart/form-data") or boundary is None:
        raise GraphError(100, "The request body is not multipart/form-data.")
    return {part.name: part for part in _parts(request.body, boundary[1].encode())}


def _parts(body: bytes, boundary: bytes) -> Iterator[Part]:
    """Each part lies between two delimiters; the last delimiter ends with `--`."""
    delimiter = b"\r\n--" + boundary
    at = 0 if body.startswith(delimiter[2:]) else body.find(delimiter)
    if at < 0:
        raise GraphError(100, "The form has no part with its boundary.")
    start = at + len(delimiter) - (2 if at == 0 and not body.startswith(delimiter) else 0)
    for _ in range(_PARTS):
        if body.startswith(b"--", start):
            return
        head_end = body.find(b"\r\n\r\n", start)
        end = body.find(delimiter, start)
        if head_end < 0 or end < 0 or end < head_end:
            raise GraphError(100, "The form is cut off.")
        part = _part(body[start:head_end].decode("utf-8", "replace"), body[head_end + 4 : end])
        if part is not None:
            yield part
        start = end + len(delimiter)
    raise GraphError(100, f"The form has more than {_PARTS} parts.")


def _part(head: str, content: bytes) -> Part | None:
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head.split("\r\n"))
    }
    given = dict(_PARAMETER.findall(headers.get("content-disposition", "")))
    if "name" not in given:
        return None
    filename = given.get("filename")
    if "filename*" in given:  # RFC 5987, which some clients send for names beyond ASCII
        filename = unquote(given["filename*"].rpartition("'")[2])
    return Part(given["name"], content, filename, headers.get("content-type"))
