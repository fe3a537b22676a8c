"""Templates, numbers and the account, as the management API shows them."""

import json

import pytest

ACCOUNT = "/v25.0/100000000000002"
HEADERS = {"Authorization": "Bearer sandbox-token"}

DEFINITION = {
    "name": "spring_offer",
    "language": "en_US",
    "category": "MARKETING",
    "parameter_format": "named",
    "components": [
        {"type": "BODY", "text": "Hi {{first_name}}, see you."},
        {"type": "FOOTER", "text": "Reply STOP to opt out"},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Stop"}]},
    ],
}


async def create(world, **changes):
    return await world.client.post(
        f"{ACCOUNT}/message_templates",
        content=json.dumps(DEFINITION | changes),
        headers=HEADERS,
    )


async def test_the_default_set(start):
    world = await start(webhook=False)
    answer = await world.get(f"{ACCOUNT}/message_templates")
    assert "x-business-use-case-usage" in answer.headers
    data = answer.json()["data"]
    assert sorted((t["name"], t["language"]) for t in data) == [
        ("blog_post", "de"),
        ("blog_post", "en"),
        ("blog_post_image", "de"),
        ("blog_post_image", "en"),
        ("no_way_out", "de"),
    ]
    assert {t["status"] for t in data} == {"APPROVED"}
    assert "next" not in answer.json()["paging"]


async def test_pages_end(start):
    world = await start(webhook=False)
    names, after = [], {}
    for _ in range(3):
        query = {"fields": "name", "limit": "2"} | after
        page = (await world.get(f"{ACCOUNT}/message_templates", **query)).json()
        assert all(set(entry) == {"name", "id"} for entry in page["data"])
        names += page["data"]
        after = {"after": page["paging"]["cursors"]["after"]}
        if "next" in page["paging"]:
            follow = await world.client.get(page["paging"]["next"], headers=HEADERS)
            assert follow.json()["data"]
    assert len(names) == 5
    assert "next" not in page["paging"]
    beyond = await world.get(f"{ACCOUNT}/message_templates", **after)
    assert beyond.json() == {"data": []}


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"name": "blog_post"}, 2),
        ({"language": "de"}, 3),
        ({"name": "blog_post", "language": "en"}, 1),
        ({"status": "PAUSED"}, 0),
        ({"category": "MARKETING"}, 5),
    ],
)
async def test_filters(start, query, count):
    world = await start(webhook=False)
    data = (await world.get(f"{ACCOUNT}/message_templates", **query)).json()["data"]
    assert len(data) == count


@pytest.mark.parametrize(
    "query", [{"after": "x"}, {"limit": "0"}, {"limit": "x"}, {"fields": "name,colour"}]
)
async def test_wrong_queries(start, query):
    world = await start(webhook=False)
    answer = await world.get(f"{ACCOUNT}/message_templates", **query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)


@pytest.mark.parametrize("status", ["APPROVED", "PENDING"])
async def test_create(start, status):
    world = await start(webhook=False, template_status=status)
    answer = (await create(world)).json()
    assert answer == {"id": answer["id"], "status": status, "category": "MARKETING"}
    listed = await world.get(f"{ACCOUNT}/message_templates", name="spring_offer")
    assert listed.json()["data"][0]["components"] == DEFINITION["components"]
    again = (await create(world)).json()["error"]
    assert (again["code"], again["error_subcode"]) == (100, 2388024)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": "Spring Offer"}, 100),
        ({"name": None}, 100),
        ({"language": "German"}, 100),
        ({"category": "SPAM"}, 100),
        ({"parameter_format": "free"}, 100),
        ({"components": None}, 100),
        ({"components": []}, 100),
        ({"components": [{"type": []}]}, 100),
        ({"components": [{"type": "BODY"}]}, 100),
        ({"components": [{"type": "BODY", "text": "x" * 1025}]}, 2388040),
        ({"components": [{"type": "BODY", "text": "{{a}} x"}]}, 2388299),
        ({"components": [{"type": "BODY", "text": "x {{a}}"}]}, 2388299),
        ({"components": [{"type": "BODY", "text": "x {{1}} x"}]}, 2388047),
        (
            {"components": [{"type": "BODY", "text": "x"}, {"type": "FOOTER", "text": "{{a}}"}]},
            2388073,
        ),
        (
            {"components": [{"type": "BODY", "text": "x"}, {"type": "FOOTER", "text": "x" * 61}]},
            2388040,
        ),
        (
            {"components": [{"type": "BODY", "text": "x"}, {"type": "HEADER", "format": "GIF"}]},
            2388047,
        ),
        ({"components": [{"type": "BODY", "text": "x"}, {"type": "BUTTONS", "buttons": []}]}, 100),
        ({"components": [{"type": "BODY", "text": "x"}, {"type": "CAROUSEL"}]}, 100),
    ],
)
async def test_definitions_that_are_refused(start, changes, code):
    world = await start(webhook=False)
    answer = await create(world, **changes)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


async def test_a_number_tells_what_is_asked(start):
    world = await start(webhook=False, rate=1000, messaging_limit="TIER_10K")
    fields = (
        "verified_name,display_phone_number,quality_rating,code_verification_status,name_status,"
        "platform_type,throughput,status,webhook_configuration,"
        "whatsapp_business_manager_messaging_limit,health_status"
    )
    found = (await world.get("/v25.0/100000000000001", fields=fields)).json()
    assert set(found) == {*fields.split(","), "id"}
    assert found["display_phone_number"] == "+49 171 3920099"
    assert found["throughput"] == {"level": "HIGH"}
    assert found["whatsapp_business_manager_messaging_limit"] == "TIER_10K"
    assert found["health_status"]["can_send_message"] == "AVAILABLE"
    usual = (await world.get("/v25.0/100000000000001")).json()
    assert "quality_rating" in usual
    assert "health_status" not in usual
    wrong = await world.get("/v25.0/100000000000001", fields="colour")
    assert wrong.json()["error"]["code"] == 100


async def test_the_account(start):
    world = await start(webhook=False)
    numbers = (await world.get(f"{ACCOUNT}/phone_numbers")).json()["data"]
    assert [number["id"] for number in numbers] == ["100000000000001"]
    assert (await world.get(f"{ACCOUNT}/subscribed_apps")).json()["data"]
    posted = await world.client.post(f"{ACCOUNT}/subscribed_apps", headers=HEADERS)
    assert posted.json() == {"success": True}
    field = "whatsapp_business_manager_messaging_limit"
    assert (await world.get(ACCOUNT, fields=field)).json() == {
        field: "TIER_UNLIMITED",
        "id": "100000000000002",
    }


@pytest.mark.parametrize(
    ("method", "path", "code", "subcode"),
    [
        ("GET", "/v25.0/100000000000001/messages", 100, 33),
        ("PUT", "/v25.0/100000000000002/message_templates", 100, 33),
        ("DELETE", "/v25.0/100000000000001/media", 100, 33),
        ("POST", "/v25.0/100000000000002", 100, 33),
        ("POST", "/v25.0/300000000000001/colours", 2500, None),
        ("GET", "/v25.0/300000000000001/unpause", 100, 33),
        ("GET", "/v25.0/5", 100, 33),
        ("GET", "/v25.0/5/messages", 100, 33),
        ("POST", "/v25.0/me", 100, 33),
        ("GET", "/v25.0/100000000000001/colours", 2500, None),
        ("GET", "/v25.0/100000000000002/colours", 2500, None),
        ("GET", "/v25.0", 2500, None),
        ("GET", "/v25.0/100000000000001/messages/5", 2500, None),
    ],
)
async def test_paths_that_are_not_there(start, method, path, code, subcode):
    world = await start(webhook=False)
    error = (await world.client.request(method, path, headers=HEADERS)).json()["error"]
    assert (error["code"], error.get("error_subcode")) == (code, subcode)


async def test_without_a_token_nothing_is_shown(start):
    world = await start(webhook=False)
    answer = await world.client.get(f"{ACCOUNT}/message_templates")
    assert answer.json()["error"]["code"] == 2500
