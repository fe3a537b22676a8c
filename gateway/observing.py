"""Runs observers: each reads the journal from its own durable position.

What an observer answers is committed together with the position, so nothing is answered twice
or lost.  After some tries an event goes to the dead letters, and the next one follows; one that
the observer wants later (`Later`) is waited for, and those behind it wait too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
import trio

from gateway.clock import Clock
from gateway.errors import ConfigError, Later, StoreError, StoreFault
from gateway.inbound import Case, Close, Event, Preference
from gateway.isolation import Crash, guarded
from gateway.message import Message
from gateway.plugin import Observer, Outcome
from gateway.store.protocol import Store, micros

log = logging.getLogger("gateway.observing")

TRIES = 5
TIMEOUT = 60.0
BATCH = 100
LAZY = 1.0
"""Seconds until an observer passes over what it does not listen to."""
LONGEST_WAIT = 6 * 3600.0
OUTSIDE = 0.02
"""Seconds; an event that took longer did something outside, which a crash shall not repeat: its
position is stored at once, not with the next answer."""
STARTED = "observers:started"  # where the state says so; no label looks like this


class Waiting(msgspec.Struct, frozen=True):
    """Why an observer stands still, since when and until when (UTC microseconds)."""

    why: str
    since: int
    until: int


class Observing:
    """Gives one observer every event.  `prepare` completes its messages."""

    def __init__(
        self,
        observer: Observer,
        store: Store,
        clock: Clock,
        prepare: Callable[[Message], Message],
        failed: Callable[[str, str, str], None] = lambda plugin, moment, reason: None,
    ) -> None:
        self._observer = observer
        self._label = observer.label
        self._store = store
        self._clock = clock
        self._prepare = prepare
        self._failed = failed
        self._quiet = 0  # the last event that led to nothing; stored with the next
        self._passed = 0  # how far it has come, as the store knows
        self._began = clock.micros()
        self._begun = observer.replayable
        self.waits: Waiting | None = None

    async def run(self) -> None:
        """Observe until cancelled."""
        store, listens = self._store, self._observer.listens
        while True:
            seen, heard = store.changes(), store.changes(*listens)
            if store.condition.fault is not None:  # what it does could not be remembered
                await trio.sleep(1.0)
                continue
            try:
                await self.begin()
                more = await self._look()
            except StoreError as error:
                log.error("observer %s: %s", self._label, error)
                await trio.sleep(1.0)
                continue
            if not more:
                await store.changed(seen)
                with trio.move_on_after(LAZY):
                    await store.changed(heard, *listens)

    async def _look(self) -> bool:
        """Give what there is, so many at once.  False: that was all."""
        store, label, names = self._store, self._label, self._observer.listens
        again = await store.events_again(label, limit=BATCH)
        await self._give(again, again=True)
        end = await store.journal_end() if names else None
        events = await store.events_after(label, limit=BATCH, names=names, until=end)
        await self._give(events)
        if again or len(events) == BATCH:
            return True
        if end is not None and end > self._passed:  # what comes before it is not for this observer
            await self._pass(end)
        return False

    async def begin(self) -> None:
        """Let one that answers people start at the end of the journal, the first time only."""
        if self._begun:
            return
        if await self._store.get_state(STARTED, self._label) is None:
            await self._pass(await self._store.journal_end())
            await self._store.put_state(STARTED, {self._label: b"1"})
        self._begun = True

    async def _give(self, events: Sequence[Event], *, again: bool = False) -> None:
        self._quiet = 0
        for event in events:
            age = int(self._observer.max_age * 1e6)
            until = (self._clock.micros() if again else micros(event.at)) + age
            answers: Sequence[Outcome] | Crash = ()
            started = trio.current_time()
            if self._clock.micros() <= until:
                answers = await self._notice(event, until)
            elif until >= self._began:  # it was in time, and stood behind one that waited
                answers = Crash(self._label, "raised", "too old when its turn came")
            if not isinstance(answers, Crash) and answers:
                answers = await self._commit(event, answers, again)
            elif not isinstance(answers, Crash):
                if again or trio.current_time() - started > OUTSIDE:
                    await self._pass(event.id, again=again)
                else:
                    self._quiet = event.id
                continue
            if isinstance(answers, Crash):
                log.error("observer %s: event %d goes to the dead letters", self._label, event.id)
                await self._pass(event.id, again=again, dead=[(event.id, answers.error)])
            self._quiet = 0
        await self._settle()

    async def _settle(self) -> None:
        """Store the position of what led to nothing."""
        if self._quiet:
            await self._pass(self._quiet)

    async def _pass(
        self, position: int, *, again: bool = False, dead: Sequence[tuple[int, str]] = ()
    ) -> None:
        at = self._clock.micros()
        await self._store.noticed(self._label, position, (), at=at, dead=dead, again=again)
        self._quiet = 0
        if not again:
            self._passed = position

    async def _notice(self, event: Event, until: int) -> Sequence[Outcome] | Crash:
        """Give one event.  What can be taken later is waited for, at most until a time."""

        async def notice() -> Sequence[Outcome]:
            answer: object = await self._observer.notice(event)
            if answer is not None and not isinstance(answer, list | tuple):
                raise ConfigError(f"notice answered {type(answer).__name__} instead of a list")
            return [_ready(outcome, self._prepare) for outcome in answer or ()]

        pause, tries = 1.0, 0
        crash = Crash(self._label, "raised", "")
        try:
            while tries < TRIES:
                try:
                    answer = await guarded(
                        self._label, notice, timeout=TIMEOUT, let=(ConfigError, Later)
                    )
                except ConfigError as error:  # it would be no other the next time
                    self._failed(self._label, "notice", "nonsense")
                    return Crash(self._label, "nonsense", str(error))
                except Later as later:
                    if self._clock.micros() >= until:
                        return Crash(self._label, "raised", f"waited too long: {later}")
                    await self._wait(later, until)
                    continue
                if not isinstance(answer, Crash):
                    return answer
                tries += 1
                crash = answer
                self._failed(self._label, "notice", answer.reason)
                await trio.sleep(pause)
                pause *= 2
            return crash
        finally:
            self.waits = None

    async def _wait(self, later: Later, until: int) -> None:
        await self._settle()  # hours may pass, and the daemon may be stopped
        now = self._clock.micros()
        seconds = min(max(later.seconds, 1.0), LONGEST_WAIT, (until - now) / 1e6)
        if self.waits is None:
            log.warning("observer %s waits: %s", self._label, later)
        since = self.waits.since if self.waits else now
        self.waits = Waiting(str(later), since, now + int(seconds * 1e6))
        await trio.sleep(max(seconds, 0.001))

    async def _commit(
        self, event: Event, answers: Sequence[Outcome], again: bool
    ) -> Sequence[Outcome] | Crash:
        """Store the answers with the position.  What the store refuses again and again is dead,
        unless it takes nothing at all: that is waited for."""
        pause, tries = 1.0, 0
        while tries < TRIES:
            try:
                await self._store.noticed(
                    self._label,
                    event.id,
                    [one for one in answers if isinstance(one, Message)],
                    cases=[one for one in answers if isinstance(one, Case)],
                    closes=[one for one in answers if isinstance(one, Close)],
                    preferences=[one for one in answers if isinstance(one, Preference)],
                    at=self._clock.micros(),
                    again=again,
                )
            except StoreFault:
                await trio.sleep(1.0)
            except StoreError as error:
                log.error("observer %s: its answer was not stored: %s", self._label, error)
                await trio.sleep(pause)
                tries, pause = tries + 1, pause * 2
            else:
                self._passed = max(self._passed, 0 if again else event.id)
                return answers
        return Crash(self._label, "raised", "the store refused its answer")


class Observers:
    """All observers of a gateway."""

    def __init__(
        self,
        observers: Iterable[Observer],
        store: Store,
        clock: Clock,
        prepare: Callable[[Message], Message],
        failed: Callable[[str, str, str], None],
    ) -> None:
        self._all = {one.label: Observing(one, store, clock, prepare, failed) for one in observers}

    async def begin(self) -> None:
        """Let each take its place, before anything can happen that it would pass over."""
        for observing in self._all.values():
            await observing.begin()

    async def run(self) -> None:
        """Observe until cancelled."""
        async with trio.open_nursery() as nursery:
            for observing in self._all.values():
                nursery.start_soon(observing.run)

    def waits(self) -> dict[str, dict[str, Any]]:
        """Return label → why, since and until when it stands still, of those that do."""
        found = {label: observing.waits for label, observing in self._all.items()}
        return {label: msgspec.structs.asdict(one) for label, one in found.items() if one}


def _ready(outcome: object, prepare: Callable[[Message], Message]) -> Outcome:
    if isinstance(outcome, Message):
        return prepare(outcome)
    if isinstance(outcome, Case | Close | Preference):
        return outcome
    raise ConfigError(f"notice answered a {type(outcome).__name__}, from which nothing follows")
