"""What Meta tells about the account, and whom a portfolio may still write to."""

import json

import pytest

ANNA, BERT, CARL = "+491713920001", "+491713920002", "+491713920003"


async def changes(world):
    await world.sandbox.settled()
    return [
        (entry, change["field"], change["value"])
        for request in world.receiver.requests
        for entry in json.loads(request.body)["entry"]
        for change in entry["changes"]
    ]


@pytest.mark.parametrize(
    ("body", "field", "members"),
    [
        (
            {"messaging_limit": "TIER_2K"},
            "business_capability_update",
            {"max_daily_conversations_per_business": 2000},
        ),
        (
            {"messaging_limit": "TIER_UNLIMITED"},
            "business_capability_update",
            {"max_daily_conversations_per_business": "TIER_UNLIMITED"},
        ),
        (
            {"quality": "RED"},
            "phone_number_quality_update",
            {"event": "FLAGGED", "display_phone_number": "491713920099"},
        ),
        (
            {"number_event": "THROUGHPUT_UPGRADE"},
            "phone_number_quality_update",
            {"event": "THROUGHPUT_UPGRADE"},
        ),
        (
            {"event": "DISABLED_UPDATE"},
            "account_update",
            {"ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "November 18, 2026"}},
        ),
        (
            {"event": "ACCOUNT_VIOLATION"},
            "account_update",
            {"violation_info": {"violation_type": "SPAM"}},
        ),
        (
            {"event": "ACCOUNT_RESTRICTION"},
            "account_update",
            {
                "restriction_info": [
                    {
                        "restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING",
                        "expiration": 1795000000 + 86400,
                    }
                ]
            },
        ),
        ({"event": "PARTNER_REMOVED", "info": {"x": 1}}, "account_update", {"x": 1}),
        (
            {"alert": {"alert_type": "OBA_APPROVED", "alert_description": "Yes"}},
            "account_alerts",
            {"entity_type": "BUSINESS", "entity_id": "100000000000002"},
        ),
        (
            {"field": "account_review_update", "value": {"decision": "APPROVED"}},
            "account_review_update",
            {"decision": "APPROVED"},
        ),
        (
            {"field": "phone_number_name_update", "value": {"decision": "DEFERRED"}},
            "phone_number_name_update",
            {"decision": "DEFERRED"},
        ),
    ],
)
async def test_news_of_the_account(start, clock, body, field, members):
    world = await start(now=clock)
    answer = await world.control("POST", "account", body)
    assert answer.json() == {"success": True, "webhooks": [field]}
    ((entry, told, value),) = await changes(world)
    assert told == field
    assert {key: value[key] for key in members} == members
    assert (entry["id"], entry["time"]) == ("100000000000002", int(clock.at))


async def test_several_news_at_once_come_each_alone(start):
    world = await start()
    posted = world.sandbox.account(messaging_limit="TIER_250", quality="YELLOW")
    assert posted == ["business_capability_update", "phone_number_quality_update"]
    assert sorted(field for _, field, _ in await changes(world)) == sorted(posted)
    shown = (await world.control("GET", "account")).json()
    assert shown == {
        "messaging_limit": "TIER_250",
        "written_to": 0,
        "quality": {"100000000000001": "YELLOW"},
        "restriction": None,
        "allowed": [],
    }
    number = await world.get("/v25.0/100000000000001", fields="quality_rating")
    assert number.json()["quality_rating"] == "YELLOW"
    world.sandbox.reset()
    assert world.sandbox.state.reach.tier == "TIER_UNLIMITED"


@pytest.mark.parametrize("code", [368, 131031, 131042])
async def test_a_restriction_is_quiet_and_lasts_until_it_is_lifted(start, blog_post, code):
    world = await start()
    assert world.sandbox.account(restriction=code) == []
    assert (await world.post(blog_post())).json()["error"]["code"] == code
    world.sandbox.account(restriction=0)
    assert (await world.post(blog_post())).status_code == 200


async def test_a_test_number_writes_to_those_on_its_list(start, blog_post):
    world = await start()
    world.sandbox.account(allowed=[ANNA])
    assert (await world.post(blog_post(ANNA))).status_code == 200
    assert (await world.post(blog_post(BERT))).json()["error"]["code"] == 131030
    world.sandbox.account(allowed=[])
    assert (await world.post(blog_post(BERT))).status_code == 200


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "nothing changes"),
        ({"phone_number_id": "100000000000001"}, "nothing changes"),
        ({"messaging_limit": "TIER_3"}, "TIER_250"),
        ({"quality": "BLUE"}, "GREEN"),
        ({"number_event": "SLEPT"}, "FLAGGED"),
        ({"restriction": 5}, "368"),
        ({"allowed": ["you"]}, "allowed"),
        ({"quality": "RED", "phone_number_id": "5"}, "no number"),
        ({"field": "security"}, "come together"),
        ({"field": "messages", "value": {}}, "say"),
        ({"info": {}}, "event"),
        ({"messaging_limit": "TIER_250", "quality": "BLUE"}, "GREEN"),
        ({"mood": "bad"}, "mood"),
    ],
)
async def test_news_that_make_no_sense_change_nothing(start, body, says):
    world = await start()
    answer = await world.control("POST", "account", body)
    assert answer.status_code == 400
    assert says in answer.json()["error"]
    assert world.sandbox.state.reach.tier == "TIER_UNLIMITED"
    assert await changes(world) == []


async def test_a_template_is_paused_disabled_and_approved_again(start, blog_post):
    world = await start(connections=1)
    seen = []
    for status in ("PAUSED", "APPROVED", "PAUSED", "DISABLED", "REJECTED"):
        answer = await world.control(
            "POST", "templates", {"name": "blog_post", "language": "de", "status": status}
        )
        assert answer.json()["webhooks"] == ["message_template_status_update"]
        seen.append((await world.post(blog_post())).json().get("error", {}).get("code"))
    assert seen == [132015, None, 132015, 132016, 132001]
    values = [value for _, field, value in await changes(world) if field.startswith("message_t")]
    assert [value["event"] for value in values] == [
        "PAUSED", "UNPAUSED", "PAUSED", "DISABLED", "REJECTED",
    ]  # fmt: skip
    titles = [value["other_info"]["title"] for value in values if "other_info" in value]
    assert titles == ["FIRST_PAUSE", "SECOND_PAUSE"]
    assert isinstance(values[0]["message_template_id"], int)
    assert values[0]["message_template_name"] == "blog_post"
    assert values[0]["message_template_language"] == "de"


async def test_a_template_changes_quality_and_category(start):
    world = await start(connections=1)
    body = {"name": "blog_post", "language": "de", "quality": "RED", "category": "UTILITY"}
    answer = await world.control("POST", "templates", body)
    assert answer.json()["webhooks"] == [
        "message_template_quality_update",
        "template_category_update",
    ]
    (_, _, quality), (_, _, category) = await changes(world)
    assert (quality["previous_quality_score"], quality["new_quality_score"]) == ("UNKNOWN", "RED")
    assert (category["previous_category"], category["new_category"]) == ("MARKETING", "UTILITY")


@pytest.mark.parametrize(
    "change", [{}, {"status": "TIRED"}, {"quality": "BLUE"}, {"category": "FUN"}]
)
async def test_a_change_of_a_template_that_makes_no_sense(start, change):
    world = await start()
    body = {"name": "blog_post", "language": "de", **change}
    assert (await world.control("POST", "templates", body)).status_code == 400
    assert await changes(world) == []


async def codes(world, *bodies):
    answers = [await world.post(body) for body in bodies]
    return [answer.json().get("error", {}).get("code") for answer in answers]


async def test_a_portfolio_reaches_so_many_people_a_day(start, blog_post, text, clock):
    """All numbers count together; who was written to today may be again; windows do not count."""
    second = "100000000000009"
    world = await start(
        webhook=False, now=clock, rate=1e6, messaging_limit="TIER_50",
        phone_number_ids=("100000000000001", second),
    )  # fmt: skip
    people = [f"+49171300{n:04}" for n in range(60)]
    for n, person in enumerate(people[:50]):
        answer = await world.post(blog_post(person), number=second if n % 2 else "100000000000001")
        assert answer.status_code == 200
    assert await codes(world, blog_post(ANNA), blog_post(people[3])) == [131048, None]
    await world.sandbox.say(ANNA, "Hallo")
    assert await codes(world, text(ANNA), blog_post(ANNA), blog_post(BERT)) == [None, None, 131048]
    assert (await world.control("GET", "account")).json()["written_to"] == 50
    world.sandbox.forward(24 * 3600 - 1)
    assert await codes(world, blog_post(BERT)) == [131048]
    world.sandbox.forward(1)
    assert await codes(world, blog_post(BERT)) == [None]


async def test_a_higher_tier_counts_at_once(start, blog_post, clock):
    world = await start(webhook=False, now=clock, rate=1e6, messaging_limit="TIER_50")
    for n in range(50):
        await world.post(blog_post(f"+49171300{n:04}"))
    assert await codes(world, blog_post(BERT)) == [131048]
    world.sandbox.account(messaging_limit="TIER_250")
    assert await codes(world, blog_post(BERT)) == [None]
    number = await world.get(
        "/v25.0/100000000000001", fields="whatsapp_business_manager_messaging_limit"
    )
    assert number.json()["whatsapp_business_manager_messaging_limit"] == "TIER_250"


async def test_the_code_of_the_limit_is_a_setting(start, blog_post):
    world = await start(webhook=False, messaging_limit="TIER_50", limit_code=131064, rate=1e6)
    bodies = [blog_post(f"+49171300{n:04}") for n in range(51)]
    assert (await codes(world, *bodies))[-1] == 131064
