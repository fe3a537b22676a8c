"""A webhook's content is in force when take returns: words become acts, and STOP waits."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from gateway.duties import Consent
from gateway.inbound import Inbound, Intake
from gateway.inbox import Inbox
from gateway.message import Topic
from gateway.store.protocol import moment
from gateway.store.sqlite import SqliteStore
from gateway.words import Words
from tests.gateway.store.house import House, phone

TOPIC = Topic(name="news", title="Neues", purpose="Neues, einmal die Woche", version="4")


class Clock:
    """The house's clock."""

    def __init__(self, house: House) -> None:
        self._house = house

    def micros(self) -> int:
        return self._house.at()


class World:
    """A store and its inbox."""

    def __init__(self, store: SqliteStore, **settings: bool) -> None:
        self.house = House(store)
        words = Words(Consent(**settings), {"news": TOPIC})
        self.inbox = Inbox(store, words, Clock(self.house))

    def webhook(self, *texts: str) -> Intake:
        """Person 1 writes several messages, a second apart."""
        messages = []
        for text in texts:
            self.house.later()
            at = moment(self.house.now)
            messages.append(
                Inbound(
                    provider_id=f"in{self.house.now}", identities=phone(1), at=at, kind="text",
                    words=text, raw=b"{}",
                )
            )  # fmt: skip
        return Intake(sender="wa", messages=tuple(messages))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(tmp_path / "store.db") as opened:
        yield opened


@pytest.mark.parametrize(
    ("texts", "state"),
    [
        (("START",), "requested"),
        (("START", "Stop. Danke"), "withdrawn"),
        (("START", "Bitte keine Nachrichten mehr"), "withdrawn"),
        (("STOP", "START"), "requested"),
        (("START", "Wann geht es los?"), "requested"),
        (("Hallo",), None),
    ],
)
async def test_words_become_acts(store: SqliteStore, texts: tuple[str, ...], state: str) -> None:
    """What people write is in force when take returns, in the order in which they wrote it."""
    world = World(store)
    taken = await world.inbox.take(world.webhook(*texts))
    assert taken.inbound == len(texts)
    assert await world.house.consent_of(await world.house.contact(1)) == state


async def test_the_topics_words_are_the_proof(store: SqliteStore) -> None:
    """START is kept with the purpose and the version that stood in the settings."""
    world = World(store)
    await world.inbox.take(world.webhook("START"))
    row = await store._read(lambda tx: tx.one("SELECT purpose, version, language FROM wordings"))
    assert row == ("Neues, einmal die Woche", "4", "de")


async def test_the_setting_without_asking_back(store: SqliteStore) -> None:
    """`double_opt_in = false`: START is the consent."""
    world = World(store, double_opt_in=False)
    await world.inbox.take(world.webhook("START"))
    assert await world.house.consent_of(await world.house.contact(1)) == "confirmed"


async def test_a_near_miss_waits_too(store: SqliteStore) -> None:
    """Whatever withdraws is answered only when nothing is in the air to that person."""
    world = World(store)
    await world.house.confirmed(1)
    await world.house.started()
    delivery = await world.house.sending()
    answered = trio.Event()

    async def take() -> None:
        await world.inbox.take(world.webhook("bitte nicht mehr schreiben"))
        answered.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        with trio.move_on_after(0.2):
            await answered.wait()
        assert not answered.is_set()
        await world.house.settle(delivery)
        with trio.fail_after(5):
            await answered.wait()
