"""What commands do with observers: where each stands, what it could not take, giving it again."""

from __future__ import annotations

from typing import Any

from gateway.errors import ConfigError
from gateway.plugin import Observer
from gateway.questions import Questions

LETTERS = 500


class ObserverOperations(Questions):
    """Operations on observers."""

    async def do_observers(self) -> dict[str, Any]:
        """Return every observer: its plugin, how far behind it is, why it waits, dead letters."""
        known = await self._store.people_report("observers")
        end = await self._store.journal_end()
        waits = (self._live() if self._live else {}).get("waits", {})
        return {
            "now": self._clock.micros(),
            "observers": {
                label: {
                    "plugin": type(observer).name,
                    "behind": max(0, end - known.get(label, {}).get("position", 0)),
                    "dead": known.get(label, {}).get("dead", 0),
                    "waits": waits.get(label),
                }
                for label, observer in self._parts.observers.items()
            },
        }

    async def do_dead_letters(self, observer: str | None = None) -> dict[str, Any]:
        """Return the events that observers could not take."""
        if observer is not None:
            self._observer(observer)
        found = await self._store.people_report("dead_letters", limit=LETTERS)
        letters = [one for one in found if observer in (None, one["observer"])]
        return {"now": self._clock.micros(), "letters": letters}

    async def do_observer_retry(self, observer: str, event: int | None = None) -> dict[str, Any]:
        """Give an observer a dead letter again, or all of them."""
        self._observer(observer)
        found = (await self.do_dead_letters(observer))["letters"]
        wanted = [one for one in found if event in (None, one["event"])]
        if not wanted:
            what = f"no dead letter {event}" if event is not None else "no dead letters"
            raise ConfigError(f"{observer} has {what}")
        there = [one["event"] for one in wanted if one["name"] is not None]
        for one in there:
            await self._store.replay(observer, one - 1, one)
        return {"observer": observer, "again": len(there), "purged": len(wanted) - len(there)}

    async def do_observer_replay(self, observer: str, since: str) -> dict[str, Any]:
        """Give an observer again what happened since a time: a date, or how long ago (`2h`)."""
        plugin = self._observer(observer)
        if not plugin.replayable:
            raise ConfigError(
                f"{observer} answers people, and nobody wants to be answered again; what it could"
                " not take can be retried"
            )
        start = self._moment(since)
        first = await self._store.people_report("events_since", at=start)
        position = (await self._store.people_report("observers")).get(observer, {})
        until = position.get("position", 0)
        if first is None or first > until:
            raise ConfigError(f"{observer} has not been given anything since then")
        await self._store.replay(observer, first - 1, until)
        return {"observer": observer, "since": start, "events": until - first + 1}

    def _observer(self, label: str) -> Observer:
        observers = self._parts.observers
        if label not in observers:
            known = ", ".join(observers)
            raise ConfigError(f"there is no observer {label!r}; known: {known or 'none'}")
        return observers[label]
