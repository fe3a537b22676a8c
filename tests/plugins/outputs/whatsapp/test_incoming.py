"""Who wrote, and what counts as said, with all that Meta and its users are known to send."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway.api import AccountEvent, Identity, Inbound, Intake
from gateway_plugins.outputs.whatsapp.webhook import Reader

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AT = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)  # 1795000000
NUMBER, ACCOUNT = "200000000000002", "100000000000001"
PHONE, USER = "4917139200011", "DE.10000000000000000042"
PARENT = "DE.ENT.20000000000000000007"
BY_PHONE = Identity("phone", "+4917139200011")
BY_USER = Identity("user_id", USER)
BY_PARENT = Identity("parent_user_id", PARENT)
CONTACT = {"profile": {"name": "Zoë", "username": "zoe.k"}, "wa_id": PHONE, "user_id": USER}
TEXT = {
    "from": PHONE,
    "id": "wamid.IN1",
    "timestamp": "1795000000",
    "type": "text",
    "text": {"body": "Hi"},
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


def read(raw: bytes) -> Intake:
    return Reader("main", NUMBER, ACCOUNT, lambda *_: None).read(raw, NOW)


def only(intake: Intake) -> Any:
    (one,) = (*intake.messages, *intake.statuses, *intake.events)
    return one


@pytest.mark.parametrize(
    ("message", "contacts", "expected"),
    [
        ({"from": PHONE}, [CONTACT], (BY_PHONE, BY_USER)),
        ({"from": PHONE}, None, (BY_PHONE,)),
        ({"from": "+" + PHONE}, [CONTACT], (BY_PHONE, BY_USER)),
        ({"from": int(PHONE)}, [], (BY_PHONE,)),
        ({"from": PHONE, "from_user_id": USER}, [], (BY_PHONE, BY_USER)),
        ({"from_user_id": USER}, [CONTACT], (BY_PHONE, BY_USER)),
        ({"from_user_id": USER}, [{"user_id": USER}], (BY_USER,)),
        ({"from": "", "from_user_id": USER}, [{"wa_id": "", "user_id": USER}], (BY_USER,)),
        ({"from": None, "from_user_id": USER}, [{"wa_id": None}], (BY_USER,)),
        ({"from": USER}, [{"wa_id": USER}], (BY_USER,)),
        ({"from": USER}, [CONTACT], (BY_PHONE, BY_USER)),
        (
            {"from": PHONE, "from_user_id": USER, "from_parent_user_id": PARENT},
            [],
            (BY_PHONE, BY_USER, BY_PARENT),
        ),
        ({"from": PHONE}, [{**CONTACT, "parent_user_id": PARENT}], (BY_PHONE, BY_USER, BY_PARENT)),
        ({}, [CONTACT], (BY_PHONE, BY_USER)),
        # an empty number is nobody's: it must not join two people
        ({"from": "", "from_user_id": USER}, [{"wa_id": "", "user_id": "DE.7"}], (BY_USER,)),
        # place in the list says nothing
        ({"from": PHONE}, [{"wa_id": "4917139200099", "user_id": "DE.7"}, CONTACT],
         (BY_PHONE, BY_USER)),
        ({"from": PHONE}, [{"wa_id": "4917139200099", "user_id": "DE.7"}], (BY_PHONE,)),
        ({"from": PHONE}, ["nonsense", 7, {"wa_id": {}}], (BY_PHONE,)),
        ({"from": PHONE}, [{"wa_id": PHONE}], (BY_PHONE,)),
    ],
)  # fmt: skip
def test_who(message: Any, contacts: Any, expected: tuple[Identity, ...]) -> None:
    one = {key: value for key, value in TEXT.items() if key != "from"} | message
    found = only(read(body({"contacts": contacts, "messages": [one]})))
    assert isinstance(found, Inbound)
    assert found.identities == expected


@pytest.mark.parametrize(("sender", "contacts"), [({}, []), ({"from": ""}, [CONTACT, CONTACT]),
                                                  ({"from": "group-1"}, [])])  # fmt: skip
def test_nobody(sender: Any, contacts: Any) -> None:
    one = {key: value for key, value in TEXT.items() if key != "from"} | sender
    found = only(read(body({"contacts": contacts, "messages": [one]})))
    assert isinstance(found, AccountEvent)
    assert (found.name, found.understood) == ("message_of_nobody", False)


# --- what -----------------------------------------------------------------------------------------
def context(id: str) -> dict[str, Any]:
    return {"context": {"from": "4917139200001", "id": id}}


SAID: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "text": ({}, {"kind": "text", "words": "Hi"}),
    "reply": (context("wamid.OUT9"), {"words": "Hi", "quoted": "wamid.OUT9"}),
    "button": (
        {"type": "button", "button": {"payload": "STOP", "text": "Abmelden"}},
        {"kind": "button", "words": "STOP", "button": True},
    ),
    "button without payload": (
        {"type": "button", "button": {"text": "Abmelden"}},
        {"words": "Abmelden", "button": True},
    ),
    "reply button": (
        {
            "type": "interactive",
            "interactive": {"type": "button_reply", "button_reply": {"id": "ja", "title": "Ja!"}},
        },
        {"kind": "interactive", "words": "ja", "button": True},
    ),
    "list": (
        {
            "type": "interactive",
            "interactive": {"type": "list_reply", "list_reply": {"id": "r1", "title": "Eins"}},
        },
        {"words": "r1", "button": True},
    ),
    "form": (
        {"type": "interactive", "interactive": {"nfm_reply": {"response_json": "{}"}}},
        {"kind": "interactive", "words": "", "button": False},
    ),
    "interactive without its object": (
        {"type": "interactive"},
        {"kind": "interactive", "words": ""},
    ),
    "image": ({"type": "image", "image": {"id": "1", "caption": "Stop"}}, {"words": "Stop"}),
    "image without caption": ({"type": "image", "image": {"id": "1"}}, {"kind": "image"}),
    "audio": ({"type": "audio", "audio": {"id": "1", "voice": True}}, {"kind": "audio"}),
    "order": ({"type": "order", "order": {"text": "Hallo"}}, {"kind": "order", "words": "Hallo"}),
    "unsupported": (
        {"type": "unsupported", "errors": [{"code": 131051}], "unsupported": {"type": "poll"}},
        {"kind": "unsupported", "words": ""},
    ),
    "reaction": (
        {"type": "reaction", "reaction": {"message_id": "wamid.OUT9", "emoji": "👍"}},
        {"kind": "reaction", "words": "", "quoted": "wamid.OUT9", "opens_window": False},
    ),
    "edit": (
        {
            "type": "edit",
            "edit": {
                "original_message_id": "wamid.IN0",
                "message": {"type": "text", "text": {"body": "Stop"}},
            },
        },
        {"kind": "edit", "words": "Stop", "quoted": "wamid.IN0", "opens_window": False},
    ),
    "edit of a caption": (
        {
            "type": "edit",
            "edit": {
                "original_message_id": "wamid.IN0",
                "message": {"type": "image", "image": {"caption": "Stop"}},
            },
        },
        {"kind": "edit", "words": "Stop", "opens_window": False},
    ),
    "edit of another shape": (
        {"type": "edit", "edit": {"message": ["x"]}},
        {"kind": "edit", "words": "", "opens_window": False},
    ),
    "revoke": (
        {"type": "revoke", "revoke": {"original_message_id": "wamid.IN0"}},
        {"kind": "revoke", "quoted": "wamid.IN0", "opens_window": False},
    ),
    "unknown type": ({"type": "hologram", "hologram": 1}, {"kind": "other", "opens_window": False}),
    "no type": ({"type": None}, {"kind": "other", "opens_window": False}),
    "group": ({"group_id": "g-1"}, {"words": "Hi", "opens_window": False}),
    "text of another shape": ({"text": "Hi"}, {"kind": "text", "words": ""}),
    "referral and more": ({"referral": {"source_id": "1"}, "new": [1]}, {"words": "Hi"}),
    "no id": ({"id": None}, {"words": "Hi"}),
}


@pytest.mark.parametrize(("changes", "fields"), SAID.values(), ids=SAID)
def test_said(changes: dict[str, Any], fields: dict[str, Any]) -> None:
    one = {**TEXT, **changes}
    found = only(read(body({"contacts": [CONTACT], "messages": [one]})))
    assert isinstance(found, Inbound)
    expected = {"button": False, "opens_window": True, **fields}
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.identities == (BY_PHONE, BY_USER)
    assert json.loads(found.raw) == one
    assert found.provider_id == (one["id"] or found.provider_id)


def test_a_message_without_id_is_the_same_when_it_comes_again() -> None:
    raw = body({"messages": [{**TEXT, "id": ""}]})
    assert only(read(raw)).provider_id == only(read(raw)).provider_id
    assert only(read(raw)).provider_id.startswith("raw:")


@pytest.mark.parametrize(
    ("timestamp", "expected"),
    [
        ("1795000000", AT),
        (1795000000, AT),
        (1795000000.5, AT + timedelta(seconds=0.5)),
        ("1795000000123", AT + timedelta(milliseconds=123)),
        ("1999999999", NOW),  # in the future: no window may open later than now
        ("", NOW),
        (None, NOW),
        ("soon", NOW),
        ("nan", NOW),
        ("inf", NOW),
        ("1e300", NOW),
        ("-5", NOW),
        ([], NOW),
        (True, NOW),
    ],
)
def test_time(timestamp: Any, expected: datetime) -> None:
    found = only(read(body({"messages": [{**TEXT, "timestamp": timestamp}]})))
    assert abs(found.at - expected) < timedelta(milliseconds=1)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (rb"STOP \ud83d", "STOP ?"),  # cut within an emoji
        (rb"STOP \ud83d\ude4f", "STOP 🙏"),
        (b"STOP \xff", "STOP \ufffd"),
        (b"STOP \x01", "STOP \x01"),
        (rb"a\/b \u003C\u0025\u0040", "a/b <%@"),
    ],
)
def test_text_that_is_not_quite_json(raw: bytes, words: str) -> None:
    whole = body({"messages": [{**TEXT, "text": {"body": "@@"}}]}).replace(b"@@", raw)
    found = only(read(whole))
    assert isinstance(found, Inbound)
    assert found.words == words


@pytest.mark.parametrize("raw", [b"", b"{", b"hello", b"\x00", b'{"entry":' + b"[" * 100_000])
def test_no_json(raw: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        read(raw)
