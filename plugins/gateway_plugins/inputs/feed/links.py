"""Addresses: made absolute, compared without what does not matter, labelled for statistics."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import msgspec

LONGEST_ADDRESS = 2_000
_TRACKING = re.compile(
    r"(?:utm_|mtm_|pk_|wt_|at_)\w*=|"
    r"(?:fbclid|gclid|dclid|msclkid|mc_cid|mc_eid|igshid|_hsenc|_hsmi)=|(?:source|ref|from)=rss",
    re.IGNORECASE,
)


class Utm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What statistics of the web site shall say about a visit: `utm_source`, `utm_medium`, …"""

    source: str = ""
    medium: str = ""
    campaign: str = ""
    term: str = ""
    content: str = ""


def web_address(address: object, base: str = "") -> str:
    """Return an absolute http(s) address, "" if it is none."""
    if not isinstance(address, str) or not 0 < len(address) <= LONGEST_ADDRESS:
        return ""
    try:
        address = urljoin(base, "".join(address.split()))
        parts = urlsplit(address)
        if parts.scheme in {"http", "https"} and parts.hostname and address.isprintable():
            return address if len(address) <= LONGEST_ADDRESS else ""
    except ValueError:  # "http://[", a port of letters
        pass
    return ""


def bare_link(address: str) -> str:
    """Return an address without what changes while the post stays the same.

    `https://www.blog.example/a/?utm_source=rss#top` is `blog.example/a`.
    """
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return address
    query = "&".join(one for one in parts.query.split("&") if one and not _TRACKING.match(one))
    host = parts.netloc.lower().removeprefix("www.")
    return host + parts.path.rstrip("/") + ("/?" + query if query else "")


def labelled(address: str, utm: Utm, *, clean: bool) -> str:
    """Return an address with the operator's `utm_…`, in place of those of the same name.

    `clean` takes off what others track by: their `utm_…`, `fbclid`, `wt_mc`, ….
    """
    own = {f"utm_{name}": value for name, value in msgspec.structs.asdict(utm).items() if value}
    if not address or not (own or clean):
        return address
    parts = urlsplit(address)
    kept = [
        one
        for one in parts.query.split("&")
        if one and one.partition("=")[0].lower() not in own
        if not (clean and _TRACKING.match(one))
    ]
    kept += [f"{name}={quote(value, safe='')}" for name, value in own.items()]
    return urlunsplit(parts._replace(query="&".join(kept)))
