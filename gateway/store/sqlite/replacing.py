"""A sender in the place of another one that was lost: what waits goes on from the new number.

Bound by the rows it looks at, so that a step is short.  A message is the new sender's before its
deliveries are, so that a fan-out that still runs adds to the new one, and a step that is done
twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, MutableMapping

import msgspec

from gateway.message import Message
from gateway.store.protocol import DeliveryState
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING
from gateway.store.sqlite.moving import ATTEMPTS, Moving, move
from gateway.store.sqlite.withdrawing import drop
from gateway.store.states import Cause, may_begin
from gateway.store.watching import Moved

NEXT = """
SELECT id, sender, kind,
       sender IN (?2, ?3) AND state IN ('accepted', 'held', 'ready', 'started')
FROM messages WHERE id >= ?1 ORDER BY id LIMIT ?4
"""
BODIES = "SELECT body, original FROM messages WHERE id = ?"
RENAME = "UPDATE messages SET sender = ?, body = ?, original = ? WHERE id = ?"
OPEN = """
SELECT 1 FROM messages m WHERE m.id = ? AND (m.state <> 'started' OR EXISTS
  (SELECT 1 FROM depths p WHERE p.message_id = m.id AND p.state <= 5 AND p.n > 0))
"""
ROWS = """
SELECT id, contact_id, sender, state, tries FROM deliveries
WHERE message_id = ? AND contact_id > ? ORDER BY contact_id LIMIT ?
"""
GIVE = "UPDATE deliveries SET sender = ?, changed_at = ? WHERE id = ?"
SENDER = "SELECT sender FROM messages WHERE id = ?"
PHONE = """
SELECT 1 FROM identities WHERE contact_id = ? AND kind = 'phone' AND retired_at IS NULL LIMIT 1
"""
_AUDIENCE = """
SELECT count(*), coalesce(sum(EXISTS (SELECT 1 FROM identities i
       WHERE i.contact_id = p.contact_id AND i.kind = 'phone' AND i.retired_at IS NULL)), 0)
FROM (SELECT DISTINCT c.contact_id FROM consents c WHERE c.topic IN ({marks})
      AND c.state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM consents e
      WHERE e.topic = '{everything}' AND e.contact_id = c.contact_id AND e.state = 'withdrawn')) p
"""

MESSAGES = 200
"""Messages, whosever they are, that a step looks at for one that still goes out."""

WAITS = (
    DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.HELD, DeliveryState.PAUSED,
)  # fmt: skip
IN_WINDOWS = ("service", "confirmation")
"""Kinds that answer a person who wrote to one number; that window does not move."""

UNREACHABLE = "unreachable"
REASON = "known by a user id alone, and the new sender belongs to another portfolio"

_encode = msgspec.json.Encoder().encode
_decode: Callable[[bytes], Message] = msgspec.json.Decoder(Message).decode


class _Step(msgspec.Struct):
    """What a step does, and what it did."""

    old: str
    new: str
    same_portfolio: bool
    at: int
    really: bool
    moved: int = 0
    dropped: int = 0
    stay: int = 0

    def to(self, position: tuple[int, int] | None) -> Moved:
        return Moved(position=position, moved=self.moved, dropped=self.dropped, stay=self.stay)


def replace(
    tx: SqliteTransaction,
    old: str,
    new: str,
    position: tuple[int, int],
    *,
    same_portfolio: bool,
    at: int,
    limit: int,
    really: bool,
    copies: MutableMapping[int, Message],
) -> Moved:
    """See WatchStore.replace_sender.  `copies`: messages in memory, of which those that are another
    sender's now are let go."""
    step = _Step(old, new, same_portfolio, at, really)
    message, after = position
    rows = list(tx.rows(NEXT, (message, old, new, MESSAGES)))
    going = next((row for row in rows if row[3] and tx.one(OPEN, (row[0],)) is not None), None)
    if going is None:
        return step.to((rows[-1][0] + 1, 0) if len(rows) == MESSAGES else None)
    id, sender, kind, _ = going
    if id != message:
        after = 0
    if sender == old and kind not in IN_WINDOWS and not after:
        _rename(tx, step, id, copies)
    found = list(tx.rows(ROWS, (id, after, limit)))
    for delivery, contact, of, state, tries in found:
        if of == old and state <= DeliveryState.UNKNOWN:
            _one(tx, step, id, kind, (delivery, contact, state, tries))
    return step.to((id, found[-1][1]) if len(found) == limit else (id + 1, 0))


def _rename(
    tx: SqliteTransaction, step: _Step, message: int, copies: MutableMapping[int, Message]
) -> None:
    bodies = tx.one(BODIES, (message,))
    if not step.really or bodies is None:
        return
    body, original = (_encode(_decode(raw).replace(sender=step.new)) for raw in bodies)
    tx.execute(RENAME, (step.new, body, original, message))
    copies.pop(message, None)
    told = f"{step.old} → {step.new}"
    tx.journal(step.at, "message.sender", message=message, sender=step.new, detail=told)


def _one(
    tx: SqliteTransaction, step: _Step, message: int, kind: str, row: tuple[int, int, int, int]
) -> None:
    delivery, contact, state, tries = row
    begun = state not in WAITS or (tries and not may_begin(tx.rows(ATTEMPTS, (delivery,))))
    if begun or kind in IN_WINDOWS:
        step.stay += 1
        return
    lost = not step.same_portfolio and tx.one(PHONE, (contact,)) is None
    step.dropped += lost
    step.moved += not lost
    if not step.really:
        return
    moving = Moving(delivery, message, contact, step.old, state)
    if lost:
        drop(tx, Cause.REPLACE, moving, UNREACHABLE, REASON, step.at)
        return
    if state == DeliveryState.LEASED:
        move(tx, Cause.REPLACE, moving, DeliveryState.QUEUED, step.at)
    _give(tx, moving, step.new, step.at)


def follow(tx: SqliteTransaction, waits: Moving, at: int) -> None:
    """Let a delivery that was in the air when its sender was replaced, and waits again, go where
    its message went; whom a user id alone leads to stays: it may mean nothing there."""
    (sender,) = tx.one(SENDER, (waits.message,)) or (waits.sender,)
    if sender not in (None, waits.sender) and tx.one(PHONE, (waits.contact,)) is not None:
        _give(tx, waits, sender, at)


def _give(tx: SqliteTransaction, row: Moving, new: str, at: int) -> None:
    tx.execute(GIVE, (new, at, row.id))
    tx.journal(
        at, "delivery.moved", message=row.message, delivery=row.id, contact=row.contact,
        sender=new, code=new, detail=f"{row.sender} → {new}",
    )  # fmt: skip


def audience_of(tx: SqliteTransaction, topics: Collection[str]) -> tuple[int, int]:
    """See WatchStore.audience_of."""
    marks = ", ".join("?" * len(topics))
    row = tx.one(_AUDIENCE.format(marks=marks, everything=EVERYTHING), tuple(topics))
    everybody, phones = row if row is not None else (0, 0)
    return phones, everybody - phones
