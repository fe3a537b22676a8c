"""Two faults at once: the step that section 11 names first answers."""

import pytest

PHONE = "+491713920001"
TEXT = {"messaging_product": "whatsapp", "to": PHONE, "type": "text", "text": {"body": "x"}}
OWN = {"to": "+49 171 3920099"}
PARAMETERS = [
    {"type": "text", "parameter_name": name, "text": "x"} for name in ("title", "teaser", "link")
]

PICTURE = {"type": "image", "parameter_name": "link"}


def template(name="blog_post", parameters=PARAMETERS, **members):
    body = {"type": "body", "parameters": parameters}
    payload = {"name": name, "language": {"code": "de"}, "components": [body]}
    return {"messaging_product": "whatsapp", "to": PHONE, "type": "template"} | (
        {"template": payload} | members
    )


def named(texts):
    return [p | {"text": text} for p, text in zip(PARAMETERS, texts, strict=True)]


async def spend(world, numbers=1):
    """Use up the throughput of one message per second."""
    for n in range(numbers):
        assert (await world.post(template(to=f"+49171392001{n}"))).status_code == 200


def restrict(world):
    world.sandbox.state.account.restriction = 131031


def deregister(world):
    world.sandbox.state.numbers["100000000000001"].registered = False


def pause(world):
    world.sandbox.state.templates.get("blog_post", "de").status = "PAUSED"


def no_marketing(world):
    world.sandbox.state.account.marketing_on_messages = False


def only_others(world):
    world.sandbox.state.account.allow(("+491713920002",))


def blocked(world):
    world.sandbox.state.numbers["100000000000001"].blocked[PHONE] = PHONE


# (what is wrong, request, how it is sent, the code that answers)
STEPS = [
    ("token, path", (), TEXT, {"token": "x", "number": "5"}, 190),
    ("no token, path", (), TEXT, {"token": None, "number": "5"}, 2500),
    ("path, JSON", (), TEXT, {"number": "5", "raw": "{"}, 100),
    ("token, registration", (deregister,), TEXT, {"token": "x"}, 190),
    ("registration, JSON", (deregister,), TEXT, {"raw": "{"}, 133010),
    ("registration, restriction", (deregister, restrict), TEXT, {}, 133010),
    ("shape, recipient", (), TEXT | OWN | {"text": {}}, {}, 131008),
    ("shape, no recipient", (), TEXT | {"to": None, "text": {"body": " "}}, {}, 131009),
    ("shape, rates", (spend,), TEXT | {"text": {}}, {}, 131008),
    ("no recipient, rates", (spend,), TEXT | {"to": None}, {}, 100),
    ("own number, rates", (spend,), TEXT | OWN, {}, 131021),
    ("own number, allow list", (only_others,), TEXT | OWN, {}, 131021),
    ("allow list, rates", (only_others,), TEXT, {}, 131030),
    ("allow list, blocked", (only_others, blocked), TEXT, {}, 131030),
    ("blocked, rates", (spend, blocked), TEXT, {}, 130403),
    ("rates, restriction", (spend, restrict), TEXT, {}, 130429),
    ("rates, window", (spend,), TEXT, {}, 130429),
    ("rates, template", (spend,), template("unknown"), {}, 130429),
    ("restriction, window", (restrict,), TEXT, {}, 131031),
    ("restriction, template", (restrict,), template("unknown"), {}, 131031),
    ("template unknown, count", (), template("unknown", []), {}, 132001),
    ("count, format", (), template(parameters=[{"type": "image"}]), {}, 132000),
    (
        "format, length",
        (),
        template(parameters=[*named(("x" * 1025, "x", "x"))[:2], PICTURE]),
        {},
        132012,
    ),
    ("length, characters", (), template(parameters=named(("x" * 1025, "a\nb", "x"))), {}, 132005),
    ("characters, paused", (pause,), template(parameters=named(("a\nb", "x", "x"))), {}, 132018),
    ("length, paused", (pause,), template(parameters=named(("x" * 1025, "x", "x"))), {}, 132005),
    ("paused, marketing", (pause, no_marketing), template(), {}, 132015),
    ("unknown, marketing", (no_marketing,), template("unknown"), {}, 132001),
]


@pytest.mark.parametrize(
    ("prepare", "body", "changes", "code"),
    [step[1:] for step in STEPS],
    ids=[step[0] for step in STEPS],
)
async def test_the_earlier_step_answers(start, clock, prepare, body, changes, code):
    world = await start(webhook=False, rate=1, now=clock)
    for step in prepare:
        if step is spend:
            await spend(world)
        else:
            step(world)
    answer = await world.post({k: v for k, v in body.items() if v is not None}, **changes)
    assert answer.json()["error"]["code"] == code, answer.text
    if code in (130429, 131031):  # the later fault alone is found too
        world.sandbox.state.account.restriction = None
        clock.at += 60
        later = await world.post(body)
        assert later.json()["error"]["code"] in (131047, 132001, 131031)


async def test_the_pair_rate_comes_after_throughput(start, clock):
    world = await start(webhook=False, rate=1, pair_burst=1, now=clock)
    assert (await world.post(template())).status_code == 200
    assert (await world.post(template())).json()["error"]["code"] == 130429
    clock.at += 1
    assert (await world.post(template("unknown"))).json()["error"]["code"] == 131056


@pytest.mark.parametrize("http", [400, 403, 429])
async def test_rates_have_the_status_that_was_chosen(start, clock, http):
    world = await start(webhook=False, rate=1, now=clock, rate_http=http)
    await spend(world)
    answer = await world.post(TEXT)
    assert (answer.status_code, answer.json()["error"]["code"]) == (http, 130429)
    clock.at += 60
    assert (await world.post(TEXT)).status_code == 400, "the window is no rate"
