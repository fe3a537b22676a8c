"""A number asks how it stands: quality, pace, tier and health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio

from gateway.api import Duration, FetchError, Rejected
from gateway_plugins.outputs.whatsapp.number import BLOCKED, SOON, Number, effects
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from tests.plugins.outputs.whatsapp.conftest import NOW, TOKEN, Context
from tests.plugins.outputs.whatsapp.test_news import GREEN, RED, Short, short

URL = "https://graph.facebook.com/v25.0/200000000000002"
FREE: Short = ("resume", "sender", BLOCKED, False)


@pytest.mark.parametrize(
    ("told", "known", "expected"),
    [
        ({"quality_rating": "GREEN"}, "", GREEN),
        ({"quality_rating": "RED"}, "", RED),
        ({"quality_rating": "YELLOW"}, "",
         [("quality", "YELLOW"), GREEN[1], ("slow", "quality_yellow")]),
        ({"quality_rating": "YELLOW"}, "YELLOW", [("quality", "YELLOW"), GREEN[1]]),
        ({"quality_rating": "UNKNOWN"}, "", []),
        ({"quality_rating": "NA"}, "", []),
        ({"whatsapp_business_manager_messaging_limit": "TIER_10K"}, "", [("tier", 10_000.0)]),
        ({"whatsapp_business_manager_messaging_limit": "TIER_UNLIMITED"}, "", [("tier", None)]),
        ({"throughput": {"level": "STANDARD"}}, "", [("pace", 80.0)]),
        ({"throughput": {"level": "HIGH"}}, "", [("pace", 1000.0)]),
        ({"throughput": {"level": "NOT_APPLICABLE"}}, "", []),
        ({"throughput": {"level": "STANDARD"}, "is_on_biz_app": True}, "", [("pace", 20.0)]),
        ({"health_status": {"can_send_message": "AVAILABLE"}}, "", [FREE]),
        ({"health_status": {"can_send_message": "LIMITED"}}, "", [FREE]),
        ({"health_status": {"can_send_message": "BLOCKED"}}, "",
         [("stop", "sender", BLOCKED, False)]),
        ({"health_status": "AVAILABLE", "throughput": 7, "quality_rating": []}, "", []),
        *(({"health_status": {"can_send_message": "BLOCKED", "entities": odd}}, "",
           [("stop", "sender", BLOCKED, False)])
          for odd in (7, "x", [7], [{"can_send_message": "BLOCKED", "errors": 131031}])),
        ({"whatsapp_business_manager_messaging_limit": "9" * 5000}, "", []),
        ({}, "", []),
    ],
)  # fmt: skip
def test_what_is_told(told: dict[str, Any], known: str, expected: list[Short]) -> None:
    assert short(effects(told, NOW, known)) == expected


def test_the_reason_names_who_is_blocked() -> None:
    entities = [
        {"entity_type": "PHONE_NUMBER", "can_send_message": "AVAILABLE"},
        {"entity_type": "WABA", "can_send_message": "BLOCKED", "errors": [
            {"error_code": 131031, "error_description": "Locked.", "possible_solution": "Appeal."}
        ]},
    ]  # fmt: skip
    told = {"health_status": {"can_send_message": "BLOCKED", "entities": entities}}
    (effect,) = effects(told, NOW)
    assert effect.reason == (
        "21 Nov 2026: Meta says that the number cannot send: WABA 131031: Locked. Appeal"
    )


def number(context: Context) -> Number:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return Number(context, URL, headers, TOKEN, context.heard.append)  # type: ignore[attr-defined]


@pytest.fixture
def asked(context: Context) -> Context:
    context.heard = []  # type: ignore[attr-defined]
    return context


async def test_one_question(asked: Context) -> None:
    asked.http.answer(200, {"display_phone_number": "+49 30 1", "quality_rating": "GREEN"})
    assert short(await number(asked).ask()) == GREEN
    (question,) = asked.http.asked
    assert question.url.startswith(f"{URL}?fields=display_phone_number,quality_rating,throughput")
    assert asked.heard == ["+49 30 1"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, {"error": {"code": 190, "message": f"bad {TOKEN}"}}, "token_invalid"),
        (200, b"<html>", "no_number"),
        (200, [1], "no_number"),
        (200, b"[" * 100_000, "no_number"),
    ],
)
async def test_an_answer_that_is_none(asked: Context, status: int, body: Any, code: str) -> None:
    asked.http.answer(status, body)
    with pytest.raises(Rejected) as caught:
        await number(asked).ask()
    assert caught.value.code == code
    assert TOKEN not in str(caught.value)


async def test_it_asks_again_and_soon_after_a_failure(
    asked: Context, autojump_clock: Any, caplog: pytest.LogCaptureFixture
) -> None:
    begun, times = trio.current_time(), []

    def answer(value: Any) -> Callable[[], Any]:
        async def give() -> Any:
            times.append(trio.current_time() - begun)
            if isinstance(value, Exception):
                raise value
            return value

        return give

    asked.http.answer(200, {"quality_rating": "GREEN"})
    fine = asked.http.script.pop()
    down = FetchError("connect", "no route")
    asked.http.script = [answer(one) for one in (fine, down, down, fine, fine)]
    with trio.move_on_after(2 * 21600 + 3 * SOON):
        await number(asked).run(21600)
    assert times == [0, 21600, 21600 + SOON, 21600 + 2 * SOON, 2 * 21600 + 2 * SOON]
    assert len(asked.effects) == 3 * len(GREEN)
    assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1


async def test_an_answer_that_does_not_come_holds_nothing_up(
    asked: Context, settings: Any, autojump_clock: Any
) -> None:
    """The output is there at once, and ends at once: number and templates are asked for beside."""
    asked.http.script = [trio.sleep_forever, trio.sleep_forever]
    begun = trio.current_time()
    async with WhatsApp(settings(number_every=Duration(60)), "main").lifespan(asked):
        await trio.testing.wait_all_tasks_blocked()
        assert len(asked.http.asked) == 2
    assert trio.current_time() == begun


async def test_zero_never_asks(asked: Context, settings: Any) -> None:
    async with WhatsApp(settings(number_every=Duration(0)), "main").lifespan(asked):
        await trio.testing.wait_all_tasks_blocked()
    assert asked.http.asked == []


def test_who_shares_the_tier(settings: Any) -> None:
    """Two numbers of one account, and two accounts of one portfolio, count together."""
    one = WhatsApp(settings(), "one")
    other = WhatsApp(settings(phone_number_id="200000000000003"), "other")
    named = [WhatsApp(settings(account_id=f"10{n}", portfolio="beispiel"), "x") for n in (1, 2)]
    assert one.portfolio == other.portfolio != ""
    assert named[0].portfolio == named[1].portfolio != one.portfolio
    assert one.sends_as != other.sends_as
