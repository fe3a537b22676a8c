"""Every refusal, and which one comes first (section 11)."""

import json

import pytest

from gateway_sandbox.received import Button

TEXT = {"messaging_product": "whatsapp", "to": "+491713920001", "type": "text"}
GOOD = TEXT | {"text": {"body": "x"}}
TEMPLATE = TEXT | {"type": "template"}
PARAMETERS = [
    {"type": "text", "parameter_name": "title", "text": "A"},
    {"type": "text", "parameter_name": "teaser", "text": "B"},
    {"type": "text", "parameter_name": "link", "text": "https://blog.example/1"},
]


def template(name="blog_post", language="de", parameters=None, header=None, button=None):
    components = [{"type": "body", "parameters": PARAMETERS if parameters is None else parameters}]
    if header is not None:
        components.append({"type": "HEADER", "parameters": header})
    if button is not None:
        components.append({"type": "button", **button})
    return TEMPLATE | {
        "template": {"name": name, "language": {"code": language}, "components": components}
    }


def with_text(text, which=1):
    changed = [dict(parameter) for parameter in PARAMETERS]
    changed[which]["text"] = text
    return template(parameters=changed)


def first(**members):
    return [PARAMETERS[0] | members, *PARAMETERS[1:]]


@pytest.mark.parametrize(
    ("changes", "http", "code", "subcode"),
    [
        ({"token": None}, 400, 2500, None),
        ({"token": "wrong"}, 401, 190, None),
        ({"token": "wrong", "number": "5"}, 401, 190, None),
        ({"number": "5"}, 400, 100, 33),
        ({"number": "100000000000002"}, 400, 100, 33),
        ({"version": "v25"}, 400, 2500, None),
        ({"version": "25.0"}, 400, 2500, None),
        ({"raw": "{"}, 400, 100, None),
        ({"raw": ""}, 400, 100, None),
        ({"raw": "[]"}, 400, 100, None),
        ({"raw": b"\xff\xfe"}, 400, 100, None),
        ({"raw": "[" * 100_000}, 400, 100, None),
    ],
)
async def test_before_the_message(start, changes, http, code, subcode):
    world = await start(webhook=False)
    answer = await world.post(GOOD, **changes)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error.get("error_subcode")) == (http, code, subcode)
    assert error["type"] == ("GraphMethodException" if subcode == 33 else "OAuthException")
    assert len(error["fbtrace_id"]) > 10
    assert ("www-authenticate" in answer.headers) == (code in (190, 2500))


@pytest.mark.parametrize(
    ("body", "http", "code"),
    [
        # JSON shape
        ({"to": "+491713920001"}, 400, 100),
        (GOOD | {"messaging_product": "sms"}, 400, 100),
        (GOOD | {"type": "telegram"}, 400, 100),
        (GOOD | {"type": []}, 400, 100),
        (GOOD | {"type": "interactive"}, 400, 131008),
        (GOOD | {"type": "audio"}, 400, 131008),
        (GOOD | {"recipient_type": "group"}, 400, 131009),
        (GOOD | {"biz_opaque_callback_data": "x" * 513}, 400, 100),
        (GOOD | {"biz_opaque_callback_data": 5}, 400, 100),
        (GOOD | {"context": {}}, 400, 100),
        (TEXT, 400, 131008),
        (TEXT | {"text": "x"}, 400, 100),
        (TEXT | {"text": {}}, 400, 131008),
        (TEXT | {"text": {"body": 5}}, 400, 100),
        (TEXT | {"text": {"body": " "}}, 400, 131009),
        (TEXT | {"text": {"body": "x" * 4097}}, 400, 100),
        (TEXT | {"text": {"body": "x", "preview_url": "yes"}}, 400, 100),
        (TEXT | {"type": "image", "image": {}}, 400, 131008),
        (TEXT | {"type": "image", "image": {"id": "5"}}, 400, 131009),
        (TEXT | {"type": "image", "image": {"id": "5", "link": "https://a.example"}}, 400, 100),
        (TEXT | {"type": "image", "image": {"link": "ftp://a.example"}}, 400, 100),
        (TEXT | {"type": "image", "image": {"link": "https://a.example", "caption": 5}}, 400, 100),
        (
            TEXT | {"type": "image", "image": {"link": "https://a.example", "caption": "x" * 1025}},
            400,
            100,
        ),
        (TEMPLATE, 400, 131008),
        (TEMPLATE | {"template": {"name": "blog_post"}}, 400, 131008),
        (TEMPLATE | {"template": {"name": "blog_post", "language": "de"}}, 400, 100),
        (TEMPLATE | {"template": {"name": "blog_post", "language": {}}}, 400, 131008),
        (TEMPLATE | {"template": {"language": {"code": "de"}}}, 400, 131008),
        (
            TEMPLATE
            | {"template": {"name": "x", "language": {"code": "de"}, "components": {"a": 1}}},
            400,
            100,
        ),
        (
            TEMPLATE
            | {"template": {"name": "x", "language": {"code": "de"}, "components": [{"type": 1}]}},
            400,
            100,
        ),
        (template(parameters=[{"text": "x"}]), 400, 131008),
        ({"messaging_product": "whatsapp", "status": "delivered"}, 400, 100),
        ({"messaging_product": "whatsapp", "status": "read"}, 400, 131008),
        ({"messaging_product": "whatsapp", "status": "read", "message_id": "5"}, 400, 131009),
        # recipient
        ({k: v for k, v in GOOD.items() if k != "to"}, 400, 100),
        (GOOD | {"to": 5}, 400, 100),
        (GOOD | {"to": "0171 3920001"}, 400, 100),
        (GOOD | {"to": "+49171x"}, 400, 100),
        (GOOD | {"to": "DE.10000000000000000042"}, 400, 100),
        (GOOD | {"to": None, "recipient": "zoe"}, 400, 100),
        (GOOD | {"to": None, "recipient": "DE.ENT.1"}, 400, 100),
        (GOOD | {"to": "+49 171 3920099"}, 400, 131021),
        # window
        (GOOD, 400, 131047),
        (TEXT | {"type": "image", "image": {"link": "https://a.example"}}, 400, 131047),
        # template
        (template(name="unknown"), 404, 132001),
        (template(language="fr"), 404, 132001),
        (template(parameters=PARAMETERS[:2]), 400, 132000),
        (template(parameters=[]), 400, 132000),
        (template(parameters=[*PARAMETERS, PARAMETERS[0]]), 400, 132000),
        (template(header=[{"type": "text", "text": "x"}]), 400, 132012),
        (template(name="blog_post_image"), 400, 132012),
        (template(name="blog_post_image", header=[{"type": "text", "text": "x"}]), 400, 132012),
        (template(name="blog_post_image", header=[{"type": "image"}]), 400, 132012),
        (
            template(name="blog_post_image", header=[{"type": "image", "image": {"link": "x"}}]),
            400,
            100,
        ),
        (template(parameters=first(parameter_name="name")), 400, 132012),
        (template(parameters=first(parameter_name="link")), 400, 132012),
        (template(parameters=first(parameter_name=None)), 400, 100),
        (template(parameters=first(type="image")), 400, 132012),
        (template(parameters=first(text=5)), 400, 132012),
        (template(button={"sub_type": "quick_reply", "index": 0}), 400, 132012),
        (with_text("x" * 1025), 400, 132005),
        (with_text("a\nb"), 400, 132018),
        (with_text("a\tb"), 400, 132018),
        (with_text("a     b"), 400, 132018),
        (with_text(""), 400, 100),
    ],
)
async def test_a_message_that_is_refused(start, body, http, code):
    world = await start(webhook=False)
    answer = await world.post(body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (http, code), answer.text
    assert world.sandbox.received() == []
    assert world.sandbox.stats()["refused"] == {str(code): 1}


async def test_four_spaces_are_allowed(start):
    world = await start(webhook=False)
    assert (await world.post(with_text("a    b"))).status_code == 200


async def test_the_shape_of_an_error(start):
    world = await start(webhook=False)
    body = (await world.post(template(parameters=PARAMETERS[:2]))).json()
    trace = body["error"].pop("fbtrace_id")
    assert isinstance(trace, str)
    assert body == {
        "error": {
            "message": "(#132000) Number of parameters does not match the expected number of params",
            "type": "OAuthException",
            "code": 132000,
            "error_data": {
                "messaging_product": "whatsapp",
                "details": "body: number of localizable_params (2) does not match the expected "
                "number of params (3)",
            },
        }
    }
    missing = (await world.post(template(language="fr"))).json()["error"]["error_data"]
    assert missing["details"] == "template name (blog_post) does not exist in fr"


@pytest.mark.parametrize(
    ("status", "http", "code"),
    [
        ("PAUSED", 400, 132015),
        ("DISABLED", 400, 132016),
        ("PENDING", 404, 132001),
        ("REJECTED", 404, 132001),
        ("APPROVED", 200, None),
    ],
)
async def test_the_status_of_a_template(start, status, http, code):
    world = await start(webhook=False)
    change = {"name": "blog_post", "language": "de", "status": status}
    assert (await world.control("POST", "templates", change)).status_code == 200
    answer = await world.post(template())
    assert answer.status_code == http
    assert answer.json().get("error", {}).get("code") == code


async def test_rates_come_before_window_and_template(start, clock):
    world = await start(webhook=False, rate=1, now=clock)
    assert (await world.post(template())).status_code == 200
    for body in (GOOD, template(name="unknown")):
        assert (await world.post(body)).json()["error"]["code"] == 130429
    assert (await world.post(GOOD | {"to": "x"})).json()["error"]["code"] == 100


async def test_a_positional_template(start):
    world = await start(webhook=False)
    definition = {
        "name": "order",
        "language": "de",
        "category": "UTILITY",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Bestellung {{1}}"},
            {"type": "BODY", "text": "Hallo {{1}}, {{2}} ist da."},
            {
                "type": "BUTTONS",
                "buttons": [{"type": "URL", "text": "Ansehen", "url": "https://a.example/{{1}}"}],
            },
        ],
    }
    created = await world.client.post(
        "/v25.0/100000000000002/message_templates",
        content=json.dumps(definition),
        headers={"Authorization": "Bearer sandbox-token"},
    )
    assert created.status_code == 200, created.text

    def send(body, header="7", suffix="7", sub_type="url"):
        components = [
            {"type": "header", "parameters": [{"type": "text", "text": header}]},
            {"type": "body", "parameters": body},
        ]
        if suffix is not None:
            button = {"type": "button", "sub_type": sub_type, "index": "0"}
            components.append(button | {"parameters": [{"type": "text", "text": suffix}]})
        return TEMPLATE | {
            "template": {
                "name": "order",
                "language": {"code": "de"},
                "components": components,
            }
        }

    good = [
        {"type": "text", "text": "du"},
        {"type": "currency", "currency": {"fallback_value": "5 €"}},
    ]
    answer = await world.post(send(good))
    assert answer.status_code == 200, answer.text
    line = world.sandbox.received()[0]
    assert (line.header, line.text) == ("Bestellung 7", "Hallo du, 5 € ist da.")
    assert line.buttons == (Button("url", "Ansehen", url="https://a.example/7"),)
    assert world.sandbox.received()[0].category == "UTILITY"
    wrong = [
        (send(good, suffix=None), 132000),
        (send(good, sub_type="quick_reply"), 132012),
        (send(good, header="x" * 60), 132005),
        (send([good[0] | {"parameter_name": "a"}, good[1]]), 100),
        (send([good[0], {"type": "currency"}]), 132012),
    ]
    for body, code in wrong:
        assert (await world.post(body)).json()["error"]["code"] == code
