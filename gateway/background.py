"""What runs beside the sending: one line per worker, the gauges, the watchdog, `live` figures."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import trio

from gateway.errors import StoreError
from gateway.expiring import expire_requests
from gateway.fan_out import Preparing
from gateway.figures import said
from gateway.verdicts import Quota, Rate

if TYPE_CHECKING:
    from gateway.daemon import Daemon
    from gateway.delivery import Sending
    from gateway.services import Http

GAUGES_EVERY = 5.0
PEOPLE_EVERY = 60.0
"""Seconds; counting them reads every consent."""


class Background:
    """The workers of one daemon, and what only a running one knows."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def start(self, nursery: trio.Nursery, http: Http) -> None:
        """Start all of them; they run until the nursery is cancelled."""
        daemon = self._daemon
        parts, store, clock = daemon.parts, daemon.store, daemon.clock
        preparing = Preparing(
            store, daemon.pipeline, parts.senders, parts.config.topics, clock,
            daemon.figures.screened,
        )  # fmt: skip
        nursery.start_soon(preparing.run)
        nursery.start_soon(expire_requests, store, clock, parts.config.consent)
        nursery.start_soon(self._gauges)
        nursery.start_soon(self._watchdog)
        nursery.start_soon(daemon.operations.anchoring.run, http, daemon.metrics)
        nursery.start_soon(daemon.operations.retaining.run, daemon.metrics)
        nursery.start_soon(daemon.observers.run)

    def live(self) -> Mapping[str, Any]:
        """Return what only the running daemon knows, for `gateway status`."""
        return {
            "up_since": self._daemon.up_since,
            "node": self._daemon.node,
            "addresses": self._daemon.addresses,
            "senders": {sending.sender: self._sender(sending) for sending in self._daemon.sendings},
            "inputs": self._daemon.health.live(self._daemon.parts.inputs),
            "waits": self._daemon.observers.waits(),
        }

    def _sender(self, sending: Sending) -> dict[str, Any]:
        """Return how one sender fares: trouble, pace, what of its limits is used, last webhook."""
        name, now = sending.sender, self._daemon.clock.micros()
        rates = [limit.per_second for limit in sending.shared if isinstance(limit, Rate)]
        quotas = [limit for limit in sending.shared if isinstance(limit, Quota)]
        quota = max(quotas, key=lambda quota: quota.n, default=None)
        return {
            "trouble": sending.attempts.trouble,
            "display": self._daemon.parts.senders[name].display,
            "rate": self._daemon.figures.rate(name, now),
            "allowed": max(rates, default=None),
            "quota": quota
            and {
                "used": self._daemon.limiter.used(quota, now / 1e6),
                "of": quota.n,
                "s": quota.window,
            },
            "last_webhook": self._daemon.heard.get(name),
        }

    async def _gauges(self) -> None:
        """Keep the gauges of what lies in the store."""
        counted = -PEOPLE_EVERY
        while True:
            people = trio.current_time() - counted >= PEOPLE_EVERY
            counted = trio.current_time() if people else counted
            try:
                for sending in self._daemon.sendings:
                    mute = sending.attempts.trouble is not None
                    self._daemon.metrics.sender_trouble.labels(sending.sender).set(mute)
                stops = await self._daemon.figures.look(
                    self._daemon.store, self._daemon.parts.senders, people=people
                )
            except StoreError as error:
                self._daemon.problem = f"the store cannot be read: {error}"
            else:
                self._daemon.problem = None
                self._daemon.notifier.status(said(stops))
            await trio.sleep(GAUGES_EVERY)

    async def _watchdog(self) -> None:
        """Tell systemd that the work goes on: only after the store answered."""
        interval = self._daemon.notifier.watchdog_seconds
        if not interval:
            return
        while True:
            with suppress(StoreError):  # no answer, no sign of life
                await self._daemon.store.journal_end()
                self._daemon.notifier.watchdog()
            await trio.sleep(interval / 3)
