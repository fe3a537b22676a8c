"""A delivery as JSON, exactly."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.api import Button, Delivery, Identity, Rejected, Template, Text
from gateway_plugins.outputs.whatsapp.payloads import body

PHONE = Identity("phone", "+4917139200011")
USER = Identity("user_id", "DE.10000000000000000042")
PARENT = Identity("parent_user_id", "DE.ENT.20000000000000000007")


def template(**changes: Any) -> Template:
    given: dict[str, Any] = {
        "name": "blog_post",
        "language": "de",
        "body": "{{title}} {{link}}",
        "parameters": {"title": "Neun\n\tFragen ", "link": "https://blog.example/9"},
    }
    return Template(**{**given, **changes})


TITLE = {"type": "text", "parameter_name": "title", "text": "Neun Fragen"}
LINK = {"type": "text", "parameter_name": "link", "text": "https://blog.example/9"}
BODY = {"type": "body", "parameters": [TITLE, LINK]}

CASES: dict[str, tuple[Any, str, Any]] = {
    "text": (
        Text(body="Hallo\nWelt 🙏"),
        "text",
        {"body": "Hallo\nWelt 🙏", "preview_url": True},
    ),
    "no preview": (Text(body="a", preview=False), "text", {"body": "a", "preview_url": False}),
    "image": (
        Text(body="Bild", image="https://cdn.example/a.jpg"),
        "image",
        {"link": "https://cdn.example/a.jpg", "caption": "Bild"},
    ),
    "image without caption": (
        Text(body="", image="https://cdn.example/a.jpg"),
        "image",
        {"link": "https://cdn.example/a.jpg"},
    ),
    "named template": (
        template(),
        "template",
        {"name": "blog_post", "language": {"code": "de"}, "components": [BODY]},
    ),
    "positional template": (
        template(named=False, parameters={"2": "b", "10": "c", "1": "a"}),
        "template",
        {
            "name": "blog_post",
            "language": {"code": "de"},
            "components": [
                {"type": "body", "parameters": [{"type": "text", "text": t} for t in "abc"]}
            ],
        },
    ),
    "fixed template": (
        template(parameters={}, buttons=(Button(kind="phone_number", text="Anrufen"),)),
        "template",
        {"name": "blog_post", "language": {"code": "de"}},
    ),
    "header image and buttons": (
        template(
            image="https://cdn.example/a.jpg",
            buttons=(
                Button(kind="phone_number", text="Anrufen"),
                Button(kind="url", text="Lesen", value="2026/9?x=1"),
                Button(kind="url", text="Start"),
                Button(kind="quick_reply", text="Abmelden", payload="STOP"),
                Button(kind="copy_code", text="Code", value="SPRING15"),
            ),
        ),
        "template",
        {
            "name": "blog_post",
            "language": {"code": "de"},
            "components": [
                {
                    "type": "header",
                    "parameters": [
                        {"type": "image", "image": {"link": "https://cdn.example/a.jpg"}}
                    ],
                },
                BODY,
                {
                    "type": "button",
                    "sub_type": "url",
                    "index": "1",
                    "parameters": [{"type": "text", "text": "2026/9?x=1"}],
                },
                {
                    "type": "button",
                    "sub_type": "quick_reply",
                    "index": "3",
                    "parameters": [{"type": "payload", "payload": "STOP"}],
                },
                {
                    "type": "button",
                    "sub_type": "copy_code",
                    "index": "4",
                    "parameters": [{"type": "coupon_code", "coupon_code": "SPRING15"}],
                },
            ],
        },
    ),
    "header text": (
        template(header="Neu: {{title}}", header_parameters={"title": "Neun Fragen"}),
        "template",
        {
            "name": "blog_post",
            "language": {"code": "de"},
            "components": [{"type": "header", "parameters": [TITLE]}, BODY],
        },
    ),
    "positional header text": (
        template(named=False, parameters={"1": "x"}, header_parameters={"1": "y"}),
        "template",
        {
            "name": "blog_post",
            "language": {"code": "de"},
            "components": [
                {"type": "header", "parameters": [{"type": "text", "text": "y"}]},
                {"type": "body", "parameters": [{"type": "text", "text": "x"}]},
            ],
        },
    ),
}


@pytest.mark.parametrize(("content", "kind", "value"), CASES.values(), ids=CASES)
def test_body(delivery: Callable[..., Delivery], content: Any, kind: str, value: Any) -> None:
    assert json.loads(body(delivery(content=content, attempt=3))) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+4917139200011",
        "type": kind,
        kind: value,
        "biz_opaque_callback_data": "7001:3",
    }


def test_exact_bytes(delivery: Callable[..., Delivery]) -> None:
    assert body(delivery()) == (
        b'{"messaging_product":"whatsapp","recipient_type":"individual","to":"+4917139200011",'
        b'"type":"text","text":{"body":"Hallo","preview_url":true},'
        b'"biz_opaque_callback_data":"7001:1"}'
    )


@pytest.mark.parametrize(
    ("identities", "key", "value"),
    [
        ((PHONE,), "to", PHONE.value),
        ((USER,), "recipient", USER.value),
        ((USER, PHONE), "to", PHONE.value),
        ((PARENT, USER), "recipient", USER.value),
        ((Identity("phone", "4917139200011"),), "to", PHONE.value),
    ],
)
def test_recipient(
    delivery: Callable[..., Delivery], identities: Any, key: str, value: str
) -> None:
    payload = json.loads(body(delivery(identities=identities)))
    assert payload[key] == value
    assert ("to" in payload) != ("recipient" in payload)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"identities": ()}, "no_identity"),
        ({"identities": (PARENT,)}, "no_identity"),
        ({"content": Text(body=" \n")}, "empty_text"),
        ({"content": Text(body="x" * 4097)}, "text_too_long"),
        ({"content": Text(body="x" * 1025, image="https://a.example/b")}, "text_too_long"),
        ({"content": template(parameters={"opt_out": ""})}, "empty_parameter"),
        ({"content": template(parameters={"title": " \n\u200b"})}, "empty_parameter"),
        ({"content": template(header_parameters={"title": " "})}, "empty_parameter"),
    ],
)
def test_refused_before_sending(delivery: Callable[..., Delivery], changes: Any, code: str) -> None:
    with pytest.raises(Rejected) as caught:
        body(delivery(**changes))
    assert caught.value.code == code
    assert caught.value.scope == ("contact" if code == "no_identity" else "message")
    assert caught.value.retry_after is None
