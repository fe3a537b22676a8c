"""What the daemon gives a plugin: its context.  Implements Context."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

import msgspec
import trio

from gateway import answering
from gateway.clock import SystemClock
from gateway.config import GatewayConfig
from gateway.errors import ConfigError, StoreFull
from gateway.given import Answered, Health, MessageView, Preview, Said
from gateway.ids import new_id
from gateway.inbound import (
    Case,
    Close,
    Contact,
    Effect,
    Intake,
    Person,
    Preference,
    Received,
    SignUp,
)
from gateway.mailing import letter, send_mail
from gateway.message import Identity, Message
from gateway.plans import Plan
from gateway.senders import Senders
from gateway.services import Http, Links, PluginMetrics, Texts
from gateway.store.protocol import Store
from gateway.values import phone

T = TypeVar("T")

FULL_PAUSE = 0.5
"""Seconds an input waits before it offers again what the full store refused."""

somebody_waits: ContextVar[bool] = ContextVar("somebody_waits", default=False)
"""Whether a request is being answered: its sender is told to come again, and does not wait."""


async def taken(write: Callable[[], Awaitable[T]]) -> T:
    """Offer something to the store until it takes it.  Raises StoreFull in a request."""
    while True:
        try:
            return await write()
        except StoreFull:
            if somebody_waits.get():
                raise
            await trio.sleep(FULL_PAUSE)


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Puts the plugin's label before its lines."""

    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[object, MutableMapping[str, Any]]:
        label = self.extra["label"] if self.extra else ""
        return f"{label}: {msg}", kwargs


class _State:
    def __init__(self, store: Store, label: str) -> None:
        self._store = store
        self._label = label

    async def get(self, key: str) -> bytes | None:
        return await self._store.get_state(self._label, key)

    async def put(self, values: Mapping[str, bytes | None]) -> None:
        await taken(lambda: self._store.put_state(self._label, values))


class Shared(msgspec.Struct, frozen=True, kw_only=True):
    """What the contexts of all plugins of one gateway share."""

    config: GatewayConfig
    store: Store
    http: Http
    clock: SystemClock
    stop_words: frozenset[str]
    texts: Texts
    links: Links
    complete: Callable[[Message], Message]
    take: Callable[[Intake], Awaitable[object]]
    landed: Callable[[tuple[int, ...]], Awaitable[None]]
    """Waits until none of the contacts has a delivery in the air."""
    preview: Callable[[MessageView], Awaitable[Preview]]
    plan: Callable[[Message], Awaitable[Plan]]
    address: Callable[[str], str] = lambda sender: ""
    senders: Senders
    learned: Callable[[str, Sequence[Effect]], Awaitable[None]]
    """Applies what an output learnt of its sender."""

    @property
    def people(self) -> dict[str, Identity]:
        """`[people]` as identities; the numbers were checked when the settings were read."""
        region = self.config.company.region
        return {
            role: Identity("phone", phone(number, region))
            for role, number in self.config.people.items()
        }


class PluginContext:
    """One plugin instance's way to the gateway."""

    def __init__(
        self,
        label: str,
        shared: Shared,
        *,
        metrics: PluginMetrics,
        told: Callable[[str, Health], None] = lambda label, health: None,
    ) -> None:
        self.label = label
        self.http = shared.http
        self.state = _State(shared.store, label)
        self.clock = shared.clock
        self.log = _Log(logging.getLogger(f"gateway.plugin.{label}"), {"label": label})
        self.metrics = metrics
        self.topics = shared.config.topics
        self.stop_words = shared.stop_words
        self.texts = shared.texts
        self.links = shared.links
        self.company = shared.config.company
        self.public_url = shared.config.server.public_url.rstrip("/")
        self.people = shared.people
        self.has_mail = bool(shared.config.mail.host)
        self.sender_address = shared.address
        self.sender = shared.senders.facts
        self._shared = shared
        self._store = shared.store
        self._told = told

    async def accept(
        self,
        messages: Sequence[Message] = (),
        *,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Person] = (),
        sign_ups: Sequence[SignUp] = (),
        cases: Sequence[Case] = (),
        closes: Sequence[Close] = (),
        preferences: Sequence[Preference] = (),
    ) -> list[int | None]:
        """See Context.accept.  Raises ConfigError for a message nobody can get."""
        at = self.clock.micros()
        ready = [self._prepared(message) for message in messages]
        return await taken(
            lambda: self._store.accept(
                self.label,
                ready,
                at=at,
                state=state,
                people=people,
                sign_ups=sign_ups,
                cases=cases,
                closes=closes,
                preferences=preferences,
            )
        )

    async def mail(
        self,
        to: str,
        subject: str,
        text: str,
        *,
        html: str = "",
        reply_to: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """See Context.mail."""
        settings, company = self._shared.config.mail, self._shared.config.company
        message = letter(
            settings.sender or company.mail, to, subject, text,
            name=company.name, html=html, reply_to=reply_to, headers=headers, clock=self.clock,
        )  # fmt: skip
        await send_mail(settings, message)

    def _prepared(self, message: Message) -> Message:
        return prepared(message, self.clock, self._shared.complete)

    async def intake(self, intake: Intake) -> None:
        """See Context.intake."""
        await self._shared.take(intake)

    async def withdraw(
        self, contact: int, *, topic: str | None = None, evidence: Mapping[str, str] | None = None
    ) -> None:
        """See Context.withdraw."""
        taken = await self._store.withdraw(
            [contact], source=self.label, at=self.clock.micros(), topic=topic, evidence=evidence
        )
        await self._shared.landed(taken.sending)

    async def find(self, identity: Identity) -> int | None:
        """See Context.find."""
        return await self._store.find(identity)

    async def contact(self, contact: int) -> Contact | None:
        """See Context.contact."""
        return await self._store.contact(contact)

    async def received(self, inbound: int) -> Received | None:
        """See Context.received."""
        return await self._store.received(inbound)

    async def case(self, case: int) -> Case | None:
        """See Context.case."""
        return await self._store.case(case)

    async def answer(self, case: int, text: str, *, by: str) -> Answered:
        """See Context.answer."""
        return await answering.answer(self._store, self.clock, self._prepared, case, text, by)

    async def open_cases(self, *, contact: int | None = None, kind: str = "") -> list[Case]:
        """See Context.open_cases."""
        return await self._store.cases(contact=contact, kind=kind)

    async def conversation(self, contact: int, *, limit: int = 10) -> list[Said]:
        """See Context.conversation."""
        lines = await self._store.people_report("conversation", contact=contact, limit=limit)
        return cast(list[Said], lines)

    async def message(self, message: int) -> MessageView | None:
        """See Context.message."""
        return cast(MessageView | None, await self._store.people_report("view", id=message))

    async def preview(self, message: int) -> Preview | None:
        """See Context.preview."""
        view = await self.message(message)
        return await self._shared.preview(view) if view is not None else None

    async def plan(self, message: Message) -> Plan:
        """See Context.plan."""
        return await self._shared.plan(message)

    async def sent_as(self, provider_id: str) -> int | None:
        """See Context.sent_as."""
        return cast(int | None, await self._store.people_report("sent", provider_id=provider_id))

    async def steer(
        self,
        message: int,
        action: Literal["approve", "cancel", "pause", "resume", "revise", "screen"],
        *,
        by: str,
        text: str = "",
    ) -> str | None:
        """See Context.steer."""
        at = self.clock.micros()
        return await self._store.set_message(message, action, at=at, by=by, text=text)

    async def learned(self, effects: Sequence[Effect]) -> None:
        """See Context.learned."""
        await self._shared.learned(self.label, effects)

    def succeeded(
        self, note: str = "", *, next_at: datetime | None = None, at: datetime | None = None
    ) -> None:
        """See Context.succeeded."""
        self._told(self.label, Health(note=note, next_at=next_at, at=at))

    def failed(
        self,
        why: str,
        *,
        next_at: datetime | None = None,
        needs_person: bool = False,
        at: datetime | None = None,
    ) -> None:
        """See Context.failed."""
        health = Health(trouble=why, next_at=next_at, needs_person=needs_person, at=at)
        self._told(self.label, health)


def prepared(
    message: Message, clock: SystemClock, complete: Callable[[Message], Message]
) -> Message:
    """Give a message what the core sets: id, time, sender, language.  Raises ConfigError if it has no
    audience: neither a topic nor a contact."""
    if message.topic is None and message.to is None:
        raise ConfigError("a message needs a topic or one contact")
    if not message.external_id:
        raise ConfigError(
            "a message needs an external id, by which it is known when it comes again"
        )
    fresh = {"forms": (), "approved": (), "notes": (), "turn": 0}
    return complete(message).replace(id=new_id(), accepted_at=clock.now(), **fresh)
