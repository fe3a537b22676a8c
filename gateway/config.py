"""gateway.toml: what the core reads itself; plugin tables stay raw until their class is known."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec

from gateway.errors import ConfigError
from gateway.message import Topic
from gateway.tables import Problems, meant, read_table
from gateway.values import Duration


class Company(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who sends; stands in sign-ups, welcomes and proofs."""

    name: str
    imprint: str = ""
    privacy: str = ""
    mail: str = ""
    language: str = "de"
    time_zone: str = "Europe/Berlin"
    region: str = "DE"

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"time_zone: there is no time zone {self.time_zone!r}") from None
        if not (len(self.region) == 2 and self.region.isascii() and self.region.isupper()):
            raise ValueError(f'region: write a country such as "DE", not {self.region!r}')


class Server(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where it listens.  `public` is for nginx or Caddy in front of it."""

    public_url: str = ""
    public: str = "127.0.0.1:8080"
    metrics: str = "127.0.0.1:9400"
    admin: str = ""
    """Path of the admin socket; by default `admin.sock` beside the database."""


class Storage(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where everything is kept."""

    path: str = "gateway.sqlite"


class Consent(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Words that withdraw, beside those that always do."""

    stop_words: tuple[str, ...] = ()


class Service(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the daemon itself behaves.  `grace` bounds a clean stop."""

    grace: Duration = Duration(20)
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class TopicTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`[topics.NAME]`: what people subscribe to."""

    title: str
    purpose: str
    template: str | None = None
    parameters: dict[str, str] = {}
    sender: str | None = None
    owner: str | None = None


class Table(msgspec.Struct, frozen=True):
    """A plugin's raw table and where it stands."""

    label: str
    plugin: str
    where: str
    values: Mapping[str, Any]


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

    @property
    def folder(self) -> Path:
        """The folder of the settings file; other paths are relative to it."""
        return self.file.parent

    @property
    def database(self) -> Path:
        """Path of the database."""
        return self.folder / self.storage.path

    @property
    def admin_socket(self) -> Path:
        """Path of the admin socket."""
        if self.server.admin:
            return self.folder / self.server.admin
        return self.database.parent / "admin.sock"


SECTIONS = {
    "chain", "company", "server", "store", "consent", "service", "topics", "senders", "inputs",
    "middleware", "observers", "people",
}  # fmt: skip


def load(file: Path) -> tuple[GatewayConfig, Problems]:
    """Read the settings.  Raises ConfigError if the file cannot be read at all.

    Other problems are collected, so that those of plugins can be added before they are raised.
    """
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; --config names another") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read: {error.__class__.__name__}: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: is no TOML: {error}") from None
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
        if topic is not None:
            topics[name] = Topic(name=name, **msgspec.structs.asdict(topic))
    config = GatewayConfig(
        file=file,
        company=company or Company(name=""),
        server=section("server", Server, Server()),
        storage=section("store", Storage, Storage()),
        consent=section("consent", Consent, Consent()),
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
    for name, topic_value in topics.items():
        if topic_value.sender is not None and topic_value.sender not in config.senders:
            problems.add(
                f"[topics.{name}] sender",
                f"there is no sender {topic_value.sender!r};"
                f" {meant(topic_value.sender, config.senders)}",
            )
    return config, problems


def _chain(raw: Mapping[str, Any], problems: Problems) -> tuple[str, ...]:
    chain = raw.get("chain")
    if chain is None:
        problems.add(
            "chain", 'is missing; write chain = ["consent", "filter", "ratelimit", "footer"]'
        )
        return ()
    if not isinstance(chain, list) or not all(isinstance(name, str) for name in chain):
        problems.add("chain", "has to be a list of names")
        return ()
    if len(set(chain)) != len(chain):
        problems.add("chain", "names a middleware twice")
    return tuple(chain)


def _people(raw: Mapping[str, Any], problems: Problems) -> dict[str, str]:
    people = raw.get("people", {})
    if not isinstance(people, dict) or not all(isinstance(v, str) for v in people.values()):
        problems.add("[people]", 'has to hold names, such as anna = "+49 171 …"')
        return {}
    return people


def _tables(
    raw: Mapping[str, Any], section: str, problems: Problems
) -> list[tuple[str, Mapping[str, Any]]]:
    value = raw.get(section, {})
    if not isinstance(value, Mapping):
        problems.add(f"[{section}]", "has to hold tables")
        return []
    found = []
    for name, table in value.items():
        if not isinstance(table, Mapping):
            problems.add(f"[{section}] {name}", f"has to be a table [{section}.{name}]")
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
        found[name] = Table(name, plugin, f"[{section}.{name}]", rest)
    return found
