"""Quotas: uses in time order, and how often each subject stands in them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

from gateway.verdicts import Quota

MOMENT = 1.0  # seconds after which to ask again, when it depends on what is in the air
_TICK = 1e-6  # what lies nearer than this is now: UTC as a float is no finer


class Uses:
    """One Quota: its uses in time order, with how often each subject stands in it."""

    __slots__ = ("_at", "_subjects", "_unsent", "window")

    def __init__(self, window: float, past: Sequence[tuple[float, str]]) -> None:
        self.window = window
        self._at: deque[tuple[float, str]] = deque(past)
        self._unsent: Counter[str] = Counter()
        self._subjects = Counter(subject for _, subject in past)

    def free_in(self, quota: Quota, more: int, utc: float) -> float:
        """Return in how many seconds the next may go; `more` are taken together with it."""
        self.idle(utc)
        if quota.distinct in self._subjects:
            return 0.0  # this one counts already
        unsent = self._unsent
        if quota.distinct is None:
            excess = len(self._at) + unsent.total() + more + 1 - quota.n
            unsure = unsent.total()
        else:
            excess = len(self._subjects) + more + 1 - quota.n
            unsure = sum(n == self._subjects[subject] for subject, n in unsent.items())
        if excess <= 0:
            return 0.0
        if quota.n and excess <= unsure + more:
            return MOMENT  # some of what is in the air may come back
        gone = Counter[str]()
        for at, subject in self._at:
            gone[subject] += 1
            if quota.distinct is None or gone[subject] == self._subjects[subject]:
                excess -= 1
            if excess <= 0:
                return after(at + self.window, utc)
        return self.window

    def count(self, quota: Quota) -> int:
        """Return how many count now: subjects if the quota names one, else uses."""
        return len(self._subjects) if quota.distinct is not None else self._subjects.total()

    def take(self, subject: str) -> None:
        self._unsent[subject] += 1
        self._subjects[subject] += 1

    def sent(self, subject: str, utc: float) -> None:
        self._less(self._unsent, subject)
        self._at.append((max(utc, self._at[-1][0]) if self._at else utc, subject))

    def give_back(self, subject: str) -> None:
        self._less(self._unsent, subject)
        self._less(self._subjects, subject)

    def idle(self, utc: float) -> bool:
        """Forget what is over; True if nothing is left."""
        while self._at and self._at[0][0] + self.window <= utc:
            self._less(self._subjects, self._at.popleft()[1])
        return not self._subjects

    @staticmethod
    def _less(counts: Counter[str], subject: str) -> None:
        counts[subject] -= 1
        if not counts[subject]:
            del counts[subject]


def after(until: float, utc: float) -> float:
    """Return how many seconds it is until then; 0 if that is over."""
    return until - utc + _TICK if until > utc else 0.0
