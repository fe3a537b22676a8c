"""Serve an ASGI app on Hypercorn, on addresses, unix sockets and inherited sockets.

`serve` is all that the rest uses.  What Hypercorn leaves open is closed here: bodies that are too
large or drip, errors that one peer's bytes raise in the server, nested groups for a port in use.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import msgspec
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.sockets import Bound, bind_all

log = logging.getLogger("gateway.web")

GRACE = 3.0  # seconds that requests in the air get after `stop`


class Limits(msgspec.Struct, frozen=True):
    """Bytes, seconds and numbers that one listener allows."""

    body_bytes: int = 1 << 20
    body_seconds: float = 10.0  # for the whole body
    header_bytes: int = 16 * 1024
    connections: int = 1000


DEFAULTS = Limits()


async def serve(
    app: ASGIApp,
    listeners: Sequence[str],
    *,
    stop: trio.Event,
    limits: Limits = DEFAULTS,
    task_status: trio.TaskStatus[list[str]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until `stop`, then let requests in the air finish for GRACE seconds.

    Listeners: `127.0.0.1:0`, `[::1]:80`, `unix:/path` (mode 0660; a file that nobody listens on
    is replaced), `fd://3` (a listening socket that was handed over).  `task_status` gets what was
    bound: `http://127.0.0.1:41234`, `unix:/path`.  ASGI lifespan events are not sent.

    Raises ConfigError, in sentences, if an address cannot be used.
    """
    bound = await bind_all(listeners)
    try:
        async with trio.open_nursery() as handlers:
            streams: set[trio.SocketStream] = set()
            handlers.start_soon(_close_when_cancelled, streams)
            try:
                await _accept(app, bound, stop, limits, handlers, streams, task_status)
            finally:
                handlers.cancel_scope.deadline = trio.current_time() + GRACE
                if not streams:
                    handlers.cancel_scope.cancel()
    finally:
        for one in bound:
            one.close()


async def _close_when_cancelled(streams: set[trio.SocketStream]) -> None:
    """Hypercorn's sends are shielded: a peer that does not read would keep us for ever."""
    try:
        await trio.sleep_forever()
    finally:
        for stream in streams:
            stream.socket.close()


async def _accept(
    app: ASGIApp,
    bound: list[Bound],
    stop: trio.Event,
    limits: Limits,
    handlers: trio.Nursery,
    streams: set[trio.SocketStream],
    task_status: trio.TaskStatus[list[str]],
) -> None:
    config = Config()
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    config.include_server_header = False
    config.h11_max_incomplete_size = limits.header_bytes
    context = WorkerContext(None)
    wrapped = ASGIWrapper(cast(Any, Guard(app, limits)))

    # Not hypercorn.trio.serve: there, an exception that a peer's bytes raise in the protocol
    # code (HTTP/2 data for an answered request is enough) ends the server with all connections.
    async def connection(stream: trio.SocketStream) -> None:
        if len(streams) >= limits.connections:
            await stream.aclose()
            return
        streams.add(stream)
        try:
            await TCPServer(wrapped, config, context, ConnectionState({}), cast(Any, stream)).run()
        # Whatever it is, it concerns this connection alone.
        except* Exception as group:
            log.warning("a connection broke off", exc_info=_cause(group))
        finally:
            streams.discard(stream)
            if context.terminated.is_set() and not streams:
                handlers.cancel_scope.cancel()

    listening = [trio.SocketListener(trio.socket.from_stdlib_socket(one.socket)) for one in bound]
    accept = partial(trio.serve_listeners, connection, listening, handler_nursery=handlers)
    try:
        async with trio.open_nursery() as accepting:
            await accepting.start(accept)
            task_status.started([one.name for one in bound])
            await stop.wait()
            accepting.cancel_scope.cancel()
    finally:
        await context.terminated.set()  # closes idle connections


class Guard:
    """ASGI middleware: the whole body is read, in bounds, before the app runs.

    Too large is answered 413, too slow 408, a crash in the app 500; none of them has a body.  A
    crash is logged once, with its traceback and without anything that was sent.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":  # websockets: nothing here speaks them
            await send({"type": "websocket.close"})
            return
        http1 = scope["http_version"].startswith("1")
        body = await self._body(scope, receive) if http1 else 505
        if isinstance(body, bytes):
            await self._run(scope, body, receive, send)
        elif body is not None:
            await _refuse(body, receive, send, http1)

    async def _body(self, scope: Scope, receive: Receive) -> bytes | int | None:
        """The body, the status that refuses it, or None if the peer went away."""
        most = self._limits.body_bytes
        given = dict(scope["headers"])
        size = sum(len(name) + len(value) for name, value in scope["headers"])
        size += len(scope["raw_path"]) + len(scope["query_string"])
        if size > self._limits.header_bytes:
            return 431  # Hypercorn's own limit holds for what comes in more than one read
        if b"transfer-encoding" in given and b"content-length" in given:
            return 400  # two lengths: a proxy before us may have believed the other
        if int(given.get(b"content-length", b"0")) > 2 * most:
            return 413
        parts = bytearray()
        with trio.move_on_after(self._limits.body_seconds):
            # Read on for a while when it is too large: a peer that is cut off in mid-sending
            # often never sees the answer.
            while len(parts) <= 2 * most:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return None
                parts += message.get("body", b"")
                if not message.get("more_body", False):
                    break
            return bytes(parts) if len(parts) <= most else 413
        return 408

    async def _run(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        given = False
        held: list[Message] = []
        started = crashed = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def watched(message: Message) -> None:
            nonlocal started
            # Starlette sends a 500 of its own before it lets a crash go on: wait for that.
            if message.get("status") == 500 or (held and not message.get("more_body", False)):
                held.append(message)
                return
            await release()
            started = True
            await send(message)

        async def release() -> None:
            nonlocal started
            while held:
                started = True
                await send(held.pop(0))

        try:
            await self._app(scope, replay, watched)
            await release()
        # A handler's bug ends its request, not the daemon.
        except* Exception as group:
            log.error("a request handler crashed", exc_info=_cause(group))
            crashed = True
        if crashed and not started:
            await _empty(500, send)


async def _refuse(status: int, receive: Receive, send: Send, http1: bool) -> None:
    """Answer before the body has ended, and close."""

    async def drain() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    # Hypercorn waits for room in this request's queue before it closes: somebody has to read.
    async with trio.open_nursery() as nursery:
        nursery.start_soon(drain)
        await _empty(status, send, *([(b"connection", b"close")] if http1 else []))
        nursery.cancel_scope.cancel()


async def _empty(status: int, send: Send, *headers: tuple[bytes, bytes]) -> None:
    fields = [(b"content-length", b"0"), *headers]
    await send({"type": "http.response.start", "status": status, "headers": fields})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _cause(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    return group
