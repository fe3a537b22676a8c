"""Templates from submission to deletion (sections 2.5, 4.7, 9.1)."""

import json

import pytest

EDGE = "100000000000002/message_templates"
DEFINITION = {
    "name": "order",
    "language": "de",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Ihre Bestellung {{1}} ist da."}],
}
BODY = {"type": "BODY", "text": "x"}


def buttons(*found):
    return {"components": [BODY, {"type": "BUTTONS", "buttons": list(found)}]}


def url(address, text="Los"):
    return {"type": "URL", "text": text, "url": address}


QUICK = {"type": "QUICK_REPLY", "text": "Stop"}
CALL = {"type": "PHONE_NUMBER", "text": "Anrufen", "phone_number": "+491713920002"}
CODE = {"type": "COPY_CODE", "example": "SPRING15"}
FLOW = {"type": "FLOW", "text": "Termin", "flow_id": "1"}
ASK = {"type": "REQUEST_CONTACT_INFO"}


async def create(world, **changes):
    return await world.call("POST", EDGE, DEFINITION | changes)


async def listed(world, **query):
    return (await world.call("GET", EDGE, **query)).json()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        (buttons(*[QUICK] * 10), None),
        (buttons(*[QUICK] * 11), 100),
        (buttons(url("https://a.example/{{1}}"), url("https://a.example")), None),
        (buttons(*[url("https://a.example")] * 3), 100),
        (buttons(url("https://a.example/{{1}}/x")), 100),
        (buttons(url("https://a.example/{{1}}{{2}}")), 100),
        (buttons(url("{{1}}")), 100),
        (buttons(url("ftp://a.example")), 100),
        (buttons(url("https://a.example/" + "x" * 2000)), 2388040),
        (buttons(url("https://a.example", "x" * 26)), 2388040),
        (buttons({"type": "URL", "text": "Los"}), 100),
        (buttons(CALL), None),
        (buttons(CALL, CALL), 100),
        (buttons(CALL | {"phone_number": "+" + "4" * 20}), 2388040),
        (buttons({"type": "PHONE_NUMBER", "text": "x"}), 100),
        (buttons(CODE, FLOW, ASK), None),
        (buttons(CODE, CODE), 100),
        (buttons(CODE | {"example": ["x" * 16]}), 2388040),
        (buttons({"type": "QUICK_REPLY"}), 100),
        (buttons({"type": "CAROUSEL", "text": "x"}), 100),
        ({"components": [BODY, {"type": "HEADER", "text": "{{1}} {{2}} x"}]}, 2388047),
        ({"components": [BODY, {"type": "HEADER", "text": "{{1}} x"}]}, None),
        ({"components": [BODY, {"type": "HEADER", "text": "x" * 61}]}, 2388040),
        ({"components": [BODY, {"type": "HEADER", "format": "LOCATION"}]}, None),
        ({"name": "x" * 512}, None),
        ({"name": "x" * 513}, 100),
        ({"message_send_ttl_seconds": 30}, None),
        ({"message_send_ttl_seconds": 43_201}, 100),
        ({"message_send_ttl_seconds": -1}, None),
        ({"message_send_ttl_seconds": True}, 100),
        ({"category": "MARKETING", "message_send_ttl_seconds": 30}, 100),
        ({"category": "MARKETING", "message_send_ttl_seconds": -1}, 100),
        ({"category": "MARKETING", "message_send_ttl_seconds": 43_200}, None),
    ],
)
async def test_limits_of_definitions(start, changes, code):
    world = await start(webhook=False)
    answer = await create(world, **changes)
    assert answer.json().get("error", {}).get("code") == code, answer.text
    found = await listed(world, name=(DEFINITION | changes)["name"][:512], language="de")
    assert bool(found["data"]) == (code is None)


async def test_the_number_of_templates_is_limited(start):
    world = await start(webhook=False, template_limit=6)
    assert (await create(world)).status_code == 200
    assert (await create(world, name="other")).json()["error"]["code"] == 2388019
    summary = (await listed(world, summary="total_count,message_template_limit"))["summary"]
    assert summary == {"total_count": 6, "message_template_limit": 6}
    wrong = await world.call("GET", EDGE, summary="colour")
    assert wrong.json()["error"]["code"] == 100


async def test_one_is_read_by_its_id(start):
    world = await start(webhook=False)
    id = (await create(world, message_send_ttl_seconds=60)).json()["id"]
    usual = (await world.call("GET", id)).json()
    assert usual["components"] == DEFINITION["components"]
    fields = "name,quality_score,rejected_reason,message_send_ttl_seconds"
    empty = "sub_category,previous_category"
    found = (await world.call("GET", id, fields=f"{fields},{empty}")).json()
    assert set(found) == {*fields.split(","), "id"}, "what has no value is left out"
    assert found["quality_score"]["score"] == "UNKNOWN"
    assert found["message_send_ttl_seconds"] == 60
    wrong = await world.call("GET", id, fields="colour")
    assert wrong.json()["error"]["code"] == 100


async def test_an_edit_is_looked_at_again(start, text):
    world = await start(webhook=False, template_status="PENDING")
    id = (await create(world)).json()["id"]
    change = {"components": [{"type": "BODY", "text": "Neu: {{1}} ist da."}]}
    refused = (await world.call("POST", id, change)).json()["error"]
    assert (refused["code"], "PENDING" in refused["error_data"]["details"]) == (100, True)
    world.sandbox.state.templates.by_id(id).status = "APPROVED"

    payload = {
        "name": "order",
        "language": {"code": "de"},
        "components": [{"type": "body", "parameters": [{"type": "text", "text": "7"}]}],
    }
    send = text(type="template", text=None, template=payload)
    assert (await world.post(send)).status_code == 200
    assert (await world.call("POST", id, change)).json() == {"success": True}
    assert (await world.call("GET", id)).json()["status"] == "PENDING"
    assert (await world.post(send)).json()["error"]["code"] == 132001
    world.sandbox.state.templates.by_id(id).status = "APPROVED"
    assert (await world.post(send)).status_code == 200
    assert [line.text for line in world.sandbox.received()] == [
        "Ihre Bestellung 7 ist da.",
        "Neu: 7 ist da.",
    ]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"name": "other"},
        {"category": "MARKETING"},
        {"category": 5},
        {"components": []},
        {"components": [{"type": "BODY", "text": "x" * 1025}]},
        {"parameter_format": "NAMED"},
        {"message_send_ttl_seconds": 1},
    ],
)
async def test_an_edit_that_is_refused_changes_nothing(start, change):
    world = await start(webhook=False)
    id = (await create(world)).json()["id"]
    before = (await world.call("GET", id)).json()
    assert (await world.call("POST", id, change)).status_code == 400
    assert (await world.call("GET", id)).json() == before


async def test_a_rejected_one_may_change_its_category(start):
    world = await start(webhook=False)
    id = (await create(world)).json()["id"]
    world.sandbox.state.templates.by_id(id).status = "REJECTED"
    assert (await world.call("POST", id, {"category": "MARKETING"})).json() == {"success": True}
    found = (await world.call("GET", id)).json()
    assert (found["category"], found["status"]) == ("MARKETING", "APPROVED")


async def names(world):
    data = (await listed(world, fields="name,language", limit="100"))["data"]
    return [(entry["name"], entry["language"]) for entry in data]


async def test_a_name_goes_with_all_its_languages_and_stays_blocked(start, clock):
    world = await start(webhook=False, now=clock)
    assert (await world.call("DELETE", EDGE, name="blog_post")).json() == {"success": True}
    assert ("blog_post", "de") not in await names(world)
    assert ("blog_post", "en") not in await names(world)
    again = (await create(world, name="blog_post")).json()["error"]
    assert (again["code"], again["error_subcode"]) == (100, 2388023)
    clock.at += 30 * 86_400
    assert (await create(world, name="blog_post")).status_code == 200


async def test_one_language_goes_by_its_id(start):
    world = await start(webhook=False)
    data = (await listed(world, name="blog_post", language="de"))["data"]
    answer = await world.call("DELETE", EDGE, name="blog_post", hsm_id=data[0]["id"])
    assert answer.json() == {"success": True}
    assert ("blog_post", "de") not in await names(world)
    assert ("blog_post", "en") in await names(world)
    assert (await create(world, name="blog_post")).status_code == 200


@pytest.mark.parametrize("as_body", [False, True])
async def test_several_go_by_their_ids(start, as_body):
    world = await start(webhook=False)
    ids = [entry["id"] for entry in (await listed(world))["data"][:3]]
    if as_body:
        answer = await world.call("DELETE", EDGE, {"hsm_ids": ids})
    else:
        answer = await world.call("DELETE", EDGE, hsm_ids=json.dumps(ids))
    assert answer.json() == {"success": True}
    assert len(await names(world)) == 2


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"name": "unknown"},
        {"name": "blog_post", "hsm_id": "5"},
        {"name": "other", "hsm_id": "300000000000001"},
        {"hsm_ids": "[]"},
        {"hsm_ids": "[300000000000001, 5]"},
        {"hsm_ids": json.dumps(list(range(101)))},
    ],
)
async def test_a_deletion_is_whole_or_not_at_all(start, query):
    world = await start(webhook=False)
    answer = await world.call("DELETE", EDGE, **query)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 100)
    assert len(await names(world)) == 5


async def test_unpause(start):
    world = await start(webhook=False)
    template = world.sandbox.state.templates.get("blog_post", "de")
    template.status = "PAUSED"
    assert (await world.call("POST", f"{template.id}/unpause")).json() == {"success": True}
    assert template.status == "APPROVED"
    again = (await world.call("POST", f"{template.id}/unpause")).json()
    assert again["success"] is False


async def test_buttons_of_every_kind_reach_the_phone(start, text):
    world = await start(webhook=False)
    found = buttons(QUICK, url("https://a.example/{{1}}"), CALL, CODE, FLOW, ASK)
    assert (await create(world, category="MARKETING", **found)).status_code == 200

    def button(index, kind, **parameter):
        return {"type": "button", "sub_type": kind, "index": index, "parameters": [parameter]}

    given = [
        button(0, "quick_reply", type="payload", payload="STOP_ALL"),
        button(1, "url", type="text", text="a%20b"),
        button(3, "copy_code", type="coupon_code", coupon_code="SPRING15"),
        button(4, "flow", type="action", action={"flow_token": "t-1"}),
    ]

    def send(components):
        payload = {"name": "order", "language": {"code": "de"}, "components": components}
        return text(type="template", text=None, template=payload)

    assert (await world.post(send(given))).status_code == 200
    shown = [(b.kind, b.text, b.payload, b.url) for b in world.sandbox.received()[0].buttons]
    assert shown == [
        ("quick_reply", "Stop", "STOP_ALL", None),
        ("url", "Los", None, "https://a.example/a%20b"),
        ("phone_number", "Anrufen", None, "tel:+491713920002"),
        ("copy_code", "Copy code", "SPRING15", None),
        ("flow", "Termin", "t-1", None),
        ("contact_info", "Request contact info", None, None),
    ]
    refused = [
        (given[:2], 132000),
        ([*given, button(2, "phone_number", type="text", text="x")], 132000),
        ([*given[:2], button(3, "copy_code", type="coupon_code", coupon_code="x" * 16)], 132005),
        ([*given[:2], button(3, "copy_code", type="coupon_code")], 132012),
        ([*given[:3], button(4, "flow", type="action", action="x")], 132012),
        ([*given[:3], button(9, "flow", type="action", action={})], 132012),
        ([button(0, "quick_reply", type="payload", payload=5), *given[1:]], 132012),
    ]
    for components, code in refused:
        assert (await world.post(send(components))).json()["error"]["code"] == code
