"""Registration, subscription, blocking, profile, proof and quotas (sections 1.2, 1.8, 4.4, 6.2)."""

import hashlib
import hmac
import json
from functools import partial
from urllib.parse import parse_qs

import pytest
import trio

from gateway_sandbox.server import Response, Server

NUMBER, ACCOUNT = "100000000000001", "100000000000002"
PHONE, OTHER = "+491713920001", "+491713920002"
APPS = f"{ACCOUNT}/subscribed_apps"
BLOCK = f"{NUMBER}/block_users"
PROOF = "1b6da06614b46940143cddb599881fa839a8968a679ba837ff0596e07113acd7"


def code(answer):
    return answer.json().get("error", {}).get("code")


async def test_a_number_that_is_not_registered_cannot_send(start, blog_post):
    world = await start(webhook=False)
    assert (await world.call("POST", f"{NUMBER}/deregister")).json() == {"success": True}
    answer = await world.post(blog_post())
    assert (answer.status_code, code(answer)) == (400, 133010)
    health = (await world.call("GET", NUMBER, fields="status,health_status")).json()
    assert health["status"] == "DISCONNECTED"
    assert health["health_status"]["can_send_message"] == "BLOCKED"
    assert health["health_status"]["entities"][0]["errors"][0]["error_code"] == 133010
    pin = {"messaging_product": "whatsapp", "pin": "123456"}
    assert (await world.call("POST", f"{NUMBER}/register", pin)).json() == {"success": True}
    assert (await world.post(blog_post())).status_code == 200
    assert (await world.call("GET", NUMBER, fields="is_pin_enabled")).json()["is_pin_enabled"]
    wrong = await world.call("POST", f"{NUMBER}/register", pin | {"pin": "654321"})
    assert code(wrong) == 133005


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"pin": "123456"}, 100),
        ({"messaging_product": "whatsapp"}, 131008),
        ({"messaging_product": "whatsapp", "pin": 123456}, 100),
        ({"messaging_product": "whatsapp", "pin": "12345"}, 100),
        ({"messaging_product": "whatsapp", "pin": "12345x"}, 100),
    ],
)
async def test_registrations_that_are_refused(start, given, expected):
    world = await start(webhook=False)
    assert code(await world.call("POST", f"{NUMBER}/register", given)) == expected


async def test_ten_registrations_in_three_days(start, clock):
    world = await start(webhook=False, now=clock)
    for _ in range(10):
        assert (await world.call("POST", f"{NUMBER}/deregister")).status_code == 200
    assert code(await world.call("POST", f"{NUMBER}/deregister")) == 133016
    clock.at += 72 * 3600
    assert (await world.call("POST", f"{NUMBER}/deregister")).status_code == 200


async def test_without_a_subscription_no_webhook_comes(start, blog_post):
    world = await start()
    assert len((await world.call("GET", APPS)).json()["data"]) == 1
    assert (await world.call("DELETE", APPS)).json() == {"success": True}
    assert (await world.call("GET", APPS)).json() == {"data": []}
    assert (await world.post(blog_post())).status_code == 200
    said = await world.sandbox.say(PHONE, "Hallo")
    assert said.status is None
    await world.sandbox.settled()
    assert world.receiver.requests == []
    assert (await world.call("POST", APPS)).json() == {"success": True}
    assert (await world.sandbox.say(PHONE, "Hallo")).status == 200
    assert (await world.post(blog_post())).status_code == 200
    await world.sandbox.settled()
    assert [s["status"] for s in world.receiver.statuses] == ["sent", "delivered", "read"]


@pytest.fixture
async def other(nursery):
    """Another receiver, and what its handler is told: `await other(answer)` → address, requests."""

    async def begin(answer):
        requests = []

        async def handle(request):
            requests.append(request)
            return await answer(request)

        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(Server(handle, trio.current_time).serve, listeners)
        return f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/other", requests

    return begin


async def challenged(request, token="right"):
    """A receiver that does as section 6.1 says."""
    if request.method == "POST":
        return Response()
    asked = parse_qs(request.query)
    if asked["hub.verify_token"] != [token] or asked["hub.mode"] != ["subscribe"]:
        return Response(status=403)
    return Response(body=asked["hub.challenge"][0].encode(), content_type="text/plain")


async def test_an_address_of_ones_own_proves_itself_first(start, blog_post, other):
    world = await start()
    address, requests = await other(challenged)
    given = {"override_callback_uri": address, "verify_token": "wrong"}
    refused = await world.call("POST", APPS, given)
    assert (refused.status_code, code(refused)) == (400, 2200)
    assert "verify token" in refused.json()["error"]["error_data"]["details"]
    assert (await world.sandbox.say(PHONE, "Hallo")).status == 200
    assert len(world.receiver.requests) == 1, "nothing changed"

    accepted = await world.call("POST", APPS, given | {"verify_token": "right"})
    assert accepted.json() == {"success": True}
    app = (await world.call("GET", APPS)).json()["data"][0]
    assert app["override_callback_uri"] == address
    await world.post(blog_post())
    await world.sandbox.settled()
    assert [r.method for r in requests] == ["GET", "GET", "POST", "POST", "POST"]
    assert len(world.receiver.requests) == 1
    assert (await world.call("POST", APPS)).json() == {"success": True}
    await world.sandbox.say(PHONE, "Hallo")
    assert len(world.receiver.requests) == 2, "back to the app's own address"


async def wrapped(request):
    return Response(body=b'"1"', content_type="application/json")


async def failing(request):
    return Response(status=500)


@pytest.mark.parametrize("answer", [wrapped, failing, partial(challenged, token="x")])
async def test_whoever_does_not_prove_it_is_refused(start, other, answer):
    world = await start()
    address, _ = await other(answer)
    given = {"override_callback_uri": address, "verify_token": "right"}
    assert code(await world.call("POST", APPS, given)) == 2200
    assert world.sandbox.state.account.override is None


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"override_callback_uri": "http://127.0.0.1:9/x"}, 131008),
        ({"override_callback_uri": "ftp://a.example", "verify_token": "x"}, 100),
        ({"override_callback_uri": 5, "verify_token": "x"}, 100),
        ({"override_callback_uri": "http://127.0.0.1:9/x", "verify_token": "x"}, 2200),
    ],
)
async def test_addresses_that_are_none(start, given, expected):
    world = await start()
    assert code(await world.call("POST", APPS, given)) == expected


def users(*names):
    found = [{"user": name} if name.startswith("+") else {"user_id": name} for name in names]
    return {"messaging_product": "whatsapp", "block_users": found}


async def test_blocking(start, blog_post):
    world = await start(webhook=False)
    await world.sandbox.say(PHONE, "Hallo")
    answer = (await world.call("POST", BLOCK, users("+49 171 3920001", OTHER))).json()
    assert answer["block_users"]["added_users"] == [
        {"input": "+49 171 3920001", "wa_id": PHONE[1:]}
    ]
    (failed,) = answer["block_users"]["failed_users"]
    assert (failed["input"], failed["errors"][0]["code"]) == (OTHER, 131047)
    assert answer["errors"]["code"] == 139100
    listed = (await world.call("GET", BLOCK)).json()["data"]
    assert listed == [{"messaging_product": "whatsapp", "wa_id": PHONE[1:]}]
    assert code(await world.post(blog_post(PHONE))) == 130403
    with pytest.raises(ValueError, match="blocked"):
        await world.sandbox.say(PHONE, "Hallo?")
    removed = (await world.call("DELETE", BLOCK, users(PHONE))).json()
    assert removed["block_users"]["removed_users"] == [{"input": PHONE, "wa_id": PHONE[1:]}]
    assert (await world.post(blog_post(PHONE))).status_code == 200
    assert (await world.call("GET", BLOCK)).json() == {"data": []}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"block_users": [{"user": PHONE}]}, 100),
        (users(), 131008),
        (users("+49171"), 131009),
        ({"messaging_product": "whatsapp", "block_users": [{}]}, 131009),
        ({"messaging_product": "whatsapp", "block_users": PHONE}, 100),
        (users(PHONE), 139100),
    ],
)
async def test_blocking_that_is_refused(start, given, expected):
    world = await start(webhook=False)
    assert code(await world.call("POST", BLOCK, given)) == expected


async def test_a_person_without_a_phone_is_blocked_by_id(start):
    world = await start(webhook=False)
    user = "DE.10000000000000000042"
    await world.sandbox.say(user, "Hallo")
    answer = (await world.call("POST", BLOCK, users(user))).json()
    assert answer["block_users"]["added_users"] == [{"input": user, "user_id": user}]
    assert (await world.call("GET", BLOCK)).json()["data"][0]["user_id"] == user


async def test_the_profile(start):
    world = await start(webhook=False)
    edge = f"{NUMBER}/whatsapp_business_profile"
    assert (await world.call("GET", edge)).json() == {"data": [{"messaging_product": "whatsapp"}]}
    given = {"messaging_product": "whatsapp", "about": "Blog", "websites": ["https://a.example"]}
    assert (await world.call("POST", edge, given)).json() == {"success": True}
    found = (await world.call("GET", edge, fields="about,websites,email")).json()["data"]
    assert found == [{"about": "Blog", "websites": ["https://a.example"]}]
    for wrong in ({"about": "x"}, given | {"about": "x" * 140}, given | {"websites": ["x"] * 3}):
        assert code(await world.call("POST", edge, wrong)) == 100


async def test_who_the_token_is(start):
    world = await start(webhook=False)
    assert (await world.call("GET", "me")).json()["id"]
    without = await world.client.get("/v25.0/me")
    assert (without.status_code, code(without)) == (400, 2500)
    nowhere = await world.client.get("/v25/me")
    assert "Unknown path components" in nowhere.json()["error"]["message"]


async def test_the_proof_is_looked_at_if_there_is_one(start, blog_post):
    world = await start(webhook=False)
    mine = hmac.digest(b"sandbox-app-secret", b"sandbox-token", hashlib.sha256).hex()
    assert mine == PROOF, "the contract's own test vector"
    assert (await world.call("GET", NUMBER, appsecret_proof=PROOF)).status_code == 200
    sent = await world.call("POST", f"{NUMBER}/messages", blog_post(), appsecret_proof=PROOF)
    assert sent.status_code == 200
    inside = await world.post(blog_post(appsecret_proof=PROOF))
    assert inside.status_code == 200
    for answer in (
        await world.call("GET", NUMBER, appsecret_proof="x"),
        await world.call("POST", f"{NUMBER}/messages", blog_post(), appsecret_proof=PROOF[1:]),
        await world.post(blog_post(appsecret_proof="x")),
        await world.post(blog_post(appsecret_proof=5)),
        await world.call("POST", APPS, {"appsecret_proof": "x"}),
    ):
        assert (answer.status_code, code(answer)) == (400, 100)
        assert "appsecret_proof" in answer.json()["error"]["message"]


async def test_management_calls_are_counted(start, clock):
    world = await start(webhook=False, management_calls=10, now=clock)
    used = []
    for _ in range(10):
        answer = await world.call("GET", NUMBER)
        (usage,) = json.loads(answer.headers["x-business-use-case-usage"])[ACCOUNT]
        used.append(usage["call_count"])
    assert used == [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
    refused = await world.call("GET", f"{ACCOUNT}/message_templates")
    assert (refused.status_code, code(refused)) == (400, 80007)
    clock.at += 360
    assert (await world.call("GET", NUMBER)).status_code == 200


async def test_sends_do_not_count_as_management(start, blog_post):
    world = await start(webhook=False, management_calls=1)
    for _ in range(3):
        assert (await world.post(blog_post())).status_code == 200


@pytest.mark.parametrize("restriction", [368, 131031, 131042])
async def test_a_restricted_account(start, blog_post, restriction):
    world = await start(webhook=False)
    world.sandbox.state.account.restriction = restriction
    answer = await world.post(blog_post())
    assert (answer.status_code >= 400, code(answer)) == (True, restriction)
    health = (await world.call("GET", ACCOUNT, fields="health_status")).json()["health_status"]
    assert health["can_send_message"] == "BLOCKED"
    world.sandbox.reset()
    assert (await world.post(blog_post())).status_code == 200


async def test_calls_with_a_form_instead_of_json(start):
    world = await start(webhook=False)
    answer = await world.client.post(
        f"/v25.0/{NUMBER}/register",
        data={"messaging_product": "whatsapp", "pin": "123456"},
        headers={"Authorization": "Bearer sandbox-token"},
    )
    assert answer.json() == {"success": True}
