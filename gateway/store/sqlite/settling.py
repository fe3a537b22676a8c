"""settle: the one recorded outcome of an attempt, and what a delivery is because of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.consent_state import SWITCH
from gateway.message import PRIORITY
from gateway.store.protocol import (
    DERIVED,
    AttemptState,
    DeliveryState,
    Recovered,
    Settlement,
)
from gateway.store.sqlite import asking, people
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.leasing import LAND, STATE_OF

_ATTEMPT = """
SELECT a.delivery_id, a.n, a.state, a.provider_id, a.settled_at, a.code, a.detail,
       d.message_id, d.contact_id, d.sender, d.state, d.tries, d.code, d.priority
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
"""
BY_NUMBER = f"{_ATTEMPT} WHERE a.delivery_id = ? AND a.n = ?"
BY_PROVIDER_ID = f"{_ATTEMPT} WHERE a.provider_id = ?"
ATTEMPTS = "SELECT state FROM attempts WHERE delivery_id = ?"
SETTLE = """
UPDATE attempts SET state = max(state, ?), settled_at = ?, first_byte = ?,
       provider_id = coalesce(provider_id, ?), code = CASE code WHEN '' THEN ? ELSE code END,
       detail = CASE detail WHEN '' THEN ? ELSE detail END, notes = ?,
       failed_at = min(coalesce(failed_at, ?8), coalesce(?8, failed_at))
WHERE delivery_id = ? AND n = ?
"""
DERIVE = """
UPDATE deliveries SET state = ?, node = NULL, due_at = coalesce(?, due_at), code = ?, reason = ?,
       changed_at = ? WHERE id = ?
"""
TAKEN = "SELECT id, message_id, state, tries FROM deliveries WHERE state IN (1, 2)"

QUESTIONS = PRIORITY["confirmation"]
"""Bulk is not looked at twice: no question is among it."""

NOT_REPEATED = {
    people.WITHDRAWN: "the person withdrew",
    "twice": "the same person gets it as another contact",
}
"""Code of a delivery in the air → why it is not tried again, should it fail."""

OUTCOMES = {
    "accepted": AttemptState.ACCEPTED,
    "failed": AttemptState.FAILED,
    "unknown": AttemptState.UNKNOWN,
}


class Attempt(NamedTuple):
    """An attempt and its delivery, as one look finds them."""

    delivery: int
    n: int
    state: int
    provider_id: str | None
    settled_at: int | None
    code: str
    detail: str
    message: int
    contact: int
    sender: str
    delivery_state: int
    tries: int
    delivery_code: str
    priority: int

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


def settle_all(tx: SqliteTransaction, settlements: Sequence[Settlement]) -> None:
    """See Store.settle."""
    for settlement in settlements:
        settle(tx, settlement)


def settle(tx: SqliteTransaction, settlement: Settlement) -> None:
    """Record one outcome.  A status that came first is never moved back."""
    row = tx.one(BY_NUMBER, (settlement.delivery, settlement.n))
    if row is None:
        return
    found = Attempt(*row)
    if found.settled_at is not None:
        return  # repeated after a commit whose answer was lost
    at = settlement.at
    new = OUTCOMES[settlement.outcome]
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
            at if new == AttemptState.FAILED else None,
            found.delivery,
            found.n,
        ),
    )
    tx.execute(LAND, (found.sender, found.contact, found.delivery))
    if new > found.state:
        found.journal(tx, at, f"delivery.{settlement.outcome}", settlement.code, str(found.n))
    elif settlement.outcome == "accepted":  # a status told us earlier; the count must be whole
        found.journal(tx, at, "delivery.accepted", "", str(found.n))
    derive(
        tx,
        found._replace(
            state=max(new, found.state),
            code=found.code or settlement.code,
            detail=found.detail or settlement.detail,
            provider_id=found.provider_id or settlement.provider_id,
        ),
        at,
        retry_at=settlement.retry_at,
        hold=settlement.hold,
    )
    if settlement.action == "withdraw":
        evidence = {"code": settlement.code, "detail": settlement.detail}
        people.withdraw(
            tx, found.contact, f"{SWITCH} of {found.sender}", at, evidence=evidence,
            sender=found.sender, way="provider code",
        )  # fmt: skip


def derive(
    tx: SqliteTransaction,
    attempt: Attempt,
    at: int,
    *,
    retry_at: int | None = None,
    hold: bool = False,
) -> None:
    """Set a delivery's state from the best of its attempts.  The only place that does.

    A failed attempt alone may be tried again (`retry_at`) or left to a person (`hold`), unless
    the contact withdrew or the message was cancelled meanwhile.
    """
    before, code, reason = attempt.delivery_state, attempt.code, attempt.detail
    states = [attempt.state]
    if attempt.tries > 1:
        states = [state for (state,) in tx.rows(ATTEMPTS, (attempt.delivery,))]
    best = max((state for state in states if state != AttemptState.FAILED), default=None)
    if best is not None:
        after = DERIVED[AttemptState(best)]
        if best >= AttemptState.ACCEPTED:
            code = reason = ""
    elif retry_at is not None or hold:
        after = DeliveryState.QUEUED if retry_at is not None else DeliveryState.HELD
        ended = _ended(tx, attempt)
        if ended:
            after, (code, reason) = DeliveryState.DROPPED, ended
            attempt.journal(tx, at, "delivery.dropped", code, reason)
        elif hold:
            attempt.journal(tx, at, "delivery.held", code, reason)
    elif before == DeliveryState.QUEUED:
        return  # a late failure of an attempt that is being repeated
    else:
        after = DeliveryState.FAILED
    if after == before and code == attempt.delivery_code:
        return
    if before == DeliveryState.LEASED:  # for another attempt, which begin will now refuse
        tx.execute(LAND, (attempt.sender, attempt.contact, attempt.delivery))
    tx.execute(DERIVE, (int(after), retry_at, code, reason, at, attempt.delivery))
    tx.move(attempt.message, before, after)
    if attempt.priority == QUESTIONS:
        _question(tx, attempt, after, at)


def _question(tx: SqliteTransaction, attempt: Attempt, after: DeliveryState, at: int) -> None:
    """If the delivery is a question: note that it was asked, or that it never will be."""
    about = (attempt.delivery, attempt.contact, attempt.sender)
    if DeliveryState.ACCEPTED <= after <= DeliveryState.READ:
        asking.asked(tx, *about, attempt.n, attempt.provider_id, at)
    elif after == DeliveryState.FAILED:
        asking.unasked(tx, *about, attempt.code, at)


def _ended(tx: SqliteTransaction, attempt: Attempt) -> tuple[str, str] | None:
    """Return why a delivery that failed is not tried again, as code and reason."""
    if attempt.delivery_code in NOT_REPEATED:
        return attempt.delivery_code, NOT_REPEATED[attempt.delivery_code]
    row = tx.one(STATE_OF, (attempt.message,))
    if row and row[0] == "cancelled":
        return "cancelled", "the message was cancelled"
    return None


def recover(tx: SqliteTransaction, at: int) -> Recovered:
    """See Store.recover."""
    requeued = unknown = 0
    for delivery, message, state, tries in list(tx.rows(TAKEN)):
        if state == DeliveryState.LEASED:
            tx.execute(
                "UPDATE deliveries SET state = 0, node = NULL, changed_at = ? WHERE id = ?",
                (at, delivery),
            )
            tx.move(message, state, DeliveryState.QUEUED)
            requeued += 1
            continue
        settle(
            tx,
            Settlement(
                delivery=delivery,
                n=tries,
                outcome="unknown",
                at=at,
                code="stopped_while_sending",
                detail="the gateway stopped before the answer came",
            ),
        )
        unknown += 1
    tx.execute("DELETE FROM in_flight")
    return Recovered(requeued, unknown)
