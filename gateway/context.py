"""What the daemon gives a plugin: its context.  Implements gateway.plugin.Context."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Any

import trio

from gateway.clock import SystemClock
from gateway.errors import ConfigError, StoreFull
from gateway.ids import new_id
from gateway.inbound import Intake, Person
from gateway.message import Message, Topic
from gateway.plugin import Health, Http, PluginMetrics
from gateway.store.protocol import Store

FULL_PAUSE = 0.5
"""Seconds an input waits before it offers again what the full store refused."""


class _Log(logging.LoggerAdapter[logging.Logger]):
    """Puts the plugin's label before its lines."""

    def process(
        self, msg: object, kwargs: MutableMapping[str, Any]
    ) -> tuple[object, MutableMapping[str, Any]]:
        label = self.extra["label"] if self.extra else ""
        return f"{label}: {msg}", kwargs


class _State:
    def __init__(self, store: Store, label: str) -> None:
        self._store = store
        self._label = label

    async def get(self, key: str) -> bytes | None:
        return await self._store.get_state(self._label, key)

    async def put(self, values: Mapping[str, bytes | None]) -> None:
        await self._store.put_state(self._label, values)


class PluginContext:
    """One plugin instance's way to the gateway."""

    def __init__(
        self,
        label: str,
        *,
        store: Store,
        http: Http,
        clock: SystemClock,
        metrics: PluginMetrics,
        topics: Mapping[str, Topic],
        stop_words: frozenset[str],
        complete: Callable[[Message], Message],
        take: Callable[[Intake], Awaitable[object]],
        told: Callable[[str, Health], None] = lambda label, health: None,
    ) -> None:
        self.label = label
        self.http = http
        self.state = _State(store, label)
        self.clock = clock
        self.log = _Log(logging.getLogger(f"gateway.plugin.{label}"), {"label": label})
        self.metrics = metrics
        self.topics = topics
        self.stop_words = stop_words
        self._store = store
        self._complete = complete
        self._take = take
        self._told = told

    async def accept(
        self,
        messages: Sequence[Message] = (),
        *,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Person] = (),
    ) -> list[int | None]:
        """See gateway.plugin.Context.accept.  Raises ConfigError for a message nobody can get."""
        at = self.clock.micros()
        ready = [prepared(message, self.clock, self._complete) for message in messages]
        while True:
            try:
                return await self._store.accept(
                    self.label, ready, at=at, state=state, people=people
                )
            except StoreFull:
                await trio.sleep(FULL_PAUSE)

    async def intake(self, intake: Intake) -> None:
        """See gateway.plugin.Context.intake."""
        await self._take(intake)

    def succeeded(
        self, note: str = "", *, next_at: datetime | None = None, at: datetime | None = None
    ) -> None:
        """See gateway.plugin.Context.succeeded."""
        self._told(self.label, Health(note=note, next_at=next_at, at=at))

    def failed(
        self,
        why: str,
        *,
        next_at: datetime | None = None,
        needs_person: bool = False,
        at: datetime | None = None,
    ) -> None:
        """See gateway.plugin.Context.failed."""
        health = Health(trouble=why, next_at=next_at, needs_person=needs_person, at=at)
        self._told(self.label, health)


def prepared(
    message: Message, clock: SystemClock, complete: Callable[[Message], Message]
) -> Message:
    """Give a message what the core sets: id, time, sender, language.  Raises ConfigError if it has no
    audience: neither a topic nor a contact."""
    if message.topic is None and message.to is None:
        raise ConfigError("a message needs a topic or one contact")
    if not message.external_id:
        raise ConfigError(
            "a message needs an external id, by which it is known when it comes again"
        )
    fresh = {"forms": (), "approved": (), "notes": ()}
    return complete(message).replace(id=new_id(), accepted_at=clock.now(), **fresh)
