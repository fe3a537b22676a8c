"""Marketing is held when the gateway cannot know whether somebody withdrew, until a person looked."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Literal

from gateway.clock import Clock
from gateway.stopping import MARKETING
from gateway.store.protocol import Store

log = logging.getLogger("gateway.holding")

Why = Literal["restored", "gap", "clock", "clock_behind", "damaged"]


async def hold_marketing(store: Store, clock: Clock, why: Why, reason: str) -> None:
    """Hold all marketing until `gateway resume`; answers and confirmations go on.

    `reason` is one sentence for whoever looks at the status.  Raises StoreError.
    """
    if any(stop.scope == MARKETING and stop.code == why for stop in await store.stops()):
        return
    await store.stop(MARKETING, reason, at=clock.micros(), code=why)
    log.warning("marketing is held until `gateway resume`: %s", reason)


def told(at: int) -> str:
    """Return UTC microseconds as people read them."""
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%d %b %Y %H:%M} UTC"
