"""What people ask of the store: stops, message actions, depths."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.message import Message
from gateway.store.causes import TEMPLATE_PAUSED
from gateway.store.protocol import DeliveryState
from gateway.store.sqlite import watching
from gateway.store.sqlite.connection import SqliteTransaction

TO_FAN_OUT = "SELECT id FROM messages WHERE state = 'ready' AND paused = 0 ORDER BY id LIMIT ?"
TO_SWEEP = "SELECT id FROM messages WHERE sweep IS NOT NULL ORDER BY id LIMIT ?"
EXPIRED = """
SELECT m.id FROM messages m INDEXED BY messages_expiring
WHERE m.expires_at IS NOT NULL AND m.state = 'started' AND m.expires_at <= ? AND m.sweep IS NULL
  AND EXISTS (SELECT 1 FROM depths p
              WHERE p.message_id = m.id AND p.state IN (0, 3, 4) AND p.n > 0) LIMIT ?
"""
STOPS = "SELECT scope, code, reason, since FROM stops ORDER BY scope, code"
DEPTHS = """
SELECT m.sender, m.priority, p.state, sum(p.n)
FROM depths p JOIN messages m ON m.id = p.message_id
GROUP BY m.sender, m.priority, p.state HAVING sum(p.n) <> 0
"""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


LEARN = """
INSERT INTO sender_facts VALUES (?, ?, ?, ?)
ON CONFLICT (sender, name) DO UPDATE SET value = excluded.value, at = excluded.at
WHERE value <> excluded.value
"""


def learn(tx: SqliteTransaction, sender: str, facts: Mapping[str, str], at: int) -> None:
    """See OperatorStore.learn."""
    for name, value in facts.items():
        tx.execute(LEARN, (sender, name, value, at))


def facts(tx: SqliteTransaction) -> dict[str, dict[str, tuple[str, int]]]:
    """See OperatorStore.facts."""
    found: dict[str, dict[str, tuple[str, int]]] = {}
    for sender, name, value, at in tx.rows("SELECT sender, name, value, at FROM sender_facts"):
        found.setdefault(sender, {})[name] = (value, at)
    return found


def stop(tx: SqliteTransaction, scope: str, code: str, reason: str, at: int) -> None:
    """See Store.stop."""
    tx.execute(
        "INSERT INTO stops VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", (scope, code, reason, at)
    )
    if tx.changed():
        tx.journal(at, "stop", code=scope, detail=reason)


def resume(tx: SqliteTransaction, scope: str, code: str | None, at: int) -> bool:
    """See Store.resume."""
    tx.execute("DELETE FROM stops WHERE scope = ?1 AND code = coalesce(?2, code)", (scope, code))
    if not tx.changed():
        return False
    tx.journal(at, "resume", code=scope, detail=code or "")
    return True


def set_message(
    tx: SqliteTransaction, message: int, action: str, at: int, *, by: str = "", text: str = ""
) -> str | None:
    """See Store.set_message."""
    row = tx.one(
        "SELECT state, paused, number, sweep, original, code, pause_code FROM messages WHERE id = ?",
        (message,),
    )
    if row is None:
        return "there is no such message"
    state, paused, number = row[:3]
    if state == "cancelled":
        return f"#{number} was cancelled and stays so"
    if state == "dropped" and action != "approve":
        return f"#{number} was dropped and sends nothing"
    if action == "cancel":
        tx.execute(
            "UPDATE messages SET state = 'cancelled', sweep = 'cancel', sweep_after = 0,"
            " pause_code = '', pause_reason = '' WHERE id = ?",
            (message,),
        )
    elif action == "pause":
        if paused and row[6] != TEMPLATE_PAUSED:
            return f"#{number} is paused already"
        if paused:  # from now on by a person, whom no template that comes back overrules
            tx.execute(watching.NO_CAUSE, (message,))
        else:
            tx.execute(
                "UPDATE messages SET paused = 1, sweep = CASE WHEN started_at > 0 THEN 'pause' END,"
                " sweep_after = 0 WHERE id = ?",
                (message,),
            )
    elif action == "resume":
        if not paused:
            return f"#{number} is not paused"
        tx.execute(
            "UPDATE messages SET paused = 0, sweep_after = 0,"
            " sweep = CASE WHEN started_at > 0 THEN 'resume:' || pause_code END WHERE id = ?",
            (message,),
        )
        watching.go_on(tx, message)
    elif action == "approve":
        if row[3] is not None:
            return f"#{number} is still busy with the last command; try again in a moment"
        held = tx.one(
            "SELECT n FROM depths WHERE message_id = ? AND state = ? AND n > 0",
            (message, int(DeliveryState.HELD)),
        )
        if state == "held":
            # Screened again with the approval on record, so that every other gate still counts.
            body = _decode(row[4])
            body = body.replace(approved=(*body.approved, row[5]))
            tx.execute(
                "UPDATE messages SET until = 0, original = ? WHERE id = ?", (_encode(body), message)
            )
        elif held and state == "started":
            tx.execute(
                "UPDATE messages SET sweep = 'release', sweep_after = 0 WHERE id = ?", (message,)
            )
        else:
            return f"#{number} is not held ({state}); nothing waits for a person"
    elif action in ("revise", "screen"):
        if state != "held":
            return f"#{number} is not held ({state}); its text stays"
        body = _decode(row[4])
        body = body.replace(turn=body.turn + 1)
        if action == "revise":
            body = body.replace(text=text, approved=())
        tx.execute(
            "UPDATE messages SET until = 0, original = ? WHERE id = ?", (_encode(body), message)
        )
    code = row[5] if action == "approve" and state == "held" else ""
    tx.journal(at, f"message.{action}", message=message, code=code, detail=by)
    return None


def expire(tx: SqliteTransaction, at: int, limit: int) -> None:
    """Start the sweep of messages whose time is over."""
    for (message,) in list(tx.rows(EXPIRED, (at, limit))):
        tx.execute("UPDATE messages SET sweep = 'expire', sweep_after = 0 WHERE id = ?", (message,))
