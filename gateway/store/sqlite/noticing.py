"""What observers ask of the store: what happened, where they are, what they could not take."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from gateway.inbound import Event
from gateway.message import Message
from gateway.store.protocol import moment
from gateway.store.sqlite.accepting import accept_messages
from gateway.store.sqlite.connection import SqliteTransaction

EVENTS = """
SELECT id, at, name, message_id, delivery_id, contact_id, sender, code, detail, inbound_id,
       case_id, consent_event
FROM journal
WHERE id > ?1 AND id <= ?2 AND (?3 IS NULL OR name IN (SELECT value FROM json_each(?3)))
ORDER BY id LIMIT ?4
"""
END = (1 << 63) - 1

POSITION = "SELECT position FROM positions WHERE observer = ?"
AGAIN = """
SELECT position, until FROM replays WHERE observer = ? ORDER BY position, until LIMIT 1
"""
ADVANCE = """
UPDATE OR REPLACE replays SET position = ?2 WHERE observer = ?1 AND position < ?2 AND until >= ?2
"""
DONE = """
DELETE FROM replays WHERE observer = ?1 AND NOT EXISTS
  (SELECT 1 FROM journal WHERE id > replays.position AND id <= replays.until)
"""
ENDS = "SELECT (SELECT min(id) FROM journal), (SELECT max(id) FROM journal)"
"""Each by itself is one step into the index; min and max in one SELECT read all of it."""
NEAREST = "SELECT id, at FROM journal WHERE id >= ? ORDER BY id LIMIT 1"
DEAD = """
SELECT l.observer, l.event, l.reason, l.at, j.name, j.code, j.case_id, j.message_id, j.at
FROM dead_letters l LEFT JOIN journal j ON j.id = l.event ORDER BY l.observer, l.event LIMIT ?
"""


def position(tx: SqliteTransaction, observer: str) -> int:
    """Return the last event that an observer is done with, 0 at the beginning."""
    row = tx.one(POSITION, (observer,))
    return int(row[0]) if row else 0


def events_after(
    tx: SqliteTransaction,
    observer: str,
    limit: int,
    names: Collection[str] = (),
    until: int | None = None,
) -> list[Event]:
    """See Store.events_after."""
    after, end = position(tx, observer), END if until is None else until
    return _events(tx, after, end, limit, names)


def events_again(tx: SqliteTransaction, observer: str, limit: int) -> list[Event]:
    """Return what a person wants an observer to be given again."""
    row = tx.one(AGAIN, (observer,))
    return _events(tx, row[0], row[1], limit) if row else []


def _events(
    tx: SqliteTransaction, after: int, until: int, limit: int, names: Collection[str] = ()
) -> list[Event]:
    only = msgspec.json.encode(sorted(names)).decode() if names else None
    return [
        Event(
            id=row[0],
            at=moment(row[1]),
            name=row[2],
            message=row[3],
            delivery=row[4],
            contact=row[5],
            sender=row[6],
            code=row[7],
            detail=row[8],
            inbound=row[9],
            case=row[10],
            consent=row[11],
        )
        for row in tx.rows(EVENTS, (after, until, only, limit))
    ]


def noticed(
    tx: SqliteTransaction,
    observer: str,
    position: int,
    messages: Sequence[Message],
    at: int,
    dead: Sequence[tuple[int, str]],
    again: bool,
) -> None:
    """See Store.noticed."""
    accept_messages(tx, observer, messages, at)
    if again:
        tx.execute(
            "DELETE FROM dead_letters WHERE observer = ? AND event = ?", (observer, position)
        )
    for event, reason in dead:
        tx.execute(
            "INSERT INTO dead_letters VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (observer, event, reason, at),
        )
    if again:
        tx.execute(ADVANCE, (observer, position))
        tx.execute(DONE, (observer,))
        return
    tx.execute(
        "INSERT INTO positions VALUES (?, ?) ON CONFLICT (observer)"
        " DO UPDATE SET position = max(position, excluded.position)",
        (observer, position),
    )


def replay(tx: SqliteTransaction, observer: str, after: int, until: int) -> None:
    """See Store.replay."""
    tx.execute(
        "INSERT INTO replays VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (observer, after, until)
    )
    tx.execute(DONE, (observer,))


def since(tx: SqliteTransaction, at: int) -> int | None:
    """Return the first event of a time or later, None if there is none.

    Ids grow with time, so the journal is halved instead of read.
    """
    row = tx.one(ENDS)
    low, high = (row[0], row[1]) if row and row[0] is not None else (0, -1)
    found = None
    while low <= high:
        middle = (low + high) // 2
        nearest = tx.one(NEAREST, (middle,))
        if nearest is None or nearest[0] > high:
            high = middle - 1
        elif nearest[1] >= at:
            found, high = nearest[0], middle - 1
        else:
            low = nearest[0] + 1
    return found


def dead_letters(tx: SqliteTransaction, limit: int) -> list[dict[str, Any]]:
    """Return what observers could not take; the event's own fields are None once it was purged."""
    names = ("observer", "event", "reason", "at", "name", "code", "case", "message", "happened_at")
    return [dict(zip(names, row, strict=True)) for row in tx.rows(DEAD, (limit,))]


def observers(tx: SqliteTransaction) -> dict[str, dict[str, int]]:
    """Return observer → position, and how many dead letters."""
    found: dict[str, dict[str, int]] = {}
    for name, query in (
        ("position", "SELECT observer, position FROM positions"),
        ("dead", "SELECT observer, count(*) FROM dead_letters GROUP BY observer"),
    ):
        for observer, n in tx.rows(query):
            found.setdefault(observer, {"position": 0, "dead": 0})[name] = n
    return found
