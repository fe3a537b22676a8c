"""What the outcome of one attempt means for its delivery, its contact and the whole sender."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.attempt import TRIES, Attempts
from gateway.consequences import Consequences
from gateway.errors import NotSent, Rejected, Unknown
from gateway.figures import Figures
from gateway.limiter import Grant
from gateway.message import Basis, Delivery
from gateway.metrics import Metrics
from gateway.plugin import Output, PluginConfig
from gateway.senders import Senders
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import HOUR, House


class Scripted(Output):
    """Ends every send as it is told."""

    name = "scripted"
    answer: Any = "id-1"
    calls = 0

    async def compose(self, message: Any, topic: Any) -> Any:
        return ()

    async def send(self, delivery: Delivery) -> str:
        self.calls += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


class World:
    def __init__(self, store: SqliteStore) -> None:
        self.house = House(store)
        self.store = store
        self.output = Scripted(PluginConfig(), "wa")
        self.paused: list[float] = []
        self.figures = Figures(Metrics(CollectorRegistry()))
        outputs = {"wa": self.output}
        self.consequences = Consequences(
            outputs, Senders(outputs, store), store, self, stopped=self.figures.stopped
        )
        self.consequences.join("wa", self.paused.append)
        self.attempts = Attempts(
            "wa", self.output, store, self, self.figures, "n1", self.paused.append,
            self.consequences, lambda: 0.5,
        )  # fmt: skip

    def micros(self) -> int:
        """The time of the story, which stands still between two of its steps."""
        return self.house.now

    async def send(self, delivery: Delivery) -> None:
        await self.attempts.send(delivery, Grant({}, [], 0.0, 0.0))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield World(store)


# answer, state of the delivery, whether the sender stopped, its pauses, state of the consent
OUTCOMES: dict[str, tuple[Any, str, bool, list[float], str]] = {
    "accepted": ("id-1", "accepted", False, [], "confirmed"),
    "no id": ("", "unknown", False, [], "confirmed"),
    "a crash": (ValueError("x"), "unknown", False, [], "confirmed"),
    "not sent": (NotSent("connect", retry_after=1.0), "queued", False, [], "confirmed"),
    "unknown": (Unknown("read_timeout"), "unknown", False, [], "confirmed"),
    "for this one": (Rejected("bad_parameter"), "failed", False, [], "confirmed"),
    "for this one, later": (Rejected("pair_rate", retry_after=4.0, scope="contact"), "queued",
                            False, [], "confirmed"),
    "for this contact": (Rejected("undeliverable", scope="contact"), "failed", False, [], "confirmed"),
    "for this template": (Rejected("paused", scope="template"), "failed", False, [], "confirmed"),
    "for the message": (Rejected("bad_parameter", action="hold"), "held", False, [], "confirmed"),
    "too fast": (Rejected("throughput", retry_after=9.0, scope="sender", action="slow"), "queued",
                 False, [9.0], "confirmed"),
    "too fast, and for how long is not said": (Rejected("throughput", scope="sender", action="slow"),
                                               "queued", False, [], "confirmed"),
    "later": (Rejected("cap", retry_after=86400.0, scope="contact", action="later"), "queued", False, [],
              "confirmed"),
    "for the sender, later": (Rejected("throughput", retry_after=9.0, scope="sender"), "queued",
                              False, [9.0], "confirmed"),
    "for the sender": (Rejected("token_invalid", scope="sender"), "queued", True, [], "confirmed"),
    "for the account": (Rejected("policy_block", scope="portfolio"), "queued", True, [], "confirmed"),
    "for the app": (Rejected("app_capability", scope="app"), "queued", True, [], "confirmed"),
    "the person's own stop": (Rejected("marketing_stopped", scope="contact", action="withdraw"), "failed",
                              False, [], "withdrawn"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "state", "stopped", "pauses", "consent"), OUTCOMES.values(), ids=list(OUTCOMES)
)
async def test_an_outcome(
    world: World, answer: Any, state: str, stopped: bool, pauses: list[float], consent: str
) -> None:
    """Sent once; what concerns the whole sender holds the queue, and burns none of it."""
    (contact,) = await world.house.confirmed(1)
    message = await world.house.started()
    delivery = await world.house.sending()
    world.output.answer = answer
    await world.send(delivery)
    assert world.output.calls == 1
    assert await world.house.state(message, contact) == state
    assert bool(await world.house.store.stops()) is stopped
    assert world.paused == pauses
    assert await world.house.consent_of(contact) == consent


async def test_refused_again_and_again_a_person_looks(world: World) -> None:
    """What waiting was to mend and did not is held after the last try."""
    (contact,) = await world.house.confirmed(1)
    message = await world.house.started()
    world.output.answer = Rejected("pair_rate", retry_after=0.0, scope="contact")
    for _ in range(TRIES):
        assert await world.house.state(message, contact) == "queued"
        await world.send(await world.house.sending())
    assert world.output.calls == TRIES
    assert await world.house.state(message, contact) == "held"


async def test_a_provider_that_is_down_takes_no_delivery_away(world: World) -> None:
    """What the whole sender has to wait for costs a delivery none of its tries."""
    (contact,) = await world.house.confirmed(1)
    message = await world.house.started()
    world.output.answer = Rejected("unavailable", retry_after=0.0, scope="sender")
    for _ in range(TRIES + 4):
        await world.send(await world.house.sending())
        assert await world.house.state(message, contact) == "queued"


WAITED = {
    "the network": NotSent("connect"),
    "the provider": Rejected("unavailable", retry_after=0.0, scope="sender"),
    "its pace": Rejected("throughput", retry_after=0.0, scope="sender", action="slow"),
    "the template": Rejected("paused", retry_after=0.0, scope="template", action="template"),
    "the person": Rejected("cap", retry_after=0.0, scope="contact", action="later"),
}


@pytest.mark.parametrize("way", ["answer", "status"])
@pytest.mark.parametrize("before", WAITED.values(), ids=list(WAITED))
async def test_what_was_waited_for_costs_no_try(world: World, before: Any, way: str) -> None:
    """However often: what is refused by itself afterwards has all its tries, whoever tells."""
    (contact,) = await world.house.confirmed(1)
    message = await world.house.started(kind="utility", topic=None, to=contact)
    basis = Basis(kind="declared", text="order")

    async def again(answer: Any) -> Delivery:
        world.output.answer = answer
        world.house.now += 8 * 24 * HOUR
        await world.house.sweep()
        (delivery,) = await world.house.lease()
        delivery = delivery.replace(basis=basis)
        assert await world.house.begin(delivery) is None
        await world.send(delivery)
        paused = (await world.store.report("message", id=message.id))["paused"]
        if paused:  # until its template is back
            await world.store.set_message(message.id, "resume", at=world.house.at())
        return delivery

    for _ in range(TRIES):
        await again(before)
    for n in range(TRIES):
        assert await world.house.state(message, contact) == "queued", n
        if way == "answer":
            await again(Rejected("pair_rate", retry_after=0.0, scope="contact"))
        else:
            delivery = await again(f"id-{n}")
            await world.house.status(
                delivery, "failed", action="retry", scope="contact", code="x", retry_after=0.0,
                provider_id=f"id-{n}",
            )  # fmt: skip
    assert await world.house.state(message, contact) == "held"


# pause asked for, factor of the settings, when it is due again: with half the jitter, in seconds
PAUSES = [
    (Rejected("x", retry_after=4.0, scope="contact"), 1.0, 4.2),
    (Rejected("x", retry_after=4.0, scope="contact"), 0.25, 1.05),
    (Rejected("x", retry_after=4.0, scope="sender", action="slow"), 0.25, 1.05),
    (Rejected("x", scope="sender"), 0.25, 1.0),
    (Rejected("x", scope="template", action="template", retry_after=300.0), 1.0, 1.0),
    (NotSent("connect", retry_after=99.0), 1.0, 1.0),
    (NotSent("connect"), 0.5, 0.5),
]


@pytest.mark.parametrize(("answer", "factor", "seconds"), PAUSES)
async def test_when_it_goes_again(
    world: World, answer: Rejected, factor: float, seconds: float
) -> None:
    (contact,) = await world.house.confirmed(1)
    message = await world.house.started()
    delivery = await world.house.sending()
    world.consequences.backoff = factor
    world.output.answer = answer
    at = world.house.now
    await world.send(delivery)
    row = await world.house.row(message, contact)
    assert row is not None
    assert (row["due_at"] - at) / 1e6 == pytest.approx(seconds)


async def test_a_question_is_asked_once_whatever_was_refused(world: World) -> None:
    """Its delivery fails, and the sender stops all the same."""
    (contact,) = await world.house.confirmed(1)
    message = await world.house.started()
    delivery = await world.house.sending()
    asked = delivery.replace(message=delivery.message.replace(kind="confirmation"))
    world.output.answer = Rejected("token_invalid", scope="sender")
    await world.send(asked)
    assert [stop.code for stop in await world.house.store.stops()] == ["token_invalid"]
    row = await world.house.row(message, contact)
    assert row is not None
    assert row["code"] == "token_invalid"


async def test_no_answer_again_and_again_opens_the_breaker(world: World) -> None:
    """One request at a time is left, after a pause that grows; an answer ends it."""
    await world.house.confirmed(5)
    await world.house.started()
    world.output.answer = Unknown("read_timeout")
    gauge = world.figures.metrics.sender_breaker.labels("wa")
    for n in range(3):
        assert world.attempts.breaker == "closed", n
        await world.send(await world.house.sending())
    assert (world.attempts.breaker, gauge._value.get()) == ("open", 2)
    assert world.paused == [0.75]
    assert world.attempts.failing
    assert world.attempts.trouble is not None
    assert world.attempts.trouble[0] == "read_timeout"
    world.output.answer = Rejected("bad_parameter")
    await world.send(await world.house.sending())
    assert (world.attempts.breaker, gauge._value.get()) == ("closed", 0)
    assert world.attempts.trouble is None
