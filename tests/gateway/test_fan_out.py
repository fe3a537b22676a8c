"""Between accept and the queue: who is asked about a message, and in which order."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from prometheus_client import CollectorRegistry

from gateway.context import prepared
from gateway.fake_services import NOW, FakeClock
from gateway.fakes import TOPIC
from gateway.fan_out import Preparing
from gateway.figures import Figures
from gateway.message import Content, Delivery, Message, Text, Topic
from gateway.metrics import Metrics
from gateway.pipeline import Pipeline
from gateway.plugin import Middleware, Output
from gateway.store.protocol import Store
from gateway.store.sqlite import SqliteStore
from gateway.verdicts import Drop


class Refuses(Middleware):
    """Drops what says so."""

    name = "refuses"
    codes: ClassVar[frozenset[str]] = frozenset({"bad"})

    async def screen(self, message: Message) -> Message | Drop:
        if "bad" in message.text:
            return Drop("bad", "it is bad")
        return message.replace(notes=(*message.notes, "looked at", f"{len(message.text)} letters"))


class Plain(Output):
    """Composes the text as it is."""

    name = "plain"

    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content]:
        return [Text(body=message.text)]

    async def send(self, delivery: Delivery) -> str:
        raise AssertionError("nothing is sent here")


class House:
    """A store, what prepares its messages, and a clock."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = FakeClock()
        self.preparing = Preparing(
            store,
            Pipeline([Refuses(None, "refuses")]),
            {"main": Plain(None, "main")},
            {TOPIC.name: TOPIC},
            self.clock,
        )

    async def accepted(self, **fields: Any) -> Message:
        values: dict[str, Any] = {"external_id": "1", "topic": "blog", "sender": "main"}
        message = prepared(Message(**(values | fields)), self.clock, lambda whole: whole)
        await self.store.accept("blog", [message], at=self.clock.micros())
        return message

    async def prepare(self) -> None:
        while await self.preparing.round():
            pass

    async def found(self, message: Message) -> tuple[str, str, str]:
        row = await self.store.report("message", id=message.id)
        return row["state"], row["code"] or "", row["reason"] or ""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield House(store)


DOUBT = "40 new posts at once: this one waits for you"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"text": "good"}, ("started", "", "looked at · 4 letters")),
        ({"text": "good", "notes": ("my own",)}, ("started", "", "looked at · 4 letters")),
        ({"text": "bad"}, ("dropped", "bad", "it is bad")),
        ({"text": "good", "doubt": DOUBT}, ("held", "doubted", DOUBT)),
        ({"text": "bad", "doubt": DOUBT}, ("held", "doubted", DOUBT)),
        ({"text": "good", "sender": "gone"}, ("held", "no_sender", "")),
        ({"text": "good", "topic": "gone"}, ("held", "no_topic", "")),
        (
            {"text": "good", "doubt": DOUBT, "expires_at": NOW},
            ("dropped", "expired", "the message's time was over before it could start"),
        ),
    ],
)  # fmt: skip
async def test_verdicts(house: House, fields: dict[str, Any], found: tuple[str, str, str]) -> None:
    """What is doubted waits for a person before any rule looks at it."""
    message = await house.accepted(**fields)
    await house.prepare()
    state, code, reason = await house.found(message)
    assert (state, code) == found[:2]
    assert reason == found[2] or (not found[2] and reason)


@pytest.mark.parametrize(("text", "state"), [("good", "started"), ("bad", "dropped")])
async def test_a_released_doubt_goes_through_the_rules(house: House, text: str, state: str) -> None:
    """A person's word answers the doubt, and no rule of the chain."""
    message = await house.accepted(text=text, doubt=DOUBT)
    await house.prepare()
    house.clock.forward(timedelta(days=2).total_seconds())
    await house.prepare()
    assert (await house.found(message))[0] == "held"
    at = house.clock.micros()
    assert await house.store.set_message(message.id, "approve", at=at) is None
    await house.prepare()
    assert (await house.found(message))[0] == state


async def test_every_message_that_waits_for_a_person_is_counted(house: House) -> None:
    """However many there are; one that waits for a time is not among them."""
    for number in range(130):
        await house.accepted(external_id=str(number), text="good", doubt=DOUBT)
    await house.accepted(external_id="gone", text="good", topic="gone")
    await house.prepare()
    registry = CollectorRegistry()
    metrics = Metrics(registry)
    metrics.prepare(version="1", codes={"doubted", "no_topic"})
    await Figures(metrics).look(house.store, ["main"], at=0, people=False)
    held = {
        sample.labels["code"]: sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "gateway_held" and sample.value
    }
    assert held == {"doubted": 130, "no_topic": 1}
