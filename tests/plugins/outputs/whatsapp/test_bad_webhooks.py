"""Every webhook that could go wrong: its answer, what is counted, what is stored; the next one
is taken."""

from __future__ import annotations

import gzip
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from gateway.api import Identity
from gateway_plugins.outputs.whatsapp.decoding import BROKEN
from gateway_plugins.outputs.whatsapp.settings import WhatsAppConfig
from gateway_plugins.outputs.whatsapp.webhook import Reader
from tests.gateway.store.house import phone
from tests.plugins.outputs.whatsapp.stack import (
    ACCOUNT,
    NUMBER,
    Stack,
    envelope,
    open_stack,
    signature,
)

PHONE, USER = "4917139200011", "DE.10000000000000000042"
TEXT = {"from": PHONE, "id": "wamid.IN1", "timestamp": "1795000000", "type": "text",
        "text": {"body": "Hallo"}}  # fmt: skip
STATUS = {"id": "wamid.OUT1", "status": "sent", "timestamp": "1795000000", "recipient_id": PHONE}
GOOD = envelope({"messages": [{**TEXT, "id": "wamid.GOOD", "from": "4917139200012"}]})
RAW = json.dumps(envelope({"messages": [TEXT]})).encode()


@pytest.fixture
async def stack(tmp_path: Path, settings: Callable[..., WhatsAppConfig]) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path, settings) as stack:
        yield stack


async def check(
    stack: Stack, status: int, counted: dict[str, float], stored: dict[str, int], answer: int
) -> None:
    """The answer, exactly these series and rows, and then a good webhook is taken."""
    assert answer == status
    assert stack.counted() == counted
    assert {name: n for name, n in stack.rows().items() if n} == stored
    before = stack.rows()
    assert await stack.post(GOOD) == 200
    after = stack.rows()
    for table in ("inbound", "contacts", "windows"):
        assert after[table] == before[table] + 1


NOTHING: dict[str, int] = {}
SIGNATURE = {"webhook_requests{signature}": 1.0}
REFUSED: dict[str, tuple[bytes, dict[str, str], int, dict[str, float]]] = {
    "no signature": (RAW, {"x-hub-signature-256": ""}, 401, SIGNATURE),
    "of another body": (RAW, {"x-hub-signature-256": signature(b"{}")}, 401, SIGNATURE),
    "of another secret": (RAW, {"x-hub-signature-256": signature(RAW, "x")}, 401, SIGNATURE),
    "upper case": (RAW, {"x-hub-signature-256": signature(RAW).upper()}, 401, SIGNATURE),
    "without sha256=": (RAW, {"x-hub-signature-256": signature(RAW)[7:]}, 401, SIGNATURE),
    "as sha1": (RAW, {"x-hub-signature-256": "sha1=" + "0" * 40}, 401, SIGNATURE),
    "too long": (RAW, {"x-hub-signature-256": signature(RAW) + "0"}, 401, SIGNATURE),
    "re-serialised": (
        json.dumps(json.loads(RAW), indent=1).encode(),
        {"x-hub-signature-256": signature(RAW)},
        401,
        SIGNATURE,
    ),
    "with a line break more": (
        RAW + b"\n",
        {"x-hub-signature-256": signature(RAW)},
        401,
        SIGNATURE,
    ),
    "truncated": (RAW[:-20], {}, 400, {"webhook_requests{not_json}": 1.0}),
    "empty": (b"", {}, 400, {"webhook_requests{not_json}": 1.0}),
    "a form": (b"hub.mode=subscribe&a=1", {}, 400, {"webhook_requests{not_json}": 1.0}),
    "zipped": (
        gzip.compress(RAW),
        {"content-encoding": "gzip"},
        400,
        {"webhook_requests{not_json}": 1.0},
    ),
    "nested": (b'{"entry":' + b"[" * 200_000, {}, 400, {"webhook_requests{not_json}": 1.0}),
    "nested and closed": (
        b'{"entry":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        {},
        400,
        {"webhook_requests{not_json}": 1.0},
    ),
    "too large": (b" " * ((3 << 20) + 1), {}, 413, {"webhook_requests{too_large}": 1.0}),
    "far too large": (b" " * (4 << 20), {}, 413, {}),  # the listener does not even ask
}


@pytest.mark.parametrize(
    ("body", "headers", "status", "counted"), REFUSED.values(), ids=list(REFUSED)
)
async def test_refused(
    stack: Stack, body: bytes, headers: dict[str, str], status: int, counted: dict[str, float]
) -> None:
    """Nothing of it is stored."""
    await check(stack, status, counted, NOTHING, await stack.post(body, headers))


@pytest.mark.parametrize(
    "query",
    [
        {"mode": "subscribe", "challenge": "1", "verify_token": "wrong"},
        {"mode": "subscribe", "challenge": "1"},
        {"mode": "subscribe", "verify_token": "hello-meta"},
        {"challenge": "1", "verify_token": "hello-meta"},
        {},
    ],
)
async def test_a_check_that_is_refused(stack: Stack, query: dict[str, str]) -> None:
    """403, counted, nothing stored; the right token is answered after it."""
    assert await stack.get(**query) == (403, "")
    assert stack.counted() == {"webhook_requests{check_refused}": 1.0}
    assert not any(stack.rows().values())
    good = {"mode": "subscribe", "challenge": "1234509876", "verify_token": "hello-meta"}
    assert await stack.get(**good) == (200, "1234509876")


PERSON = {"inbound": 1, "contacts": 1, "identities": 1}
WINDOW = {**PERSON, "windows": 1}
EVENT = {"account_events": 1}
SAID = {"webhook_requests{ok}": 1.0, "inbound{text}": 1.0}


def odd(part: str) -> dict[str, float]:
    return {"webhook_requests{ok}": 1.0, f"not_understood{{{part}}}": 1.0}


def message(**changes: Any) -> dict[str, Any]:
    return envelope({"messages": [{**TEXT, **changes}]})


def without(*keys: str, **changes: Any) -> dict[str, Any]:
    one = {key: value for key, value in TEXT.items() if key not in keys}
    return envelope({"messages": [{**one, **changes}]})


def status(**changes: Any) -> dict[str, Any]:
    return envelope({"statuses": [{**STATUS, **changes}]})


OK = {"webhook_requests{ok}": 1.0}
UNMATCHED = {**OK, "statuses{unmatched}": 1.0}
TAKEN: dict[str, tuple[Any, dict[str, float], dict[str, int]]] = {
    "unknown fields everywhere": (
        {**message(new={"a": [1]}, text={"body": "Hallo", "x": None}), "z": 1}, SAID, WINDOW),
    "an unknown type": (
        message(type="hologram"), {**OK, "inbound{other}": 1.0}, PERSON),
    "a type that is no text": (message(type=7), {**OK, "inbound{other}": 1.0}, PERSON),
    "an unknown status": (status(status="warmed_up"), odd("status_other"), EVENT),
    "a status that is a number": (status(status=3), odd("status_other"), EVENT),
    "an unknown field": (envelope({}, field="brand_new"), odd("unknown_field"), EVENT),
    "a field that is a number": (envelope({}, field=7), odd("change"), EVENT),  # type: ignore[arg-type]
    "no phone": (without("from", from_user_id=USER), SAID, WINDOW),
    "an empty phone": (message(**{"from": ""}, from_user_id=USER), SAID, WINDOW),
    "a phone that is null": (message(**{"from": None}, from_user_id=USER), SAID, WINDOW),
    "the user id as phone": (message(**{"from": USER}), SAID, WINDOW),
    "nobody": (without("from"), odd("message_of_nobody"), EVENT),
    "a phone that is a number": (message(**{"from": int(PHONE)}), SAID, WINDOW),
    "a phone that is a table": (message(**{"from": {"x": 1}}), odd("message_of_nobody"), EVENT),
    "an id that is a number": (message(id=123456), SAID, WINDOW),
    "no id": (without("id"), SAID, WINDOW),
    "an id with a NUL": (message(id="wamid.\0X"), SAID, WINDOW),
    "an id of 100,000 characters": (message(id="w" * 100_000), SAID, WINDOW),
    "words that are a number": (message(text={"body": 5}), SAID, WINDOW),
    "words that are a list": (message(text=["Hallo"]), SAID, WINDOW),
    "words with a NUL": (message(text={"body": "Ha\0llo"}), SAID, WINDOW),
    "a time in milliseconds": (message(timestamp="1795000000123"), SAID, WINDOW),
    "a time as a number": (message(timestamp=1795000000), SAID, WINDOW),
    "a time in the future": (message(timestamp="9999999999"), SAID, WINDOW),
    "a time of nonsense": (message(timestamp="soon"), SAID, WINDOW),
    "a time beyond all bounds": (message(timestamp=10**400), SAID, WINDOW),
    "half an emoji": (
        json.dumps(message(text={"body": "@@"})).replace("@@", "Hi \\ud83d").encode(), SAID, WINDOW),
    "half an emoji in the id": (
        json.dumps(message(id="@@")).replace("@@", "wamid.\\udc00").encode(), SAID, WINDOW),
    "bytes that are no UTF-8": (
        json.dumps(message(text={"body": "@@"})).encode().replace(b"@@", b"\xff\xfe"), SAID, WINDOW),
    "a byte-order mark": (b"\xef\xbb\xbf" + RAW, SAID, WINDOW),
    "blanks around": (b"\n\t " + RAW + b"\r\n", SAID, WINDOW),
    "a key twice": (RAW.replace(b'"type": "text"', b'"type": "x", "type": "text"'), SAID, WINDOW),
    "NaN": (RAW.replace(b'"1795000000"', b"NaN"), SAID, WINDOW),
    "another number": (
        envelope({"messages": [TEXT]}, number="299"),
        {**SAID, "not_understood{other_number}": 1.0}, {**PERSON, **EVENT}),
    "a number that is a number": (envelope({"messages": [TEXT]}, number=int(NUMBER)), SAID, WINDOW),
    "no metadata": (
        {"entry": [{"id": ACCOUNT, "changes": [{"field": "messages", "value": {"messages": [TEXT]}}]}]},
        {**SAID, "not_understood{other_number}": 1.0}, {**PERSON, **EVENT}),
    "another account": (
        json.loads(RAW.replace(ACCOUNT.encode(), b"777")), SAID, WINDOW),
    "errors only": (envelope({"errors": [{"code": 131000, "title": "x"}]}), OK, EVENT),
    "errors of nonsense": (envelope({"errors": [7, None]}), OK, EVENT),
    "messages that are no list": (envelope({"messages": {"0": TEXT}}), odd("change"), EVENT),
    "an empty value": (envelope({}), OK, NOTHING),
    "an empty envelope": ({}, odd("envelope"), EVENT),
    "a list": ([], odd("envelope"), EVENT),
    "a number": (b"7", odd("envelope"), EVENT),
    "no entries": ({"entry": []}, OK, NOTHING),
    "an entry of nonsense": ({"entry": [7]}, odd("entry"), EVENT),
    "a status of nothing": (status(id=None), odd("status_other"), EVENT),
    "a status of somebody else's": (status(), UNMATCHED, NOTHING),
    "a status with an id that is a number": (status(id=5), UNMATCHED, NOTHING),
    "a failure without a reason": (
        status(status="failed"), {**UNMATCHED, "failures_reported{meta_other}": 1.0}, NOTHING),
    "a failure with a code as text": (
        status(status="failed", errors=[{"code": "131026"}]),
        {**UNMATCHED, "failures_reported{undeliverable}": 1.0}, NOTHING),
    "a failure with a new code": (
        status(status="failed", errors=[{"code": 999999}]),
        {**UNMATCHED, "failures_reported{meta_other}": 1.0}, NOTHING),
    "a callback beyond all bounds": (
        status(biz_opaque_callback_data="9223372036854775808:1"), UNMATCHED, NOTHING),
}  # fmt: skip


@pytest.mark.parametrize(("body", "counted", "stored"), TAKEN.values(), ids=list(TAKEN))
async def test_taken(
    stack: Stack, body: Any, counted: dict[str, float], stored: dict[str, int]
) -> None:
    """200: what is understood is applied, what is not is kept as it came and counted."""
    await check(stack, 200, counted, stored, await stack.post(body))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "?"])
async def test_the_content_type_does_not_matter(stack: Stack, kind: str) -> None:
    """The signature says whose it is, the body what it is."""
    answer = await stack.post(RAW, {"content-type": kind})
    await check(stack, 200, SAID, WINDOW, answer)


async def test_three_megabytes(stack: Stack) -> None:
    """The largest that Meta sends, of many good messages, is taken whole."""
    many = [{**TEXT, "id": f"wamid.{n}", "text": {"body": "x" * 4096}} for n in range(700)]
    raw = json.dumps(envelope({"messages": many})).encode()
    raw += b" " * ((3 << 20) - len(raw))
    answer = await stack.post(raw)
    counted = {"webhook_requests{ok}": 1.0, "inbound{text}": 700.0}
    await check(stack, 200, counted, {**WINDOW, "inbound": 700}, answer)


async def test_one_broken_part_among_good_ones(stack: Stack) -> None:
    """Two good ones are taken, five broken ones kept raw, each as it came."""
    value = {
        "messages": [TEXT, 7, {**TEXT, "id": "wamid.IN2"}, {**TEXT, "from": None, "id": "N"}],
        "statuses": [STATUS, "x", {**STATUS, "status": "new"}],
        "user_preferences": [{"value": "later"}],
    }
    assert await stack.post(envelope(value)) == 200
    assert stack.counted() == {
        "webhook_requests{ok}": 1.0,
        "inbound{text}": 2.0,
        "statuses{unmatched}": 1.0,
        "not_understood{message_other}": 1.0,
        "not_understood{message_of_nobody}": 1.0,
        "not_understood{status_other}": 2.0,
        "not_understood{user_preferences_other}": 1.0,
    }
    kept = stack.sql("SELECT raw FROM account_events WHERE NOT understood ORDER BY id")
    assert [json.loads(raw) for (raw,) in kept] == [
        "x",
        value["statuses"][2],
        7,
        value["messages"][3],
        value["user_preferences"][0],
    ]


WHOLE = json.dumps(
    envelope({"contacts": [{"wa_id": PHONE, "user_id": USER}], "messages": [TEXT], "statuses": [STATUS]})
).encode()  # fmt: skip


@given(
    st.lists(
        st.tuples(
            st.integers(0, 10_000),
            st.integers(0, 20),
            st.binary(max_size=3)
            | st.sampled_from([b'"', b"[", b"{", b"null", b"\\ud800", b"\\u0000", b"\xff", b"1e999"]),
        ),
        max_size=4,
    )
)  # fmt: skip
@hypothesis_settings(derandomize=True, max_examples=500, deadline=None)
def test_whatever_happened_to_a_body(changes: list[tuple[int, int, bytes]]) -> None:
    """Bytes that were lost, added or changed: an intake that can be stored, or no JSON."""
    raw = WHOLE
    for place, lost, added in changes:
        start = place % (len(raw) + 1)
        raw = raw[:start] + added + raw[start + lost :]
    now = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    try:
        intake = Reader("wa", NUMBER, ACCOUNT, lambda *_: None).read(raw, now)
    except BROKEN:
        return
    for said in intake.messages:
        assert said.at <= now
        assert said.identities
        assert said.provider_id.encode()
        assert isinstance(said.words.encode(), bytes)
    assert all(isinstance(one.raw, bytes) for one in (*intake.messages, *intake.events))


# --- again, at once, and in the wrong order -------------------------------------------------------
async def test_the_same_body_twice(stack: Stack) -> None:
    assert [await stack.post(RAW), await stack.post(RAW)] == [200, 200]
    assert stack.rows()["inbound"] == 1
    assert stack.counted()["inbound_repeated"] == 1.0


async def test_the_same_message_in_another_body(stack: Stack) -> None:
    other = {"messages": [{**TEXT, "text": {"body": "changed"}}, {**TEXT, "id": "wamid.IN2"}]}
    assert [await stack.post(RAW), await stack.post(envelope(other))] == [200, 200]
    assert stack.sql("SELECT words FROM inbound ORDER BY id") == [("Hallo",), ("Hallo",)]


async def test_the_same_message_many_times_at_once(stack: Stack) -> None:
    answers: list[int] = []

    async def post() -> None:
        answers.append(await stack.post(RAW))

    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(post)
    assert answers == [200] * 20
    assert stack.rows() == {**dict.fromkeys(stack.rows(), 0), **WINDOW}
    assert stack.counted()["inbound_repeated"] == 19.0


ORDERS: dict[str, tuple[list[str], str]] = {
    "read before sent": (["read", "sent", "delivered"], "read"),
    "read alone": (["read"], "read"),
    "failed after delivered": (["sent", "delivered", "failed"], "delivered"),
    "delivered after failed": (["failed", "delivered"], "delivered"),
    "sent after failed": (["failed", "sent"], "failed"),
    "each twice": (["sent", "sent", "delivered", "delivered"], "delivered"),
    "played": (["played"], "read"),
}


@pytest.mark.parametrize("settled", ["before", "after", "between"])
@pytest.mark.parametrize(("names", "state"), ORDERS.values(), ids=list(ORDERS))
async def test_statuses_in_any_order(
    stack: Stack, names: list[str], state: str, settled: str
) -> None:
    """Before our own answer is on disk, after it, or half and half: the same end."""
    house = stack.house
    (contact,) = await house.confirmed(1)
    sent = await house.started()
    delivery = await house.sending()
    if settled == "before":
        await house.settle(delivery)
    for place, name in enumerate(names):
        body = status(id=f"w{delivery.id}", status=name, biz_opaque_callback_data=delivery.callback)
        assert await stack.post(body) == 200
        if settled == "between" and place == 0:
            await house.settle(delivery)
    if settled == "after":
        await house.settle(delivery)
    assert await house.state(sent, contact) == state
    assert "statuses{unmatched}" not in stack.counted()


@pytest.mark.parametrize("way", ["status", "status by the other id", "preference", "words"])
async def test_a_stop_by_whichever_way(stack: Stack, way: str) -> None:
    """131050, WhatsApp's own setting, or STOP: withdrawn before the answer, with its reason."""
    house = stack.house
    (contact,) = await house.confirmed(1)
    sent = await house.started()
    delivery = await house.sending()
    await house.settle(delivery)
    later = await house.started()
    number = phone(1)[0].value
    failed = {
        "status": "failed",
        "timestamp": "1795000001",
        "errors": [{"code": 131050, "error_data": {"details": f"{number} stopped"}}],
    }
    body = {
        "status": status(**failed, id=f"w{delivery.id}", recipient_id=None),
        "status by the other id": status(**failed, recipient_id=number.removeprefix("+")),
        "preference": envelope(
            {"user_preferences": [{"value": "stop", "wa_id": number[1:], "timestamp": 1795000001}]},
            field="user_preferences",
        ),
        "words": message(**{"from": number[1:]}, text={"body": "Stop"}),
    }[way]
    assert await stack.post(body) == 200
    assert await house.consent_of(contact) == "withdrawn"
    assert await house.state(later, contact) == "dropped"
    assert stack.counted()["withdrawals{message}"] == 1.0
    event = (await stack.store.report("contact", id=contact))["events"][-1]
    assert event["name"] == "withdrawn"
    if way.startswith("status"):
        assert event["evidence"]["code"] == "marketing_stopped"
        assert event["evidence"]["detail"] == "Meta 131050: … stopped"
        assert event["source"] == "stopped at the provider of wa"
    if way == "status":
        assert await house.state(sent, contact) == "failed"
    events = (await stack.store.report("contact", id=contact))["events"]
    assert await stack.post(body) == 200
    assert (await stack.store.report("contact", id=contact))["events"] == events


async def test_a_stranger_who_stopped_stays_suppressed(stack: Stack) -> None:
    body = status(status="failed", recipient_id=PHONE, recipient_user_id=USER,
                  errors=[{"code": 131050}])  # fmt: skip
    assert await stack.post(body) == 200
    for identity in (Identity("phone", f"+{PHONE}"), Identity("user_id", USER)):
        found = await stack.store.report("find_contact", identity=identity.value)
        assert await stack.house.consent_of(int(found or 0), "*") == "withdrawn"
