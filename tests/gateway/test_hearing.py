"""If we cannot hear, we do not speak: when marketing holds, and what lets it go on."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import trio
from prometheus_client import CollectorRegistry

from gateway.errors import StoreError
from gateway.hearing import LOOK_EVERY, Hearing
from gateway.inbound import Inbound, Intake, Status
from gateway.message import Delivery
from gateway.metrics import Metrics
from gateway.safety import Hearing as Settings
from gateway.stopping import DEAF, Stop
from gateway.store.protocol import moment
from gateway.store.watching import Unheard
from gateway.values import Duration
from tests.gateway.store.house import SECOND, House, phone

N, WITHIN = 20, 300.0
SETTINGS = Settings(accepted=N, within=Duration(WITHIN))
NOON = datetime(2026, 3, 3, 11, 0, tzinfo=UTC)


class Reporting:
    """An output that reports what became of each send."""

    reports: ClassVar[bool] = True


class Silent:
    """One that never does."""

    reports: ClassVar[bool] = False


class Clock:
    """Noon, and as much later as trio's clock says."""

    def now(self) -> datetime:
        return NOON + timedelta(seconds=trio.current_time() - self.start)

    def __init__(self) -> None:
        self.start = trio.current_time()

    def micros(self) -> int:
        return int(self.now().timestamp() * 1e6)


class Stops:
    """The stops of a store that may fail, and what it knows of an earlier run."""

    def __init__(self, before: Unheard | None = None) -> None:
        self.found: dict[tuple[str, str], Stop] = {}
        self.failing = False
        self.before = before or Unheard()
        self.at: list[float] = []

    async def stop(self, scope: str, reason: str, *, at: int, code: str) -> None:
        await trio.sleep(0.01)
        if self.failing:
            raise StoreError("disk full")
        self.at.append(trio.current_time())
        self.found.setdefault((scope, code), Stop(scope, code, reason, at))

    async def resume(self, scope: str, *, at: int, code: str) -> bool:
        await trio.sleep(0.01)
        return self.found.pop((scope, code), None) is not None

    async def stops(self) -> list[Stop]:
        return list(self.found.values())

    async def unheard(self, senders: Any) -> dict[str, Unheard]:
        return dict.fromkeys(senders, self.before)

    @property
    def held(self) -> bool:
        return ("marketing:wa", DEAF) in self.found


def hearing(stops: Stops, **outputs: Any) -> Hearing:
    registry = CollectorRegistry()
    hearing = Hearing(
        outputs or {"wa": Reporting()}, SETTINGS, stops, Clock(), Metrics(registry), "Europe/Berlin"
    )  # type: ignore[arg-type]
    hearing.registry = registry  # type: ignore[attr-defined]
    return hearing


def deaf(hearing: Hearing, sender: str = "wa") -> float | None:
    registry: CollectorRegistry = hearing.registry  # type: ignore[attr-defined]
    return registry.get_sample_value("gateway_sender_deaf", {"sender": sender})


@pytest.fixture
async def stops(nursery: trio.Nursery) -> Stops:
    return Stops()


@pytest.fixture
async def ears(stops: Stops, nursery: trio.Nursery) -> Hearing:
    """They listen, and nothing was sent yet."""
    ears = hearing(stops)
    nursery.start_soon(ears.run)
    return ears


def send(ears: Hearing, count: int) -> None:
    """So many are accepted, and nothing is heard of them."""
    for _ in range(count):
        ears.accepted("wa")


async def test_silence_holds_marketing_and_a_status_lets_it_go_on(
    stops: Stops, nursery: trio.Nursery, autojump_clock: Any
) -> None:
    ears = hearing(stops)
    await ears.load()
    nursery.start_soon(ears.run)
    send(ears, N)
    await trio.sleep(WITHIN - 1)
    assert not stops.held
    await trio.sleep(LOOK_EVERY + 1)
    (stop,) = stops.found.values()
    assert (stop.scope, stop.code) == ("marketing:wa", DEAF)
    assert stop.reason == (
        "no status came for 20 messages that the provider accepted since 12:00;"
        " a STOP would be lost too"
    )
    assert deaf(ears) == 1
    ears.heard({"wa"})
    await trio.sleep(0.1)  # at once, not with the next look
    assert not stops.found
    assert deaf(ears) == 0


@pytest.mark.parametrize(
    ("accepted", "seconds", "held"),
    [(N, WITHIN + 2, True), (N - 1, 10 * WITHIN, False), (10 * N, WITHIN - 2, False)],
    ids=["many and long", "few", "not long"],
)
async def test_many_and_long(
    stops: Stops, ears: Hearing, autojump_clock: Any, accepted: int, seconds: float,
    held: bool,
) -> None:  # fmt: skip
    send(ears, accepted)
    await trio.sleep(seconds)
    assert stops.held == held


async def test_the_send_that_completes_the_count_is_the_last(
    stops: Stops, ears: Hearing, autojump_clock: Any
) -> None:
    """A slow sender that was not heard of for long speaks N times, and no more."""
    for _ in range(N - 1):
        ears.accepted("wa")
        await trio.sleep(WITHIN / 4)
    await trio.sleep(0.5 * LOOK_EVERY)
    assert not stops.held
    ears.accepted("wa")
    await trio.sleep(0.05)
    assert stops.held


async def test_an_output_without_statuses_is_never_deaf(
    stops: Stops, nursery: trio.Nursery, autojump_clock: Any
) -> None:
    ears = hearing(stops, wa=Silent(), other=Reporting())
    nursery.start_soon(ears.run)
    for _ in range(10 * N):
        ears.accepted("wa")
        ears.accepted("gone")
    await trio.sleep(10 * WITHIN)
    assert not stops.found


async def test_another_sender_is_no_comfort(nursery: trio.Nursery, autojump_clock: Any) -> None:
    stops = Stops()
    ears = hearing(stops, wa=Reporting(), other=Reporting())
    nursery.start_soon(ears.run)
    for _ in range(N):
        ears.accepted("wa")
        ears.accepted("other")
    await trio.sleep(WITHIN / 2)
    ears.heard({"other"})
    await trio.sleep(WITHIN)
    assert {scope for scope, _ in stops.found} == {"marketing:wa"}


async def test_a_person_lets_it_go_on_and_the_count_begins_anew(
    stops: Stops, ears: Hearing, autojump_clock: Any
) -> None:
    send(ears, N)
    await trio.sleep(WITHIN + 2)
    assert stops.held
    await stops.resume("marketing:wa", at=0, code=DEAF)
    await trio.sleep(2 * LOOK_EVERY)
    assert deaf(ears) == 0
    send(ears, N)
    await trio.sleep(WITHIN - 5)
    assert not stops.held, "it must not stop again for what was before"
    await trio.sleep(10)
    assert stops.held


async def test_a_store_that_fails_is_asked_again(
    stops: Stops, ears: Hearing, autojump_clock: Any
) -> None:
    send(ears, N)
    stops.failing = True
    await trio.sleep(WITHIN + 5)
    stops.failing = False
    await trio.sleep(2 * LOOK_EVERY)
    assert stops.held


async def test_heard_while_the_stop_is_written(
    stops: Stops, ears: Hearing, autojump_clock: Any
) -> None:
    """The stop that comes too late is lifted at once."""
    send(ears, N - 1)
    await trio.sleep(WITHIN + 0.5 * LOOK_EVERY)
    ears.accepted("wa")
    await trio.sleep(0.005)
    ears.heard({"wa"})
    ears.accepted("wa")
    await trio.sleep(2 * LOOK_EVERY)
    assert len(stops.at) == 1
    assert not stops.found


@pytest.mark.parametrize(
    ("before", "held_after"),
    [
        (Unheard(N, WITHIN - 10, None), 10.0),
        (Unheard(N, 2 * WITHIN, None), 0.0),
        (Unheard(N, 0.0, None), WITHIN),
        (Unheard(N - 1, 2 * WITHIN, None), None),
        (Unheard(), None),
    ],
    ids=["some more silence", "silence enough", "all at once", "too few", "nothing"],
)
async def test_what_was_not_heard_before_a_restart_counts(
    nursery: trio.Nursery, autojump_clock: Any, before: Unheard, held_after: float | None
) -> None:
    stops = Stops(before)
    ears = hearing(stops)
    await ears.load()
    begun = trio.current_time()
    nursery.start_soon(ears.run)
    await trio.sleep(2 * WITHIN)
    assert stops.held == (held_after is not None)
    if held_after is not None:
        assert held_after <= stops.at[0] - begun <= held_after + 2 * LOOK_EVERY


@pytest.mark.parametrize(
    ("heard_at", "held"), [(None, True), (1, True), (2_000, False)], ids=["never", "old", "since"]
)
async def test_a_stop_of_the_last_run(
    nursery: trio.Nursery, autojump_clock: Any, heard_at: int | None, held: bool
) -> None:
    """It stays until something is heard; what was heard just before the crash is something."""
    stops = Stops(Unheard(0, 0.0, heard_at))
    stops.found["marketing:wa", DEAF] = Stop("marketing:wa", DEAF, "x", 1_000)
    ears = hearing(stops)
    await ears.load()
    assert deaf(ears) == 1
    nursery.start_soon(ears.run)
    await trio.sleep(10 * LOOK_EVERY)
    assert stops.held == held
    ears.heard({"wa"})
    await trio.sleep(0.1)
    assert not stops.found


@pytest.mark.parametrize("seed", range(20))
async def test_it_never_speaks_for_longer(autojump_clock: Any, seed: int) -> None:
    """Random traffic, with statuses that fail to come from a random time on: after so many in so
    long only what was under way still goes."""
    chance = random.Random(seed)
    stops = Stops()
    ears = hearing(stops)
    under_way = 5
    silent_from = chance.uniform(0, 2 * WITHIN)
    first_unheard: float | None = None
    sent: list[float] = []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ears.run)
        left = under_way
        while trio.current_time() < silent_from + 4 * WITHIN and left:
            await trio.sleep(chance.expovariate(1 / chance.choice([0.1, 1, 30])))
            left = under_way if not stops.held else left - 1
            ears.accepted("wa")
            if trio.current_time() < silent_from:
                ears.heard({"wa"})
            else:
                first_unheard = first_unheard or trio.current_time()
                sent.append(trio.current_time())
        nursery.cancel_scope.cancel()
    assert first_unheard is not None
    deaf_from = max(first_unheard + WITHIN, sent[N - 1])
    over = [at for at in sent if at > deaf_from]
    # A send that finds it deaf makes for the stop, which takes 10 ms to be written.
    assert len(over) <= under_way + 3
    assert stops.held


# --- what the store knows of the last run -----------------------------------------------------------
async def unheard(house: House) -> Unheard:
    return (await house.store.unheard(["wa"]))["wa"]


async def accepted(house: House, count: int) -> list[Delivery]:
    """Let so many sends be accepted, a second apart."""
    await house.started()
    found = []
    for _ in range(count):
        house.later()
        found.append(await house.sending())
        await house.settle(found[-1])
    return found


async def test_the_journal_tells_what_was_not_heard(house: House) -> None:
    assert await unheard(house) == Unheard()
    await house.confirmed(5)
    sent = await accepted(house, 5)
    before = await unheard(house)
    assert (before.accepted, before.heard_at) == (5, None)
    assert before.seconds == pytest.approx(4, abs=0.1)
    assert (await house.status(sent[0], "sent")).heard == {"wa"}
    assert (await unheard(house)).accepted == 0
    assert (await unheard(house)).heard_at == pytest.approx(house.now, abs=SECOND)
    await accepted(house, 2)
    assert (await unheard(house)).accepted == 2


@pytest.mark.parametrize("way", ["message", "unmatched", "person"])
async def test_what_ends_the_silence(house: House, way: str) -> None:
    """A person's message counts: a STOP comes the same way.  So does a status of who knows what,
    and a person who lets it go on."""
    await house.confirmed(3)
    await accepted(house, 3)
    if way == "message":
        inbound = Inbound(
            provider_id="in1", identities=phone(9), at=moment(house.now), kind="text", words="hi"
        )
        taken = await house.store.intake(
            Intake(sender="wa", messages=(inbound,)), {}, at=house.at()
        )
        assert taken.heard == {"wa"}
    elif way == "unmatched":
        status = Status(provider_id="of somebody else", status="sent", at=moment(house.now))
        await house.store.intake(Intake(sender="wa", statuses=(status,)), {}, at=house.at())
    else:
        await house.store.stop("marketing:wa", "deaf", at=house.at(), code=DEAF)
        assert (await unheard(house)).accepted == 3
        assert await house.store.resume("marketing:wa", at=house.at())
    assert (await unheard(house)).accepted == 0


async def test_our_own_failures_say_nothing_of_webhooks(house: House) -> None:
    await house.confirmed(4)
    await accepted(house, 3)
    await house.settle(await house.sending(), "failed", code="undeliverable")
    assert (await unheard(house)).accepted == 3


async def test_a_status_counts_for_the_sender_of_the_message(house: House) -> None:
    """Two numbers of one app may share an address: what comes there is heard for both."""
    await house.confirmed(1)
    (sent,) = await accepted(house, 1)
    status = Status(provider_id=f"w{sent.id}", status="sent", at=moment(house.now))
    intake = Intake(sender="other", statuses=(status,))
    assert (await house.store.intake(intake, {}, at=house.at())).heard == {"wa", "other"}
