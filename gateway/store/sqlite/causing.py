"""Messages that wait for their template, windows that the provider closed: see store/causes.py."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from gateway.message import Message, Template
from gateway.store.causes import TEMPLATE_GONE, TEMPLATE_PAUSED, Sent
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.plumbing import Plumbing
from gateway.store.writer import Lane

WINDOW = 24 * 3600 * 1_000_000
"""Microseconds that a window is open; one that ends later than this was opened later too."""

GOING = """
SELECT id, body FROM messages INDEXED BY messages_by_state
WHERE state = ? AND id > ? AND sender = ? AND paused = 0 ORDER BY id LIMIT ?
"""
DONE = """
SELECT 1 FROM messages WHERE id = ?1 AND state = 'started'
  AND NOT EXISTS (SELECT 1 FROM depths WHERE message_id = ?1 AND state < 5 AND n > 0)
"""
WAITING = """
SELECT id, body FROM messages INDEXED BY messages_waiting
WHERE pause_code = ? AND paused = 1 AND id > ? AND sender = ? ORDER BY id LIMIT ?
"""
PAUSE = """
UPDATE messages SET paused = 1, pause_code = ?, pause_reason = ?, sweep_after = 0,
       sweep = CASE WHEN started_at > 0 THEN 'pause' END WHERE id = ?
"""
WORSE = "UPDATE messages SET pause_code = ?, pause_reason = ? WHERE id = ?"
RESUME = """
UPDATE messages SET paused = 0, pause_code = '', pause_reason = '', sweep_after = 0,
       sweep = CASE WHEN started_at > 0 THEN 'resume:' END WHERE id = ?
"""
WHO_WAITS = """
SELECT DISTINCT sender FROM messages INDEXED BY messages_waiting WHERE pause_code = ? AND paused = 1
"""
MADE_OF = """
SELECT m.id, m.body FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?
"""
CLOSE = """
UPDATE windows SET until = min(until, ?1)
WHERE sender = ?2 AND contact_id = (SELECT contact_id FROM deliveries WHERE id = ?3)
  AND until <= ?1 + ?4
"""

_decode = msgspec.json.Decoder(Message).decode


def _template(body: bytes) -> Template | None:
    form = _decode(body).form("template")
    return form if isinstance(form, Template) else None


def _uses(body: bytes, name: str, language: str) -> bool:
    template = _template(body)
    return template is not None and template.name == name and language in ("", template.language)


class CauseVerbs(Plumbing):
    """Implements gateway.store.causes.CauseStore."""

    async def pause_template(
        self,
        sender: str,
        name: str,
        language: str,
        code: str,
        reason: str,
        *,
        at: int,
        after: int = 0,
        limit: int,
    ) -> int | None:
        def job(tx: SqliteTransaction) -> int | None:
            page = _Page(after, limit)
            for message, body in page.read(tx, GOING, ("ready", "started"), sender):
                if _uses(body, name, language) and not tx.one(DONE, (message,)):
                    tx.execute(PAUSE, (code, reason, message))
                    tx.journal(at, "message.pause", message=message, code=code, detail=reason)
            for message, body in page.read(
                tx, WAITING, (TEMPLATE_PAUSED,) if code == TEMPLATE_GONE else (), sender
            ):
                if _uses(body, name, language):
                    tx.execute(WORSE, (code, reason, message))
                    tx.journal(at, "message.pause", message=message, code=code, detail=reason)
            return page.following

        return await self._write(Lane.WEBHOOK, job, "messages")

    async def resume_template(
        self, sender: str, name: str, language: str, *, at: int, after: int = 0, limit: int
    ) -> int | None:
        def job(tx: SqliteTransaction) -> int | None:
            page = _Page(after, limit)
            for message, body in page.read(tx, WAITING, (TEMPLATE_PAUSED,), sender):
                if _uses(body, name, language):
                    tx.execute(RESUME, (message,))
                    tx.journal(at, "message.resume", message=message, code=TEMPLATE_PAUSED)
            return page.following

        return await self._write(Lane.WEBHOOK, job, "messages")

    async def waiting_for_templates(self) -> set[str]:
        return await self._read(
            lambda tx: {sender for (sender,) in tx.rows(WHO_WAITS, (TEMPLATE_PAUSED,))}
        )

    async def sent_as(self, deliveries: Sequence[int]) -> list[Sent]:
        def job(tx: SqliteTransaction) -> list[Sent]:
            found = []
            for delivery in deliveries:
                row = tx.one(MADE_OF, (delivery,))
                if row is not None:
                    made = _template(row[1])
                    names = (made.name, made.language) if made is not None else ("", "")
                    found.append(Sent(delivery, row[0], *names))
            return found

        return await self._read(job)

    async def close_windows(self, sender: str, deliveries: Sequence[int], *, at: int) -> None:
        def job(tx: SqliteTransaction) -> None:
            for delivery in deliveries:
                tx.execute(CLOSE, (at, sender, delivery, WINDOW))

        await self._write(Lane.WEBHOOK, job)


class _Page:
    """One page of messages in the order of their ids, whatever states they are in."""

    def __init__(self, after: int, limit: int) -> None:
        self._after, self._limit = after, limit
        self.following: int | None = None

    def read(
        self, tx: SqliteTransaction, select: str, kinds: Sequence[str], sender: str
    ) -> Iterator[tuple[int, bytes]]:
        """Yield the next rows of each kind; if one has more, all go on where the first stops."""
        for kind in kinds:
            rows = list(tx.rows(select, (kind, self._after, sender, self._limit)))
            if len(rows) == self._limit:
                last = rows[-1][0]
                self.following = last if self.following is None else min(last, self.following)
            yield from rows
