"""How people are known: which contact an identity leads to, and who is remembered by which.

A retired identity is the person's no more (its number changed): it still tells who somebody was
when an import or a proof names it, but whoever writes from it is somebody else, and takes it over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from gateway.ids import new_id
from gateway.message import Identity
from gateway.numbers import variants
from gateway.store.sqlite.connection import SqliteTransaction

FIND = (
    "SELECT contact_id, retired_at, first_seen, sender FROM identities WHERE kind = ? AND value = ?"
)
OF_CONTACT = """
SELECT kind, value, retired_at, first_seen, sender FROM identities WHERE contact_id = ?
"""
DELIVERIES = """
SELECT d.id, d.message_id, d.sender, d.state
FROM messages m CROSS JOIN deliveries d ON d.message_id = m.id AND d.contact_id = ?1
WHERE m.contact_id IS NULL
UNION ALL
SELECT d.id, d.message_id, d.sender, d.state
FROM messages m CROSS JOIN deliveries d ON d.message_id = m.id AND d.contact_id = ?1
WHERE m.contact_id IS NOT NULL AND m.contact_id = ?1
"""
"""All deliveries of a contact, by way of the messages: they are far fewer, and an index by contact
would cost every fan-out."""
MERGED = "SELECT id FROM contacts WHERE merged_into = ?"
MERGED_INTO = "SELECT merged_into FROM contacts WHERE id = ?"
REMEMBER = """
INSERT INTO identities (kind, value, contact_id, first_seen, sender) VALUES (?1, ?2, ?3, ?4, ?5)
ON CONFLICT (kind, value) DO UPDATE SET
  contact_id = excluded.contact_id, first_seen = excluded.first_seen, retired_at = NULL,
  sender = excluded.sender
WHERE retired_at IS NOT NULL AND ?5 <> ''
"""
RETIRE = "UPDATE identities SET retired_at = ? WHERE kind = ? AND value = ?"
NAME = """
UPDATE contacts SET language = coalesce(language, ?),
       name = CASE name WHEN '' THEN ? ELSE name END WHERE id = ?
"""


class Known(NamedTuple):
    """An identity as it is kept, and by whom it was first shown ("": by an input)."""

    identity: Identity
    contact: int
    retired: bool
    since: int
    sender: str


def look(tx: SqliteTransaction, identity: Identity) -> Known | None:
    """Return what is kept under exactly this identity."""
    row = tx.one(FIND, (identity.kind, identity.value))
    return Known(identity, row[0], row[1] is not None, row[2], row[3]) if row else None


def known(
    tx: SqliteTransaction, identities: Iterable[Identity], *, retired: bool = True
) -> Iterator[Known]:
    """Yield what is kept under the identities, then under other spellings of them."""
    given = tuple(identities)
    others = [other for one in given for other in variants(one)[1:]]
    for identity in (*given, *others):
        found = look(tx, identity)
        if found is not None and (retired or not found.retired):
            yield found


def find(
    tx: SqliteTransaction, identities: Iterable[Identity], *, retired: bool = True
) -> int | None:
    """Return the contact that any of the identities leads to: the first one given wins, and what
    is written exactly so comes before another spelling of the number."""
    return next((one.contact for one in known(tx, identities, retired=retired)), None)


def find_all(
    tx: SqliteTransaction, identities: Iterable[Identity], *, retired: bool = True
) -> set[int]:
    """Return every contact that one of the identities leads to."""
    return {one.contact for one in known(tx, identities, retired=retired)}


def of_contact(tx: SqliteTransaction, contact: int) -> list[Known]:
    """Return all identities of a contact, retired ones too."""
    return [
        Known(Identity(kind, value), contact, retired is not None, since, sender)
        for kind, value, retired, since, sender in tx.rows(OF_CONTACT, (contact,))
    ]


def current(tx: SqliteTransaction, contact: int) -> int:
    """Return the contact that this one was merged into, or itself."""
    row = tx.one(MERGED_INTO, (contact,))
    return contact if row is None or row[0] is None else int(row[0])


def same(tx: SqliteTransaction, contact: int) -> tuple[int, ...]:
    """Return the contact and all that were merged into it: whose events are that person's."""
    return (contact, *(id for (id,) in tx.rows(MERGED, (contact,))))


def know(
    tx: SqliteTransaction,
    identities: tuple[Identity, ...],
    at: int,
    *,
    language: str | None = None,
    name: str = "",
    sender: str = "",
) -> int:
    """Return the contact of these identities, made if it is new, and remember all of them.

    An identity that leads to another contact stays there.  With `sender` the provider itself
    showed them: then a retired one leads nowhere, and becomes this person's.
    """
    contact = find(tx, identities, retired=not sender)
    if contact is None:
        contact = new_id()
        tx.execute(
            "INSERT INTO contacts (id, language, name, created_at) VALUES (?, ?, ?, ?)",
            (contact, language, name, at),
        )
    elif language or name:
        tx.execute(NAME, (language, name, contact))
    for identity in identities:
        remember(tx, contact, identity, at, sender)
        for other in variants(identity)[1:] if sender else ():
            if look(tx, other) is not None:  # the same number, taken over with it
                remember(tx, contact, other, at, sender)
    return contact


def remember(
    tx: SqliteTransaction, contact: int, identity: Identity, at: int, sender: str = ""
) -> None:
    """Remember a contact by an identity, unless it is somebody's; see `know`."""
    tx.execute(REMEMBER, (identity.kind, identity.value, contact, at, sender))


def retire(tx: SqliteTransaction, identity: Identity, at: int) -> None:
    """Note that an identity is its person's no more."""
    tx.execute(RETIRE, (at, identity.kind, identity.value))
