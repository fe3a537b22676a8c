"""What left is known to the byte: connections cut at every one of them, in the clear and under TLS.

Between client and server stands a cutter that counts what passes it, so that each verdict can be
held against what was really on the wire.
"""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import pytest
import trio

from gateway.errors import NotSent, Unknown
from gateway.http import Response, open_client
from tests.gateway.loopback import BODY, LENGTH, Server, make_certificate, serving
from tests.gateway.test_http import HEADERS, outcome

SIGNATURES = 4  # bytes by which an ECDSA signature, and so a handshake, may be shorter
RST = struct.pack("ii", 1, 0)


class Cutter:
    """Passes bytes on, and resets both connections after so many of them in one direction."""

    def __init__(self, url: str) -> None:
        self._port = int(url.split(":")[2].partition("/")[0])
        self.up: int | None = None
        self.down: int | None = None
        self.passed_up = self.passed_down = 0

    async def __call__(self, client: trio.SocketStream) -> None:
        self.passed_up = self.passed_down = 0
        server = await trio.open_tcp_stream("127.0.0.1", self._port)
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._pass, client, server, nursery.cancel_scope, "up")
                nursery.start_soon(self._pass, server, client, nursery.cancel_scope, "down")
        for stream in (client, server):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RST)
            await trio.aclose_forcefully(stream)

    async def _pass(
        self,
        source: trio.SocketStream,
        sink: trio.SocketStream,
        scope: trio.CancelScope,
        way: str,
    ) -> None:
        passed = f"passed_{way}"
        with suppress(trio.BrokenResourceError):
            while True:
                most = getattr(self, way)
                left = 65536 if most is None else most - getattr(self, passed)
                data = await source.receive_some(left) if left else b""
                if not data:
                    break
                await sink.send_all(data)
                setattr(self, passed, getattr(self, passed) + len(data))
        scope.cancel()


class Scene:
    """A client, a cutter and a server.  `before`: bytes of a handshake, up and down."""

    def __init__(self, cutter: Cutter, server: Server, url: str, trust: ssl.SSLContext) -> None:
        self.cutter, self.server, self.url = cutter, server, url
        self._trust = trust
        self.before = (0, 0)

    async def post(self) -> Response | NotSent | Unknown:
        """One send over a new connection."""
        self.server.requests.clear()
        async with open_client(trust=self._trust) as client:
            result = await outcome(client, self.url)
        assert isinstance(result, Response | NotSent | Unknown)
        await trio.testing.wait_all_tasks_blocked()
        return result


@asynccontextmanager
async def scene(tls: bool, folder: Path) -> AsyncIterator[Scene]:
    server = Server()
    server.answer = LENGTH.replace(b"X-A: 1\r\nx-a: 2\r\n", b"")
    handshakes: list[tuple[int, int]] = []
    cutters: list[Cutter] = []
    certificate = make_certificate(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def over_tls(stream: trio.SocketStream) -> None:
        inner = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        with suppress(trio.BrokenResourceError):
            await inner.do_handshake()
            handshakes.append((cutters[0].passed_up, cutters[0].passed_down))
            await server(inner)  # type: ignore[arg-type]

    async with serving(over_tls if tls else server) as behind:
        cutters.append(Cutter(behind))
        async with serving(cutters[0]) as url:
            url = url.replace("http://127.0.0.1", "https://localhost") if tls else url
            trust = ssl.create_default_context(cafile=str(certificate))
            found = Scene(cutters[0], server, url, trust)
            assert isinstance(await found.post(), Response)
            if tls:
                found.before = handshakes[0]
            yield found


def places(before: int, whole: int) -> list[int]:
    """Every byte of request or answer, and some of the handshake before it."""
    return [*range(0, before, 41), *range(before, whole)]


@pytest.mark.parametrize("tls", [False, True])
async def test_a_reset_at_every_byte_that_goes_up(tls: bool, tmp_path: Path) -> None:
    """Never *not sent* if a byte of the request came out of the client; never an answer."""
    async with scene(tls, tmp_path) as it:
        (handshake, _), whole = it.before, it.cutter.passed_up
        kinds = set()
        for it.cutter.up in places(handshake, whole):
            result = await it.post()
            kinds.add(type(result))
            sent = it.cutter.passed_up - handshake
            if isinstance(result, NotSent):
                assert sent <= 0, it.cutter.up
                assert not it.server.requests, it.cutter.up
            else:
                assert isinstance(result, Unknown), it.cutter.up
        # The client's last word of a handshake and its request leave together (RFC 8446, 2): cut
        # there, nobody knows.  Cut before that, nothing left.
        assert Unknown in kinds
        assert not tls or NotSent in kinds


@pytest.mark.parametrize("tls", [False, True])
async def test_a_reset_at_every_byte_that_comes_down(tls: bool, tmp_path: Path) -> None:
    """An answer counts if it is whole, and nothing is taken for one that is not."""
    async with scene(tls, tmp_path) as it:
        (_, handshake), whole = it.before, it.cutter.passed_down
        for it.cutter.down in places(handshake, whole):
            result = await it.post()
            if isinstance(result, NotSent):
                assert not it.server.requests, it.cutter.down
            elif it.cutter.down < whole - SIGNATURES * tls:
                assert isinstance(result, Unknown), it.cutter.down
        it.cutter.down = None
        assert isinstance(await it.post(), Response)


async def test_a_connection_that_died_while_it_rested_is_not_sent() -> None:
    """If the system takes no byte, none has left: it can go again, and no person has to look."""
    server = Server()
    async with serving(server) as url, open_client(connections=1) as client:
        await outcome(client, url)
        ((_, line),) = client._sends._resting
        line._socket._socket.shutdown(socket.SHUT_WR)  # what a reset does to the next write
        result = await outcome(client, url)
        assert isinstance(result, NotSent)
        assert (result.code, len(server.requests)) == ("reset", 1)
        assert isinstance(await outcome(client, url), Response), "over a new connection"


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_an_answer_in_pieces_is_whole(size: int) -> None:
    """However the network cuts a plain answer, it is read to its end and the connection kept."""
    answer = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 300\r\n\r\n" + b"x" * 300
    )

    async def pieces(stream: trio.SocketStream) -> None:
        for _ in range(2):
            came = b""
            while not came.endswith(BODY):
                came += await stream.receive_some(65536)
            for at in range(0, len(answer), size):
                await stream.send_all(answer[at : at + size])
                await trio.lowlevel.checkpoint()

    async with serving(pieces) as url, open_client(connections=1) as client:
        for _ in range(2):
            result = await client.post(url, BODY, HEADERS)
            assert (result.status, result.body) == (200, b"x" * 300)


async def test_the_warmest_connection_is_used_again() -> None:
    """Of many connections that rest, the one used last: none is opened, and none looked for."""
    server = Server()
    async with serving(server) as url, open_client(connections=200) as client:
        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(partial(outcome, client, url))
        opened = server.connections
        for _ in range(50):
            assert isinstance(await outcome(client, url), Response)
        assert server.connections == opened, "the warm ones are used again"
