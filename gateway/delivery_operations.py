"""What commands do about deliveries that did not end well, and the report of a message.

Lists come oldest first; who is meant stands there by id, never by number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from gateway import ids
from gateway.errors import ConfigError
from gateway.message import PRIORITY
from gateway.pricing import bill, prefixed
from gateway.questions import Questions
from gateway.store.outcomes import Resolution

CHUNK = 100
"""Deliveries in one transaction: it has to stay short."""

AT_ONCE = 2_000
"""Deliveries that one call looks at; the command calls again until all are done."""

MOST = 1_000
"""Rows of one page."""

HOW = ("sent", "not_sent", "resend")

Row = dict[str, Any]


class DeliveryOperations(Questions):
    """Operations on unknown and failed deliveries."""

    async def do_queue_unknown(
        self,
        message: str | None = None,
        sender: str = "",
        kind: str = "",
        limit: int = 50,
    ) -> Row:
        """Return the deliveries of which nobody knows what became, and how many by reason."""
        filters = await self._filters(message, sender=sender, kind=kind)
        return await self._listed("unknown", filters, limit) | {
            "after": float(self._parts.config.delivery.unknown_after),
            "resend": list(self._parts.config.delivery.resend_unknown),
        }

    async def do_queue_failed(
        self,
        message: str | None = None,
        code: str = "",
        sender: str = "",
        since: str = "",
        after: Sequence[int] = (0, 0),
        limit: int = 50,
    ) -> Row:
        """Return what failed for good since a time, with the provider's answer; `after` is the
        (since, id) of the last row that is known."""
        filters = await self._filters(message, code=code, sender=sender)
        begin = self._moment(since) if since else 0
        return await self._listed("failed", filters, limit, begin, after)

    async def do_queue_resolve(
        self,
        how: str,
        by: str,
        deliveries: Sequence[str] = (),
        message: str | None = None,
        after: Sequence[int] = (0, 0),
    ) -> Row:
        """Decide about unknown deliveries: those named, or all (of one message).  Returns how many
        were resolved and why others were not, and where to go on (None: that was all)."""
        if how not in HOW:
            raise ConfigError(f"an unknown delivery is resolved as one of {', '.join(HOW)}")

        async def decide(chunk: list[int]) -> list[str]:
            return await self._store.resolve(
                chunk, cast(Resolution, how), at=self._clock.micros(), by=by
            )

        if deliveries:
            return await self._named([_delivery(text) for text in deliveries], decide)
        return await self._each("unknown", await self._filters(message), after, decide)

    async def do_queue_retry(
        self,
        by: str,
        message: str | None = None,
        code: str = "",
        sender: str = "",
        since: str = "",
        after: Sequence[int] = (0, 0),
    ) -> Row:
        """Queue what failed again.  Returns the same as do_queue_resolve."""

        async def again(chunk: list[int]) -> list[str]:
            return await self._store.retry(chunk, at=self._clock.micros(), by=by)

        filters = await self._filters(message, code=code, sender=sender)
        begin = max(tuple(after), (self._moment(since) if since else 0, 0))
        return await self._each("failed", filters, begin, again)

    async def do_message_report(self, message: str) -> Row:
        """Return what became of a message."""
        found = await self._message(message)
        told = cast(Row, await self._store.outcome_report("message", number=found["number"]))
        billed = told.pop("billed")
        counts = told["counts"]
        return told | {
            "title": found["title"],
            "reached": counts.get("delivered", 0) + counts.get("read", 0),
            "read": counts.get("read", 0),
            "now": self._clock.micros(),
            "time_zone": self._parts.config.company.time_zone,
            "cost": self._cost(billed),
        }

    # --- what they share ------------------------------------------------------------------------
    async def _filters(
        self, message: str | None, *, code: str = "", sender: str = "", kind: str = ""
    ) -> Row:
        if sender:
            self._known_sender(sender)
        if kind and kind not in PRIORITY:
            raise ConfigError(f"there is no kind {kind!r}; known: {', '.join(PRIORITY)}")
        id = (await self._message(message))["id"] if message else None
        return {"message": id, "code": code, "sender": sender, "kind": kind}

    async def _listed(
        self, state: str, filters: Row, limit: int, since: int = 0, after: Sequence[int] = (0, 0)
    ) -> Row:
        begin = max(tuple(after), (since, 0))
        limit = min(max(limit, 0), MOST)
        return {
            "now": self._clock.micros(),
            "groups": await self._store.outcome_report(
                "groups", state=state, since=since, **filters
            ),
            "rows": await self._store.outcome_report(
                "chosen", state=state, after=begin, limit=limit, **filters
            ),
        }

    async def _each(
        self,
        state: str,
        filters: Row,
        after: Sequence[int],
        do: Callable[[list[int]], Awaitable[list[str]]],
    ) -> Row:
        """Do something with the next deliveries, a chunk at a time."""
        counts: Counter[str] = Counter()
        begin, looked = tuple(after), 0
        while looked < AT_ONCE:
            rows = await self._store.outcome_report(
                "chosen", state=state, after=begin, limit=CHUNK, **filters
            )
            if not rows:
                return _told(counts, None)
            counts.update(await do([row["id"] for row in rows]))
            looked += len(rows)
            begin = (rows[-1]["since"], rows[-1]["id"])
        return _told(counts, begin)

    async def _named(
        self, deliveries: list[int], do: Callable[[list[int]], Awaitable[list[str]]]
    ) -> Row:
        counts: Counter[str] = Counter()
        for first in range(0, len(deliveries), CHUNK):
            counts.update(await do(deliveries[first : first + CHUNK]))
        return _told(counts, None)

    def _cost(self, billed: Sequence[Row]) -> Row:
        """Return what the provider said that it bills, and the amount if there are prices."""
        paid = [row for row in billed if row["billable"]]
        categories: Counter[str] = Counter()
        for row in paid:
            categories[row["category"] or "unknown"] += row["n"]
        cost: Row = {
            "billed": dict(categories),
            "free": sum(row["n"] for row in billed if row["billable"] is False),
            "not_told": sum(row["n"] for row in billed if row["billable"] is None),
        }
        rates = self._parts.config.rates
        if rates is not None:
            sum_up = bill(
                rates, [(row["category"], prefixed(row["prefix"]), row["n"]) for row in paid]
            )
            cost |= {
                "amount": round(sum_up.amount, 4),
                "currency": rates.currency,
                "rates_of": rates.date.isoformat(),
                "unpriced": sum_up.unpriced,
            }
        return cost


def _told(counts: Counter[str], after: Sequence[int] | None) -> Row:
    done = counts.pop("", 0)
    return {"done": done, "refused": dict(counts), "after": None if after is None else list(after)}


def _delivery(text: str) -> int:
    found = ids.read("d", text)
    if found is None:
        raise ConfigError(f"{text!r} is no delivery; `gateway queue unknown` shows them as d-…")
    return found
