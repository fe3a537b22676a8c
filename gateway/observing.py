"""Runs observers: each reads the journal from its own durable position.

What an observer answers is committed together with the position, so nothing is answered twice
or lost.  After some tries an event goes to the dead letters, and the next one follows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

import trio

from gateway.errors import StoreError
from gateway.inbound import Event
from gateway.isolation import Crash, guarded
from gateway.message import Message
from gateway.plugin import Observer
from gateway.store.protocol import Store, micros

log = logging.getLogger("gateway.observing")

TRIES = 5
TIMEOUT = 30.0
BATCH = 100


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
    if not observer.replayable and not await store.events_after(label, limit=1):
        await store.noticed(label, await store.journal_end(), (), at=clock.micros())
    while True:
        seen = store.changes()
        try:
            events = await store.events_after(label, limit=BATCH)
            await _give(observer, events, store, clock, prepare, failed)
        except StoreError as error:
            log.error("observer %s: %s", label, error)
            await trio.sleep(1.0)
            continue
        if len(events) < BATCH:
            await store.changed(seen)


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
            answers = await _notice(observer, event, failed)
        if isinstance(answers, Crash):
            dead = [(event.id, answers.error)]
            await store.noticed(observer.label, event.id, (), at=clock.micros(), dead=dead)
        elif answers:
            ready = [prepare(message) for message in answers]
            await store.noticed(observer.label, event.id, ready, at=clock.micros())
        else:
            quiet = event.id
            continue
        quiet = 0
    if quiet:
        await store.noticed(observer.label, quiet, (), at=clock.micros())


async def _notice(
    observer: Observer, event: Event, failed: Callable[[str, str, str], None]
) -> Sequence[Message] | Crash:
    pause = 1.0
    crash = Crash(observer.label, "raised", "")
    for _ in range(TRIES):
        answer = await guarded(observer.label, lambda: observer.notice(event), timeout=TIMEOUT)
        if not isinstance(answer, Crash):
            return answer
        crash = answer
        failed(observer.label, "notice", answer.reason)
        await trio.sleep(pause)
        pause *= 2
    log.error("observer %s: event %d goes to the dead letters", observer.label, event.id)
    return crash
