"""Posts webhooks: HTTP/1.1 on connections that stay open.

Of an answer only the status and the end matter, so it is read by hand: hundreds of these leave
per second on a machine that is being measured, and a full parser doubled their cost.
"""

from __future__ import annotations

import re

import trio

from gateway_sandbox.arrival import receive, stamp
from gateway_sandbox.settings import parse_webhook

_ANSWER_LIMIT = 1_000_000
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})[ \r]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r]*chunked", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[^\r]*close", re.IGNORECASE)
_NO_BODY = (204, 304)


class NoAnswer(Exception):
    """The receiver could not be reached, or the connection ended without an answer."""


class _NotHttp(Exception):
    """What came back is no answer to a POST."""


class Target:
    """The receiver's address, `http://host[:port]/path`."""

    def __init__(self, url: str) -> None:
        try:
            parts = parse_webhook(url)
        except ValueError as error:
            raise ValueError(f"the webhook {error}") from None
        self.host = parts.hostname or ""
        self.port = parts.port or 80
        self.netloc = parts.netloc.rpartition("@")[2]
        self.path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._head = (
            f"POST {self.path} HTTP/1.1\r\n"
            f"Host: {self.netloc}\r\n"
            "User-Agent: facebookexternalua\r\n"
            "Accept: */*\r\n"
            "Content-Type: application/json\r\n"
        )

    def request(self, body: bytes, signature: str | None) -> bytes:
        """The bytes of one POST (section 6.3)."""
        signed = f"X-Hub-Signature-256: {signature}\r\n" if signature is not None else ""
        head = f"{self._head}Content-Length: {len(body)}\r\n{signed}\r\n"
        return head.encode("ascii") + body


class Poster:
    """One connection to a receiver, opened when needed, kept while it lasts.

    `answered`: unix seconds at which the last answer began to come in.
    """

    def __init__(self, timeout: float) -> None:
        self.answered = 0.0
        self._target: Target | None = None
        self._timeout = timeout
        self._stream: trio.SocketStream | None = None

    async def post(self, target: Target, body: bytes, signature: str | None) -> int:
        """The HTTP status of the answer; `NoAnswer` if there is none in time.

        `signature`: of `X-Hub-Signature-256`; None: without that header.
        """
        if target is not self._target:
            self.close()
            self._target = target
        used = self._stream is not None
        request = target.request(body, signature)
        try:
            with trio.fail_after(self._timeout):
                try:
                    return await self._exchange(target, request)
                except (_NotHttp, trio.BrokenResourceError, OSError):
                    self.close()
                    if not used:  # only a connection that idled may have been closed meanwhile
                        raise
                    return await self._exchange(target, request)
        except (_NotHttp, trio.BrokenResourceError, trio.TooSlowError, OSError) as error:
            self.close()
            raise NoAnswer(str(error) or type(error).__name__) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._stream is not None:
            self._stream.socket.close()
        self._stream = None

    async def _exchange(self, target: Target, request: bytes) -> int:
        if self._stream is None:
            self._stream = await trio.open_tcp_stream(target.host, target.port)
            stamp(self._stream.socket)
        await self._stream.send_all(request)
        first, self.answered = await _more(self._stream)
        status, keep = await _answer(self._stream, first)
        if not keep:
            self.close()
        return status


async def _answer(stream: trio.SocketStream, data: bytes) -> tuple[int, bool]:
    """Read one answer, of which this came already, to its end: its status, and whether the
    connection can be used again."""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += (await _more(stream, data))[0]
    head = data[: end + 2]
    match = _STATUS.match(head)
    if match is None:
        raise _NotHttp("the answer is not HTTP")
    status = int(match[1])
    if status < 200:
        raise _NotHttp(f"the answer is only a {status}")
    body = data[end + 4 :]
    keep = head.startswith(b"HTTP/1.1") and _CLOSE.search(head) is None
    if status in _NO_BODY:
        return status, keep and not body
    if _CHUNKED.search(head):
        while body != b"0\r\n\r\n" and not body.endswith(b"\r\n0\r\n\r\n"):
            body += (await _more(stream, body))[0]
        return status, keep
    length = _LENGTH.search(head)
    if length is None:  # the body ends with the connection, and nobody needs it
        return status, False
    while len(body) < int(length[1]):
        body += (await _more(stream, body))[0]
    return status, keep and len(body) == int(length[1])


async def _more(stream: trio.SocketStream, so_far: bytes = b"") -> tuple[bytes, float]:
    data, at, _ = await receive(stream.socket)
    if not data or len(so_far) > _ANSWER_LIMIT:
        raise _NotHttp("the connection ended before the answer" if not data else "too long")
    return data, at
