"""begin: the last look and the intent to send, in one transaction."""

from __future__ import annotations

from gateway.store.protocol import AttemptState, Decision, DeliveryState, Intent, Refusal
from gateway.store.sqlite import people
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.leasing import ASKED, CONSENT, STOPPED, decide

WINDOW = "SELECT until FROM windows WHERE sender = ? AND contact_id = ?"
BEGIN_LOOK = """
SELECT d.state, d.node, m.kind, m.topic, m.state, m.paused, m.expires_at
FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?
"""
ATTEMPTS = "SELECT n, state FROM attempts WHERE delivery_id = ?"


def begin(tx: SqliteTransaction, intent: Intent, node: str) -> Refusal | None:
    """See Store.begin: the last look and the intent, in one transaction."""
    delivery = intent.delivery
    row = tx.one(BEGIN_LOOK, (delivery.id,))
    if row is None or row[0] != DeliveryState.LEASED or row[1] != node:
        return Refusal("withdrawn", "somebody took the delivery away", True)
    _, _, kind, topic, message_state, paused, expires_at = row
    refusal = None
    if message_state == "cancelled":
        refusal = Refusal("cancelled", "the message was cancelled", True)
    elif expires_at is not None and expires_at <= intent.at:
        refusal = Refusal("expired", "the message's time is over", True)
    elif paused:
        refusal = Refusal("paused", "the message is paused", False)
    else:
        stopped = tx.one(STOPPED, (f"sender:{delivery.sender}",))
        refusal = (
            Refusal("stopped", stopped[1], False) if stopped else _look(tx, intent, kind, topic)
        )
    attempts = list(tx.rows(ATTEMPTS, (delivery.id,)))
    if any(state != AttemptState.FAILED for _, state in attempts):
        refusal = Refusal("already_sent", "an attempt may have reached the person", True)
    if refusal is not None:
        away = Decision(
            delivery=delivery.id,
            to="dropped" if refusal.final else "paused" if refusal.code == "paused" else "queued",
            code=refusal.code,
            reason=refusal.reason,
        )
        decide(tx, [away], intent.at)
        return refusal
    basis = delivery.basis
    assert basis is not None  # _look refuses without one
    tx.execute(
        "UPDATE deliveries SET state = 2, tries = ?, basis = ?, basis_event = ?, code = '',"
        " reason = '', changed_at = ? WHERE id = ?",
        (delivery.attempt, basis.text or basis.kind, basis.event, intent.at, delivery.id),
    )
    tx.move(delivery.message.id, DeliveryState.LEASED, DeliveryState.SENDING)
    if intent.content not in tx.known_contents:
        tx.execute(
            "INSERT INTO contents VALUES (?, ?) ON CONFLICT DO NOTHING",
            (intent.content, intent.body),
        )
        if len(tx.known_contents) > 10_000:
            tx.known_contents.clear()
        tx.known_contents.add(intent.content)
    tx.execute(
        "INSERT INTO attempts (delivery_id, n, state, form, content, began_at)"
        " VALUES (?, ?, 0, ?, ?, ?)",
        (delivery.id, delivery.attempt, delivery.content.form, intent.content, intent.at),
    )
    for use in intent.uses:
        tx.execute(
            "INSERT INTO quota_uses VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (use.key, use.at, delivery.id, use.subject),
        )
    if basis.kind == "request":
        tx.execute("INSERT INTO questions VALUES (?, ?, ?)", (basis.event, delivery.id, intent.at))
    return None


def _look(tx: SqliteTransaction, intent: Intent, kind: str, topic: str | None) -> Refusal | None:
    """Is the basis still current, at this moment?  Whatever the plugins did."""
    delivery, basis = intent.delivery, intent.delivery.basis
    if basis is None:
        return Refusal("no_basis", "no middleware named a basis for this delivery", True)
    if kind == "marketing":
        row = tx.one(CONSENT, (topic or "", delivery.contact))
        everything = tx.one(CONSENT, (people.EVERYTHING, delivery.contact))
        current = (
            basis.kind == "consent"
            and row is not None
            and row[0] == "confirmed"
            and row[1] == basis.event
            and not (everything and everything[0] == "withdrawn")
        )
        return None if current else Refusal("no_consent", "no current consent for the topic", True)
    if kind == "confirmation":
        row = tx.one(CONSENT, (topic or "", delivery.contact))
        current = (
            basis.kind == "request"
            and row is not None
            and row[0] == "requested"
            and row[1] == basis.event
            and not tx.one(ASKED, (basis.event,))
        )
        return None if current else Refusal("no_request", "no open request to ask about", True)
    if kind == "service":
        row = tx.one(WINDOW, (delivery.sender, delivery.contact))
        if basis.kind == "window" and row is not None and row[0] > intent.at:
            return None
        return Refusal("window_closed", "the person's window is closed", True)
    if basis.kind == "declared" and basis.text:
        return None
    return Refusal("no_basis", "a utility message needs a declared basis", True)
