"""One request for a feed, and what its answer means in the operator's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal
from urllib.parse import urlsplit

import msgspec
import trio

from gateway.api import FetchError, Http, HttpResponse

from .links import web_address
from .wire import Refusal

MAX_BYTES = 2_000_000
REDIRECTS = 5
DEADLINE = 60.0  # seconds for a private feed with all its redirects; the client has its own for one
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
LONGEST_WHY = 300
MOVED = frozenset({301, 302, 303, 307, 308})
LASTING = frozenset({301, 308})

Result = Literal["not_fetched", "bad_status", "bad_document"]

UNREACHED = {
    "bad_request": "its address cannot be asked for",
    "private_address": "its address lies in a private network",
    "dns": "the name of its server is not known",
    "connect": "nobody answers at its address",
    "connect_timeout": "nobody answers at its address in time",
    "tls": "the certificate of its server is not valid",
    "reset": "the connection broke off",
    "read_timeout": "its server is silent",
    "write_timeout": "its server does not listen",
    "protocol": "the answer broke off or is no HTTP",
    "encoding": "its compression is damaged or unknown",
    "too_large": "it is larger than 2 MB",
    "redirects": "redirects lead in a circle, or there are more than 5",
    "deadline": "it took too long",
}
STATUSES = {
    401: "it asks for a password; often a bot filter",
    403: "it refuses us; often a bot filter, which has to let message-gateway pass",
    404: "there is nothing at its address",
    410: "it was taken away for good",
    429: "we ask too often, so we wait",
    503: "its server is overloaded or in repair",
}
REFUSED = {
    "not_a_feed": "it is no feed",
    "truncated": "it breaks off in the middle",
    "broken": "it is no valid XML, and no post can be found in it",
    "entities": "it declares XML entities of its own, which is refused as an attack",
    "memory": "reading it takes too much memory",
    "parser": "the parser stumbled over it",
    "crashed": "the parser died over it",
    "timeout": "reading it takes too long",
}


class Asked(msgspec.Struct, frozen=True):
    """What to ask for.  `private`: the address itself may lie in a private network; `switch` is
    what the reader would have to say for that."""

    url: str
    private: bool = False
    etag: str = ""
    modified: str = ""
    switch: str = "private = true"


class Landed(msgspec.Struct, frozen=True):
    """An HttpResponse at the end of redirects."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    moved: str | None


class Trouble(msgspec.Struct, frozen=True):
    """Why a look failed.  `status` is the HTTP status if that is the reason, else 0."""

    result: Result
    why: str
    status: int = 0


async def fetch(http: Http, asked: Asked) -> HttpResponse | Trouble:
    """Ask once and follow redirects, on every hop only to public addresses."""
    headers = {"accept": ACCEPT}
    if asked.etag:
        headers["if-none-match"] = asked.etag
    if asked.modified:
        headers["if-modified-since"] = asked.modified
    try:
        if asked.private:
            return await _private(http, asked.url, headers)
        return await http.get(
            asked.url,
            headers,
            max_bytes=MAX_BYTES,
            follow_redirects=REDIRECTS,
            public_only=True,
        )
    except FetchError as error:
        return Trouble("not_fetched", f"{_unreached(error.code, asked)} ({error})")


def _unreached(code: str, asked: Asked) -> str:
    if code != "private_address":
        return UNREACHED[code]
    if asked.private:  # which allows its own host only
        return "a redirect leads out of its host and into a private network, which is refused"
    return f"{UNREACHED[code]}, which {asked.switch} allows"


async def _private(http: Http, url: str, headers: dict[str, str]) -> HttpResponse:
    """Ask a host that may be private.  Whatever it redirects to on other hosts has to be public."""
    own = urlsplit(url).hostname
    at, moved, lasting, inside = url, None, True, True
    with trio.move_on_after(DEADLINE):
        for _ in range(REDIRECTS + 1):
            inside = inside and urlsplit(at).hostname == own
            answer = await http.get(at, headers, max_bytes=MAX_BYTES, public_only=not inside)
            where = answer.headers.get("location")
            if answer.status not in MOVED or not where:
                return Landed(answer.status, answer.headers, answer.body, at, moved)
            at = web_address(where, at)
            if not at:
                raise FetchError("bad_request", own or "")
            lasting = lasting and answer.status in LASTING
            moved = at if lasting else moved
        raise FetchError("redirects", own or "")
    raise FetchError("deadline", own or "")


def of_status(status: int) -> Trouble:
    """Return what an HTTP status other than 200 and 304 means."""
    what = STATUSES.get(status)
    return Trouble("bad_status", f"HTTP {status}" + (f": {what}" if what else ""), status)


def of_refusal(refusal: Refusal) -> Trouble:
    """Return why a document gave nothing."""
    what = REFUSED[refusal.reason]
    detail = f" ({refusal.detail})" if refusal.detail else ""
    return Trouble("bad_document", (what + detail)[:LONGEST_WHY])
