"""A small HTTP/1.1 server whose connections can be cut, held and counted."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio

from gateway_sandbox.arrival import stamp
from gateway_sandbox.connection import (
    Answer,
    BodyLimit,
    Connection,
    Handler,
    Hangup,
    Request,
    Response,
    Stream,
    usual_limit,
)

__all__ = ["Answer", "Handler", "Hangup", "Request", "Response", "Server", "Stream"]

_NO_CAPACITY = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Server:
    """Serves connections on listeners, so many at once; more are closed at once."""

    def __init__(
        self,
        handler: Handler,
        now: Callable[[], float],
        max_connections: int = 1000,
        body_limit: BodyLimit = usual_limit,
        ahead: Callable[[], float] | None = None,
    ) -> None:
        self._ahead = ahead
        self._handler = handler
        self._body_limit = body_limit
        self._now = now
        self._limit = max_connections
        self.open = 0
        self._accepting: dict[trio.SocketListener, trio.CancelScope] = {}
        self._released = trio.Event()

    async def serve(
        self,
        listeners: list[trio.SocketListener],
        *,
        task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Until cancelled."""
        async with trio.open_nursery() as nursery:
            for listener in listeners:
                if self._ahead is not None:
                    stamp(listener.socket)
                self._accepting[listener] = trio.CancelScope()
                nursery.start_soon(self._accept, listener, nursery)
            task_status.started()

    @asynccontextmanager
    async def connects_held(self) -> AsyncIterator[None]:
        """Inside the block, whoever opens a connection waits in `connect`, as for a far host.

        The queue of each listener is made as short as the system allows, filled, and not
        emptied.  After the block clients get through when they repeat their SYN (about 1 s).
        """
        self._released = trio.Event()
        fillers: list[trio.SocketStream] = []
        for listener, accepting in self._accepting.items():
            accepting.cancel()
            listener.socket.listen(0)
            with trio.move_on_after(0.05):
                while True:
                    fillers.append(trio.SocketStream(trio.socket.socket(listener.socket.family)))
                    await fillers[-1].socket.connect(listener.socket.getsockname())
        try:
            yield
        finally:
            for filler in fillers:
                filler.socket.close()
            for listener in self._accepting:
                listener.socket.listen(1024)
            self._released.set()

    async def _accept(self, listener: trio.SocketListener, nursery: trio.Nursery) -> None:
        async with listener:
            while True:
                with self._accepting[listener]:
                    await self._accept_until_held(listener, nursery)
                await self._released.wait()
                self._accepting[listener] = trio.CancelScope()

    async def _accept_until_held(
        self, listener: trio.SocketListener, nursery: trio.Nursery
    ) -> None:
        while True:
            try:
                nursery.start_soon(self._connection, await listener.accept())
            except OSError as error:
                if error.errno not in _NO_CAPACITY:
                    raise
                await trio.sleep(0.1)

    async def _connection(self, stream: trio.SocketStream) -> None:
        if self.open >= self._limit:
            stream.socket.close()
            return
        self.open += 1
        try:
            await Connection(stream, self._handler, self._now, self._body_limit, self._ahead).run()
        finally:
            self.open -= 1
