"""Unknown outcomes after their time: sent again where the settings say so, and nowhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

from gateway.errors import StoreError, StoreFault
from gateway.message import Basis, Message
from gateway.safety import DeliverySettings
from gateway.stopping import BEHIND, CLOCK, DAMAGED, DEAF, GAP, RESTORED
from gateway.store.condition import Condition
from gateway.store.protocol import Store
from gateway.store.sqlite import SqliteStore
from gateway.unknowns import AT_ONCE, Unknowns
from gateway.values import Duration
from tests.gateway.store.house import SECOND, START, House

WAIT = 60


class Clock:
    """Stands where it is put."""

    now = START

    def micros(self) -> int:
        return self.now

    async def looks(self, worker: Unknowns, seconds: int, step: int = 15) -> None:
        """Let time pass, in which the worker looks now and then."""
        for at in [*range(step, seconds, step), seconds]:
            self.now += (at - ((at - 1) // step) * step) * SECOND
            await worker.once()


async def unknown(house: House, n: int, kind: str, sender: str = "wa") -> tuple[Message, int]:
    """A message to person n that was sent, and never answered."""
    contact = await house.tell(n, "confirmed")
    await house.says(n, "hello")
    topic = "news" if kind == "marketing" else None
    message = await house.started(kind=kind, to=contact, topic=topic, sender=sender)
    bases = {"utility": Basis(kind="declared", text="order"), "service": Basis(kind="window")}
    delivery = await house.leased(sender=sender, windows=False)
    delivery = delivery.replace(basis=bases.get(kind, delivery.basis))
    assert await house.begin(delivery) is None
    await house.settle(delivery, "unknown", code="reset")
    return message, contact


@pytest.mark.parametrize("resend", [(), ("utility",), ("service",), ("utility", "service")])
async def test_the_settings_decide_per_kind(tmp_path: Path, resend: tuple[Any, ...]) -> None:
    """Before the time nothing moves; after it those of the named kinds go again, marketing never."""
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        made = {
            kind: await unknown(house, n, kind)
            for n, kind in enumerate(("marketing", "utility", "service"))
        }
        settings = DeliverySettings(unknown_after=Duration(WAIT), resend_unknown=resend)
        told: list[str] = []
        clock = Clock()
        worker = Unknowns(store, clock, settings, told.append)
        await worker.once()
        await clock.looks(worker, WAIT - 1)
        assert {await house.state(*pair) for pair in made.values()} == {"unknown"}
        await clock.looks(worker, 2)
        for kind, pair in made.items():
            assert await house.state(*pair) == ("queued" if kind in resend else "unknown")
        assert told == ["wa"] * len(resend)
        if resend:
            message, contact = made[resend[0]]
            about = await store.report("message", id=message.id)
            story = await store.report("trace", number=about["number"], contact_id=contact)
            line = next(x for x in story["journal"] if x["name"] == "delivery.superseded")
            assert (line["code"], line["detail"]) == ("reset", "resend_unknown")


RESEND = DeliverySettings(unknown_after=Duration(WAIT), resend_unknown=("utility",))


async def test_a_sender_that_is_not_heard_of_waits(tmp_path: Path) -> None:
    """What would settle it is what is missing; others go on, and it goes when that was over for
    as long as a status may take."""
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        deaf = await unknown(house, 1, "utility", "wa")
        other = await unknown(house, 2, "utility", "other")
        await store.stop("marketing:wa", "no status comes", at=house.at(), code=DEAF)
        await store.stop("marketing:other", "by hand", at=house.at())
        clock = Clock()
        worker = Unknowns(store, clock, RESEND)
        await worker.once()
        await clock.looks(worker, 2 * WAIT)
        assert [await house.state(*deaf), await house.state(*other)] == ["unknown", "queued"]
        await store.resume("marketing:wa", at=house.at(), code=DEAF)
        await clock.looks(worker, WAIT - 1)
        assert await house.state(*deaf) == "unknown"
        await clock.looks(worker, 1)
        assert await house.state(*deaf) == "queued"


@pytest.mark.parametrize("cause", [RESTORED, GAP, CLOCK, BEHIND, DAMAGED])
async def test_while_it_is_in_doubt_what_was_missed_nothing_goes_again(
    tmp_path: Path, cause: str
) -> None:
    """What holds marketing until a person looked holds these too, and then the time begins."""
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        one = await unknown(house, 1, "utility")
        await store.stop("marketing", "in doubt", at=house.at(), code=cause)
        clock = Clock()
        worker = Unknowns(store, clock, RESEND)
        await worker.once()
        await clock.looks(worker, 3 * WAIT)
        await store.resume("marketing", at=house.at())
        await clock.looks(worker, WAIT - 1)
        assert await house.state(*one) == "unknown"
        await clock.looks(worker, 1)
        assert await house.state(*one) == "queued"


@pytest.mark.parametrize("how", ["a restart", "a suspension", "a full disk"])
async def test_only_time_counts_in_which_a_status_could_come_in(tmp_path: Path, how: str) -> None:
    """The provider sends its webhooks again; until they are here nothing goes a second time."""
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        one = await unknown(house, 1, "utility")
        clock = Clock()
        worker = Unknowns(store, clock, RESEND)
        await worker.once()
        await clock.looks(worker, WAIT - 15)
        if how == "a restart":
            worker = Unknowns(store, clock, RESEND)
        elif how == "a full disk":
            store.condition.met(StoreFault("full", "no room"))
        clock.now += (15 if how == "a full disk" else 10 * WAIT) * SECOND
        await worker.once()
        store.condition.well()
        await clock.looks(worker, WAIT - 1)
        assert await house.state(*one) == "unknown"
        await clock.looks(worker, 1)
        assert await house.state(*one) == "queued"


class Many:
    """A store with many unknown ones, of which the first cannot be sent again."""

    def __init__(self, n: int) -> None:
        self.left = [(START + i, i, "wa") for i in range(n)]
        self.failures = 1
        self.condition = Condition()

    async def stops(self) -> list[Any]:
        return []

    async def unknown_since(
        self, kind: str, *, before: int, after: tuple[int, int], limit: int
    ) -> list[tuple[int, int, str]]:
        if self.failures:
            self.failures -= 1
            raise StoreError("locked")
        return [row for row in self.left if row[:2] > after and row[0] <= before][:limit]

    async def resolve(self, deliveries: list[int], how: str, *, at: int, by: str) -> list[str]:
        assert len(deliveries) <= AT_ONCE
        self.left = [row for row in self.left if row[1] == 0 or row[1] not in deliveries]
        return ["withdrawn" if id == 0 else "" for id in deliveries]


async def test_many_in_short_steps(autojump_clock: Any) -> None:
    """All pages, each a short transaction; what may not go again holds nobody up, and a store that
    failed is asked again."""
    many: Any = Many(3 * AT_ONCE + 7)
    store: Store = many
    clock = Clock()
    told: list[str] = []
    worker = Unknowns(store, clock, RESEND, told.append)
    await worker.once()
    await clock.looks(worker, WAIT - 1)
    clock.now += 2 * SECOND
    with trio.move_on_after(WAIT / 3):
        await worker.run()
    assert [row[1] for row in many.left] == [0]
    assert len(told) == 3 * AT_ONCE + 6
