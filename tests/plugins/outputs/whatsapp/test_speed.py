"""What a send and a webhook cost in CPU, without the network: at most 150 µs each."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api import Button, Template
from gateway_plugins.outputs.whatsapp.errors import provider_id
from gateway_plugins.outputs.whatsapp.payloads import body
from gateway_plugins.outputs.whatsapp.webhook import Reader, signed

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
LIMIT = 150.0  # microseconds
ANSWER = (
    b'{"messaging_product":"whatsapp","contacts":[{"input":"+4917139200011",'
    b'"wa_id":"4917139200011"}],"messages":[{"id":"wamid.U0FOREJPWC1PVVQtMDAwMQ",'
    b'"message_status":"accepted"}]}'
)


def cost(call: Callable[[], object]) -> float:
    """Microseconds of CPU of one call: the best of several rounds, others run here too."""
    rounds = []
    for _ in range(20):
        started = time.process_time()
        for _ in range(200):
            call()
        rounds.append((time.process_time() - started) / 200 * 1e6)
    return min(rounds)


def test_send(delivery: Callable[..., Any]) -> None:
    template = Template(
        name="blog_post",
        language="de",
        body="Neu: {{title}} {{teaser}} {{link}}",
        parameters={"title": "Neun Fragen", "teaser": "Wort " * 100, "link": "https://a.example/9"},
        image="https://cdn.example/a.jpg",
        buttons=(Button(kind="quick_reply", text="Abmelden", payload="STOP"),),
    )
    one = delivery(content=template)
    spent = cost(lambda: (body(one), provider_id(200, ANSWER)))
    print(f"\nbuild a template's body and read the answer: {spent:.1f} µs")
    assert spent < LIMIT


@pytest.mark.parametrize("kind", ["statuses", "messages"])
def test_webhook(sign: Callable[..., dict[str, str]], kind: str) -> None:
    user = {"wa_id": "4917139200011", "user_id": "DE.10000000000000000042"}
    item: dict[str, Any] = {"id": "wamid.OUT0001", "timestamp": "1795000003"}
    if kind == "statuses":
        item |= {
            "status": "delivered",
            "recipient_id": "4917139200011",
            "recipient_user_id": "DE.10000000000000000042",
            "biz_opaque_callback_data": "7301444403298000123:1",
            "pricing": {"billable": True, "pricing_model": "PMP", "category": "marketing"},
        }
    else:
        item |= {"from": "4917139200011", "type": "text", "text": {"body": "Hallo " * 20}}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "4917139200001", "phone_number_id": "2"},
        "contacts": [{"profile": {"name": "Zoë"}, **user}],
        kind: [item],
    }
    change = {"field": "messages", "value": value}
    raw = json.dumps({"object": "x", "entry": [{"id": "1", "changes": [change]}]}).encode()
    header = sign(raw)["X-Hub-Signature-256"]
    keys = (b"sandbox-app-secret",)
    reader = Reader("main", "2", "1", lambda *_: None)
    assert signed(raw, header, keys)
    assert len(getattr(reader.read(raw, NOW), kind)) == 1
    spent = cost(lambda: (signed(raw, header, keys), reader.read(raw, NOW)))
    print(f"\nverify and read a webhook with one of {kind}: {spent:.1f} µs")
    assert spent < LIMIT
