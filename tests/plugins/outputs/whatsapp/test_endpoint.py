"""The two routes, over HTTP."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from gateway.api import Secret
from gateway_plugins.outputs.whatsapp.output import WhatsApp

Make = Callable[..., Any]
STOP = {
    "object": "whatsapp_business_account",
    "entry": [
        {
            "id": "100000000000001",
            "changes": [
                {
                    "field": "messages",
                    "value": {
                        "metadata": {"phone_number_id": "200000000000002"},
                        "messages": [
                            {
                                "from": "4917139200011",
                                "id": "wamid.IN1",
                                "timestamp": "1795000000",
                                "type": "text",
                                "text": {"body": "Stop. Danke, ä@<b>"},
                            }
                        ],
                    },
                }
            ],
        }
    ],
}
BODY = json.dumps(STOP).encode()


def client_of(output: WhatsApp) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(Starlette(routes=list(output.routes())))
    return httpx.AsyncClient(transport=transport, base_url="https://wa.example")


@pytest.fixture
async def client(output: WhatsApp) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(output) as client:
        yield client


ASKED = {
    "hub.mode": "subscribe",
    "hub.challenge": "1234509876",
    "hub.verify_token": "hello-meta",
}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, 200),
        ({"hub.verify_token": "hello-metA"}, 403),
        ({"hub.verify_token": ""}, 403),
        ({"hub.verify_token": "ä"}, 403),
        ({"hub.mode": "unsubscribe"}, 403),
        ({"hub.challenge": ""}, 403),
        ({"hub.challenge": "1" * 1001}, 403),
    ],
)
async def test_handshake(client: httpx.AsyncClient, changes: Any, status: int) -> None:
    answer = await client.get("/", params={**ASKED, **changes})
    assert answer.status_code == status
    assert answer.text == ("1234509876" if status == 200 else "")
    if status == 200:
        assert answer.headers["content-type"].startswith("text/plain")


async def test_handshake_without_verify_token(
    context: Any, settings: Make, caplog: pytest.LogCaptureFixture
) -> None:
    output = WhatsApp(settings(verify_token=None), "main")
    async with output.lifespan(context), client_of(output) as client:
        with caplog.at_level(logging.WARNING):
            answer = await client.get("/", params={**ASKED, "hub.verify_token": ""})
            await client.get("/", params=ASKED)
    assert answer.status_code == 403
    assert caplog.text.count("verify_token is not set") == 1
    assert context.requests("check_refused") == 2


async def test_signed_is_kept_then_answered(
    client: httpx.AsyncClient, context: Any, sign: Make
) -> None:
    answer = await client.post("/", content=BODY, headers=sign(BODY))
    assert (answer.status_code, answer.content) == (200, b"")
    (intake,) = context.intakes
    assert intake.messages[0].words == "Stop. Danke, ä@<b>"
    assert context.requests("ok") == 1


async def test_secret_being_changed(context: Any, settings: Make, sign: Make) -> None:
    output = WhatsApp(settings(previous_app_secret=Secret("before")), "main")
    async with output.lifespan(context), client_of(output) as client:
        for secret, status in (("before", 200), ("sandbox-app-secret", 200), ("x", 401)):
            answer = await client.post("/", content=BODY, headers=sign(BODY, secret))
            assert answer.status_code == status


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha256=00"},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature": "sha1=" + "0" * 40},
    ],
)
async def test_not_signed(client: httpx.AsyncClient, context: Any, headers: Any) -> None:
    answer = await client.post("/", content=BODY, headers=headers)
    assert (answer.status_code, answer.content) == (401, b"")
    assert context.intakes == []
    assert context.requests("signature") == 1


async def test_not_signed_is_not_even_parsed(client: httpx.AsyncClient, context: Any) -> None:
    assert (await client.post("/", content=b"{")).status_code == 401
    assert context.requests("not_json") == 0


async def test_no_json(client: httpx.AsyncClient, context: Any, sign: Make) -> None:
    assert (await client.post("/", content=b"{", headers=sign(b"{"))).status_code == 400
    assert context.requests("not_json") == 1


async def test_not_understood_is_kept(client: httpx.AsyncClient, context: Any, sign: Make) -> None:
    assert (await client.post("/", content=b"[]", headers=sign(b"[]"))).status_code == 200
    assert context.intakes[0].events[0].understood is False


LARGE = b'{"entry":[],"x":"' + b"a" * (3 * 1024 * 1024 - 19) + b'"}'


@pytest.mark.parametrize(("body", "status"), [(LARGE, 200), (LARGE + b" ", 413)])
async def test_size(
    client: httpx.AsyncClient, context: Any, sign: Make, body: bytes, status: int
) -> None:
    answer = await client.post("/", content=body, headers=sign(body))
    assert answer.status_code == status
    assert context.requests("too_large") == (status == 413)


@pytest.mark.parametrize(
    ("body", "ending", "status", "result"),
    [
        (LARGE, True, 200, "ok"),
        (LARGE + b" ", True, 413, "too_large"),
        (LARGE + b" " * 1_000_000, False, 413, "too_large"),
        (LARGE, False, 400, "cut_off"),
    ],
)
async def test_size_in_pieces(
    output: WhatsApp,
    context: Any,
    sign: Make,
    body: bytes,
    ending: bool,
    status: int,
    result: str,
) -> None:
    pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
    sent: list[Any] = []

    async def receive() -> Any:
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces) or not ending}

    async def send(message: Any) -> None:
        sent.append(message)

    (header,) = sign(body).items()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": b"",
        "headers": [(header[0].lower().encode(), header[1].encode())],
    }
    await Starlette(routes=list(output.routes()))(scope, receive, send)
    assert sent[0]["status"] == status
    assert context.requests(result) == 1


@pytest.mark.parametrize(
    "error",
    [RuntimeError("+4917139200011"), ExceptionGroup("x", [OSError("+4917139200011")])],
)
async def test_not_kept_comes_again(
    client: httpx.AsyncClient,
    context: Any,
    sign: Make,
    error: Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    context.refuse = error
    with caplog.at_level(logging.ERROR):
        answer = await client.post("/", content=BODY, headers=sign(BODY))
    assert answer.status_code == 503
    assert "+49" not in caplog.text
    context.refuse = None
    assert (await client.post("/", content=BODY, headers=sign(BODY))).status_code == 200
    assert len(context.intakes) == 1


async def test_other_methods(client: httpx.AsyncClient) -> None:
    assert (await client.put("/", content=b"")).status_code == 405


async def test_a_paused_template_holds_at_once(
    client: httpx.AsyncClient,
    output: WhatsApp,
    context: Any,
    sign: Make,
    listed: Make,
    message: Make,
    topic: Make,
) -> None:
    context.http.answer(200, {"data": [listed()]})
    await output.sync_templates()
    for event, code in (("PAUSED", "template_paused"), ("DISABLED", "template_not_approved")):
        value = {
            "event": event,
            "message_template_id": 12,
            "message_template_name": "blog_post",
            "message_template_language": "de",
        }
        change = {"field": "message_template_status_update", "value": value}
        body = json.dumps({"entry": [{"id": "100000000000001", "changes": [change]}]}).encode()
        assert (await client.post("/", content=body, headers=sign(body))).status_code == 200
        assert [one.status for one in output.known_templates()] == [event]
        hold = await output.compose(message(), topic())
        assert getattr(hold, "code", None) == code
    assert len(context.http.asked) == 1  # just after an event the list may be older than it
    value["event"] = "UNPAUSED"
    body = json.dumps({"entry": [{"id": "100000000000001", "changes": [change]}]}).encode()
    await client.post("/", content=body, headers=sign(body))
    assert isinstance(await output.compose(message(), topic()), tuple)
