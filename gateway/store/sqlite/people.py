"""Contacts, identities and consents: who is known, and what they agreed to.

`consent_events` is chained: each row's hash covers the previous hash, so that a changed, deleted
or moved row is found.  The head is read in the transaction that writes, never cached.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable

import msgspec

from gateway.ids import new_id
from gateway.inbound import ConsentEvent, Person
from gateway.message import Identity
from gateway.store.protocol import DeliveryState, micros, moment
from gateway.store.sqlite.connection import SqliteTransaction

EVERYTHING = "*"
"""The topic of a withdrawal that concerns all topics."""

WITHDRAWN = "withdrawn"
"""Code of what was dropped by a withdrawal; on a row in the air: not to be tried again."""

STATE_AFTER = {
    "requested": "requested",
    "confirmed": "confirmed",
    "imported": "confirmed",
    "refused": "refused",
    "withdrawn": "withdrawn",
    "expired": "expired",
}
"""What a consent is after an event.  `asked` and `moved` change nothing."""

UNMOVED = {
    "requested": ("requested", "confirmed"),
    "confirmed": ("confirmed",),
    "imported": ("confirmed", "withdrawn", "refused"),
    "refused": ("withdrawn",),
    "expired": ("withdrawn", "refused"),
}
"""Event → states that it does not move: a form sent twice does not suspend a consent, nor open a
second request, and nothing but the person's own act lifts a withdrawal or a refusal."""

FIND_CONTACT = "SELECT contact_id FROM identities WHERE kind = ? AND value = ?"
CONSENTS_OF = """
SELECT c.topic, c.state, e.at FROM consents c JOIN consent_events e ON e.number = c.event
WHERE c.contact_id = ?
"""
STANDING = """
SELECT c.state, e.at FROM consents c JOIN consent_events e ON e.number = c.event
WHERE c.contact_id = ? AND c.topic IN (?, '*') ORDER BY c.event DESC LIMIT 1
"""
NOT_AGAIN = f"UPDATE deliveries SET code = '{WITHDRAWN}' WHERE id = ?"
TOPIC_OF = "SELECT topic FROM messages WHERE id = ?"
HEAD = "SELECT number, hash FROM consent_events ORDER BY number DESC LIMIT 1"
OPEN_OF_CONTACT = (
    "SELECT id, message_id, state, sender FROM deliveries WHERE contact_id = ? AND state < 5"
)


def find(tx: SqliteTransaction, identities: Iterable[Identity]) -> int | None:
    """Return the contact that any of the identities leads to, the first one given winning."""
    for identity in identities:
        row = tx.one(FIND_CONTACT, (identity.kind, identity.value))
        if row:
            return int(row[0])
    return None


def find_all(tx: SqliteTransaction, identities: Iterable[Identity]) -> set[int]:
    """Return every contact that one of the identities leads to."""
    rows = (tx.one(FIND_CONTACT, (identity.kind, identity.value)) for identity in identities)
    return {int(row[0]) for row in rows if row}


def know(
    tx: SqliteTransaction,
    identities: tuple[Identity, ...],
    at: int,
    *,
    language: str | None = None,
    name: str = "",
) -> int:
    """Return the contact of these identities, made if it is new, and remember all of them.

    An identity that leads to another contact stays there; but then both are one person, and who
    withdrew as one of them has withdrawn as both.
    """
    contact = find(tx, identities)
    if contact is None:
        contact = new_id()
        tx.execute(
            "INSERT INTO contacts (id, language, name, created_at) VALUES (?, ?, ?, ?)",
            (contact, language, name, at),
        )
    elif language or name:
        tx.execute(
            "UPDATE contacts SET language = coalesce(language, ?),"
            " name = CASE name WHEN '' THEN ? ELSE name END WHERE id = ?",
            (language, name, contact),
        )
    for identity in identities:
        tx.execute(
            "INSERT INTO identities (kind, value, contact_id, first_seen) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO NOTHING",
            (identity.kind, identity.value, contact, at),
        )
    same = find_all(tx, identities)
    if len(same) > 1:
        gone = {who for who in same if _withdrew(tx, who)}
        for who in sorted(same - gone) if gone else ():
            withdraw(tx, who, "withdrew as another contact of the same person", at)
    return contact


def _withdrew(tx: SqliteTransaction, contact: int) -> bool:
    rows = tx.rows(CONSENTS_OF, (contact,))
    return any(topic == EVERYTHING and state == "withdrawn" for topic, state, _ in rows)


def agreed_after(tx: SqliteTransaction, contact: int, at: int) -> bool:
    """Return whether the contact agreed to something after a moment, and that still stands."""
    rows = tx.rows(CONSENTS_OF, (contact,))
    return any(state == "confirmed" and since > at for _, state, since in rows)


def row_hash(
    previous: bytes,
    number: int,
    at: int,
    recorded_at: int,
    contact: int,
    topic: str,
    name: str,
    source: str,
    commitment: bytes,
) -> bytes:
    """Return the hash of a row of consent_events: SHA-256 over the previous hash and the row."""
    row = msgspec.json.encode(
        [number, at, recorded_at, contact, topic, name, source, commitment.hex()]
    )
    return hashlib.sha256(previous + row).digest()


def commit_to(salt: bytes, evidence: str) -> bytes:
    """Return the commitment that stands for evidence in the chain."""
    return hashlib.sha256(salt + evidence.encode()).digest()


def append(
    tx: SqliteTransaction,
    contact: int,
    topic: str,
    event: ConsentEvent,
    recorded_at: int,
    *,
    moves: bool = True,
) -> int:
    """Append one consent event to the chain and derive the state, unless it is one that moves
    nothing.  Returns its number."""
    head = tx.one(HEAD)
    number, previous = (int(head[0]) + 1, bytes(head[1])) if head else (1, bytes(32))
    evidence = msgspec.json.encode(event.evidence, order="sorted").decode()
    salt = secrets.token_bytes(16)
    commitment = commit_to(salt, evidence)
    at = micros(event.at)
    digest = row_hash(
        previous, number, at, recorded_at, contact, topic, event.name, event.source, commitment
    )
    tx.execute(
        "INSERT INTO consent_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            at,
            recorded_at,
            contact,
            topic,
            event.name,
            event.source,
            commitment,
            previous,
            digest,
        ),
    )
    tx.execute("INSERT INTO consent_evidence VALUES (?, ?, ?)", (number, salt, evidence))
    state = STATE_AFTER.get(event.name)
    if state and moves:
        tx.execute(
            "INSERT INTO consents (topic, contact_id, state, event, since) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (topic, contact_id) DO UPDATE SET state = excluded.state,"
            " event = excluded.event, since = excluded.since",
            (topic, contact, state, number, recorded_at),
        )
    tx.journal(
        recorded_at, f"consent.{event.name}", contact=contact, code=topic, detail=event.source
    )
    return number


def take_person(tx: SqliteTransaction, person: Person, at: int) -> int:
    """Take a person with the events that an input knows of.  Returns the contact.

    A withdrawal or refusal that is known here wins over whatever an import says, and over what
    the person did before it and we are told late.  An import that changes nothing is not
    recorded; what a person did always is.
    """
    contact = know(tx, person.identities, at, language=person.language, name=person.name)
    for event in person.events:
        topic = None if event.topic == EVERYTHING else event.topic
        if event.name == "withdrawn":
            withdraw(
                tx,
                contact,
                event.source,
                at,
                topic=topic,
                evidence=event.evidence,
                said_at=micros(event.at),
            )
        elif topic is not None:
            row = tx.one(STANDING, (contact, topic))
            state, since = row if row else (None, 0)
            moves = state not in UNMOVED.get(event.name, ())
            if state in ("withdrawn", "refused"):
                moves = moves and micros(event.at) > since
            if moves or event.name != "imported":
                append(tx, contact, topic, event, at, moves=moves)
    return contact


def withdraw(
    tx: SqliteTransaction,
    contact: int,
    source: str,
    at: int,
    *,
    topic: str | None = None,
    evidence: dict[str, str] | None = None,
    said_at: int | None = None,
) -> int:
    """Revoke (one topic, or everything) and drop what is open.  Returns how many were dropped.

    What is being sent at this moment stays, and is not tried again; the caller waits for it
    before it answers.
    """
    said_at = at if said_at is None else min(said_at, at)
    target = topic or EVERYTHING
    current = {name: (state, when) for name, state, when in tx.rows(CONSENTS_OF, (contact,))}
    event = ConsentEvent(
        name="withdrawn", at=moment(said_at), source=source, evidence=evidence or {}
    )
    for name in sorted({target} if topic else {*current, target}):
        state, when = current.get(name, (None, 0))
        if state != "withdrawn" or (name == target and when < said_at):
            append(tx, contact, name, event, at)
    dropped = 0
    for delivery, message, state, sender in list(tx.rows(OPEN_OF_CONTACT, (contact,))):
        if topic is not None:
            of = tx.one(TOPIC_OF, (message,))
            if of is None or of[0] != topic:
                continue
        if state == DeliveryState.SENDING:
            tx.execute(NOT_AGAIN, (delivery,))
            continue
        drop(tx, delivery, message, state, WITHDRAWN, "the person withdrew", at)
        if state == DeliveryState.LEASED:
            tx.execute(
                "DELETE FROM in_flight WHERE sender = ? AND contact_id = ? AND delivery_id = ?",
                (sender, contact, delivery),
            )
        tx.journal(
            at,
            "delivery.dropped",
            message=message,
            delivery=delivery,
            contact=contact,
            sender=sender,
            code=WITHDRAWN,
            detail="the person withdrew",
        )
        dropped += 1
    return dropped


def drop(
    tx: SqliteTransaction, delivery: int, message: int, state: int, code: str, reason: str, at: int
) -> None:
    """Mark an open delivery as dropped."""
    tx.execute(
        "UPDATE deliveries SET state = 11, node = NULL, code = ?, reason = ?, changed_at = ?"
        " WHERE id = ?",
        (code, reason, at, delivery),
    )
    tx.move(message, state, DeliveryState.DROPPED)
