"""For tests of plugins: values with defaults, a plugin made as the daemon makes it, and a context
that needs no gateway, no clock and no network.

    plugin = make(Kicker, tag="Neu: ")
    async with started(plugin):
        assert (await judged(plugin, message(title="Titel"))).title == "Neu: Titel"
"""

from __future__ import annotations

import logging
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

import msgspec

from gateway.clock import SystemClock
from gateway.consent import StopWords
from gateway.context import prepared
from gateway.discovery import discover
from gateway.errors import ConfigError
from gateway.hookspecs import hookimpl
from gateway.inbound import Intake, Person
from gateway.message import Content, Delivery, Identity, Message, Permissions, Text, Topic
from gateway.pipeline import Pipeline
from gateway.plugin import Context, Middleware, Output, Plugin
from gateway.secret import Secret
from gateway.series import PluginMetrics
from gateway.store.protocol import micros
from gateway.tables import Problems, read_table
from gateway.verdicts import Drop, Hold, Limit

P = TypeVar("P", bound=Plugin)
V = TypeVar("V", Message, Delivery)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The time at which a FakeClock begins."""

TOPIC = Topic(name="blog", title="Neue Beiträge", purpose="Hinweise auf neue Blogbeiträge")


def make(cls: type[P], /, label: str = "", **settings: Any) -> P:
    """Return a plugin with settings as they stand in gateway.toml, checked as at start-up.

    A Secret may be given as it is.  Raises ConfigError with every problem.
    """
    module = ModuleType("of_this_test")
    module.register = hookimpl(lambda: [cls])  # type: ignore[attr-defined]
    point: Any = SimpleNamespace(name="", value="this test", dist=None, load=lambda: module)
    catalogue = discover([point])
    for broken in catalogue.broken:
        raise ConfigError(f"{cls.__qualname__} is no plugin: {broken.reason}")
    (found,) = catalogue.plugins.values()
    label = label or found.name
    problems = Problems("test")
    with tempfile.TemporaryDirectory() as folder:
        table = _with_files(settings, Path(folder))
        config = read_table(table, found.settings, f"[{label}]", problems, Path(folder))
    problems.check()
    return cls(config, label)


def _with_files(value: Any, folder: Path) -> Any:
    """Settings never hold a secret: put each into a file, as an operator does."""
    if isinstance(value, Secret):
        file = folder / str(len(list(folder.iterdir())))
        file.write_text(value.reveal(), encoding="utf-8")
        return {"file": str(file)}
    if isinstance(value, Mapping):
        return {key: _with_files(item, folder) for key, item in value.items()}
    return value


def message(**changes: Any) -> Message:
    """Return a message as `screen` gets it: accepted, and composed as free text."""
    made = Message(
        external_id="post-1", id=1, number=1, input="blog", topic="blog", sender="main",
        title="Ein Beitrag", text="Ein Satz.", link="https://blog.example/1", language="de",
        accepted_at=NOW,
    ).replace(**changes)  # fmt: skip
    if "forms" in changes:
        return made
    parts = (f"*{made.title}*" if made.title else "", made.text, made.link)
    body = "\n\n".join(part for part in parts if part)
    return made.replace(forms=(Text(body=body, image=made.image),))


def delivery(**changes: Any) -> Delivery:
    """Return a delivery as `process` gets it: leased for a person who agreed to the topic."""
    about = changes.pop("message", None) or message()
    values: dict[str, Any] = {
        "id": 1, "message": about, "contact": 1, "sender": "main", "attempt": 1,
        "content": about.forms[0] if about.forms else Text(body=about.text),
        "identities": (Identity("phone", "+4917139200001"),),
        "permissions": Permissions(consent=1),
    }  # fmt: skip
    return Delivery(**(values | changes))


async def judged(plugin: Middleware, value: V) -> V | Drop | Hold:
    """Return what the gateway makes of the plugin's answer to `screen` or `process`.

    A crash, a hang, an undeclared code or a change of what is not its own is a Hold
    `plugin_raised`, `plugin_timeout` or `plugin_nonsense`, as in the daemon.
    """
    chain = Pipeline([plugin])
    if isinstance(value, Delivery):
        return await chain.process(value)
    return await chain.screen(value, _Composed(None, "main"), TOPIC)


def limits(plugin: Middleware, about: Delivery) -> list[Limit] | Hold:
    """Return the limits that the plugin declares, or the Hold that follows from a mistake."""
    return Pipeline([plugin]).limits(about)


class _Composed(Output):
    """Composes what `message` composed."""

    name = "composed"

    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content]:
        return message.forms

    async def send(self, delivery: Delivery) -> str:
        raise AssertionError("nothing is sent here")


class FakeClock(SystemClock):
    """Stands until the test moves it."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def micros(self) -> int:
        return micros(self.at)

    def forward(self, seconds: float) -> None:
        """Move on."""
        self.at += timedelta(seconds=seconds)


class FakeState:
    """Keeps a plugin's values in `values`."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    async def get(self, key: str) -> bytes | None:
        return self.values.get(key)

    async def put(self, values: Mapping[str, bytes | None]) -> None:
        for key, value in values.items():
            self.values.pop(key, None)
            if value is not None:
                self.values[key] = bytes(value)


class Answer(msgspec.Struct, frozen=True):
    """What a server answers."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    url: str = ""


class Asked(msgspec.Struct, frozen=True):
    """One request that a plugin made."""

    method: str
    url: str
    headers: dict[str, str]
    content: bytes = b""


class FakeHttp:
    """Answers from a table, and never reaches the network.

    `answers["GET https://blog.example/feed"]` is an Answer, an error to raise, or a list of
    these, of which the last is given again and again.  What was asked stands in `asked`.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Exception | list[Answer | Exception]] = {}
        self.asked: list[Asked] = []

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Answer:
        return self._answer(Asked("POST", url, dict(headers), content))

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        max_bytes: int = 2_000_000,
        follow_redirects: int = 0,
    ) -> Answer:
        return self._answer(Asked("GET", url, dict(headers or {})))

    def _answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        answer = self.answers.get(f"{asked.method} {asked.url}")
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        if answer is None:
            raise AssertionError(f"a test reaches no network: {asked.method} {asked.url}")
        if isinstance(answer, Exception):
            raise answer
        return msgspec.structs.replace(answer, url=answer.url or asked.url)


class FakeContext:
    """A gateway.api.Context whose parts the test looks into and moves."""

    def __init__(
        self, label: str = "test", topics: Sequence[Topic] = (), stop_words: Sequence[str] = ()
    ) -> None:
        self.label = label
        self.http = FakeHttp()
        self.state = FakeState()
        self.clock = FakeClock()
        self.log = logging.LoggerAdapter(logging.getLogger(f"gateway.plugin.{label}"), {})
        self.metrics = PluginMetrics(label)
        self.topics = {topic.name: topic for topic in topics or (TOPIC,)}
        self.stop_words = StopWords(stop_words).words
        self.accepted: list[Message] = []
        self.people: list[Person] = []
        self.intakes: list[Intake] = []
        self.successes = 0

    async def accept(
        self,
        messages: Sequence[Message] = (),
        *,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Person] = (),
    ) -> list[int | None]:
        """Keep them in `accepted` and `people`; a known external id gives None, as in earnest."""
        ready = [prepared(one, self.clock, lambda whole: whole) for one in messages]
        ids: list[int | None] = []
        for one in ready:
            known = any(one.external_id == before.external_id for before in self.accepted)
            ids.append(None if known else one.id)
            self.accepted += [] if known else [one.replace(input=self.label)]
        self.people += people
        await self.state.put(state or {})
        return ids

    async def intake(self, intake: Intake) -> None:
        self.intakes.append(intake)

    def succeeded(self) -> None:
        self.successes += 1

    def figure(self, name: str, **labels: str) -> float | None:
        """Return the value of one of the plugin's series, such as `figure("seen_total")`."""
        samples = (s for c in self.metrics.collectors for f in c.collect() for s in f.samples)
        wanted = (self.metrics.prefix + name, labels)
        return next((float(s.value) for s in samples if (s.name, s.labels) == wanted), None)


@asynccontextmanager
async def started(plugin: P, context: Context | None = None) -> AsyncIterator[P]:
    """Keep a plugin alive for a block: its lifespan is entered before and left after it."""
    async with plugin.lifespan(context or FakeContext(plugin.label)):
        yield plugin


def assert_keeps_secret(what: Callable[[], object] | BaseException, secret: str | Secret) -> None:
    """Fail if a secret shows in an error, or in what a call raises, returns or logs."""
    value = secret.reveal() if isinstance(secret, Secret) else secret
    assert value, "an empty secret is in everything"
    shown = StringIO()
    error = what if isinstance(what, BaseException) else None
    if not isinstance(what, BaseException):
        handler, root = logging.StreamHandler(shown), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            print(repr(what()), file=shown)
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is looked into
            error = raised
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
    if error is not None:
        print(repr(error), vars(error), *traceback.format_exception(error), file=shown)
    assert value not in shown.getvalue(), "the secret shows"
