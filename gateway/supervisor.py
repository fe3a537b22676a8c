"""Keeps one input running: rerun after a crash, each time after a longer pause, never silently."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import trio

from gateway.errors import ConfigError
from gateway.isolation import Crash, guarded

log = logging.getLogger("gateway.supervisor")

FIRST_PAUSE = 1.0
LAST_PAUSE = 300.0
HEALTHY_AFTER = 600.0
"""Seconds of running after which the pause starts small again; a good start is not enough."""

States = Callable[[str, str], None]
"""Told of (label, state): running, pausing, parked, ended."""


async def supervise(
    label: str,
    run: Callable[[], Awaitable[None]],
    *,
    told: States = lambda label, state: None,
) -> None:
    """Run until `run()` returns.  ConfigError parks it: only other settings can help."""
    pause = FIRST_PAUSE
    while True:
        started = trio.current_time()
        told(label, "running")
        try:
            ended = await guarded(label, run, let=(ConfigError,))
        except ConfigError as error:
            log.error("%s is parked until its settings change: %s", label, error)
            told(label, "parked")
            return
        if not isinstance(ended, Crash):
            told(label, "ended")
            return
        if trio.current_time() - started > HEALTHY_AFTER:
            pause = FIRST_PAUSE
        told(label, "pausing")
        log.warning("%s starts again in %g s", label, pause)
        await trio.sleep(pause)
        pause = min(pause * 2, LAST_PAUSE)
