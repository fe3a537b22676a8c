"""The writer thread, with a transaction that only remembers what was asked of it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.errors import StoreError, StoreFault, StoreFull
from gateway.store import lanes as module
from gateway.store.condition import Work
from gateway.store.writer import Lane, Writer


class Fake:
    """A transaction over a list: `rows` is what is on disk.  `fail` breaks one of the verbs."""

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.groups: list[list[Any]] = []
        self.pending: list[Any] = []
        self.mark = 0
        self.fail: set[str] = set()
        self.log: list[str] = []
        self.closed = False

    def _maybe(self, verb: str) -> None:
        self.log.append(verb)
        if verb in self.fail:
            self.fail.discard(verb)
            raise RuntimeError(f"{verb} is broken")

    def begin(self) -> None:
        self._maybe("begin")
        self.pending = []

    def savepoint(self) -> None:
        self._maybe("savepoint")
        self.mark = len(self.pending)

    def keep(self) -> None:
        self._maybe("keep")

    def release(self) -> None:
        self._maybe("release")

    def undo(self) -> None:
        self._maybe("undo")
        del self.pending[self.mark :]

    def commit(self) -> bool:
        self._maybe("commit")
        self.rows += self.pending
        self.groups.append(self.pending)
        return bool(self.pending)

    def rollback(self) -> None:
        self._maybe("rollback")
        self.pending = []

    def close(self) -> None:
        self.closed = True


class Desk:
    """A started writer, its fake, and a gate that keeps the thread busy."""

    def __init__(self, writer: Writer, fake: Fake, commits: list[None]) -> None:
        self.writer = writer
        self.fake = fake
        self.commits = commits
        self.outcomes: dict[Any, Any] = {}

    async def put(self, lane: Lane, row: Any, then: Callable[[], object] = lambda: None) -> None:
        def job(tx: Fake) -> Any:
            tx.pending.append(row)
            then()
            return row

        try:
            self.outcomes[row] = await self.writer.run(lane, job)
        except StoreError as error:
            self.outcomes[row] = error

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[trio.Nursery]:
        """While inside, the thread is in a job of its own; what is started meanwhile waits."""
        gate, entered = threading.Event(), trio.Event()
        token = trio.lowlevel.current_trio_token()

        def wait() -> None:
            token.run_sync_soon(entered.set)
            assert gate.wait(10)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.put, Lane.BULK, "gate", wait)  # alone in its transaction
            await entered.wait()
            try:
                yield nursery
                await wait_all_tasks_blocked()
            finally:
                gate.set()


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    fake, commits = Fake(), list[None]()
    writer = Writer(lambda: fake, committed=lambda: commits.append(None))
    await writer.start()
    yield Desk(writer, fake, commits)
    await writer.stop()
    assert fake.closed


async def test_urgent_first(desk: Desk) -> None:
    """What waits runs in the order of its lane, then of its arrival, in one commit."""
    async with desk.busy() as nursery:
        for n, lane in enumerate((Lane.ACCEPT, Lane.WEBHOOK, Lane.SEND, Lane.SEND)):
            nursery.start_soon(desk.put, lane, (lane, n))
            await wait_all_tasks_blocked()
    assert desk.fake.groups[1] == [
        (Lane.SEND, 2),
        (Lane.SEND, 3),
        (Lane.WEBHOOK, 1),
        (Lane.ACCEPT, 0),
    ]
    assert len(desk.fake.groups) == 2


def double(tx: Fake, asked: list[int]) -> list[int]:
    """What many ask for at once: 13 is refused, and 0 breaks."""
    tx.pending.append(tuple(asked))
    if 13 in asked:
        raise StoreError("not this one")
    return [2 * n // min(n, 1) for n in asked]


async def test_what_many_ask_for_is_done_together(desk: Desk) -> None:
    """Jobs of one kind are one call; others of the lane keep their order around it."""

    async def ask(n: int) -> None:
        desk.outcomes[n] = await desk.writer.run_together(Lane.SEND, double, n)

    async with desk.busy() as nursery:
        for n in (1, 2, 3):
            nursery.start_soon(ask, n)
            await wait_all_tasks_blocked()
            nursery.start_soon(desk.put, Lane.SEND, f"other {n}")
            nursery.start_soon(desk.put, Lane.WEBHOOK, f"later {n}")
            await wait_all_tasks_blocked()
    others, later = [f"other {n}" for n in (1, 2, 3)], [f"later {n}" for n in (1, 2, 3)]
    assert desk.fake.groups[1] == [(1, 2, 3), *others, *later]
    assert [desk.outcomes[n] for n in (1, 2, 3)] == [2, 4, 6]


@pytest.mark.parametrize("before", [False, True], ids=["becomes full", "was full"])
async def test_all_who_ask_together_hear_the_same(desk: Desk, before: bool) -> None:
    """The disk may fill, or be freed, while somebody looks: nobody is told what did not happen."""
    asked = 0

    def refusal(work: Work) -> StoreFault | None:
        nonlocal asked
        asked += 1
        full = before if asked == 1 else not before
        return StoreFault("full", "the disk is full") if full else None

    async def ask(n: int) -> None:
        try:
            desk.outcomes[n] = await desk.writer.run_together(Lane.SEND, double, n)
        except StoreFault as error:
            desk.outcomes[n] = error

    async with desk.busy() as nursery:
        for n in (1, 2, 3):
            nursery.start_soon(ask, n)
        await wait_all_tasks_blocked()
        desk.writer.condition.refusal = refusal  # type: ignore[method-assign]
    found = [desk.outcomes[n] for n in (1, 2, 3)]
    if before:
        assert all(isinstance(error, StoreFault) for error in found)
        assert len({id(error) for error in found}) == 3
    else:
        assert found == [2, 4, 6]


async def test_so_many_are_done_together_at_most(desk: Desk) -> None:
    """A commit must not wait for an endless line."""
    async with desk.busy() as nursery:
        for _ in range(2 * module.TOGETHER + 1):
            nursery.start_soon(desk.writer.run_together, Lane.SEND, double, 1)
    assert [len(one) for one in desk.fake.groups[1]] == [module.TOGETHER, module.TOGETHER, 1]


async def test_of_those_who_ask_together_who_fails_is_alone(desk: Desk) -> None:
    """All are done once more, each by itself: the others get their results."""

    async def ask(n: int) -> None:
        try:
            desk.outcomes[n] = await desk.writer.run_together(Lane.SEND, double, n)
        except StoreError as error:
            desk.outcomes[n] = str(error)

    async with desk.busy() as nursery:
        for n in (1, 0, 13, 4):
            nursery.start_soon(ask, n)
            await wait_all_tasks_blocked()
    assert desk.fake.rows == ["gate", (1,), (4,)]
    assert (desk.outcomes[1], desk.outcomes[4]) == (2, 8)
    assert "ZeroDivisionError" in desk.outcomes[0]
    assert desk.outcomes[13] == "not this one"


async def test_a_savepoint_is_for_a_group_in_which_a_job_failed(desk: Desk) -> None:
    """Most groups need none, and each of its statements costs as much as one of a job."""
    async with desk.busy() as nursery:
        for n in range(3):
            nursery.start_soon(desk.put, Lane.SEND, n)
    assert desk.fake.log == ["begin", "keep", "commit"] * 2
    assert len(desk.fake.groups[1]) == 3


async def test_a_job_that_fails_is_alone(desk: Desk) -> None:
    """A failing job is rolled back and raises; the others in its commit are kept."""

    def fail() -> None:
        raise ValueError("no")

    def refuse() -> None:
        raise StoreError("not this one")

    async with desk.busy() as nursery:
        nursery.start_soon(desk.put, Lane.SEND, "good")
        nursery.start_soon(desk.put, Lane.SEND, "bad", fail)
        nursery.start_soon(desk.put, Lane.SEND, "refused", refuse)
        nursery.start_soon(desk.put, Lane.SEND, "fine")
    assert set(desk.fake.rows) == {"gate", "good", "fine"}
    assert desk.outcomes["good"] == "good"
    assert "ValueError: no" in str(desk.outcomes["bad"])
    assert str(desk.outcomes["refused"]) == "not this one"


@pytest.mark.parametrize("verb", ["begin", "keep", "savepoint", "release", "commit"])
@pytest.mark.parametrize("rollback", [False, True])
async def test_a_failing_transaction_fails_all(desk: Desk, verb: str, rollback: bool) -> None:
    """Whatever breaks of the transaction: every job in it fails, none is kept, each caller has an
    error of its own, and the thread goes on, also if the ROLLBACK breaks too."""

    def fail() -> None:
        raise ValueError("no")

    async with desk.busy() as nursery:
        for n in range(3):
            nursery.start_soon(desk.put, Lane.SEND, n)
        await wait_all_tasks_blocked()
        if verb in ("savepoint", "release"):  # which only a group with a failing job gets
            nursery.start_soon(desk.put, Lane.SEND, "bad", fail)
        await wait_all_tasks_blocked()
        # The gate's own commit must not be the one that breaks.
        broken = {verb, "rollback"} if rollback else {verb}
        desk.writer._observe = lambda *_: desk.fake.fail.update(broken)
    assert desk.fake.rows == ["gate"]
    errors = [desk.outcomes[n] for n in range(3)]
    failed = [error for error in errors if isinstance(error, StoreError)]
    assert all(f"{verb} is broken" in str(error) for error in failed)
    assert len({id(error) for error in failed}) == len(failed) == 3
    desk.writer._observe = lambda *_: None
    desk.fake.fail.clear()
    await desk.put(Lane.SEND, "after")
    assert desk.fake.rows == ["gate", "after"]


async def test_a_transaction_that_is_gone_keeps_nothing(desk: Desk) -> None:
    """If the engine gave up the whole transaction within a job (a full disk), no later job of it
    runs outside of it."""

    def lose() -> None:
        desk.fake.fail.add("undo")
        raise OSError("disk full")

    async with desk.busy() as nursery:
        nursery.start_soon(desk.put, Lane.SEND, "before")
        await wait_all_tasks_blocked()
        nursery.start_soon(desk.put, Lane.SEND, "lost", lose)
        await wait_all_tasks_blocked()
        nursery.start_soon(desk.put, Lane.SEND, "next")
    assert desk.fake.rows == ["gate", "next"]
    assert isinstance(desk.outcomes["before"], StoreError)
    assert isinstance(desk.outcomes["lost"], StoreError)
    assert desk.fake.groups[-1] == ["next"]


async def test_callers_wake_after_the_commit(desk: Desk) -> None:
    """When a verb returns what it did is on disk, and sleepers are told."""
    before = len(desk.commits)
    await desk.put(Lane.ACCEPT, "x")
    assert desk.fake.rows == ["x"]
    assert desk.fake.log[-1] == "commit"
    assert len(desk.commits) == before + 1


async def test_nothing_changed_nobody_told(desk: Desk) -> None:
    """A commit of nothing wakes no sleepers."""
    assert await desk.writer.run(Lane.SEND, lambda tx: 5) == 5
    assert desk.commits == []


async def test_full(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lane takes so many jobs and refuses the next at once; other lanes still take theirs."""
    monkeypatch.setattr(module, "CAPACITY", 3)
    async with desk.busy() as nursery:
        for n in range(3):
            nursery.start_soon(desk.put, Lane.ACCEPT, n)
        await wait_all_tasks_blocked()
        assert desk.writer.waiting(Lane.ACCEPT) == 3
        await desk.put(Lane.ACCEPT, "too much")
        assert isinstance(desk.outcomes["too much"], StoreFull)
        nursery.start_soon(desk.put, Lane.SEND, "urgent")
    assert set(desk.fake.rows) == {"gate", 0, 1, 2, "urgent"}


async def test_a_cancelled_caller_still_learns(desk: Desk) -> None:
    """Cancelling does not lose the answer of what is under way."""
    async with desk.busy() as nursery:
        nursery.start_soon(desk.put, Lane.SEND, "x")
        await wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert desk.outcomes["x"] == "x"


async def test_stop_drains() -> None:
    """What waits is done before the thread ends; later callers are told."""
    fake = Fake()
    writer = Writer(lambda: fake)
    await writer.start()
    desk = Desk(writer, fake, [])
    async with desk.busy() as nursery:
        for n in range(5):
            nursery.start_soon(desk.put, Lane.BULK if n % 2 else Lane.SEND, n)
        await wait_all_tasks_blocked()
        nursery.start_soon(writer.stop)
    assert set(fake.rows) == {"gate", 0, 1, 2, 3, 4}
    assert fake.closed
    with pytest.raises(StoreError, match="closed"):
        await writer.run(Lane.SEND, lambda tx: None)


async def test_what_cannot_open_says_so() -> None:
    """start() raises what opening the database raised."""

    def broken() -> Fake:
        raise OSError("no such place")

    writer = Writer(broken)
    with pytest.raises(OSError, match="no such place"):
        await writer.start()
    await writer.stop()


async def test_bulk_has_commits_of_its_own(desk: Desk) -> None:
    """A bulk job shares its transaction with nobody: nobody's commit waits for two of them."""
    async with desk.busy() as nursery:
        for n in range(3):
            nursery.start_soon(desk.put, Lane.BULK, f"bulk {n}")
            nursery.start_soon(desk.put, Lane.SEND, n)
    assert sorted(map(len, desk.fake.groups)) == [1, 1, 1, 1, 3]
    assert len(desk.fake.groups[1]) == 3, "what is urgent went first"


async def test_bulk_does_not_starve(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much is urgent, a bulk job gets its turn after a time, and then no second one."""
    now = 100.0
    monkeypatch.setattr(module, "perf_counter", lambda: now)
    lanes = module.Lanes()

    def put(lane: Lane, name: str) -> None:
        lanes.put(lane, module.Job(lambda _: name, lane.work))

    def group() -> list[str]:
        return [job.run(None) for (job,) in lanes.next(now + 0.001)]

    put(Lane.BULK, "bulk 1")
    put(Lane.BULK, "bulk 2")
    went = []
    for moment in (0.0, 0.9, 1.0, 1.1, 1.9, 2.0, 2.1):
        now = 100.0 + moment * module.PATIENCE * 1.001
        put(Lane.WEBHOOK, "urgent")
        went.append(group())
    urgent, waited = ["urgent"], ["urgent", "urgent"]
    assert went == [urgent, urgent, ["bulk 1"], waited, urgent, ["bulk 2"], waited]
    put(Lane.BULK, "bulk 3")
    assert group() == ["bulk 3"], "nothing is urgent, so nobody waits for it"


async def test_no_wake_up_is_lost(desk: Desk) -> None:
    """300 producers at once, each waiting for each of its jobs: all come through."""

    async def produce(n: int) -> None:
        for k in range(10):
            assert await desk.writer.run(Lane(k % 4), lambda tx, row=(n, k): row) == (n, k)

    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            for n in range(300):
                nursery.start_soon(produce, n)
