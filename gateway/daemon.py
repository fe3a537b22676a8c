"""The running gateway: what is started in which order, and stopped in reverse.

Stop budget: inputs end at once, what is in the air gets `grace` seconds ([service] grace), the
listeners 3 more.  Whatever did not end is found again at the next start.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import trio

from gateway import __version__
from gateway.admin import admin_app, metrics_app, public_app
from gateway.assembly import Parts
from gateway.background import Background
from gateway.clock import SystemClock
from gateway.consequences import Consequences
from gateway.context import PluginContext, prepared
from gateway.delivery import Sending
from gateway.errors import ConfigError
from gateway.figures import Figures
from gateway.health import InputHealth
from gateway.hearing import Hearing
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
from gateway.senders import Senders
from gateway.sharing import shared_by
from gateway.store.protocol import Store, micros
from gateway.supervisor import supervise
from gateway.systemd import Notifier
from gateway.web import Limits, serve

log = logging.getLogger("gateway.daemon")


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
        self.hearing = Hearing(
            parts.senders, parts.config.hearing, store, clock, metrics,
            parts.config.company.time_zone,
        )  # fmt: skip
        self.figures = Figures(metrics, accepted=self.hearing.accepted)
        self.health = InputHealth(metrics, clock, self.figures.supervised)
        self.stop = trio.Event()
        self.pipeline = Pipeline(
            parts.chain,
            salt=parts.salt,
            failed=self.figures.plugin_failed,
            timed=self.figures.stage,
        )
        self.inbox = Inbox(store, parts.words, clock, self.figures.taken)
        self.senders = Senders(parts.senders, store)
        self.consequences = Consequences(
            parts.senders, self.senders, store, clock,
            backoff=parts.config.delivery.backoff, stopped=self.figures.stopped,
        )  # fmt: skip
        self.background = Background(self)
        self.operations = Operations(parts, store, clock, self.background.live, self._landed)
        self.addresses: dict[str, list[str]] = {}
        self.sendings: list[Sending] = []
        self.observers = Observers(
            parts.observers.values(), store, clock, self._prepare_message,
            self.figures.plugin_failed,
        )  # fmt: skip
        self.heard: dict[str, int] = {}  # when each sender's last webhook came
        self.up_since = clock.micros()
        self.problem: str | None = "starting"
        self.notifier = Notifier()

    async def run(self, task_status: trio.TaskStatus[Daemon] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until `stop` is set."""
        born = trio.current_time()
        await self._recover()
        declare(self.metrics, self.parts)
        await self.senders.load()
        await self.hearing.load()
        past = await self.store.quota_uses(at=self.clock.micros())
        self.limiter = Limiter(born, past)
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(
                open_client(user_agent=self.parts.config.user_agent)
            )
            self._shared = shared_by(
                self.parts,
                self.store,
                self.clock,
                http,
                take=self._take,
                landed=self.inbox.landed,
                senders=self.senders,
                consequences=self.consequences,
            )
            for plugin in self.parts.plugins():
                await stack.enter_async_context(self._alive(plugin, self._context(plugin)))
            self.sendings = [
                Sending(
                    name, output, self.store, self.pipeline, self.limiter, self.clock, self.figures,
                    self.node, self.consequences, first=self._first_send,
                )
                for name, output in self.parts.senders.items()
            ]  # fmt: skip
            async with trio.open_nursery() as servers:
                closing = trio.Event()
                await self.observers.begin()
                await self._listen(servers, closing)
                async with trio.open_nursery() as workers:
                    self.background.start(workers, self._shared)
                    for sending in self.sendings:
                        workers.start_soon(sending.run)
                    async with trio.open_nursery() as inputs:
                        self._start_inputs(inputs)
                        self.problem = None
                        self.notifier.ready("sending")
                        told = ", ".join(f"{n} {a[0]}" for n, a in self.addresses.items() if a)
                        log.info("message-gateway %s is up: %s", __version__, told)
                        task_status.started(self)
                        await self.stop.wait()
                        self.notifier.stopping()
                        log.info("stopping: inputs first, then what is in the air")
                        inputs.cancel_scope.cancel()
                    workers.cancel_scope.deadline = (
                        trio.current_time() + self.parts.config.service.grace
                    )
                    async with trio.open_nursery() as draining:
                        for sending in self.sendings:
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
            ("metrics", metrics_app(self.metrics, self._problem), server.metrics, None),
            ("admin", admin_app(self.operations), f"unix:{admin}", Limits(body_bytes=8 << 20)),
            ("public", public_app(routes), server.public, Limits(body_bytes=(3 << 20) + 1)),
        ):
            self.addresses[name] = await nursery.start(
                partial(serve, app, [listener], stop=closing, limits=limits or Limits())
            )

    def _prepare_message(self, message: Message) -> Message:
        return prepared(message, self.clock, self.parts.complete)

    def _start_inputs(self, nursery: trio.Nursery) -> None:
        for label, plugin in self.parts.inputs.items():
            context = self._context(plugin)
            nursery.start_soon(
                partial(supervise, label, partial(plugin.run, context), told=self.health.supervised)
            )

    def _problem(self) -> str | None:
        """What `/health` tells."""
        return self.problem or self.store.condition.problem

    # --- while it runs --------------------------------------------------------------------------
    async def _take(self, intake: Intake) -> None:
        """Hand a webhook's content to the inbox, timed."""
        started = trio.current_time()
        result = "failed"
        try:
            taken = await self.inbox.take(intake)
            await self.consequences.reported(intake)
            self.hearing.heard(taken.heard)
            result = "accepted"
            self.heard[intake.sender] = now = self.clock.micros()
            if intake.ahead is not None:
                self.clock.heard(micros(intake.ahead))
            if intake.messages:  # a provider may count both directions (Meta, "Throughput")
                self.limiter.count(
                    f"sender:{intake.sender}", len(intake.messages), trio.current_time(), now / 1e6
                )
        finally:
            self.figures.webhook(intake.sender, result, trio.current_time() - started)

    async def _first_send(self, sender: str) -> None:
        await self.senders.began(sender, at=self.clock.micros())

    async def _landed(self, contacts: tuple[int, ...]) -> None:
        """Wait for what is in the air to somebody whom a command withdrew."""
        self.figures.withdrawn_by_command()
        await self.inbox.landed(contacts)
