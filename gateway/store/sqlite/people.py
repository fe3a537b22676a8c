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

STATE_AFTER = {
    "requested": "requested",
    "asked": "requested",
    "confirmed": "confirmed",
    "imported": "confirmed",
    "refused": "refused",
    "withdrawn": "withdrawn",
    "expired": "expired",
}
"""What a consent is after an event.  `moved` changes nothing."""

FIND_CONTACT = "SELECT contact_id FROM identities WHERE kind = ? AND value = ?"
CONSENTS_OF = "SELECT topic, state, event FROM consents WHERE contact_id = ?"
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


def know(
    tx: SqliteTransaction,
    identities: tuple[Identity, ...],
    at: int,
    *,
    language: str | None = None,
    name: str = "",
) -> int:
    """Return the contact of these identities, made if it is new, and remember all of them.

    An identity that leads to somebody else stays there.
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
    return contact


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
    tx: SqliteTransaction, contact: int, topic: str, event: ConsentEvent, recorded_at: int
) -> int:
    """Append one consent event to the chain and derive the state.  Returns its number."""
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
    if state:
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

    A withdrawal that is known here wins over whatever an import says, and an import adds
    nothing to a consent that already stands.
    """
    contact = know(tx, person.identities, at, language=person.language, name=person.name)
    for event in person.events:
        if event.name == "withdrawn":
            withdraw(tx, contact, event.source, at, topic=event.topic, evidence=event.evidence)
            continue
        if event.topic is None:
            continue
        states = {topic: state for topic, state, _ in tx.rows(CONSENTS_OF, (contact,))}
        current = states.get(event.topic)
        withdrawn = "withdrawn" in (current, states.get(EVERYTHING))
        if event.name == "imported" and (withdrawn or current == "confirmed"):
            continue
        append(tx, contact, event.topic, event, at)
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

    What is being sent at this moment stays; the caller waits for it before it answers.
    """
    topics = {name for name, _, _ in tx.rows(CONSENTS_OF, (contact,))} | {EVERYTHING}
    if topic is not None:
        topics = {topic}
    event = ConsentEvent(
        name="withdrawn", at=moment(said_at or at), source=source, evidence=evidence or {}
    )
    current = {name: state for name, state, _ in tx.rows(CONSENTS_OF, (contact,))}
    for name in sorted(topics):
        if current.get(name) != "withdrawn":
            append(tx, contact, name, event, at)
    dropped = 0
    for delivery, message, state, sender in list(tx.rows(OPEN_OF_CONTACT, (contact,))):
        if state == DeliveryState.SENDING:
            continue
        if topic is not None:
            of = tx.one("SELECT topic FROM messages WHERE id = ?", (message,))
            if of is None or of[0] != topic:
                continue
        drop(tx, delivery, message, state, "withdrawn", "the person withdrew", at)
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
            code="withdrawn",
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
