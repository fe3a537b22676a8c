"""The one place that makes HTTP clients; every failure gets a name.

A send (`Client.post`) ends in one of three ways: a Response, `NotSent` (surely no byte of the
request left) or `Unknown` (a byte may have left and no complete answer came).  Nothing is ever
repeated here.  Reads (`Client.get`) are capped in size and time and fail with `FetchError`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from functools import lru_cache

import h11
import httpx
import msgspec
import trio

from gateway.errors import GatewayError, NotSent, Unknown
from gateway.posting import Address, Lines, Post, Watch
from gateway.wire import FAILURES, Connections, Deadlines, Failed, Reason, Response, reason_of

__all__ = ["Client", "Deadlines", "FetchError", "Reason", "Response", "first_byte", "open_client"]

# Set it round a send: called at most once, with unix seconds, just before the first byte of the
# request is handed to the socket, also if the request then fails or is cancelled.  If it was not
# called, nothing left.
first_byte: ContextVar[Callable[[float], None] | None] = ContextVar("first_byte", default=None)

USER_AGENT = "message-gateway"
DEFAULTS = Deadlines()
RETRY_AFTER = 1.0  # seconds; what NotSent proposes
SENDS = 256  # connections: what makes 1000 a second if an answer takes a quarter of one
READS = 10  # connections for reads, apart from those for sends: a slow feed delays no message
ANSWER_BYTES = 1 << 20
READ_BYTES = 2_000_000
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PERMANENT = frozenset({301, 308})
# What trying again does not mend.
FINAL: frozenset[Reason] = frozenset(
    {"bad_request", "private_address", "encoding", "too_large", "redirects"}
)
# What another host may see of a read's headers when the first one redirects to it.
HARMLESS = frozenset(
    {"accept", "accept-language", "user-agent", "if-none-match", "if-modified-since"}
)
OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})
# Not private to the ipaddress module, and yet they lead inside: addresses that hold an IPv4 one,
# a network's own translation of those (RFC 8215), and what was site-local (RFC 3879).
INSIDE = tuple(map(ipaddress.IPv6Network, ("::/96", "64:ff9b:1::/48", "fec0::/10")))
TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")  # the last 32 bits are an IPv4 address, RFC 6052
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")


class FetchError(GatewayError):
    """A read failed.  `retryable`: the same read may succeed later."""

    def __init__(self, code: Reason, host: str) -> None:
        super().__init__(f"{code}: {host}" if host else code)
        self.code: Reason = code
        self.retryable = code not in FINAL


class Client:
    """Sends and reads over kept connections, for many tasks at once.  Made by `open_client`."""

    def __init__(
        self,
        sends: Lines,
        reads: Connections,
        deadlines: Deadlines,
        user_agent: str,
        clock: Callable[[], float],
    ) -> None:
        self._sends = sends
        self._reads = reads
        self._deadlines = deadlines
        self._user_agent = user_agent
        self._clock = clock
        # What an output sends differs in its body alone.
        self._head = lru_cache(maxsize=128)(self._post_head)

    async def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        deadlines: Deadlines | None = None,
        max_bytes: int = ANSWER_BYTES,
        public_only: bool = False,
    ) -> Response:
        """Send once.  Any status is a Response, redirects too: they are not followed.

        `public_only` refuses a host whose addresses are not all public, as in `get`.

        Raises NotSent if surely no byte of the request left, Unknown if one may have left and no
        complete answer of at most `max_bytes` came; their `code` is a Reason.  If it is
        cancelled, `first_byte` having been called says that bytes may have left.
        """
        watch = Watch(deadlines or self._deadlines, self._telling())
        failure: Reason | None = None
        host = ""
        with watch:
            try:
                address = _address(url)
                host = address.host
                head, raw = self._head(url, tuple(headers.items()), len(content))
                if public_only:
                    at = await _public_address(address.url)
                    # Under a name of its own: a kept connection was perhaps never checked.
                    address = msgspec.structs.replace(
                        address, at=at, origin=f"{address.origin} at {at}"
                    )
                return await self._sends.post(Post(address, head, raw, content, max_bytes), watch)
            except* FAILURES as group:
                failure = reason_of(group)
        failure = failure or watch.too_slow()
        if watch.left:
            raise Unknown(failure, f"no complete answer from {host}")
        again = None if failure in FINAL else RETRY_AFTER
        raise NotSent(failure, f"nothing was sent to {host}", retry_after=again)

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        max_bytes: int = READ_BYTES,
        follow_redirects: int = 0,
        deadlines: Deadlines | None = None,
        public_only: bool = False,
    ) -> Response:
        """Read.  `max_bytes` caps the body, as it comes and as it is after decompression.

        At most `follow_redirects` redirects are followed, and only harmless headers go to
        another origin; with 0 the redirect itself is the Response.  `public_only` refuses on
        each hop a host whose addresses are not all public, and connects to what was checked.
        The total deadline covers all of it.  Raises FetchError.
        """
        limits = deadlines or self._deadlines
        failure: Reason = "deadline"
        headers = headers or {}
        host = ""
        with trio.move_on_after(limits.total):
            try:
                address = _address(url)
                moved: str | None = None
                lasting = True
                for _ in range(follow_redirects + 1):
                    host = address.host
                    fields = self._headers(address.url, headers, "gzip")
                    request = httpx.Request("GET", address.url, headers=fields)
                    if public_only:
                        await _pin(request)
                    response = await self._reads.exchange(
                        request, address.origin, limits, max_bytes
                    )
                    where = response.headers.get("location")
                    if not follow_redirects or response.status not in REDIRECTS or not where:
                        return msgspec.structs.replace(response, url=str(address.url), moved=moved)
                    before = address.origin
                    address = _address(str(address.url.join(where)))
                    if address.origin != before:
                        headers = {k: v for k, v in headers.items() if k.lower() in HARMLESS}
                    lasting = lasting and response.status in PERMANENT
                    moved = str(address.url) if lasting else moved
                failure = "redirects"
            except* FAILURES as group:
                failure = reason_of(group)
        raise FetchError(failure, host)

    def _post_head(
        self, url: str, given: tuple[tuple[str, str], ...], length: int
    ) -> tuple[h11.Request, bytes]:
        """The head, and how h11 writes it.  Raises Failed if a header cannot be sent."""
        target = _address(url).url
        fields = self._headers(target, dict(given), "identity")
        fields.append(("content-length", str(length)))
        head = h11.Request(method="POST", target=target.raw_path, headers=fields)
        return head, h11.Connection(h11.CLIENT).send(head) or b""

    def _telling(self) -> Callable[[], None]:
        told = first_byte.get()
        return (lambda: told(self._clock())) if told is not None else lambda: None

    def _headers(
        self, url: httpx.URL, given: Mapping[str, str], encoding: str
    ) -> list[tuple[str, str]]:
        headers = {
            "host": url.netloc.decode("ascii"),
            "user-agent": self._user_agent,
            "accept": "*/*",
            "accept-encoding": encoding,
        }
        for name, value in given.items():
            key = name.lower()
            # h11 would refuse it too, but only after the request counts as begun.
            if key in OURS or not _NAME.fullmatch(key) or not _VALUE.fullmatch(value):
                raise Failed("bad_request")
            headers[key] = value
        return list(headers.items())


@asynccontextmanager
async def open_client(
    *,
    connections: int = SENDS,
    deadlines: Deadlines = DEFAULTS,
    user_agent: str = USER_AGENT,
    trust: ssl.SSLContext | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Client]:
    """A client for the length of the block.

    `connections` limits the sends in the air; more wait their turn while their deadline runs.
    `trust` is the TLS context, by default with the system's authorities.  `clock` gives the unix
    seconds of `first_byte`.  Proxy settings of the environment are not used.
    """
    trust = trust or ssl.create_default_context()
    sends, reads = Lines(connections, trust), Connections(READS, trust)
    try:
        yield Client(sends, reads, deadlines, user_agent, clock)
    finally:
        with trio.CancelScope(shield=True):  # closing a socket waits for nobody
            sends.close()
            await reads.aclose()


@lru_cache(maxsize=256)
def _address(url: str) -> Address:
    """Raises Failed or httpx.InvalidURL."""
    parsed = httpx.URL(url)
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise Failed("bad_request")
    return Address(
        url=parsed,
        origin=f"{parsed.scheme}://{parsed.netloc.decode('ascii')}",
        host=parsed.raw_host.decode("ascii"),
        port=parsed.port or (443 if parsed.scheme == "https" else 80),
        tls=parsed.scheme == "https",
    )


async def _pin(request: httpx.Request) -> None:
    """Point the request at an address that was checked.  Raises Failed or OSError."""
    url = request.url
    request.url = url.copy_with(host=await _public_address(url))
    request.extensions["sni_hostname"] = url.raw_host.decode("ascii")
    # A kept connection is known by its address, and another name may live there too.
    request.headers["connection"] = "close"


async def _public_address(url: httpx.URL) -> str:
    """Return an address of the host, all of whose are public.  Raises Failed or OSError."""
    port = url.port or (443 if url.scheme == "https" else 80)
    found = await trio.socket.getaddrinfo(
        url.host, port, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    if not addresses or not all(_public(address) for address in addresses):
        raise Failed("private_address")
    return str(addresses[0])


def _public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if any(address in network for network in INSIDE):
            return False
        inner = ipaddress.IPv4Address(address.packed[-4:]) if address in TRANSLATED else None
        address = inner or address.ipv4_mapped or address.sixtofour or address
    return address.is_global and not address.is_multicast
