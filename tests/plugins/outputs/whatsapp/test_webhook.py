"""A webhook's bytes as one Intake: account events, odd parts, the signature."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api import AccountEvent, Inbound, Intake
from gateway_plugins.outputs.whatsapp.webhook import FIELDS, NOT_KEPT, Reader, signed

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AT = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)  # 1795000000
NUMBER, ACCOUNT = "200000000000002", "100000000000001"
PHONE, USER = "4917139200011", "DE.10000000000000000042"
CONTACT = {"profile": {"name": "Zoë", "username": "zoe.k"}, "wa_id": PHONE, "user_id": USER}
TEXT = {
    "from": PHONE,
    "id": "wamid.IN1",
    "timestamp": "1795000000",
    "type": "text",
    "text": {"body": "Hi"},
}
SENT = {
    "id": "wamid.OUT1",
    "status": "sent",
    "timestamp": "1795000000",
    "recipient_id": PHONE,
    "biz_opaque_callback_data": "7001:1",
}


def body(*values: Any, field: str = "messages", number: str | None = NUMBER) -> bytes:
    changes = []
    for value in values:
        if number is not None:
            value = {"metadata": {"phone_number_id": number}, **value}
        changes.append({"field": field, "value": value})
    envelope = {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT, "changes": changes}],
    }
    return json.dumps(envelope).encode()


def read(raw: bytes, told: Callable[..., None] = lambda *_: None) -> Intake:
    return Reader("main", NUMBER, ACCOUNT, told).read(raw, NOW)


def only(intake: Intake) -> Any:
    (one,) = (*intake.messages, *intake.statuses, *intake.events)
    return one


# --- system, preferences, account -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("system", "name", "understood"),
    [
        ({"type": "user_changed_number", "wa_id": "1"}, "system_user_changed_number", True),
        ({"type": "user_changed_user_id"}, "system_user_changed_user_id", True),
        ({"type": "customer_identity_changed"}, "system_customer_identity_changed", True),
        ({"type": "something_new"}, "system_other", False),
        (None, "system_other", False),
    ],
)
def test_system(system: Any, name: str, understood: bool) -> None:
    one = {"id": "wamid.S", "timestamp": "1795000000", "type": "system", "system": system}
    found = only(read(body({"messages": [one]})))
    assert isinstance(found, AccountEvent)
    assert (found.name, found.understood, found.at) == (name, understood, AT)
    assert json.loads(found.raw) == one


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("stop", "user_preferences_stop"),
        ("resume", "user_preferences_resume"),
        ("signup", "user_preferences_signup"),
        ("other", "user_preferences_other"),
        ([], "user_preferences_other"),
    ],
)
def test_preferences(value: Any, name: str) -> None:
    one = {"wa_id": PHONE, "category": "marketing_messages", "value": value,
           "timestamp": 1795000000}  # fmt: skip
    intake = read(body({"user_preferences": [one]}, field="user_preferences"))
    (found,) = intake.events
    assert found.name == name
    # WhatsApp's own switch is heard like words that were written, and opens no window.
    heard = [value] if value in ("stop", "resume") else []
    assert [(one.words, one.kind, one.opens_window) for one in intake.messages] == [
        (word, "user_preferences", False) for word in heard
    ]
    assert all(one.provider_id.startswith("preference:") for one in intake.messages)
    assert found.understood is (not name.endswith("other"))
    assert json.loads(found.raw) == one
    if found.understood:
        assert found.at == AT


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_account_fields(field: str) -> None:
    raw = body({"event": "X", "message_template_id": 12}, field=field, number=None)
    found = only(read(raw))
    assert (found.name, found.understood) == (field, True)
    assert json.loads(found.raw)["field"] == field


def test_time_of_the_entry() -> None:
    raw = json.loads(body({}, field="account_update", number=None))
    raw["entry"][0]["time"] = 1795000000
    assert only(read(json.dumps(raw).encode())).at == AT


@pytest.mark.parametrize("field", sorted(NOT_KEPT))
def test_others_chats_are_not_kept(field: str) -> None:
    found = only(read(body({"message_echoes": [TEXT]}, field=field)))
    assert (found.name, found.understood, found.raw) == (field, True, b"")


def test_unknown_field() -> None:
    found = only(read(body({"x": 1}, field="brand_new", number=None)))
    assert (found.name, found.understood) == ("unknown_field", False)
    assert b"brand_new" in found.raw


def test_a_stop_on_standby_is_a_stop() -> None:
    found = only(read(body({"messages": [TEXT]}, field="standby")))
    assert isinstance(found, Inbound)
    assert found.opens_window is False


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        (
            "message_template_status_update",
            {
                "event": "PAUSED",
                "message_template_id": 12,
                "message_template_name": "blog_post",
                "message_template_language": "de",
            },
            [("blog_post", "de", "PAUSED", None)],
        ),
        *(
            (
                "message_template_status_update",
                {
                    "event": event,
                    "message_template_name": "blog_post",
                    "message_template_language": "de",
                    "other_info": {"title": title, "description": "…"},
                },
                [("blog_post", "de", event, NOW + timedelta(hours=hours) if hours else None)],
            )
            for event, title, hours in (
                ("PAUSED", "FIRST_PAUSE", 3),
                ("PAUSED", "SECOND_PAUSE", 6),
                ("PAUSED", "RATE_LIMITING_PAUSE", 0),
                ("DISABLED", "FIRST_PAUSE", 0),
            )
        ),
        (
            "template_category_update",
            {"message_template_name": "blog_post", "message_template_language": "de"},
            [("blog_post", "de", "", None)],
        ),
        ("message_template_status_update", {"event": 7}, [("", "", "", None)]),
        ("message_template_quality_update", {}, []),
        ("account_update", {}, []),
    ],
)
def test_templates_are_told(field: str, value: Any, told: Any) -> None:
    heard: list[tuple[str, str, str, datetime | None]] = []
    read(body(value, field=field, number=None), lambda *news: heard.append(news))
    assert heard == told
    heard.clear()
    other = body(value, field=field, number=None).replace(ACCOUNT.encode(), b"777")
    read(other, lambda *news: heard.append(news))
    assert heard == []


# --- the batch ------------------------------------------------------------------------------------
def test_one_intake_of_all() -> None:
    first = {"contacts": [CONTACT], "messages": [TEXT, {**TEXT, "id": "wamid.IN2"}]}
    second = {"statuses": [SENT, {**SENT, "status": "delivered"}]}
    raw = json.loads(body(first, second))
    raw["entry"] += json.loads(body({}, field="account_alerts", number=None))["entry"]
    intake = read(json.dumps(raw).encode())
    assert intake.sender == "main"
    assert [one.provider_id for one in intake.messages] == ["wamid.IN1", "wamid.IN2"]
    assert [one.status for one in intake.statuses] == ["sent", "delivered"]
    assert [one.name for one in intake.events] == ["account_alerts"]


@pytest.mark.parametrize("number", ["200000000000099", "+4917139200001", None])
@pytest.mark.parametrize("field", ["messages", "user_preferences"])
def test_another_number_is_heard_and_opens_no_window(number: str | None, field: str) -> None:
    """Two numbers may share one address: a STOP counts wherever it comes in."""
    intake = read(body({"messages": [TEXT], "statuses": [SENT]}, number=number, field=field))
    (found,) = intake.events
    assert (found.name, found.understood) == ("other_number", False)
    assert [one.opens_window for one in intake.messages] == [False]
    assert len(intake.statuses) == 1


def test_errors_instead_of_messages() -> None:
    found = only(read(body({"errors": [{"code": 131000, "title": "x"}]})))
    assert (found.name, found.understood) == ("errors", True)
    intake = read(body({"errors": [{"code": 131000}], "messages": [TEXT]}))
    assert len(intake.messages) == len(intake.events) == 1


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"[]", "envelope"),
        (b"7", "envelope"),
        (b"{}", "envelope"),
        (b'{"entry":{}}', "envelope"),
        (b'{"entry":[7]}', "entry"),
        (b'{"entry":[{"changes":{}}]}', "entry"),
        (b'{"entry":[{"changes":[7]}]}', "change"),
        (b'{"entry":[{"changes":[{"field":"messages"}]}]}', "change"),
        (b'{"entry":[{"changes":[{"field":"messages","value":[]}]}]}', "change"),
        (b'{"entry":[{"changes":[{"field":7,"value":{}}]}]}', "change"),
        (body({"messages": [7]}), "message_other"),
        (body({"messages": {}}), "change"),
        (body({"statuses": [7]}), "status_other"),
        (body({"user_preferences": [7]}), "user_preferences_other"),
    ],
)
def test_odd_parts_are_kept(raw: bytes, name: str) -> None:
    found = only(read(raw))
    assert isinstance(found, AccountEvent)
    assert (found.name, found.understood, found.at) == (name, False, NOW)
    assert found.raw


def test_an_odd_part_does_not_hold_back_the_others() -> None:
    raw = json.loads(body({"messages": [7, TEXT, {"type": {}}], "statuses": [None, SENT]}))
    raw["entry"].insert(0, None)
    raw["entry"][1]["changes"].insert(0, "x")
    intake = read(json.dumps(raw).encode())
    assert [one.provider_id for one in intake.messages] == ["wamid.IN1"]
    assert len(intake.statuses) == 1
    assert len(intake.events) == 5


@pytest.mark.parametrize(
    "raw", [b'{"entry":[]}', b'{"entry":[{}]}', b'{"entry":[{"changes":null}]}']
)
def test_nothing_in_it(raw: bytes) -> None:
    assert read(raw) == Intake(sender="main")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
    | st.sampled_from([PHONE, USER, "sent", "failed", "text", "button", "system", "7001:1"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["from", "from_user_id", "id", "type", "text", "body", "timestamp", "status", "errors",
             "code", "button", "payload", "interactive", "button_reply", "context", "system",
             "pricing", "category", "billable", "biz_opaque_callback_data", "edit", "message",
             "wa_id", "user_id", "reaction", "value", "error_data", "details"]
        ),
        inner,
        max_size=6,
    ),
    max_leaves=20,
)  # fmt: skip


@given(
    st.lists(JSON, max_size=3), st.lists(JSON, max_size=2), st.lists(JSON, max_size=3),
    st.lists(JSON, max_size=2),
)  # fmt: skip
def test_nothing_of_it_raises(
    messages: Any, contacts: Any, statuses: Any, preferences: Any
) -> None:
    value = {"messages": messages, "contacts": contacts, "statuses": statuses,
             "user_preferences": preferences}  # fmt: skip
    intake = read(body(value))
    seen = len(intake.messages) + len(intake.statuses) + len(intake.events)
    assert seen == len(messages) + len(statuses) + len(preferences)


# --- signature ------------------------------------------------------------------------------------
KEY = b"sandbox-app-secret"
ESCAPED = rb'{"text":"\u00e4 a\/b \u003C\u0025\u0040"}'
HEADER = "sha256=5cbd91f64e46d5a8e14ed12bccb864d00eb1098331e95dbe99fd9e8b20dd8201"
OTHER = "sha256=ad4a12072e3cb00c388cd977290c33fe852524b7295e13203c0e10c0ce9c454f"


@pytest.mark.parametrize(
    ("raw", "header", "keys", "expected"),
    [
        (ESCAPED, HEADER, (KEY,), True),
        (ESCAPED, HEADER, (b"new", KEY), True),
        ('{"text":"ä a/b <%@"}'.encode(), OTHER, (KEY,), True),
        ('{"text":"ä a/b <%@"}'.encode(), HEADER, (KEY,), False),
        (ESCAPED + b"\n", HEADER, (KEY,), False),
        (ESCAPED, HEADER, (b"another",), False),
        (ESCAPED, HEADER, (), False),
        (ESCAPED, None, (KEY,), False),
        (ESCAPED, "", (KEY,), False),
        (ESCAPED, HEADER[:-1], (KEY,), False),
        (ESCAPED, HEADER + "0", (KEY,), False),
        (ESCAPED, HEADER.upper(), (KEY,), False),
        (ESCAPED, HEADER.replace("sha256=", "sha1===", 1), (KEY,), False),
        (ESCAPED, "sha256=" + "é" * 64, (KEY,), False),
    ],
)
def test_signature(raw: bytes, header: str | None, keys: tuple[bytes, ...], expected: bool) -> None:
    assert signed(raw, header, keys) is expected


@pytest.mark.parametrize(
    ("message", "status", "ahead"),
    [
        (-1, -1, None),
        (0, 0, None),
        (600, -1, 600),
        (-1, 600, 600),
        (60, 600, 600),
        (600, 60, 600),
        ("soon", None, None),
    ],
)
def test_a_time_that_our_clock_has_not_reached(
    message: object, status: object, ahead: int | None
) -> None:
    """Meta's clock is right: ours is slow then.  Nothing of the webhook is taken to be later."""

    def stamp(seconds: object) -> object:
        return str(int(NOW.timestamp()) + seconds) if isinstance(seconds, int) else seconds

    told = {
        "messages": [{**TEXT, "timestamp": stamp(message)}],
        "statuses": [{**SENT, "timestamp": stamp(status)}],
    }
    found = read(body(told))
    assert found.ahead == (NOW + timedelta(seconds=ahead) if ahead is not None else None)
    assert max(found.messages[0].at, found.statuses[0].at) <= NOW
