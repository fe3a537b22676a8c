"""Posts of a blog: polls an RSS, Atom or JSON feed and hands in what is new.

    [inputs.blog]
    plugin = "rss"
    url    = "https://blog.example/feed/"
    topic  = "blog"

Parsing happens in a child process (feed/worker.py); what is new is decided by feed/entries.py.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec
import trio

from gateway.api import (
    ConfigError,
    Context,
    Duration,
    FetchError,
    Input,
    Message,
    PluginConfig,
    hookimpl,
)

from .feed.entries import Known
from .feed.schedule import LONGEST, Memory, interval, pause, recall, retry_after, validators
from .feed.wire import Document, Entry, Feed, Refusal
from .feed.worker import Worker, shared_worker

MAX_BYTES = 2_000_000
REDIRECTS = 5
SLICE = 300.0  # seconds; the clock may be set while we sleep
ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, */*;q=0.1"
)
POLLS = ("ok", "unchanged", "not_fetched", "bad_status", "bad_document")
ENTRIES = ("new", "known", "skipped_category")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})([-_].*)?")


class RssConfig(PluginConfig):
    """Settings of `[inputs.NAME]` with `plugin = "rss"`."""

    url: str
    """Address of the feed, http or https."""
    topic: str
    """Whose subscribers get the posts: a name of `[topics.…]`."""
    every: Duration = Duration(900)
    """Time between two polls.  At least 1 s, which is for demos: publishers block the impatient."""
    only_categories: tuple[str, ...] = ()
    """Only posts with one of these categories, in any case.  Empty: every post."""
    language: str | None = None
    """Language of the posts (`de`).  Default: what the feed says."""
    first: Annotated[int, msgspec.Meta(ge=0, le=100)] = 0
    """How many of the newest posts the very first poll hands in.  The others count as known."""
    max_new: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    """Most posts that one poll hands in; the rest follows at the next ones, the oldest first."""
    teaser_length: Annotated[int, msgspec.Meta(ge=40, le=1000)] = 300
    """Longest text, in characters; cut at a sentence end."""
    image: bool = True
    """Hand in the post's picture."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, with a sentence for the operator."""
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("url must begin with https:// or http:// and name a host")
        if self.every < 1:
            raise ValueError("every must be at least 1s; 15min is a good value")
        if self.language is not None and not _LANGUAGE.fullmatch(self.language):
            raise ValueError('language must be a code such as "de"')


class Rss(Input):
    """One feed."""

    name = "rss"
    config: RssConfig
    _worker: Worker
    _polls: Any
    _entries: Any

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Share the parser process with the other feeds."""
        self._polls = context.metrics.counter("polls", "Polls of the feed by result", ["result"])
        self._entries = context.metrics.counter(
            "entries", "Entries seen in polls by result", ["result"]
        )
        for result in POLLS:
            self._polls.labels(result)
        for result in ENTRIES:
            self._entries.labels(result)
        async with shared_worker() as self._worker:
            yield

    async def run(self, context: Context) -> None:
        """Poll for ever."""
        if self.config.topic not in context.topics:
            raise ConfigError(
                f"[inputs.{self.label}] topic: there is no [topics.{self.config.topic}]"
            )
        memory = await self._recall(context)
        while True:
            await self._wait(context, memory)
            memory = await self._poll(context, memory)

    async def _recall(self, context: Context) -> Memory:
        try:
            memory = recall(await context.state.get("feed"), self.config.url)
        except msgspec.DecodeError:
            context.log.error("the feed's state is unreadable: its posts count as known")
            return Memory(self.config.url, moved=True)
        if memory.failures:
            return memory
        # `every` may have become shorter.
        soon = context.clock.now().timestamp() + interval(self.config.every)
        return memory.replace(due=min(memory.due, soon))

    async def _wait(self, context: Context, memory: Memory) -> None:
        while True:
            left = memory.due - context.clock.now().timestamp()
            if not 0 < left <= 1.1 * max(LONGEST, self.config.every):
                return
            await trio.sleep(min(left, SLICE))

    async def _poll(self, context: Context, memory: Memory) -> Memory:
        """Fetch once and return the memory, which is on disk by then."""
        headers = {"accept": ACCEPT}
        if memory.etag:
            headers["if-none-match"] = memory.etag
        if memory.modified:
            headers["if-modified-since"] = memory.modified
        try:
            response = await context.http.get(
                self.config.url, headers, max_bytes=MAX_BYTES, follow_redirects=REDIRECTS
            )
        except FetchError as error:
            return await self._failed(context, memory, "not_fetched", error.code)
        sent = validators(response.headers)
        if response.status == 304 and (memory.etag or memory.modified):
            memory = memory.replace(
                etag=sent["etag"] or memory.etag, modified=sent["modified"] or memory.modified
            )
            return await self._went_well(context, memory, "unchanged")
        if response.status != 200:
            wait = retry_after(response.status, response.headers, context.clock.now())
            return await self._failed(
                context, memory, "bad_status", f"HTTP {response.status}", wait
            )
        kind = response.headers.get("content-type", "")
        document = Document(response.body, response.url, kind, self.config.teaser_length)
        answer = await self._worker.parse(document)
        if isinstance(answer, Feed) and answer.cut and not memory.fetched:
            # What is missing would look new later.
            answer = Refusal("truncated")
        if isinstance(answer, Refusal):
            reason = f"{answer.reason}: {answer.detail}" if answer.detail else answer.reason
            return await self._failed(context, memory, "bad_document", reason)
        return await self._take(context, memory, answer, sent)

    async def _take(
        self, context: Context, memory: Memory, feed: Feed, sent: Mapping[str, str]
    ) -> Memory:
        """Hand in what is new, together with the memory of it."""
        day = int(context.clock.now().timestamp() // 86_400)
        known, memory = await self._known(context, memory)
        new: list[tuple[Message, list[int]]] = []
        counts = dict.fromkeys(ENTRIES, 0)
        known.remember(feed.older, day)
        for entry in feed.entries:
            key, marks, seen = known.look_up(entry)
            if not seen and self._wanted(entry):
                new.append((self._message(key, entry, feed.language), marks))
                continue
            counts["known" if seen else "skipped_category"] += 1
            known.remember(marks, day)
        if not memory.fetched:
            silent = len(new) - (0 if memory.moved else self.config.first)
            for _, marks in new[: max(0, silent)]:
                known.remember(marks, day)
                counts["known"] += 1
            new = new[max(0, silent) :]
        chosen, waiting = new[: self.config.max_new], len(new) - self.config.max_new
        for _, marks in chosen:
            known.remember(marks, day)
        known.forget(day)
        # Without validators the next poll gets the document again, and with it what waits.
        kept = sent if feed.whole and waiting <= 0 else {"etag": "", "modified": ""}
        memory = memory.replace(fetched=True, **kept)
        memory = await self._went_well(
            context, memory, "ok", [message for message, _ in chosen], known
        )
        counts["new"] = len(chosen)
        for result, count in counts.items():
            self._entries.labels(result).inc(count)
        if chosen:
            context.log.info("%d new posts handed in", len(chosen))
        if waiting > 0:
            context.log.warning("%d more new posts wait for the next polls (max_new)", waiting)
        return memory

    async def _known(self, context: Context, memory: Memory) -> tuple[Known, Memory]:
        if not memory.fetched:  # another address may be another blog
            return Known(), memory
        try:
            # Nothing stored is unreadable too: an empty list is b"\x80".
            return Known(await context.state.get("known") or b""), memory
        except msgspec.DecodeError:
            context.log.error("the known posts are unreadable: all in the feed count as known")
            return Known(), memory.replace(fetched=False, moved=True)

    def _wanted(self, entry: Entry) -> bool:
        wanted = {name.casefold() for name in self.config.only_categories}
        return not wanted or any(name.casefold() in wanted for name in entry.categories)

    def _message(self, key: str, entry: Entry, language: str | None) -> Message:
        published = None
        if entry.published is not None:
            published = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=entry.published)
        if self.config.language is not None:
            language = self.config.language.replace("_", "-").split("-")[0].lower()
        return Message(
            external_id=key,
            topic=self.config.topic,
            language=language,
            title=entry.title,
            text=entry.text,
            link=entry.link,
            image=entry.image if self.config.image else None,
            published_at=published,
        )

    async def _went_well(
        self,
        context: Context,
        memory: Memory,
        result: str,
        messages: list[Message] | None = None,
        known: Known | None = None,
    ) -> Memory:
        if memory.failures:
            context.log.info("the feed is readable again")
        due = context.clock.now().timestamp() + interval(self.config.every)
        memory = memory.replace(due=due, failures=0)
        state = {"feed": memory.dump()}
        if known is not None and (known.changed or not len(known)):
            state["known"] = known.dump()
        await context.accept(messages or (), state=state)
        self._polls.labels(result).inc()
        context.succeeded()
        return memory

    async def _failed(
        self, context: Context, memory: Memory, result: str, reason: str, wait: float = 0.0
    ) -> Memory:
        """Keep what is known, and pause: twice as long after each failure."""
        failures = memory.failures + 1
        if reason == "HTTP 410":
            wait = LONGEST  # gone on purpose
        wait = pause(self.config.every, failures, wait)
        memory = memory.replace(due=context.clock.now().timestamp() + wait, failures=failures)
        await context.state.put({"feed": memory.dump()})
        self._polls.labels(result).inc()
        context.log.warning(
            "cannot read the feed (%s), failure %d, next try in %s",
            reason,
            failures,
            Duration(round(wait)),
        )
        return memory


@hookimpl
def register() -> list[type[Rss]]:
    """Hand over the input."""
    return [Rss]
