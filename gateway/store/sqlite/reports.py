"""What is read for people.  Values are plain; phone numbers leave here whole, the caller masks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.columns import cut
from gateway.message import Content, Message
from gateway.store.protocol import AttemptState, DeliveryState
from gateway.store.sqlite import noticing
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.contact_reports import contact, find_contact

Row = dict[str, Any]

_message = msgspec.json.Decoder(Message).decode
_content: Callable[[bytes], Content] = msgspec.json.Decoder(Content).decode

COLUMNS = (
    "id", "number", "input", "kind", "topic", "sender", "state", "paused", "code", "reason",
    "until", "accepted_at", "expires_at", "started_at", "reached", "pause_code", "pause_reason",
)  # fmt: skip
MESSAGES = f"SELECT {', '.join(COLUMNS)}, body FROM messages"

SENT = """
SELECT body FROM contents WHERE hash IN
       (SELECT content FROM attempts WHERE delivery_id IN
               (SELECT id FROM deliveries WHERE message_id = ? AND tries > 0 LIMIT 200))
LIMIT 3
"""
"""What went out of a message; only its first deliveries are looked at, so that it stays short."""

WAITING = """
SELECT g.state, g.code, g.n,
       (SELECT d.reason FROM deliveries d INDEXED BY deliveries_waiting
        WHERE d.state IN (3, 5) AND d.state = g.state AND d.code = g.code ORDER BY d.id LIMIT 1)
FROM (SELECT state, code, count(*) AS n FROM deliveries INDEXED BY deliveries_waiting
      WHERE state IN (3, 5) GROUP BY state, code) g ORDER BY g.n DESC
"""
"""Counted in the index alone, every few seconds: only one row of each group is looked at."""

SENDING = """
SELECT count(*), max(at) FROM journal
WHERE id >= ? AND at >= ? AND name = 'delivery.accepted' AND sender = ?
"""

CHANGES = """
SELECT name, count(DISTINCT contact_id) FROM consent_events WHERE recorded_at >= ? GROUP BY name
"""
WINDOWS = """
SELECT sender, count(*) FROM windows INDEXED BY windows_by_end WHERE until > ? GROUP BY sender
"""


def _state(value: int) -> str:
    return DeliveryState(value).name.lower()


def _title(message: Message) -> str:
    """What a list calls a message: its title, else how its words begin, else what it carries."""
    words = " ".join(message.text.split())
    if not message.title and not words and message.card is not None:
        return f"card of {message.card.name}"
    return message.title or cut(words, 60)


def _read_message(tx: SqliteTransaction, row: tuple[Any, ...]) -> Row:
    message = _message(row[-1])
    counts = {
        _state(state): n
        for state, n in tx.rows(
            "SELECT state, n FROM depths WHERE message_id = ? AND n <> 0", (row[0],)
        )
    }
    return {
        **dict(zip(COLUMNS, row[:-1], strict=True)),
        "title": _title(message),
        "link": message.link,
        "spread": message.spread,
        "counts": counts,
    }


def messages(tx: SqliteTransaction, limit: int = 20, only_open: bool = False) -> list[Row]:
    """Return the newest messages, newest first; with `only_open` those that still do something."""
    where = (
        " WHERE state IN ('accepted', 'held', 'ready') OR (state = 'started' AND id IN"
        " (SELECT message_id FROM depths WHERE state < 5 AND n > 0))"
        if only_open
        else ""
    )
    rows = list(tx.rows(MESSAGES + where + " ORDER BY id DESC LIMIT ?", (limit,)))
    return [_read_message(tx, row) for row in rows]


def message(tx: SqliteTransaction, number: int | None = None, id: int | None = None) -> Row | None:
    """Return one message with its content and its journal, by number or id."""
    column, value = ("number", number) if number is not None else ("id", id)
    row = tx.one(f"{MESSAGES} WHERE {column} = ?", (value,))
    if row is None:
        return None
    body = _message(row[-1])
    original = tx.one("SELECT original FROM messages WHERE id = ?", (row[0],))
    came = _message(original[0]) if original else body
    failed = tx.rows(
        "SELECT code, count(*) FROM deliveries WHERE message_id = ? AND code <> ''"
        " GROUP BY code ORDER BY 2 DESC",
        (row[0],),
    )
    return {
        **_read_message(tx, row),
        "to": body.to,
        "text": body.text,
        "image": body.image,
        "language": body.language,
        "came": {name: getattr(came, name) for name in ("title", "text", "link", "image")},
        "notes": list(body.notes),
        "forms": [_read_content(form) for form in body.forms],
        "sent": [_read_content(_content(content)) for (content,) in tx.rows(SENT, (row[0],))],
        "reasons": [{"code": code, "n": n} for code, n in failed],
        "journal": _journal(tx, "message_id = ? AND delivery_id IS NULL", row[0]),
    }


def _read_content(content: Content) -> Row:
    return {**msgspec.to_builtins(content), "rendered": content.rendered, "below": content.below}


def _journal(tx: SqliteTransaction, where: str, value: int) -> list[Row]:
    rows = tx.rows(
        f"SELECT at, name, code, detail FROM journal WHERE {where} ORDER BY id LIMIT 500", (value,)
    )
    return [dict(zip(("at", "name", "code", "detail"), row, strict=True)) for row in rows]


def waiting(tx: SqliteTransaction, limit: int = 50) -> Row:
    """Return what waits for a person: held and unknown deliveries, by reason, with examples,
    and how many messages, by code."""
    groups = [
        {"state": _state(state), "code": code, "n": n, "reason": reason}
        for state, code, n, reason in tx.rows(WAITING)
    ]
    examples = [
        {
            "id": id,
            "number": number,
            "contact": contact,
            "state": _state(state),
            "code": code,
            "reason": reason,
            "since": since,
        }
        for id, number, contact, state, code, reason, since in tx.rows(
            "SELECT d.id, m.number, d.contact_id, d.state, d.code, d.reason, d.changed_at"
            " FROM deliveries d JOIN messages m ON m.id = d.message_id"
            " WHERE d.state IN (3, 5) ORDER BY d.state, d.code, d.id LIMIT ?",
            (limit,),
        )
    ]
    held = "SELECT code, count(*) FROM messages WHERE state = 'held' AND until IS NULL GROUP BY 1"
    return {"groups": groups, "examples": examples, "messages_by_code": dict(tx.rows(held))}


def trace(tx: SqliteTransaction, number: int, contact_id: int) -> Row | None:
    """Return the whole story of one message for one contact."""
    about = message(tx, number=number)
    person = contact(tx, contact_id)
    if about is None or person is None:
        return None
    contact_id = person["id"]
    row = tx.one(
        "SELECT id, state, due_at, tries, code, reason, basis, basis_event, priority FROM deliveries"
        " WHERE message_id = ? AND contact_id = ?",
        (about["id"], contact_id),
    )
    story: Row = {"message": about, "contact": person, "delivery": None, "attempts": []}
    if row is None:
        return story
    names = ("id", "state", "due_at", "tries", "code", "reason", "basis", "basis_event", "priority")
    story["delivery"] = dict(zip(names, row, strict=True)) | {"state": _state(row[1])}
    story["journal"] = _journal(tx, "delivery_id = ?", row[0])
    columns = (
        "n",
        "state",
        "form",
        "began_at",
        "first_byte",
        "settled_at",
        "sent_at",
        "delivered_at",
        "read_at",
        "failed_at",
        "provider_id",
        "code",
        "detail",
        "notes",
    )
    for attempt in tx.rows(
        f"SELECT {', '.join('a.' + c for c in columns)}, c.body FROM attempts a"
        " LEFT JOIN contents c ON c.hash = a.content WHERE a.delivery_id = ? ORDER BY a.n",
        (row[0],),
    ):
        content = _content(attempt[-1]) if attempt[-1] else None
        story["attempts"].append(
            dict(zip(columns, attempt[:-1], strict=True))
            | {
                "state": AttemptState(attempt[1]).name.lower(),
                "content": msgspec.to_builtins(content) if content else None,
                **{name: getattr(content, name, "") for name in ("rendered", "below")},
            }
        )
    return story


def people(tx: SqliteTransaction, since: int) -> Row:
    """Return how many people stand where, and today's changes (since, UTC microseconds)."""
    states: dict[str, int] = dict(
        tx.rows("SELECT state, count(DISTINCT contact_id) FROM consents GROUP BY state")
    )
    changes: dict[str, int] = dict(tx.rows(CHANGES, (since,)))
    total = tx.one("SELECT count(*) FROM contacts")
    return {"states": states, "changes": changes, "contacts": total[0] if total else 0}


def sending(tx: SqliteTransaction, sender: str, since: int) -> Row:
    """Return what a sender did since a time (UTC microseconds)."""
    first = noticing.since(tx, since)
    row = tx.one(SENDING, (first, since, sender)) if first is not None else None
    accepted, last = row or (0, None)
    return {"accepted": accepted, "last": last}


def windows(tx: SqliteTransaction, at: int) -> dict[str, int]:
    """Return to how many people each sender may write freely (at, UTC microseconds)."""
    return dict(tx.rows(WINDOWS, (at,)))


REPORTS: dict[str, Callable[..., Any]] = {
    "messages": messages,
    "message": message,
    "waiting": waiting,
    "find_contact": find_contact,
    "contact": contact,
    "trace": trace,
    "people": people,
    "sending": sending,
    "windows": windows,
}
