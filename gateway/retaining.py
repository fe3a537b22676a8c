"""Retention: every hour what was kept long enough goes, in steps that hold nobody up."""

from __future__ import annotations

import logging
from collections import Counter

import trio

from gateway.clock import Clock
from gateway.config import GatewayConfig
from gateway.duties import Retention
from gateway.errors import ConfigError, StoreError
from gateway.metrics import Metrics
from gateway.proof_files import ProofFiles
from gateway.store.protocol import Store
from gateway.store.rights import Purge

log = logging.getLogger("gateway.retaining")

EVERY = 3600.0
NOTED_EVERY = 86_400 * 1_000_000
"""Microseconds after which the journal tells what went."""

PAUSE = 0.02
"""Seconds between two steps: the writer is there for those who send."""

MOST = 5_000
"""Steps of one class in one pass; what is left waits for the next."""

DAY = 86_400 * 1_000_000

CLASSES: dict[Purge, str] = {
    "raw": "raw",
    "account": "raw",
    "conversation": "conversation",
    "windows": "conversation",
    "echoes": "conversation",
    "cases": "conversation",
    "sign_ups": "unconfirmed",
    "unconfirmed": "unconfirmed",
    "contacts": "unconfirmed",
    "sent": "sent",
    "contents": "sent",
    "proof": "proof",
    "journal": "journal",
    "lookups": "journal",
}
"""What is purged → the key of [retention] that says when."""

ROWS: dict[Purge, int] = {"sent": 100, "proof": 50, "unconfirmed": 5, "contacts": 100}
"""Rows that a step looks at, where it is not ROWS_ELSE: so that no step takes 10 ms."""
ROWS_ELSE = 200


def cutoffs(retention: Retention, now: int) -> dict[Purge, int]:
    """Return what → UTC microseconds before which it goes; what stays for ever is left out."""
    found: dict[Purge, int] = {}
    for what, key in CLASSES.items():
        seconds = float(getattr(retention, key))
        if seconds:
            # A content is noted as used once an hour: it goes after what refers to it.
            found[what] = now - int(seconds * 1e6) - (DAY if what == "contents" else 0)
    return found


class Retaining:
    """Purges what is over its time; the daemon's worker and the command share it."""

    def __init__(
        self, config: GatewayConfig, store: Store, clock: Clock, observers: tuple[str, ...]
    ) -> None:
        """`observers` are those that have to have read the journal before it goes."""
        self._retention = config.retention
        self._store = store
        self._clock = clock
        self._observers = observers
        self._files = ProofFiles(config.database)
        self._counts: Counter[str] = Counter()
        self._noted = 0
        self._one = trio.Lock()

    async def run(self, metrics: Metrics) -> None:
        """Purge every hour, until cancelled."""
        while True:
            try:
                for what, gone in (await self.once()).items():
                    metrics.purged.labels(what).inc(gone)
            except (StoreError, ConfigError) as error:
                log.error("retention: %s", error)
            await trio.sleep(EVERY)

    async def once(self) -> dict[str, int]:
        """Purge all that is over its time; returns what → how much went.  Raises StoreError, and
        ConfigError if a proof file cannot be deleted."""
        async with self._one:
            counts: Counter[str] = Counter()
            try:
                for what, before in cutoffs(self._retention, self._clock.micros()).items():
                    counts[what] += await self._purge(what, before)
            finally:
                self._counts += counts
            await self._note()
            return dict(+counts)

    async def _purge(self, what: Purge, before: int) -> int:
        gone, after = 0, 0
        for _ in range(MOST):
            done = await self._store.purge(
                what, before=before, after=after, limit=ROWS.get(what, ROWS_ELSE),
                at=self._clock.micros(), observers=self._observers,
            )  # fmt: skip
            gone += done.gone
            if done.files:
                await trio.to_thread.run_sync(self._files.remove, done.files)
            if done.after is None:
                break
            after = done.after
            await trio.sleep(PAUSE)
        return gone

    async def _note(self) -> None:
        """Tell the journal what went, once a day."""
        now = self._clock.micros()
        if self._counts and now - self._noted >= NOTED_EVERY:
            await self._store.purged(dict(self._counts), at=now)
            log.info(
                "retention: %s", ", ".join(f"{n} {w}" for w, n in sorted(self._counts.items()))
            )
            self._counts.clear()
            self._noted = now
