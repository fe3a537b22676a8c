"""When may this one go, and why not yet: all limits of a delivery, taken together.

Pure: no I/O, no clock of its own.  Times are seconds of one steady clock (the daemon's).  Uses
that are stored (of quotas, and of rates below one per second) are in UTC; they become steady
seconds once, when the first question comes, so that a clock that is set anew changes nothing.

Everything counts at its first byte on the wire.  What was granted and has not reported its first
byte yet counts as if it were sent now, so that no window on the wire ever holds more than
allowed, however long a connection takes to open.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import msgspec

from gateway.quotas import MOMENT, NEAR, Subjects, Times, after
from gateway.rates import Key, Pace
from gateway.store.protocol import QuotaUse
from gateway.verdicts import Limit, Quota, Rate

IDLE = 4096
"""Keys that are kept; beyond it the ones longest unused go, if they are full again."""

FLIGHT = 5.0
"""Seconds by which a first byte may follow its grant, for what is stored: after a restart only the
grant is known, so its use counts for so much longer."""

CLOSED = "closed"
"""Stands for the key of a Closed, which has none."""


class Wait(msgspec.Struct, frozen=True):
    """Not yet: the latest of the limits, in words for people.

    `until`: when it may go, `again`: when to ask again (it may be before; both in seconds of the
    steady clock).  `fixed`: nothing that others do or learn makes it earlier.
    """

    until: float
    key: str
    reason: str
    again: float
    fixed: bool = False

    @property
    def kind(self) -> str:
        """What sort of limit it is: the key without whom it is about."""
        return self.key.partition(":")[0]


_Taken = dict[Key, list[Pace]]
_Quotas = list[tuple[Times | Subjects, str, Quota]]


class Grant:
    """All limits of one delivery, taken.  Report the first byte, or give it back."""

    __slots__ = ("_keys", "_now", "_quotas", "uses")

    def __init__(self, keys: _Taken, quotas: _Quotas, now: float, utc: float) -> None:
        self._keys, self._quotas, self._now = keys, quotas, now
        at = int((utc + FLIGHT) * 1e6)
        uses = [
            QuotaUse(
                quota.key,
                subject if isinstance(counts, Subjects) else "",
                at,
                at + int((quota.window if isinstance(counts, Subjects) else counts.longest) * 1e6),
            )
            for counts, subject, quota in quotas
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
        for counts, subject, _ in self._quotas:
            counts.sent(subject, at)
        self._keys, self._quotas = {}, []

    def give_back(self) -> None:
        """Nothing was sent: the limits are as if it had never been taken."""
        for key, paces in self._keys.items():
            key.give_back(paces, self._now)
        for counts, subject, _ in self._quotas:
            counts.give_back(subject)
        self._keys, self._quotas = {}, []


class Limiter:
    """Holds the state of all limits of one node, by key."""

    def __init__(self, born: float, past: Sequence[QuotaUse] = ()) -> None:
        """`born`: now, in steady seconds.  `past`: stored uses that still count."""
        self._born = born
        self._ahead: float | None = None  # UTC less steady seconds, at the first question
        self._keys: OrderedDict[str, Key] = OrderedDict()
        self._quotas: OrderedDict[tuple[str, float], Times | Subjects] = OrderedDict()
        self._past: dict[str, list[tuple[float, str]]] = {}
        for use in sorted(past, key=lambda use: use.at):
            self._past.setdefault(use.key, []).append((use.at / 1e6, use.subject))

    def take(
        self, limits: Sequence[Limit], now: float, utc: float, who: str = "", turn: int = 0
    ) -> Grant | Wait:
        """Take all limits, or none and say when and why.

        `now` steady seconds, `utc` seconds since 1970, `who` the delivery, for quotas that do
        not name a distinct subject; `turn` its place among those who wait for one (the lower goes
        first; 0: it does not stand in line).  A limit that is declared twice counts once.
        """
        worst: Wait | None = None
        line: Subjects | None = None
        keys: _Taken = {}
        quotas: _Quotas = []
        for limit in limits:
            counts: Times | Subjects | None = None
            if isinstance(limit, Rate):
                key = self._key(limit.key, now, utc)
                pace = key.pace(limit)
                paces = keys.setdefault(key, [])
                if pace not in paces:
                    paces.append(pace)
                until = again = key.ready_at(pace, now)
                if key.unsent and again > now + MOMENT and not pace.n:
                    again = now + MOMENT  # some of what is in the air may come back
            elif isinstance(limit, Quota):
                counts = self._counts(limit, now, utc)
                if isinstance(counts, Times):
                    if counts.opened(limit, now):
                        continue
                    if all(other is not counts for other, _, _ in quotas):
                        quotas.append((counts, who, limit))
                    seconds, ask = counts.free_in(limit, now)
                    until, again = now + seconds, now + ask
                else:
                    subject = limit.distinct or ""
                    more = sum(other is counts and one != subject for other, one, _ in quotas)
                    seconds, ask = counts.free_in(limit, more, now, turn)
                    until, again = now + seconds, now + ask
                    if all((other, one) != (counts, subject) for other, one, _ in quotas):
                        quotas.append((counts, subject, limit))
            else:
                until = again = now + after(limit.until.timestamp(), utc)
            if until > now + NEAR and (worst is None or until > worst.until):
                worst = _wait(limit, until, again)
                line = counts if isinstance(counts, Subjects) else None
        if worst is not None:
            if line is not None:
                line.line.note(turn, worst.again)
            return worst
        for key, paces in keys.items():
            key.take(paces, now)
        for counts, subject, _ in quotas:
            counts.take(subject)
            if turn and isinstance(counts, Subjects):
                counts.line.leave(turn)
        return Grant(keys, quotas, now, utc)

    def when(self, limits: Sequence[Limit], now: float, utc: float, turn: int = 0) -> list[Wait]:
        """Return all that hold a delivery now, the latest first, without taking anything."""
        found: dict[Wait, None] = {}
        for limit in limits:
            if isinstance(limit, Rate):
                key = self._key(limit.key, now, utc)
                until = key.ready_at(key.pace(limit), now)
            elif isinstance(limit, Quota):
                counts = self._counts(limit, now, utc)
                if isinstance(counts, Subjects):
                    until = now + counts.free_in(limit, 0, now, turn)[0]
                else:
                    opened = counts.opened(limit, now)
                    until = now if opened else now + counts.free_in(limit, now)[0]
            else:
                until = now + after(limit.until.timestamp(), utc)
            if until > now + NEAR:
                found[_wait(limit, until, until)] = None
        return sorted(found, key=lambda wait: -wait.until)

    def count(self, key: str, n: int, now: float, utc: float) -> None:
        """Note that `n` passed under a key of rates without asking: what came in, where a
        provider counts both directions."""
        self._key(key, now, utc).passed(n, now)

    def used(self, quota: Quota, now: float, utc: float) -> int:
        """Return how much of a quota is used, what is in the air included."""
        return self._counts(quota, now, utc).count(quota, now)

    def _key(self, name: str, now: float, utc: float) -> Key:
        if name not in self._keys:
            _tidy(self._keys, now)
            self._keys[name] = Key(name, self._born, [at for at, _ in self._before(name, now, utc)])
        self._keys.move_to_end(name)
        return self._keys[name]

    def _counts(self, quota: Quota, now: float, utc: float) -> Times | Subjects:
        name = (quota.key, quota.window if quota.distinct is not None else 0.0)
        if name not in self._quotas:
            _tidy(self._quotas, now)
            past = self._before(quota.key, now, utc)
            self._quotas[name] = (
                Times(past) if quota.distinct is None else Subjects(quota.window, past)
            )
        self._quotas.move_to_end(name)
        return self._quotas[name]

    def _before(self, name: str, now: float, utc: float) -> list[tuple[float, str]]:
        """What was stored under a key, in steady seconds."""
        if self._ahead is None:
            self._ahead = utc - now
        return [(at - self._ahead, subject) for at, subject in self._past.get(name, ())]


def _wait(limit: Limit, until: float, again: float) -> Wait:
    if isinstance(limit, Rate):
        return Wait(until, limit.key, limit.said, again)
    if isinstance(limit, Quota):
        return Wait(until, limit.key, limit.said, again, fixed=limit.distinct is None)
    return Wait(until, CLOSED, limit.reason, again, fixed=True)


def _tidy(kept: OrderedDict[Any, Any], at: float) -> None:
    for _ in range(2):
        if len(kept) >= IDLE:
            name, oldest = next(iter(kept.items()))
            kept.move_to_end(name)
            if oldest.idle(at):
                del kept[name]
