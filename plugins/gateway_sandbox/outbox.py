"""Posts what happened to the receiver: when it is due, several at once, again if it failed."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

import trio

from gateway_sandbox.chaos import Chaos
from gateway_sandbox.client import Poster, Target
from gateway_sandbox.dispatch import Answered, Dispatch
from gateway_sandbox.events import Posted
from gateway_sandbox.leaving import Leaving, Post, StatusEvent
from gateway_sandbox.state import State

SAY_CONNECTIONS = 64
HELD = "held back on purpose: a fault is set for it"


class _Flush:
    """Its moment is when those that wait to be mixed have waited long enough."""


@dataclass(slots=True)
class Counts:
    """What became of webhooks: POSTs answered 200, refused or unanswered, given up, never sent."""

    posted: int = 0
    failed: int = 0
    given_up: int = 0
    dropped: int = 0


class Outbox:
    """Owns all deliveries of one sandbox; `run` is its task.

    `pending` counts everything between `schedule` and an answer of 200 (or giving up).
    Nobody who schedules ever waits.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._settings = settings = state.settings
        self._clock = state.clock
        self._clock.woken.append(self._wake)
        self._chaos = Chaos(state.faults, settings.app_secret.encode())
        self._dispatch = Dispatch(state, self._chaos)
        self._batch = max(1, settings.batch)
        self.counts = Counts()
        self.pending = 0
        self._order = itertools.count()
        self._later: list[tuple[float, int, Leaving | Post | _Flush]] = []
        self._mixing: list[Leaving] = []
        self._sooner = trio.Event()
        self._ready, self._jobs = trio.open_memory_channel[list[Leaving] | Post](float("inf"))
        self._empty = trio.Event()
        self._generation = 0
        self._idle: list[Poster] = []
        self._say_limit = trio.CapacityLimiter(SAY_CONNECTIONS)

    @property
    def posts(self) -> Sequence[Posted]:
        """The last webhooks, oldest first; a lean sandbox keeps none."""
        return self._dispatch.posts

    @property
    def statuses(self) -> Mapping[str, int]:
        """How many statuses left, by name."""
        return self._dispatch.statuses

    @property
    def wanted(self) -> bool:
        """Is there a receiver at all?"""
        return self._dispatch.target is not None and self._state.account.subscribed

    def point(self, url: str | None) -> None:
        """Post to another address from now on; None: to that of the settings."""
        address = url or self._settings.webhook
        self._dispatch.target = Target(address) if address else None

    def schedule(self, delay: float, event: Leaving) -> None:
        """Post it `delay` seconds from now."""
        if not self.wanted:
            return
        if self.pending >= self._settings.pending_limit:
            self.counts.dropped += 1
            return
        if self._state.faults.active:
            occasion = event.occasion(self._state.faults, "hold")
            if isinstance(event, StatusEvent) and self._chaos.lost(occasion):
                return
            delay += self._chaos.hold(occasion)
        due = self._clock.running() + delay
        if self._batch > 1 and isinstance(event, StatusEvent):
            due = ceil(due / self._settings.batch_tick) * self._settings.batch_tick
        self.pending += 1
        self._push(due, event)

    def _push(self, due: float, event: Leaving | Post | _Flush) -> None:
        entry = (due, next(self._order), event)
        heapq.heappush(self._later, entry)
        if self._later[0] is entry:
            self._sooner.set()

    def _wake(self) -> None:
        self._sooner.set()

    async def settled(self) -> None:
        """Wait until nothing is pending."""
        while self.pending:
            await self._empty.wait()

    def clear(self) -> None:
        """Forget what waits; what is being posted is finished, but not repeated."""
        self._generation += 1
        self._later.clear()
        self._mixing.clear()
        self._dispatch.clear()
        while True:
            try:
                self._jobs.receive_nowait()
            except trio.WouldBlock:
                break
        self.counts = Counts()
        self.pending = 0
        self._wake_settled()

    async def post_now(self, event: Leaving) -> Answered:
        """Post one ahead of everything: (HTTP status, None) or (None, what went wrong).

        If the answer is not 200, it is repeated in the background like any other.
        """
        if self._dispatch.target is None:
            return None, "there is no webhook"
        if not self.wanted:
            return None, "the app is not subscribed to the account's webhooks"
        if self._state.faults.active and self._held(event):
            return None, HELD
        generation = self._generation
        self.pending += 1
        status: int | None = None
        problem: str | None = "cancelled"
        post = self._dispatch.leave([event])
        try:
            async with self._say_limit:
                poster = self._idle.pop() if self._idle else self._poster()
                try:
                    status, problem = await self._post(poster, post)
                finally:
                    self._idle.append(poster)
        finally:
            self._after(post, status, generation)
        return status, problem

    def _held(self, event: Leaving) -> bool:
        """Does a fault keep it from being posted now?  Then it is scheduled."""
        faults = self._state.faults
        seconds = self._chaos.hold(event.occasion(faults, "hold"))
        if seconds:
            self.pending += 1
            self._push(self._clock.running() + seconds, event)
            return True
        if self._mixed(event):
            self.pending += 1
            return True
        return False

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                for _ in range(self._settings.connections):
                    nursery.start_soon(self._work, self._poster())
                await self._hand_over()
        finally:
            for poster in self._idle:
                poster.close()

    def _poster(self) -> Poster:
        return Poster(self._settings.webhook_timeout)

    async def _hand_over(self) -> None:
        """Give to the workers what is due."""
        while True:
            self._sooner = trio.Event()
            wait = self._later[0][0] - self._clock.running() if self._later else float("inf")
            with trio.move_on_at(trio.current_time() + wait):
                await self._sooner.wait()
            now = self._clock.running()
            due: list[Leaving] = []
            while self._later and self._later[0][0] <= now:
                event = heapq.heappop(self._later)[2]
                if isinstance(event, Post):
                    self._ready.send_nowait(event)
                elif isinstance(event, _Flush):
                    self._flush()
                elif not (self._state.faults.active and self._mixed(event)):
                    due.append(event)
            for start in range(0, len(due), self._batch):
                self._ready.send_nowait(due[start : start + self._batch])

    def _mixed(self, event: Leaving) -> bool:
        """Does it wait for others to leave with?"""
        fault = self._chaos.mix(event.occasion(self._state.faults, "mix"))
        if fault is None:
            return False
        self._mixing.append(event)
        if len(self._mixing) >= (fault.size or 1):
            self._flush()
        elif len(self._mixing) == 1:
            self._push(self._clock.running() + (fault.seconds or 0.0), _Flush())
        return True

    def _flush(self) -> None:
        if self._mixing:
            self._ready.send_nowait(self._mixing)
            self._mixing = []

    async def _work(self, poster: Poster) -> None:
        """One connection's work: take, post, settle."""
        try:
            async for job in self._jobs:
                generation = self._generation
                post = job if isinstance(job, Post) else self._dispatch.leave(job)
                status, _ = await self._post(poster, post)
                if generation == self._generation:
                    # a batch that is repeated counts as one
                    self.pending -= 0 if isinstance(job, Post) else len(job) - 1
                    self._after(post, status, generation)
        finally:
            poster.close()

    async def _post(self, poster: Poster, post: Post) -> Answered:
        """POST it, twice if a fault wants that; the first answer counts."""
        double, post.double = post.double, None
        if double == "parallel":
            self.pending += 1
            self._ready.send_nowait(post.again(post.attempt))
        answer = await self._dispatch.post(poster, post)
        if double == "sequential":
            await self._dispatch.post(poster, post)
        return answer

    def _after(self, post: Post, status: int | None, generation: int) -> None:
        """Settle one POST: done, again later, or given up."""
        if generation != self._generation:
            return
        if status == 200:
            self.counts.posted += 1
        else:
            self.counts.failed += 1
            if post.attempt < len(self._settings.redelivery):
                pause = self._settings.redelivery[post.attempt] * self._settings.redelivery_factor
                self._push(self._clock.running() + pause, post.again(post.attempt + 1))
                return
            self.counts.given_up += 1
        self.pending -= 1
        if not self.pending:
            self._wake_settled()

    def _wake_settled(self) -> None:
        self._empty.set()
        self._empty = trio.Event()
