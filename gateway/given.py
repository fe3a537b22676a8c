"""What a plugin is given: its context, and through it what the gateway knows of people, messages
and cases."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, Protocol

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
from gateway.message import Identity, Message, Topic
from gateway.plans import Plan
from gateway.services import Clock, CompanyFacts, Http, Links, PluginMetrics, State, Texts
from gateway.views import Answered as Answered
from gateway.views import Health as Health
from gateway.views import MessageView as MessageView
from gateway.views import Preview as Preview
from gateway.views import Said as Said
from gateway.views import SenderFacts as SenderFacts
from gateway.views import TemplateFacts as TemplateFacts


class Context(Protocol):
    """What every plugin gets in `lifespan`, and an input in `run`."""

    @property
    def label(self) -> str:
        """The name of this instance in the settings: `blog` for `[inputs.blog]`."""
        ...

    @property
    def http(self) -> Http: ...
    @property
    def state(self) -> State: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]: ...
    @property
    def metrics(self) -> PluginMetrics: ...
    @property
    def topics(self) -> Mapping[str, Topic]: ...
    @property
    def stop_words(self) -> frozenset[str]:
        """Words that withdraw when they are the whole message, in lower case."""
        ...

    @property
    def texts(self) -> Texts: ...
    @property
    def links(self) -> Links: ...
    @property
    def company(self) -> CompanyFacts: ...
    @property
    def public_url(self) -> str:
        """Where the public listener is reached from outside, without a slash at the end; "" if the
        settings do not say."""
        ...

    @property
    def people(self) -> Mapping[str, Identity]:
        """`[people]`: role → how that person is known."""
        ...

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
        """Hand in messages, people, sign-ups and cases together with own state, in one transaction.

        Returns each message's id, None for one that was accepted before.  When it returns, all
        is on disk.  Waits while the gateway is full.
        """
        ...

    async def withdraw(
        self, contact: int, *, topic: str | None = None, evidence: Mapping[str, str] | None = None
    ) -> None:
        """Withdraw for a person (one topic, or everything): on disk and in force when it returns,
        and nothing is in the air any more."""
        ...

    async def find(self, identity: Identity) -> int | None:
        """Return the contact that an identity leads to."""
        ...

    async def contact(self, contact: int) -> Contact | None:
        """Return a person, None if nobody (any more) has that id."""
        ...

    async def received(self, inbound: int) -> Received | None:
        """Return an inbound message, None if it was purged."""
        ...

    async def case(self, case: int) -> Case | None:
        """Return a case."""
        ...

    async def answer(self, case: int, text: str, *, by: str) -> Answered:
        """Send an answer to whoever asked, and close the case with it, in one transaction.

        `by` says whose answer it is.  Two who answer at once send one answer.
        """
        ...

    async def open_cases(self, *, contact: int | None = None, kind: str = "") -> list[Case]:
        """Return what is open, the oldest first."""
        ...

    async def conversation(self, contact: int, *, limit: int = 10) -> list[Said]:
        """Return what was said with a person lately, the oldest first."""
        ...

    async def message(self, message: int) -> MessageView | None:
        """Return a message and how it stands."""
        ...

    async def preview(self, message: int) -> Preview | None:
        """Run a message through the chain as if a person had released it; nothing is stored."""
        ...

    async def plan(self, message: Message) -> Plan:
        """Return what a message would do if it began now: whom it reaches, how long it takes by
        the limits of the chain, what it costs.  Reads only; takes a moment for a large audience."""
        ...

    async def sent_as(self, provider_id: str) -> int | None:
        """Return the message that went out under a provider's id, such as `Received.quoted`."""
        ...

    async def steer(
        self,
        message: int,
        action: Literal["approve", "cancel", "pause", "resume", "revise", "screen"],
        *,
        by: str,
        text: str = "",
    ) -> str | None:
        """Do what a person decided about a message; returns a sentence if it cannot be done.

        `by` names who, by role.  `revise` replaces the teaser by `text`, and the held message is
        judged again; `screen` only has it judged again, so that a new time can be set.
        """
        ...

    def sender_address(self, sender: str) -> str:
        """Return the address that people know a sender by (a number), "" while it is unknown.
        Without a name it is the first sender's."""
        ...

    def sender(self, name: str) -> SenderFacts:
        """Return what is known of a sender; pure, so that `limits` may ask."""
        ...

    async def learned(self, effects: Sequence[Effect]) -> None:
        """Tell what an output learnt of its sender by asking the provider: tier, pace, quality.

        What comes by webhook travels in `AccountEvent.effects` instead.
        """
        ...

    @property
    def has_mail(self) -> bool:
        """Whether `[mail]` names a server."""
        ...

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
        """Send a mail from the company to one address, by the server of `[mail]`.

        `headers` adds some, such as a `Message-ID` by which a repeated mail is known.  Returns
        when the server took it.  Raises MailError (gateway.api), also if no server is set.
        """
        ...

    async def intake(self, intake: Intake) -> None:
        """Hand in what came back (outputs).  When it returns, it is on disk and in force.

        A withdrawal in it is final: no marketing to that contact starts afterwards.
        """
        ...

    def succeeded(
        self, note: str = "", *, next_at: datetime | None = None, at: datetime | None = None
    ) -> None:
        """Tell the operator that this input did its job (a metric and `status`): just now, or,
        for one that starts and remembers, at `at`."""
        ...

    def failed(
        self,
        why: str,
        *,
        next_at: datetime | None = None,
        needs_person: bool = False,
        at: datetime | None = None,
    ) -> None:
        """Tell the operator what keeps this input from its job, in one sentence.

        `needs_person`: waiting will not mend it.  `at`: since when, if before this start.  The
        next `succeeded` takes it back.
        """
        ...
