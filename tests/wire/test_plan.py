"""Before a message goes: whom it reaches, how long it takes, what it costs; and why one waits."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.cli import plan_page, trace_page
from gateway.errors import ConfigError
from tests.wire.inprocess import Running, running
from tests.wire.world import numbers

RATES = """
currency = "EUR"
date     = 2025-07-01
source   = "of this test"
[marketing]
DE = 0.10
"""
HELD = """
[cost]
rates = "rates.toml"
{budget}
[people]
redaktion = "+4917139200901"
[middleware.approval]
ask = ["redaktion"]
[middleware.ratelimit]
{limits}
"""
CHAIN = ("consent", "filter", "approval", "ratelimit", "footer")


async def held(gateway: Running, folder: Path, people: int) -> int:
    """A post for so many people, and it waits for a yes."""
    await gateway.import_confirmed(numbers(people))
    number = await gateway.send("a")
    await gateway.until(lambda: is_held(gateway, number))
    return number


async def is_held(gateway: Running, number: int) -> bool:
    shown = await gateway.call("message_show", message=str(number))
    return bool(shown["state"] == "held")


def settings(folder: Path, limits: str = "", budget: str = "") -> str:
    (folder / "rates.toml").write_text(RATES)
    return HELD.format(limits=limits, budget=budget)


async def test_a_plan_before_it_starts(tmp_path: Path) -> None:
    """Nothing is sent or taken by asking; after a STOP it is one less."""
    more = settings(tmp_path, "daily = 20\nspread = '1h'", "per_month = 100")
    async with running(tmp_path, chain=CHAIN, more=more) as gateway:
        number = await held(gateway, tmp_path, 30)
        found = await gateway.call("message_plan", message=f"#{number}")
        plan = found["plan"]
        assert (plan["reached"], plan["left_out"]) == (30, {})
        assert [(p["n"], p["used"], p["needed"], p["today"]) for p in plan["places"]] == [
            (18, 0, 30, 18)
        ]
        assert plan["seconds"] > 86_000
        assert plan["price"]["amount"] == pytest.approx(3.0)
        page = "\n".join(plan_page.render(found, 100))
        assert "reaches  30 of 30 people" in page
        assert "NOT ENOUGH: 18 of 30 now" in page
        assert "about 3.00 EUR" in page
        assert "0.00 of 100.00 spent" in page
        await gateway.sandbox.say(numbers(1)[0], "STOP")
        await gateway.sandbox.settled()
        again = (await gateway.call("message_plan", message=str(number)))["plan"]
        assert (again["reached"], again["left_out"]) == (29, {"withdrawn": 1})
        assert gateway.received()[0] == []


async def test_a_budget_holds_for_a_person_and_one_yes_lets_it_go(tmp_path: Path) -> None:
    """The card and the plan tell it; approved for the money too, it goes."""
    more = settings(tmp_path, "", "per_month = 1.5")
    async with running(tmp_path, chain=CHAIN, more=more) as gateway:
        number = await held(gateway, tmp_path, 20)
        found = await gateway.call("message_plan", message=str(number))
        assert "costs about 2.00 EUR, and of 1.50 this month 1.50 are left" in found["trouble"]
        assert "NOT ENOUGH: it will wait for a person" in "\n".join(plan_page.render(found, 100))
        await gateway.call("message_set", message=str(number), action="approve", by="redaktion")

        async def for_money() -> bool:
            shown = await gateway.call("message_show", message=str(number))
            return (shown["state"], shown["code"]) == ("held", "budget")

        await gateway.until(for_money)
        await gateway.call("message_set", message=str(number), action="approve", by="chefin")
        await gateway.until(lambda: len(gateway.received()[0]) == 20)
        with pytest.raises(ConfigError, match=f"#{number} has started"):
            await gateway.call("message_plan", message=str(number))


async def test_why_one_does_not_go_yet(tmp_path: Path) -> None:
    """All limits that hold it, with their times and in words; asking takes nothing."""
    limits = "[middleware.ratelimit]\ndaily = 10\ntier_reserve = 0.0\nper_person = '1 per day'"
    async with running(tmp_path, more=limits) as gateway:
        people = numbers(12)
        await gateway.import_confirmed(people)
        first = await gateway.send("a")
        await gateway.until(lambda: len(gateway.received()[0]) == 10)
        second = await gateway.send("b")

        async def told() -> bool:
            counts = await gateway.counts(second)
            return counts == {"queued": 12}

        await gateway.until(told)
        went = {line.contact for line in gateway.received()[0]}
        late = next(one for one in people if one not in went)
        for message, who, wanted in (
            (first, late, ["10 people in 24 hours"]),
            (second, late, ["10 people in 24 hours"]),
            (second, next(iter(went)), ["1 a day to one person"]),
        ):
            for _ in range(3):
                story = await gateway.call("trace", message=str(message), who=who)
                assert [one["reason"] for one in story["waits"]] == wanted
                hours = (story["waits"][0]["until"] - story["now"]) / 3.6e9
                assert 23.9 < hours <= 24
            page = "\n".join(trace_page.render(story, 100))
            assert "not before 20" in page
            assert wanted[0] in page
        assert len(gateway.received()[0]) == 10
        ((_, used, allowed),) = gateway.daemon.background.tiers()
        assert (used, allowed) == (10, 10)


async def test_what_lasts_too_long_is_dropped_at_once(tmp_path: Path) -> None:
    """Quiet hours that end after the message is over: nobody waits until then to say so."""
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    begins, ends = now - timedelta(hours=2), now + timedelta(hours=12)
    quiet = f"quiet_hours = '{begins:%H:%M}-{ends:%H:%M}'\nexpires = '2h'"
    async with running(tmp_path, more=f"[middleware.ratelimit]\n{quiet}") as gateway:
        person = numbers(1)[0]
        await gateway.import_confirmed([person])
        number = await gateway.send("a")

        async def dropped() -> bool:
            return await gateway.counts(number) == {"dropped": 1}

        await gateway.until(dropped)
        story = await gateway.call("trace", message=str(number), who=person)
        assert story["delivery"]["code"] == "expired"
        assert story["delivery"]["reason"].startswith("quiet hours ")
        assert story["delivery"]["reason"].endswith("until after its time is over")
        assert gateway.received() == ([], [])
