"""STOP is final: after the webhook's 200 no send to that person begins, at the worst moments."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from pathlib import Path

import trio

from gateway.api import Delivery, Middleware
from gateway_sandbox.received import Received
from tests.wire.inprocess import Running, running
from tests.wire.world import numbers

LEASED = 150
OPENING = 50  # as many as connections are kept


class Told(Middleware):
    """Tells the test for whom a post is leased, and takes 50 ms over it."""

    name = "told"
    leased: trio.MemorySendChannel[str] | None = None

    async def process(self, delivery: Delivery) -> Delivery:
        if Told.leased is not None and delivery.message.kind == "marketing":
            identity = delivery.identity("phone")
            assert identity is not None
            await Told.leased.send(identity.value)
            await trio.sleep(0.05)
        return delivery


async def test_stop_while_leased(tmp_path: Path) -> None:
    """150 people say STOP while their delivery is leased: nothing begins after the answer."""
    people = numbers(LEASED + 20)
    chance = random.Random(seed())
    Told.leased, leased = trio.open_memory_channel[str](1000)
    answered: dict[str, float] = {}
    try:
        async with running(
            tmp_path, chain=("consent", "told", "ratelimit", "footer"), plugins=[Told]
        ) as gateway:
            await gateway.import_confirmed(people)
            number = await gateway.send("1")

            async def say(phone: str) -> None:
                await trio.sleep(chance.random() * 0.07)
                said = await gateway.sandbox.say(phone, "STOP")
                assert said.status == 200
                answered[phone] = said.answered_at

            async with trio.open_nursery() as nursery:
                for _ in people:
                    phone = await leased.receive()
                    if len(answered) < LEASED and phone in people[:LEASED]:
                        nursery.start_soon(say, phone)
            await settled(gateway, number, len(people))
            await check(gateway, answered)
            counts = await gateway.counts(number)
            assert counts["dropped"] >= LEASED // 3, counts
            assert counts["dropped"] + counts["read"] == len(people), counts
    finally:
        Told.leased = None
    assert len(answered) == LEASED


async def test_stop_while_the_connection_opens(tmp_path: Path) -> None:
    """50 people say STOP while the connection for their delivery opens: the answer waits."""
    people = numbers(OPENING)
    answered: dict[str, float] = {}
    async with running(tmp_path) as gateway, trio.open_nursery() as nursery:
        nobody = await gateway.send("0")  # the list of templates is fetched with it
        await gateway.until(lambda: started(gateway, nobody))
        await gateway.import_confirmed(people)

        async def say(phone: str) -> None:
            said = await gateway.sandbox.say(phone, "Stop!")
            assert said.status == 200
            answered[phone] = said.answered_at

        async with gateway.sandbox.connects_held():
            number = await gateway.send("1")
            await gateway.until(lambda: in_the_air(gateway, OPENING))
            for phone in people:
                nursery.start_soon(say, phone)
            await trio.sleep(0.3)
            assert not answered, "answered while a send was under way"
        await gateway.until(lambda: len(answered) == OPENING)
        await settled(gateway, number, OPENING)
        await check(gateway, answered)
        later = await gateway.send("2")
        await gateway.until(lambda: started(gateway, later))
        assert (await gateway.counts(later)) == {}
        await check(gateway, answered)


def seed() -> str:
    """Return a seed, printed so that a failure can be repeated."""
    value = secrets.token_hex(4)
    print(f"seed {value}")
    return value


async def in_the_air(gateway: Running, n: int) -> bool:
    depths = await gateway.daemon.store.depths()
    return sum(v for (_, _, state), v in depths.items() if state == "sending") >= n


async def started(gateway: Running, number: int) -> bool:
    shown = await gateway.call("message_show", message=str(number))
    return bool(shown["state"] == "started")


async def settled(gateway: Running, number: int, n: int) -> None:
    """Wait until n deliveries of a message ended."""

    async def done() -> bool:
        counts = await gateway.counts(number)
        return sum(counts.get(s, 0) for s in ("read", "failed", "unknown", "dropped")) >= n

    await gateway.until(done, 40)


async def check(gateway: Running, answered: dict[str, float]) -> None:
    """No marketing send to anybody begins after the answer to their STOP; what does is one
    confirmation of it, and it is the last that they get."""

    def confirmed() -> bool:
        return len(gateway.received()[1]) >= len(answered)

    await gateway.until(confirmed)
    await gateway.sandbox.settled()
    campaign, others = gateway.received()
    late = [
        line
        for line in campaign
        if line.contact in answered and line.first_byte > answered[line.contact]
    ]
    assert late == []
    assert Counter(line.contact for line in others) == dict.fromkeys(answered, 1)
    last = {line.contact: line for line in sorted([*campaign, *others], key=first_byte)}
    for line in others:
        assert line.text.startswith("Du bist abgemeldet"), line
        assert last[line.contact] == line


def first_byte(line: Received) -> float:
    return line.first_byte
