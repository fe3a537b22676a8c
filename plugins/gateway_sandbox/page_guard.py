"""Who may use the sandbox's own pages and API: people on this machine, never another web site.

A page somewhere in the web can make a visitor's browser send requests to this machine.  It cannot
forge `Origin` and `Sec-Fetch-Site`, nor send JSON without asking first; and a name of its own that
suddenly leads here (DNS rebinding) shows in `Host`.  Tools that are no browser send none of these.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

import msgspec

from gateway_sandbox.server import Request, Response

_SAFE = ("GET", "HEAD")
_OURS = (None, "same-origin", "none")


def refuse(request: Request, listening: str) -> Response | None:
    """Return the answer to a request that a foreign page may have caused; None: let it in.

    `listening`: the host name or address that the sandbox listens on.
    """
    host = request.header(b"host") or ""
    if not _is_ours(host, listening):
        return _refusal(403, f"Host {host!r} is not a name of this machine: use its IP address")
    if request.method in _SAFE:
        return None
    origin = request.header(b"origin")
    if origin is not None and origin != f"http://{host}":
        return _refusal(403, "another web site may not change anything here")
    if request.header(b"sec-fetch-site") not in _OURS:
        return _refusal(403, "another web site may not change anything here")
    kind = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if kind not in ("", "application/json"):
        return _refusal(415, "send JSON, with Content-Type: application/json")
    return None


def _is_ours(host: str, listening: str) -> bool:
    """An address cannot be rebound; of the names only those that lead here by definition."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name in ("localhost", listening.lower()) or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _refusal(status: int, text: str) -> Response:
    return Response(status=status, body=msgspec.json.encode({"error": text}))
