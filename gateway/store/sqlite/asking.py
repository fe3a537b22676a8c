"""Questions about requests: one for each, for ever; what came of them, and when they are over."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from gateway.inbound import ConsentEvent
from gateway.message import Content, Message
from gateway.store.protocol import moment
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import append, facts, said

ASKED = "SELECT 1 FROM questions WHERE event = ? AND delivery_id <> ?"
QUESTION = "INSERT INTO questions (event, delivery_id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
OPEN_REQUEST = """
SELECT topic FROM consents WHERE contact_id = ? AND event = ? AND state = 'requested'
"""
REQUESTS_OF = """
SELECT q.event, e.topic, q.asked FROM questions q JOIN consent_events e ON e.number = q.event
WHERE q.delivery_id = ?
"""
TOLD = "UPDATE questions SET asked = ? WHERE event = ?"
CONTENT_OF = """
SELECT a.content, c.body FROM attempts a JOIN contents c ON c.hash = a.content
WHERE a.delivery_id = ? AND a.n = ?
"""
OVER = """
SELECT contact_id, topic, event FROM consents WHERE state = 'requested' AND since < ?
ORDER BY since LIMIT ?
"""

_content: Callable[[bytes], Content] = msgspec.json.Decoder(Content).decode


def may_ask(
    tx: SqliteTransaction, contact: int, message: Message, requests: Iterable[int], delivery: int
) -> bool:
    """Return whether all of these requests are this person's, still open, and not asked about by
    another delivery.  A message that names none asks about its topic."""
    for request in requests:
        row = tx.one(OPEN_REQUEST, (contact, request))
        if row is None or tx.one(ASKED, (request, delivery)):
            return False
        if not message.requests and row[0] != message.topic:
            return False
    return True


def requested(message: Message, request: int | None) -> tuple[int, ...]:
    """Return the requests that a confirmation asks about: those it names, or that of its topic."""
    return message.requests or ((request,) if request is not None else ())


def begun(tx: SqliteTransaction, delivery: int, requests: Iterable[int], at: int) -> None:
    """Note that a delivery asks about the requests; nothing else ever does."""
    for request in requests:
        tx.execute(QUESTION, (request, delivery, at))


def asked(
    tx: SqliteTransaction,
    delivery: int,
    contact: int,
    sender: str,
    n: int,
    provider_id: str | None,
    at: int,
) -> None:
    """Note, once per request, that the provider took the question, and in which words."""
    for request, topic, told in list(tx.rows(REQUESTS_OF, (delivery,))):
        if told is not None:
            continue
        digest, body = tx.one(CONTENT_OF, (delivery, n)) or (b"", None)
        event = ConsentEvent(
            name="asked", at=moment(at), topic=topic, source=f"question by {sender}", sender=sender,
            evidence={
                # What was sent goes before the proof does; the words of the question stay with it.
                "question": provider_id or "", "content": digest.hex(),
                "text": _content(body).rendered if body else "",
            },
        )  # fmt: skip
        number = append(tx, contact, topic, event, at, request=request).number
        tx.execute(TOLD, (number, request))


def unasked(
    tx: SqliteTransaction, delivery: int, contact: int, sender: str, code: str, at: int
) -> None:
    """Tell that a question failed for good: the person has to ask again, for it is not repeated."""
    for request, topic, _ in list(tx.rows(REQUESTS_OF, (delivery,))):
        tx.journal(
            at, "consent.unasked", contact=contact, delivery=delivery, sender=sender, code=topic,
            detail=code, consent=request,
        )  # fmt: skip


def expire(tx: SqliteTransaction, asked_before: int, at: int, limit: int) -> int:
    """See PeopleStore.expire_requests."""
    found = list(tx.rows(OVER, (asked_before, limit)))
    for contact, topic, request in found:
        over_at = moment(said(facts(tx, contact), None, at))
        event = ConsentEvent(name="expired", at=over_at, topic=topic, source="no answer in time")
        append(tx, contact, topic, event, at, request=request)
    return len(found)
