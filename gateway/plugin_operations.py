"""What commands ask of plugins: their own commands, and what they say about lawful operation."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from prometheus_client import CollectorRegistry

from gateway import compliance
from gateway.consequences import Consequences
from gateway.context import PluginContext
from gateway.errors import ConfigError
from gateway.http import open_client
from gateway.inbox import Inbox
from gateway.metrics import Metrics
from gateway.plugin import Plugin
from gateway.questions import Questions
from gateway.senders import Senders
from gateway.services import Http
from gateway.sharing import shared_by


class PluginOperations(Questions):
    """Operations that need a plugin alive: the daemon's, or, without one, for this one command."""

    async def do_plugin(
        self, label: str, command: str, arguments: dict[str, Any] | None = None
    ) -> Any:
        """Let a plugin answer a command of its own."""
        plugins: dict[str, Plugin] = {plugin.label: plugin for plugin in self._parts.plugins()}
        if label not in plugins:
            raise ConfigError(f"nothing in the settings is called {label!r}")
        async with self._http() as http, self._alive(plugins[label], http) as plugin:
            return await plugin.command(command, arguments or {})

    async def do_compliance(self, online: bool = True) -> list[dict[str, str]]:
        """Return what is missing for lawful operation, the weightiest first; with `online` the
        privacy notice is read."""
        config = self._parts.config
        found = compliance.of_settings(
            config,
            (type(one).name for one in self._parts.chain),
            (type(one).name for one in self._parts.observers.values()),
        )
        found += compliance.of_texts(self._parts.texts)
        async with self._http() as http:
            found += await compliance.of_privacy_page(config, http) if online else []
            for plugin in self._parts.plugins():
                async with self._alive(plugin, http) as living:
                    found += await living.concerns()
        found.sort(key=lambda concern: concern.weight != "missing")
        return [{"weight": c.weight, "text": c.text, "change": c.change} for c in found]

    def _http(self) -> Any:
        return open_client(user_agent=self._parts.config.user_agent)

    @asynccontextmanager
    async def _alive(self, plugin: Plugin, http: Http) -> AsyncIterator[Plugin]:
        """The plugin of the running daemon, or one that lives for this block."""
        if self._live is not None:
            yield plugin
            return
        inbox = Inbox(self._store, self._parts.words, self._clock)
        senders = Senders(self._parts.senders, self._store)
        await senders.load()
        shared = shared_by(
            self._parts,
            self._store,
            self._clock,
            http,
            take=inbox.take,
            landed=inbox.landed,
            senders=senders,
            consequences=Consequences(self._parts.senders, senders, self._store, self._clock),
        )
        metrics = Metrics(CollectorRegistry()).plugin(plugin.label.replace("-", "_"))
        async with plugin.lifespan(PluginContext(plugin.label, shared, metrics=metrics)):
            yield plugin
