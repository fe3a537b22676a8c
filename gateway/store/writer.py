"""One thread that writes: lanes by urgency, group commit.

A job is a function of the transaction.  Its caller is woken when the transaction it ran in is
committed, never before.  A job that fails is rolled back alone: the group is done once more, with
a savepoint per job, which cost too much for all that go well.  A COMMIT that fails fails every job
in it.  What the engine names as a fault of the whole store is remembered in its condition,
which says what is still taken; the thread goes on whatever happens.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

import trio

from gateway.errors import StoreError, StoreFault
from gateway.store.condition import Condition, Work
from gateway.store.gathering import Gathering
from gateway.store.lanes import Job, Lanes, do
from gateway.store.lanes import Lane as Lane

T = TypeVar("T")
A = TypeVar("A")

BUDGET = 0.010
"""Seconds after which a transaction takes no further job: no commit waits longer for others."""

OPENED_ANEW = ("readonly", "failing", "damaged")
"""After these faults the next transaction gets a connection of its own."""


class JobFailed(Exception):
    """A job failed that had no savepoint of its own: the group is to be done once more."""


class Transaction(Protocol):
    """What the engine gives the writer.

    `keep` counts what the jobs since the last one did, which `undo` forgets; `release` does it
    too.  `undo` raises if the whole transaction is gone (a full disk can end it), `commit` returns
    whether anything was changed.
    """

    def begin(self) -> None: ...
    def savepoint(self) -> None: ...
    def keep(self) -> None: ...
    def release(self) -> None: ...
    def undo(self) -> None: ...
    def commit(self) -> bool: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


class Writer:
    """The writer thread.  `open_transaction` is called in it."""

    def __init__(
        self,
        open_transaction: Callable[[], Transaction],
        *,
        committed: Callable[[], None] = lambda: None,
        observe: Callable[[float, int, bool], None] = lambda seconds, jobs, ok: None,
        fault_of: Callable[[BaseException], StoreFault | None] = lambda error: None,
        make_room: Callable[[], bool] = lambda: False,
    ) -> None:
        """`committed` runs in trio after each commit that changed something; the others in the
        thread: `observe(seconds, jobs, ok)`, `fault_of(error)` tells what concerns the whole
        store, `make_room()` says whether a full disk is worth another try."""
        self._open = open_transaction
        self.transaction: Transaction | None = None
        """The connection in use; None while there is none."""
        self._fault_of = fault_of
        self._make_room = make_room
        self.condition = Condition()
        self._committed = committed
        self._observe = observe
        self._lanes = Lanes()
        self._gathering = Gathering()
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
        self._lanes.close()
        if self._thread is not None:
            with trio.CancelScope(shield=True):
                await trio.to_thread.run_sync(self._thread.join)

    def waiting(self, lane: Lane) -> int:
        """Return how many jobs wait in a lane."""
        return self._lanes.waiting(lane)

    async def run(self, lane: Lane, job: Callable[[Any], T], work: Work | None = None) -> T:
        """Run `job(transaction)` and return its result once it is on disk.  It may run twice: if
        another one of its transaction failed, or the disk was full.

        Not cancellable while it waits: a caller must learn whether it was committed.  Raises
        StoreFull if the lane is full or its work is not taken now (StoreFault), StoreError if
        the job or its COMMIT failed.
        """
        result: T = await self._done(lane, Job(job, lane.work if work is None else work))
        return result

    async def run_together(
        self, lane: Lane, job: Callable[[Any, list[A]], list[T]], asks: A, work: Work | None = None
    ) -> T:
        """The same for a job that does what several ask for who wait: `job(transaction, [asks, …])`
        returns a result for each.  After a failure it is called once more for each alone."""
        work = lane.work if work is None else work
        result: T = await self._done(lane, Job(job, work, asks, together=True))
        return result

    async def _done(self, lane: Lane, waiting: Job) -> Any:
        refusal = self.condition.refusal(waiting.work)
        if refusal is not None:
            raise refusal
        self._lanes.put(lane, waiting)
        await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)
        if waiting.error is not None:
            raise waiting.error
        return waiting.result

    # --- in the thread --------------------------------------------------------------------------
    def _main(
        self, token: trio.lowlevel.TrioToken, opened: trio.Event, failure: list[BaseException]
    ) -> None:
        try:
            self.transaction = self._open()
        except BaseException as error:  # noqa: BLE001 - handed to the caller of start()
            failure.append(error)
            token.run_sync_soon(opened.set)
            return
        token.run_sync_soon(opened.set)
        try:
            while self._lanes.wait():
                self._gathering.wait()
                self._group()
        finally:
            self._fail_all()
            self._close()

    def _close(self) -> None:  # the next transaction opens another connection
        if self.transaction is not None:
            with contextlib.suppress(Exception):  # there is nothing in it that could be kept
                self.transaction.close()
        self.transaction = None

    def _fail_all(self) -> None:
        """Fail what still waits, if the thread ends by a bug: nobody may wait for ever."""
        self._lanes.close()
        left = self._lanes.all()
        for job in left:
            job.error = StoreError("the thread that writes has ended")
        self._wake_callers(left, changed=False)

    def _group(self) -> None:
        """Run one transaction: begin, jobs until the budget is used up, commit, wake."""
        started = time.perf_counter()
        done: list[Job] = []
        changed, failure = self._try(self._lanes.next(started + BUDGET), done, apart=False)
        if isinstance(failure, JobFailed):
            changed, failure = self._try([[job] for job in done], [])
        while failure is not None and self._again(failure, done):
            changed, failure = self._try([[job] for job in done], [])
        if changed:
            self.condition.wrote()
        if failure is not None:
            done = done or self._lanes.all()  # nobody waits for a BEGIN that fails again
            self._failed(done, failure)
        self._gathering.done(len(done))
        self._wake_callers(done, changed=changed)
        self._observe(time.perf_counter() - started, len(done), failure is None)

    def _try(
        self, jobs: Iterable[list[Job]], done: list[Job], *, apart: bool = True
    ) -> tuple[bool, Exception | None]:
        """Run jobs in one transaction; whether anything changed, and what broke all of it.  `apart`:
        a job that fails is undone by itself, otherwise JobFailed breaks all."""
        transaction = self.transaction
        try:
            if transaction is None:
                transaction = self.transaction = self._open()
            transaction.begin()
            for alike in jobs:
                done += alike
                refused = self.condition.refusal(alike[0].work)
                for job in alike:
                    job.error = refused and StoreFault(refused.ailment, str(refused))
                if refused is None and apart:
                    self._run_one(transaction, alike[0])
                elif refused is None:
                    _run(transaction, alike)
            transaction.keep()
            return transaction.commit(), None
        except Exception as error:  # noqa: BLE001 - the engine's errors are not ours to list
            fault = None if isinstance(error, JobFailed) else self._fault_of(error)
            if transaction is not None:
                with contextlib.suppress(Exception):  # begin() says so, if it is still no good
                    transaction.rollback()
            if fault is None:
                return False, error
            self.condition.met(fault)
            if fault.ailment in OPENED_ANEW:
                self._close()
            fault.__cause__ = error if error is not fault else error.__cause__
            return False, fault

    def _again(self, failure: Exception, done: list[Job]) -> bool:
        """Whether room was made on a full disk for what is still taken."""
        return (
            isinstance(failure, StoreFault)
            and failure.ailment == "full"
            and any(self.condition.refusal(job.work) is None for job in done)
            and self._make_room()
        )

    def _failed(self, jobs: Iterable[Job], failure: Exception) -> None:
        """Give each job an error of its own."""
        for job in jobs:
            if isinstance(failure, StoreFault):
                job.error = StoreFault(failure.ailment, str(failure))
            else:
                job.error = StoreError(f"the database refused a transaction: {_words(failure)}")
            job.error.__cause__ = failure

    def _run_one(self, transaction: Transaction, job: Job) -> None:
        """Run a job in a savepoint.  Raises only what concerns the whole transaction."""
        transaction.savepoint()
        try:
            do([job], transaction)
        except StoreError as error:
            job.error = error
        except Exception as error:
            fault = self._fault_of(error)
            if fault is None:
                job.error = StoreError(f"a job of the store failed: {_words(error)}")
            elif fault.ailment == "damaged":  # there: other tables may be whole
                self.condition.met(fault)
                job.error = fault
            else:
                raise
            job.error.__cause__ = error
        if job.error is None:
            transaction.release()
            return
        try:
            transaction.undo()
        except Exception as error:
            raise (job.error.__cause__ or job.error) from error  # why it came to that

    def _wake_callers(self, done: list[Job], *, changed: bool) -> None:
        by_loop: dict[trio.lowlevel.TrioToken, list[Job]] = {}
        for job in done:
            by_loop.setdefault(job.token, []).append(job)

        def wake(jobs: list[Job]) -> None:
            for job in jobs:
                trio.lowlevel.reschedule(job.caller)
            if changed:
                self._committed()

        for token, jobs in by_loop.items():
            try:
                token.run_sync_soon(wake, jobs)
            except trio.RunFinishedError:  # the caller's loop is gone; the work is on disk
                continue


def _run(transaction: Transaction, jobs: list[Job]) -> None:
    try:
        do(jobs, transaction)
    except Exception as error:
        raise JobFailed from error


def _words(error: BaseException) -> str:
    """Name an engine's error without its values (they could be personal data)."""
    return (
        f"{type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}".rstrip(
            ": "
        )
    )
