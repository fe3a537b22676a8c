"""What waits for the thread that writes: jobs in lanes by urgency."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from enum import IntEnum
from time import perf_counter
from typing import Any

import trio

from gateway.errors import StoreError, StoreFull
from gateway.store.condition import Work

CAPACITY = 4096
"""Jobs that may wait in a lane."""

PATIENCE = 0.020
"""Seconds that a job of the slowest lane may be passed over, and that lie between two of them while
there is something urgent."""


TOGETHER = 64
"""Jobs of one kind that are done together, at most."""


class Lane(IntEnum):
    """Urgency; a lower lane goes first."""

    SEND = 0  # withdraw, begin, settle, lease
    WEBHOOK = 1
    ACCEPT = 2
    BULK = 3  # fan-out, sweep, purge

    @property
    def work(self) -> Work:
        """What the jobs of a lane are good for, unless their caller says otherwise."""
        return (Work.ENDS, Work.HEARD, Work.NEW, Work.NEW)[self]


class Job:
    """One job and its caller, a trio task that sleeps until it is woken.

    `together`: `run(transaction, [asks, …])` does it for all waiting jobs of its kind, and returns
    a list of their results; else `run(transaction)` returns its own.
    """

    __slots__ = (
        "asks", "caller", "error", "result", "run", "since", "together", "token", "work",
    )  # fmt: skip

    def __init__(
        self, run: Callable[..., Any], work: Work, asks: Any = None, *, together: bool = False
    ) -> None:
        self.run = run
        self.asks = asks
        self.together = together
        self.work = work
        self.since = perf_counter()
        self.caller = trio.lowlevel.current_task()
        self.token = trio.lowlevel.current_trio_token()
        self.result: Any = None
        self.error: BaseException | None = None


def do(jobs: list[Job], transaction: Any) -> None:
    """Do what jobs of one kind ask for."""
    if not jobs[0].together:
        (job,) = jobs
        job.result = job.run(transaction)
        return
    results = jobs[0].run(transaction, [job.asks for job in jobs])
    for job, result in zip(jobs, results, strict=True):
        job.result = result


class Lanes:
    """Jobs by urgency.  `put` is called in trio, the rest in the thread."""

    def __init__(self) -> None:
        self._lanes: tuple[deque[Job], ...] = tuple(deque() for _ in Lane)
        self._wake = threading.Condition()
        self._closed = False
        self._last_bulk = float("-inf")

    def put(self, lane: Lane, job: Job) -> None:
        """Add a job.  Raises StoreFull if the lane is full, StoreError once it is closed."""
        with self._wake:
            if self._closed:
                raise StoreError("the store is closed")
            if len(self._lanes[lane]) >= CAPACITY:
                raise StoreFull(f"{CAPACITY} jobs wait for the store; try again later")
            self._lanes[lane].append(job)
            self._wake.notify()

    def close(self) -> None:
        """Take no further job; what waits is still given out."""
        with self._wake:
            self._closed = True
            self._wake.notify()

    def waiting(self, lane: Lane) -> int:
        """Return how many jobs wait in a lane."""
        return len(self._lanes[lane])

    def wait(self) -> bool:
        """Sleep until there is work; False once there is none and none will come."""
        with self._wake:
            while not any(self._lanes):
                if self._closed:
                    return False
                self._wake.wait()
        return True

    def all(self) -> list[Job]:
        """Take everything that waits."""
        with self._wake:
            left = [job for lane in self._lanes for job in lane]
            for lane in self._lanes:
                lane.clear()
        return left

    def next(self, deadline: float) -> Iterator[list[Job]]:
        """Yield the jobs of one transaction, those that are done together in one list: one of bulk,
        or what is urgent until a deadline (seconds of perf_counter)."""
        bulk = self._bulk_turn()
        if bulk is not None:
            yield [bulk]
            return
        jobs = self._urgent()
        while jobs:
            yield jobs
            jobs = self._urgent() if perf_counter() < deadline else []

    def _bulk_turn(self) -> Job | None:
        """Take a bulk job if it is its turn.  It gets a transaction of its own, so that nobody
        waits for it longer than for that one job."""
        with self._wake:
            bulk = self._lanes[Lane.BULK]
            if not bulk:
                return None
            due = max(bulk[0].since, self._last_bulk) + PATIENCE
            if any(self._lanes[: Lane.BULK]) and perf_counter() < due:
                return None
            self._last_bulk = perf_counter()
            return bulk.popleft()

    def _urgent(self) -> list[Job]:
        """Take the most urgent job that is not bulk, and those of its kind that wait in its lane."""
        with self._wake:
            for lane in self._lanes[: Lane.BULK]:
                if not lane:
                    continue
                first = lane.popleft()
                if not first.together:
                    return [first]
                found: list[Job] = [first]
                others: list[Job] = []
                for job in lane:
                    alike = job.run is first.run and job.work is first.work
                    (found if alike and len(found) < TOGETHER else others).append(job)
                lane.clear()
                lane.extend(others)
                return found
        return []
