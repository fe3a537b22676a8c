"""What this month has cost so far, and what waits will cost: by the operator's table of prices."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec

from gateway.pricing import Bill, Rates, bill, prefixed
from gateway.store.planning import PlanStore
from gateway.store.protocol import micros, moment


class Month(msgspec.Struct, frozen=True, kw_only=True):
    """One month so far: when it began (UTC microseconds), what was sent, what waits to be sent."""

    since: int
    spent: Bill
    promised: Bill


async def this_month(
    store: PlanStore, rates: Rates, zone: str, home: str, *, at: int, besides: int = 0
) -> Month:
    """Return what was and will be billed in the month of `at` (UTC microseconds) in a zone.

    `home` is the company's country, for prices of those whose own is not known; `besides` the id
    of a message that does not count.  Raises StoreError.
    """
    begin = moment(at).astimezone(ZoneInfo(zone))
    since = micros(begin.replace(day=1, hour=0, minute=0, second=0, microsecond=0, fold=0))
    there = prefixed(f"{home}.")
    found = await store.spending(since=since, besides=besides)
    spent = bill(
        rates,
        (
            (category, prefixed(prefix) if prefix else there, n)
            for (category, prefix), n in found.sent.items()
        ),
    )
    promised = bill(rates, ((kind, there, n) for kind, n in found.open.items()))
    return Month(since=since, spent=spent, promised=promised)
