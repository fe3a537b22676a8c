"""Runs observers: each reads the journal from its own durable position.

What an observer answers is committed together with the position, so nothing is answered twice
or lost.  After some tries an event goes to the dead letters, and the next one follows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from gateway.errors import ConfigError, StoreError
from gateway.inbound import Event
from gateway.isolation import Crash, guarded
from gateway.message import Message
from gateway.plugin import Observer
from gateway.store.protocol import Store, micros

log = logging.getLogger("gateway.observing")

TRIES = 5
TIMEOUT = 30.0
BATCH = 100
STARTED = "observers:started"  # where the state says so; no label looks like this


class Clock(Protocol):
    """What is needed of the clock."""

    def micros(self) -> int: ...


async def observe(
    observer: Observer,
    store: Store,
    clock: Clock,
    prepare: Callable[[Message], Message],
    failed: Callable[[str, str, str], None] = lambda plugin, moment, reason: None,
) -> None:
    """Give an observer every event, until cancelled.  `prepare` completes its messages."""
    label = observer.label
    begun = observer.replayable
    while True:
        seen = store.changes()
        try:
            if not begun:
                await _start_at_end(label, store, clock)
                begun = True
            events = await store.events_after(label, limit=BATCH)
            await _give(observer, events, store, clock, prepare, failed)
        except StoreError as error:
            log.error("observer %s: %s", label, error)
            await trio.sleep(1.0)
            continue
        if len(events) < BATCH:
            await store.changed(seen)


async def _start_at_end(label: str, store: Store, clock: Clock) -> None:
    """Pass over what was there before the observer: the first time only."""
    if await store.get_state(STARTED, label) is None:
        await store.noticed(label, await store.journal_end(), (), at=clock.micros())
        await store.put_state(STARTED, {label: b"1"})


async def _give(
    observer: Observer,
    events: Sequence[Event],
    store: Store,
    clock: Clock,
    prepare: Callable[[Message], Message],
    failed: Callable[[str, str, str], None],
) -> None:
    oldest = clock.micros() - int(observer.max_age * 1e6)
    quiet = 0  # the last event that led to nothing; its position is stored with the next
    for event in events:
        answers: Sequence[Message] | Crash = ()
        if micros(event.at) >= oldest:
            answers = await _notice(observer, event, prepare, failed)
        if not isinstance(answers, Crash) and answers:
            answers = await _commit(observer.label, event, answers, store, clock)
        elif not isinstance(answers, Crash):
            quiet = event.id
            continue
        if isinstance(answers, Crash):
            log.error("observer %s: event %d goes to the dead letters", observer.label, event.id)
            dead = [(event.id, answers.error)]
            await store.noticed(observer.label, event.id, (), at=clock.micros(), dead=dead)
        quiet = 0
    if quiet:
        await store.noticed(observer.label, quiet, (), at=clock.micros())


async def _notice(
    observer: Observer,
    event: Event,
    prepare: Callable[[Message], Message],
    failed: Callable[[str, str, str], None],
) -> Sequence[Message] | Crash:
    async def notice() -> Sequence[Message]:
        answer: object = await observer.notice(event)
        if answer is not None and not isinstance(answer, list | tuple):
            raise ConfigError(f"notice answered {type(answer).__name__} instead of a list")
        return [prepare(message) for message in answer or ()]

    pause = 1.0
    crash = Crash(observer.label, "raised", "")
    for _ in range(TRIES):
        try:
            answer = await guarded(observer.label, notice, timeout=TIMEOUT, let=(ConfigError,))
        except ConfigError as error:  # it would be no other the next time
            failed(observer.label, "notice", "nonsense")
            return Crash(observer.label, "nonsense", str(error))
        if not isinstance(answer, Crash):
            return answer
        crash = answer
        failed(observer.label, "notice", answer.reason)
        await trio.sleep(pause)
        pause *= 2
    return crash


async def _commit(
    label: str, event: Event, answers: Sequence[Message], store: Store, clock: Clock
) -> Sequence[Message] | Crash:
    """Store the answers with the position.  What the store refuses again and again is dead."""
    pause = 1.0
    for _ in range(TRIES):
        try:
            await store.noticed(label, event.id, answers, at=clock.micros())
        except StoreError as error:
            log.error("observer %s: its answer was not stored: %s", label, error)
            await trio.sleep(pause)
            pause *= 2
        else:
            return answers
    return Crash(label, "raised", "the store refused its answer")
