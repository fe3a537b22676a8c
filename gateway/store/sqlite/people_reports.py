"""Reads about people for commands: one function per report, each taking a transaction first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from gateway.given import MessageView
from gateway.message import Message
from gateway.store.protocol import DeliveryState
from gateway.store.sqlite import cases, noticing
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.dossier import dossier
from gateway.store.sqlite.retained import kept
from gateway.store.sqlite.suppression import is_suppressed
from gateway.store.sqlite.talking import conversation

_message = msgspec.json.Decoder(Message).decode

STATES = """
SELECT CASE WHEN c.state <> 'confirmed' THEN c.state
            WHEN c.since >= ?1 THEN 'later'
            WHEN p.paused_until > ?1 THEN 'paused' ELSE 'confirmed' END AS why, count(*)
FROM consents c JOIN contacts p ON p.id = c.contact_id WHERE c.topic = ?2 GROUP BY why
"""


def cases_open(tx: SqliteTransaction, at: int) -> dict[str, dict[str, Any]]:
    """Return kind → how many cases are open and overdue, since when the oldest waits, and until
    when the first is due."""
    rows = tx.rows(
        "SELECT kind, count(*), total(due_at < ?), min(opened_at), min(due_at) FROM cases"
        " WHERE closed_at IS NULL GROUP BY kind",
        (at,),
    )
    return {
        kind: {"open": n, "overdue": int(overdue), "oldest": oldest, "due": due}
        for kind, n, overdue, oldest, due in rows
    }


def view(tx: SqliteTransaction, id: int) -> MessageView | None:
    """Return a message and how it stands, as plugins see it."""
    row = tx.one(
        "SELECT body, state, paused, code, reason, accepted_at FROM messages WHERE id = ?", (id,)
    )
    if row is None:
        return None
    message = _message(row[0])
    states: dict[str, int] = dict(tx.rows(STATES, (row[5], message.topic or "")))
    return MessageView(
        message=message,
        state=row[1],
        paused=bool(row[2]),
        code=row[3],
        reason=row[4],
        audience=states.pop("confirmed", 0) if message.to is None else 1,
        left_out=states if message.to is None else {},
        counts={
            DeliveryState(state).name.lower(): n
            for state, n in tx.rows(
                "SELECT state, n FROM depths WHERE message_id = ? AND n <> 0", (id,)
            )
        },
    )


def sent(tx: SqliteTransaction, provider_id: str) -> int | None:
    """Return the message of which an attempt has a provider's id."""
    row = tx.one(
        "SELECT d.message_id FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
        " WHERE a.provider_id = ?",
        (provider_id,),
    )
    return int(row[0]) if row else None


REPORTS: dict[str, Callable[..., Any]] = {
    "cases_open": cases_open,
    "view": view,
    "conversation": conversation,
    "case_by_number": cases.case_by_number,
    "dead_letters": noticing.dead_letters,
    "observers": noticing.observers,
    "events_since": noticing.since,
    "sent": sent,
    "dossier": dossier,
    "kept": kept,
    "suppressed": is_suppressed,
}
