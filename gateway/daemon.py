"""The running gateway: what is started in which order, and stopped in reverse.

Stop budget: inputs end at once, what is in the air gets `grace` seconds ([service] grace), the
listeners 3 more.  Whatever did not end is found again at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

import trio

from gateway import __version__
from gateway.admin import admin_app, metrics_app, public_app
from gateway.assembly import Parts, shared_by
from gateway.clock import SystemClock
from gateway.context import PluginContext, prepared
from gateway.delivery import Sending
from gateway.errors import ConfigError, StoreError
from gateway.expiring import expire_requests
from gateway.fan_out import Preparing
from gateway.figures import Figures, said
from gateway.health import InputHealth
from gateway.http import open_client
from gateway.inbound import Intake
from gateway.inbox import Inbox
from gateway.isolation import where
from gateway.labels import declare
from gateway.limiter import Limiter
from gateway.message import Message
from gateway.metrics import Metrics
from gateway.observing import Observers
from gateway.operations import Operations
from gateway.pipeline import Pipeline
from gateway.plugin import Plugin
from gateway.store.protocol import Store
from gateway.supervisor import supervise
from gateway.systemd import Notifier
from gateway.verdicts import Quota, Rate
from gateway.web import Limits, serve

log = logging.getLogger("gateway.daemon")

GAUGES_EVERY = 5.0
FORGET = 500
"""Uses of limits that are over and deleted at a time."""

PEOPLE_EVERY = 60.0
"""Seconds; counting them reads every consent."""


class Daemon:
    """One gateway.  `run` starts it; `stop` is set from outside, or by a signal."""

    def __init__(
        self, parts: Parts, store: Store, clock: SystemClock, metrics: Metrics, node: str
    ) -> None:
        self.parts = parts
        self.store = store
        self.clock = clock
        self.metrics = metrics
        self.node = node
        self.figures = Figures(metrics)
        self.health = InputHealth(metrics, clock, self.figures.supervised)
        self.stop = trio.Event()
        self.pipeline = Pipeline(
            parts.chain,
            salt=parts.salt,
            failed=self.figures.plugin_failed,
            timed=self.figures.stage,
        )
        self.inbox = Inbox(store, parts.words, clock, self.figures.taken)
        self.operations = Operations(parts, store, clock, self.live, self._landed)
        self.addresses: dict[str, list[str]] = {}
        self._sendings: list[Sending] = []
        self._observers = Observers(
            parts.observers.values(), store, clock, self._prepare_message,
            self.figures.plugin_failed,
        )  # fmt: skip
        self._heard: dict[str, int] = {}  # when each sender's last webhook came
        self._up_since = clock.micros()
        self._problem: str | None = "starting"
        self._notifier = Notifier()

    async def run(self, task_status: trio.TaskStatus[Daemon] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until `stop` is set."""
        born = trio.current_time()
        await self._recover()
        declare(self.metrics, self.parts)
        past = await self.store.quota_uses(at=self.clock.micros())
        self._limiter = Limiter(born, past)
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(
                open_client(user_agent=self.parts.config.user_agent)
            )
            self._shared = shared_by(
                self.parts, self.store, self.clock, http, take=self._take, landed=self.inbox.landed
            )
            for plugin in self.parts.plugins():
                await stack.enter_async_context(self._alive(plugin, self._context(plugin)))
            self._sendings = [
                Sending(
                    name, output, self.store, self.pipeline, self._limiter, self.clock, self.figures,
                    self.node,
                )
                for name, output in self.parts.senders.items()
            ]  # fmt: skip
            async with trio.open_nursery() as servers:
                closing = trio.Event()
                await self._observers.begin()
                await self._listen(servers, closing)
                async with trio.open_nursery() as workers:
                    self._start_workers(workers)
                    for sending in self._sendings:
                        workers.start_soon(sending.run)
                    async with trio.open_nursery() as inputs:
                        self._start_inputs(inputs)
                        self._problem = None
                        self._notifier.ready("sending")
                        told = ", ".join(f"{n} {a[0]}" for n, a in self.addresses.items() if a)
                        log.info("message-gateway %s is up: %s", __version__, told)
                        task_status.started(self)
                        await self.stop.wait()
                        self._notifier.stopping()
                        log.info("stopping: inputs first, then what is in the air")
                        inputs.cancel_scope.cancel()
                    workers.cancel_scope.deadline = (
                        trio.current_time() + self.parts.config.service.grace
                    )
                    async with trio.open_nursery() as draining:
                        for sending in self._sendings:
                            draining.start_soon(sending.drained)
                    workers.cancel_scope.cancel()
                closing.set()
        log.info("stopped")

    # --- starting -------------------------------------------------------------------------------
    async def _recover(self) -> None:
        found = await self.store.recover(at=self.clock.micros())
        if found.requeued or found.unknown:
            log.warning(
                "after an unclean stop: %d leased deliveries are queued again, %d in the air are"
                " unknown until their status comes", found.requeued, found.unknown,
            )  # fmt: skip

    def _context(self, plugin: Plugin) -> PluginContext:
        return PluginContext(
            plugin.label,
            self._shared,
            metrics=self.metrics.plugin(plugin.label),
            told=self.health.told,
        )

    @asynccontextmanager
    async def _alive(self, plugin: Plugin, context: PluginContext) -> AsyncIterator[None]:
        """Enter a plugin's lifespan; one that cannot start is a refusal to start."""
        manager = plugin.lifespan(context)
        # Opened before the lifespan, which may hold a nursery: scopes end inside out.
        with trio.CancelScope() as ending:
            try:
                await manager.__aenter__()
            except ConfigError:
                raise
            except Exception as error:
                raise ConfigError(f"{plugin.label} cannot start: {where(error)}") from error
            self.metrics.plugin_up.labels(plugin.label).set(1)
            try:
                yield
            finally:
                ending.shield, ending.deadline = True, trio.current_time() + 5.0
                try:
                    await manager.__aexit__(None, None, None)
                except Exception as error:  # noqa: BLE001 - a plugin's end must not keep others up
                    log.error("%s did not end cleanly: %s", plugin.label, where(error))

    async def _listen(self, nursery: trio.Nursery, closing: trio.Event) -> None:
        server = self.parts.config.server
        routes: dict[str, Any] = {}
        for label, output in self.parts.senders.items():
            routes[f"/hook/{label}"] = list(output.routes())
        for label, plugin in self.parts.inputs.items():
            routes[f"/in/{label}"] = list(plugin.routes())
        for label, observer in self.parts.observers.items():
            if label not in self.parts.inputs:
                routes[f"/on/{label}"] = list(observer.routes())
        admin = self.parts.config.admin_socket
        admin.parent.mkdir(parents=True, exist_ok=True)
        for name, app, listener, limits in (
            ("metrics", metrics_app(self.metrics, lambda: self._problem), server.metrics, None),
            ("admin", admin_app(self.operations), f"unix:{admin}", Limits(body_bytes=8 << 20)),
            ("public", public_app(routes), server.public, Limits(body_bytes=(3 << 20) + 1)),
        ):
            self.addresses[name] = await nursery.start(
                partial(serve, app, [listener], stop=closing, limits=limits or Limits())
            )

    def _start_workers(self, nursery: trio.Nursery) -> None:
        preparing = Preparing(
            self.store, self.pipeline, self.parts.senders, self.parts.config.topics, self.clock,
            self.figures.screened,
        )  # fmt: skip
        nursery.start_soon(preparing.run)
        nursery.start_soon(expire_requests, self.store, self.clock, self.parts.config.consent)
        nursery.start_soon(self._gauges)
        nursery.start_soon(self._watchdog)
        nursery.start_soon(self.operations.anchoring.run, self._shared.http, self.metrics)
        nursery.start_soon(self.operations.retaining.run, self.metrics)
        nursery.start_soon(self._observers.run)

    def _prepare_message(self, message: Message) -> Message:
        return prepared(message, self.clock, self.parts.complete)

    def _start_inputs(self, nursery: trio.Nursery) -> None:
        for label, plugin in self.parts.inputs.items():
            context = self._context(plugin)
            nursery.start_soon(
                partial(supervise, label, partial(plugin.run, context), told=self.health.supervised)
            )

    # --- while it runs --------------------------------------------------------------------------
    async def _take(self, intake: Intake) -> None:
        """Hand a webhook's content to the inbox, timed."""
        started = trio.current_time()
        result = "failed"
        try:
            await self.inbox.take(intake)
            result = "accepted"
            self._heard[intake.sender] = self.clock.micros()
        finally:
            self.figures.webhook(intake.sender, result, trio.current_time() - started)

    async def _landed(self, contacts: tuple[int, ...]) -> None:
        """Wait for what is in the air to somebody whom a command withdrew."""
        self.figures.withdrawn_by_command()
        await self.inbox.landed(contacts)

    def live(self) -> Mapping[str, Any]:
        """Return what only the running daemon knows, for `gateway status`."""
        return {
            "up_since": self._up_since,
            "node": self.node,
            "addresses": self.addresses,
            "senders": {sending.sender: self._sender(sending) for sending in self._sendings},
            "inputs": self.health.live(self.parts.inputs),
            "waits": self._observers.waits(),
        }

    def _sender(self, sending: Sending) -> dict[str, Any]:
        """Return how one sender fares: trouble, pace, what of its limits is used, last webhook."""
        name, now = sending.sender, self.clock.micros()
        rates = [limit.per_second for limit in sending.shared if isinstance(limit, Rate)]
        quotas = [limit for limit in sending.shared if isinstance(limit, Quota)]
        quota = max(quotas, key=lambda quota: quota.n, default=None)
        return {
            "trouble": sending.attempts.trouble,
            "display": self.parts.senders[name].display,
            "rate": self.figures.rate(name, now),
            "allowed": max(rates, default=None),
            "quota": quota
            and {"used": self._limiter.used(quota, now / 1e6), "of": quota.n, "s": quota.window},
            "last_webhook": self._heard.get(name),
        }

    async def _gauges(self) -> None:
        """Keep the gauges of what lies in the store."""
        counted = -PEOPLE_EVERY
        while True:
            people = trio.current_time() - counted >= PEOPLE_EVERY
            counted = trio.current_time() if people else counted
            try:
                for sending in self._sendings:
                    mute = sending.attempts.trouble is not None
                    self.metrics.sender_trouble.labels(sending.sender).set(mute)
                stops = await self.figures.look(self.store, self.parts.senders, people=people)
            except StoreError as error:
                self._problem = f"the store cannot be read: {error}"
            else:
                self._problem = None
                self._notifier.status(said(stops))
            await trio.sleep(GAUGES_EVERY)

    async def _watchdog(self) -> None:
        """Tell systemd that the work goes on: only after the store answered."""
        interval = self._notifier.watchdog_seconds
        if not interval:
            return
        while True:
            with suppress(StoreError):  # no answer, no sign of life
                await self.store.journal_end()
                self._notifier.watchdog()
            await trio.sleep(interval / 3)
