"""Observers get every event once it matters, and their answers exactly once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.errors import ConfigError, Later, StoreError, StoreFault
from gateway.ids import new_id
from gateway.inbound import Event
from gateway.message import Message
from gateway.observing import TRIES, Observing
from gateway.plugin import Observer
from gateway.store.sqlite import SqliteStore

NOW = 1_795_000_000_000_000


class Clock:
    """Stands still."""

    def micros(self) -> int:
        return NOW


class Notices(Observer):
    """Notes the events of one name, and answers as it is told."""

    name = "notices"

    def __init__(self, act: Callable[[Event], Any] = lambda event: [], label: str = "crm") -> None:
        super().__init__(None, label)
        self.act = act
        self.saw: list[str] = []

    async def notice(self, event: Event) -> Any:
        if event.name != "stop":
            return []
        self.saw.append(event.code)
        answer = self.act(event)
        return await answer if hasattr(answer, "__await__") else answer


class Late(Notices):
    replayable = False


def answer(event: Event) -> list[Message]:
    return [Message(external_id=f"re:{event.code}", topic="blog")]


def prepare(message: Message) -> Message:
    if message.topic is None:
        raise ConfigError("a message needs a topic or one contact")
    return message.replace(id=new_id(), sender="main", accepted_at=datetime.now(UTC))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "gateway.sqlite") as opened:
        yield opened


async def happen(store: SqliteStore, codes: Iterable[object], at: int = NOW) -> None:
    """Put events into the journal: `stop` with these codes."""
    for code in codes:
        await store.stop(str(code), "test", at=at)


async def until_done(store: SqliteStore, observer: Observer, **more: Any) -> list[Any]:
    """Observe until nothing is left to notice; return the failures that were told."""
    failures: list[Any] = []
    async with trio.open_nursery() as nursery:
        observing = Observing(
            observer, store, Clock(), prepare, lambda *what: failures.append(what)
        )
        nursery.start_soon(observing.run)
        while True:
            seen = store.changes()
            if not await store.events_after(observer.label, limit=1):
                break
            await store.changed(seen)
        nursery.cancel_scope.cancel()
    return failures


async def position(store: SqliteStore) -> int:
    return int((await store.people_report("observers")).get("crm", {"position": 0})["position"])


async def rows(store: SqliteStore, sql: str) -> list[Any]:
    return await store._read(lambda tx: list(tx.rows(sql)))


async def answers(store: SqliteStore) -> list[str]:
    return [message.external_id for message in await store.to_screen("chain", at=NOW, limit=1000)]


async def test_every_event_once_in_order_also_after_a_restart(store: SqliteStore) -> None:
    """The position is on disk: a second run goes on where the first ended."""
    await happen(store, range(250))
    first = Notices(answer)
    await until_done(store, first)
    await happen(store, range(250, 300))
    second = Notices(answer)
    await until_done(store, second)
    assert first.saw == [str(n) for n in range(250)]
    assert second.saw == [str(n) for n in range(250, 300)]
    assert await answers(store) == [f"re:{n}" for n in range(300)]


async def test_each_observer_has_its_own_position(store: SqliteStore) -> None:
    """One that is slow or new misses nothing because of another."""
    await happen(store, "ab")
    await until_done(store, Notices(label="one"))
    other = Notices(label="other")
    await until_done(store, other)
    assert other.saw == ["a", "b"]


async def test_it_waits_for_what_comes(store: SqliteStore) -> None:
    """An event that happens later is noticed as well, without asking all the time."""
    noticed = trio.Event()
    observer = Notices(lambda event: noticed.set())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Observing(observer, store, Clock(), prepare).run)
        await happen(store, "a")
        await noticed.wait()
        nursery.cancel_scope.cancel()
    assert observer.saw == ["a"]


async def test_an_answer_is_committed_with_the_position(store: SqliteStore) -> None:
    """When the commit fails neither stays, and the next try stores both, once."""
    await happen(store, "ab")
    inner = store.noticed
    broken = [True]

    async def fails_once(label: str, *more: Any, **names: Any) -> None:
        if broken and more[1]:
            broken.pop()
            assert await answers(store) == []
            raise StoreError("the disk is full")
        await inner(label, *more, **names)

    store.noticed = fails_once  # type: ignore[method-assign]
    observer = Notices(answer)
    await until_done(store, observer)
    assert observer.saw == ["a", "b"]
    assert await answers(store) == ["re:a", "re:b"]
    assert await rows(store, "SELECT * FROM dead_letters") == []


@pytest.mark.parametrize("stop_after", range(4))
async def test_a_stop_at_any_moment_answers_once(store: SqliteStore, stop_after: int) -> None:
    """However often it is stopped in between, every event has one answer."""
    await happen(store, "abcd")
    observer = Notices(answer)
    before = store.changes()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Observing(observer, store, Clock(), prepare).run)
        if stop_after:
            await store.changed(before + stop_after - 1)
        nursery.cancel_scope.cancel()
    await until_done(store, observer)
    assert await answers(store) == ["re:a", "re:b", "re:c", "re:d"]


def raises(error: Exception) -> Callable[[Event], Any]:
    def act(event: Event) -> Any:
        raise error

    return act


async def hangs(event: Event) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("act", "tries", "reason", "dead"),
    [
        (raises(ValueError("+491713920001")), TRIES, "raised", "ValueError in act, line "),
        (raises(ExceptionGroup("g", [KeyError()])), TRIES, "raised", "KeyError"),
        (hangs, TRIES, "timeout", "no answer within 60 s"),
        (lambda e: answer(e)[0], 1, "nonsense", "notice answered Message instead of a list"),
        (lambda e: "ok", 1, "nonsense", "notice answered str instead of a list"),
        (lambda e: ["ok"], 1, "nonsense", "notice answered a str, from which nothing follows"),
        (lambda e: [Message(external_id="x")], 1, "nonsense", "a message needs a topic or one"),
    ],
)
async def test_what_cannot_be_noticed_is_dead_and_the_next_follows(
    store: SqliteStore,
    act: Callable[[Event], Any],
    tries: int,
    reason: str,
    dead: str,
    autojump_clock: MockClock,
) -> None:
    """After its tries an event lies in the dead letters with a reason; nothing else is lost."""
    await happen(store, "abc")
    observer = Notices(lambda event: act(event) if event.code == "b" else answer(event))
    failures = await until_done(store, observer)
    assert observer.saw == ["a", *"b" * tries, "c"]
    assert failures == [("crm", "notice", reason)] * tries
    assert await answers(store) == ["re:a", "re:c"]
    ((label, event, why),) = await rows(store, "SELECT observer, event, reason FROM dead_letters")
    assert (label, event) == ("crm", 2)
    assert why.startswith(dead)
    assert "3920001" not in why


async def test_an_answer_that_the_store_refuses_is_dead(
    store: SqliteStore, autojump_clock: MockClock
) -> None:
    """An answer that can never be stored does not stop the events after it."""
    await happen(store, "abc")

    def act(event: Event) -> list[Message]:
        (message,) = answer(event)
        return [message.replace(kind="advertising") if event.code == "b" else message]

    observer = Notices(act)
    await until_done(store, observer)
    assert observer.saw == ["a", "b", "c"]
    assert await answers(store) == ["re:a", "re:c"]
    assert await rows(store, "SELECT event FROM dead_letters") == [(2,)]


async def test_nothing_to_answer_may_be_none(store: SqliteStore) -> None:
    """A notice without a return is no mistake."""
    await happen(store, "ab")
    observer = Notices(lambda event: None)
    assert await until_done(store, observer) == []
    assert observer.saw == ["a", "b"]


async def test_what_is_too_old_is_passed_over(store: SqliteStore) -> None:
    """Nobody is answered about something that happened weeks ago."""
    await happen(store, ["old"], at=NOW - int(Notices.max_age * 1e6) - 1)
    await happen(store, ["young"], at=NOW - int(Notices.max_age * 1e6))
    observer = Notices()
    await until_done(store, observer)
    assert observer.saw == ["young"]


async def test_one_that_is_not_replayable_starts_at_the_end(store: SqliteStore) -> None:
    """What was there before it is not answered; what happened while it was down is."""
    await happen(store, ["before"])
    first = Late(answer)
    await until_done(store, first)
    await happen(store, ["while down"])
    second = Late(answer)
    await until_done(store, second)
    assert first.saw == []
    assert second.saw == ["while down"]
    assert await answers(store) == ["re:while down"]


async def test_a_store_that_fails_is_asked_again(
    store: SqliteStore, autojump_clock: MockClock
) -> None:
    """A store that cannot be read for a while costs time, no event."""
    await happen(store, "a")
    inner, fails = store.get_state, [True, True]

    async def failing(*what: Any) -> bytes | None:
        if fails:
            fails.pop()
            raise StoreError("cannot read")
        return await inner(*what)

    store.get_state = failing  # type: ignore[method-assign]
    late = Late()
    await until_done(store, late)
    assert (late.saw, fails) == ([], [])
    assert trio.current_time() >= 2


# --- listening ----------------------------------------------------------------------------------
class Listening(Notices):
    """Is told of stops alone, and notes whatever it is given."""

    listens = frozenset({"stop"})

    async def notice(self, event: Event) -> Any:
        self.saw.append(f"{event.name} {event.code}")
        return self.act(event)


async def stop_and_resume(store: SqliteStore, code: str) -> None:
    """Two events, of which it listens to the first."""
    await happen(store, [code])
    assert await store.resume(code, at=NOW)


async def test_who_listens_is_given_nothing_else(store: SqliteStore) -> None:
    """In order, in batches that are full of what it wants, and passing over the rest."""
    for n in range(120):
        await stop_and_resume(store, str(n))
    observer = Listening(answer)
    await until_done(store, observer)
    assert observer.saw == [f"stop {n}" for n in range(120)]
    assert await answers(store) == [f"re:{n}" for n in range(120)]
    assert await position(store) == await store.journal_end()


async def test_what_nobody_listens_to_wakes_nobody(
    store: SqliteStore, mock_clock: MockClock
) -> None:
    """However much is reported it looks once; what it listens to is noticed at once all the same,
    and after some time it stands at the journal's end."""
    await stop_and_resume(store, "a")
    looks = 0
    inner = store.events_after

    async def counted(*what: Any, **more: Any) -> list[Event]:
        nonlocal looks
        looks += 1
        return await inner(*what, **more)

    store.events_after = counted  # type: ignore[method-assign]
    noticed = trio.Event()
    observer = Listening(lambda event: noticed.set() if event.code == "b" else None)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Observing(observer, store, Clock(), prepare).run)
        seen = store.changes()
        while await position(store) != await store.journal_end():
            await store.changed(seen)
            seen = store.changes()
        await wait_all_tasks_blocked()
        looks = 0
        for n in range(50):
            await store.put_state("x", {"n": str(n).encode()})
        assert looks == 0
        await stop_and_resume(store, "b")
        await noticed.wait()
        assert (mock_clock.current_time(), looks) == (0.0, 1)
        mock_clock.rate = 100.0
        while await position(store) != await store.journal_end():  # noqa: ASYNC110 - the store says
            await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert observer.saw == ["stop a", "stop b"]


# --- later --------------------------------------------------------------------------------------
class Moving(Clock):
    """Moves with the time of the test."""

    def micros(self) -> int:
        return NOW + int(trio.current_time() * 1e6)


async def given(
    store: SqliteStore, observer: Observer, until: Callable[[], bool], step: float = 30
) -> list[Any]:
    """Observe by a clock that moves, until something is so; return what it waited for."""
    waits: list[Any] = []
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock)
    clock.autojump_threshold = 0.02  # the store's thread gets time of its own
    async with trio.open_nursery() as nursery:
        observing = Observing(observer, store, Moving(), prepare)
        nursery.start_soon(observing.run)
        with trio.fail_after(90 * 86400):
            while not until():
                await trio.sleep(step)
                if observing.waits and observing.waits not in waits:
                    waits.append(observing.waits)
        nursery.cancel_scope.cancel()
    return waits


async def test_what_is_wanted_later_is_waited_for_in_order(
    store: SqliteStore, autojump_clock: MockClock
) -> None:
    """However often: it costs no try, those behind it wait too, and it is told why."""
    await happen(store, "abc")
    failures: list[float] = []

    def act(event: Event) -> list[Message]:
        if event.code == "b" and len(failures) < TRIES + 3:
            failures.append(trio.current_time())
            raise Later(120, "the mail server is down")
        return answer(event)

    observer = Notices(act)
    waits = await given(store, observer, lambda: "c" in observer.saw)
    assert observer.saw == ["a", *"b" * (TRIES + 4), "c"]
    assert [round(b - a) for a, b in pairwise(failures)] == [120] * (TRIES + 2)
    assert {one.why for one in waits} == {"the mail server is down"}
    assert {one.since for one in waits} == {waits[0].since}
    assert waits[-1].until > waits[0].until
    assert await answers(store) == ["re:a", "re:b", "re:c"]
    assert await rows(store, "SELECT * FROM dead_letters") == []


async def test_while_it_waits_what_was_before_is_done(
    store: SqliteStore, autojump_clock: MockClock
) -> None:
    """A stop of the daemon in these hours repeats nothing of it."""
    await happen(store, "ab")

    def act(event: Event) -> list[Message]:
        if event.code == "b":
            raise Later(3600)
        return []

    observer = Notices(act)
    await given(store, observer, lambda: trio.current_time() > 60)
    assert await position(store) == 1
    again = Notices(answer)
    await until_done(store, again)
    assert again.saw == ["b"]


async def test_later_has_an_end(store: SqliteStore, autojump_clock: MockClock) -> None:
    """After `max_age` it is a dead letter with the reason; so is what got too old behind it, and
    the next follows."""
    day = 86400 * 1_000_000
    await happen(store, ["old"])
    await happen(store, ["behind"], at=NOW - day // 2)
    await happen(store, ["young"], at=NOW + day // 2)

    def act(event: Event) -> list[Message]:
        if event.code == "old":
            raise Later(10 * 86400, "nobody is there")
        return answer(event)

    observer = Notices(act)
    observer.max_age = 86400.0  # type: ignore[misc]
    await given(store, observer, lambda: "young" in observer.saw, 21600)
    assert await rows(store, "SELECT event, reason FROM dead_letters") == [
        (1, "waited too long: nobody is there"),
        (2, "too old when its turn came"),
    ]
    assert set(observer.saw) == {"old", "young"}


async def test_what_took_time_is_not_repeated_after_a_crash(
    store: SqliteStore, autojump_clock: MockClock
) -> None:
    """A mail was sent, nothing follows from it: its position is on disk before the next event."""
    await happen(store, "ab")

    async def mails(event: Event) -> list[Message]:
        await trio.sleep(0.5 if event.code == "a" else 1e9)
        return []

    observer = Notices(mails)
    await given(store, observer, lambda: "b" in observer.saw)
    assert await position(store) == 1


# --- again --------------------------------------------------------------------------------------
async def dead(store: SqliteStore) -> list[int]:
    return [one["event"] for one in await store.people_report("dead_letters", limit=9)]


async def test_a_dead_letter_is_given_again(store: SqliteStore) -> None:
    """Alone, whatever its age; it is dead no more once it is taken."""
    await happen(store, "abc", at=NOW - int(Notices.max_age * 1e6))
    broken = Notices(lambda event: "nonsense" if event.code != "c" else answer(event))
    await until_done(store, broken)
    assert await dead(store) == [1, 2]
    mended = Notices(answer)
    await store.replay("crm", 0, 1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Observing(mended, store, Moving(), prepare).run)
        while await dead(store) != [2]:  # noqa: ASYNC110 - the store says when
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert mended.saw == ["a"]
    assert await answers(store) == ["re:c", "re:a"]
    assert await rows(store, "SELECT * FROM replays") == []


async def test_one_that_fails_again_stays_dead(store: SqliteStore) -> None:
    await happen(store, "a")
    broken = Notices(lambda event: "nonsense")
    await until_done(store, broken)
    await store.replay("crm", 0, 1)
    await until_done(store, broken)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Observing(broken, store, Clock(), prepare).run)
        while await rows(store, "SELECT * FROM replays"):  # noqa: ASYNC110 - the store says when
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert len(broken.saw) == 2
    assert await dead(store) == [1]


async def test_what_happened_is_given_again_and_accepted_once(store: SqliteStore) -> None:
    """A range, while new events go on; what it hands in is known by its id."""
    await happen(store, range(250))
    await until_done(store, Notices(answer))
    await store.replay("crm", 100, 250)
    await store.replay("crm", 150, 200)  # twice the same is once
    await happen(store, ["new"])
    second = Notices(answer)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Observing(second, store, Clock(), prepare).run)
        while await rows(store, "SELECT * FROM replays"):  # noqa: ASYNC110 - the store says when
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    await until_done(store, second)
    assert [code for code in second.saw if code != "new"] == [str(n) for n in range(100, 250)]
    assert second.saw.count("new") == 1
    assert len(await answers(store)) == 251


@pytest.mark.parametrize(("ago", "first"), [(0, None), (1, 31), (3, 11), (99, 1)])
async def test_the_first_event_since_a_time(
    store: SqliteStore, ago: int, first: int | None
) -> None:
    """Found by halving the journal, since ids grow with time."""
    for hour in range(4, 0, -1):
        await happen(store, (f"{hour}-{n}" for n in range(10)), at=NOW - hour * 3600_000_000)
    at = NOW - ago * 3600_000_000
    found = await store.people_report("events_since", at=at)
    assert found == first


# --- a store that takes nothing -----------------------------------------------------------------
async def test_while_the_store_takes_nothing_nothing_is_done(
    store: SqliteStore, autojump_clock: MockClock
) -> None:
    """A mail that went out would go out again and again: nobody could remember it."""
    await happen(store, "ab")
    observer = Notices(answer)
    store.condition.met(StoreFault("full", "full"))
    await given(store, observer, lambda: trio.current_time() > 300, step=1)
    assert observer.saw == []
    store.condition.well()
    await until_done(store, observer)
    assert observer.saw == ["a", "b"]
    assert await answers(store) == ["re:a", "re:b"]


async def test_an_answer_waits_for_the_store(store: SqliteStore, autojump_clock: MockClock) -> None:
    """It fills while somebody is being answered: the answer is kept, and given once."""
    await happen(store, "ab")
    saw: list[list[str]] = []

    def act(event: Event) -> list[Message]:
        if event.code == "a":
            store.condition.met(StoreFault("full", "full"))
        return answer(event)

    def well_again() -> bool:
        if trio.current_time() > 300 and store.condition.fault is not None:
            saw.append(list(observer.saw))
            store.condition.well()
        return "b" in observer.saw

    observer = Notices(act)
    await given(store, observer, well_again, step=1)
    assert saw == [["a"]]
    assert observer.saw == ["a", "b"]
    assert "re:a" in await answers(store)
    assert await rows(store, "SELECT event FROM dead_letters") == []
