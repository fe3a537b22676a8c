"""Who is known in another way now: system messages, statuses, answers, echoes."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from trio.testing import wait_all_tasks_blocked

from gateway.api import Echo, Identity, IdentityChange, Intake
from gateway_plugins.outputs.whatsapp.errors import other_number
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from gateway_plugins.outputs.whatsapp.webhook import Reader

Make = Callable[..., Any]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AT = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)  # 1795000000
PHONE, NEW = "4917139200011", "4917139200012"
USER, OTHER = "DE.10000000000000000042", "DE.10000000000000000099"
PARENT, OTHER_PARENT = "DE.ENT.20000000000000000007", "DE.ENT.20000000000000000008"


def phone(digits: str) -> Identity:
    return Identity("phone", f"+{digits}")


def user(value: str) -> Identity:
    return Identity("parent_user_id" if ".ENT." in value else "user_id", value)


def read(value: dict[str, Any], field: str = "messages", number: str = "2") -> Intake:
    metadata = {"metadata": {"phone_number_id": number}}
    changes = [{"field": field, "value": {**metadata, **value}}]
    raw = json.dumps({"entry": [{"id": "1", "changes": changes}]}).encode()
    return Reader("main", "2", "1", lambda *_: None).read(raw, NOW)


SYSTEM: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    # members of the message, of `system` → kind, old, new
    "another number": (
        {"from": PHONE, "from_user_id": USER},
        {"type": "user_changed_number", "wa_id": NEW, "user_id": OTHER},
        ("moved", (phone(PHONE), user(USER)), (phone(NEW), user(OTHER))),
    ),
    "another number, nothing else told": (
        {"from": PHONE},
        {"type": "user_changed_number", "wa_id": NEW},
        ("moved", (phone(PHONE),), (phone(NEW),)),
    ),
    "from_user_id is the new one already": (
        {"from": PHONE, "from_user_id": OTHER},
        {"type": "user_changed_number", "wa_id": NEW, "user_id": OTHER},
        ("moved", (phone(PHONE),), (phone(NEW), user(OTHER))),
    ),
    "as older versions say it": (
        {},
        {"type": "customer_changed_number", "customer": PHONE, "new_wa_id": NEW},
        ("moved", (phone(PHONE),), (phone(NEW),)),
    ),
    "another user id": (
        {"from_user_id": USER},
        {"type": "user_changed_user_id", "user_id": OTHER, "previous_user_id": USER},
        ("moved", (user(USER),), (user(OTHER),)),
    ),
    "another user id, with both parents": (
        {"from_user_id": OTHER},
        {
            "type": "user_changed_user_id",
            "user_id": OTHER,
            "parent_user_id": OTHER_PARENT,
            "previous_user_id": USER,
            "previous_parent_user_id": PARENT,
        },
        ("moved", (user(USER), user(PARENT)), (user(OTHER), user(OTHER_PARENT))),
    ),
    "another user id: the number stays": (
        {"from": PHONE, "from_user_id": USER},
        {"type": "user_changed_user_id", "user_id": OTHER},
        ("moved", (user(USER),), (user(OTHER),)),
    ),
    "another security code": (
        {"from": PHONE, "from_user_id": USER},
        {"type": "customer_identity_changed", "customer": PHONE, "identity": {"hash": "x"}},
        ("doubted", (phone(PHONE), user(USER)), ()),
    ),
    "another security code, by its other name": (
        {"from_user_id": USER},
        {"type": "user_identity_changed"},
        ("doubted", (user(USER),), ()),
    ),
    "another security code of the customer": (
        {"from": ""},
        {"type": "customer_identity_changed", "customer": PHONE},
        ("doubted", (phone(PHONE),), ()),
    ),
    "the same number": (
        {"from": PHONE},
        {"type": "user_changed_number", "wa_id": PHONE},
        None,
    ),
    "no new number": ({"from": PHONE}, {"type": "user_changed_number"}, None),
    "nobody's new number": ({}, {"type": "user_changed_number", "wa_id": NEW}, None),
    "a number that is none": ({"from": PHONE}, {"type": "user_changed_number", "wa_id": []}, None),
    "no new user id": ({"from_user_id": USER}, {"type": "user_changed_user_id"}, None),
    "only a number beside the new user id": (
        {"from": PHONE}, {"type": "user_changed_user_id", "user_id": OTHER}, None),
    "nobody's security code": ({}, {"type": "customer_identity_changed"}, None),
    "something new": ({"from": PHONE}, {"type": "user_sleeps", "wa_id": NEW}, None),
}  # fmt: skip


@pytest.mark.parametrize(("message", "system", "expected"), SYSTEM.values(), ids=SYSTEM)
def test_system(message: dict[str, Any], system: dict[str, Any], expected: Any) -> None:
    one = {"id": "wamid.S", "timestamp": "1795000000", "type": "system", "system": system}
    intake = read({"messages": [{**one, **message}]})
    (event,) = intake.events  # kept as an event too, whatever it means
    assert event.name.startswith("system_")
    assert intake.messages == ()
    if expected is None:
        assert intake.changes == ()
        return
    (change,) = intake.changes
    assert (change.kind, change.old, change.new, change.at) == (*expected, AT)
    assert json.loads(change.raw) == {**one, **message}


def test_a_contact_beside_tells_the_rest_of_the_old_identities() -> None:
    message = {"from": PHONE, "id": "wamid.S", "timestamp": "1795000000", "type": "system",
               "system": {"type": "user_changed_number", "wa_id": NEW}}  # fmt: skip
    (change,) = read(
        {"messages": [message], "contacts": [{"wa_id": PHONE, "user_id": USER}]}
    ).changes
    assert change.old == (phone(PHONE), user(USER))


# --- statuses and answers -------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, True),
        ({"status": "sent"}, False),
        ({"status": "read"}, False),
        ({"status": "failed"}, False),
        ({"recipient_id": ""}, False),
        ({"recipient_id": USER}, False),
        ({"recipient_user_id": None}, False),
        ({"recipient_user_id": PHONE}, False),
        ({"recipient_user_id": PARENT}, False),
        ({"recipient_id": {}, "recipient_user_id": []}, False),
    ],
)
def test_a_delivered_status_tells_two_names_of_one_person(
    changes: dict[str, Any], told: bool
) -> None:
    """Once for each message: number and user id of whoever has it on the phone."""
    status = {"id": "wamid.OUT1", "status": "delivered", "timestamp": "1795000000",
              "recipient_id": PHONE, "recipient_user_id": USER}  # fmt: skip
    intake = read({"statuses": [{**status, **changes}]})
    assert len(intake.statuses) == 1
    alias = IdentityChange(kind="alias", old=(phone(PHONE),), new=(user(USER),), at=AT)
    assert intake.changes == ((alias,) if told else ())


ACCEPTED = b'{"messaging_product":"whatsapp","contacts":%s,"messages":[{"id":"wamid.OUT1"}]}'


@pytest.mark.parametrize(
    ("contacts", "other"),
    [
        (b'[{"input":"+%b","wa_id":"%b"}]' % (PHONE.encode(), PHONE.encode()), None),
        (b'[{"input": "x", "wa_id": "%b"}]' % PHONE.encode(), None),
        (b'[{"input":"x","wa_id":"+%b"}]' % PHONE.encode(), None),
        (b'[{"input":"+%b","wa_id":"%b"}]' % (PHONE.encode(), NEW.encode()), NEW),
        (b'[{"input":"x"}]', None),
        (b'[{"wa_id":7}]', None),
        (b'[{"wa_id":"1"},{"wa_id":"2"}]', None),
        (b"[7]", None),
        (b"{}", None),
        (b"null", None),
        (b"[", None),
    ],
)
def test_the_number_that_meta_knows(contacts: bytes, other: str | None) -> None:
    assert other_number(ACCEPTED % contacts, f"+{PHONE}") == other


async def test_a_number_written_differently_is_handed_in_once(
    output: WhatsApp, context: Any, delivery: Make
) -> None:
    contacts = [{"input": f"+{PHONE}", "wa_id": NEW}]
    for _ in range(2):
        context.http.answer(200, {"contacts": contacts, "messages": [{"id": "wamid.OUT1"}]})
        assert await output.send(delivery()) == "wamid.OUT1"
    await wait_all_tasks_blocked()
    (intake,) = context.intakes
    (change,) = intake.changes
    assert (intake.sender, change.kind) == ("main", "alias")
    assert (change.old, change.new) == ((phone(PHONE),), (phone(NEW),))


@pytest.mark.parametrize(
    "contacts", [[{"wa_id": PHONE}], [{"user_id": USER}], [{"wa_id": ""}], [{"wa_id": "x"}], None]
)
async def test_nothing_is_handed_in_without_another_number(
    output: WhatsApp, context: Any, delivery: Make, contacts: Any
) -> None:
    context.http.answer(200, {"contacts": contacts, "messages": [{"id": "wamid.OUT1"}]})
    assert await output.send(delivery()) == "wamid.OUT1"
    await wait_all_tasks_blocked()
    assert context.intakes == []


async def test_a_store_that_fails_neither_stops_nor_loses_it(
    output: WhatsApp, context: Any, delivery: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """The send was accepted; the next one to this person tells it again."""
    contacts = [{"input": f"+{PHONE}", "wa_id": NEW}]
    for refuse in (RuntimeError(f"+{PHONE}"), None):
        context.refuse = refuse
        context.http.answer(200, {"contacts": contacts, "messages": [{"id": "wamid.OUT1"}]})
        with caplog.at_level(logging.ERROR):
            assert await output.send(delivery()) == "wamid.OUT1"
            await wait_all_tasks_blocked()
    assert len(context.intakes) == 1
    assert caplog.text.count("could not be kept: RuntimeError") == 1
    assert PHONE not in caplog.text


# --- echoes ---------------------------------------------------------------------------------------
SAID = {"from": "4917139200001", "id": "wamid.E", "timestamp": "1795000000", "type": "text",
        "text": {"body": "Geheim"}}  # fmt: skip


@pytest.mark.parametrize(
    ("to", "identities"),
    [
        ({"to": PHONE}, (phone(PHONE),)),
        ({"to": PHONE, "to_user_id": USER}, (phone(PHONE), user(USER))),
        ({"to_user_id": USER}, (user(USER),)),
        ({"to": "", "to_user_id": USER, "to_parent_user_id": PARENT}, (user(USER), user(PARENT))),
    ],
)
@pytest.mark.parametrize("number", ["2", "3"])
def test_echo(to: dict[str, Any], identities: tuple[Identity, ...], number: str) -> None:
    """From whichever of the company's numbers: that person was answered, and no window opens."""
    intake = read({"message_echoes": [{**SAID, **to}]}, "smb_message_echoes", number)
    assert intake == Intake(
        sender="main", echoes=(Echo(provider_id="wamid.E", identities=identities, at=AT),)
    )


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"message_echoes": None},
        {"message_echoes": {}},
        {"message_echoes": [7]},
        {"message_echoes": [SAID]},
        {"message_echoes": [{**SAID, "to": "group-1"}]},
        {"message_echoes": [{**SAID, "to": PHONE, "id": None}]},
    ],
)
def test_an_odd_echo_leaves_nothing_of_what_was_written(value: Any) -> None:
    intake = read(value, "smb_message_echoes")
    (event,) = intake.events
    assert (event.name, event.understood, event.raw) == ("echo_other", False, b"")
    assert intake.echoes == ()


def test_an_odd_echo_does_not_hold_back_the_others() -> None:
    intake = read({"message_echoes": [None, {**SAID, "to": PHONE}]}, "smb_message_echoes")
    assert (len(intake.echoes), len(intake.events)) == (1, 1)
