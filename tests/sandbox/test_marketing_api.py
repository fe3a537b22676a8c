"""The Marketing Messages API (section 2.1), and what each message costs (sections 2.2, 6.6)."""

import pytest

PHONE = "+491713920001"
EDGE = "100000000000001/marketing_messages"
UTILITY = {
    "name": "order",
    "language": "de",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Ihre Bestellung ist da."}],
}


async def add(world, **changes):
    answer = await world.call("POST", "100000000000002/message_templates", UTILITY | changes)
    assert answer.status_code == 200, answer.text


def simple(text, name="order", to=PHONE, **members):
    payload = {"name": name, "language": {"code": "de"}}
    return text(to, type="template", text=None, template=payload, **members)


async def test_a_marketing_template_goes(start, blog_post):
    world = await start()
    body = blog_post(product_policy="STRICT", message_activity_sharing=False)
    answer = await world.call("POST", EDGE, body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["messages"][0]["message_status"] == "accepted"
    (line,) = world.sandbox.received()
    assert (line.marketing_edge, line.category) == (True, "MARKETING")
    await world.sandbox.settled()
    assert world.receiver.statuses[0]["pricing"]["category"] == "marketing_lite"


@pytest.mark.parametrize(
    ("settings", "members", "code"),
    [
        ({}, {"type": "text", "template": None, "text": {"body": "x"}}, 131055),
        ({}, {"type": None}, 131055),
        ({}, {"product_policy": "FAST"}, 100),
        ({}, {"product_policy": []}, 100),
        ({}, {"message_activity_sharing": "yes"}, 100),
        ({}, {"to": None}, 100),
        ({}, {"status": "read", "message_id": "wamid.x", "type": None}, 131055),
        ({"marketing_messages": False}, {"product_policy": "STRICT"}, 134100),
        ({"marketing_messages": False}, {}, None),
        ({"template_sync": 600.0}, {}, None),
        ({"marketing_on_messages": False}, {}, None),
    ],
)
async def test_what_it_refuses(start, blog_post, settings, members, code):
    world = await start(webhook=False, **settings)
    body = {k: v for k, v in (blog_post() | members).items() if v is not None}
    answer = await world.call("POST", EDGE, body)
    assert answer.json().get("error", {}).get("code") == code, answer.text


async def test_utility_is_not_for_it(start, text):
    world = await start(webhook=False)
    await add(world)
    answer = await world.call("POST", EDGE, simple(text))
    assert answer.json()["error"]["code"] == 131055


async def test_a_new_template_has_to_be_synced(start, text, clock):
    world = await start(webhook=False, template_sync=600.0, now=clock)
    await add(world, category="MARKETING")
    answer = await world.call("POST", EDGE, simple(text))
    assert answer.json()["error"]["code"] == 134101
    assert (await world.post(simple(text))).status_code == 200, "the Cloud API needs no sync"
    clock.at += 600
    assert (await world.call("POST", EDGE, simple(text))).status_code == 200


async def test_the_fallback_counts_as_ordinary_marketing(start, blog_post):
    world = await start(marketing_messages=False)
    assert (await world.call("POST", EDGE, blog_post())).status_code == 200
    await world.sandbox.settled()
    assert world.receiver.statuses[0]["pricing"]["category"] == "marketing"


async def test_marketing_can_be_kept_off_the_cloud_api(start, text, blog_post):
    world = await start(webhook=False, marketing_on_messages=False)
    await add(world)
    assert (await world.post(blog_post())).json()["error"]["code"] == 131063
    assert (await world.post(simple(text))).status_code == 200
    field = "disable_marketing_messages_on_cloud_api"
    assert (await world.call("GET", "100000000000002", fields=field)).json()[field] is True


async def test_authentication_needs_a_phone(start, text):
    world = await start(webhook=False)
    await add(world, name="code", category="AUTHENTICATION")
    by_id = simple(text, "code", to=None, recipient="DE.10000000000000000042")
    assert (await world.post(by_id)).json()["error"]["code"] == 131062
    assert (await world.post(simple(text, "code"))).status_code == 200


def prices(world):
    return [s["pricing"] for s in world.receiver.statuses if s["status"] == "delivered"]


async def test_the_service_quota_of_a_month(start, text, clock):
    world = await start(free_service_messages=2, now=clock)
    await world.sandbox.say(PHONE, "Hallo")
    for _ in range(3):
        assert (await world.post(text(PHONE))).status_code == 200
        await world.sandbox.settled()
    assert [(p["type"], p["billable"], p["category"]) for p in prices(world)] == [
        ("free_customer_service", False, "service"),
        ("free_customer_service", False, "service"),
        ("regular", True, "service"),
    ]
    assert world.sandbox.state.pricing.service == {"100000000000001": 3}
    clock.at += 14 * 86_400  # from 18 November to 2 December
    await world.sandbox.say(PHONE, "Hallo")
    await world.post(text(PHONE))
    await world.sandbox.settled()
    assert prices(world)[-1]["type"] == "free_customer_service"


async def test_what_fails_does_not_count(start, text, clock):
    world = await start(free_service_messages=1, now=clock)
    await world.sandbox.say(PHONE, "Hallo")
    world.sandbox.fault("undeliverable", PHONE, times=1)
    for _ in range(2):
        await world.post(text(PHONE))
        await world.sandbox.settled()
    assert [p["type"] for p in prices(world)] == ["free_customer_service"]


@pytest.mark.parametrize("window", [False, True])
async def test_templates_are_billed_inside_and_outside_the_window(start, text, blog_post, window):
    world = await start()
    await add(world)
    if window:
        await world.sandbox.say(PHONE, "Hallo")
    for body in (simple(text), blog_post()):
        assert (await world.post(body)).status_code == 200
        await world.sandbox.settled()
    assert [(p["type"], p["billable"], p["category"]) for p in prices(world)] == [
        ("regular", True, "utility"),
        ("regular", True, "marketing"),
    ]
    assert prices(world)[0]["pricing_model"] == "PMP"
