"""Posts what happened to the receiver: when it is due, several at once, again if it failed."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import trio

from gateway_sandbox.client import NoAnswer, Poster, Target
from gateway_sandbox.settings import Settings
from gateway_sandbox.webhooks import envelope, messages_value, meta_style_dump, signature

Json = dict[str, Any]

SAY_CONNECTIONS = 64


@dataclass(slots=True)
class StatusEvent:
    """A status that waits for its moment; `contact` is its entry of `contacts[]`, if any."""

    number_id: str
    display: str
    status: Json
    contact: Json | None


@dataclass(slots=True)
class Post:
    """A body on its way; `attempt` counts from 0."""

    body: bytes
    attempt: int = 0


@dataclass(slots=True)
class Counts:
    """What became of webhooks: POSTs answered 200, refused or unanswered, given up, never sent."""

    posted: int = 0
    failed: int = 0
    given_up: int = 0
    dropped: int = 0
    statuses: Counter[str] = field(default_factory=Counter)


class Outbox:
    """Owns all deliveries of one sandbox; `run` is its task.

    `pending` counts everything between `schedule` and an answer of 200 (or giving up).
    Nobody who schedules ever waits.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._secret = settings.app_secret.encode()
        self._target = Target(settings.webhook) if settings.webhook else None
        self._batch = max(1, settings.batch)
        self.counts = Counts()
        self.pending = 0
        self._order = itertools.count()
        self._later: list[tuple[float, int, StatusEvent | Post]] = []
        self._sooner = trio.Event()
        self._ready, self._jobs = trio.open_memory_channel[list[StatusEvent] | Post](float("inf"))
        self._empty = trio.Event()
        self._generation = 0
        self._idle: list[Poster] = []
        self._say_limit = trio.CapacityLimiter(SAY_CONNECTIONS)

    @property
    def wanted(self) -> bool:
        """Is there a receiver at all?"""
        return self._target is not None

    def schedule(self, delay: float, event: StatusEvent | Post) -> None:
        """Post it `delay` seconds from now."""
        if self._target is None:
            return
        if self.pending >= self._settings.pending_limit:
            self.counts.dropped += 1
            return
        due = trio.current_time() + delay
        if self._batch > 1 and isinstance(event, StatusEvent):
            due = ceil(due / self._settings.batch_tick) * self._settings.batch_tick
        self.pending += 1
        self._push(due, event)

    def _push(self, due: float, event: StatusEvent | Post) -> None:
        entry = (due, next(self._order), event)
        heapq.heappush(self._later, entry)
        if self._later[0] is entry:
            self._sooner.set()

    async def settled(self) -> None:
        """Wait until nothing is pending."""
        while self.pending:
            await self._empty.wait()

    def clear(self) -> None:
        """Forget what waits; what is being posted is finished, but not repeated."""
        self._generation += 1
        self._later.clear()
        while True:
            try:
                self._jobs.receive_nowait()
            except trio.WouldBlock:
                break
        self.counts = Counts()
        self.pending = 0
        self._wake_settled()

    async def post_now(self, document: Json) -> tuple[int | None, str | None]:
        """Post one document ahead of everything: (HTTP status, None) or (None, what went wrong).

        If the answer is not 200, it is repeated in the background like any other.
        """
        if self._target is None:
            return None, "there is no webhook"
        body = meta_style_dump(document)
        generation = self._generation
        self.pending += 1
        status: int | None = None
        problem: str | None = "cancelled"
        try:
            async with self._say_limit:
                poster = self._idle.pop() if self._idle else self._poster(self._target)
                try:
                    status = await poster.post(body, signature(self._secret, body))
                    problem = None
                except NoAnswer as error:
                    problem = str(error)
                finally:
                    self._idle.append(poster)
        finally:
            self._after(Post(body), status, generation)
        return status, problem

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                if self._target is not None:
                    for _ in range(self._settings.connections):
                        nursery.start_soon(self._work, self._poster(self._target))
                await self._clock()
        finally:
            for poster in self._idle:
                poster.close()

    def _poster(self, target: Target) -> Poster:
        return Poster(target, self._settings.webhook_timeout)

    async def _clock(self) -> None:
        """Hand over what is due."""
        while True:
            self._sooner = trio.Event()
            wait = self._later[0][0] if self._later else float("inf")
            with trio.move_on_at(wait):
                await self._sooner.wait()
            now = trio.current_time()
            due: list[StatusEvent] = []
            while self._later and self._later[0][0] <= now:
                event = heapq.heappop(self._later)[2]
                if isinstance(event, Post):
                    self._ready.send_nowait(event)
                else:
                    due.append(event)
            for start in range(0, len(due), self._batch):
                self._ready.send_nowait(due[start : start + self._batch])

    async def _work(self, poster: Poster) -> None:
        """One connection's work: take, post, settle."""
        try:
            async for job in self._jobs:
                generation = self._generation
                if isinstance(job, Post):
                    post, events = job, 1
                else:
                    post, events = Post(self._statuses(job)), len(job)
                status: int | None = None
                with suppress(NoAnswer):
                    status = await poster.post(post.body, signature(self._secret, post.body))
                if generation == self._generation:
                    self.pending -= events - 1  # a batch that is repeated counts as one
                    self._after(post, status, generation)
        finally:
            poster.close()

    def _after(self, post: Post, status: int | None, generation: int) -> None:
        """Settle one POST: done, again later, or given up."""
        if generation != self._generation:
            return
        if status == 200:
            self.counts.posted += 1
        else:
            self.counts.failed += 1
            if post.attempt < len(self._settings.redelivery):
                pause = self._settings.redelivery[post.attempt]
                self._push(trio.current_time() + pause, Post(post.body, post.attempt + 1))
                return
            self.counts.given_up += 1
        self.pending -= 1
        if not self.pending:
            self._wake_settled()

    def _wake_settled(self) -> None:
        self._empty.set()
        self._empty = trio.Event()

    def _statuses(self, events: list[StatusEvent]) -> bytes:
        """One body: a change per business number, with all its statuses and their contacts."""
        by_number: dict[str, tuple[str, list[Json], list[Json]]] = {}
        for event in events:
            _, contacts, statuses = by_number.setdefault(event.number_id, (event.display, [], []))
            statuses.append(event.status)
            if event.contact is not None and event.contact not in contacts:
                contacts.append(event.contact)
            self.counts.statuses[event.status["status"]] += 1
        changes: list[tuple[str, Json]] = []
        for number_id, (display, contacts, statuses) in by_number.items():
            members: Json = {"contacts": contacts} if contacts else {}
            value = messages_value(number_id, display, **members, statuses=statuses)
            changes.append(("messages", value))
        return meta_style_dump(envelope(self._settings.account_id, changes))
