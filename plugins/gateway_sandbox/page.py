"""The page with the phones: its files, a snapshot to start from, and everything live after it.

GET    /  ·  /page/{file}            the page; /?chat=NUMBER&text=…&phone=PHONE has text typed in
GET    /wa.me/{number}[?text=&phone=]  the same, as https://wa.me does: leads there
GET    /sandbox/phones[?find=&limit=]  `Snapshot`: the phones that match, newest webhooks
POST   /sandbox/phones               {"phone": number or user id, "label": …} → `Phone`
GET    /sandbox/events[?after=PLACE] Server-Sent Events: `Update`, or `stale`: start again
GET    /sandbox/posts/{seq}          a webhook with its body
GET    /sandbox/files/{id}           a stored picture, document, …
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import msgspec
import trio

from gateway_sandbox.chats import Change, Chats, Phone, Tone
from gateway_sandbox.fault_kinds import KINDS
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.people import parse_phone
from gateway_sandbox.server import Answer, Request, Response, Stream
from gateway_sandbox.state import State

SHOWN = 24
"""Phones in a snapshot unless asked for more or fewer."""
GATHER = 0.08
"""Seconds in which changes are gathered into one update: a page draws no faster."""
TICK = 1.0
"""Seconds after which counts are looked at again although nothing happened."""
PATIENCE = 10.0
"""Seconds that a browser may take for one update; then it has to begin anew."""
BREATH = 15.0
"""Seconds of silence after which a comment shows that the line is alive."""

_LOCAL = "http://127.0.0.1:* http://localhost:*"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    f"img-src 'self' data: blob: {_LOCAL}; media-src 'self' {_LOCAL}; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
)
"""Nothing of another machine is loaded, and no text becomes markup."""
_HEADERS = (
    ("Content-Security-Policy", POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cache-Control", "no-cache"),
)
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_SHOWABLE = ("image/jpeg", "image/png", "image/webp", "audio/", "video/")


class Snapshot(msgspec.Struct, kw_only=True):
    """What a page starts from.  `place`: go on from here with `events?after=`.  `found`: phones
    that match, of which `phones` are the first; `gone`: forgotten ones.  `business`: name and
    display number by phone number id.  `posts`: newest first.  `kinds`: `fault_kinds.KINDS`."""

    place: str
    phones: list[Phone]
    found: int
    total: int
    gone: int
    business: dict[str, dict[str, str]]
    posts: list[dict[str, Any]]
    counts: dict[str, Any]
    faults: list[Any]
    kinds: list[dict[str, Any]]


class Update(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What happened since the last one; counts and faults only if they are others than before."""

    changes: list[Change] = []
    counts: dict[str, Any] | None = None
    faults: list[Any] | None = None
    total: int = 0


class Introduction(msgspec.Struct, forbid_unknown_fields=True):
    phone: str
    label: dict[str, str] = {}
    tone: Tone | None = None


class Page:
    """Answers what belongs to the page; `counts` are those of `GET /sandbox/stats`."""

    def __init__(
        self,
        state: State,
        outbox: Outbox,
        chats: Chats,
        counts: Callable[[], dict[str, Any]],
    ) -> None:
        self._state = state
        self._outbox = outbox
        self._chats = chats
        self._counts = counts

    def handle(self, request: Request) -> Answer | None:
        """Return the answer; None if the request is for somebody else."""
        parts = [unquote(part) for part in request.path.strip("/").split("/")]
        match request.method, parts:
            case "GET" | "HEAD", [""]:
                return _asset("index.html")
            case "GET" | "HEAD", ["page", name]:
                return _asset(name)
            case "GET" | "HEAD", ["wa.me", number]:
                return _link(number, request.query)
            case "GET", ["sandbox", "phones"]:
                return self._snapshot(request.query)
            case "POST", ["sandbox", "phones"]:
                return self._introduce(request.body)
            case "GET", ["sandbox", "events"]:
                after = request.header(b"last-event-id") or _one(request.query, "after")
                return Stream(
                    lambda send: self._follow(send, after or self._place),
                    "text/event-stream",
                    (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")),
                    PATIENCE,
                )
            case "GET", ["sandbox", "posts", seq]:
                return self._post(seq)
            case "GET", ["sandbox", "files", id]:
                return self._file(id)
            case _, ["" | "page" | "wa.me", *_]:
                return _error(404, f"there is no {request.method} {request.path}")
        return None

    # --- a look ---------------------------------------------------------------------------------
    @property
    def _place(self) -> str:
        return f"{self._chats.epoch}-{self._chats.last}"

    def _snapshot(self, query: str) -> Response:
        limit = _one(query, "limit") or str(SHOWN)
        if not limit.isdecimal():
            return _error(400, "limit is a number")
        phones, found = self._chats.newest(_one(query, "find"), int(limit))
        settings = self._state.settings
        return _json(
            Snapshot(
                place=self._place,
                phones=phones,
                found=found,
                total=len(self._chats.phones),
                gone=self._chats.gone,
                business={
                    number.id: {"name": settings.verified_name, "number": number.display}
                    for number in self._state.numbers.values()
                },
                posts=[self._chats.summary(posted) for posted in reversed(self._outbox.posts)],
                counts=self._counts(),
                faults=self._faults(),
                kinds=[{"name": name, **kind._asdict()} for name, kind in KINDS.items()],
            )
        )

    def _introduce(self, body: bytes) -> Response:
        try:
            given = msgspec.json.decode(body, type=Introduction)
            return _json(self._chats.introduce(given.phone, given.label, given.tone))
        except (ValueError, msgspec.MsgspecError) as error:
            return _error(400, str(error))

    def _post(self, seq: str) -> Response:
        for posted in self._outbox.posts:
            if str(posted.seq) == seq:
                return _json(posted)
        return _error(404, "this webhook is not kept any more")

    def _file(self, id: str) -> Response:
        media = self._state.media.get(id)
        if media is None:
            return _error(404, "there is no such file, or not any more")
        shown = media.mime.startswith(_SHOWABLE)
        headers = (
            ("Content-Security-Policy", "default-src 'none'; sandbox"),
            ("X-Content-Type-Options", "nosniff"),
            ("Content-Disposition", "inline" if shown else "attachment"),
        )
        kind = media.mime if shown else "application/octet-stream"
        return Response(body=media.content, content_type=kind, headers=headers)

    def _faults(self) -> list[Any]:
        return [msgspec.to_builtins(fault) for fault in self._state.faults.active]

    # --- and on from there ----------------------------------------------------------------------
    async def _follow(self, send: Callable[[bytes], Any], after: str) -> None:
        """Send what happens after a place, until the browser goes away or falls behind."""
        chats = self._chats
        epoch, _, number = after.partition("-")
        place = int(number) if number.isdecimal() else -1
        counts = faults = None
        silent = trio.current_time()
        while True:
            changes = chats.since(place) if epoch == chats.epoch else None
            if changes is None:
                await send(b"event: stale\ndata: {}\n\n")
                return
            place += len(changes)
            before, counts = counts, self._counts()
            were, faults = faults, self._faults()
            if changes or before != counts or were != faults:
                update = Update(
                    changes=changes,
                    counts=counts if before != counts else None,
                    faults=faults if were != faults else None,
                    total=len(chats.phones),
                )
                data = msgspec.json.encode(update)
                await send(b"id: %s-%d\ndata: %s\n\n" % (epoch.encode(), place, data))
                silent = trio.current_time()
                await trio.sleep(GATHER)
            elif trio.current_time() - silent > BREATH:
                await send(b": still here\n\n")
                silent = trio.current_time()
            with trio.move_on_after(TICK):
                await chats.changed(place)


@lru_cache(maxsize=64)
def _asset(name: str) -> Response:
    """A file of the page; names lead nowhere else, as only those that exist are known."""
    folder = files("gateway_sandbox") / "page"
    for file in folder.iterdir():
        kind = _TYPES.get(name.rpartition(".")[2])
        if file.name == name and kind is not None:
            return Response(body=file.read_bytes(), content_type=kind, headers=_HEADERS)
    return _error(404, "there is no such page")


def _link(number: str, query: str) -> Response:
    """Lead to a phone in which the text of a link is typed; the person presses "send"."""
    digits = parse_phone(number)
    if digits is None:
        return _error(404, "this is no phone number")
    given = {"chat": digits} | {name: _one(query, name) for name in ("text", "phone")}
    where = urlencode({name: value for name, value in given.items() if value})
    return Response(status=302, headers=(("Location", f"/?{where}"), *_HEADERS))


def _one(query: str, name: str) -> str:
    return parse_qs(query).get(name, [""])[0]


def _json(document: object) -> Response:
    headers = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
    return Response(body=msgspec.json.encode(document), headers=headers)


def _error(status: int, text: str) -> Response:
    return Response(status=status, body=msgspec.json.encode({"error": text}))
