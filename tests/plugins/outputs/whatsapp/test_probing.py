"""What Meta's answer to a probe lifts, and how a refused template makes new messages wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.api import DeliveryError, FetchError, Hold, Rejected, Template
from gateway_plugins.outputs.whatsapp.codes import RULES
from gateway_plugins.outputs.whatsapp.number import BLOCKED
from gateway_plugins.outputs.whatsapp.output import WhatsApp

Make = Callable[..., Any]
TOKEN = {"token_invalid", "not_authenticated", "permission", "not_registered", "wrong_id"}
ACCOUNT = {
    "policy_block",
    "account_locked",
    "payment",
    "payment_terms",
    "spam_rate",
    "app_capability",
}


def number(able: str | None) -> dict[str, Any]:
    """A number as Meta describes it."""
    told = {"display_phone_number": "+49 171 3920010", "quality_rating": "GREEN"}
    return told | ({"health_status": {"can_send_message": able}} if able else {})


@pytest.mark.parametrize(
    ("able", "lifted", "kept"),
    [
        ("AVAILABLE", TOKEN | ACCOUNT, set()),
        ("LIMITED", TOKEN | ACCOUNT, set()),
        (None, TOKEN, ACCOUNT),
        ("BLOCKED", set(), TOKEN | ACCOUNT),
    ],
)
async def test_what_an_answer_lifts(
    output: WhatsApp, context: Any, able: str | None, lifted: set[str], kept: set[str]
) -> None:
    """That Meta answers shows that the token is right; about the account only its health counts."""
    context.http.answer(200, number(able))
    if able != "BLOCKED":
        context.http.answer(200, {"data": []})
    effects = await output.probe()
    over = {one.code for one in effects if one.what == "resume"}
    assert lifted <= over
    assert not kept & over
    stops = {one.code for one in effects if one.what == "stop"}
    assert stops == ({BLOCKED} if able == "BLOCKED" else set())


async def test_a_portfolios_stop_ends_for_all_its_numbers(output: WhatsApp, context: Any) -> None:
    context.http.answer(200, number("AVAILABLE"))
    context.http.answer(200, {"data": []})
    scopes = {one.code: one.scope for one in await output.probe() if one.what == "resume"}
    assert (scopes["payment"], scopes["token_invalid"]) == ("portfolio", "sender")


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [(401, 190, "token_invalid"), (400, 100, "wrong_id"), (400, 80007, "account_rate")],
)
async def test_a_refusal_lifts_nothing(
    output: WhatsApp, context: Any, status: int, error: int, code: str
) -> None:
    subcode = 33 if error == 100 else 0
    context.http.answer(status, {"error": {"code": error, "error_subcode": subcode}})
    with pytest.raises(DeliveryError) as caught:
        await output.probe()
    assert caught.value.code == code


async def test_which_templates_are_back(output: WhatsApp, context: Any, listed: Make) -> None:
    """Those that are approved, and no others; that they cannot be had lifts the rest all the same."""
    there = [listed("one"), listed("two", status="PAUSED"), listed("one", language="en")]
    context.http.answer(200, number("AVAILABLE"))
    context.http.answer(200, {"data": there})
    back = [one for one in await output.probe() if one.what == "template_back"]
    assert [(one.name, one.language) for one in back] == [("one", "de"), ("one", "en")]
    context.http.answer(200, number("AVAILABLE"))
    context.http.script.append(FetchError("connect", "no way"))
    effects = await output.probe()
    assert {one.what for one in effects} >= {"resume"}
    assert "template_back" not in {one.what for one in effects}


def test_what_a_probe_can_lift_is_said() -> None:
    """Every stop of the table but those of a number's set-up, which a person ends."""
    stops = {rule.name for rule in RULES.values() if rule.action == "stop"}
    assert stops - set(WhatsApp.probed) == {"registration", "migration"}
    assert {"template_paused", "classification"} <= set(WhatsApp.probed)
    assert WhatsApp.probed["spam_rate"] == (3600, 86400)
    assert set(WhatsApp.advice) >= stops


@pytest.mark.parametrize(
    ("code", "held", "waits"),
    [(132015, "template_paused", True), (132016, "template_not_approved", False)],
)
async def test_a_new_message_waits_for_a_template_that_was_refused(
    output: WhatsApp,
    context: Any,
    delivery: Make,
    listed: Make,
    message: Make,
    topic: Make,
    code: int,
    held: str,
    waits: bool,
) -> None:
    """One that is paused is looked for again by itself; one that is disabled is for a person.
    Nothing is dropped, and Meta's list is not asked again: it may still show what was before."""
    context.http.answer(200, {"data": [listed()]})
    await output.sync_templates()
    assert not isinstance(await output.compose(message(), topic()), Hold)
    context.http.answer(400, {"error": {"code": code}})
    sent = Template(name="blog_post", language="de", body="x", parameters={})
    with pytest.raises(Rejected):
        await output.send(delivery(content=sent))
    asked = len(context.http.asked)
    verdict = await output.compose(message(), topic())
    assert isinstance(verdict, Hold)
    assert verdict.code == held
    until = context.clock.now() + timedelta(minutes=10)
    assert verdict.until == (until if waits else None)
    assert len(context.http.asked) == asked
