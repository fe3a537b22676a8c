"""What went over the wire, as the sandboxes saw it: the one truth that the oracle judges by.

Taps sit on both ends of a sandbox: between its server and its API (every send, whatever becomes of
it), and where its webhooks leave (every status and message, and how it was answered).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from bisect import bisect
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gateway_sandbox.client import Poster
from gateway_sandbox.connection import Answer, Request, Response
from gateway_sandbox.dispatch import Answered
from gateway_sandbox.events import Accepted, Event
from gateway_sandbox.leaving import Post
from gateway_sandbox.serve import Sandbox

MARK = re.compile(r"(Beitrag|Bestellung) [0-9]+[a-z]*")
"""What a message is recognised by, wherever it stands in a body."""

Happened = Callable[[str, "Sent | None"], None]
"""Told of `arrived`, `accepted`, `answering` (of a send), `posting` and `posted` (webhooks)."""


@dataclass(slots=True)
class Sent:
    """One request that asked for a message, from its first byte to the end of its answer.

    `what`: the mark of the message, or a hash of what it says.  Times are unix seconds;
    `first_byte` is the kernel's; it came at most `unsure` seconds earlier.  `ahead`: so many
    seconds were they ahead of the steady clock, by which limits are kept, when it came: somebody
    may set the machine's clock.
    """

    sender: str
    contact: str
    callback: str
    what: str
    marketing: bool
    first_byte: float
    ahead: float = 0.0
    unsure: float = 0.0
    wamid: str | None = None
    refused: int | None = None
    """The Graph code that it was refused with."""
    answered: bool = False
    """A whole answer that means something was handed to the connection."""
    ended: float = float("inf")


@dataclass(slots=True)
class Told:
    """One status on its way: when it first left, and when it was first answered 200, by the
    kernel's clock."""

    code: int | None = None
    left: float = float("inf")
    heard: float | None = None


@dataclass
class Wire:
    """The log of all sandboxes of a campaign."""

    sends: list[Sent] = field(default_factory=list)
    statuses: dict[tuple[str, str], Told] = field(default_factory=dict)
    """By (wamid, name)."""
    inbound: dict[str, float | None] = field(default_factory=dict)
    """Message id of what a person wrote → when it was first answered 200."""
    switched: dict[str, float | None] = field(default_factory=dict)
    """Who stopped by WhatsApp's own switch → the same."""
    posts: int = 0
    happened: Happened = lambda name, sent: None
    deaths: list[float] = field(default_factory=list)
    """When each life of the gateway was over, but the last: a process that is killed goes on
    sending until it has ended, tens of milliseconds on a busy machine."""
    strangers: int = 0
    """Requests of another gateway, which are refused: one that was left over, and its sandbox gone."""
    hung_up: int = 0
    """Connections that ended unannounced behind an answer; each may have swallowed a request."""
    backed_up: float | None = None
    restored: float | None = None
    """When a backup began, and when it had been put back."""

    def write(self, file: Path) -> None:
        """Write it all down, for who looks for the cause of something: a JSON line each."""
        with file.open("w", encoding="utf-8") as lines:
            for sent in self.sends:
                print(json.dumps(asdict(sent)), file=lines)
            for (wamid, status), told in self.statuses.items():
                print(json.dumps({"wamid": wamid, "status": status, **asdict(told)}), file=lines)
            for wamid, heard in self.inbound.items():
                print(json.dumps({"inbound": wamid, "heard": heard}), file=lines)
            print(json.dumps({"killed": self.deaths, "backed_up": self.backed_up,
                              "restored": self.restored}), file=lines)  # fmt: skip

    @property
    def clock_moved(self) -> float:
        """Seconds by which the machine's clock moved against the steady one."""
        ahead = [sent.ahead for sent in self.sends]
        return max(ahead, default=0.0) - min(ahead, default=0.0)

    def life(self, sent: Sent) -> int:
        """Which life of the gateway sent it, from 0."""
        return bisect(self.deaths, sent.first_byte)

    def killed(self, sent: Sent) -> bool:
        """Did the life that sent it end by a kill?"""
        return self.life(sent) < len(self.deaths)

    def dying(self, sent: Sent, seconds: float) -> bool:
        """Was it killed before this was answered, or less than so many seconds later?"""
        life = self.life(sent)
        return life < len(self.deaths) and self.deaths[life] < sent.ended + seconds

    def unsure(self, sent: Sent, seconds: float) -> bool:
        """May nobody know any more how this ended: a kill, or a restore, so soon after it?"""
        return self.dying(sent, seconds) or any(
            self.forgotten(at) for at in (sent.first_byte, sent.ended, sent.ended + seconds)
        )

    def forgotten(self, at: float) -> bool:
        """Is this a moment of which a restore left nothing but the replay file?"""
        if self.backed_up is None or self.restored is None:
            return False
        return self.backed_up < at < self.restored

    def tap(self, sender: str, sandbox: Sandbox) -> None:
        """Listen to a sandbox, from before its first request."""
        open_ones: dict[str, Sent] = {}
        sandbox.state.listeners[:] = [lambda event: self._notice(event, open_ones)]
        server, dispatch = sandbox.server, sandbox.outbox._dispatch
        inner, post = server._handler, dispatch.post
        ours = f"Bearer {sandbox.state.settings.token}"

        async def handle(request: Request) -> Answer:
            if request.method != "POST" or not request.path.endswith("/messages"):
                return await inner(request)
            if request.header(b"authorization") != ours:
                self.strangers += 1
                return await inner(request)
            sent = self._arrived(sender, request)
            open_ones[sent.callback] = sent
            self.happened("arrived", sent)
            answer = await inner(request)
            sent.ended = time.time()
            _outcome(sent, answer)
            self.hung_up += isinstance(answer, Response) and answer.close
            self.happened("answering", sent)
            return answer

        async def posted(poster: Poster, one: Post) -> Answered:
            parts = _parts(one.body)
            now = time.time()
            for key, code in parts.statuses:
                told = self.statuses.setdefault(key, Told(code))
                told.left = min(told.left, now)
            for wamid in parts.inbound:
                self.inbound.setdefault(wamid, None)
            for contact in parts.switched:
                self.switched.setdefault(contact, None)
            self.happened("posting", None)
            answer = await post(poster, one)
            if answer[0] == 200:
                self._heard(parts, poster.answered)
            self.happened("posted", None)
            return answer

        server._handler = handle
        dispatch.post = posted  # type: ignore[method-assign]

    def _notice(self, event: Event, open_ones: dict[str, Sent]) -> None:
        if isinstance(event, Accepted):
            sent = open_ones.get(event.received.callback_data or "")
            if sent is not None:
                sent.wamid = event.received.wamid
                self.happened("accepted", sent)

    def _arrived(self, sender: str, request: Request) -> Sent:
        body = json.loads(request.body)
        payload = body.get(body.get("type"))
        text = json.dumps(payload, ensure_ascii=False)
        mark = MARK.search(text)
        sent = Sent(
            sender=sender,
            contact=body.get("to") or body.get("recipient") or "",
            callback=body.get("biz_opaque_callback_data") or "",
            what=mark[0] if mark else hashlib.sha256(text.encode()).hexdigest()[:16],
            marketing=mark is not None and mark[1] == "Beitrag",
            first_byte=request.first_byte,
            ahead=time.time() - time.monotonic(),
            unsure=request.unsure,
        )
        self.sends.append(sent)
        return sent

    def _heard(self, parts: _Parts, at: float) -> None:
        self.posts += 1
        for key, _ in parts.statuses:
            told = self.statuses[key]
            told.heard = min(told.heard or at, at)
        for log, names in ((self.inbound, parts.inbound), (self.switched, parts.switched)):
            for name in names:
                log[name] = min(log[name] or at, at)


@dataclass(slots=True)
class _Parts:
    statuses: list[tuple[tuple[str, str], int | None]] = field(default_factory=list)
    inbound: list[str] = field(default_factory=list)
    switched: list[str] = field(default_factory=list)


def _parts(body: bytes) -> _Parts:
    """What a webhook's body tells."""
    found = _Parts()
    for entry in json.loads(body)["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            for status in value.get("statuses", ()):
                errors = status.get("errors")
                code = errors[0]["code"] if errors else None
                found.statuses.append(((status["id"], status["status"]), code))
            if change["field"] == "messages":
                found.inbound += [one["id"] for one in value.get("messages", ())]
            for one in value.get("user_preferences", ()):
                if one["value"] == "stop":
                    found.switched.append(f"+{one['wa_id']}")
    return found


def _outcome(sent: Sent, answer: Answer) -> None:
    """Note what the answer says; one that is cut or no JSON says nothing."""
    if not isinstance(answer, Response) or answer.cut is not None:
        return
    try:
        said = json.loads(answer.body)
    except ValueError:
        return
    if answer.status == 200:
        sent.answered = bool(said.get("messages", [{}])[0].get("id"))
    else:
        sent.refused = said["error"]["code"]
        sent.answered = True
