"""The error policy through all of the gateway: what Meta refuses stops what it is about, no more,
and goes on when that is over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.inprocess import Running, running

PEOPLE = 60
SLOWER = "[middleware.ratelimit]\nper_second = 40.0\n[delivery]\nbackoff = 0.02\n"


def numbers(count: int) -> list[str]:
    return [f"+49171300{n:04d}" for n in range(count)]


async def begun(gateway: Running, count: int = PEOPLE) -> int:
    """Send to some people, and wait until the first have it."""
    await gateway.import_confirmed(numbers(count))
    number = await gateway.send("1")

    async def some() -> bool:
        return (await gateway.counts(number)).get("read", 0) >= 5

    await gateway.until(some)
    return number


async def through(gateway: Running, number: int, count: int = PEOPLE) -> None:
    """Wait until everybody has it, once."""

    async def all_read() -> bool:
        return (await gateway.counts(number)).get("read", 0) == count

    await gateway.until(all_read, 40)
    assert len(gateway.sandbox.received()) == count


async def codes(gateway: Running) -> set[str]:
    return {stop.code for stop in await gateway.daemon.store.stops()}


async def test_an_account_that_meta_stops_keeps_its_queue(tmp_path: Path) -> None:
    """What was in the air is refused, the rest waits; a probe says what is left, and lifts it once
    Meta's health of the number does."""
    async with running(tmp_path, more=SLOWER.replace("0.02", "1.0")) as gateway:
        number = await begun(gateway)
        gateway.sandbox.account(restriction=131042)

        async def stopped() -> bool:
            return "payment" in await codes(gateway)

        await gateway.until(stopped)
        counts = await gateway.counts(number)
        assert not counts.keys() & {"failed", "held", "unknown", "dropped"}
        told = await gateway.call("sender_probe", sender="main")
        assert told["mended"] == []
        assert {one["code"] for one in told["left"]} == {"payment", "number_blocked"}
        assert any("payment method" in one["reason"] for one in told["left"])
        gateway.sandbox.account(restriction=0)
        told = await gateway.call("sender_probe", sender="main")
        assert (sorted(told["mended"]), told["left"]) == (["number_blocked", "payment"], [])
        await through(gateway, number)


async def test_it_goes_on_by_itself_when_meta_lets_it(tmp_path: Path) -> None:
    """Nobody types anything: the gateway asks, less and less often."""
    async with running(tmp_path, more=SLOWER) as gateway:
        number = await begun(gateway)
        gateway.sandbox.account(restriction=131031)

        async def stopped() -> bool:
            return "account_locked" in await codes(gateway)

        await gateway.until(stopped)
        gateway.sandbox.account(restriction=0)
        await through(gateway, number)


async def test_a_paused_template_waits_and_comes_back(tmp_path: Path) -> None:
    """By Meta's webhooks: the message is paused with its cause, nobody's delivery is lost, and
    after the webhook about its return it goes on."""
    async with running(tmp_path, more=SLOWER.replace("0.02", "1.0")) as gateway:
        number = await begun(gateway)

        async def shown() -> dict[str, Any]:
            return dict(await gateway.call("message_show", message=str(number)))

        gateway.sandbox.template_status("blog_post", "de", "PAUSED")

        async def paused() -> bool:
            return (await shown())["pause_code"] == "template_paused"

        await gateway.until(paused)
        page = await shown()
        assert not page["counts"].keys() & {"failed", "held", "unknown", "dropped"}
        assert await codes(gateway) == set()
        gateway.sandbox.template_status("blog_post", "de", "APPROVED")
        await through(gateway, number)


async def test_too_fast_slows_down(tmp_path: Path) -> None:
    """Half the rate after Meta's refusal, and the whole of it again after a while."""
    async with running(tmp_path, more=SLOWER) as gateway:
        number = await begun(gateway)
        slowing = gateway.daemon.consequences.slowing["main"]
        seen: list[float] = []
        slow = slowing.slow

        def noted(now: float, full: float) -> bool:
            done = slow(now, full)
            seen.append(slowing.rate(now) or full)
            return done

        slowing.slow = noted  # type: ignore[method-assign]
        gateway.sandbox.fault("error", times=1, code=130429)
        await through(gateway, number)
        assert seen == [20.0]
        assert await codes(gateway) == set()
