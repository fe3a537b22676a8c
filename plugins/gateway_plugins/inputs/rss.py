"""Posts of a blog: looks at an RSS, Atom or JSON feed and hands in what is new.

    [inputs.blog]
    plugin = "rss"
    url    = "https://blog.example/feed/"
    topic  = "blog"

Here is the order of one look.  When: feed/schedule.py.  What is asked: feed/fetching.py.  Parsing,
in a child process: feed/worker.py.  What is new: feed/entries.py, what of it goes on:
feed/taking.py.  Where the feed moved to: feed/moving.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec
import trio

from gateway.api import ConfigError, Context, Duration, HttpResponse, Input, Message, hookimpl

from .feed.entries import Known
from .feed.fetching import Asked, Trouble, fetch, of_refusal, of_status
from .feed.memory import Memory, dump_shown, recall, recall_shown
from .feed.moving import GONE, confirmed, elsewhere
from .feed.reporting import Figures, how_it_went, row, what_it_brought
from .feed.schedule import (
    first_look,
    hopeless,
    next_look,
    pause,
    retry_after,
    validators,
)
from .feed.settings import RssConfig
from .feed.sharing import Shared, shared
from .feed.taking import take
from .feed.wire import Document, Feed, Refusal

SLICE = 300.0  # seconds; the clock may be set while we sleep
FARTHEST = 8 * 86_400.0  # seconds; a later look comes from a clock that was wrong
SOON = 60.0  # seconds until the other address of a feed that moved is tried
AT_ONCE = 50  # messages handed in together: no job of the store takes long
PATIENCE = 60.0  # seconds that `gateway feeds poll` waits for the look that it asked for


class Rss(Input):
    """One feed."""

    name = "rss"
    config: RssConfig
    _context: Context
    _shared: Shared
    _figures: Figures
    _memory: Memory | None = None  # while it runs

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Join the other feeds, with which it shares the parser and its turns."""
        self._context = context
        self._figures = Figures(context.metrics)
        self._wake, self._looked = trio.Event(), trio.Event()
        async with shared(self.label, self.config) as self._shared:
            yield

    async def run(self, context: Context) -> None:
        """Look for ever."""
        if self.config.topic not in context.topics:
            raise ConfigError(
                f"[inputs.{self.label}] topic: there is no [topics.{self.config.topic}]"
            )
        if other := self._shared.twin(self.label):
            raise ConfigError(
                f"[inputs.{self.label}] url: [inputs.{other}] sends the same posts to the same"
                " topic, so everybody would get them twice"
            )
        memory = await self._recall()
        self._figures.started(memory)
        how_it_went(context, self.label, memory, before=True)
        feeds = len(self._shared.feeds)
        memory = memory.replace(due=first_look(memory, self.label, feeds, self._now()))
        self._memory = memory
        while True:
            memory = await self._wait(memory)
            # Who asks from now on wants the next look, not the one that is under way.
            looked, self._looked = self._looked, trio.Event()
            self._memory = memory = await self._look(memory)
            looked.set()

    async def command(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Answer `gateway feeds`: `feed` tells how it fares, `poll` looks now."""
        if name == "poll":
            await self._poll_now()
        elif name != "feed":
            return await super().command(name, arguments)
        memory = self._memory or await self._recall()
        shown = recall_shown(await self._context.state.get("latest"))
        return row(self.config, memory, shown)

    async def _poll_now(self) -> None:
        if self._memory is None:  # no daemon: its next start looks at once
            await self._context.state.put({"feed": _revived(await self._recall()).dump()})
            return
        self._wake.set()
        with trio.move_on_after(PATIENCE):
            await self._looked.wait()

    # --- when -----------------------------------------------------------------------------------
    def _now(self) -> float:
        return self._context.clock.now().timestamp()

    async def _recall(self) -> Memory:
        try:
            memory = recall(await self._context.state.get("feed"), self.config.url)
        except msgspec.DecodeError:
            self._context.log.error(
                "the feed's state is unreadable: unless known posts show, all count as known"
            )
            return Memory(self.config.url, used=True)
        if not memory.failures and self.config.every < memory.every:
            return memory.replace(due=min(memory.due, self._now() + self.config.every))
        return memory

    async def _wait(self, memory: Memory) -> Memory:
        """Wait until it is due, or somebody asks for a look."""
        while not self._wake.is_set():
            left = memory.due - self._now()
            if not memory.stopped and not 0 < left <= FARTHEST + self.config.every:
                return memory
            with trio.move_on_after(SLICE if memory.stopped else min(left, SLICE)):
                await self._wake.wait()
        self._wake = trio.Event()
        return _revived(memory)

    # --- one look -------------------------------------------------------------------------------
    async def _look(self, memory: Memory) -> Memory:
        """Look once and return the memory, which is on disk by then."""
        own = urlsplit(memory.polled).hostname == urlsplit(self.config.url).hostname
        private = self.config.private and own
        asked = Asked(memory.polled, private, memory.etag, memory.modified)
        async with self._shared.turn(memory.polled, self.config.every):
            answer = await fetch(self._context.http, asked)
        if isinstance(answer, Trouble):
            return await self._failed(memory, answer)
        self._figures.bytes.inc(len(answer.body))
        if answer.status == 304 and (memory.etag or memory.modified):
            sent = {name: value for name, value in validators(answer.headers).items() if value}
            memory = memory.replace(note="unchanged", **sent)
            told = memory.wishes.new_url
            memory = confirmed(memory, answer.moved, told, shares=True, now=self._now())
            return await self._went_well(memory, "unchanged", answer)
        if answer.status != 200:
            wait = retry_after(answer.status, answer.headers, self._context.clock.now())
            return await self._failed(memory, of_status(answer.status), wait)
        feed = await self._parse(answer)
        if isinstance(feed, Feed) and feed.cut and not memory.fetched:
            # What is missing would look new later.
            feed = Refusal("truncated")
        if isinstance(feed, Refusal):
            return await self._failed(memory, of_refusal(feed))
        return await self._take(memory, feed, answer)

    async def _parse(self, answer: HttpResponse) -> Feed | Refusal:
        kind = answer.headers.get("content-type", "")
        document = Document(answer.body, answer.url, kind, self.config.teaser_length)
        began = trio.current_time()
        feed = await self._shared.worker.parse(document)
        self._figures.parsing.observe(trio.current_time() - began)
        return feed

    async def _take(self, memory: Memory, feed: Feed, answer: HttpResponse) -> Memory:
        """Hand in what is new, together with the memory of it."""
        now = self._now()
        known, memory = await self._known(memory)
        taken = take(feed, known, memory, self.config, self.label, now)
        if memory.trial and not taken.shares:
            why = "the address that it moved to shows other posts"
            return await self._failed(memory, Trouble("bad_document", why))
        found, counts = len(feed.entries) + len(feed.older), taken.counts
        first_and_empty = memory.empty_since if memory.fetched else now
        sent = validators(answer.headers) if feed.whole else {"etag": "", "modified": ""}
        memory = memory.replace(
            fetched=True,
            empty_since=0.0 if found else first_and_empty,
            note=what_it_brought(taken, found, memory),
            title=feed.title,
            wishes=feed.wishes,
            found=found,
            new=len(taken.messages),
            known=counts["known"],
            new_at=now if taken.messages else memory.new_at,
            **sent,
        )
        told = feed.wishes.new_url
        memory = confirmed(memory, answer.moved, told, shares=taken.shares, now=now)
        state = {"latest": dump_shown(taken.shown)}
        if known.changed or not len(known):
            state["known"] = known.dump()
        memory = await self._went_well(memory, "ok", answer, taken.messages, state)
        self._figures.took(counts)
        if taken.messages:
            self._context.log.info(
                "%d new posts handed in, %d of them wait for a person",
                len(taken.messages),
                counts["doubted"],
            )
        return memory

    async def _known(self, memory: Memory) -> tuple[Known, Memory]:
        """Read the known posts.  Those of another address too: it may be the same blog."""
        stored = await self._context.state.get("known")
        try:
            # Nothing stored is unreadable too: an empty list is b"\x80".
            return Known(stored if stored is not None or not memory.fetched else b""), memory
        except msgspec.DecodeError:
            self._context.log.error(
                "the known posts are unreadable: all in the feed count as known"
            )
            return Known(), memory.replace(fetched=False, used=True)

    # --- and after it ---------------------------------------------------------------------------
    async def _went_well(
        self,
        memory: Memory,
        result: str,
        answer: HttpResponse,
        messages: list[Message] | None = None,
        state: Mapping[str, bytes] | None = None,
    ) -> Memory:
        if memory.failures:
            self._context.log.info("the feed is readable again")
        every, hints = self.config.every, self.config.hints
        now = self._context.clock.now()
        due = next_look(every, memory.wishes, answer.headers, now, hints=hints)
        memory = _revived(memory).replace(due=due, every=float(every), read_at=now.timestamp())
        state = {**(state or {}), "feed": memory.dump()}
        rest = list(messages or ())
        while len(rest) > AT_ONCE:  # known by their ids, should this end here and come again
            await self._context.accept(rest[:AT_ONCE])
            del rest[:AT_ONCE]
        await self._context.accept(rest, state=state)
        self._figures.looked(result, due, now.timestamp())
        how_it_went(self._context, self.label, memory)
        return memory

    async def _failed(self, memory: Memory, trouble: Trouble, wait: float = 0.0) -> Memory:
        """Keep what is known, and pause: twice as long after each failure."""
        now, failures = self._now(), memory.failures + 1
        final = trouble.result == "bad_document" or trouble.status in GONE
        other = elsewhere(memory, trouble.status, final=final, now=now)
        wait = pause(self.config.every, failures, wait)
        if other is not None and failures == 1:
            wait = min(SOON, self.config.every)
        memory = (other or memory).replace(
            due=now + wait,
            failures=failures,
            failing_since=memory.failing_since or now,
            trouble=trouble.why,
        )
        if other is None and (trouble.status == 410 or hopeless(memory, now)):
            memory = memory.replace(stopped=True)
        await self._context.state.put({"feed": memory.dump()})
        self._figures.looked(trouble.result, memory.due)
        how_it_went(self._context, self.label, memory)
        self._context.log.warning(
            "cannot read the feed: %s; failure %d, %s",
            trouble.why,
            failures,
            "it is not read again until a person says so"
            if memory.stopped
            else f"next try in {Duration(round(wait))}",
        )
        return memory


def _revived(memory: Memory) -> Memory:
    return memory.replace(stopped=False, due=0.0, failures=0, failing_since=0.0, trouble="")


@hookimpl
def register() -> list[type[Rss]]:
    """Hand over the input."""
    return [Rss]
