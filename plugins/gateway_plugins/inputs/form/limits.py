"""How often: posts from one address, of all together, and questions to one number."""

from __future__ import annotations

import ipaddress
from collections import deque
from collections.abc import Sequence

from starlette.requests import Request

HOUR = 3600.0
KEYS = 20_000
"""Addresses that are remembered; an attacker with more of them meets the limit for all."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Sliding:
    """At most `most` in any `window` seconds, by key; in memory, bounded."""

    def __init__(self, most: int, window: float = HOUR, keys: int = KEYS) -> None:
        self._most = most
        self._window = window
        self._keys = keys
        self._times: dict[str, deque[float]] = {}

    def wait(self, key: str, now: float) -> float:
        """Count one, and return 0; or return the seconds until one more is allowed."""
        times = self._times.pop(key, None) or deque()
        while times and times[0] <= now - self._window:
            times.popleft()
        self._times[key] = times  # the latest used last
        while len(self._times) > self._keys:
            del self._times[next(iter(self._times))]
        if len(times) >= self._most:
            return max(1.0, times[0] + self._window - now)
        times.append(now)
        return 0.0

    def __len__(self) -> int:
        return len(self._times)


def networks(proxies: Sequence[str]) -> tuple[Network, ...]:
    """Read the settings' addresses and networks."""
    return tuple(ipaddress.ip_network(proxy) for proxy in proxies)


def visitor(request: Request, proxies: Sequence[Network]) -> str:
    """Return the address of who asks, "" if unknown.

    `X-Forwarded-For` is read from its right end, where our own proxies write, as far as they are
    trusted; what stands left of that is what the visitor claims.  A unix socket is a proxy.
    """
    hops = [
        part.strip()
        for line in request.headers.getlist("x-forwarded-for")
        for part in line.split(",")
    ]
    address = request.client.host if request.client else ""
    while hops and (not address or _within(address, proxies)):
        address = hops.pop()
    return address if _parsed(address) is not None else ""


def per_visitor(address: str) -> str:
    """Return what a visitor is counted by: the address, of IPv6 its /64, which is one line."""
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
    return address


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


def _within(address: str, proxies: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    return parsed is not None and any(parsed in network for network in proxies)
