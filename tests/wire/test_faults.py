"""Faults of the other side, through the real daemon: nothing is burnt, nobody is written to again."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import trio

from gateway.inbound import Inbound, Intake
from gateway.message import Identity
from tests.wire.inprocess import running
from tests.wire.test_stop import in_the_air, settled
from tests.wire.world import numbers


async def test_a_repeated_stop_waits_like_the_first(tmp_path: Path) -> None:
    """Meta repeats a webhook that is slow: its copy is not answered before the send has ended."""
    (phone,) = numbers(1)
    async with running(tmp_path) as gateway, trio.open_nursery() as nursery:
        await gateway.import_confirmed([phone])
        gateway.sandbox.fault("slow", phone, seconds=1.5, times=1)
        number = await gateway.send("1")
        await gateway.until(lambda: in_the_air(gateway, 1))
        nursery.start_soon(gateway.sandbox.say, phone, "Stop")

        async def heard() -> list[dict[str, Any]]:
            return list((await gateway.call("contacts_show", who=phone))["inbound"])

        await gateway.until(heard)
        (first,) = await heard()
        copy = Inbound(
            provider_id=first["provider_id"],
            identities=(Identity("phone", phone),),
            at=datetime.now(UTC),
            kind="text",
            words="Stop",
        )
        taken = await gateway.daemon.inbox.take(Intake(sender="main", messages=(copy,)))
        assert taken.duplicates == 1
        assert taken.sending, "the send had ended before the copy came: nothing was tested"
        assert not await gateway.daemon.store.sending(taken.sending)
        await settled(gateway, number, 1)


async def test_an_outage_leaves_the_queue(tmp_path: Path) -> None:
    """While every answer is a 503 the sender waits and probes; afterwards the rest arrives."""
    people = numbers(150)
    async with running(tmp_path) as gateway:
        await gateway.import_confirmed(people)
        gateway.sandbox.fault("5xx", None, code=503)
        number = await gateway.send("1")

        async def some_unknown() -> bool:
            return (await gateway.counts(number)).get("unknown", 0) >= 3

        await gateway.until(some_unknown)
        await trio.sleep(2.5)
        during = await gateway.counts(number)
        assert during["unknown"] <= 30, during
        gateway.sandbox.state.faults.clear()

        async def rest() -> bool:
            counts = await gateway.counts(number)
            return counts.get("read", 0) + counts["unknown"] == len(people)

        await gateway.until(rest, 30)
        got = Counter(line.contact for line in gateway.sandbox.received())
        assert max(got.values()) == 1


async def test_one_bad_contact_stops_nobody_else(tmp_path: Path) -> None:
    """A passing error that always meets one person leaves the sender going."""
    people = numbers(40)
    async with running(tmp_path) as gateway:
        await gateway.import_confirmed(people)
        gateway.sandbox.fault("error", people[0], code=131056)
        number = await gateway.send("1")

        async def others() -> bool:
            return (await gateway.counts(number)).get("read", 0) == len(people) - 1

        await gateway.until(others)
        assert await gateway.daemon.store.stops() == []


async def test_the_webhook_needs_no_slash(tmp_path: Path) -> None:
    """Meta does not follow redirects: both spellings of the address are answered there."""
    async with running(tmp_path) as gateway, httpx.AsyncClient() as client:
        (public,) = gateway.daemon.addresses["public"]
        for path in ("/hook/main", "/hook/main/"):
            answer = await client.post(public + path, content=b"{}")
            assert answer.status_code == 401, path  # unsigned, and refused by the plugin itself
        assert (await client.get(f"{public}/hook/other")).status_code == 404
