"""Throughput of a number, the pace towards one person, the people a portfolio may reach a day."""

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


TIERS: dict[str, int | None] = {
    "TIER_50": 50,
    "TIER_250": 250,
    "TIER_1K": 1_000,
    "TIER_2K": 2_000,
    "TIER_10K": 10_000,
    "TIER_100K": 100_000,
    "TIER_UNLIMITED": None,
}
DAY = 24 * 3600.0


class Reach:
    """People written to outside their windows in any 24 hours, by all numbers of a portfolio.

    `tier`: one of `TIERS` (section 4.3).  Without a limit nobody is counted.
    """

    def __init__(self, tier: str) -> None:
        self.clear(tier)

    def clear(self, tier: str) -> None:
        self._since: dict[str, float] = {}  # the longest ago first
        self.tier = tier

    @property
    def tier(self) -> str:
        return self._tier

    @tier.setter
    def tier(self, tier: str) -> None:
        self._tier = tier
        self.limit = TIERS[tier]
        """People a day; None: as many as there are."""

    def used(self, now: float) -> int:
        """How many people count now."""
        while self._since:
            contact = next(iter(self._since))
            if now - self._since[contact] < DAY:
                break
            del self._since[contact]
        return len(self._since)

    def ready(self, contact: str, now: float) -> bool:
        """May this person be written to?  Who was today, may be again."""
        return self.limit is None or self.used(now) < self.limit or contact in self._since

    def take(self, contact: str, now: float) -> None:
        """Count somebody who was written to."""
        if self.limit is not None:
            self._since.pop(contact, None)
            self._since[contact] = now
