"""Settings and catalogue make the parts: plugins with their settings, in order.

All problems of the whole file are reported together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import msgspec

from gateway.config import GatewayConfig, Table, load
from gateway.discovery import Catalogue, Found
from gateway.errors import ConfigError
from gateway.isolation import where
from gateway.message import Identity, Message
from gateway.plans import BUDGET
from gateway.plugin import Input, Middleware, Observer, Output, Plugin
from gateway.tables import Problems, meant, nearest, read_table, shown
from gateway.texts import TextFiles
from gateway.values import PhoneNumberError, phone
from gateway.words import Words


class Parts(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway, put together and not yet started."""

    config: GatewayConfig
    chain: tuple[Middleware, ...]
    senders: Mapping[str, Output]
    inputs: Mapping[str, Input]
    observers: Mapping[str, Observer]
    origins: Mapping[str, str]
    """Label → distribution, for `gateway order`."""
    words: Words
    texts: TextFiles
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

    def address(self, sender: str) -> str:
        """See Context.sender_address."""
        output = self.senders.get(sender or next(iter(self.senders), ""))
        return output.display if output is not None else ""

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
    origins: dict[str, str] = {}
    settings: dict[str, Any] = {"chain": list(config.chain)}
    for name in (
        "company", "server", "consent", "mail", "proof", "retention", "delivery",
        "hearing", "cost", "service", "people",
    ):  # fmt: skip
        settings[name] = shown(getattr(config, name))
    settings["store"] = shown(config.storage)
    settings["topics"] = {
        name: {k: v for k, v in shown(topic).items() if k not in ("name", "type")}
        for name, topic in config.topics.items()
    }

    def make(table: Table, kind: str, section: str, key: str, said_in: str = "") -> Any:
        try:
            found: Found = catalogue.get(table.plugin, kind)
        except ConfigError as error:
            missing = "" if table.named else f"{_missing(table, key)}, and "
            problems.add(said_in or f"{table.where} {key}", f"{missing}{error}")
            return None
        value = read_table(table.values, found.settings, table.where, problems, config.folder)
        if value is None:
            return None
        settings.setdefault(section, {})[table.label] = {key: table.plugin, **shown(value)}
        try:
            plugin = found.cls(value, table.label)
        except ConfigError as error:
            problems.add(table.where, str(error))
            return None
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are told as well
            problems.add(table.where, f"plugin {table.plugin!r} cannot be made: {where(error)}")
            return None
        origins[table.label] = found.origin
        return plugin

    chain = []
    for name in _known(config, catalogue, problems):
        table = config.middleware.get(name, Table(name, name, f"[middleware.{name}]", {}))
        said_in = "" if name in config.middleware else "chain"
        chain.append(make(table, "middleware", "middleware", "plugin", said_in))
    senders = {n: make(t, "output", "senders", "output") for n, t in config.senders.items()}
    inputs = {n: make(t, "input", "inputs", "plugin") for n, t in config.inputs.items()}
    observers = {}
    for name, table in config.observers.items():
        if _same(config.inputs.get(name), table):  # one instance of two kinds
            observers[name] = inputs[name]
            if inputs[name] is not None and not isinstance(inputs[name], Observer):
                problems.add(table.where, f"[inputs.{name}] is no observer")
        else:
            observers[name] = make(table, "observer", "observers", "plugin")
    for name, found in catalogue.always("observer"):  # those that work without being named
        if name not in config.observers and not any(
            isinstance(plugin, found.cls)
            for plugin in (*chain, *inputs.values(), *observers.values())
        ):
            table = Table(name, name, f"[observers.{name}]", {})
            observers[name] = make(table, "observer", "observers", "plugin")
    for plugin in chain:  # a middleware that observes
        if isinstance(plugin, Observer):
            observers.setdefault(plugin.label, plugin)
    try:
        texts = TextFiles(config.company.language, config.texts)
    except ConfigError as error:
        texts = TextFiles(config.company.language)
        problems.found.extend(error.problems)
    _labels(config, problems)
    _one_each(senders, problems)
    _budget(config, chain, problems)
    _people(config, problems)
    for section, plugins in (
        ("inputs", inputs.values()),
        (
            "observers",
            [p for name, p in observers.items() if p not in (inputs.get(name), *chain)],
        ),
        ("middleware", chain),
    ):
        for plugin in plugins:
            if plugin is not None:
                _references(plugin, f"[{section}.{plugin.label}]", config, problems)
    problems.check()
    return Parts(
        config=config,
        chain=tuple(cast(list[Middleware], chain)),
        senders=cast(dict[str, Output], senders),
        inputs=cast(dict[str, Input], inputs),
        observers=cast(dict[str, Observer], observers),
        origins=origins,
        words=_words(config),
        texts=texts,
        salt=_salt(settings),
        settings=settings,
    )


def _one_each(senders: Mapping[str, Output | None], problems: Problems) -> None:
    """Two senders of one number would each keep its limits alone: twice what is allowed."""
    first: dict[str, str] = {}
    for name, output in senders.items():
        sends_as = output.sends_as if output is not None else ""
        if sends_as and first.setdefault(sends_as, name) != name:
            problems.add(
                f"[senders.{name}]",
                f"{sends_as} is that of [senders.{first[sends_as]}] already; one number is one"
                " sender, or its limits would be kept twice over",
            )


def _budget(config: GatewayConfig, chain: Sequence[Middleware | None], problems: Problems) -> None:
    """A budget that nobody keeps would be none."""
    keeps = any(BUDGET in type(one).codes for one in chain if one is not None)
    if config.cost.per_month is not None and not keeps:
        said = "nothing in the chain keeps it; add ratelimit, or leave it out"
        problems.add("[cost] per_month", said)


def _words(config: GatewayConfig) -> Words:
    return Words(
        config.consent,
        config.topics,
        language=config.company.language,
        own=[
            Identity("phone", phone(number, config.company.region))
            for number in config.people.values()
        ],
    )


def _known(config: GatewayConfig, catalogue: Catalogue, problems: Problems) -> list[str]:
    """Return the names in the chain that mean something, and tell of the others; also of tables
    that no name in the chain means.

    With the tables that misspelt names meant, so that their problems are told as well.
    """
    tables = config.middleware
    known = tables.keys() | catalogue.names("middleware")
    # Something that is broken, or no middleware, is no slip of the pen: its own reason is told.
    there = known | catalogue.names() | {broken.name for broken in catalogue.broken}
    unknown = {name for name in config.chain if name not in there}
    meant_by = {name: nearest(name, known) for name in unknown}
    for name in config.chain:
        if name in unknown:
            problems.add("chain", f"there is no middleware {name!r}; {meant(name, known)}")
    if config.chain:  # else all of them would be told for one mistake
        for name in sorted(tables.keys() - set(config.chain) - set(meant_by.values())):
            near = nearest(name, set(config.chain) - tables.keys())
            hint = f"did you mean [middleware.{near}]?" if near else "add it, or remove this table"
            problems.add(f"[middleware.{name}]", f"is not in the chain; {hint}")
    known_names = [name for name in config.chain if name not in unknown]
    also = {near for near in meant_by.values() if near and near in tables} - set(known_names)
    return known_names + sorted(also)


def _references(plugin: Plugin, where: str, config: GatewayConfig, problems: Problems) -> None:
    """By convention `topic`, `topics`, `sender`, `senders` and `ask` (roles) of a plugin name others."""
    known_as = {"topic": config.topics, "sender": config.senders, "ask": config.people}
    for kind, known in known_as.items():
        for key in (kind, f"{kind}s"):
            given: Any = getattr(plugin.config, key, None)
            several = isinstance(given, list | tuple | frozenset)
            for name in sorted(given, key=str) if several else [given]:
                if isinstance(name, str) and name not in known:
                    what = "role in [people]" if kind == "ask" else kind
                    said = f"there is no {what} {name!r}; {meant(name, known)}"
                    problems.add(f"{where} {key}", said)


def _missing(table: Table, key: str) -> str:
    other = {"output": "plugin", "plugin": "output"}[key]
    return f"is missing (it is {key} here, not {other})" if other in table.values else "is missing"


def _people(config: GatewayConfig, problems: Problems) -> None:
    region = config.company.region
    if region != "DE":
        import phonenumbers

        if region not in phonenumbers.SUPPORTED_REGIONS:
            problems.add("[company] region", f'there is no country {region!r}; write one as "DE"')
            return
    for name, number in config.people.items():
        if isinstance(number, str):
            try:
                phone(number, region)
            except PhoneNumberError as error:
                problems.add(f"[people] {name}", str(error))


def _labels(config: GatewayConfig, problems: Problems) -> None:
    """A label names one instance in logs, metrics (where - is _) and state."""
    seen: dict[str, str] = {}
    labels = [("inputs", name) for name in config.inputs]
    labels += [("senders", name) for name in config.senders]
    labels += [("middleware", name) for name in dict.fromkeys(config.chain)]
    labels += [
        ("observers", name)
        for name, table in config.observers.items()
        if not _same(config.inputs.get(name), table)
    ]
    for section, label in labels:
        here = f"[{section}.{label}]"
        other = seen.setdefault(label.replace("-", "_"), here)
        if other != here:
            problems.add(here, f"the name {label!r} is taken by {other}")


def _same(input_: Table | None, observer: Table) -> bool:
    """An observer's table that only repeats an input's name means that input."""
    plugins = (input_.plugin, observer.label) if input_ is not None else ()
    return observer.plugin in plugins and not observer.values


def _salt(settings: Mapping[str, Any]) -> str:
    judged = {k: settings.get(k) for k in ("chain", "middleware", "topics", "consent", "senders")}
    return hashlib.sha256(msgspec.json.encode(judged, order="sorted")).hexdigest()[:16]
