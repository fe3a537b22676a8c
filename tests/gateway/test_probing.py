"""When a stopped sender is probed, and what its answer lets go on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway.consequences import Consequences
from gateway.ending import ends
from gateway.errors import ConfigError, Rejected
from gateway.http import FetchError
from gateway.inbound import Effect
from gateway.message import Delivery, Template
from gateway.plugin import Output, PluginConfig
from gateway.probing import Probing, Schedule
from gateway.sender_operations import SenderOperations
from gateway.senders import Senders
from gateway.store.causes import TEMPLATE_PAUSED
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import HOUR, SECOND, START, House

MINUTE = 60 * SECOND
POST = Template(name="post", language="de", body="{{t}}", parameters={"t": "x"})


class Asked(Output):
    """Answers a probe as it is told, and counts."""

    name = "asked"
    probed: ClassVar[dict[str, tuple[float, float]]] = {
        "token": (300.0, 3600.0),
        "spam": (3600.0, 86400.0),
        TEMPLATE_PAUSED: (300.0, 3600.0),
    }
    answer: Any = ()
    asked = 0

    async def compose(self, message: Any, topic: Any) -> Any:
        return ()

    async def send(self, delivery: Delivery) -> str:
        raise AssertionError("nothing is sent here")

    async def probe(self) -> Sequence[Effect]:
        self.asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


def over(code: str) -> Effect:
    return Effect(what="resume", code=code)


class World:
    def __init__(self, store: SqliteStore, backoff: float = 1.0) -> None:
        self.house = House(store)
        self.store = store
        self.output = Asked(PluginConfig(), "wa")
        outputs = {"wa": self.output}
        consequences = Consequences(outputs, Senders(outputs, store), store, self, backoff=backoff)
        self.probing = Probing(outputs, store, self, consequences)

    def micros(self) -> int:
        return self.house.now

    async def stop(self, code: str, scope: str = "sender:wa") -> None:
        await self.store.stop(scope, "why", at=self.house.now, code=code)

    async def codes(self) -> list[str]:
        return [stop.code for stop in await self.store.stops()]

    async def live(self, seconds: int) -> list[float]:
        """Let time pass; returns after how many minutes each probe was made."""
        begun, probes = self.house.now, []
        while self.house.now < begun + seconds * SECOND:
            self.house.now += 10 * SECOND
            asked = self.output.asked
            await self.probing.look()
            if self.output.asked > asked:
                probes.append((self.house.now - begun) / MINUTE)
        return probes


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield World(store)


async def test_less_and_less_often(world: World) -> None:
    """After five minutes, then twice as long each time, an hour at most."""
    await world.stop("token")
    assert await world.live(4 * 3600) == [5, 15, 35, 75, 135, 195]
    assert await world.codes() == ["token"]


async def test_what_is_mended_goes_on(world: World) -> None:
    await world.stop("token")
    world.output.answer = [over("token")]
    assert await world.live(3600) == [5]
    assert await world.codes() == []


async def test_what_comes_back_at_once_is_probed_later(world: World) -> None:
    """The probe was wrong: each time costs one send, so the time between goes on growing; after a
    quiet time it begins anew."""
    world.output.answer = [over("token")]
    await world.stop("token")
    assert await world.live(600) == [5]
    await world.stop("token")
    assert await world.live(600) == [5]  # 15 minutes after the first stop
    await world.stop("token")
    assert await world.live(3600) == [15]  # 35 minutes after the first one
    await world.live(4 * 3600)
    await world.stop("token")
    assert await world.live(600) == [5]


async def test_each_cause_has_its_own_time(world: World) -> None:
    """What may be lifted after an hour only is not lifted by a probe for something else."""
    await world.stop("token")
    await world.stop("spam")
    world.output.answer = [over("token"), over("spam")]
    assert await world.live(1800) == [5]
    assert await world.codes() == ["spam"]
    assert await world.live(1900) == [30]
    assert await world.codes() == []


@pytest.mark.parametrize("code", ["person", "restored", "quality_red"])
async def test_what_no_probe_can_lift_asks_nobody(world: World, code: str) -> None:
    world.output.answer = [over("token")]
    await world.stop(code)
    await world.stop("token", "all")  # nobody's
    assert await world.live(7200) == []
    assert await world.codes() == ["token", code]


async def test_what_waits_for_a_template_is_asked_for_too(world: World) -> None:
    """The webhook that says that it is back may have got lost."""
    await world.house.confirmed(1)
    message = await world.house.started(forms=(POST,))
    reason = "paused"
    assert await world.store.pause_message(message.id, TEMPLATE_PAUSED, reason, at=world.micros())
    assert await world.live(600) == pytest.approx([5], abs=0.5)
    world.output.answer = [Effect(what="template_back", name="post", language="de")]
    assert len(await world.live(3600)) == 1
    row = await world.store.report("message", id=message.id)
    assert row["paused"] == 0


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (Rejected("token", "190: expired", scope="sender"), "token: 190: expired"),
        (FetchError("connect", "meta.example"), "connect"),
        (ValueError("x"), "the output could not ask: ValueError"),
    ],
)
async def test_no_answer_lifts_nothing(world: World, answer: Exception, trouble: str) -> None:
    await world.stop("token")
    world.output.answer = answer
    found = await world.probing.probe("wa")
    assert (found.mended, [stop.code for stop in found.left]) == ((), ["token"])
    assert trouble in found.trouble


async def test_a_person_who_asks_is_told_all(world: World) -> None:
    """At once, whatever is due; what no probe lifts is left."""
    for code in ("token", "spam", "person"):
        await world.stop(code)
    world.output.answer = [over("token"), over("spam"), over("never")]
    found = await world.probing.probe("wa")
    assert sorted(found.mended) == ["spam", "token"]
    assert [stop.code for stop in found.left] == ["person"]
    assert found.trouble == ""


async def test_what_stops_while_it_is_asked_is_not_in_the_answer(world: World) -> None:
    """The answer was made before; the next probe asks about it."""
    await world.stop("spam")

    async def refused_meanwhile() -> Sequence[Effect]:
        world.house.now += 2 * SECOND
        await world.stop("token")
        world.house.now += 2 * SECOND
        return [over("token"), over("spam")]

    world.output.probe = refused_meanwhile  # type: ignore[method-assign]
    found = await world.probing.probe("wa")
    assert found.mended == ("spam",)
    assert await world.codes() == ["token"]


async def test_a_stop_with_an_end_goes_on_then(world: World) -> None:
    """By itself, once: what no probe can lift asks nobody."""
    await world.stop("restricted")
    await ends(world.store, "sender:wa", "restricted", world.house.now + 3600 * SECOND)
    assert await world.live(3590) == []
    assert await world.codes() == ["restricted"]
    await world.live(20)
    assert await world.codes() == []
    await world.stop("restricted")
    await world.live(7200)
    assert await world.codes() == ["restricted"], "this one has no end"


@pytest.mark.parametrize("factor", [1.0, 0.1])
def test_the_factor_shortens_all_of_it(factor: float) -> None:
    schedule = Schedule({"token": (300.0, 3600.0)}, factor)
    stopped = {"token": START}
    first = START + int(300 * factor * SECOND)
    assert schedule.due(stopped, first - 1) == []
    assert schedule.due(stopped, first) == ["token"]
    schedule.probed(["token"], first)
    second = first + int(600 * factor * SECOND)
    assert schedule.due(stopped, second - 1) == []
    assert schedule.due(stopped, second) == ["token"]
    assert schedule.due({}, second + HOUR) == []


class Parts:
    senders: ClassVar[dict[str, object]] = {"wa": object()}


async def test_the_commands(world: World) -> None:
    """Pause, resume and probe of one sender, as the command line calls them."""
    operations = SenderOperations(Parts(), world.store, world, None)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="known: wa"):
        await operations.do_sender_probe("wb")
    with pytest.raises(ConfigError, match="does not run"):
        await operations.do_sender_probe("wa")
    operations.probing = world.probing.probe
    await operations.do_sender_pause("wa", "holidays")
    with pytest.raises(ConfigError, match="holidays"):
        await operations.do_sender_pause("wa", "again")
    await world.stop("token")
    await world.stop("red", "marketing:wa")
    world.output.answer = [over("token")]
    told = await operations.do_sender_probe("wa")
    assert (told["mended"], told["trouble"]) == (["token"], "")
    assert [one["code"] for one in told["left"]] == ["red", "person"]
    done = await operations.do_sender_resume("wa")
    assert (done["resumed"], sorted(done["causes"])) == (True, ["person", "red"])
    assert await world.codes() == []
    assert (await operations.do_sender_resume("wa"))["resumed"] is False
    with pytest.raises(ConfigError, match="known: wa"):
        await operations.do_sender_resume("taken out")
    await world.stop("replaced", "sender:taken out")
    assert (await operations.do_sender_resume("taken out"))["causes"] == ["replaced"]
