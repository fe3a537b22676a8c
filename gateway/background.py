"""What runs beside the sending: one line per worker, the gauges, the watchdog, `live` figures."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
import trio

from gateway.errors import StoreError
from gateway.expiring import expire_requests
from gateway.fan_out import Preparing
from gateway.figures import said
from gateway.foresight import Foresight
from gateway.probing import Probing
from gateway.storage_watch import StorageWatch
from gateway.store.protocol import micros
from gateway.unknowns import Unknowns
from gateway.verdicts import Quota, Rate
from gateway.watching import Watching

if TYPE_CHECKING:
    from gateway.context import Shared
    from gateway.daemon import Daemon
    from gateway.delivery import Sending

GAUGES_EVERY = 5.0
PEOPLE_EVERY = 60.0
"""Seconds; counting them reads every consent."""


class Background:
    """The workers of one daemon, and what only a running one knows."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._storage = StorageWatch(daemon.store, daemon.metrics)

    def start(self, nursery: trio.Nursery, shared: Shared) -> None:
        """Start all of them; they run until the nursery is cancelled."""
        daemon = self._daemon
        parts, store, clock = daemon.parts, daemon.store, daemon.clock
        preparing = Preparing(
            store, daemon.pipeline, parts.senders, parts.config.topics, clock,
            daemon.figures.screened,
        )  # fmt: skip
        nursery.start_soon(preparing.run)
        nursery.start_soon(expire_requests, store, clock, parts.config.consent)
        nursery.start_soon(self._storage.run)
        nursery.start_soon(self._gauges)
        nursery.start_soon(self._watchdog)
        nursery.start_soon(daemon.operations.anchoring.run, shared.http, daemon.metrics)
        nursery.start_soon(daemon.operations.retaining.run, daemon.metrics)
        nursery.start_soon(daemon.observers.run)
        nursery.start_soon(daemon.hearing.run)
        nursery.start_soon(self._watching().run)
        self._foresight = Foresight(
            {sending.sender: sending for sending in daemon.sendings}, store, daemon.pipeline,
            daemon.limiter, clock, shared.preview, shared.plan,
        )  # fmt: skip
        daemon.operations.waits = self._foresight.waits
        daemon.operations.plan = self._foresight.plan
        probing = Probing(parts.senders, store, clock, daemon.consequences)
        daemon.operations.probing = probing.probe
        nursery.start_soon(probing.run)
        nursery.start_soon(self._unknowns().run)

    def _watching(self) -> Watching:
        """Return what lets a message pause itself."""
        parts = self._daemon.parts
        return Watching(
            self._daemon.store,
            parts.config.delivery,
            self._daemon.clock,
            {code for output in parts.senders.values() for code in type(output).personal},
        )

    def _unknowns(self) -> Unknowns:
        """Return what applies the policy for unknown outcomes."""
        daemon = self._daemon
        settings, resent = daemon.parts.config.delivery, daemon.metrics.resent
        return Unknowns(
            daemon.store, daemon.clock, settings, lambda sender: resent.labels(sender).inc()
        )

    def tiers(self) -> list[tuple[str, int, int]]:
        """Return (portfolio, people reached within its window, how many it allows)."""
        return list(self._foresight.tiers())

    def live(self) -> Mapping[str, Any]:
        """Return what only the running daemon knows, for `gateway status`."""
        return {
            "up_since": self._daemon.up_since,
            "node": self._daemon.node,
            "addresses": self._daemon.addresses,
            "senders": {sending.sender: self._sender(sending) for sending in self._daemon.sendings},
            "inputs": self._daemon.health.live(self._daemon.parts.inputs),
            "waits": self._daemon.observers.waits(),
            "storage": self._storage.live(),
        }

    def _sender(self, sending: Sending) -> dict[str, Any]:
        """Return how one sender fares: trouble, pace, what of its limits is used, last webhook."""
        name, now = sending.sender, self._daemon.clock.micros()
        rates = [limit.per_second for limit in sending.granting.shared if isinstance(limit, Rate)]
        quotas = [limit for limit in sending.granting.shared if isinstance(limit, Quota)]
        quota = max(quotas, key=lambda quota: quota.n, default=None)
        return {
            "trouble": sending.attempts.trouble,
            "facts": msgspec.to_builtins(self._daemon.senders.facts(name)),
            "breaker": sending.attempts.breaker,
            "slowed": self._daemon.consequences.slowing[name].rate(trio.current_time()),
            "display": self._daemon.parts.senders[name].display,
            "rate": self._daemon.figures.rate(name, now),
            "allowed": max(rates, default=None),
            "quota": quota
            and {
                "used": self._daemon.limiter.used(quota, trio.current_time(), now / 1e6),
                "of": quota.n,
                "s": quota.window,
            },
            "templates": self._templates(name),
            "last_webhook": self._daemon.heard.get(name),
        }

    def _templates(self, sender: str) -> dict[str, list[dict[str, Any]]] | None:
        """Return the templates that topics of a sender name: each with its languages, none if the
        provider lists no such one; None while nothing is known of any."""
        parts = self._daemon.parts
        known = parts.senders[sender].templates
        if known is None:
            return None
        first = next(iter(parts.senders))
        used = {
            topic.template
            for topic in parts.config.topics.values()
            if topic.template and not topic.closed and (topic.sender or first) == sender
        }
        return {
            name: [
                {
                    "language": one.language,
                    "state": one.state,
                    "said": one.said,
                    "until": micros(one.until) if one.until is not None else None,
                }
                for one in known
                if one.name == name
            ]
            for name in sorted(used)
        }

    async def _gauges(self) -> None:
        """Keep the gauges of what lies in the store."""
        counted = -PEOPLE_EVERY
        while True:
            people = trio.current_time() - counted >= PEOPLE_EVERY
            counted = trio.current_time() if people else counted
            try:
                for sending in self._daemon.sendings:
                    self._daemon.figures.breaker(sending.sender, sending.attempts.breaker)
                    slowing = self._daemon.consequences.slowing[sending.sender]
                    share = slowing.share(trio.current_time())
                    self._daemon.metrics.sender_pace.labels(sending.sender).set(share)
                    mute = sending.attempts.trouble is not None
                    self._daemon.metrics.sender_trouble.labels(sending.sender).set(mute)
                for portfolio, used, allowed in self.tiers():
                    self._daemon.metrics.tier_used.labels(portfolio).set(used)
                    self._daemon.metrics.tier_limit.labels(portfolio).set(allowed)
                stops = await self._daemon.figures.look(
                    self._daemon.store, self._daemon.parts.senders,
                    at=self._daemon.clock.micros(), people=people,
                )  # fmt: skip
            except StoreError as error:
                self._daemon.problem = f"the store cannot be read: {error}"
            else:
                self._daemon.problem = None
                self._daemon.notifier.status(self._daemon.store.condition.problem or said(stops))
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
