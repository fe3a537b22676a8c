"""A scripted blog server and a context in memory, for tests of the rss input."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import msgspec
import trio

from gateway.api import Message, Topic
from gateway_plugins.inputs import rss
from gateway_plugins.inputs.feed import schedule
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


class Http:
    """Answers from a script; the time of each request is kept."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.script: list[Answered | Exception] = []
        self.asked: list[tuple[float, Mapping[str, str]]] = []
        self.done = trio.Event()

    async def get(self, url: str, headers: Any = None, **limits: Any) -> Answered:
        assert limits == {"max_bytes": 2_000_000, "follow_redirects": 5}
        if not self.script:
            self.done.set()
            await trio.sleep_forever()
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
                self.key = f"{name} {result}"
                metrics.counts.setdefault(self.key, 0)

            def labels(self, result: str) -> Child:
                return Child(result)

            def inc(self, amount: float = 1) -> None:
                metrics.counts[self.key] += amount

        return Child()

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
        self.successes = 0
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
        raise NotImplementedError

    def succeeded(self) -> None:
        self.successes += 1


async def _here(worker: Worker, document: Document) -> Answer:
    await trio.lowlevel.checkpoint()
    return parse(document)


async def poll(context: Context, *script: Answered | Exception | bytes, **settings: Any) -> None:
    """Run an instance, as after a restart, until it asked for each answer of the script.

    It parses here instead of in the child, whose pipes do not know the jumping clock.
    """
    context.http.script = [
        Answered(body=each) if isinstance(each, bytes) else each for each in script
    ]
    context.http.done = trio.Event()
    config = rss.RssConfig(**{"url": URL, "topic": "blog", **settings})
    plugin = rss.Rss(config, "blog")
    with patch.object(Worker, "parse", _here), patch.object(schedule, "JITTER", 0.0):
        async with plugin.lifespan(context), trio.open_nursery() as nursery:  # type: ignore[arg-type]
            nursery.start_soon(plugin.run, context)
            await context.http.done.wait()
            nursery.cancel_scope.cancel()


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
