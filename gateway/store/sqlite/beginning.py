"""begin: the last look and the intent to send, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from gateway.message import Basis, Message
from gateway.store.protocol import Decision, DeliveryState, Intent, Refusal
from gateway.store.sqlite import moving, remembering, troubles
from gateway.store.sqlite.asking import begun, may_ask, requested
from gateway.store.sqlite.connection import SqliteTransaction, as_json
from gateway.store.sqlite.leasing import OF_WHOM, PAUSED_BY_PERSON, decide
from gateway.store.sqlite.moving import ATTEMPTS, Moving, Start
from gateway.store.states import Cause, may_begin

LOOK = f"""
SELECT json_group_array(json_array(d.id, d.state, d.node, d.tries, d.contact_id, d.sender,
       m.id, m.kind, m.topic, m.state, m.paused, m.expires_at,
       (SELECT s.reason FROM stops s WHERE s.scope IN ('all', 'sender:' || d.sender)
        OR (m.kind = 'marketing' AND s.scope IN ('marketing', 'marketing:' || d.sender)) LIMIT 1),
       c.state, c.event, p.paused_until,
       (SELECT max(t.until) FROM troubles t WHERE t.contact_id = c.contact_id)))
FROM json_each(?) j CROSS JOIN deliveries d ON d.id = j.value {OF_WHOM}
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

    id: int
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
    consent: str | None
    event: int | None
    paused_until: int | None
    troubled: int | None


_looks = msgspec.json.Decoder(list[Look]).decode


def begin_all(
    tx: SqliteTransaction, asked: Sequence[tuple[Sequence[Intent], str]]
) -> list[list[Refusal | None]]:
    """See Store.begin: the last look and the intents, for all who ask at the same time; `asked` holds
    (intents, node)."""
    ids = [intent.delivery.id for intents, _ in asked for intent in intents]
    (found,) = tx.one(LOOK, (as_json(ids),)) or ("[]",)
    looks = {look.id: look for look in _looks(found)}
    going: list[tuple[Look, Basis, Intent]] = []
    answers: list[list[Refusal | None]] = []
    for intents, node in asked:
        answers.append([])
        for intent in intents:
            last = _last_look(tx, looks, intent, node)
            if isinstance(last, Refusal):
                answers[-1].append(last)
                continue
            answers[-1].append(None)
            going.append((*last, intent))
            if last[0].kind == "confirmation":  # who else wants to ask this person has to see it
                _begin(tx, going)
                going = []
    if going:
        _begin(tx, going)
    return answers


def _last_look(
    tx: SqliteTransaction, looks: dict[int, Look], intent: Intent, node: str
) -> tuple[Look, Basis] | Refusal:
    """Return by which basis a delivery goes, or why it does not; then it is put away."""
    delivery, basis = intent.delivery, intent.delivery.basis
    look = looks.get(delivery.id)
    if (
        look is None
        or (look.state, look.node) != (DeliveryState.LEASED, node)
        or look.tries + 1 != delivery.attempt
        or (look.contact, look.sender) != (delivery.contact, delivery.sender)
    ):
        return Refusal("withdrawn", "somebody took the delivery away", True)
    del looks[look.id]
    refusal = _refusal(tx, look, intent)
    if refusal is None and basis is not None:
        return look, basis
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


def _begin(tx: SqliteTransaction, going: Sequence[tuple[Look, Basis, Intent]]) -> None:
    """Store intents, of deliveries that go."""
    starts: list[Start] = []
    attempts: list[tuple[int, int, str, bytes, int]] = []
    uses: list[tuple[str, int, int, str, int]] = []
    for look, basis, intent in going:
        delivery, at = intent.delivery, intent.at
        leased = Moving(look.id, look.message, look.contact, look.sender, look.state)
        why = basis.text or basis.kind
        starts.append(Start(leased, delivery.attempt, why, basis.event, at))
        form = delivery.content.form
        attempts.append((delivery.id, delivery.attempt, form, intent.content, at))
        uses += [(use.key, use.at, delivery.id, use.subject, use.until) for use in intent.uses]
        _keep_content(tx, intent)
        remembering.begun(
            tx, delivery.id, delivery.attempt, form, look.message, delivery.identities, at,
            intent.uses,
        )  # fmt: skip
    moving.begin(tx, starts)
    moving.attempts(tx, attempts)
    moving.uses(tx, uses)
    for look, basis, intent in going:
        if look.kind == "confirmation":
            requests = requested(_message(tx, look.message), basis.event)
            begun(tx, look.id, requests, intent.at)


def _keep_content(tx: SqliteTransaction, intent: Intent) -> None:
    """Keep what is sent, once, and note now and then that it still is."""
    if tx.known_contents.get(intent.content, 0) <= intent.at - NOTED_AGAIN:
        tx.execute(CONTENT, (intent.content, intent.body, intent.at))
        if len(tx.known_contents) > REMEMBERED_CONTENTS:
            tx.known_contents.clear()
        tx.known_contents[intent.content] = intent.at


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
        current = look.event is not None and look.event == basis.event
        if basis.kind != "consent" or look.consent != "confirmed" or not current:
            return Refusal("no_consent", "no current consent for the topic", True)
        if look.paused_until is not None and look.paused_until > intent.at:
            return Refusal(PAUSED_BY_PERSON, "the person wants nothing at the moment", True)
        why = troubles.why_not(look.troubled, intent.at)
        if why is not None:
            final = why[0] == troubles.UNREACHABLE
            return Refusal(*why, final, until=None if final else look.troubled)
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
