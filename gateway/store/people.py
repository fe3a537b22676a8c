"""The store's verbs about people; see protocol.py for what holds for every verb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from gateway.consent_state import State
from gateway.inbound import Act, Case, Contact, Intake, Received, Wording
from gateway.message import Identity, Message


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What intake did: people who withdrew, and counts for the metrics."""

    withdrawn: tuple[int, ...] = ()
    sending: tuple[int, ...] = ()
    """Withdrawn contacts with a delivery in the air at that moment."""
    inbound: int = 0
    duplicates: int = 0
    statuses: Mapping[str, int] = {}
    unmatched: int = 0
    dropped: int = 0
    heard: frozenset[str] = frozenset()
    """Senders of which something was heard: a status of theirs, or a message."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What people can agree to at this moment, in which words, and whether they are asked back.

    Without `wordings` every topic is taken as it comes, without words.
    """

    wordings: Mapping[str, Wording] = {}
    """Topic → what START for it means."""
    closed: frozenset[str] = frozenset()
    """Topics for the company's own people only."""
    own: frozenset[Identity] = frozenset()
    double_opt_in: bool = True

    def offered(self, identities: Sequence[Identity]) -> tuple[str, ...]:
        """Return the topics that whoever has these identities may ask for."""
        own = any(identity in self.own for identity in identities)
        return tuple(topic for topic in self.wordings if own or topic not in self.closed)


NO_TERMS = Terms()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that was not what its events say."""

    contact: int
    topic: str
    kept: State | None
    derived: State | None


class PeopleStore(Protocol):
    """What people do, what they agreed to, what they ask."""

    async def intake(
        self, intake: Intake, acts: Mapping[str, Act], *, at: int, terms: Terms = NO_TERMS
    ) -> Taken:
        """Apply a webhook in one transaction.  `acts`: provider id of a message → what it means
        for consent; a withdrawal is in force, and open deliveries are dropped, before this
        returns.  `terms`: what a START can ask for."""
        ...

    async def withdraw(
        self,
        contacts: Sequence[int],
        *,
        source: str,
        at: int,
        topic: str | None = None,
        evidence: Mapping[str, str] | None = None,
    ) -> Taken:
        """Withdraw for people from a topic, or from everything: on record, in force, and what is
        open dropped, when this returns.  What is in the air (`sending`) is not tried again."""
        ...

    async def sending(self, contacts: Sequence[int]) -> list[int]:
        """Return which of the contacts have a delivery in the air."""
        ...

    async def expire_requests(self, *, asked_before: int, at: int, limit: int) -> int:
        """Let requests expire that were recorded before `asked_before` and are still open; returns
        how many there were, `limit` at most."""
        ...

    async def rebuild_consents(
        self, *, after: int = 0, limit: int = 100
    ) -> tuple[int | None, list[Difference]]:
        """Derive the consents of the next contacts after an id from their events once more, and
        tell what was kept otherwise.  Returns the id to go on after, None at the end."""
        ...

    async def find(self, identity: Identity) -> int | None:
        """Return the contact that an identity (or a known variant of it) leads to."""
        ...

    async def contact(self, contact: int) -> Contact | None: ...
    async def received(self, inbound: int) -> Received | None: ...
    async def case(self, case: int) -> Case | None: ...
    async def answer(self, case: int, message: Message, *, by: str, at: int) -> bool:
        """Accept a message and close its case with it; False, and nothing done, if the case is
        closed already."""
        ...

    async def cases(
        self,
        *,
        contact: int | None = None,
        kind: str = "",
        closed: bool = False,
        limit: int = 100,
    ) -> list[Case]:
        """Return cases, the oldest open ones first; with `closed` the newest closed ones."""
        ...

    async def people_report(self, name: str, **parameters: Any) -> Any:
        """Read for people: names in people_reports.py of the engine."""
        ...
