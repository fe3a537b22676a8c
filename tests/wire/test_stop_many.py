"""STOP is final with 50,000 queued: by word, button, WhatsApp's switch and the link, 1,000 people.

`RUNS=10` repeats it with other seeds, `SEED=…` repeats one.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from pathlib import Path

import httpx
import pytest
import trio

from gateway.api import Delivery, Identity, Middleware
from gateway.keys import Keys
from gateway.links import SignedLinks
from tests.wire.client import open_client
from tests.wire.inprocess import Running, read_only, running
from tests.wire.world import numbers

QUEUED = 50_000
STOPPING = 1_000
WORST = 250
"""Of them, those whose delivery is leased, or whose connection opens, at that moment."""
PER_SECOND = 1_000
WAYS = ("word", "button", "switch", "link")
WORDS = ("STOP", "Stopp!", "abmelden bitte", "Stop. Danke", "unsubscribe", "STOP 12345")
MORE = """
[middleware.ratelimit]
per_second = 1000.0
[inputs.website]
plugin = "forms"
topics = ["blog"]
"""


class Seen(Middleware):
    """Tells the test which contact is leased, and takes a moment over some of them."""

    name = "seen"
    leased: trio.MemorySendChannel[str] | None = None
    telling = False

    async def process(self, delivery: Delivery) -> Delivery:
        if Seen.telling and Seen.leased is not None:
            identity = delivery.identity("phone")
            assert identity is not None
            await Seen.leased.send(identity.value)
            await trio.sleep(0.03)
        return delivery


def runs() -> list[str]:
    """The seeds of this run."""
    given = os.environ.get("SEED")
    return (
        [given]
        if given
        else [secrets.token_hex(4) for _ in range(int(os.environ.get("RUNS", "1")))]
    )


@pytest.mark.timeout(900)
async def test_stop_with_a_long_queue(tmp_path: Path) -> None:
    """After each answer no marketing send to that contact begins; what was open is dropped."""
    for index, seed in enumerate(runs()):
        folder = tmp_path / str(index)
        folder.mkdir()
        print({"seed": seed, **await one_run(folder, random.Random(seed))})


async def one_run(folder: Path, chance: random.Random) -> dict[str, float]:
    people = numbers(QUEUED)  # their deliveries go in this order
    stopping = chance.sample(people, STOPPING - WORST)
    answered: dict[str, float] = {}
    Seen.leased, leased = trio.open_memory_channel[str](100 * QUEUED)
    Seen.telling = False
    async with running(
        folder,
        chain=("consent", "seen", "ratelimit", "footer"),
        plugins=[Seen],
        more=MORE,
        rate=100_000.0,
        statuses=False,
        lean=True,
        connections=32,
    ) as gateway:
        for start in range(0, QUEUED, 5_000):
            await gateway.import_confirmed(people[start : start + 5_000])
        stop = Stopping(gateway, folder, answered)
        async with open_client() as client:
            stop.client = client
            await gateway.call("pause")
            number = await gateway.send("1")
            await gateway.until(lambda: all_queued(gateway, number), 60)
            await gateway.call("resume")
            await gateway.until(lambda: len(gateway.sandbox.received()) > 500, 60)
            began = time.time()
            async with trio.open_nursery() as nursery:
                crowd = trio.CapacityLimiter(200)
                # Most at any moment, wherever their delivery is …
                for phone in stopping:
                    nursery.start_soon(stop.at, crowd, chance.random() * 6, phone, chance)
                # … and the others while theirs is leased, or its connection opens.
                taken, Seen.telling = set(stopping), True
                while len(taken) < STOPPING:
                    phone = await leased.receive()
                    if phone not in taken:
                        taken.add(phone)
                        nursery.start_soon(stop.at, crowd, chance.random() * 0.05, phone, chance)
                Seen.telling = False
            took, enough = time.time() - began, time.time() + 2.0
            await gateway.until(lambda: time.time() > enough)
        await gateway.call("message_set", message=str(number), action="cancel")
        await gateway.until(lambda: swept(gateway, number), 60)
        received, campaign = gateway.sandbox.received(), deliveries_of(gateway.folder)
        late = [
            line
            for line in received
            if line.contact in answered
            and line.first_byte > answered[line.contact]
            and str(line.callback_data).partition(":")[0] in campaign
        ]
        assert late == []
        assert len(answered) == STOPPING
        dropped = len(deliveries_of(gateway.folder, "code = 'withdrawn'"))
        assert dropped >= STOPPING // 2
    return {
        "stopped": len(answered),
        "seconds": round(took),
        "dropped": dropped,
        "sent": len(received),
    }


class Stopping:
    """Lets people stop, each in another way, and notes when that was answered."""

    client: httpx.AsyncClient

    def __init__(self, gateway: Running, folder: Path, answered: dict[str, float]) -> None:
        self._gateway = gateway
        self._links = SignedLinks(Keys(folder / "keys").secret("links"))
        self._answered = answered
        (self._public,) = gateway.daemon.addresses["public"]

    async def at(
        self, crowd: trio.CapacityLimiter, pause: float, phone: str, chance: random.Random
    ) -> None:
        await trio.sleep(pause)
        async with crowd:
            if phone in self._answered:
                return
            way = chance.choice(WAYS)
            if way == "link":
                await self._by_link(phone)
                return
            said = await self._gateway.sandbox.say(phone, **_said(way, chance))
            assert said.status == 200, (way, said)
            self._answered[phone] = said.answered_at

    async def _by_link(self, phone: str) -> None:
        contact = await self._gateway.daemon.store.find(Identity("phone", phone))
        assert contact is not None
        token = self._links.token("withdraw", contact)
        address = f"{self._public}/in/website/w/{token}"
        answer = await self.client.post(address, data={"act": "all"}, timeout=70)
        assert answer.status_code == 200, answer.text
        self._answered[phone] = time.time()


def _said(way: str, chance: random.Random) -> dict[str, object]:
    if way == "button":
        return {"button": ("STOP", "Abmelden")}
    if way == "switch":
        return {"preferences": "stop"}
    return {"text": chance.choice(WORDS)}


def deliveries_of(folder: Path, which: str = "tries > 0") -> set[str]:
    """The ids of the marketing deliveries of this kind, as callbacks begin."""
    database = read_only(folder)
    try:
        rows = database.execute(f"SELECT id FROM deliveries WHERE priority = 2 AND {which}")
        return {str(id) for (id,) in rows}
    finally:
        database.close()


async def all_queued(gateway: Running, number: int) -> bool:
    return (await gateway.counts(number)).get("queued") == QUEUED


async def swept(gateway: Running, number: int) -> bool:
    counts = await gateway.counts(number)
    return not any(counts.get(state) for state in ("queued", "leased", "sending"))
