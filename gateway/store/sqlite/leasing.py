"""Taking due deliveries, and giving them back: lease and decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from gateway.message import PRIORITY, Delivery, Identity, Message, Permissions
from gateway.store.protocol import Decision, DeliveryState
from gateway.store.sqlite import moving, troubles
from gateway.store.sqlite.asking import may_ask, requested
from gateway.store.sqlite.connection import SqliteTransaction, as_json
from gateway.store.sqlite.moving import Moving
from gateway.store.states import Cause

WAITING = """
d.id, d.message_id, d.contact_id, d.sender, d.tries, d.priority,
       (SELECT w.until FROM windows w WHERE w.sender = d.sender AND w.contact_id = d.contact_id),
       (SELECT json_group_array(json_object('kind', i.kind, 'value', i.value)) FROM
        (SELECT kind, value FROM identities
         WHERE contact_id = d.contact_id AND retired_at IS NULL ORDER BY first_seen) i),
       c.state, c.event, p.paused_until, p.per_week,
       (SELECT max(t.until) FROM troubles t WHERE t.contact_id = c.contact_id)
"""
"""What is known of a delivery that waits, in one statement: each gives the interpreter away."""
OF_WHOM = """
CROSS JOIN messages m ON m.id = d.message_id
LEFT JOIN consents c ON c.topic = m.topic AND c.contact_id = d.contact_id
LEFT JOIN contacts p ON p.id = c.contact_id
"""
LEASE = f"""
SELECT {WAITING} FROM deliveries d INDEXED BY deliveries_due {OF_WHOM}
WHERE d.sender = ? AND d.priority = ? AND d.state = 0 AND d.due_at <= ?
  AND NOT EXISTS (SELECT 1 FROM in_flight f
                  WHERE f.sender = d.sender AND f.contact_id = d.contact_id)
ORDER BY d.due_at, d.id LIMIT ?
"""
TAKE = """
INSERT INTO in_flight (sender, contact_id, delivery_id, node)
SELECT d.sender, d.contact_id, d.id, ? FROM json_each(?) j CROSS JOIN deliveries d ON d.id = j.value
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
_identities = msgspec.json.Decoder(tuple[Identity, ...]).decode


class Waiting(NamedTuple):
    """A delivery that waits, and what is known of its person: a row of WAITING.

    `identities` is JSON; `consent`, `event`: the state of the consent for the message's topic, and
    what proves it; `troubled`: until when the provider refuses marketing.  These, and the person's
    own wishes, are None if nothing is known about the topic.
    """

    id: int
    message: int
    contact: int
    sender: str
    tries: int
    priority: int
    window: int | None
    identities: str
    consent: str | None
    event: int | None
    paused_until: int | None
    per_week: int | None
    troubled: int | None


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
            rows = tx.rows(LEASE, (sender, priority, at, limit - len(leased)))
            found = [Waiting(*row) for row in rows]
            if not found:
                break
            looked += len(found)
            if looked > LOOKS:
                return leased, True
            leased += _take(tx, cache, found, node, at, windows, margin)
    return leased, False


def _take(
    tx: SqliteTransaction,
    cache: dict[int, Message],
    found: Sequence[Waiting],
    node: str,
    at: int,
    windows: bool,
    margin: int,
) -> list[Delivery]:
    """Lease due rows, each in the form that it will have; those that do not go now are put away."""
    leased: dict[int, Delivery] = {}
    taken: list[Moving] = []
    for row in found:
        if row.contact in leased:
            continue  # two due rows of one contact: the first goes, the second waits for it
        message = _message(tx, cache, row.message)
        goes = _now(tx, message, row, at, windows, margin)
        waits = Moving(row.id, row.message, row.contact, row.sender, DeliveryState.QUEUED)
        if isinstance(goes, Decision):
            _park(tx, Cause.LEASE, waits, goes, at)
        else:
            leased[row.contact] = goes
            taken.append(waits)
    if taken:
        tx.execute(TAKE, (node, as_json([row.id for row in taken])))
        moving.lease(tx, taken, node, at)
    return list(leased.values())


def _now(
    tx: SqliteTransaction, message: Message, row: Waiting, at: int, windows: bool, margin: int
) -> Delivery | Decision:
    """Return a due delivery as it goes now, or what becomes of it: it has no form to go in, or the
    provider refuses marketing to the person, and what waits for that person waits along."""
    found = as_leased(tx, message, row, at, windows, margin)
    if found is None:
        return Decision(delivery=row.id, to="dropped", code="no_form", reason=NO_FORM[windows])
    why = troubles.why_not(row.troubled, at) if message.kind == "marketing" else None
    if why is None:
        return found
    if why[0] == troubles.UNREACHABLE:
        return Decision(delivery=row.id, to="dropped", code=why[0], reason=why[1])
    return Decision(delivery=row.id, to="queued", due_at=row.troubled, code=why[0], reason=why[1])


def as_leased(
    tx: SqliteTransaction, message: Message, row: Waiting, at: int, windows: bool, margin: int
) -> Delivery | None:
    """Return a waiting delivery as it would go now; None: the message has no form for that."""
    content = None
    if not windows or (row.window is not None and row.window > at + margin):
        content = message.form("text")
    if content is None and windows:
        content = message.form("template")  # may go inside a window too
    if content is None:
        return None
    return Delivery(
        id=row.id,
        message=message,
        contact=row.contact,
        sender=row.sender,
        attempt=row.tries + 1,
        failures=troubles.failures(tx, row.id) if row.tries else 0,
        content=content,
        priority=row.priority,
        identities=_identities(row.identities),
        permissions=_permissions(tx, message, row, at),
    )


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


def _permissions(tx: SqliteTransaction, message: Message, row: Waiting, at: int) -> Permissions:
    """Return what is known when it is leased."""
    request = None
    if message.kind == "confirmation":
        requests = requested(message, row.event)
        if requests and may_ask(tx, row.contact, message, requests, row.id):
            request = requests[0]
    paused = row.paused_until
    return Permissions(
        consent=row.event if row.consent == "confirmed" else None,
        request=request,
        window_until=row.window,
        paused_until=paused if paused is not None and paused > at else None,
        per_week=row.per_week,
    )


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
