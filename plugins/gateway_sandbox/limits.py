"""Token buckets: throughput of a number, and the pace towards one person."""

from __future__ import annotations

from collections.abc import Hashable

_SLACK = 1e-6  # repeated addition of fractions must not cost a whole token


class Limiter:
    """One bucket per key; a key that was never used has a full bucket.

    Holds `capacity` tokens, refilled with `per_second`.  Times are unix seconds; a clock that
    goes back refills nothing.  Buckets that are full again are forgotten.
    """

    def __init__(self, capacity: float, per_second: float, keys: int = 20_000) -> None:
        self.capacity = capacity
        self.per_second = per_second
        self._keys = keys
        self._buckets: dict[Hashable, tuple[float, float]] = {}

    def level(self, key: Hashable, now: float) -> float:
        """Tokens in the bucket."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return self.capacity
        tokens, since = bucket
        return min(self.capacity, tokens + max(0.0, now - since) * self.per_second)

    def ready(self, key: Hashable, now: float) -> bool:
        """May one more pass?"""
        return self.level(key, now) >= 1.0 - _SLACK

    def take(self, key: Hashable, now: float) -> None:
        """Count one that passed; below zero it does not go."""
        since = max(now, self._buckets.get(key, (0.0, now))[1])
        self._buckets[key] = (max(0.0, self.level(key, now) - 1.0), since)
        if len(self._buckets) > self._keys:
            self._forget(now)

    def clear(self) -> None:
        self._buckets.clear()

    def _forget(self, now: float) -> None:
        self._buckets = {
            key: bucket
            for key, bucket in self._buckets.items()
            if self.level(key, now) < self.capacity
        }
        self._keys = max(self._keys, 2 * len(self._buckets))
