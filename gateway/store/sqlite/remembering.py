"""What goes into the replay file, and what is known from it of messages that come a second time."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from gateway.consent_state import SWITCH
from gateway.message import Identity, Message
from gateway.replay import Begun, Erased, Withdrawn
from gateway.store.protocol import QuotaUse
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import of_contact, same
from gateway.store.sqlite.suppression import digest, hashes

MESSAGE = "SELECT input, original FROM messages WHERE id = ?"
SENT_BEFORE = "SELECT 1 FROM delivered_before WHERE message = ? AND contact = ?"

SHORT = 16
"""Bytes of a person's hash that tell whether a message was sent to that person."""

REMEMBERED_KEYS = 1_000

_decode = msgspec.json.Decoder(Message).decode


def key_of(input: str, external_id: str) -> bytes:
    """Return the hash that remembers (input, external id), also after a purge."""
    return hashlib.sha256(f"{input}\0{external_id}".encode()).digest()[:16]


def withdrew(
    tx: SqliteTransaction, contact: int, topic: str, source: str, sender: str, said_at: int, at: int
) -> None:
    """Remember that a person withdrew."""
    if tx.replay is None or tx.suppression is None:
        return
    people = tuple(sorted(hashes(tx.suppression, _known_by(tx, contact))))
    tx.remember(
        Withdrawn(
            at=at, said_at=said_at, topic=topic, by_switch=source.startswith(SWITCH),
            sender=sender, people=people,
        )
    )  # fmt: skip


def erased(tx: SqliteTransaction, identities: Iterable[Identity], at: int) -> None:
    """Remember that a person was erased."""
    if tx.replay is not None and tx.suppression is not None:
        people = tuple(sorted(hashes(tx.suppression, identities)))
        tx.remember(Erased(at=at, people=people))


def begun(
    tx: SqliteTransaction,
    delivery: int,
    n: int,
    form: str,
    message: int,
    identities: Iterable[Identity],
    at: int,
    uses: Iterable[QuotaUse],
) -> None:
    """Remember that an attempt begins; in the transaction that stores the intent."""
    if tx.replay is None or tx.suppression is None:
        return
    people = tuple([digest(tx.suppression, one)[:SHORT] for one in identities])
    used = tuple([(use.key, use.at, use.subject, use.until) for use in uses])
    tx.remember(Begun(at, delivery, n, form, message_key(tx, message), people, used))


def sent_before(tx: SqliteTransaction, contact: int, message: int) -> bool:
    """Return whether a message went to a person before the database was restored."""
    if not tx.sent_before or tx.suppression is None:
        return False
    key = message_key(tx, message)
    known = hashes(tx.suppression, _known_by(tx, contact))
    return any(tx.one(SENT_BEFORE, (key, one[:SHORT])) for one in known)


def message_key(tx: SqliteTransaction, message: int) -> bytes:
    """Return the hash of a message's (input, external id), as it was accepted."""
    found = tx.message_keys.get(message)
    if found is None:
        input, original = tx.one(MESSAGE, (message,)) or ("", b"")
        found = key_of(input, _decode(original).external_id)
        if len(tx.message_keys) > REMEMBERED_KEYS:
            tx.message_keys.clear()
        tx.message_keys[message] = found
    return found


def _known_by(tx: SqliteTransaction, contact: int) -> list[Identity]:
    return [
        one.identity for id in same(tx, contact) for one in of_contact(tx, id) if not one.retired
    ]
