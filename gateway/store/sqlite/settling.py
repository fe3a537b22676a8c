"""settle: the one recorded outcome of an attempt, and what a delivery is because of it."""

from __future__ import annotations

from gateway.store.protocol import (
    DERIVED,
    AttemptState,
    DeliveryState,
    Recovered,
    Settlement,
)
from gateway.store.sqlite.beginning import ATTEMPTS
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.leasing import LAND


def settle(tx: SqliteTransaction, settlement: Settlement) -> None:
    """See Store.settle.  A status that came first is never moved back."""
    at = settlement.at
    new = {
        "accepted": AttemptState.ACCEPTED,
        "failed": AttemptState.FAILED,
        "unknown": AttemptState.UNKNOWN,
    }[settlement.outcome]
    row = tx.one(
        "SELECT a.state, d.message_id, d.contact_id, d.sender, d.state, a.settled_at"
        " FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
        " WHERE a.delivery_id = ? AND a.n = ?",
        (settlement.delivery, settlement.n),
    )
    if row is None:
        return
    before, message, contact, sender, delivery_state, settled_at = row
    if settled_at is not None:
        return  # repeated after a commit whose answer was lost
    tx.execute(
        "UPDATE attempts SET state = max(state, ?), settled_at = ?, first_byte = ?,"
        " provider_id = coalesce(provider_id, ?), code = CASE code WHEN '' THEN ? ELSE code END,"
        " detail = CASE detail WHEN '' THEN ? ELSE detail END, notes = ?,"
        " failed_at = CASE WHEN ? THEN ? ELSE failed_at END"
        " WHERE delivery_id = ? AND n = ?",
        (
            int(new),
            at,
            settlement.first_byte,
            settlement.provider_id,
            settlement.code,
            settlement.detail,
            settlement.notes,
            new == AttemptState.FAILED,
            at,
            settlement.delivery,
            settlement.n,
        ),
    )
    tx.execute(LAND, (sender, contact, settlement.delivery))
    derive(
        tx,
        settlement.delivery,
        message,
        delivery_state,
        at,
        code=settlement.code,
        reason=settlement.detail,
        retry_at=settlement.retry_at,
        hold=settlement.hold,
    )
    if new > before or new == AttemptState.UNKNOWN:
        tx.journal(
            at,
            f"delivery.{settlement.outcome}",
            message=message,
            delivery=settlement.delivery,
            contact=contact,
            sender=sender,
            code=settlement.code,
            detail=str(settlement.n),
        )
    elif settlement.outcome == "accepted":  # a status told us earlier; the count must be whole
        tx.journal(
            at,
            "delivery.accepted",
            message=message,
            delivery=settlement.delivery,
            contact=contact,
            sender=sender,
            detail=str(settlement.n),
        )


def derive(
    tx: SqliteTransaction,
    delivery: int,
    message: int,
    before: int,
    at: int,
    *,
    code: str = "",
    reason: str = "",
    retry_at: int | None = None,
    hold: bool = False,
) -> DeliveryState:
    """Set a delivery's state from the best of its attempts.  The only place that does.

    A failed attempt alone may be tried again (`retry_at`) or left to a person (`hold`).
    """
    best = tx.one("SELECT max(state) FROM attempts WHERE delivery_id = ?", (delivery,))
    attempts = list(tx.rows(ATTEMPTS, (delivery,)))
    alive = [AttemptState(state) for _, state in attempts if state != AttemptState.FAILED]
    if alive:
        after = DERIVED[max(alive)]
    elif best is None or best[0] is None:
        return DeliveryState(before)
    elif retry_at is not None:
        after = DeliveryState.QUEUED
    elif hold:
        after = DeliveryState.HELD
    elif before == DeliveryState.QUEUED:
        after = DeliveryState.QUEUED  # a late failure of an attempt that is being repeated
    else:
        after = DeliveryState.FAILED
    if after == before:
        return after
    tx.execute(
        "UPDATE deliveries SET state = ?, node = NULL, due_at = coalesce(?, due_at), code = ?,"
        " reason = ?, changed_at = ? WHERE id = ?",
        (
            int(after),
            retry_at,
            "" if after in _WELL else code,
            "" if after in _WELL else reason,
            at,
            delivery,
        ),
    )
    tx.move(message, before, after)
    return after


_WELL = {DeliveryState.ACCEPTED, DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ}


def recover(tx: SqliteTransaction, at: int) -> Recovered:
    """See Store.recover."""
    requeued = unknown = 0
    rows = tx.rows(
        "SELECT id, message_id, contact_id, sender, state, tries FROM deliveries"
        " WHERE state IN (1, 2)"
    )
    for delivery, message, _, _, state, tries in list(rows):
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
