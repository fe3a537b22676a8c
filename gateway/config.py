"""gateway.toml: what the core reads itself; plugin tables stay raw until their class is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway import __version__, document
from gateway.duties import Consent, Mail, Proof, Retention
from gateway.message import Topic
from gateway.pricing import Cost, Rates, read_rates
from gateway.safety import DeliverySettings, Hearing
from gateway.sections import Company, Server, Service, Storage, TopicTable
from gateway.tables import Problems, meant, read_table


class Table(msgspec.Struct, frozen=True):
    """A plugin's raw table and where it stands.  `named`: the table itself says which plugin."""

    label: str
    plugin: str
    where: str
    values: Mapping[str, Any]
    named: bool = True


class GatewayConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The settings, as far as the core understands them."""

    file: Path
    company: Company
    server: Server
    storage: Storage
    consent: Consent
    service: Service
    chain: tuple[str, ...]
    topics: Mapping[str, Topic]
    senders: Mapping[str, Table]
    inputs: Mapping[str, Table]
    middleware: Mapping[str, Table]
    observers: Mapping[str, Table]
    people: Mapping[str, str]
    mail: Mail = Mail()
    proof: Proof = Proof()
    retention: Retention = Retention()
    delivery: DeliverySettings = DeliverySettings()
    hearing: Hearing = Hearing()
    cost: Cost = Cost()
    rates: Rates | None = None

    @property
    def user_agent(self) -> str:
        """How reads name themselves: publishers want to know whom to ask."""
        about = self.company.imprint or self.company.mail
        return f"message-gateway/{__version__}" + (
            f" (+{about})" if about and about.isascii() else ""
        )

    @property
    def folder(self) -> Path:
        """The folder of the settings file; other paths are relative to it."""
        return self.file.parent

    @property
    def database(self) -> Path:
        """Path of the database."""
        return self.folder / self.storage.path

    @property
    def keys(self) -> Path:
        """Folder of the gateway's own keys."""
        return self.database.parent / self.proof.keys

    @property
    def timestamp_ca(self) -> Path | None:
        """File with the time-stamping service's root certificates."""
        return self.folder / self.proof.timestamp_ca if self.proof.timestamp_ca else None

    @property
    def texts(self) -> Path | None:
        """Folder of own texts."""
        return self.folder / self.company.texts if self.company.texts else None

    @property
    def admin_socket(self) -> Path:
        """Path of the admin socket."""
        if self.server.admin:
            return self.folder / self.server.admin
        return self.database.parent / "admin.sock"


SECTIONS = {
    "chain", "company", "server", "store", "consent", "service", "topics", "senders", "inputs",
    "middleware", "observers", "people", "mail", "proof", "retention", "delivery", "hearing", "cost",
}  # fmt: skip


def load(file: Path) -> tuple[GatewayConfig, Problems]:
    """Read the settings.  Raises ConfigError if the file cannot be read at all.

    Other problems are collected, so that those of plugins can be added before they are raised.
    """
    raw = document.read(file)
    problems = Problems(str(file))
    beside = file.parent
    for unknown in sorted(raw.keys() - SECTIONS):
        problems.add(unknown, f"unknown section; {meant(unknown, SECTIONS)}")

    def section(name: str, type_: Any, default: Any) -> Any:
        if name not in raw:
            return default
        return read_table(raw[name], type_, f"[{name}]", problems, beside) or default

    company = section("company", Company, None)
    if company is None and "company" not in raw:
        problems.add("[company]", "is missing: people have to know who writes (name, imprint, …)")
    topics = {}
    for name, table in _tables(raw, "topics", problems):
        topic = read_table(table, TopicTable, f"[topics.{name}]", problems, beside)
        # A broken one is there all the same: what names it is not wrong too.
        given = msgspec.structs.asdict(topic or TopicTable(title="?", purpose="?"))
        topics[name] = Topic(name=name, **given)
    cost = section("cost", Cost, Cost())
    config = GatewayConfig(
        file=file,
        cost=cost,
        rates=read_rates(cost, beside, problems),
        company=company or Company(name="?"),
        server=section("server", Server, Server()),
        storage=section("store", Storage, Storage()),
        consent=section("consent", Consent, Consent()),
        mail=section("mail", Mail, Mail()),
        proof=section("proof", Proof, Proof()),
        retention=section("retention", Retention, Retention()),
        delivery=section("delivery", DeliverySettings, DeliverySettings()),
        hearing=section("hearing", Hearing, Hearing()),
        service=section("service", Service, Service()),
        chain=_chain(raw, problems),
        topics=topics,
        senders=_plugins(raw, "senders", "output", problems),
        inputs=_plugins(raw, "inputs", "plugin", problems),
        middleware=_plugins(raw, "middleware", "plugin", problems),
        observers=_plugins(raw, "observers", "plugin", problems),
        people=_people(raw, problems),
    )
    if not config.senders:
        problems.add("[senders]", "name at least one sender, such as [senders.main]")
    if config.database.is_dir():
        problems.add("[store] path", f"{config.database} is a folder; name a file in it")
    for name, topic_value in topics.items():
        if topic_value.sender is not None and topic_value.sender not in config.senders:
            problems.add(
                f"[topics.{name}] sender",
                f"there is no sender {topic_value.sender!r};"
                f" {meant(topic_value.sender, config.senders)}",
            )
        owner = topic_value.owner
        if owner is not None and owner not in config.people:
            where = f"[topics.{name}] owner"
            problems.add(where, f"[people] names no {owner!r}; {meant(owner, config.people)}")
    return config, problems


def _chain(raw: Mapping[str, Any], problems: Problems) -> tuple[str, ...]:
    chain = raw.get("chain")
    if chain is None:
        problems.add(
            "chain", 'is missing; write chain = ["consent", "filter", "ratelimit", "footer"]'
        )
        return ()
    if not isinstance(chain, list) or not all(isinstance(name, str) for name in chain):
        problems.add("chain", 'has to be a list of names, such as ["consent", "footer"]')
        return ()
    if not chain:
        problems.add("chain", "is empty; without a middleware such as consent nothing may be sent")
    for name in sorted({name for name in chain if chain.count(name) > 1}):
        problems.add("chain", f"names {name!r} twice; leave one out")
    return tuple(dict.fromkeys(chain))


def _people(raw: Mapping[str, Any], problems: Problems) -> dict[str, str]:
    people = raw.get("people", {})
    if not isinstance(people, dict):
        problems.add("[people]", 'has to hold names, such as anna = "+49 171 …"')
        return {}
    for name, number in people.items():
        if not isinstance(number, str):
            problems.add(f"[people] {name}", 'is no number in quotes, such as "+49 171 …"')
    return people


def _tables(
    raw: Mapping[str, Any], section: str, problems: Problems
) -> list[tuple[str, Mapping[str, Any]]]:
    value = raw.get(section, {})
    if not isinstance(value, Mapping):
        problems.add(f"[{section}]", f"has to hold tables, such as [{section}.main]")
        return []
    found = []
    for name, table in value.items():
        if not isinstance(table, Mapping):
            problems.add(f"[{section}] {name}", f"has to be a table; write [{section}.{name}]")
        elif not name.replace("-", "_").isidentifier():
            problems.add(f"[{section}.{name}]", "a name is made of letters, digits, _ and -")
        else:
            found.append((name, table))
    return found


def _plugins(
    raw: Mapping[str, Any], section: str, key: str, problems: Problems
) -> dict[str, Table]:
    found = {}
    for name, table in _tables(raw, section, problems):
        plugin = table.get(key, name)
        if not isinstance(plugin, str):
            problems.add(f"[{section}.{name}] {key}", "has to be a name")
            continue
        rest = {k: v for k, v in table.items() if k != key}
        found[name] = Table(name, plugin, f"[{section}.{name}]", rest, key in table)
    return found
