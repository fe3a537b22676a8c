"""Taking in: messages with their input's state, verdicts, fan-out and sweeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from gateway.message import PRIORITY, Message
from gateway.store.protocol import DeliveryState, FanOut, Screened, micros
from gateway.store.sqlite import moving, people
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import current
from gateway.store.sqlite.moving import Moving
from gateway.store.sqlite.remembering import key_of
from gateway.store.states import Cause

NUMBER = "UPDATE counters SET value = value + 1 WHERE name = 'message' RETURNING value"
TO_SCREEN = """
SELECT original FROM messages WHERE state = 'accepted'
UNION ALL
SELECT original FROM messages WHERE state = 'held' AND (until <= ?1 OR chain <> ?2)
UNION ALL
SELECT original FROM messages WHERE state = 'ready' AND chain <> ?2 AND started_at IS NULL
LIMIT ?3
"""
SCREENABLE = """
SELECT original FROM messages
WHERE id = ? AND state IN ('accepted', 'held', 'ready') AND started_at IS NULL
"""
FAN_OUT = """
INSERT INTO deliveries (id, message_id, contact_id, sender, priority, state, due_at, changed_at)
SELECT ?1 + row_number() OVER (ORDER BY c.contact_id), ?2, c.contact_id, ?3, ?4, 0,
       ?5 + (((c.contact_id & 0xFFFFFFF) * 2654435761 + ?12 & 0xFFFFFFFF) * ?6 >> 32) * 1000,
       ?7
FROM consents c
WHERE c.topic = ?8 AND c.contact_id > ?9 AND c.contact_id <= ?10
  AND c.state = 'confirmed' AND c.since < ?11
ON CONFLICT (message_id, contact_id) DO NOTHING
"""
# due_at: a multiplicative hash of the contact, turned by one of the message (?12), 32 bits, is the
# part of the spread (?6, milliseconds) that this one waits: even, repeatable, and nobody is
# always last.
CHUNK_END = """
SELECT max(contact_id) FROM
  (SELECT contact_id FROM consents WHERE topic = ? AND contact_id > ? ORDER BY contact_id LIMIT ?)
"""
SWEEP = """
SELECT id, contact_id, state, sender, code FROM deliveries
WHERE message_id = ? AND contact_id > ? ORDER BY contact_id LIMIT ?
"""

GOLDEN = 0x9E3779B97F4A7C15  # 2**64 by the golden ratio: spreads ids that follow each other
LONGEST_SPREAD_MS = 2**31 - 1  # 24 days; keeps the product above within 63 bits

WHY = {"cancelled": "the message was cancelled", "expired": "the message's time is over"}

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


def put_state(tx: SqliteTransaction, plugin: str, values: Mapping[str, bytes | None]) -> None:
    """Store a plugin's values; None deletes."""
    for key, value in values.items():
        if value is None:
            tx.execute("DELETE FROM plugin_state WHERE plugin = ? AND key = ?", (plugin, key))
        else:
            tx.execute(
                "INSERT INTO plugin_state VALUES (?, ?, ?)"
                " ON CONFLICT (plugin, key) DO UPDATE SET value = excluded.value",
                (plugin, key, value),
            )


def accept_messages(
    tx: SqliteTransaction, input: str, messages: Sequence[Message], at: int
) -> list[int | None]:
    """Insert messages that were not accepted before; see Store.accept."""
    ids: list[int | None] = []
    for message in messages:
        tx.execute(
            "INSERT INTO external_ids VALUES (?, ?, ?) ON CONFLICT (hash) DO NOTHING",
            (key_of(input, message.external_id), message.id, at),
        )
        if not tx.changed():
            ids.append(None)
            continue
        row = tx.one(NUMBER)
        assert row is not None  # a migration put it there
        number = int(row[0])
        message = message.replace(number=number, input=input)
        tx.execute(
            "INSERT INTO messages (id, number, input, kind, topic, sender, contact_id, priority,"
            " state, original, body, accepted_at, expires_at)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'accepted', ?9, ?9, ?10, ?11)",
            (
                message.id,
                number,
                input,
                message.kind,
                message.topic,
                message.sender,
                message.to,
                PRIORITY[message.kind],
                _encode(message),
                at,
                micros(message.expires_at) if message.expires_at else None,
            ),
        )
        tx.journal(at, "message.accepted", message=message.id, sender=message.sender, detail=input)
        ids.append(message.id)
    return ids


def to_screen(tx: SqliteTransaction, chain: str, at: int, limit: int) -> list[Message]:
    """See Store.to_screen."""
    return [_decode(body) for (body,) in tx.rows(TO_SCREEN, (at, chain, limit))]


def screened(tx: SqliteTransaction, verdicts: Sequence[Screened], at: int) -> None:
    """See Store.screened."""
    for verdict in verdicts:
        message = verdict.message
        row = tx.one(SCREENABLE, (message.id,))
        if row is None:
            continue
        now = _decode(row[0])
        if (now.approved, now.turn) != (message.approved, message.turn):
            continue  # approved or revised while the chain looked at it: it is looked at again
        tx.execute(
            "UPDATE messages SET state = ?, chain = ?, code = ?, reason = ?, until = ?, body = ?,"
            " expires_at = ? WHERE id = ?",
            (
                verdict.state,
                verdict.chain,
                verdict.code,
                verdict.reason,
                verdict.until,
                _encode(message),
                micros(message.expires_at) if message.expires_at else None,
                message.id,
            ),
        )
        tx.journal(
            at,
            f"message.{verdict.state}",
            message=message.id,
            sender=message.sender,
            code=verdict.code,
            detail=verdict.reason,
        )


def fan_out(tx: SqliteTransaction, message_id: int, at: int, limit: int) -> FanOut:
    """See Store.fan_out.  `limit` bounds the consents looked at, so a chunk has a bound."""
    row = tx.one(
        "SELECT body, state, paused, fan_after, accepted_at, sender, priority, started_at"
        " FROM messages WHERE id = ?",
        (message_id,),
    )
    if row is None or row[1] != "ready" or row[2]:
        return FanOut(0, True)
    body, _, _, after, accepted_at, sender, priority, started_at = row
    message = _decode(body)
    started_at = started_at or at
    if message.to is not None:
        contact = current(tx, message.to)
        added, end = _one_delivery(tx, message, contact, sender, priority, at), None
    else:
        end_row = tx.one(CHUNK_END, (message.topic or "", after, limit))
        end = end_row[0] if end_row else None
        added = 0
        if end is not None:
            tx.execute(
                FAN_OUT,
                (
                    tx.ids(limit + 1),
                    message_id,
                    sender,
                    priority,
                    started_at,
                    min(int(message.spread * 1e3), LONGEST_SPREAD_MS),
                    at,
                    message.topic or "",
                    after,
                    end,
                    accepted_at,
                    message_id * GOLDEN >> 32 & 0xFFFFFFFF,
                ),
            )
            added = tx.changed()
    tx.move(message_id, None, DeliveryState.QUEUED, added)
    done = end is None
    tx.execute(
        "UPDATE messages SET fan_after = ?, reached = reached + ?, started_at = ?,"
        " state = CASE WHEN ? THEN 'started' ELSE state END WHERE id = ?",
        (after if end is None else end, added, started_at, done, message_id),
    )
    if done:
        reached = tx.one("SELECT reached FROM messages WHERE id = ?", (message_id,))
        tx.journal(
            at,
            "message.started",
            message=message_id,
            sender=sender,
            detail=str(reached[0] if reached else 0),
        )
    return FanOut(added, done)


def _one_delivery(
    tx: SqliteTransaction, message: Message, contact: int, sender: str, priority: int, at: int
) -> int:
    tx.execute(
        "INSERT INTO deliveries (id, message_id, contact_id, sender, priority, state, due_at,"
        " changed_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?) ON CONFLICT DO NOTHING",
        (tx.ids(1), message.id, contact, sender, priority, at, at),
    )
    return tx.changed()


def sweep(tx: SqliteTransaction, message: int, at: int, limit: int) -> bool:
    """See Store.sweep."""
    row = tx.one("SELECT sweep, sweep_after FROM messages WHERE id = ?", (message,))
    if row is None or row[0] is None:
        return True
    what, after = row
    action, _, paused_by = what.partition(":")  # a message goes on with what paused it
    seen = 0
    for delivery, contact, state, sender, code in list(tx.rows(SWEEP, (message, after, limit))):
        seen, after = seen + 1, contact
        waits = Moving(delivery, message, contact, sender, state)
        held = state == DeliveryState.HELD
        if (
            (action == "resume" and state == DeliveryState.PAUSED)
            or (action == "resume" and held and paused_by and code == paused_by)
            or (action == "release" and held)
        ):
            moving.move(tx, Cause.SWEEP, waits, DeliveryState.QUEUED, at)
        elif action == "pause" and state == DeliveryState.QUEUED:
            moving.move(tx, Cause.SWEEP, waits, DeliveryState.PAUSED, at)
        elif action in ("cancel", "expire") and state in (
            DeliveryState.QUEUED,
            DeliveryState.HELD,
            DeliveryState.PAUSED,
        ):
            why = "cancelled" if action == "cancel" else "expired"
            people.drop(tx, Cause.SWEEP, waits, why, WHY[why], at)
    done = seen < limit
    tx.execute(
        "UPDATE messages SET sweep = CASE WHEN ? THEN NULL ELSE sweep END,"
        " sweep_after = CASE WHEN ? THEN 0 ELSE ? END WHERE id = ?",
        (done, done, after, message),
    )
    return done
