"""Sending: one request, one clear outcome, and nothing of a person in it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api import DeliveryError, Identity, NotSent, Rejected, Template, Text, Unknown
from gateway_plugins.outputs import whatsapp
from gateway_plugins.outputs.whatsapp.codes import RULES
from gateway_plugins.outputs.whatsapp.output import WhatsApp

Make = Callable[..., Any]
PHONE = "+4917139200011"
ACCEPTED = {"messages": [{"id": "wamid.OUT1", "message_status": "accepted"}]}


def refused(code: int, details: str = "no") -> dict[str, Any]:
    return {"error": {"code": code, "message": "x", "error_data": {"details": details}}}


def test_register() -> None:
    assert whatsapp.register() == [WhatsApp]
    assert WhatsApp.name == "whatsapp"
    assert WhatsApp.identity_kinds == ("phone", "user_id")
    assert WhatsApp.windows is True
    assert {"pair_rate", "no_identity", "template_missing"} <= WhatsApp.codes


async def test_send(output: WhatsApp, context: Any, delivery: Make) -> None:
    context.http.answer(200, ACCEPTED)
    assert await output.send(delivery()) == "wamid.OUT1"
    (asked,) = context.http.asked
    assert (asked.method, asked.url) == (
        "POST",
        "https://graph.facebook.com/v25.0/200000000000002/messages",
    )
    assert json.loads(asked.content)["to"] == PHONE
    assert asked.headers == {
        "Authorization": "Bearer EAAG0secret0token0of0the0tests",
        "content-type": "application/json",
    }


async def test_a_partner(context: Any, settings: Make, delivery: Make) -> None:
    config = settings(
        base_url="https://waba.partner.example/",
        auth_header="D360-API-KEY",
        auth_scheme="",
        version="v26.0",
    )
    output = WhatsApp(config, "main")
    async with output.lifespan(context):
        context.http.answer(200, ACCEPTED)
        await output.send(delivery())
    (asked,) = context.http.asked
    assert asked.url == "https://waba.partner.example/v26.0/200000000000002/messages"
    assert asked.headers["D360-API-KEY"] == "EAAG0secret0token0of0the0tests"
    assert "Authorization" not in asked.headers


async def test_a_number_that_meta_writes_differently(
    output: WhatsApp, context: Any, delivery: Make
) -> None:
    contacts = [{"input": PHONE, "wa_id": "4917139200099"}]
    context.http.answer(200, {"contacts": contacts, **ACCEPTED})
    assert await output.send(delivery()) == "wamid.OUT1"


@pytest.mark.parametrize(
    ("status", "value", "kind", "code", "scope", "retry_after"),
    [
        (400, refused(131056), Rejected, "pair_rate", "contact", 1.0),
        (400, refused(130429), Rejected, "throughput", "sender", 1.0),
        (400, refused(131048), Rejected, "spam_rate", "sender", None),
        (400, refused(80007), Rejected, "account_rate", "portfolio", 300.0),
        (503, refused(2), Rejected, "temporary", "sender", 5.0),
        (400, refused(131053), Rejected, "media_upload", "message", 10.0),
        (400, refused(131026), Rejected, "undeliverable", "contact", None),
        (400, refused(131047), Rejected, "window_closed", "contact", 1.0),
        (400, refused(131049), Rejected, "marketing_cap", "contact", 86400.0),
        (400, refused(132001), Rejected, "template_missing", "template", None),
        (400, refused(132015), Rejected, "template_paused", "template", 300.0),
        (401, refused(190), Rejected, "token_invalid", "sender", None),
        (403, refused(368), Rejected, "policy_block", "portfolio", None),
        (400, refused(31415926), Rejected, "meta_other", "message", None),
        (500, refused(131000), Unknown, "something_wrong", "message", None),
        (502, b"<html>", Unknown, "server_error", "message", None),
        (200, b"<html>", Unknown, "no_message_id", "message", None),
        (200, {"messages": []}, Unknown, "no_message_id", "message", None),
    ],
)
async def test_refused(
    output: WhatsApp,
    context: Any,
    delivery: Make,
    status: int,
    value: Any,
    kind: type[DeliveryError],
    code: str,
    scope: str,
    retry_after: float | None,
) -> None:
    context.http.answer(status, value)
    with pytest.raises(DeliveryError) as caught:
        await output.send(delivery())
    error = caught.value
    assert type(error) is kind
    assert (error.code, error.scope, error.retry_after) == (code, scope, retry_after)
    assert error.code in WhatsApp.codes


async def test_retry_after(output: WhatsApp, context: Any, delivery: Make) -> None:
    context.http.answer(429, refused(130429), retry_after="30")
    with pytest.raises(Rejected) as caught:
        await output.send(delivery())
    assert caught.value.retry_after == 30.0
    context.http.answer(400, refused(131056))
    with pytest.raises(Rejected) as caught:
        await output.send(delivery(attempt=9, failures=2))
    assert caught.value.retry_after == 16.0


@pytest.mark.parametrize("code", [1, 131053, 131056])
async def test_an_outage_uses_up_no_tries(
    output: WhatsApp, context: Any, delivery: Make, code: int
) -> None:
    """Ten attempts ended by the network or by the sender's pace; this is the first refusal."""
    context.http.answer(400, refused(code))
    with pytest.raises(Rejected) as caught:
        await output.send(delivery(attempt=11, failures=0))
    assert (caught.value.action, caught.value.retry_after) == ("retry", RULES[code].after(1))


@pytest.mark.parametrize("error", [NotSent("connect", "x", retry_after=1.0), Unknown("reset", "x")])
async def test_the_network_fails(
    output: WhatsApp, context: Any, delivery: Make, error: DeliveryError
) -> None:
    context.http.script.append(error)
    with pytest.raises(DeliveryError) as caught:
        await output.send(delivery())
    assert caught.value is error


async def test_nothing_is_asked_if_meta_would_refuse(
    output: WhatsApp, context: Any, delivery: Make
) -> None:
    with pytest.raises(Rejected):
        await output.send(delivery(content=Text(body="")))
    assert context.http.asked == []


@pytest.mark.parametrize(
    ("content", "quoted"),
    [
        (Text(body="Geheimer Text\nan dich"), "Geheimer Text an dich"),
        (
            Template(
                name="blog_post",
                language="de",
                body="{{title}}",
                parameters={"title": "Geheimer  Text an dich"},
            ),
            "Geheimer Text an dich",
        ),
    ],
)
async def test_nothing_personal_in_errors_and_logs(
    output: WhatsApp,
    context: Any,
    delivery: Make,
    content: Any,
    quoted: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    details = (
        f"refused {quoted} for {PHONE} ({PHONE[1:]}, DE.10000000000000000042) "
        "with EAAG0secret0token0of0the0tests"
    )
    people = (Identity("phone", PHONE), Identity("user_id", "DE.10000000000000000042"))
    with caplog.at_level(logging.DEBUG):
        for code in (190, 100, 131000):
            context.http.answer(400, refused(code, details))
            with pytest.raises(DeliveryError) as caught:
                await output.send(delivery(content=content, identities=people))
            assert caught.value.detail == f"Meta {code}: refused … for … (…, …) with …"
    for secret in ("Geheimer", "4917139200011", "DE.1000", "EAAG"):
        assert secret not in caplog.text
        assert secret not in repr(output.config)
        assert secret not in context.http.asked[0].url


async def test_trouble_of_the_account_is_told_once(
    output: WhatsApp, context: Any, delivery: Make, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(code: int) -> None:
        context.http.answer(401, refused(code))
        with pytest.raises(Rejected):
            await output.send(delivery())

    for code in (190, 190, 131042, 190):
        await fail(code)
    context.http.answer(200, ACCEPTED)
    await output.send(delivery())
    await fail(190)
    await fail(131056)
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "token_invalid",
        "payment",
        "token_invalid",
        "token_invalid",
    ]
    assert "make a new one" in caplog.text


@pytest.mark.parametrize(
    ("version", "now", "words"),
    [
        ("v25.0", (2026, 11, 21), ""),
        ("v26.0", (2030, 1, 1), ""),
        ("v21.0", (2026, 11, 21), "v21.0 ends on 2027-01-21"),
        ("v20.0", (2026, 11, 21), "v20.0 ended on 2026-09-24"),
        ("v22.0", (2027, 2, 18), ""),
        ("v22.0", (2027, 2, 19), "v22.0 ends on 2027-05-20"),
    ],
)
async def test_a_version_that_ends(
    context: Any,
    settings: Make,
    caplog: pytest.LogCaptureFixture,
    version: str,
    now: tuple[int, int, int],
    words: str,
) -> None:
    context.clock.at = datetime(*now, 12, tzinfo=UTC)
    output = WhatsApp(settings(version=version), "main")
    async with output.lifespan(context):
        assert (words in caplog.text) if words else (caplog.text == "")
