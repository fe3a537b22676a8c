"""If we cannot hear, we do not speak, and what Meta tells is in force: through the real daemon."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import trio

from gateway.stopping import Stop
from tests.wire.inprocess import Running, running
from tests.wire.world import free_port, numbers

DEAF = '[hearing]\naccepted = {n}\nwithin = "{within}s"'
IN_THE_AIR = 64
"""Most requests of one sender at a time (delivery.py), leased ones included."""
PACE = "[middleware.ratelimit]\nper_second = 20"
SECOND = """
[senders.second]
output          = "whatsapp"
base_url        = "http://127.0.0.1:{port}"
phone_number_id = "100000000000003"
account_id      = "100000000000002"
token           = {{ file = "token" }}
app_secret      = {{ file = "secret" }}
"""


async def stops(gateway: Running) -> list[Stop]:
    return await gateway.daemon.store.stops()


async def codes(gateway: Running) -> set[tuple[str, str]]:
    return {(stop.scope, stop.code) for stop in await stops(gateway)}


async def metric(gateway: Running, name: str) -> float:
    (address,) = gateway.daemon.addresses["metrics"]
    async with httpx.AsyncClient() as client:
        page = (await client.get(f"{address}/metrics")).text
    (line,) = [one for one in page.splitlines() if one.startswith(f'{name}{{sender="main"}}')]
    return float(line.rpartition(" ")[2])


async def test_it_falls_silent_and_hears_again(tmp_path: Path) -> None:
    """The statuses fail to come: marketing holds, answers go; what is heard lets it go on."""
    people = numbers(120)
    more = DEAF.format(n=10, within=1.5) + "\n" + PACE
    async with running(tmp_path, more=more) as gateway:
        await gateway.import_confirmed(people)
        gateway.sandbox.fault("status_none")
        number = await gateway.send("1")
        await gateway.until(lambda: stops(gateway))
        (stop,) = await stops(gateway)
        sent = len(gateway.sandbox.received())
        assert (stop.scope, stop.code) == ("marketing:main", "deaf")
        assert "a STOP would be lost too" in stop.reason
        assert await metric(gateway, "gateway_sender_deaf") == 1
        status = await gateway.call("status")
        assert status["stops"]["marketing:main"]["causes"][0]["code"] == "deaf"
        assert 10 <= sent < len(people)
        await trio.sleep(1.5)  # at 20 a second 30 more would have gone
        after = len(gateway.sandbox.received())
        assert after - sent <= 4, "only what was under way"
        assert after < len(people)
        assert (await gateway.counts(number))["queued"] > 0

        gateway.sandbox.state.faults.clear()
        # Nothing is sent, so nothing is reported either; a person who writes is heard.
        said = await gateway.sandbox.say(people[0], "Hallo")
        assert said.status == 200
        await gateway.until(lambda: none(gateway))

        async def through() -> bool:
            counts = await gateway.counts(number)
            return counts.get("read", 0) + counts.get("accepted", 0) == len(people)

        await gateway.until(through, 30)
        assert await metric(gateway, "gateway_sender_deaf") == 0
        journal = [event.name for event in await events(gateway)]
        assert journal == ["stop", "resume"]


async def none(gateway: Running) -> bool:
    return not await stops(gateway)


async def events(gateway: Running) -> Any:
    return await gateway.daemon.store.events_after("test", limit=99, names={"stop", "resume"})


async def test_a_restart_does_not_forget_it(tmp_path: Path) -> None:
    """The stop is there after a start, and a person who lifts it begins the count anew."""
    people = numbers(60)
    more = DEAF.format(n=10, within=1) + "\n" + PACE
    async with running(tmp_path, more=more) as gateway:
        await gateway.import_confirmed(people)
        gateway.sandbox.fault("status_none")
        await gateway.send("1")
        await gateway.until(lambda: stops(gateway))
    async with running(tmp_path, more=more) as gateway:
        gateway.sandbox.fault("status_none")
        assert await codes(gateway) == {("marketing:main", "deaf")}
        await trio.sleep(1.2)
        assert gateway.sandbox.received() == []
        await gateway.call("sender_resume", sender="main")
        await gateway.until(gateway.sandbox.received)
        await gateway.until(lambda: stops(gateway))
        assert len(gateway.sandbox.received()) >= 10


async def test_silence_before_a_crash_counts_after_it(tmp_path: Path) -> None:
    """Too few were sent to stop; the rest is counted after the start."""
    people = numbers(12)
    more = DEAF.format(n=12, within=0.5) + "\n" + PACE
    async with running(tmp_path, more=more) as gateway:
        await gateway.import_confirmed(people[:8])
        gateway.sandbox.fault("status_none")
        await gateway.send("1")
        await gateway.until(lambda: len(gateway.sandbox.received()) == 8)
        await trio.sleep(1)
        assert await stops(gateway) == []
        await gateway.import_confirmed(people[8:])
    async with running(tmp_path, more=more) as gateway:
        gateway.sandbox.fault("status_none")
        await gateway.send("2")
        await gateway.until(lambda: stops(gateway))
        assert len(gateway.sandbox.received()) <= 6


async def test_what_meta_tells_is_in_force_before_its_200(tmp_path: Path) -> None:
    """Each piece of news that stops or slows down, and what takes it back."""
    async with running(tmp_path) as gateway:
        for news, scope in (
            ({"quality": "RED"}, ("marketing:main", "quality_red")),
            ({"event": "ACCOUNT_VIOLATION"}, ("marketing:main", "account_violation")),
            ({"event": "ACCOUNT_RESTRICTION"}, ("marketing:main", "restricted")),
            ({"event": "DISABLED_UPDATE"}, ("sender:main", "account_disabled")),
        ):
            gateway.sandbox.account(**news)
            await gateway.sandbox.settled()
            assert scope in await codes(gateway)
        assert gateway.daemon.senders.facts("main").quality == "RED"
        gateway.sandbox.account(quality="GREEN")
        info = {"ban_info": {"waba_ban_state": "REINSTATE"}}
        gateway.sandbox.account(event="DISABLED_UPDATE", info=info)
        await gateway.sandbox.settled()
        gateway.sandbox.account(messaging_limit="TIER_2K")
        await gateway.sandbox.settled()
        assert await stops(gateway) == []
        facts = gateway.daemon.senders.facts("main")
        assert (facts.quality, facts.tier, facts.tier_known) == ("GREEN", 2000, True)


async def test_two_numbers_of_one_address(tmp_path: Path) -> None:
    """What Meta tells of the second comes in where it tells of the first, and is its own."""
    port = free_port()
    ids = ("100000000000001", "100000000000003")
    second = SECOND.format(port=port)
    async with running(tmp_path, more=second, phone_number_ids=ids, port=port) as gateway:
        senders = gateway.daemon.parts.senders
        await gateway.until(lambda: all(one.display for one in senders.values()))
        gateway.sandbox.account(quality="RED", phone_number_id=ids[1])
        await gateway.sandbox.settled()
        assert await codes(gateway) == {("marketing:second", "quality_red")}
        gateway.sandbox.account(quality="GREEN", phone_number_id=ids[1])
        gateway.sandbox.account(quality="RED", phone_number_id=ids[0])
        await gateway.sandbox.settled()
        assert await codes(gateway) == {("marketing:main", "quality_red")}


async def test_a_restriction_ends_at_its_date(tmp_path: Path) -> None:
    """Without a person; told again after that, it stops nobody."""
    async with running(tmp_path) as gateway:
        until = int(time.time()) + 6
        kind = "RESTRICTED_BIZ_INITIATED_MESSAGING"
        info = {"restriction_info": [{"restriction_type": kind, "expiration": until}]}
        gateway.sandbox.account(event="ACCOUNT_RESTRICTION", info=info)
        await gateway.sandbox.settled()
        assert await codes(gateway) == {("marketing:main", "restricted")}
        await gateway.until(lambda: none(gateway))
        assert until <= time.time() < until + 8
        gateway.sandbox.account(event="ACCOUNT_RESTRICTION", info=info)
        await gateway.sandbox.settled()
        assert await stops(gateway) == []


async def test_meta_knows_that_the_clock_is_slow(tmp_path: Path) -> None:
    """Its webhooks are signed, and what they name as over is over."""
    async with running(tmp_path) as gateway:
        before = gateway.daemon.clock.micros()
        gateway.sandbox.forward(3600)
        said = await gateway.sandbox.say("+4917139200001", "Hallo")
        assert said.status == 200
        await gateway.until(lambda: stops(gateway))
        assert await codes(gateway) == {("marketing", "clock_behind")}
        assert gateway.daemon.clock.micros() - before > 3590e6


async def test_a_number_is_asked_at_the_start(tmp_path: Path) -> None:
    """Quality, tier and pace are known without a webhook; a bad one stops before a word is said."""
    settings = {"quality_rating": "RED", "messaging_limit": "TIER_2K"}
    async with running(tmp_path, **settings) as gateway:
        await gateway.until(lambda: stops(gateway))
        assert await codes(gateway) == {("marketing:main", "quality_red")}
        await gateway.until(lambda: gateway.daemon.senders.facts("main").per_second)
        facts = gateway.daemon.senders.facts("main")
        assert (facts.quality, facts.tier, facts.per_second) == ("RED", 2000, 80.0)


async def test_a_message_pauses_itself(tmp_path: Path) -> None:
    """A third cannot be reached: it stops long before everybody was written to."""
    people = numbers(300)
    more = f"[delivery]\nshare_after = 30\nfailure_share = 0.2\n{PACE}"
    async with running(tmp_path, more=more) as gateway:
        await gateway.import_confirmed(people)
        for phone in people[::3]:
            gateway.sandbox.fault("undeliverable", phone)
        number = await gateway.send("1")

        async def paused() -> bool:
            return bool((await gateway.call("message_show", message=str(number)))["paused"])

        await gateway.until(paused, 30)
        shown = await gateway.call("message_show", message=str(number))
        assert shown["pause_code"] == "failures"
        assert "undeliverable" in shown["pause_reason"]
        assert len(gateway.sandbox.received()) < len(people) // 2
        gateway.sandbox.state.faults.clear()
        await gateway.call("message_set", message=str(number), action="resume")

        async def goes_on() -> bool:
            return (await gateway.counts(number)).get("read", 0) > 60

        await gateway.until(goes_on, 30)
