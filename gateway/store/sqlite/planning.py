"""The store's verbs for plans on SQLite: see store/planning.py."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import msgspec

from gateway.ids import EPOCH_MS
from gateway.message import Delivery, Message
from gateway.store.planning import Group, OwnCap, Spending
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.leasing import OF_WHOM, WAITING, Waiting, as_leased
from gateway.store.sqlite.plumbing import Plumbing

_ONE = "SELECT ?1 AS id"
_ALL = """
SELECT contact_id AS id FROM consents
WHERE topic = ?1 AND state = 'confirmed' AND since < ?2
"""
_ELSE = """
SELECT CASE WHEN state = 'confirmed' THEN 'later' ELSE state END, count(*) FROM consents
WHERE topic = ?1 AND NOT (state = 'confirmed' AND since < ?2) GROUP BY 1
"""
_GROUPS = """
SELECT left_out, open, counted, prefix, count(*) FROM (
  SELECT CASE WHEN known IS NULL THEN 'unreachable'
              WHEN ?3 AND paused_until > ?4 THEN 'paused'
              WHEN ?3 AND troubled > ?4 THEN 'refused_by_provider'
              WHEN ?3 AND ({capped}) THEN 'capped' ELSE '' END AS left_out,
         ?6 AND EXISTS (SELECT 1 FROM windows w WHERE w.sender = ?5 AND w.contact_id = a.id
                        AND w.until > ?7) AS open,
         {counted} AS counted,
         coalesce(known, '') AS prefix
  FROM (SELECT a.id, p.paused_until,
               (SELECT max(t.until) FROM troubles t WHERE t.contact_id = a.id) AS troubled,
               coalesce({known}) AS known
        FROM ({audience}) a JOIN contacts p ON p.id = a.id) a)
GROUP BY 1, 2, 3, 4
"""
_KNOWN = """
(SELECT substr(i.value, 1, {length}) FROM identities i
 WHERE i.contact_id = a.id AND i.retired_at IS NULL AND i.kind = ?{n} LIMIT 1)
"""
_COUNTED = """
((a.id IN (SELECT CAST(subject AS INTEGER) FROM quota_uses
           WHERE key = ?{n} AND until > ?4)) << {bit})
"""
_CAPPED = """
a.id IN (SELECT CAST(substr(key, length(?{n}) + 1) AS INTEGER) FROM quota_uses
         WHERE key >= ?{n} AND key < ?{n} || '~' AND at > ?4 - ?{window}
           AND substr(key, length(key) - length(?{suffix}) + 1) = ?{suffix}
         GROUP BY key HAVING count(*) >= ?{most})
"""
_STANDING = """
SELECT max(until) FROM quota_uses WHERE key = ? AND until > ? GROUP BY subject ORDER BY 1
"""
_SENT = """
SELECT coalesce(nullif(a.category, ''), m.kind),
       coalesce((SELECT substr(i.value, 1, 5) FROM identities i
                 WHERE i.contact_id = d.contact_id AND i.retired_at IS NULL
                   AND i.kind = 'phone' LIMIT 1), ''),
       count(*)
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id JOIN messages m ON m.id = d.message_id
WHERE a.delivery_id >= ?1 AND a.began_at >= ?2 AND a.state NOT IN (0, 4)
  AND coalesce(a.billable, a.form = 'template') AND m.id <> ?3
GROUP BY 1, 2
"""
_OPEN = """
SELECT m.kind, sum(p.n) FROM depths p JOIN messages m ON m.id = p.message_id
WHERE p.state < 5 AND p.n > 0 AND m.id <> ? AND m.state <> 'cancelled' GROUP BY 1
"""
_WAITING = f"SELECT {WAITING} FROM deliveries d {OF_WHOM} WHERE d.id = ? AND d.state IN (0, 1)"

EARLIER_MS = 31 * 86_400_000
"""Milliseconds; deliveries that were made so long before a time may have gone after it."""

MOST_OF_NUMBER, MOST_OF_OTHER = 5, 3
"""Characters that tell a country: `+4917`, `DE.`."""

_decode = msgspec.json.Decoder(Message).decode


class PlanVerbs(Plumbing):
    """Implements gateway.store.planning.PlanStore."""

    async def audience(
        self,
        message: Message,
        *,
        at: int,
        windows: bool,
        margin: int,
        kinds: Sequence[str],
        quotas: Sequence[str],
        caps: Sequence[OwnCap],
    ) -> list[Group]:
        return await self._read(
            partial(
                _audience, message=message, at=at, windows=windows, margin=margin, kinds=kinds,
                quotas=quotas, caps=caps,
            )
        )  # fmt: skip

    async def standing(self, quota: str, *, at: int) -> list[int]:
        return await self._read(lambda tx: [until for (until,) in tx.rows(_STANDING, (quota, at))])

    async def spending(self, *, since: int, besides: int) -> Spending:
        def read(tx: SqliteTransaction) -> Spending:
            first = max(0, since // 1000 - EPOCH_MS - EARLIER_MS) << 22
            sent = tx.rows(_SENT, (first, since, besides))
            return Spending(
                {(category, prefix): n for category, prefix, n in sent},
                dict(tx.rows(_OPEN, (besides,))),
            )

        return await self._read(read)

    async def peek(self, delivery: int, *, at: int, windows: bool, margin: int) -> Delivery | None:
        return await self._read(lambda tx: _peek(tx, delivery, at, windows, margin))


def _audience(
    tx: SqliteTransaction,
    message: Message,
    at: int,
    windows: bool,
    margin: int,
    kinds: Sequence[str],
    quotas: Sequence[str],
    caps: Sequence[OwnCap],
) -> list[Group]:
    row = tx.one("SELECT accepted_at FROM messages WHERE id = ?", (message.id,))
    accepted_at = row[0] if row else at
    values: list[object] = [
        message.to or message.topic or "", accepted_at, message.kind == "marketing", at,
        message.sender or "", windows, at + margin,
    ]  # fmt: skip

    def given(value: object) -> int:
        values.append(value)
        return len(values)

    known = [
        _KNOWN.format(length=MOST_OF_NUMBER if kind == "phone" else MOST_OF_OTHER, n=given(kind))
        for kind in kinds
    ]
    counted = [_COUNTED.format(n=given(key), bit=bit) for bit, key in enumerate(quotas)]
    capped = [
        _CAPPED.format(
            n=given(cap.prefix), suffix=given(cap.suffix), most=given(cap.n),
            window=given(int(cap.window * 1e6)),
        )
        for cap in caps
    ]  # fmt: skip
    statement = _GROUPS.format(
        known=", ".join([*known, "NULL", "NULL"]),
        counted=" | ".join(counted) or "0",
        capped=" OR ".join(capped) or "0",
        audience=_ONE if message.to is not None else _ALL,
    )
    found = [
        Group(left_out, bool(opened), _keys(bits, quotas), prefix, n)
        for left_out, opened, bits, prefix, n in tx.rows(statement, tuple(values))
    ]
    if message.to is None:
        others = tx.rows(_ELSE, (message.topic or "", accepted_at))
        found += [Group(state, False, frozenset(), "", n) for state, n in others]
    return found


def _keys(bits: int, quotas: Sequence[str]) -> frozenset[str]:
    return frozenset(key for bit, key in enumerate(quotas) if bits >> bit & 1)


def _peek(
    tx: SqliteTransaction, delivery: int, at: int, windows: bool, margin: int
) -> Delivery | None:
    found = tx.one(_WAITING, (delivery,))
    if found is None:
        return None
    row = Waiting(*found)
    body = tx.one("SELECT body FROM messages WHERE id = ?", (row.message,))
    assert body is not None  # a delivery's message is never purged before it
    return as_leased(tx, _decode(body[0]), row, at, windows, margin)
