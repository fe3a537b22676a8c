"""All that is stored about one person, for that person (Articles 15 and 20 GDPR).

Times are ISO 8601 in UTC, so that the answer can be read by any program, and by people.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from gateway import ids
from gateway.message import Content
from gateway.store.protocol import AttemptState, DeliveryState, moment
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import DELIVERIES, current, same
from gateway.store.sqlite.troubles import FOR_EVER

Row = dict[str, Any]

TIMES = ("at", "until", "since", "seen", "asked")
"""How the names of columns end that hold UTC microseconds."""

CONTACT = "SELECT name, language, created_at, paused_until, per_week FROM contacts WHERE id = ?"
IDENTITIES = """
SELECT kind, value, first_seen, retired_at FROM identities WHERE contact_id = ?
ORDER BY retired_at, first_seen
"""
CONSENTS = "SELECT topic, state, since, event FROM consents WHERE contact_id = ? ORDER BY topic"
EVENTS = """
SELECT e.number, e.at, e.recorded_at, e.topic, e.name, e.source, e.sender, v.evidence,
       w.text, w.language, w.version, w.purpose
FROM consent_events e LEFT JOIN consent_evidence v ON v.number = e.number
LEFT JOIN wordings w ON w.hash = e.wording WHERE e.contact_id = ? ORDER BY e.number
"""
MESSAGE = "SELECT number, kind, topic, sender FROM messages WHERE id = ?"
ATTEMPTS = """
SELECT a.state, a.form, a.began_at, a.sent_at, a.delivered_at, a.read_at, a.failed_at, a.code,
       c.body
FROM attempts a LEFT JOIN contents c ON c.hash = a.content WHERE a.delivery_id = ? ORDER BY a.n
"""
INBOUND = """
SELECT at, received_at, sender, kind, words, caption, act, raw FROM inbound WHERE contact_id = ?
ORDER BY id
"""
CASES = """
SELECT number, kind, source, opened_at, due_at, closed_at, text, fields, answer FROM cases
WHERE contact_id = ? ORDER BY id
"""
SIGN_UPS = """
SELECT source, topics, language, at, bound_at, evidence FROM sign_ups
WHERE contact_id = ? AND reusable = 0
"""
FILES = "SELECT name, lower(hex(hash)) AS sha256, at FROM proof_files WHERE contact_id = ?"
WINDOWS = "SELECT sender, until FROM windows WHERE contact_id = ?"
ECHOES = "SELECT sender, at FROM echoes WHERE contact_id = ? ORDER BY at"
LOOKUPS = "SELECT at, what FROM lookups WHERE contact_id = ? ORDER BY id"
"""When and what for; who of the company it was is that employee's own (CJEU, C-579/21)."""

TROUBLES = f"""
SELECT sender, code, n AS times, last_at, nullif(until, {FOR_EVER}) AS until FROM troubles
WHERE contact_id = ? ORDER BY sender, code
"""
_content: Any = msgspec.json.Decoder(Content).decode


def dossier(tx: SqliteTransaction, id: int) -> Row | None:
    """Return all that is stored about a contact; None if there is none."""
    contact = current(tx, id)
    about = next(_named(tx, CONTACT, contact), None)
    if about is None:
        return None
    everybody = same(tx, contact)

    def all_of(statement: str) -> list[Row]:
        return [row for one in everybody for row in _named(tx, statement, one)]

    return {
        "contact": ids.show("c", contact),
        **about,
        "identities": all_of(IDENTITIES),
        "consents": all_of(CONSENTS),
        "consent_events": [_event(row) for one in everybody for row in tx.rows(EVENTS, (one,))],
        "sign_ups": [
            row | {key: msgspec.json.decode(row[key]) for key in ("topics", "evidence")}
            for row in all_of(SIGN_UPS)
        ],
        "proof_files": all_of(FILES),
        "sent": [row for one in everybody for row in _sent(tx, one)],
        "received": [
            row | {"raw": bytes(row["raw"]).decode(errors="replace")} for row in all_of(INBOUND)
        ],
        "cases": [row | {"fields": msgspec.json.decode(row["fields"])} for row in all_of(CASES)],
        "windows": all_of(WINDOWS),
        "written_beside_the_gateway": all_of(ECHOES),
        "undeliverable": all_of(TROUBLES),
        "looked_up": all_of(LOOKUPS),
    }


def _named(tx: SqliteTransaction, statement: str, contact: int) -> Iterator[Row]:
    rows = tx.execute(statement, (contact,))
    for row in rows:
        names = (name for name, *_ in rows.get_description())
        yield {name: _readable(name, value) for name, value in zip(names, row, strict=True)}


def _readable(name: str, value: Any) -> Any:
    if isinstance(value, int) and name.endswith(TIMES):
        return moment(value).isoformat()
    return value


def _event(row: tuple[Any, ...]) -> Row:
    number, at, recorded_at, topic, name, source, sender, evidence, *wording = row
    words = dict(zip(("text", "language", "version", "purpose"), wording, strict=True))
    return {
        "number": number,
        "at": moment(at).isoformat(),
        "recorded_at": moment(recorded_at).isoformat(),
        "topic": topic,
        "name": name,
        "source": source,
        "sender": sender,
        "evidence": msgspec.json.decode(evidence) if evidence else None,
        "wording": words if wording[0] is not None else None,
    }


def _sent(tx: SqliteTransaction, contact: int) -> Iterator[Row]:
    for delivery, message, sender, state in list(tx.rows(DELIVERIES, (contact,))):
        number, kind, topic, _ = tx.one(MESSAGE, (message,)) or (0, "", None, "")
        yield {
            "message": number,
            "kind": kind,
            "topic": topic,
            "sender": sender,
            "state": DeliveryState(state).name.lower(),
            "attempts": [_attempt(row) for row in _named(tx, ATTEMPTS, delivery)],
        }


def _attempt(row: Row) -> Row:
    body = row.pop("body")
    content = _content(body) if body is not None else None
    return row | {
        "state": AttemptState(row["state"]).name.lower(),
        "text": content.rendered if content is not None else None,
    }
