"""One thread that writes: lanes by urgency, group commit, a savepoint per job.

A job is a function of the transaction.  Its caller is woken when the transaction it ran in is
committed, never before.  A job that fails is rolled back alone; a COMMIT that fails fails every
job in it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any, Protocol, TypeVar

import trio

from gateway.errors import StoreError, StoreFull

T = TypeVar("T")

BUDGET = 0.010
"""Seconds after which a transaction takes no further job: no commit waits longer for others."""

CAPACITY = 4096
"""Jobs that may wait in a lane."""

PATIENCE = 20
"""Transactions that the slowest lane may be passed over before it gets its turn."""


class Lane(IntEnum):
    """Urgency; a lower lane goes first."""

    SEND = 0  # withdraw, begin, settle, lease
    WEBHOOK = 1
    ACCEPT = 2
    BULK = 3  # fan-out, sweep, purge


class Transaction(Protocol):
    """What the engine gives the writer.

    `undo` raises if the whole transaction is gone (a full disk can end it), `commit` returns
    whether anything was changed.
    """

    def begin(self) -> None: ...
    def savepoint(self) -> None: ...
    def release(self) -> None: ...
    def undo(self) -> None: ...
    def commit(self) -> bool: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


class _Job:
    __slots__ = ("caller", "error", "result", "run", "token")

    def __init__(self, run: Callable[[Any], Any]) -> None:
        self.run = run
        self.caller = trio.lowlevel.current_task()
        self.token = trio.lowlevel.current_trio_token()
        self.result: Any = None
        self.error: BaseException | None = None


class Writer:
    """The writer thread.  `open_transaction` is called in it."""

    def __init__(
        self,
        open_transaction: Callable[[], Transaction],
        *,
        committed: Callable[[], None] = lambda: None,
        observe: Callable[[float, int, bool], None] = lambda seconds, jobs, ok: None,
    ) -> None:
        """`committed` runs in trio after each commit that changed something;
        `observe(seconds, jobs, ok)` in the thread."""
        self._open = open_transaction
        self._committed = committed
        self._observe = observe
        self._lanes: tuple[deque[_Job], ...] = tuple(deque() for _ in Lane)
        self._wake = threading.Condition()
        self._stopping = False
        self._passed_over = 0
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Start the thread; raises what opening the database raised."""
        token = trio.lowlevel.current_trio_token()
        opened = trio.Event()
        failure: list[BaseException] = []
        self._thread = threading.Thread(
            target=self._main, args=(token, opened, failure), name="store writer", daemon=True
        )
        self._thread.start()
        with trio.CancelScope(shield=True):  # or the thread would be left alone
            await opened.wait()
        if failure:
            raise failure[0]

    async def stop(self) -> None:
        """Finish what waits, then end the thread."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._thread.join)

    def waiting(self, lane: Lane) -> int:
        """Return how many jobs wait in a lane."""
        return len(self._lanes[lane])

    async def run(self, lane: Lane, job: Callable[[Any], T]) -> T:
        """Run `job(transaction)` and return its result once it is on disk.

        Not cancellable while it waits: a caller must learn whether it was committed.  Raises
        StoreFull if the lane is full, StoreError if the job or its COMMIT failed.
        """
        work = _Job(job)
        with self._wake:
            if self._stopping:
                raise StoreError("the store is closed")
            if len(self._lanes[lane]) >= CAPACITY:
                raise StoreFull(f"{CAPACITY} jobs wait for the store; try again later")
            self._lanes[lane].append(work)
            self._wake.notify()
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)
        if work.error is not None:
            raise work.error
        result: T = work.result
        return result

    # --- in the thread --------------------------------------------------------------------------
    def _main(
        self, token: trio.lowlevel.TrioToken, opened: trio.Event, failure: list[BaseException]
    ) -> None:
        try:
            transaction = self._open()
        except BaseException as error:  # noqa: BLE001 - handed to the caller of start()
            failure.append(error)
            token.run_sync_soon(opened.set)
            return
        token.run_sync_soon(opened.set)
        try:
            while self._work_waits():
                self._group(transaction)
        finally:
            self._fail_all()
            transaction.close()

    def _work_waits(self) -> bool:
        """Sleep until there is work; False once there is none and none will come."""
        with self._wake:
            while not any(self._lanes):
                if self._stopping:
                    return False
                self._wake.wait()
        return True

    def _fail_all(self) -> None:
        """Fail what still waits, if the thread ends by a bug: nobody may wait for ever."""
        with self._wake:
            self._stopping = True
            left = [job for lane in self._lanes for job in lane]
            for lane in self._lanes:
                lane.clear()
        for job in left:
            job.error = StoreError("the thread that writes has ended")
        self._wake_callers(left, changed=False)

    def _bulk_turn(self) -> _Job | None:
        """Take a bulk job if it is its turn.  It gets a transaction of its own, so that nobody
        waits for it longer than for that one job."""
        with self._wake:
            bulk = self._lanes[Lane.BULK]
            if not bulk:
                return None
            if self._passed_over < PATIENCE and any(self._lanes[: Lane.BULK]):
                self._passed_over += 1
                return None
            self._passed_over = 0
            return bulk.popleft()

    def _next(self) -> _Job | None:
        """Take the most urgent job that is not bulk."""
        with self._wake:
            for lane in self._lanes[: Lane.BULK]:
                if lane:
                    return lane.popleft()
        return None

    def _jobs(self, deadline: float) -> Iterator[_Job]:
        """Yield the jobs of one transaction."""
        bulk = self._bulk_turn()
        if bulk is not None:
            yield bulk
            return
        job = self._next()
        while job is not None:
            yield job
            job = self._next() if time.perf_counter() < deadline else None

    def _group(self, transaction: Transaction) -> None:
        """Run one transaction: begin, jobs until the budget is used up, commit, wake."""
        started = time.perf_counter()
        done: list[_Job] = []
        changed = False
        failure: Exception | None = None
        try:
            transaction.begin()
            for job in self._jobs(started + BUDGET):
                done.append(job)
                self._run_one(transaction, job)
            changed = transaction.commit()
        except Exception as error:  # noqa: BLE001 - the engine's errors are not ours to list
            failure = error
            done = done or list(self._jobs(started + BUDGET))
            for job in done:
                job.error = StoreError(f"the database refused a transaction: {_words(error)}")
                job.error.__cause__ = error
            with contextlib.suppress(Exception):  # begin() says so, if it is still no good
                transaction.rollback()
        self._wake_callers(done, changed=changed)
        self._observe(time.perf_counter() - started, len(done), failure is None)

    @staticmethod
    def _run_one(transaction: Transaction, job: _Job) -> None:
        """Run a job in a savepoint.  Raises only what concerns the whole transaction."""
        transaction.savepoint()
        try:
            job.result = job.run(transaction)
        except StoreError as error:
            job.error = error
        except Exception as error:  # noqa: BLE001 - one bad job must not sink the others
            job.error = StoreError(f"a job of the store failed: {_words(error)}")
            job.error.__cause__ = error
        if job.error is None:
            transaction.release()
            return
        try:
            transaction.undo()
        except Exception as error:
            raise (job.error.__cause__ or job.error) from error  # why it came to that

    def _wake_callers(self, done: list[_Job], *, changed: bool) -> None:
        by_loop: dict[trio.lowlevel.TrioToken, list[_Job]] = {}
        for job in done:
            by_loop.setdefault(job.token, []).append(job)

        def wake(jobs: list[_Job]) -> None:
            for job in jobs:
                trio.lowlevel.reschedule(job.caller)
            if changed:
                self._committed()

        for token, jobs in by_loop.items():
            try:
                token.run_sync_soon(wake, jobs)
            except trio.RunFinishedError:  # the caller's loop is gone; the work is on disk
                continue


def _words(error: BaseException) -> str:
    """Name an engine's error without its values (they could be personal data)."""
    return (
        f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}".rstrip(
            ": "
        )
    )
