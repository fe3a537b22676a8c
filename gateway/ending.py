"""Stops that are over at a time that the provider named, such as the end of a restriction.

When that is stands in the database as a mark, so that a restart forgets none.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from gateway.stopping import Stop
from gateway.store.protocol import Store

log = logging.getLogger("gateway.ending")

UNTIL = "until "
"""What the name of such a mark begins with; scope and cause follow."""


async def ends(store: Store, scope: str, code: str, until: int) -> None:
    """Keep that a stop is over at `until` (UTC microseconds), or later if that was said before.

    To be called once the stop is there.  Raises StoreError.
    """
    mark = _mark(scope, code)
    known = (await store.marks()).get(mark, 0)
    if until > known:
        await store.mark({mark: until})


async def lift_ended(store: Store, stops: Sequence[Stop], now: int) -> list[Stop]:
    """Lift those of the stops whose time is over, and return the others.  Raises StoreError."""
    marks = {mark: at for mark, at in (await store.marks()).items() if mark.startswith(UNTIL)}
    left = []
    for stop in stops:
        until = marks.pop(_mark(stop.scope, stop.code), None)
        if until is None or until > now:
            left.append(stop)
        elif await store.resume(stop.scope, at=now, code=stop.code):
            log.warning("%s: the time of %s is over, it goes on", stop.scope, stop.code)
            marks[_mark(stop.scope, stop.code)] = until
    if marks:  # of stops that are no more: the next one has an end of its own
        await store.mark(dict.fromkeys(marks))
    return left


def _mark(scope: str, code: str) -> str:
    return f"{UNTIL}{scope} {code}"
