"""Sockets: listening ones, bound here or handed over, and connected ones."""

from __future__ import annotations

import errno
import os
import socket
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import trio

from gateway.errors import ConfigError

BACKLOG = 256
CHUNK = 65536  # bytes of one read
UNREAD_MS = 20_000  # a peer that takes nothing for so long is cut off by the kernel
SOCKET_UMASK = 0o117  # unix sockets: 0660
FORMS = "write 127.0.0.1:8080, [::1]:8080, unix:/path or fd://3"
WHY = {
    errno.EADDRINUSE: "another process uses this address",
    errno.EACCES: "permission denied",
    errno.EPERM: "permission denied",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.ENOENT: "the folder does not exist",
    errno.EBADF: "no such socket was handed over",
    errno.ENOTSOCK: "what was handed over is no socket",
}


class Bound:
    """A listening socket and what it is called; `close` removes the file of a unix socket."""

    def __init__(self, listening: socket.socket, path: str = "") -> None:
        self.socket = listening
        self._path = path
        self._file = os.stat(path) if path else None
        listening.setblocking(False)
        if listening.family != socket.AF_UNIX:  # inherited by what is accepted
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS)
        address = listening.getsockname()
        if listening.family == socket.AF_UNIX:
            self.name = f"unix:{address}"
        elif listening.family == socket.AF_INET6:
            self.name = f"http://[{address[0]}]:{address[1]}"
        else:
            self.name = f"http://{address[0]}:{address[1]}"

    def close(self) -> None:
        self.socket.close()
        if self._file is not None:
            with suppress(FileNotFoundError):
                if os.path.samestat(self._file, os.lstat(self._path)):  # or a successor's
                    os.unlink(self._path)


async def bind_all(listeners: Sequence[str]) -> list[Bound]:
    """Bind every listener, or none.

    Forms: `127.0.0.1:0`, `[::1]:80`, `unix:/path` (mode 0660; a file that nobody listens on is
    replaced), `fd://3`.  Raises ConfigError with a sentence for each that cannot be used.
    """
    bound: list[Bound] = []
    problems: list[str] = []
    for listener in listeners:
        try:
            bound.append(await _bind(listener))
        except OSError as error:
            why = WHY.get(error.errno or 0) or error.strerror or str(error)
            problems.append(f"cannot listen on {listener}: {why}")
        except ValueError:
            problems.append(f"cannot listen on {listener!r}: {FORMS}")
    if problems:
        for one in bound:
            one.close()
        raise ConfigError(*problems)
    return bound


async def _bind(listener: str) -> Bound:
    """Raises OSError or ValueError."""
    if listener.startswith("fd://"):
        given = socket.socket(fileno=os.dup(int(listener[5:])))
        with _closing_on_error(given):
            if not given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                raise OSError(errno.EINVAL, "what was handed over does not listen")
            return Bound(given)
    if listener.startswith("unix:"):
        return _bind_unix(listener[5:])
    host, _, port = listener.rpartition(":")
    if not host or not 0 <= int(port) <= 65535:  # the resolver would take it modulo 65536
        raise ValueError(listener)
    found = await trio.socket.getaddrinfo(
        host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, kind, proto, _, address = found[0]
    one = socket.socket(family, kind, proto)
    with _closing_on_error(one):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.listen(BACKLOG)
        return Bound(one)


def _bind_unix(path: str) -> Bound:
    one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(SOCKET_UMASK)
    try:
        with _closing_on_error(one):
            _remove_stale(path)
            one.bind(path)
            one.listen(BACKLOG)
            return Bound(one, path)
    finally:
        os.umask(before)


@contextmanager
def _closing_on_error(one: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        one.close()
        raise


def _remove_stale(path: str) -> None:
    try:
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            return  # bind() says that it is in the way
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
        except BlockingIOError:
            pass  # somebody listens, and is busy: bind() says so


class Connected(trio.abc.Stream):
    """A connected socket: a read and a write are one system call each, where nothing hinders them.

    trio's own stream tries to read before it waits, and goes through its scheduler for each
    write.  Whoever uses this must wait somewhere: a write that fits is no checkpoint.
    """

    def __init__(self, stream: trio.SocketStream) -> None:
        """Take the socket out of `stream`, which is closed from now on."""
        taken = stream.socket
        family, kind = taken.family, taken.type
        self._socket = socket.socket(family, kind, taken.proto, taken.detach())
        self._socket.setblocking(False)
        self.took = 0
        """Bytes that the system took from here so far."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what came, b"" at the end.  Raises trio.BrokenResourceError."""
        while True:
            await trio.lowlevel.wait_readable(self._socket)
            try:
                return self._socket.recv(max_bytes or CHUNK)
            except (BlockingIOError, InterruptedError):
                continue
            except OSError as error:
                raise trio.BrokenResourceError("the connection broke") from error

    def offer(self, data: bytes | bytearray | memoryview) -> int:
        """Hand over what the system takes at once, and return how much that is.  Raises
        trio.BrokenResourceError; then it took nothing."""
        try:
            took = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError as error:
            raise trio.BrokenResourceError("the connection broke") from error
        self.took += took
        return took

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Hand all of it to the system.  Raises trio.BrokenResourceError; `took` says how much
        of it was taken."""
        left = len(data) - self.offer(data)
        while left:
            await trio.lowlevel.wait_writable(self._socket)
            left -= self.offer(memoryview(data)[-left:])

    async def wait_send_all_might_not_block(self) -> None:
        """Wait until the system takes something."""
        await trio.lowlevel.wait_writable(self._socket)

    def silent(self) -> bool:
        """Tell whether the other side neither sent anything nor closed."""
        try:
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            return False
        return False

    def send_eof(self) -> None:
        """Say that no more is sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def names(self) -> tuple[object, object]:
        """Return the addresses of this side and of the other."""
        return self._socket.getsockname(), self._socket.getpeername()

    def close(self) -> None:
        """Close it at once; what the system did not take by now is not said."""
        if self._socket.fileno() >= 0:
            trio.lowlevel.notify_closing(self._socket)
            self._socket.close()

    async def aclose(self) -> None:
        """Close it."""
        self.close()
        await trio.lowlevel.checkpoint()
