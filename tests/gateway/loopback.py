"""A server on loopback that cuts connections at any byte; for the tests of HTTP."""

from __future__ import annotations

import socket
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

BODY = b'{"to":"nobody"}'
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\nX-A: 1\r\nx-a: 2\r\n\r\nabcdef"


class Server:
    """Takes one connection after the other, and cuts each where it is told to.

    `take`: cut after so many bytes of a request (None: never); `give`: after so many bytes of
    the answer.  `reset`: cut by RST instead of FIN.
    """

    def __init__(self, answer: bytes = LENGTH) -> None:
        self.answer = answer
        self.take: int | None = None
        self.give: int | None = None
        self.reset = False
        self.requests: list[bytearray] = []
        self.connections = 0
        self.open = self.most_open = 0
        self.url = ""

    async def __call__(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        try:
            with suppress(trio.BrokenResourceError):
                while await self.receive(stream):
                    give = self.give  # the test may change it as soon as the answer came
                    await stream.send_all(self.answer[:give])
                    if give is not None:
                        return await self.cut(stream)
        finally:
            self.open -= 1
            await trio.aclose_forcefully(stream)
        return None

    async def receive(self, stream: trio.abc.ReceiveStream) -> bool:
        request = bytearray()
        while not request.endswith(BODY):
            left = 65536 if self.take is None else self.take - len(request)
            data = await stream.receive_some(left) if left else b""
            if not data:
                if not left:
                    await self.cut(stream)
                return False
            if not request:
                self.requests.append(request)
            request += data
        return True

    async def cut(self, stream: Any) -> None:
        if self.reset:
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        await stream.send_eof()  # a FIN; closing with bytes unread would send an RST
        while await stream.receive_some(65536):
            pass


@asynccontextmanager
async def serving(
    server: Callable[[trio.SocketStream], Awaitable[Any]],
) -> AsyncIterator[str]:
    async with trio.open_nursery() as nursery:
        listening = await nursery.start(partial(trio.serve_tcp, server, 0, host="127.0.0.1"))
        url = f"http://127.0.0.1:{listening[0].socket.getsockname()[1]}/v1/messages"
        if isinstance(server, Server):
            server.url = url
        yield url
        nursery.cancel_scope.cancel()


def make_certificate(folder: Path) -> Path:
    """A file with key and certificate of localhost; skips the test where openssl is missing."""
    path = folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-keyout", str(path), "-out", f"{path}.crt", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=30)
    except FileNotFoundError:
        pytest.skip("needs openssl to make a certificate")
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path
