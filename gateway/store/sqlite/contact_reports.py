"""What is read about one contact for commands.  A contact that was merged is the one it became."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.message import Identity
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import current, find, same

KINDS = ("phone", "user_id", "parent_user_id")

CONTACT = """
SELECT id, language, name, created_at, paused_until, per_week, legal_hold, erased_at
FROM contacts WHERE id = ?
"""
IDENTITIES = """
SELECT kind, value, first_seen, retired_at FROM identities WHERE contact_id = ?
ORDER BY retired_at, first_seen
"""
CONSENTS = "SELECT topic, state, event, since FROM consents WHERE contact_id = ?"
EVENTS = """
SELECT e.number, e.at, e.topic, e.name, e.source, v.evidence, w.language, w.version, e.wording,
       w.text
FROM consent_events e LEFT JOIN consent_evidence v ON v.number = e.number
     LEFT JOIN wordings w ON w.hash = e.wording
WHERE e.contact_id = ? ORDER BY e.number
"""
WINDOWS = "SELECT sender, until FROM windows WHERE contact_id = ?"
INBOUND = """
SELECT at, kind, words, caption, provider_id FROM inbound WHERE contact_id = ?
ORDER BY id DESC LIMIT 20
"""
LOOKUPS = "SELECT at, who, what FROM lookups WHERE contact_id = ? ORDER BY id DESC LIMIT 20"

Row = dict[str, Any]


def find_contact(tx: SqliteTransaction, identity: str) -> int | None:
    """Return the contact that an identity's value leads to, whatever its kind."""
    if not identity.strip():
        return None
    return find(tx, [Identity(kind, identity) for kind in KINDS])


def contact(tx: SqliteTransaction, id: int) -> Row | None:
    """Return all that is known of a contact."""
    id = current(tx, id)
    row = tx.one(CONTACT, (id,))
    if row is None:
        return None
    names = (
        "id", "language", "name", "created_at", "paused_until", "per_week", "legal_hold",
        "erased_at",
    )  # fmt: skip
    everybody = same(tx, id)
    events = [event for one in everybody for event in tx.rows(EVENTS, (one,))]
    return {
        **dict(zip(names, row, strict=True)),
        "merged": list(everybody[1:]),
        "identities": _rows(tx, IDENTITIES, id, "kind", "value", "first_seen", "retired_at"),
        "consents": _rows(tx, CONSENTS, id, "topic", "state", "event", "since"),
        "events": [
            {
                "number": number,
                "at": at,
                "topic": topic,
                "name": name,
                "source": source,
                "evidence": msgspec.json.decode(evidence) if evidence else None,
                "wording": f"{language} {version} ({seen.hex()[:8]})" if seen else "",
                "shown": text or "",
            }
            for number, at, topic, name, source, evidence, language, version, seen, text in sorted(
                events, key=lambda event: int(event[0])
            )
        ],
        "windows": _rows(tx, WINDOWS, id, "sender", "until"),
        "inbound": _rows(tx, INBOUND, id, "at", "kind", "words", "caption", "provider_id"),
        "lookups": _rows(tx, LOOKUPS, id, "at", "who", "what"),
    }


def _rows(tx: SqliteTransaction, sql: str, id: int, *names: str) -> list[Row]:
    return [dict(zip(names, row, strict=True)) for row in tx.rows(sql, (id,))]
