"""What was accepted and not heard of; what became of each message that goes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import msgspec

from gateway.stopping import sender_scope
from gateway.store.protocol import DeliveryState
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.watching import FAILURES, WITHDRAWALS, Share, Unheard

LOOK_BACK = 20_000
"""Lines of the journal that are looked at; read from its end, so this bounds the time."""

HEARD = {
    "inbound", "status.unmatched", "delivery.sent", "delivery.delivered", "delivery.read",
}  # fmt: skip
"""Lines that only a webhook writes.  A failure may also be the answer to our own request."""

NEWEST = """
SELECT at, name, sender, code FROM journal WHERE id > (SELECT max(id) FROM journal) - ?
ORDER BY id DESC
"""

SHARES = """
SELECT m.id, m.number,
       (SELECT coalesce(sum(p.n), 0) FROM depths p WHERE p.message_id = m.id
        AND p.state BETWEEN 6 AND 10) - coalesce(s.before_sent, 0),
       (SELECT coalesce(sum(p.n), 0) FROM depths p WHERE p.message_id = m.id
        AND p.state = 10) - coalesce(s.before_failed, 0),
       coalesce(s.withdrew, 0) - coalesce(s.before_withdrew, 0)
FROM messages m INDEXED BY messages_to_many LEFT JOIN shares s ON s.message_id = m.id
WHERE m.contact_id IS NULL AND m.state IN ('ready', 'started') AND m.paused = 0
  AND EXISTS (SELECT 1 FROM depths p WHERE p.message_id = m.id AND p.state < 5 AND p.n > 0)
"""
GO_ON = """
INSERT INTO shares (message_id, before_sent, before_failed)
SELECT ?1, coalesce(sum(n) FILTER (WHERE state BETWEEN 6 AND 10), 0),
       coalesce(sum(n) FILTER (WHERE state = 10), 0) FROM depths WHERE message_id = ?1
ON CONFLICT (message_id) DO UPDATE SET before_sent = excluded.before_sent,
    before_failed = excluded.before_failed, before_withdrew = withdrew
"""
PAUSED = """
SELECT pause_code, count(*) FROM messages INDEXED BY messages_waiting
WHERE paused = 1 AND pause_code > '' AND state <> 'cancelled' GROUP BY pause_code
"""
NO_CAUSE = "UPDATE messages SET pause_code = '', pause_reason = '' WHERE id = ?"
PAUSE = """
UPDATE messages SET paused = 1, pause_code = ?, pause_reason = ?, sweep_after = 0,
       sweep = CASE WHEN started_at > 0 THEN 'pause' END
WHERE id = ? AND paused = 0 AND state IN ('ready', 'started')
"""
NEWEST_FAILED = """
SELECT delivery_id FROM journal WHERE id > (SELECT max(id) FROM journal) - ?
  AND +message_id = ? AND name = 'delivery.failed' AND delivery_id IS NOT NULL
"""
CODE = f"SELECT code FROM deliveries WHERE id = ? AND state = {int(DeliveryState.FAILED)}"

RECENT = 50
"""Messages to many that a withdrawal may be due to: the newest ones."""

BLAMED = 48 * 3600 * 1_000_000
"""Microseconds after a message in which a withdrawal counts as due to it."""

RECEIVED_LAST = f"""
SELECT m.id, max(a.began_at) FROM (SELECT id, topic, kind FROM messages INDEXED BY messages_to_many
      WHERE contact_id IS NULL AND state = 'started' ORDER BY id DESC LIMIT {RECENT}) m
JOIN deliveries d ON d.message_id = m.id AND d.contact_id = ?1 AND d.state BETWEEN 6 AND 9
JOIN attempts a ON a.delivery_id = d.id AND a.began_at BETWEEN ?2 - {BLAMED} AND ?2
WHERE m.kind = 'marketing' AND ?3 IN ('*', m.topic)
"""
COUNT = """
INSERT INTO shares (message_id, withdrew) VALUES (?, 1)
ON CONFLICT (message_id) DO UPDATE SET withdrew = withdrew + 1
"""


class _Ear(msgspec.Struct):
    accepted: int = 0
    first_at: int = 0
    heard_at: int | None = None
    done: bool = False


def unheard(
    tx: SqliteTransaction, senders: Collection[str], look_back: int = LOOK_BACK
) -> dict[str, Unheard]:
    """See WatchStore.unheard.

    The time in which the gateway did not run is none of listening: it ends with the journal.
    """
    ears = {sender: _Ear() for sender in senders}
    anew = {
        scope: ear
        for sender, ear in ears.items()
        for scope in (sender_scope(sender), sender_scope(sender, marketing=True))
    }
    left, end = len(ears), 0
    for at, name, sender, code in tx.rows(NEWEST, (look_back,)):
        end = end or at
        ear = anew.get(code) if name == "resume" else ears.get(sender)
        if ear is None or ear.done:
            continue
        if name == "delivery.accepted":
            ear.accepted += 1
            ear.first_at = at
        elif name in HEARD or name == "resume":
            ear.heard_at = None if name == "resume" else at
            ear.done = True
            left -= 1
            if not left:
                break
    return {
        sender: Unheard(
            ear.accepted, max(0, end - ear.first_at) / 1e6 if ear.accepted else 0.0, ear.heard_at
        )
        for sender, ear in ears.items()
    }


def shares(tx: SqliteTransaction, at_least: int) -> list[Share]:
    """See WatchStore.shares."""
    found = (Share(*row) for row in tx.rows(SHARES))
    return [share for share in found if share.sent >= at_least]


def failures(tx: SqliteTransaction, message: int, limit: int) -> dict[str, int]:
    """See WatchStore.failures.  A delivery counts once, however often it was tried."""
    failed = {delivery for (delivery,) in tx.rows(NEWEST_FAILED, (limit, message))}
    codes = (tx.one(CODE, (delivery,)) for delivery in failed)
    return dict(Counter(row[0] for row in codes if row is not None).most_common())


def pause(tx: SqliteTransaction, message: int, code: str, reason: str, at: int) -> bool:
    """See WatchStore.pause_message."""
    tx.execute(PAUSE, (code, reason, message))
    if not tx.changed():
        return False
    tx.journal(at, "message.pause", message=message, code=code, detail=reason)
    return True


def go_on(tx: SqliteTransaction, message: int) -> None:
    """A person lets a message go on: if it had paused itself, what comes now counts anew."""
    row = tx.one("SELECT pause_code FROM messages WHERE id = ?", (message,))
    if row is not None and row[0] in (FAILURES, WITHDRAWALS):
        tx.execute(GO_ON, (message,))
    tx.execute(NO_CAUSE, (message,))


def blame(tx: SqliteTransaction, contact: int, topic: str, said_at: int) -> None:
    """Count a withdrawal (topic '*': of everything) against the last message that the person got
    of what was withdrawn from, if that was not long before."""
    row = tx.one(RECEIVED_LAST, (contact, said_at, topic))
    if row is not None and row[0] is not None:
        tx.execute(COUNT, (row[0],))
