"""Stand-ins for what the context gives a plugin, whose parts a test looks into and moves.

Plugin authors import them from `gateway.testing`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from gateway.clock import SystemClock
from gateway.consent import StopWords
from gateway.context import prepared
from gateway.inbound import Intake, Person
from gateway.message import Message, Topic
from gateway.plugin import Health
from gateway.series import PluginMetrics
from gateway.store.protocol import micros

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""The time at which a FakeClock begins."""

TOPIC = Topic(name="blog", title="Neue Beiträge", purpose="Hinweise auf neue Blogbeiträge")


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
    moved: str | None = None


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
        public_only: bool = False,
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
        self.health: list[Health] = []
        """What the plugin told of itself, the latest last."""

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

    def succeeded(
        self, note: str = "", *, next_at: datetime | None = None, at: datetime | None = None
    ) -> None:
        self.successes += 1
        self.health.append(Health(note=note, next_at=next_at, at=at))

    def failed(
        self,
        why: str,
        *,
        next_at: datetime | None = None,
        needs_person: bool = False,
        at: datetime | None = None,
    ) -> None:
        health = Health(trouble=why, next_at=next_at, needs_person=needs_person, at=at)
        self.health.append(health)

    def figure(self, name: str, **labels: str) -> float | None:
        """Return the value of one of the plugin's series, such as `figure("seen_total")`."""
        samples = (s for c in self.metrics.collectors for f in c.collect() for s in f.samples)
        wanted = (self.metrics.prefix + name, labels)
        return next((float(s.value) for s in samples if (s.name, s.labels) == wanted), None)
