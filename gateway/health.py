"""How the inputs fare: what the supervisor and they themselves told, for `gateway status`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway.clock import SystemClock
from gateway.given import Health
from gateway.metrics import Metrics
from gateway.store.protocol import micros


class InputHealth:
    """The latest of each input, by label."""

    def __init__(
        self,
        metrics: Metrics,
        clock: SystemClock,
        supervised: Callable[[str, str], None] = lambda label, state: None,
    ) -> None:
        """`supervised(label, state)` is told on, for the metrics of all plugins."""
        self._metrics = metrics
        self._clock = clock
        self._supervised = supervised
        self._states: dict[str, str] = {}
        self._latest: dict[str, Health] = {}
        self._succeeded: dict[str, int] = {}
        self._failing: dict[str, int] = {}

    def supervised(self, label: str, state: str) -> None:
        """The supervisor started, paused or parked an input."""
        self._states[label] = state
        self._supervised(label, state)

    def told(self, label: str, health: Health) -> None:
        """An input told how it fares."""
        at = micros(health.at) if health.at is not None else self._clock.micros()
        self._latest[label] = health
        if health.trouble:
            self._failing.setdefault(label, at)
        else:
            self._failing.pop(label, None)
            self._succeeded[label] = at
            self._metrics.input_succeeded.labels(label).set(at / 1e6)
            if health.next_at is not None:
                self._metrics.input_next.labels(label).set(health.next_at.timestamp())

    def live(self, labels: Iterable[str]) -> Mapping[str, Any]:
        """Return plain values; times are UTC microseconds, None for what is not known."""
        return {label: self._live(label) for label in labels}

    def _live(self, label: str) -> dict[str, Any]:
        latest = self._latest.get(label, Health())
        return {
            "state": self._states.get(label, "starting"),
            "last_success": self._succeeded.get(label),
            "note": latest.note,
            "trouble": latest.trouble,
            "failing_since": self._failing.get(label),
            "needs_person": latest.needs_person,
            "next_at": micros(latest.next_at) if latest.next_at else None,
        }
