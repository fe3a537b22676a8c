"""People who are not as usual: windows, usernames, other numbers, changed ids, statuses early."""

from collections import Counter

import pytest
import trio

from gateway_sandbox.people import alias, parse_person, with_phone, with_user_id
from gateway_sandbox.server import Response

ANNA, BERT = "+491713920001", "+491713920002"
USER = "DE.10000000000000000042"


async def kinds(world):
    await world.sandbox.settled()
    return [status["status"] for status in world.receiver.statuses]


@pytest.mark.parametrize(("wrote", "answered"), [(False, False), (True, True)])
async def test_a_closed_window_told_later(start, text, wrote, answered):
    """131047 as a status, although the request was answered with 200."""
    world = await start()
    world.sandbox.fault("window_closed")
    if wrote:
        await world.sandbox.say(ANNA, "Hallo")
    assert (await world.post(text())).status_code == 200
    assert await kinds(world) == ["failed"]
    assert world.receiver.statuses[0]["errors"][0]["code"] == 131047


async def test_a_closed_window_told_at_once(start, text, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("window_closed", sync=True)
    await world.sandbox.say(ANNA, "Hallo")
    answer = await world.post(text())
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 131047)
    assert (await world.post(blog_post())).status_code == 200  # concerns free text only
    assert await kinds(world) == ["sent", "delivered", "read"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("undeliverable", 131026), ("opted_out", 131050), ("marketing_cap", 131049),
     ("experiment", 130472)],
)  # fmt: skip
async def test_what_fails_later_may_fail_at_once(start, blog_post, name, code):
    world = await start()
    world.sandbox.fault(name, ANNA, sync=True)
    answer = await world.post(blog_post(ANNA))
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert world.sandbox.received() == []
    assert (await world.post(blog_post(BERT))).status_code == 200


async def test_another_code_for_who_blocked(start, blog_post):
    world = await start()
    world.sandbox.fault("blocked", code=131050)
    await world.post(blog_post())
    await world.sandbox.settled()
    assert world.receiver.statuses[0]["errors"][0]["code"] == 131050


async def test_delivered_and_then_failed(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("delivered_then_failed")
    await world.post(blog_post())
    assert await kinds(world) == ["sent", "delivered", "failed"]
    sent, _, failed = world.receiver.statuses
    assert failed["id"] == sent["id"]
    assert failed["errors"][0]["code"] == 131026


async def test_without_read_receipts(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("no_read_receipts", ANNA)
    await world.post(blog_post(ANNA))
    assert await kinds(world) == ["sent", "delivered"]


async def test_statuses_before_the_answer(start, blog_post):
    """The receiver has answered all statuses while the send still waits for its answer."""
    world = await start(delays=(60.0, 60.0, 60.0))
    world.sandbox.fault("status_first")
    released = trio.Event()

    async def hold(request):
        await released.wait()
        return Response()

    world.receiver.answer = hold
    answers = []

    async def send():
        answers.append(await world.post(blog_post()))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(send)
        await world.receiver.reached(1)
        assert answers == []
        released.set()
    assert answers[0].status_code == 200
    assert [s["status"] for s in world.receiver.statuses] == ["sent", "delivered", "read"]
    assert world.receiver.statuses[0]["id"] == answers[0].json()["messages"][0]["id"]


@pytest.mark.parametrize(
    ("how", "expected"),
    [("missing", None), ("empty", ""), ("user_id", with_phone(ANNA[1:]).user_id)],
)
async def test_a_username_hides_the_number(start, blog_post, how, expected):
    world = await start(connections=1)
    world.sandbox.fault("username_user", ANNA, how=how)
    await world.sandbox.say(ANNA, "Hallo")
    await world.sandbox.say(ANNA, preferences="stop")
    await world.post(blog_post(ANNA))
    await world.sandbox.settled()
    user_id = with_phone(ANNA[1:]).user_id
    message, preference = world.receiver.messages[0], world.receiver.values[1]["user_preferences"]
    assert message["from_user_id"] == preference[0]["user_id"] == user_id
    assert message.get("from") == preference[0].get("wa_id") == expected
    for value in world.receiver.values:
        assert value["contacts"][0].get("wa_id") == expected
        assert value["contacts"][0]["user_id"] == user_id
    assert world.receiver.values[0]["contacts"][0]["profile"]["username"]
    for status in world.receiver.statuses:
        assert status.get("recipient_id") == expected
        assert status["recipient_user_id"] == user_id


async def test_a_failed_send_to_a_hidden_number_names_that_number_only(start, blog_post):
    world = await start()
    world.sandbox.fault("username_user", ANNA)
    world.sandbox.fault("undeliverable", ANNA)
    await world.post(blog_post(ANNA))
    await world.sandbox.settled()
    assert world.receiver.statuses[0]["recipient_id"] == ANNA[1:]
    assert "recipient_user_id" not in world.receiver.statuses[0]


async def test_a_brazilian_number_has_another_form_at_meta(start, text):
    """People dial a 9 that Meta leaves out; both lead to the same person, with one user id."""
    world = await start()
    dialled, known = "+55 11 97139-2001", "551171392001"
    await world.sandbox.say(dialled, "Olá")
    (value,) = world.receiver.values
    assert value["contacts"][0]["wa_id"] == value["messages"][0]["from"] == known
    for to in (dialled, f"+{known}"):
        answer = (await world.post(text(to))).json()
        assert answer["contacts"] == [{"input": to, "wa_id": known}]
    await world.sandbox.settled()
    assert {status["recipient_id"] for status in world.receiver.statuses} == {known}
    (contact,) = {line.contact for line in world.sandbox.received()}
    assert contact == "+5511971392001"
    assert parse_person(known) == parse_person(dialled)
    assert parse_person(value["contacts"][0]["user_id"]) == parse_person(dialled)
    assert with_phone("551131392001").wa_id == "551131392001", "a landline has one form"


async def test_an_alias_is_what_meta_calls_the_number(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("alias", ANNA, to=BERT)
    contact = (await world.post(blog_post(ANNA))).json()["contacts"][0]
    assert contact == {"input": ANNA, "wa_id": BERT[1:]}
    await world.sandbox.say(ANNA, "Hallo")
    await world.sandbox.settled()
    assert {status["recipient_id"] for status in world.receiver.statuses} == {BERT[1:]}
    assert world.receiver.messages[0]["from"] == BERT[1:]
    assert world.sandbox.received()[0].contact == ANNA


@pytest.mark.parametrize(
    ("digits", "other"),
    [
        ("5500900000001", "550000000001"),
        ("520000000001", "5210000000001"),
        ("540000000001", "5490000000001"),
        ("491713920001", "491713920001"),
    ],
)
def test_the_other_spelling_of_a_number(digits, other):
    assert alias(digits) == other
    assert alias(other) == digits


async def test_somebody_takes_another_number_after_a_message(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("number_change", ANNA, to=BERT, times=1)
    await world.post(blog_post(ANNA))
    assert await kinds(world) == ["sent", "delivered", "read"]
    value = world.receiver.values[-1]
    assert "contacts" not in value
    message = value["messages"][0]
    assert (message["from"], message["type"]) == (ANNA[1:], "system")
    assert message["system"]["type"] == "user_changed_number"
    assert message["system"]["wa_id"] == BERT[1:]
    assert message["system"]["user_id"] == with_phone(BERT[1:]).user_id
    await world.post(blog_post(ANNA))
    await world.post(blog_post(BERT))
    assert Counter(await kinds(world)) == {"sent": 2, "delivered": 2, "read": 2, "failed": 1}
    failed = [s for s in world.receiver.statuses if s["status"] == "failed"]
    assert [s["recipient_id"] for s in failed] == [ANNA[1:]]


async def test_somebody_gets_another_user_id_after_a_message(start, blog_post):
    world = await start(connections=1)
    world.sandbox.fault("bsuid_change", ANNA, times=1)
    await world.post(blog_post(ANNA))
    await world.sandbox.settled()
    value = world.receiver.values[-1]
    message = value["messages"][0]
    before, system = with_phone(ANNA[1:]).user_id, message["system"]
    assert "contacts" not in value
    assert "from" not in message
    assert message["from_user_id"] == system["previous_user_id"] == before
    assert system["type"] == "user_changed_user_id"
    assert system["user_id"] != before
    await world.sandbox.say(ANNA, "Hallo")
    assert world.receiver.messages[-1]["from_user_id"] == system["user_id"]
    # both ids lead to the same phone
    for user_id in (before, system["user_id"]):
        await world.post(blog_post(None, recipient=user_id))
        assert world.sandbox.received()[-1].contact == ANNA
    again = await world.sandbox.say(ANNA, system={"type": "user_changed_user_id"})
    assert again.status == 200
    assert world.receiver.messages[-1]["system"]["previous_user_id"] == system["user_id"]
    world.sandbox.reset()
    await world.sandbox.say(ANNA, "Hallo")
    assert world.receiver.messages[-1]["from_user_id"] == before


async def test_who_has_no_phone_gets_another_id_too(start):
    world = await start()
    await world.sandbox.say(USER, system={"type": "user_changed_user_id"})
    fresh = world.receiver.messages[0]["system"]["user_id"]
    assert fresh != USER
    assert parse_person(fresh).phone is None


async def test_a_changed_security_code_refuses_who_asked_for_the_old_one(start, blog_post):
    world = await start(webhook=True, connections=1)
    account = world.sandbox.state.account
    before = account.identity(ANNA)
    for _ in range(2):
        answer = await world.post(blog_post(ANNA, recipient_identity_key_hash=before))
        await world.sandbox.say(ANNA, system={"type": "customer_identity_changed"})
    assert answer.json()["error"]["code"] == 137000
    system = world.receiver.messages[0]["system"]
    assert system["identity"]["hash"] not in (before, account.identity(ANNA))
    assert world.receiver.messages[1]["system"]["identity"]["hash"] == account.identity(ANNA)
    assert set(system["identity"]) == {"acknowledged", "created_timestamp", "hash"}


@pytest.mark.parametrize("changes", [0, 1, 7, 998])
def test_changed_ids_lead_back_to_the_number(changes):
    for digits in ("491713920001", "15550002222", "9991234567", "491713920099123"):
        person = with_phone(digits, changes)
        assert with_user_id(person.user_id) == person
        assert person.contact == f"+{digits}"
