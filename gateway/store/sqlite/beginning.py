"""begin: the last look and the intent to send, in one transaction."""

from __future__ import annotations

from typing import NamedTuple

from gateway.message import Basis
from gateway.store.protocol import AttemptState, Decision, DeliveryState, Intent, Refusal
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.leasing import ASKED, CONSENT, decide
from gateway.store.sqlite.settling import ATTEMPTS

LOOK = """
SELECT d.state, d.node, d.tries, d.contact_id, d.sender,
       m.id, m.kind, m.topic, m.state, m.paused, m.expires_at,
       (SELECT s.reason FROM stops s WHERE s.scope IN ('all', 'sender:' || d.sender) LIMIT 1)
FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?
"""
WINDOW = "SELECT until FROM windows WHERE sender = ? AND contact_id = ?"
BEGIN = """
UPDATE deliveries SET state = 2, tries = ?, basis = ?, basis_event = ?, code = '', reason = '',
       changed_at = ? WHERE id = ?
"""
ATTEMPT = """
INSERT INTO attempts (delivery_id, n, state, form, content, began_at) VALUES (?, ?, 0, ?, ?, ?)
"""
CONTENT = "INSERT INTO contents VALUES (?, ?) ON CONFLICT DO NOTHING"
USES = "SELECT key, subject, at, until FROM quota_uses WHERE until > ?"
FORGET = """
DELETE FROM quota_uses WHERE (key, at, delivery_id) IN
  (SELECT key, at, delivery_id FROM quota_uses WHERE until <= ? LIMIT ?)
"""
USE = "INSERT INTO quota_uses VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
QUESTION = "INSERT INTO questions VALUES (?, ?, ?) ON CONFLICT DO NOTHING"

REMEMBERED_CONTENTS = 10_000


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
    ):
        return Refusal("withdrawn", "somebody took the delivery away", True)
    refusal = _refusal(tx, look, intent)
    if refusal is not None or basis is None:
        refusal = refusal or NO_BASIS
        away = Decision(
            delivery=delivery.id,
            to="dropped" if refusal.final else "paused" if refusal.code == "paused" else "queued",
            code=refusal.code,
            reason=refusal.reason,
        )
        decide(tx, [away], intent.at)
        return refusal
    tx.execute(
        BEGIN, (delivery.attempt, basis.text or basis.kind, basis.event, intent.at, delivery.id)
    )
    tx.move(look.message, DeliveryState.LEASED, DeliveryState.SENDING)
    if intent.content not in tx.known_contents:
        tx.execute(CONTENT, (intent.content, intent.body))
        if len(tx.known_contents) > REMEMBERED_CONTENTS:
            tx.known_contents.clear()
        tx.known_contents.add(intent.content)
    tx.execute(
        ATTEMPT,
        (delivery.id, delivery.attempt, delivery.content.form, intent.content, intent.at),
    )
    for use in intent.uses:
        tx.execute(USE, (use.key, use.at, delivery.id, use.subject, use.until))
    if basis.kind == "request":
        tx.execute(QUESTION, (basis.event, delivery.id, intent.at))
    return None


NO_BASIS = Refusal("no_basis", "no middleware named a basis for this delivery", True)


def _refusal(tx: SqliteTransaction, look: Look, intent: Intent) -> Refusal | None:
    if look.message_state == "cancelled":
        return Refusal("cancelled", "the message was cancelled", True)
    if look.expires_at is not None and look.expires_at <= intent.at:
        return Refusal("expired", "the message's time is over", True)
    if look.tries and any(
        state != AttemptState.FAILED for (state,) in tx.rows(ATTEMPTS, (intent.delivery.id,))
    ):
        return Refusal("already_sent", "an attempt may have reached the person", True)
    if look.paused:
        return Refusal("paused", "the message is paused", False)
    if look.stopped is not None:
        return Refusal("stopped", look.stopped, False)
    basis = intent.delivery.basis
    return NO_BASIS if basis is None else _not_current(tx, look, basis, intent)


def _not_current(tx: SqliteTransaction, look: Look, basis: Basis, intent: Intent) -> Refusal | None:
    """Is the basis still current, at this moment?  Whatever the plugins did."""
    if look.kind in ("marketing", "confirmation"):
        state, event = tx.one(CONSENT, (look.topic or "", look.contact)) or (None, None)
        current = event is not None and event == basis.event
        if look.kind == "marketing":
            if basis.kind == "consent" and state == "confirmed" and current:
                return None
            return Refusal("no_consent", "no current consent for the topic", True)
        asked = tx.one(ASKED, (event, intent.delivery.id))
        if basis.kind == "request" and state == "requested" and current and not asked:
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
