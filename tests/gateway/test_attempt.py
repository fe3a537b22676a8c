"""What the outcome of one attempt means for its delivery, its contact and the whole sender."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.attempt import TRIES, Attempts
from gateway.clock import SystemClock
from gateway.errors import NotSent, Rejected, Unknown
from gateway.figures import Figures
from gateway.limiter import Grant
from gateway.message import Delivery
from gateway.metrics import Metrics
from gateway.plugin import Output, PluginConfig
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House


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
        self.output = Scripted(PluginConfig(), "wa")
        self.paused: list[float] = []
        figures = Figures(Metrics(CollectorRegistry()))
        self.attempts = Attempts(
            "wa", self.output, store, SystemClock(), figures, "n1", self.paused.append, lambda: 0.5
        )

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
