"""The store, as domain verbs.  Engines implement `Store`; the conformance tests hold them to it.

Verbs take lists, are atomic per call, and return when what they did is on disk.  Ids are made
by the caller.  Times are integer UTC microseconds (`micros`).  Every verb raises StoreError and
then nothing of the call was kept; `accept` raises StoreFull while too much waits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import msgspec

from gateway.errors import Action
from gateway.inbound import Case, Close, Event, Person, Preference, SignUp
from gateway.message import Delivery, Message
from gateway.store.causes import CauseStore
from gateway.store.condition import TendedStore
from gateway.store.ledger import LedgerStore
from gateway.store.marks import MarkStore
from gateway.store.operators import OperatorStore
from gateway.store.outcomes import OutcomeStore
from gateway.store.people import PeopleStore
from gateway.store.people import Taken as Taken
from gateway.store.planning import PlanStore
from gateway.store.rights import RightsStore
from gateway.store.states import DERIVED as DERIVED
from gateway.store.states import AttemptState as AttemptState
from gateway.store.states import DeliveryState as DeliveryState
from gateway.store.watching import WatchStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(at: datetime) -> int:
    """Return an aware time as UTC microseconds."""
    return (at - _EPOCH) // _MICROSECOND


def moment(at: int) -> datetime:
    """Return UTC microseconds as an aware time."""
    return _EPOCH + timedelta(microseconds=at)


About = str
"""What a sleeper waits for: `all` is any commit, `messages` to prepare, `deliveries` that came or
landed; or the name of an event, such as `inbound`, that came into the journal."""

MessageState = Literal["accepted", "held", "dropped", "ready", "started", "cancelled"]


class Screened(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict on a message: `ready`, `held` (until a time or a person) or `dropped`."""

    message: Message
    state: MessageState
    chain: str
    code: str = ""
    reason: str = ""
    until: int | None = None


class FanOut(msgspec.Struct, frozen=True):
    """One chunk of a fan-out: rows added, and whether that was all of it."""

    added: int
    done: bool


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a leased delivery that does not go now.

    `queued` gives it back, due at `due_at` (None: as before); `held` leaves it to a person.
    """

    delivery: int
    to: Literal["queued", "held", "dropped", "paused"]
    due_at: int | None = None
    code: str = ""
    reason: str = ""


class QuotaUse(msgspec.Struct, frozen=True):
    """One use of a quota or of a slow rate; `subject` is what `distinct` counts.

    It counts from `at` to `until`, UTC microseconds.
    """

    key: str
    subject: str
    at: int
    until: int


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """What begin stores before a byte leaves."""

    delivery: Delivery
    at: int
    content: bytes
    """SHA-256 of `body`, the encoded content."""
    body: bytes
    uses: tuple[QuotaUse, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """Why begin refused.  `final` drops the delivery; otherwise it was given back or paused."""

    code: str
    reason: str
    final: bool
    until: int | None = None
    """When it may go at the earliest, UTC microseconds."""


class Settlement(msgspec.Struct, frozen=True, kw_only=True):
    """The one recorded outcome of an attempt.  With `retry_at` the delivery is queued again."""

    delivery: int
    n: int
    outcome: Literal["accepted", "failed", "unknown"]
    at: int
    first_byte: int | None = None
    provider_id: str | None = None
    code: str = ""
    detail: str = ""
    notes: str = ""
    retry_at: int | None = None
    hold: bool = False
    """Leave a failed delivery to a person instead of ending it."""
    action: Action = "fail"
    """What follows from a failure, for the person too, in the same transaction (troubles.py)."""
    alone: bool = True
    """Whether a failure is this delivery's own: of those that may pass a few are tried only."""


class Recovered(msgspec.Struct, frozen=True):
    """What was found after an unclean stop."""

    requeued: int
    unknown: int


class Store(
    PeopleStore, LedgerStore, RightsStore, OperatorStore, WatchStore, OutcomeStore, CauseStore,
    TendedStore, MarkStore, PlanStore, Protocol,
):  # fmt: skip
    """See the module's docstring for what holds for every verb."""

    # --- in -------------------------------------------------------------------------------------
    async def accept(
        self,
        input: str,
        messages: Sequence[Message],
        *,
        at: int,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Person] = (),
        sign_ups: Sequence[SignUp] = (),
        cases: Sequence[Case] = (),
        closes: Sequence[Close] = (),
        preferences: Sequence[Preference] = (),
    ) -> list[int | None]:
        """Take messages, people, sign-ups, cases and the input's state in one transaction.

        Messages carry id and sender.  Returns the ids, None where (input, external id) was
        accepted before, also if that message has been purged.
        """
        ...

    async def get_state(self, plugin: str, key: str) -> bytes | None: ...
    async def put_state(self, plugin: str, values: Mapping[str, bytes | None]) -> None: ...

    # --- once per message -----------------------------------------------------------------------
    async def to_screen(self, chain: str, *, at: int, limit: int) -> list[Message]:
        """Return messages that wait for a verdict of this chain (a fingerprint), or whose hold
        has ended, or that are held or ready by another chain and have not started."""
        ...

    async def screened(self, verdicts: Sequence[Screened], *, at: int) -> None:
        """Keep verdicts with the chain's fingerprint; a message that a person touched meanwhile
        (cancelled, approved) keeps that."""
        ...

    async def to_fan_out(self, *, limit: int) -> list[int]:
        """Return messages that are ready and not paused, the oldest first."""
        ...

    async def fan_out(self, message: int, *, at: int, limit: int) -> FanOut:
        """Make the next deliveries of a message: consents confirmed before it was accepted,
        keyset by contact; resumable, each (message, contact) once."""
        ...

    async def to_sweep(self, *, at: int, limit: int) -> list[int]:
        """Return messages whose queued deliveries have to be paused, resumed or dropped."""
        ...

    async def sweep(self, message: int, *, at: int, limit: int) -> bool:
        """Do the next chunk of a sweep; True when it was the last."""
        ...

    # --- delivery -------------------------------------------------------------------------------
    async def lease(
        self,
        sender: str,
        node: str,
        *,
        at: int,
        limit: int,
        windows: bool,
        margin: int,
        priorities: Sequence[int] = (0, 1, 2),
    ) -> list[Delivery]:
        """Take due deliveries, best priority first, one per contact in the air on all nodes.

        Fixes the form: with `windows`, text while the contact's window is open for another
        `margin` microseconds, else (or if there is no text) the template; without, text.  A
        delivery without content in that form is dropped."""
        ...

    async def decide(self, decisions: Sequence[Decision], *, at: int) -> None:
        """Do what was decided; what somebody took away meanwhile stays as it is."""
        ...

    async def begin(self, intents: Sequence[Intent], node: str) -> list[Refusal | None]:
        """Store the intent to send, if at this moment everything allows it; else say why not.

        For marketing: the basis is the current confirmed event of (contact, topic)."""
        ...

    async def settle(self, settlements: Sequence[Settlement]) -> None:
        """Record outcomes.  One that is repeated, or below what a status said, moves nothing."""
        ...

    async def recover(self, *, at: int) -> Recovered:
        """After a start: leased → queued, sending → unknown."""
        ...

    async def next_due(self, sender: str, *, after: int = 0) -> int | None:
        """Return when the next queued delivery of a sender is due, later than `after`."""
        ...

    async def quota_uses(self, *, at: int) -> list[QuotaUse]:
        """Return the uses that still count."""
        ...

    async def forget(self, *, at: int, limit: int) -> int:
        """Delete up to `limit` uses that no longer count; returns how many."""
        ...

    # --- observers ------------------------------------------------------------------------------
    async def events_after(
        self, observer: str, *, limit: int, names: Collection[str] = (), until: int | None = None
    ) -> list[Event]:
        """Return what comes after its position: of these names, if there are any, up to `until`."""
        ...

    async def noticed(
        self,
        observer: str,
        position: int,
        messages: Sequence[Message],
        *,
        at: int,
        cases: Sequence[Case] = (),
        closes: Sequence[Close] = (),
        preferences: Sequence[Preference] = (),
        dead: Sequence[tuple[int, str]] = (),
        again: bool = False,
    ) -> None:
        """Move an observer's position and accept what it answered, in one transaction.

        `again`: the event came from events_again; it is a dead letter no more unless `dead`.
        """
        ...

    async def events_again(self, observer: str, *, limit: int) -> list[Event]:
        """Return what `replay` ordered and is not done."""
        ...

    async def replay(self, observer: str, after: int, until: int) -> None:
        """Order that an observer is given events again: those after one, until another."""
        ...

    async def journal_end(self) -> int: ...

    # --- sleepers -------------------------------------------------------------------------------
    def changes(self, *about: About) -> int:
        """Return a number that grows with every commit that concerns one of them; `all` if none."""
        ...

    async def changed(self, since: int, *about: About) -> None:
        """Wait until `changes(*about)` is greater than `since`."""
        ...
