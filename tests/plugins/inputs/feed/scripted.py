"""A scripted blog server and a context in memory, for tests of the rss input."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import msgspec
import trio

from gateway.api import Message, Topic
from gateway.given import Health
from gateway_plugins.inputs import rss
from gateway_plugins.inputs.feed import schedule, sharing
from gateway_plugins.inputs.feed.parse import parse
from gateway_plugins.inputs.feed.wire import Answer, Document
from gateway_plugins.inputs.feed.worker import Worker

URL = "https://blog.example/feed/"
START = datetime(2026, 11, 21, 10, tzinfo=UTC)


class Answered(msgspec.Struct):
    status: int = 200
    headers: Mapping[str, str] = {}
    body: bytes = b""
    url: str = URL
    moved: str | None = None


class Http:
    """Answers from a script; the time of each request is kept."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.script: list[Answered | Exception] = []
        self.asked: list[tuple[float, Mapping[str, str]]] = []
        self.urls: list[str] = []
        self.limits: list[dict[str, Any]] = []
        self.done = trio.Event()

    async def get(self, url: str, headers: Any = None, **limits: Any) -> Answered:
        if not self.script:
            self.done.set()
            await trio.sleep_forever()
        assert limits.pop("max_bytes") == 2_000_000
        self.limits.append(limits)
        self.urls.append(url)
        self.asked.append((self.clock.now().timestamp() - START.timestamp(), headers))
        answer = self.script.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    def now(self) -> datetime:
        return START + timedelta(seconds=trio.current_time() - self.zero)

    def __init__(self) -> None:
        self.zero = trio.current_time()


class State(dict[str, bytes]):
    def __init__(self) -> None:
        super().__init__()
        self.written = trio.Event()

    async def get(self, key: str) -> bytes | None:  # type: ignore[override]
        await trio.lowlevel.checkpoint()
        return dict.get(self, key)

    async def put(self, values: Mapping[str, bytes | None]) -> None:
        await trio.lowlevel.checkpoint()
        self.update({key: value for key, value in values.items() if value is not None})
        self.written.set()


class Metrics:
    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Any:
        metrics = self

        class Child:
            def __init__(self, result: str = "") -> None:
                self.key = f"{name} {result}".strip()
                metrics.counts.setdefault(self.key, 0)

            def inc(self, amount: float = 1) -> None:
                metrics.counts[self.key] += amount

            def set(self, value: float) -> None:
                metrics.counts[self.key] = value

            observe = inc

        return Child() if not labels else SimpleNamespace(labels=Child)

    gauge = histogram = counter


class Context:
    label = "blog"
    topics: Mapping[str, Topic] = {"blog": Topic(name="blog", title="Blog", purpose="Posts")}
    stop_words: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.clock = Clock()
        self.http = Http(self.clock)
        self.state = State()
        self.metrics = Metrics()
        self.log = logging.LoggerAdapter(logging.getLogger("test.rss"), {})
        self.accepted: list[Message] = []
        self.batches: list[list[str]] = []
        self.health: list[Health] = []
        self.full: Exception | None = None

    async def accept(
        self,
        messages: Sequence[Message] = (),
        *,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Any] = (),
    ) -> list[int | None]:
        if self.full is not None:
            raise self.full
        await self.state.put(state or {})
        self.accepted += messages
        self.batches.append([message.external_id for message in messages])
        return [1] * len(messages)

    async def intake(self, intake: Any) -> None:
        raise AssertionError("a feed hears of no people")

    def succeeded(self, note: str = "", **more: Any) -> None:
        self.health.append(Health(note=note, **more))

    def failed(self, why: str, **more: Any) -> None:
        self.health.append(Health(trouble=why, **more))
        if more.get("needs_person"):
            self.http.done.set()

    @property
    def successes(self) -> int:
        return sum(not one.trouble and one.at is None for one in self.health)

    @property
    def doubted(self) -> list[str]:
        """The ids of what was handed in with a doubt."""
        return [message.external_id for message in self.accepted if message.doubt]


async def _here(worker: Worker, document: Document) -> Answer:
    await trio.lowlevel.checkpoint()
    return parse(document)


@asynccontextmanager
async def running(
    context: Context, *, child: bool = False, **settings: Any
) -> AsyncIterator[rss.Rss]:
    """An instance that runs, as after a restart.

    It parses here instead of in the child, whose pipes do not know the jumping clock.
    """
    config = rss.RssConfig(**{"url": URL, "topic": "blog", **settings})
    plugin = rss.Rss(config, "blog")
    even = patch.multiple(schedule, JITTER=0.0, SPREAD=0.0)
    parse = nullcontext() if child else patch.object(Worker, "parse", _here)
    with parse, even, patch.object(sharing, "PAUSE", 0.0):
        async with plugin.lifespan(context), trio.open_nursery() as nursery:  # type: ignore[arg-type]
            nursery.start_soon(plugin.run, context)
            yield plugin
            nursery.cancel_scope.cancel()


async def poll(context: Context, *script: Answered | Exception | bytes, **settings: Any) -> None:
    """Run an instance until it asked for each answer of the script and is about to ask again, or
    stopped for good."""
    context.http.script = [
        Answered(body=each) if isinstance(each, bytes) else each for each in script
    ]
    context.http.done = trio.Event()
    async with running(context, **settings):
        with trio.fail_after(800 * 86_400):  # on the jumping clock
            await context.http.done.wait()


async def command(context: Context, name: str, **settings: Any) -> dict[str, Any]:
    """Ask an instance while no daemon runs."""
    plugin = rss.Rss(rss.RssConfig(**{"url": URL, "topic": "blog", **settings}), "blog")
    async with plugin.lifespan(context):  # type: ignore[arg-type]
        answer: dict[str, Any] = await plugin.command(name, {})
        return answer


def item(number: int, **more: str) -> str:
    fields = {
        "title": f"Beitrag {number}",
        "link": f"https://blog.example/{number}/",
        "guid": f"https://blog.example/?p={number}",
        "pubDate": f"Tue, {number % 28 + 1:02} Sep 2026 00:00:00 GMT",
        "description": f"Das ist der Text von Beitrag {number}, und er ist nicht kurz.",
        **more,
    }
    return "<item>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items() if v) + "</item>"


def feed(*items: int | str, language: str = "<language>de-DE</language>") -> bytes:
    """A feed, given as blogs do: the newest on top."""
    body = "".join(item(one) if isinstance(one, int) else one for one in items)
    head = f"<title>Blog</title><link>https://blog.example/</link>{language}"
    return f'<rss version="2.0"><channel>{head}{body}</channel></rss>'.encode()


def key(number: int) -> str:
    return f"https://blog.example/?p={number}"
