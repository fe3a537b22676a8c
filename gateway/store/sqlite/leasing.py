"""Taking due deliveries, and giving them back: lease and decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.message import PRIORITY, Delivery, Identity, Message, Permissions
from gateway.store.protocol import Decision, DeliveryState
from gateway.store.sqlite import moving, troubles
from gateway.store.sqlite.asking import may_ask, requested
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.moving import LAND, Moving
from gateway.store.states import Cause

LEASE = """
SELECT d.id, d.message_id, d.contact_id, d.tries,
       (SELECT w.until FROM windows w WHERE w.sender = d.sender AND w.contact_id = d.contact_id)
FROM deliveries d INDEXED BY deliveries_due
WHERE d.sender = ? AND d.priority = ? AND d.state = 0 AND d.due_at <= ?
  AND NOT EXISTS (SELECT 1 FROM in_flight f
                  WHERE f.sender = d.sender AND f.contact_id = d.contact_id)
ORDER BY d.due_at, d.id LIMIT ?
"""
TAKE = "INSERT INTO in_flight VALUES (?, ?, ?, ?) ON CONFLICT (sender, contact_id) DO NOTHING"
IDENTITIES = """
SELECT kind, value FROM identities WHERE contact_id = ? AND retired_at IS NULL ORDER BY first_seen
"""
CONSENT = """
SELECT c.state, c.event, p.paused_until, p.per_week,
       (SELECT max(t.until) FROM troubles t WHERE t.contact_id = p.id)
FROM consents c JOIN contacts p ON p.id = c.contact_id WHERE c.topic = ? AND c.contact_id = ?
"""
STOPPED = """
SELECT max(scope IN ('all', 'sender:' || ?1)) FROM stops
WHERE scope IN ('all', 'sender:' || ?1, 'marketing', 'marketing:' || ?1)
"""
DELIVERY = "SELECT state, message_id, contact_id, sender FROM deliveries WHERE id = ?"
NEXT_DUE = """
SELECT min(due_at) FROM deliveries INDEXED BY deliveries_due
WHERE sender = ? AND priority = ? AND state = 0 AND due_at > ?
"""
STATE_OF = "SELECT state FROM messages WHERE id = ?"

MARKETING = PRIORITY["marketing"]

PAUSED_BY_PERSON = "paused_by_person"
"""Code of marketing that does not go because the person wants none for a while."""

LOOKS = 200
"""Rows that one lease looks at, at most."""

NO_FORM = {
    True: "outside a window only a template may go, and the message has none",
    False: "the message has no free text",
}

_decode = msgspec.json.Decoder(Message).decode


def lease(
    tx: SqliteTransaction,
    cache: dict[int, Message],
    sender: str,
    node: str,
    at: int,
    limit: int,
    windows: bool,
    margin: int,
    priorities: Sequence[int],
) -> tuple[list[Delivery], bool]:
    """See Store.lease.  Also returns whether it stopped early: rows without content are dropped
    on the way, and a job is short."""
    leased: list[Delivery] = []
    stopped = tx.one(STOPPED, (sender,))
    if stopped is not None and stopped[0] is not None:
        if stopped[0]:
            return leased, False
        priorities = [priority for priority in priorities if priority != MARKETING]
    looked = 0
    for priority in priorities:
        while len(leased) < limit:
            found = list(tx.rows(LEASE, (sender, priority, at, limit - len(leased))))
            if not found:
                break
            looked += len(found)
            if looked > LOOKS:
                return leased, True
            for row in found:
                delivery = _take(tx, cache, sender, node, at, windows, margin, priority, row)
                if delivery is not None:
                    leased.append(delivery)
    return leased, False


def _take(
    tx: SqliteTransaction,
    cache: dict[int, Message],
    sender: str,
    node: str,
    at: int,
    windows: bool,
    margin: int,
    priority: int,
    row: tuple[Any, ...],
) -> Delivery | None:
    """Lease one due row, in the form that it will have; None if it does not go now."""
    delivery_id, message_id, contact, tries, window = row
    tx.execute(TAKE, (sender, contact, delivery_id, node))
    if not tx.changed():
        return None  # two due rows of one contact: the first goes, the second waits for it
    message = _message(tx, cache, message_id)
    delivery, troubled = as_leased(
        tx, message, delivery_id, contact, sender, tries, priority, window, at, windows, margin
    )
    away = _not_now(delivery_id, message, delivery, windows, troubled, at)
    waits = Moving(delivery_id, message_id, contact, sender, DeliveryState.QUEUED)
    if away is not None:
        tx.execute(LAND, (sender, contact, delivery_id))
        _park(tx, Cause.LEASE, waits, away, at)
        return None
    moving.lease(tx, waits, node, at)
    return delivery


def as_leased(
    tx: SqliteTransaction,
    message: Message,
    delivery: int,
    contact: int,
    sender: str,
    tries: int,
    priority: int,
    window: int | None,
    at: int,
    windows: bool,
    margin: int,
) -> tuple[Delivery | None, int | None]:
    """Return a waiting delivery as it would go now (None: the message has no form for that), and
    until when the provider refuses marketing to the person.  Only looks."""
    content = None
    if not windows or (window is not None and window > at + margin):
        content = message.form("text")
    if content is None and windows:
        content = message.form("template")  # may go inside a window too
    permissions, troubled = _permissions(tx, delivery, message, contact, window, at)
    if content is None:
        return None, troubled
    found = Delivery(
        id=delivery,
        message=message,
        contact=contact,
        sender=sender,
        attempt=tries + 1,
        failures=troubles.failures(tx, delivery) if tries else 0,
        content=content,
        priority=priority,
        identities=tuple(Identity(k, v) for k, v in tx.rows(IDENTITIES, (contact,))),
        permissions=permissions,
    )
    return found, troubled


def _not_now(
    delivery: int,
    message: Message,
    found: Delivery | None,
    windows: bool,
    until: int | None,
    at: int,
) -> Decision | None:
    """Return what becomes of a due delivery that is not taken: it has no form to go in, or the
    provider refuses marketing to the person, and what waits for that person waits along."""
    if found is None:
        return Decision(delivery=delivery, to="dropped", code="no_form", reason=NO_FORM[windows])
    why = troubles.why_not(until, at) if message.kind == "marketing" else None
    if why is None:
        return None
    if why[0] == troubles.UNREACHABLE:
        return Decision(delivery=delivery, to="dropped", code=why[0], reason=why[1])
    return Decision(delivery=delivery, to="queued", due_at=until, code=why[0], reason=why[1])


def _message(tx: SqliteTransaction, cache: dict[int, Message], message_id: int) -> Message:
    message = cache.get(message_id)
    if message is None:
        row = tx.one("SELECT body FROM messages WHERE id = ?", (message_id,))
        assert row is not None  # a delivery's message is never purged before it
        message = _decode(row[0])
        if len(cache) > 256:
            cache.clear()
        cache[message_id] = message
    return message


def _permissions(
    tx: SqliteTransaction,
    delivery: int,
    message: Message,
    contact: int,
    window: int | None,
    at: int,
) -> tuple[Permissions, int | None]:
    """Return what is known when it is leased, and until when the provider refuses marketing."""
    state, event, paused_until, per_week, troubled = (
        tx.one(CONSENT, (message.topic, contact)) if message.topic is not None else None
    ) or (None, None, None, None, None)
    request = None
    if message.kind == "confirmation":
        requests = requested(message, event)
        if requests and may_ask(tx, contact, message, requests, delivery):
            request = requests[0]
    permissions = Permissions(
        consent=event if state == "confirmed" else None,
        request=request,
        window_until=window,
        paused_until=paused_until if paused_until is not None and paused_until > at else None,
        per_week=per_week,
    )
    return permissions, troubled


def decide(
    tx: SqliteTransaction,
    decisions: Sequence[Decision],
    at: int,
    cause: Cause = Cause.DECIDE,
) -> None:
    """See Store.decide.  A delivery that somebody took away meanwhile stays as it is."""
    for decision in decisions:
        row = tx.one(DELIVERY, (decision.delivery,))
        if row is None or row[0] != DeliveryState.LEASED:
            continue
        state, message, contact, sender = row
        of = tx.one(STATE_OF, (message,))
        if of and of[0] == "cancelled" and decision.to != "dropped":
            decision = Decision(
                delivery=decision.delivery, to="dropped", code="cancelled",
                reason="the message was cancelled",
            )  # fmt: skip
        leased = Moving(decision.delivery, message, contact, sender, state)
        _park(tx, cause, leased, decision, at)


_PARKED = {
    "queued": DeliveryState.QUEUED,
    "held": DeliveryState.HELD,
    "dropped": DeliveryState.DROPPED,
    "paused": DeliveryState.PAUSED,
}


def _park(tx: SqliteTransaction, cause: Cause, row: Moving, decision: Decision, at: int) -> None:
    moving.move(
        tx, cause, row, _PARKED[decision.to], at,
        code=decision.code, reason=decision.reason, due_at=decision.due_at,
    )  # fmt: skip
    if decision.to in ("held", "dropped"):
        tx.journal(
            at,
            f"delivery.{decision.to}",
            message=row.message,
            delivery=row.id,
            contact=row.contact,
            sender=row.sender,
            code=decision.code,
            detail=decision.reason,
        )
