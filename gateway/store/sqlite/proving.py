"""All that is kept about one person's consents and messages, for a proof.

Values are plain; times are UTC microseconds, hashes hex.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from gateway.message import Content, Message, Template
from gateway.store.protocol import AttemptState, DeliveryState
from gateway.store.sqlite import ledgering
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import same

Row = dict[str, Any]

_message = msgspec.json.Decoder(Message).decode
_content: Callable[[bytes], Content] = msgspec.json.Decoder(Content).decode

SENT = """
SELECT d.id, d.state, d.code, d.reason, d.basis, d.basis_event, m.number, m.kind, m.topic, m.body
FROM messages m CROSS JOIN deliveries d ON d.message_id = m.id AND d.contact_id = ?
WHERE d.tries > 0 ORDER BY m.id
"""
ATTEMPTS = """
SELECT a.n, a.state, a.form, a.began_at, a.sent_at, a.delivered_at, a.read_at, a.failed_at,
       a.provider_id, a.code, a.detail, c.body
FROM attempts a LEFT JOIN contents c ON c.hash = a.content WHERE a.delivery_id = ? ORDER BY a.n
"""
INBOUND = """
SELECT provider_id, sender, kind, words, caption, button, quoted, act, at, received_at, raw
FROM inbound WHERE contact_id = ? ORDER BY id
"""
CHANGES = """
SELECT at, name, sender, code, detail FROM journal
WHERE contact_id = ? AND delivery_id IS NULL
  AND (name LIKE 'consent.%' OR name LIKE 'contact.%') ORDER BY id
"""


def person(tx: SqliteTransaction, id: int) -> Row | None:
    """Return a person and everything that belongs to a proof; None if nobody has that id."""
    found = tx.one("SELECT coalesce(merged_into, id) FROM contacts WHERE id = ?", (id,))
    if found is None:
        return None
    kept = found[0]
    contacts = same(tx, kept)
    language, name, created_at, erased_at = tx.one(
        "SELECT language, name, created_at, erased_at FROM contacts WHERE id = ?", (kept,)
    ) or (None, "", 0, None)
    events = [event for one in contacts for event in _events(tx, one)]
    return {
        "contact": kept,
        "contacts": sorted(contacts),
        "name": name,
        "language": language,
        "known_since": created_at,
        "erased_at": erased_at,
        "identities": _each(tx, _identities, contacts),
        "states": _states(tx, kept),
        "events": sorted(events, key=lambda event: int(event["number"])),
        "wordings": _wordings(tx, {event["wording"] for event in events}),
        "received": sorted(_each(tx, _received, contacts), key=lambda row: int(row["at"])),
        "sent": _each(tx, _sent, contacts),
        "changes": _each(tx, _changes, contacts),
        "files": _each(tx, _files, contacts),
    }


def _each(
    tx: SqliteTransaction,
    read: Callable[[SqliteTransaction, int], list[Row]],
    contacts: Sequence[int],
) -> list[Row]:
    return [row for contact in contacts for row in read(tx, contact)]


def _identities(tx: SqliteTransaction, contact: int) -> list[Row]:
    return [
        {"kind": kind, "value": value, "since": since, "until": until}
        for kind, value, since, until in tx.rows(
            "SELECT kind, value, first_seen, retired_at FROM identities WHERE contact_id = ?"
            " ORDER BY first_seen",
            (contact,),
        )
    ]


def _states(tx: SqliteTransaction, contact: int) -> list[Row]:
    return [
        {"topic": topic, "state": state, "event": event, "since": since}
        for topic, state, event, since in tx.rows(
            "SELECT topic, state, event, since FROM consents WHERE contact_id = ? ORDER BY topic",
            (contact,),
        )
    ]


def _events(tx: SqliteTransaction, contact: int) -> list[Row]:
    return [
        {
            **entry.row._asdict(),
            "commitment": entry.row.commitment.hex(),
            "previous": entry.row.previous.hex(),
            "hash": entry.row.hash.hex(),
            "wording": None if entry.row.wording is None else entry.row.wording.hex(),
            "salt": None if entry.salt is None else entry.salt.hex(),
            "evidence": entry.evidence,
        }
        for entry in ledgering.entries_of(tx, contact)
    ]


def _wordings(tx: SqliteTransaction, names: set[str | None]) -> dict[str, Row]:
    found = {}
    for name in sorted(filter(None, names)):
        row = tx.one(
            "SELECT text, language, version, purpose FROM wordings WHERE hash = ?",
            (bytes.fromhex(name),),
        )
        if row:
            found[name] = dict(zip(("text", "language", "version", "purpose"), row, strict=True))
    return found


def _received(tx: SqliteTransaction, contact: int) -> list[Row]:
    names = (
        "provider_id", "sender", "kind", "words", "caption", "button", "quoted", "act", "at",
        "received_at",
    )  # fmt: skip
    return [
        {
            **dict(zip(names, values, strict=True)),
            "button": bool(values[5]),
            "raw": hashlib.sha256(raw).hexdigest() if raw else None,
        }
        for *values, raw in tx.rows(INBOUND, (contact,))
    ]


def _sent(tx: SqliteTransaction, contact: int) -> list[Row]:
    rows = []
    for id, state, code, reason, basis, event, number, kind, topic, body in tx.rows(
        SENT, (contact,)
    ):
        rows.append(
            {
                "delivery": id,
                "state": DeliveryState(state).name.lower(),
                "code": code,
                "reason": reason,
                "basis": basis,
                "basis_event": event,
                "message": number,
                "kind": kind,
                "topic": topic,
                "asks": list(_message(body).requests),
                "attempts": _attempts(tx, id),
            }
        )
    return rows


def _attempts(tx: SqliteTransaction, delivery: int) -> list[Row]:
    names = (
        "n", "state", "form", "began_at", "sent_at", "delivered_at", "read_at", "failed_at",
        "provider_id", "code", "detail",
    )  # fmt: skip
    return [
        {
            **dict(zip(names, values, strict=True)),
            "state": AttemptState(values[1]).name.lower(),
            **(_said(_content(body)) if body else {"text": "", "buttons": [], "template": ""}),
        }
        for *values, body in tx.rows(ATTEMPTS, (delivery,))
    ]


def _said(content: Content) -> Row:
    """Return what the person read."""
    version = ""
    text = content.rendered
    if isinstance(content, Template):
        version = f"{content.name}/{content.language} {content.version}".rstrip()
        text = "\n".join(filter(None, (content.header, text, content.footer)))
    return {
        "text": text,
        "buttons": [button.text for button in content.buttons],
        "template": version,
    }


def _changes(tx: SqliteTransaction, contact: int) -> list[Row]:
    return [
        {"at": at, "name": name, "sender": sender, "topic": code, "detail": detail}
        for at, name, sender, code, detail in tx.rows(CHANGES, (contact,))
    ]


def _files(tx: SqliteTransaction, contact: int) -> list[Row]:
    return [
        {"name": name, "sha256": digest.hex(), "at": at}
        for name, digest, at in tx.rows(
            "SELECT name, hash, at FROM proof_files WHERE contact_id = ? ORDER BY at", (contact,)
        )
    ]
