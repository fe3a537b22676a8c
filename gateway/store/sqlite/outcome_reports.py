"""Reads about outcomes for commands: unknown ones, failed ones, and what became of a message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gateway.store.protocol import DeliveryState
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.troubles import FOR_EVER

Row = dict[str, Any]

_COLUMNS = """
SELECT d.id, m.number, m.kind, d.contact_id, d.sender, d.code, d.reason, d.changed_at, d.tries
FROM deliveries d INDEXED BY {index} JOIN messages m ON m.id = d.message_id
"""
_CHOSEN = """
  AND (?4 IS NULL OR d.message_id = ?4) AND (?5 = '' OR d.code = ?5)
  AND (?6 = '' OR d.sender = ?6) AND (?7 = '' OR m.kind = ?7)
ORDER BY d.changed_at, d.id LIMIT ?8
"""
UNKNOWN = f"""{_COLUMNS.format(index="deliveries_unknown")}
WHERE d.state = 5 AND d.priority = ?1 AND (d.changed_at, d.id) > (?2, ?3) {_CHOSEN}
"""
FAILED = f"""{_COLUMNS.format(index="deliveries_failed")}
WHERE d.state = 10 AND ?1 >= 0 AND (d.changed_at, d.id) > (?2, ?3) {_CHOSEN}
"""
TROUBLES = """
SELECT sender, code, n, last_at, until FROM troubles WHERE contact_id = ? ORDER BY sender, code
"""
SENT_TWICE = """
SELECT j.id, j.at, j.sender, m.number FROM journal j INDEXED BY journal_twice
LEFT JOIN messages m ON m.id = j.message_id WHERE j.name = 'delivery.twice' AND j.id > ? ORDER BY j.id
"""
NAMES = ("id", "number", "kind", "contact", "sender", "code", "reason", "since", "tries")

_REASONS = """
SELECT state, code, min(reason), count(*) FROM deliveries
WHERE message_id = ? AND state IN (3, 5, 10, 11) GROUP BY state, code ORDER BY 4 DESC
"""
_TOOK = """
SELECT min(a.began_at), max(a.settled_at), count(a.superseded_at)
FROM deliveries d CROSS JOIN attempts a ON a.delivery_id = d.id
WHERE d.message_id = ? AND d.tries > 0
"""
_TWICE = """
SELECT count(*) FROM
  (SELECT 1 FROM deliveries d CROSS JOIN attempts a ON a.delivery_id = d.id
   WHERE d.message_id = ? AND d.tries > 1 AND a.state IN (2, 3, 5, 6)
   GROUP BY d.id HAVING count(*) > 1)
"""
_BILLED = """
SELECT a.category, a.billable,
       (SELECT substr(i.value, 1, CASE i.kind WHEN 'phone' THEN 5 ELSE 3 END) FROM identities i
        WHERE i.contact_id = d.contact_id AND i.retired_at IS NULL
        AND i.kind IN ('phone', 'user_id') ORDER BY i.kind LIMIT 1),
       count(*)
FROM deliveries d CROSS JOIN attempts a ON a.delivery_id = d.id
WHERE d.message_id = ? AND d.tries > 0 AND a.state IN (2, 3, 5, 6) GROUP BY 1, 2, 3
"""
"""The country stands in a number's first four digits, and before the dot of a user id; the rest
stays where it is."""
_WITHDREW = "SELECT withdrew FROM shares WHERE message_id = ?"
_MESSAGE = """
SELECT id, number, kind, topic, sender, state, reached, accepted_at, started_at FROM messages
WHERE number = ?
"""
_MESSAGE_NAMES = (
    "id", "number", "kind", "topic", "sender", "state", "audience", "accepted_at", "started_at",
)  # fmt: skip


def chosen(
    tx: SqliteTransaction,
    state: str,
    after: tuple[int, int] = (0, 0),
    message: int | None = None,
    code: str = "",
    sender: str = "",
    kind: str = "",
    limit: int = 50,
) -> list[Row]:
    """Return deliveries that are `unknown` or `failed`, the oldest first, after one (since, id)."""
    filters = (*after, message, code, sender, kind, limit)
    if state == "failed":
        rows = list(tx.rows(FAILED, (0, *filters)))
    else:
        rows = [row for priority in (0, 1, 2) for row in tx.rows(UNKNOWN, (priority, *filters))]
        rows = sorted(rows, key=lambda row: (row[7], row[0]))[:limit]
    return [dict(zip(NAMES, row, strict=True)) for row in rows]


def groups(
    tx: SqliteTransaction,
    state: str,
    since: int = 0,
    message: int | None = None,
    code: str = "",
    sender: str = "",
    kind: str = "",
) -> list[Row]:
    """Return how many are `unknown` or `failed`, by sender, kind and code, with an example of why."""
    number = int(DeliveryState[state.upper()])
    index = "deliveries_failed" if state == "failed" else "deliveries_unknown"
    rows = tx.rows(
        "SELECT d.sender, m.kind, d.code, min(d.reason), count(*), min(d.changed_at)"
        f" FROM deliveries d INDEXED BY {index} JOIN messages m ON m.id = d.message_id"
        f" WHERE d.state = {number} AND d.changed_at >= ?1"
        " AND (?2 IS NULL OR d.message_id = ?2) AND (?3 = '' OR d.code = ?3)"
        " AND (?4 = '' OR d.sender = ?4) AND (?5 = '' OR m.kind = ?5)"
        " GROUP BY 1, 2, 3 ORDER BY 5 DESC, 1, 2, 3",
        (since, message, code, sender, kind),
    )
    names = ("sender", "kind", "code", "reason", "n", "oldest")
    return [dict(zip(names, row, strict=True)) for row in rows]


def message(tx: SqliteTransaction, number: int) -> Row | None:
    """Return what became of a message: counts by state, why not, how long, what was billed."""
    row = tx.one(_MESSAGE, (number,))
    if row is None:
        return None
    about = dict(zip(_MESSAGE_NAMES, row, strict=True))
    id = about["id"]
    counts: dict[str, int] = {
        DeliveryState(state).name.lower(): n
        for state, n in tx.rows(
            "SELECT state, n FROM depths WHERE message_id = ? AND n <> 0", (id,)
        )
    }
    reasons: dict[str, list[Row]] = {"held": [], "unknown": [], "failed": [], "dropped": []}
    for state, code, reason, n in tx.rows(_REASONS, (id,)):
        told = {"code": code, "reason": reason, "n": n}
        reasons[DeliveryState(state).name.lower()].append(told)
    first, last, again = tx.one(_TOOK, (id,)) or (None, None, 0)
    twice = (tx.one(_TWICE, (id,)) or (0,))[0]
    withdrew = (tx.one(_WITHDREW, (id,)) or (0,))[0]
    billed = [
        {
            "category": category,
            "billable": None if billable is None else bool(billable),
            "prefix": prefix or "",
            "n": n,
        }
        for category, billable, prefix, n in tx.rows(_BILLED, (id,))
    ]
    return about | {
        "counts": counts,
        "reasons": reasons,
        "first": first,
        "last": last,
        "again": again,
        "twice": twice,
        "withdrew": withdrew,
        "billed": billed,
    }


def troubles(tx: SqliteTransaction, contact: int) -> list[Row]:
    """Return what keeps marketing from a person, or soon will: code, how often, until when (None:
    it keeps nothing yet), and whether that is until there is a `sign` of life."""
    names = ("sender", "code", "n", "last_at", "until")
    rows = [dict(zip(names, row, strict=True)) for row in tx.rows(TROUBLES, (contact,))]
    return [row | {"sign": row["until"] == FOR_EVER} for row in rows]


def sent_twice(tx: SqliteTransaction, after: int = 0) -> list[Row]:
    """Return what went out twice since a line of the journal, the oldest first."""
    names = ("id", "at", "sender", "number")
    return [dict(zip(names, row, strict=True)) for row in tx.rows(SENT_TWICE, (after,))]


REPORTS: dict[str, Callable[..., Any]] = {
    "chosen": chosen,
    "groups": groups,
    "message": message,
    "troubles": troubles,
    "sent_twice": sent_twice,
}
