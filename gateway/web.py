"""Serve an ASGI app on addresses, unix sockets and inherited sockets.

`serve` is all that the rest uses.  An app gets a request only when it is there as a whole, and
in bounds (`gateway.peer`); an app that crashes ends one answer, not the server.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import unquote

import h11
import trio
from starlette.types import ASGIApp, Message, Scope

from gateway.crowd import Crowd, Limits
from gateway.peer import CLOSE, Peer, Request, dated, empty
from gateway.plain import Field, Head
from gateway.sockets import Connected, bind_all

__all__ = ["GRACE", "Limits", "serve"]

log = logging.getLogger("gateway.web")

GRACE = 3.0  # seconds that requests in the air get after `stop`
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
    server = _Server(app, limits)
    listening = [trio.SocketListener(trio.socket.from_stdlib_socket(one.socket)) for one in bound]
    try:
        async with trio.open_nursery() as handlers:
            accept = partial(
                trio.serve_listeners, server.connection, listening, handler_nursery=handlers
            )
            async with trio.open_nursery() as accepting:
                await accepting.start(accept)
                task_status.started([one.name for one in bound])
                await stop.wait()
                accepting.cancel_scope.cancel()
            server.stop()
            handlers.cancel_scope.deadline = trio.current_time() + GRACE
    finally:
        for one in bound:
            one.close()


class _Server:
    """What the connections of one `serve` share."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._crowd = Crowd(limits)
        self._open = 0
        self._stopping = False

    def stop(self) -> None:
        """Close what is idle; the others close when they have answered."""
        self._stopping = True
        for scope in self._crowd.idle:
            scope.cancel()

    async def connection(self, stream: trio.SocketStream) -> None:
        """Serve one peer; whatever happens concerns this connection alone."""
        if self._open >= self._limits.connections and not self._crowd.give_up():
            return
        self._open += 1
        connected = Connected(stream)
        try:
            with trio.CancelScope() as scope:
                peer = Peer(connected, self._limits, self._crowd, scope)
                while (request := await peer.request()) is not None:
                    await self._run(peer, request)
                    if self._stopping or not peer.again():
                        break
        except* (OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # it went away
        except* Exception as group:
            log.warning("a connection broke off", exc_info=_cause(group))
        finally:
            self._open -= 1
            connected.close()

    async def _run(self, peer: Peer, request: Request) -> None:
        """Let the app answer.  A crash is a 500 without a body, logged once, without what came."""
        answer = _Answer(peer, request.head.method == b"HEAD", lambda: self._stopping)
        bodies = [request.body]

        async def receive() -> Message:
            if bodies:
                return {"type": "http.request", "body": bodies.pop(), "more_body": False}
            await peer.hung_up()
            return {"type": "http.disconnect"}

        crash: BaseException | None = None
        try:
            await self._app(_scope(peer, request.head), receive, answer)
            await answer.release()
        except* Exception as group:  # noqa: BLE001 - a handler's bug ends its request, no more
            crash = group
        if crash is not None and not answer.broken:
            log.error("a request handler crashed", exc_info=_cause(crash))
            if not answer.started:
                await peer.send(*empty(500))


class _Answer:
    """ASGI's `send` for one request."""

    def __init__(self, peer: Peer, head_only: bool, last: Callable[[], bool]) -> None:
        self._peer = peer
        self._head_only = head_only
        self._last = last
        self._held: list[Message] = []
        self._start: Message | None = None
        self.started = self.broken = False

    async def __call__(self, message: Message) -> None:
        # Starlette sends a 500 of its own before it lets a crash go on: wait for that.
        if message.get("status") == 500 or self._held:
            self._held.append(message)
        else:
            await self._send(message)

    async def release(self) -> None:
        """The app did not crash: send what was held back."""
        for message in self._held:
            await self._send(message)

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = message
            return
        start, self._start = self._start, None
        body, more = message.get("body", b""), message.get("more_body", False)
        whole: bytes | None = None
        if start is not None and not more:
            whole = self._peer.plainly(start["status"], self._fields(start), body)
        events = [] if whole is not None else self._events(start, body, more)
        self.started = True
        try:
            await (self._peer.send(*events) if whole is None else self._peer.say(whole))
        except trio.BrokenResourceError as error:
            self.broken = True
            raise OSError("the peer went away") from error  # as ASGI 2.4 asks for

    def _fields(self, start: Message) -> list[Field]:
        return [*start.get("headers", ()), *([CLOSE] if self._last() else [])]

    def _events(self, start: Message | None, body: bytes, more: bool) -> list[h11.Event]:
        """A part of an answer, the first one with its head."""
        events: list[h11.Event] = []
        if start is not None:
            fields = [*self._fields(start), dated()]
            events.append(h11.Response(status_code=start["status"], headers=fields))
        if not self._head_only:
            events.append(h11.Data(data=body))
        if not more:
            events.append(h11.EndOfMessage())
        return events


def _scope(peer: Peer, head: Head) -> Scope:
    path, _, query = head.target.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": head.version.decode("ascii"),
        "method": head.method.decode("ascii"),
        "scheme": "http",
        "path": unquote(path.decode("ascii")),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": head.fields,
        "server": peer.server,
        "client": peer.client,
    }


def _cause(group: BaseException) -> BaseException:
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    return group
