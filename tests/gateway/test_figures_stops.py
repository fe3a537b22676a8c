"""The figures of a stopped sender and of messages that are paused for a cause."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from gateway.figures import Figures
from gateway.metrics import Metrics
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House


async def test_a_stop_shows_by_its_cause_until_it_is_over(tmp_path: Path) -> None:
    """At once when it happens, and as the store has it afterwards; a person's own is one too, a
    stop of marketing alone is none."""
    metrics = Metrics(CollectorRegistry())
    figures = Figures(metrics)

    def stopped(sender: str, code: str) -> float:
        return float(metrics.sender_stopped.labels(sender, code)._value.get())

    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        await store.stop("sender:wa", "x", at=house.at(), code="payment")
        figures.stopped("wa", "payment")
        assert stopped("wa", "payment") == 1
        await store.stop("sender:wa", "x", at=house.at())
        await store.stop("marketing:wb", "x", at=house.at(), code="deaf")
        await figures.look(store, ["wa", "wb"], at=0, people=False)
        assert (stopped("wa", "payment"), stopped("wa", "person"), stopped("wb", "deaf")) == (
            1,
            1,
            0,
        )
        await store.resume("sender:wa", at=house.at(), code="payment")
        await figures.look(store, ["wa", "wb"], at=0, people=False)
        assert (stopped("wa", "payment"), stopped("wa", "person")) == (0, 1)


async def test_a_sender_that_was_taken_out_is_stopped_for_nobody(tmp_path: Path) -> None:
    """A number was lost and replaced; its stop stays, should it come back."""
    async with SqliteStore(tmp_path / "store.db") as store:
        await store.stop("sender:lost", "replaced by wa", at=1, code="replaced")
        await store.stop("marketing", "a gap", at=1, code="gap")
        figures = Figures(Metrics(CollectorRegistry()))
        found = await figures.look(store, ["wa"], at=0, people=False)
        assert [stop.scope for stop in found] == ["marketing"]
        found = await figures.look(store, ["wa", "lost"], at=0, people=False)
        assert [stop.scope for stop in found] == ["marketing", "sender:lost"]


async def test_paused_messages_are_counted_by_cause(tmp_path: Path) -> None:
    metrics = Metrics(CollectorRegistry())
    figures = Figures(metrics)
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        await house.confirmed(1)
        messages = [await house.started() for _ in range(3)]
        for message in messages[:2]:
            await store.pause_message(message.id, "template_paused", "x", at=house.at())
        await store.set_message(messages[2].id, "pause", at=house.at())
        gauge = metrics.messages_paused.labels("template_paused")._value
        await figures.look(store, ["wa"], at=0, people=False)
        assert gauge.get() == 2
        for message in messages:
            await store.set_message(message.id, "resume", at=house.at())
        await figures.look(store, ["wa"], at=0, people=False)
        assert gauge.get() == 0


async def test_what_is_overdue_is_told_by_the_clock_that_is_given(tmp_path: Path) -> None:
    """A machine's clock that jumped makes nothing overdue."""
    metrics = Metrics(CollectorRegistry())
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        await house.confirmed(1)
        await house.started()
        due = await store.next_due("wa")
        assert due is not None
        for late in (7, 0):
            await Figures(metrics).look(store, ["wa"], at=due + late * 1_000_000, people=False)
            assert metrics.overdue.labels("wa")._value.get() == late
