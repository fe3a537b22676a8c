"""Settings and catalogue make the parts: plugins with their settings, in order.

All problems of the whole file are reported together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from gateway.config import GatewayConfig, Table, load
from gateway.consent import StopWords
from gateway.discovery import Catalogue, Found
from gateway.errors import ConfigError
from gateway.message import Message
from gateway.plugin import Input, Middleware, Observer, Output, Plugin
from gateway.tables import Problems, read_table, shown


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway, put together and not yet started."""

    config: GatewayConfig
    chain: tuple[Middleware, ...]
    senders: Mapping[str, Output]
    inputs: Mapping[str, Input]
    observers: Mapping[str, Observer]
    origins: Mapping[str, str]
    """Label → distribution, for `gateway order`."""
    stop_words: StopWords
    salt: str
    """Fingerprint of what the verdicts on messages depend on."""
    settings: Mapping[str, Any]
    """The settings in force, defaults included, secrets masked."""

    def plugins(self) -> list[Plugin]:
        """Return every instance once; one may be of several kinds."""
        found: dict[int, Plugin] = {}
        groups: tuple[Any, ...] = (
            self.chain,
            self.senders.values(),
            self.inputs.values(),
            self.observers.values(),
        )
        for group in groups:
            for plugin in group:
                found.setdefault(id(plugin), plugin)
        return list(found.values())

    def complete(self, message: Message) -> Message:
        """Fill in what the settings decide: the sender (its own, its topic's, or the first) and
        the language (its own, or the company's)."""
        topic = self.config.topics.get(message.topic or "")
        return message.replace(
            sender=message.sender or (topic and topic.sender) or next(iter(self.senders), ""),
            language=message.language or self.config.company.language,
        )


def assemble(file: Path, catalogue: Catalogue) -> Parts:
    """Read the settings and build every plugin.  Raises ConfigError with all problems."""
    config, problems = load(file)
    made: dict[str, Plugin] = {}
    origins: dict[str, str] = {}
    settings: dict[str, Any] = {"chain": list(config.chain)}
    for name in ("company", "server", "consent", "service"):
        settings[name] = shown(getattr(config, name))
    settings["store"] = shown(config.storage)
    settings["topics"] = {
        name: {k: v for k, v in shown(topic).items() if k not in ("name", "type")}
        for name, topic in config.topics.items()
    }

    def make(table: Table, kind: str, section: str, key: str) -> Any:
        try:
            found: Found = catalogue.get(table.plugin, kind)
        except ConfigError as error:
            problems.add(table.where, str(error))
            return None
        value = read_table(table.values, found.settings, table.where, problems, config.folder)
        if value is None:
            return None
        settings.setdefault(section, {})[table.label] = {key: table.plugin, **shown(value)}
        plugin = found.cls(value, table.label)
        origins[table.label] = found.origin
        made[table.label] = plugin
        return plugin

    chain = []
    for name in config.chain:
        table = config.middleware.get(name, Table(name, name, f"[middleware.{name}]", {}))
        chain.append(make(table, "middleware", "middleware", "plugin"))
    for name in config.middleware.keys() - set(config.chain):
        problems.add(f"[middleware.{name}]", "is not in the chain; add it, or remove this table")
    senders = {n: make(t, "output", "senders", "output") for n, t in config.senders.items()}
    inputs = {n: make(t, "input", "inputs", "plugin") for n, t in config.inputs.items()}
    observers = {}
    for name, table in config.observers.items():
        both = inputs.get(name)
        same = both is not None and isinstance(both, Observer) and not table.values
        observers[name] = both if same else make(table, "observer", "observers", "plugin")
    _labels(config, problems)
    for name, plugin in inputs.items():
        topic = getattr(plugin.config, "topic", None) if plugin is not None else None
        if isinstance(topic, str) and topic not in config.topics:
            problems.add(
                f"[inputs.{name}] topic",
                f"there is no topic {topic!r}; known: {', '.join(config.topics) or 'none'}",
            )
    problems.check()
    return Parts(
        config=config,
        chain=tuple(cast(list[Middleware], chain)),
        senders=cast(dict[str, Output], senders),
        inputs=cast(dict[str, Input], inputs),
        observers=cast(dict[str, Observer], observers),
        origins=origins,
        stop_words=StopWords(config.consent.stop_words),
        salt=_salt(settings),
        settings=settings,
    )


def _labels(config: GatewayConfig, problems: Problems) -> None:
    """A label names one instance in logs, metrics and state."""
    seen: dict[str, str] = {}
    for section in ("inputs", "senders", "middleware"):
        for label in getattr(config, section):
            if label in seen:
                problems.add(
                    f"[{section}.{label}]",
                    f"the name {label!r} is taken by [{seen[label]}.{label}]",
                )
            seen[label] = section


def _salt(settings: Mapping[str, Any]) -> str:
    judged = {k: settings.get(k) for k in ("chain", "middleware", "topics", "consent", "senders")}
    return hashlib.sha256(msgspec.json.encode(judged, order="sorted")).hexdigest()[:16]
