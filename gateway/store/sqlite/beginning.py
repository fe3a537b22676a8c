"""begin: the last look and the intent to send, in one transaction."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from gateway.message import Basis, Message
from gateway.store.protocol import Decision, DeliveryState, Intent, Refusal
from gateway.store.sqlite import moving, remembering, troubles
from gateway.store.sqlite.asking import begun, may_ask, requested
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.leasing import CONSENT, PAUSED_BY_PERSON, decide
from gateway.store.sqlite.moving import ATTEMPT, ATTEMPTS, USE, Moving
from gateway.store.states import Cause, may_begin

LOOK = """
SELECT d.state, d.node, d.tries, d.contact_id, d.sender,
       m.id, m.kind, m.topic, m.state, m.paused, m.expires_at,
       (SELECT s.reason FROM stops s WHERE s.scope IN ('all', 'sender:' || d.sender)
        OR (m.kind = 'marketing' AND s.scope IN ('marketing', 'marketing:' || d.sender)) LIMIT 1)
FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?
"""
WINDOW = "SELECT until FROM windows WHERE sender = ? AND contact_id = ?"
CONTENT = """
INSERT INTO contents (hash, body, used_at) VALUES (?, ?, ?)
ON CONFLICT (hash) DO UPDATE SET used_at = excluded.used_at
"""
USES = "SELECT key, subject, min(at, ?1), until FROM quota_uses WHERE until > ?1"
"""What was noted by a clock that was ahead counts from now: not forgiven, and not for ever."""
FORGET = """
DELETE FROM quota_uses WHERE (key, at, delivery_id) IN
  (SELECT key, at, delivery_id FROM quota_uses WHERE until <= ? LIMIT ?)
"""
BODY = "SELECT body FROM messages WHERE id = ?"

REMEMBERED_CONTENTS = 10_000

_decode = msgspec.json.Decoder(Message).decode
NOTED_AGAIN = 3600 * 1_000_000
"""Microseconds after which it is noted again that a content is in use."""


class Look(NamedTuple):
    """What is true of a delivery at this moment, whatever its copy in memory says."""

    state: int
    node: str | None
    tries: int
    contact: int
    sender: str
    message: int
    kind: str
    topic: str | None
    message_state: str
    paused: int
    expires_at: int | None
    stopped: str | None


def begin(tx: SqliteTransaction, intent: Intent, node: str) -> Refusal | None:
    """See Store.begin: the last look and the intent, in one transaction."""
    delivery, basis = intent.delivery, intent.delivery.basis
    row = tx.one(LOOK, (delivery.id,))
    look = Look(*row) if row else None
    if (
        look is None
        or (look.state, look.node) != (DeliveryState.LEASED, node)
        or look.tries + 1 != delivery.attempt
        or (look.contact, look.sender) != (delivery.contact, delivery.sender)
    ):
        return Refusal("withdrawn", "somebody took the delivery away", True)
    refusal = _refusal(tx, look, intent)
    if refusal is not None or basis is None:
        refusal = refusal or NO_BASIS
        away = Decision(
            delivery=delivery.id,
            to="dropped" if refusal.final else "paused" if refusal.code == "paused" else "queued",
            due_at=refusal.until,
            code=refusal.code,
            reason=refusal.reason,
        )
        decide(tx, [away], intent.at, Cause.BEGIN)
        return refusal
    leased = Moving(delivery.id, look.message, look.contact, look.sender, look.state)
    moving.begin(tx, leased, delivery.attempt, basis.text or basis.kind, basis.event, intent.at)
    if tx.known_contents.get(intent.content, 0) <= intent.at - NOTED_AGAIN:
        tx.execute(CONTENT, (intent.content, intent.body, intent.at))
        if len(tx.known_contents) > REMEMBERED_CONTENTS:
            tx.known_contents.clear()
        tx.known_contents[intent.content] = intent.at
    tx.execute(
        ATTEMPT,
        (delivery.id, delivery.attempt, delivery.content.form, intent.content, intent.at),
    )
    remembering.begun(
        tx, delivery.id, delivery.attempt, delivery.content.form, look.message,
        delivery.identities, intent.at, intent.uses,
    )  # fmt: skip
    for use in intent.uses:
        tx.execute(USE, (use.key, use.at, delivery.id, use.subject, use.until))
    if look.kind == "confirmation":
        begun(tx, delivery.id, requested(_message(tx, look.message), basis.event), intent.at)
    return None


NOTHING = (None, None, None, None, None)
NO_BASIS = Refusal("no_basis", "no middleware named a basis for this delivery", True)


def _refusal(tx: SqliteTransaction, look: Look, intent: Intent) -> Refusal | None:
    if look.message_state == "cancelled":
        return Refusal("cancelled", "the message was cancelled", True)
    if look.expires_at is not None and look.expires_at <= intent.at:
        return Refusal("expired", "the message's time is over", True)
    if look.tries and not may_begin(tx.rows(ATTEMPTS, (intent.delivery.id,))):
        return Refusal("already_sent", "an attempt may have reached the person", True)
    if remembering.sent_before(tx, look.contact, look.message):
        return Refusal("sent_before", "it was sent before the database was restored", True)
    if look.paused:
        return Refusal("paused", "the message is paused", False)
    if look.stopped is not None:
        return Refusal("stopped", look.stopped, False)
    basis = intent.delivery.basis
    return NO_BASIS if basis is None else _not_current(tx, look, basis, intent)


def _message(tx: SqliteTransaction, id: int) -> Message:
    """Return a message as it is kept, whatever its copy in memory says."""
    row = tx.one(BODY, (id,))
    assert row is not None  # a delivery's message is never purged before it
    return _decode(row[0])


def _not_current(tx: SqliteTransaction, look: Look, basis: Basis, intent: Intent) -> Refusal | None:
    """Is the basis still current, at this moment?  Whatever the plugins did."""
    if look.kind == "marketing":
        state, event, paused_until, _, troubled = (
            tx.one(CONSENT, (look.topic or "", look.contact)) or NOTHING
        )
        current = event is not None and event == basis.event
        if basis.kind != "consent" or state != "confirmed" or not current:
            return Refusal("no_consent", "no current consent for the topic", True)
        if paused_until is not None and paused_until > intent.at:
            return Refusal(PAUSED_BY_PERSON, "the person wants nothing at the moment", True)
        why = troubles.why_not(troubled, intent.at)
        if why is not None:
            final = why[0] == troubles.UNREACHABLE
            return Refusal(*why, final, until=None if final else troubled)
        return None
    if look.kind == "confirmation":
        message = _message(tx, look.message)
        requests = requested(message, basis.event)
        named = basis.kind == "request" and basis.event in requests
        if named and may_ask(tx, look.contact, message, requests, intent.delivery.id):
            return None
        return Refusal("no_request", "no open request to ask about", True)
    if look.kind == "service":
        window = tx.one(WINDOW, (look.sender, look.contact))
        if basis.kind == "window" and window is not None and window[0] > intent.at:
            return None
        return Refusal("window_closed", "the person's window is closed", True)
    if basis.kind == "declared" and basis.text:
        return None
    return Refusal("no_basis", "a utility message needs a declared basis", True)
