"""An HTTP client for tests in which the other side dies, or the one who asks is cancelled."""

from __future__ import annotations

from typing import Self

import httpx


def open_client(*, uds: str | None = None, timeout: float = 5.0) -> httpx.AsyncClient:
    """Return an `httpx.AsyncClient` whose bodies may be left half sent.

    httpx gives a body by an async generator.  If the connection breaks or the task is cancelled in
    the midst, nobody closes it, and trio warns when it is collected
    (https://github.com/encode/httpx/pull/3777).
    """
    return httpx.AsyncClient(transport=_Transport(uds=uds), timeout=timeout)


class _Transport(httpx.AsyncHTTPTransport):
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.stream = _Body(await request.aread())
        return await super().handle_async_request(request)


class _Body(httpx.AsyncByteStream):
    """A body of one piece, with nothing to close."""

    def __init__(self, content: bytes) -> None:
        self._left = [content]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()
