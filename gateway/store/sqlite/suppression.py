"""Who was erased and must not come back by an import: remembered by keyed hashes alone.

The key lies apart from the database (gateway.keys): without it a hash tells nothing, although a
phone number could be guessed.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

from gateway.errors import StoreError
from gateway.message import Identity
from gateway.numbers import variants
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import of_contact, same

ERASED = "erased"
"""Why somebody who was erased is remembered; others withdrew before a restore (replaying.py)."""

IS_SUPPRESSED = "SELECT 1 FROM suppressed WHERE hash = ?"
SUPPRESS = "INSERT INTO suppressed VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING"
LIFT = "DELETE FROM suppressed WHERE hash = ?"


def digest(key: bytes, identity: Identity) -> bytes:
    """Return HMAC-SHA256(key, kind NUL value) of an identity, as it is spelled."""
    return hmac.digest(key, f"{identity.kind}\0{identity.value}".encode(), hashlib.sha256)


def hashes(key: bytes, identities: Iterable[Identity]) -> set[bytes]:
    """Return the digest of every spelling of the identities."""
    return {digest(key, one) for identity in identities for one in variants(identity)}


def suppress(tx: SqliteTransaction, identities: Iterable[Identity], reason: str, at: int) -> int:
    """Remember identities; returns how many hashes were added.  Raises StoreError without a key:
    who is forgotten without a trace comes back with the next import."""
    if tx.suppression is None:
        raise StoreError("there is no key for what must not come back; nothing was erased")
    added = 0
    for one in sorted(hashes(tx.suppression, identities)):
        tx.execute(SUPPRESS, (one, at, reason))
        added += tx.changed()
    return added


def is_suppressed(tx: SqliteTransaction, identities: Iterable[Identity]) -> bool:
    """Return whether one of the identities belongs to somebody who was erased."""
    if tx.suppression is None:
        return False
    return any(tx.one(IS_SUPPRESSED, (one,)) for one in hashes(tx.suppression, identities))


def lift(tx: SqliteTransaction, contact: int, at: int) -> None:
    """Forget the hashes of a contact: this person said yes again, by an act of their own."""
    if tx.suppression is None:
        return
    identities = [
        one.identity for id in same(tx, contact) for one in of_contact(tx, id) if not one.retired
    ]
    lifted = 0
    for one in hashes(tx.suppression, identities):
        tx.execute(LIFT, (one,))
        lifted += tx.changed()
    if lifted:
        tx.journal(at, "contact.unsuppressed", contact=contact)
