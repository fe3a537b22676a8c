"""When may this one go, and why not yet: all limits of a delivery, taken together.

Pure: no I/O, no clock of its own.  Times are seconds of one steady clock (the daemon's), except
uses that are stored (of quotas, and of rates below one per second), which are in UTC.

Everything counts at its first byte on the wire.  What was granted and has not reported its first
byte yet counts as if it were sent now, so that no window on the wire ever holds more than
allowed, however long a connection takes to open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.quotas import Uses, after
from gateway.rates import Key, Pace
from gateway.store.protocol import QuotaUse
from gateway.verdicts import Limit, Quota, Rate

IDLE = 4096
"""Keys that are kept; beyond it the ones longest unused go, if they are full again."""

NEAR = 1e-7  # seconds; what is nearer than this is now, and rounding


class Wait(msgspec.Struct, frozen=True):
    """Not yet: the latest of the limits, by name.  `until` is in seconds of the steady clock."""

    until: float
    key: str
    reason: str


_Taken = dict[Key, list[Pace]]
_Quotas = list[tuple[Uses, str, str]]


class Grant:
    """All limits of one delivery, taken.  Report the first byte, or give it back."""

    __slots__ = ("_keys", "_now", "_quotas", "_utc", "uses")

    def __init__(self, keys: _Taken, quotas: _Quotas, now: float, utc: float) -> None:
        self._keys, self._quotas, self._now, self._utc = keys, quotas, now, utc
        at = int(utc * 1e6)
        uses = [
            QuotaUse(name, subject, at, at + int(counts.window * 1e6))
            for counts, subject, name in quotas
        ]
        uses += [
            QuotaUse(key.name, "", at, at + int(pace.memory * 1e6))
            for key, paces in keys.items()
            for pace in paces
            if not pace.n
        ]
        self.uses = tuple(dict.fromkeys(uses))

    def sent(self, at: float) -> None:
        """The first byte left at `at` (steady seconds).  Later calls change nothing."""
        for key in self._keys:
            key.sent(at)
        for uses, subject, _ in self._quotas:
            uses.sent(subject, self._utc + at - self._now)
        self._keys, self._quotas = {}, []

    def give_back(self) -> None:
        """Nothing was sent: the limits are as if it had never been taken."""
        for key, paces in self._keys.items():
            key.give_back(paces, self._now)
        for uses, subject, _ in self._quotas:
            uses.give_back(subject)
        self._keys, self._quotas = {}, []


class Limiter:
    """Holds the state of all limits of one node, by key."""

    def __init__(self, born: float, past: Sequence[QuotaUse] = ()) -> None:
        """`born`: now, in steady seconds.  `past`: stored uses that still count."""
        self._born = born
        self._keys: OrderedDict[str, Key] = OrderedDict()
        self._quotas: OrderedDict[tuple[str, float, bool], Uses] = OrderedDict()
        self._past: dict[str, list[tuple[float, str]]] = {}
        for use in sorted(past, key=lambda use: use.at):
            self._past.setdefault(use.key, []).append((use.at / 1e6, use.subject))

    def take(self, limits: Sequence[Limit], now: float, utc: float, who: str = "") -> Grant | Wait:
        """Take all limits, or none and say when and why.

        `now` steady seconds, `utc` seconds since 1970, `who` the delivery, for quotas that do
        not name a distinct subject.  A limit that is declared twice counts once.
        """
        worst: Wait | None = None
        keys: _Taken = {}
        quotas: _Quotas = []
        for limit in limits:
            if isinstance(limit, Rate):
                key = self._key(limit.key, now, utc)
                pace = key.pace(limit)
                paces = keys.setdefault(key, [])
                if pace not in paces:
                    paces.append(pace)
                until = key.ready_at(pace, now)
                name, reason = limit.key, f"{limit.per_second:g} per second"
            elif isinstance(limit, Quota):
                subject = limit.distinct if limit.distinct is not None else who
                name, reason = limit.key, f"{limit.n} per {limit.window:g} s"
                uses = self._uses(limit, utc)
                more = sum(u is uses and s != subject for u, s, _ in quotas)
                until = now + uses.free_in(limit, more, utc)
                if (uses, subject, name) not in quotas:
                    quotas.append((uses, subject, name))
            else:
                until = now + after(limit.until.timestamp(), utc)
                name, reason = "closed", limit.reason
            if until > now + NEAR and (worst is None or until > worst.until):
                worst = Wait(until, name, reason)
        if worst is not None:
            return worst
        for key, paces in keys.items():
            key.take(paces, now)
        for uses, subject, _ in quotas:
            uses.take(subject)
        return Grant(keys, quotas, now, utc)

    def used(self, quota: Quota, utc: float) -> int:
        """Return how much of a quota is used, what is in the air included."""
        return self._uses(quota, utc).count(quota)

    def _key(self, name: str, now: float, utc: float) -> Key:
        if name not in self._keys:
            _tidy(self._keys, now)
            past = [now - utc + at for at, _ in self._past.get(name, ())]
            self._keys[name] = Key(name, self._born, past)
        self._keys.move_to_end(name)
        return self._keys[name]

    def _uses(self, quota: Quota, utc: float) -> Uses:
        name = (quota.key, quota.window, quota.distinct is not None)
        if name not in self._quotas:
            _tidy(self._quotas, utc)
            self._quotas[name] = Uses(quota.window, self._past.get(quota.key, ()))
        self._quotas.move_to_end(name)
        return self._quotas[name]


def _tidy(kept: OrderedDict[Any, Any], at: float) -> None:
    for _ in range(2):
        if len(kept) >= IDLE:
            name, oldest = next(iter(kept.items()))
            kept.move_to_end(name)
            if oldest.idle(at):
                del kept[name]
