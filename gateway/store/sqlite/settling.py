"""settle: the one recorded outcome of an attempt, and what a delivery is because of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.consent_state import SWITCH
from gateway.errors import Action
from gateway.message import PRIORITY
from gateway.store.protocol import (
    DERIVED,
    AttemptState,
    DeliveryState,
    Recovered,
    Settlement,
)
from gateway.store.sqlite import answered, asking, moving, people, repeating, replacing, troubles
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.moving import ATTEMPTS, SETTLE, Moving
from gateway.store.sqlite.repeating import NOT_REPEATED
from gateway.store.states import NEWS, WENT_OUT, Cause, best, went_out

_ATTEMPT = """
SELECT a.delivery_id, a.n, a.state, a.provider_id, a.settled_at, a.code, a.detail, a.action,
       a.retry_at, a.superseded_at, a.began_at,
       d.message_id, d.contact_id, d.sender, d.state, d.tries, d.code, d.priority
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
"""
BY_NUMBER = f"{_ATTEMPT} WHERE a.delivery_id = ? AND a.n = ?"
BY_PROVIDER_ID = f"{_ATTEMPT} WHERE a.provider_id = ?"
SAID_OF = """
SELECT code, detail FROM attempts WHERE state = ? AND delivery_id = ? ORDER BY n DESC LIMIT 1
"""
TAKEN = """
SELECT id, message_id, contact_id, sender, state, tries FROM deliveries WHERE state IN (1, 2)
"""
KIND = "SELECT kind FROM messages WHERE id = ?"

QUESTIONS = PRIORITY["confirmation"]
"""Bulk is not looked at twice: no question is among it."""


class Attempt(NamedTuple):
    """An attempt and its delivery, as one look finds them."""

    delivery: int
    n: int
    state: int
    provider_id: str | None
    settled_at: int | None
    code: str
    detail: str
    action: str
    retry_at: int | None
    superseded_at: int | None
    began_at: int
    message: int
    contact: int
    sender: str
    delivery_state: int
    tries: int
    delivery_code: str
    priority: int

    @property
    def moving(self) -> Moving:
        """Its delivery, to be moved."""
        return Moving(self.delivery, self.message, self.contact, self.sender, self.delivery_state)

    def journal(self, tx: SqliteTransaction, at: int, name: str, code: str, detail: str) -> None:
        """Add a line about this attempt."""
        tx.journal(
            at,
            name,
            message=self.message,
            delivery=self.delivery,
            contact=self.contact,
            sender=self.sender,
            code=code,
            detail=detail,
        )

    def failed(
        self, tx: SqliteTransaction, code: str, action: Action, said_at: int
    ) -> troubles.Failed:
        """Return its failure."""
        kind = "marketing"
        if self.priority != PRIORITY["marketing"]:
            (kind,) = tx.one(KIND, (self.message,)) or ("",)
        return troubles.Failed(
            self.delivery, self.contact, self.sender, kind, code, action, said_at
        )


def settle_all(tx: SqliteTransaction, asked: Sequence[Sequence[Settlement]]) -> list[None]:
    """See Store.settle: for all who ask at the same time."""
    for settlement in answered.record(tx, [one for settlements in asked for one in settlements]):
        settle(tx, settlement)
    return [None] * len(asked)


def settle(tx: SqliteTransaction, settlement: Settlement) -> None:
    """Record one outcome.  A status that came first is never moved back."""
    row = tx.one(BY_NUMBER, (settlement.delivery, settlement.n))
    if row is None:
        return
    found = Attempt(*row)
    if found.settled_at is not None:
        return  # repeated after a commit whose answer was lost
    at = settlement.at
    new = NEWS[settlement.outcome]
    action, retry_at = "", None
    if new == AttemptState.FAILED > found.state:
        failed = found.failed(tx, settlement.code, _action(settlement), at)
        action, retry_at = troubles.consequence(tx, failed, settlement.retry_at, at)
        action = troubles.kept(action, alone=settlement.alone)
    tx.execute(
        SETTLE,
        (
            int(new),
            at,
            settlement.first_byte,
            settlement.provider_id,
            settlement.code,
            settlement.detail,
            settlement.notes,
            action,
            retry_at,
            found.delivery,
            found.n,
        ),
    )
    if new > found.state:
        found.journal(tx, at, f"delivery.{settlement.outcome}", settlement.code, str(found.n))
    elif settlement.outcome == "accepted":  # a status told us earlier; the count must be whole
        found.journal(tx, at, "delivery.accepted", "", str(found.n))
    now = found._replace(
        state=max(new, found.state),
        code=found.code or settlement.code,
        detail=found.detail or settlement.detail,
        provider_id=found.provider_id or settlement.provider_id,
        action=found.action or action,
        retry_at=retry_at if found.retry_at is None else found.retry_at,
    )
    derive(tx, now, AttemptState.SENDING, at, Cause.SETTLE)
    if settlement.action == "withdraw":
        evidence = {"code": settlement.code, "detail": settlement.detail}
        people.withdraw(
            tx, found.contact, f"{SWITCH} of {found.sender}", at, evidence=evidence,
            sender=found.sender, way="provider code",
        )  # fmt: skip


def _action(settlement: Settlement) -> Action:
    if settlement.hold:
        return "hold"
    if settlement.retry_at is not None and settlement.action in ("fail", "hold"):
        return "retry"
    return settlement.action


def derive(tx: SqliteTransaction, attempt: Attempt, was: int, at: int, cause: Cause) -> None:
    """Set a delivery's state from the best of its attempts, after news of one that `was` less.

    If all of them failed, what follows stands on the attempt: it may go again, or is left to a
    person, unless the contact withdrew or the message was cancelled meanwhile.
    """
    before, code, reason = attempt.delivery_state, attempt.code, attempt.detail
    attempts = [(attempt.state, attempt.superseded_at is not None)]
    if attempt.tries > 1:
        attempts = list(tx.rows(ATTEMPTS, (attempt.delivery,)))
        if was < AttemptState.ACCEPTED and went_out(attempts) > 1 and attempt.state in WENT_OUT:
            attempt.journal(tx, at, "delivery.twice", "", str(attempt.n))
    reached, due_at = best(attempts), None
    if reached is not None:
        after = DERIVED[reached]
        if after == before:
            return
        if reached >= AttemptState.ACCEPTED:
            code = reason = ""
        elif attempt.delivery_code in NOT_REPEATED:
            code, reason = attempt.delivery_code, NOT_REPEATED[attempt.delivery_code]
        elif attempt.state != reached:  # of which nobody knows yet is another one
            code, reason = tx.one(SAID_OF, (int(reached), attempt.delivery)) or ("", "")
    elif before == DeliveryState.FAILED:
        if attempt.n < attempt.tries or code == attempt.delivery_code:
            return  # of an attempt that is over; else it is named better now
        after = DeliveryState.FAILED
    elif before in ENDED_OTHERWISE:
        return  # a late failure of an attempt that is being repeated, or of what was dropped
    else:
        after, code, reason = _after_failure(tx, attempt)
        due_at = attempt.retry_at
        if after in (DeliveryState.DROPPED, DeliveryState.HELD):
            attempt.journal(tx, at, f"delivery.{after.name.lower()}", code, reason)
    moving.move(tx, cause, attempt.moving, after, at, code=code, reason=reason, due_at=due_at)
    if after in (DeliveryState.QUEUED, DeliveryState.HELD):
        replacing.follow(tx, attempt.moving, at)
    if attempt.priority == QUESTIONS:
        _question(tx, attempt, after, at)


ENDED_OTHERWISE = (
    DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.HELD, DeliveryState.PAUSED,
    DeliveryState.DROPPED,
)  # fmt: skip


def _after_failure(tx: SqliteTransaction, attempt: Attempt) -> tuple[DeliveryState, str, str]:
    """Return what a delivery of which all attempts failed is now, with code and reason."""
    if attempt.retry_at is None and attempt.action != "hold":
        return DeliveryState.FAILED, attempt.code, attempt.detail
    ended = repeating.ended(
        tx, attempt.message, attempt.contact, attempt.delivery_code, attempt.began_at
    )
    if ended is not None:
        return DeliveryState.DROPPED, *ended
    after = DeliveryState.HELD if attempt.retry_at is None else DeliveryState.QUEUED
    return after, attempt.code, attempt.detail


def _question(tx: SqliteTransaction, attempt: Attempt, after: DeliveryState, at: int) -> None:
    """If the delivery is a question: note that it was asked, or that it never will be."""
    about = (attempt.delivery, attempt.contact, attempt.sender)
    if DeliveryState.ACCEPTED <= after <= DeliveryState.READ:
        asking.asked(tx, *about, attempt.n, attempt.provider_id, at)
    elif after == DeliveryState.FAILED:
        asking.unasked(tx, *about, attempt.code, at)


def recover(tx: SqliteTransaction, at: int) -> Recovered:
    """See Store.recover."""
    requeued = unknown = 0
    for delivery, message, contact, sender, state, tries in list(tx.rows(TAKEN)):
        if state == DeliveryState.LEASED:
            taken = Moving(delivery, message, contact, sender, state)
            moving.move(tx, Cause.RECOVER, taken, DeliveryState.QUEUED, at)
            requeued += 1
            continue
        unanswered(tx, delivery, tries, at)
        unknown += 1
    tx.execute("DELETE FROM in_flight")
    return Recovered(requeued, unknown)


def unanswered(tx: SqliteTransaction, delivery: int, n: int, at: int) -> None:
    """Record that an attempt gets no answer any more: whoever waited for it is gone."""
    settle(
        tx,
        Settlement(
            delivery=delivery,
            n=n,
            outcome="unknown",
            at=at,
            code="stopped_while_sending",
            detail="the gateway stopped before the answer came",
        ),
    )
