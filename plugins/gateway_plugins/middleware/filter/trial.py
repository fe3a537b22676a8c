"""One post through the filter and into the words of a phone, without a gateway that runs."""

from __future__ import annotations

import json
import logging
import tomllib
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec

from gateway.api import (
    ConfigError,
    Content,
    Context,
    Delivery,
    Drop,
    Hold,
    Message,
    PluginConfig,
    Topic,
)
from gateway_plugins.middleware.filter.content import Filter
from gateway_plugins.middleware.filter.score import Score
from gateway_plugins.middleware.filter.settings import FilterConfig
from gateway_plugins.middleware.footer import Footer, FooterConfig
from gateway_plugins.outputs.whatsapp.compose import as_text, by_template
from gateway_plugins.outputs.whatsapp.definitions import Definition, definition, find

STOPS = frozenset({"stop", "stopp", "abmelden", "abbestellen", "unsubscribe"})
"""Enough for a preview; the daemon knows all words that withdraw, and `gateway check` says so."""


class Settings(msgspec.Struct, frozen=True):
    """What of gateway.toml concerns a trial; defaults if there is none.  No secret is read."""

    file: Path | None
    language: str
    filter: FilterConfig
    footer: FooterConfig | None
    topics: dict[str, Topic]
    templates: list[Definition]


class Trial(msgspec.Struct, frozen=True):
    """What became of a post."""

    message: Message
    verdict: Message | Drop | Hold
    score: Score
    threshold: int
    contents: tuple[Content, ...]
    """As the phone would show it, the footer included."""
    missing: tuple[str, ...]
    """Why a form is not among them."""

    @property
    def word(self) -> str:
        """`passed`, `held` or `dropped`."""
        kinds = ((Drop, "dropped"), (Hold, "held"))
        return next((word for kind, word in kinds if isinstance(self.verdict, kind)), "passed")


def read_settings(file: Path | None) -> Settings:
    """Read the settings, if there are any.  Raises ConfigError."""
    raw: dict[str, Any] = {}
    if file is not None:
        try:
            raw = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{file}: {error}") from error
    chain = raw.get("chain", ["filter", "footer"])
    topics = {
        name: _converted({"name": name, **table}, Topic, f"{file}: [topics.{name}]")
        for name, table in raw.get("topics", {}).items()
    }
    footer = _table(raw, "footer", FooterConfig, file)
    return Settings(
        file=file,
        language=str(raw.get("company", {}).get("language", "de")),
        filter=_table(raw, "filter", FilterConfig, file) or FilterConfig(),
        footer=footer or (FooterConfig() if "footer" in chain else None),
        topics=topics,
        templates=_templates(file.parent / "templates") if file is not None else [],
    )


def _table(raw: dict[str, Any], plugin: str, type_: type[PluginConfig], file: Path | None) -> Any:
    """The settings of the first middleware that is this plugin."""
    for label, table in raw.get("middleware", {}).items():
        if table.get("plugin", label) == plugin:
            rest = {key: value for key, value in table.items() if key != "plugin"}
            return _converted(rest, type_, f"{file}: [middleware.{label}]")
    return None


def _converted(value: Any, type_: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, type_)
    except (msgspec.ValidationError, ConfigError) as error:
        raise ConfigError(f"{where}: {error}; gateway check names every mistake") from error


def _templates(folder: Path) -> list[Definition]:
    """The templates that were submitted to Meta, as if it had approved them."""
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            submitted = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(submitted, dict):
            found.append(definition(json.dumps({**submitted, "status": "APPROVED"}).encode()))
    return [one for one in found if one is not None]


class _Bench:
    """As much of a context as the filter and the footer need."""

    def __init__(self, http: Any, topics: dict[str, Topic]) -> None:
        self.label = "try"
        self.http = http
        self.topics = topics
        self.stop_words = STOPS
        self.clock = self
        self.log = logging.LoggerAdapter(logging.getLogger("gateway.plugin.filter"), {})

    def now(self) -> datetime:
        return datetime.now(UTC)


async def tried(message: Message, settings: Settings, http: Any) -> Trial:
    """Judge a post as the daemon would.  Raises ConfigError for a topic that does not exist."""
    topic = settings.topics.get(message.topic or "")
    if message.topic is not None and topic is None:
        known = ", ".join(settings.topics) or "none, as there are no settings"
        raise ConfigError(f"there is no topic {message.topic!r}; known: {known}")
    message = message.replace(language=message.language or settings.language)
    composed: list[Content | Hold] = [as_text(message)]
    if topic is not None and topic.template is not None:
        composed.append(_by_template(topic.template, message, topic, settings.templates))
    forms = tuple(one for one in composed if not isinstance(one, Hold))
    missing = [one.text for one in composed if isinstance(one, Hold)]
    message = message.replace(forms=forms)
    bench = cast(Context, _Bench(http, settings.topics))
    async with AsyncExitStack() as stack:
        plugin = Filter(settings.filter, "filter")
        await stack.enter_async_context(plugin.lifespan(bench))
        verdict = await plugin.screen(message)
        contents = list(forms)
        if settings.footer is not None:
            footer = Footer(settings.footer, "footer")
            await stack.enter_async_context(footer.lifespan(bench))
            contents = []
            for form in forms:
                delivery = Delivery(
                    id=1, message=message, contact=1, sender="", attempt=1, content=form
                )
                answer = await footer.process(delivery)
                if isinstance(answer, Hold):
                    missing.append(answer.text)
                else:
                    contents.append(answer.content)
    return Trial(
        message=message,
        verdict=verdict,
        score=plugin.scored(message),
        threshold=plugin.threshold(message),
        contents=tuple(contents),
        missing=tuple(missing),
    )


def _by_template(
    name: str, message: Message, topic: Topic, known: list[Definition]
) -> Content | Hold:
    if not any(one.name == name for one in known):
        return Hold("", f"the wording of template {name} is not in templates/, beside the settings")
    found = find(known, name, message.language, topic.name, datetime.now(UTC))
    return found if isinstance(found, Hold) else by_template(found, message, topic, STOPS)
