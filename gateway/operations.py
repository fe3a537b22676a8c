"""What the command line can do.  The same functions serve the admin socket and a command that
found no daemon running; those that only read are in questions.py.

Every operation takes and returns plain JSON values; times are UTC microseconds.  A ConfigError
is a sentence for whoever asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, cast

from gateway import __version__, ids
from gateway.assembly import Parts
from gateway.case_operations import CaseOperations
from gateway.clock import SystemClock
from gateway.context import prepared
from gateway.delivery_operations import DeliveryOperations
from gateway.errors import ConfigError
from gateway.inbound import SignUp
from gateway.keys import Keys
from gateway.ledger_operations import LedgerOperations
from gateway.linking import code_for, share_button, start_link, start_text
from gateway.message import Kind, Message, Topic
from gateway.observer_operations import ObserverOperations
from gateway.plan_operations import PlanOperations
from gateway.replacing import ReplacingOperations
from gateway.rights_operations import RightsOperations
from gateway.sender_operations import SenderOperations
from gateway.stopping import ALL, MARKETING
from gateway.store.protocol import Store
from gateway.values import said

NAME = 80
"""Longest name of who decided."""

STOPPABLE = ("queued", "leased", "held", "paused")
"""States of deliveries that a command can still keep from going out."""


class Operations(
    PlanOperations,
    LedgerOperations,
    CaseOperations,
    ObserverOperations,
    RightsOperations,
    SenderOperations,
    ReplacingOperations,
    DeliveryOperations,
):
    """All operations of one gateway: what can be asked, and what changes something."""

    def __init__(
        self,
        parts: Parts,
        store: Store,
        clock: SystemClock,
        live: Callable[[], Mapping[str, Any]] | None = None,
        landed: Callable[[tuple[int, ...]], Awaitable[None]] | None = None,
    ) -> None:
        """`live` adds what only a running daemon knows, `landed` waits for what is in the air."""
        super().__init__(parts, store, clock, live)
        self._landed = landed

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run an operation by name.  Raises ConfigError if it does not exist or does not fit."""
        method = getattr(self, f"do_{name}", None)
        if method is None:
            raise ConfigError(f"this gateway ({__version__}) knows no operation {name!r}")
        try:
            call = method(**arguments)
        except TypeError:
            raise ConfigError(f"wrong arguments for {name!r}") from None
        return await call

    # --- stopping and going on ------------------------------------------------------------------
    async def do_pause(self, reason: str = "paused by a person") -> dict[str, Any]:
        """Stop all sending; what is in the air ends."""
        await self._not_yet(ALL)
        await self._store.stop(ALL, reason, at=self._clock.micros())
        return {"paused": ALL}

    async def do_resume(self) -> dict[str, Any]:
        """Lift the stop of all sending, and what holds all marketing until a person looked."""
        at = self._clock.micros()
        held = [stop.code for stop in await self._store.stops() if stop.scope == MARKETING]
        resumed = await self._store.resume(ALL, at=at)
        marketing = await self._store.resume(MARKETING, at=at)
        return {"resumed": resumed or marketing, "marketing": held}

    async def do_backed_up(self, at: int) -> dict[str, Any]:
        """Note when the last backup was made."""
        await self._store.mark({"backup": at})
        return {"at": at}

    # --- messages -------------------------------------------------------------------------------
    async def do_message_set(self, message: str, action: str, by: str = "") -> dict[str, Any]:
        """Cancel, pause, resume or approve a message; `by` says who decided."""
        if action not in ("cancel", "pause", "resume", "approve"):
            raise ConfigError(f"a message cannot be {action}d")
        found = await self._message(message)
        number, counts = found["number"], found["counts"]
        left = sum(counts.get(state, 0) for state in STOPPABLE)
        if action in ("cancel", "pause") and found["state"] == "started" and not left:
            raise ConfigError(f"#{number} is through: nothing of it waits, nothing to {action}")
        wanted = cast(Literal["cancel", "pause", "resume", "approve"], action)
        at = self._clock.micros()
        problem = await self._store.set_message(found["id"], wanted, at=at, by=by[:NAME])
        if problem:
            raise ConfigError(problem)
        gone = sum(counts.values()) - left - counts.get("dropped", 0)
        return {"message": number, "action": action, "left": left, "gone": gone}

    async def do_send(
        self,
        external_id: str,
        text: str = "",
        title: str = "",
        link: str = "",
        image: str | None = None,
        topic: str | None = None,
        to: str | None = None,
        kind: str = "marketing",
        language: str | None = None,
        basis: str | None = None,
    ) -> dict[str, Any]:
        """Hand in a message; it goes the way of every other."""
        if kind not in ("marketing", "utility", "service"):
            raise ConfigError(f"a message of kind {kind!r} cannot be sent by hand")
        if topic is not None and topic not in self._parts.config.topics:
            known = ", ".join(self._parts.config.topics)
            raise ConfigError(f"there is no topic {topic!r}; known: {known or 'none'}")
        contact = await self._contact(to) if to else None
        message = prepared(
            Message(
                external_id=external_id, kind=cast(Kind, kind), topic=topic, language=language,
                title=title, text=text, link=link, image=image, to=contact, basis=basis,
            ),
            self._clock,
            self._parts.complete,
        )  # fmt: skip
        (taken,) = await self._store.accept("send", [message], at=self._clock.micros())
        if taken is None:
            raise ConfigError(f"a message with the id {external_id!r} was accepted before")
        found = await self._store.report("message", id=taken)
        return {"message": found["number"], "id": ids.show("m", taken)}

    async def do_link(
        self, topic: str | None = None, name: str | None = None, number: str | None = None
    ) -> dict[str, Any]:
        """Return a link that opens WhatsApp with START typed in; with `name` (an employee, a
        flyer) one whose code tells later by whose link a person came."""
        about = self._one_topic(topic)
        sender = about.sender or next(iter(self._parts.senders))
        shown = number or self._parts.senders[sender].display
        code, source = "", ""
        if name is not None:
            if not said(name) or len(name) > 40:
                raise ConfigError("--for: name who or what the link is for, in up to 40 characters")
            key = Keys(self._parts.config.keys).secret("links")
            code, source = code_for(key, about.name, said(name)), f"link {' '.join(name.split())}"
            permanent = SignUp(
                code=code, topics=(about.name,), source=source, at=self._clock.now(), reusable=True
            )
            await self._store.accept("link", (), at=self._clock.micros(), sign_ups=[permanent])
        text = start_text((about.name,), code)
        link = start_link(shown, text)
        button = self._parts.texts.say("link.button", self._parts.config.company.language)
        return {
            "link": link,
            "number": shown,
            "text": text,
            "code": code,
            "source": source,
            "button": share_button(link, button),
        }

    def _one_topic(self, name: str | None) -> Topic:
        topics = self._parts.config.topics
        opened = [one for one in topics.values() if not one.closed]
        if name is None and len(opened) == 1:
            return opened[0]
        if name is None or name not in topics:
            known = ", ".join(topics) or "none"
            there = f"there is no topic {name!r}" if name else "several topics: name one by --topic"
            raise ConfigError(f"{there}; known: {known}")
        return topics[name]
