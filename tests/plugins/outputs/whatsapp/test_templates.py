"""The list of templates: asked for, kept, refreshed, and used while Meta is silent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import trio

from gateway.api import Button, FetchError, Hold, Rejected, Template, Text
from gateway.testing import TOPIC
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from gateway_plugins.outputs.whatsapp.templates import SOON

Make = Callable[..., Any]
URL = "https://graph.facebook.com/v25.0/100000000000001/message_templates"
FIELDS = "fields=id,name,language,status,category,parameter_format,components&limit=100"


def page(*templates: Any, after: str = "", more: bool = False) -> dict[str, Any]:
    paging: dict[str, Any] = {"cursors": {"before": "x", "after": after}} if after else {}
    if more:
        paging["next"] = "https://evil.example/steal?access_token=1"
    return {"data": list(templates), "paging": paging}


async def test_all_pages_by_cursor(output: WhatsApp, context: Any, listed: Make) -> None:
    context.http.answer(200, page(listed("a"), after="QVF/+=", more=True))
    context.http.answer(200, page(listed("b"), {"name": "broken"}, after="QVG", more=True))
    context.http.answer(200, page(listed("c"), after="QVH"))
    assert [one.name for one in await output.sync_templates()] == ["a", "b", "c"]
    assert [one.name for one in output.known_templates()] == ["a", "b", "c"]
    assert [asked.url for asked in context.http.asked] == [
        f"{URL}?{FIELDS}",
        f"{URL}?{FIELDS}&after=QVF%2F%2B%3D",
        f"{URL}?{FIELDS}&after=QVG",
    ]
    assert all(asked.headers["Authorization"].startswith("Bearer ") for asked in context.http.asked)


async def test_a_cursor_that_stands_still_ends(
    output: WhatsApp, context: Any, listed: Make
) -> None:
    for _ in range(2):
        context.http.answer(200, page(listed(), after="same", more=True))
    assert len(await output.sync_templates()) == 2


async def test_text_and_template(
    output: WhatsApp, context: Any, listed: Make, message: Make, topic: Make
) -> None:
    context.http.answer(200, page(listed()))
    forms = await output.compose(message(), topic())
    assert not isinstance(forms, Hold)
    assert [type(form) for form in forms] == [Text, Template]
    # known for ten minutes
    context.clock.forward(599)
    await output.compose(message(), topic())
    context.clock.forward(2)
    context.http.answer(200, page(listed(status="PENDING")))
    context.clock.forward(0)
    hold = await output.compose(message(), topic())
    assert isinstance(hold, Hold)
    assert hold.code == "template_not_approved"
    assert len(context.http.asked) == 2


async def test_a_question_has_its_own_template_or_none(
    output: WhatsApp, context: Any, listed: Make, message: Make, topic: Make
) -> None:
    """Nobody is asked in the words that announce a post; what its quick replies mean comes along."""
    asks = message(
        kind="confirmation", text="Möchtest du das bekommen?", title="", link="",
        buttons=(
            Button(kind="quick_reply", text="Ja", payload="yes:12"),
            Button(kind="quick_reply", text="Nein", payload="no:12"),
        ),
    )  # fmt: skip
    forms = await output.compose(asks, topic())
    assert not isinstance(forms, Hold)
    assert [type(form) for form in forms] == [Text]
    assert context.http.asked == []
    replies = [
        {"type": "QUICK_REPLY", "text": "Ja, gerne"},
        {"type": "QUICK_REPLY", "text": "Nein"},
    ]
    own = listed("opt_in", body="Hallo! {{teaser}} Antworte mit einem Knopf.", buttons=replies)
    context.http.answer(200, page(listed(), own))
    forms = await output.compose(asks.replace(template="opt_in"), topic())
    assert not isinstance(forms, Hold)
    template = forms[1]
    assert isinstance(template, Template)
    assert template.name == "opt_in"
    assert [(b.text, b.payload) for b in template.buttons] == [
        ("Ja, gerne", "yes:12"),
        ("Nein", "no:12"),
    ]


async def test_without_template_nothing_is_asked(
    output: WhatsApp, context: Any, message: Make, topic: Make
) -> None:
    for about in (None, topic(template=None)):
        forms = await output.compose(message(), about)
        assert not isinstance(forms, Hold)
        assert [type(form) for form in forms] == [Text]
    assert isinstance(await output.compose(message(title="", text="", link=""), None), Hold)
    assert context.http.asked == []


async def test_a_missing_template_is_asked_for_every_half_minute(
    output: WhatsApp, context: Any, listed: Make, message: Make, topic: Make
) -> None:
    context.http.answer(200, page())
    for _ in range(3):
        hold = await output.compose(message(), topic())
        assert isinstance(hold, Hold)
        assert hold.code == "template_missing"
    assert len(context.http.asked) == 1
    context.clock.forward(31)
    context.http.answer(200, page(listed()))
    assert not isinstance(await output.compose(message(), topic()), Hold)


@pytest.mark.parametrize(
    "failure",
    [FetchError("connect_timeout", "graph.facebook.com"), (500, b"<html>"), (200, [])],
)
async def test_nothing_known(
    output: WhatsApp, context: Any, listed: Make, message: Make, topic: Make, failure: Any
) -> None:
    if isinstance(failure, tuple):
        context.http.answer(*failure)
    else:
        context.http.script.append(failure)
    hold = await output.compose(message(), topic())
    assert isinstance(hold, Hold)
    assert hold.code == "templates_unknown"
    assert hold.until == context.clock.now() + timedelta(minutes=1)
    await output.compose(message(), topic())  # not asked again at once
    assert len(context.http.asked) == 1
    context.clock.forward(60)
    context.http.answer(200, page(listed()))
    assert not isinstance(await output.compose(message(), topic()), Hold)


@pytest.mark.parametrize("kind", ["service", "confirmation"])
async def test_an_answer_to_a_person_needs_no_template(
    output: WhatsApp, context: Any, message: Make, topic: Make, kind: str
) -> None:
    context.http.script.append(FetchError("dns", "graph.facebook.com"))
    forms = await output.compose(message(kind=kind), topic())
    assert not isinstance(forms, Hold)
    assert [type(form) for form in forms] == [Text]


async def test_known_is_used_while_meta_is_silent(
    output: WhatsApp,
    context: Any,
    listed: Make,
    message: Make,
    topic: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    context.http.answer(200, page(listed()))
    await output.sync_templates()
    context.clock.forward(3600)
    context.http.answer(
        401,
        {
            "error": {
                "code": 190,
                "message": "Malformed access token EAAG0secret0token0of0the0tests",
            }
        },
    )
    with caplog.at_level(logging.WARNING):
        assert not isinstance(await output.compose(message(), topic()), Hold)
    assert "token_invalid" in caplog.text
    assert "EAAG" not in caplog.text


async def test_a_slow_answer_is_not_waited_for(
    output: WhatsApp,
    context: Any,
    listed: Make,
    message: Make,
    topic: Make,
    autojump_clock: trio.testing.MockClock,
) -> None:
    context.http.answer(200, page(listed()))
    await output.sync_templates()
    context.clock.forward(3600)
    context.http.script.append(trio.sleep_forever)
    started = trio.current_time()
    assert not isinstance(await output.compose(message(), topic()), Hold)
    assert trio.current_time() - started == 15


async def test_many_messages_ask_once(
    output: WhatsApp, context: Any, listed: Make, message: Make, topic: Make
) -> None:
    context.http.answer(200, page(listed()))
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(output.compose, message(), topic())
    assert len(context.http.asked) == 1


async def test_kept_over_a_restart(
    output: WhatsApp, context: Any, settings: Make, listed: Make, message: Make, topic: Make
) -> None:
    context.http.answer(200, page(listed()))
    await output.sync_templates()
    again = WhatsApp(settings(), "main")
    async with again.lifespan(context):
        assert not isinstance(await again.compose(message(), topic()), Hold)
    other = WhatsApp(settings(account_id="999999999"), "main")
    async with other.lifespan(context):
        assert other.known_templates() == []
    context.state.values["templates"] = b"{"
    broken = WhatsApp(settings(), "main")
    async with broken.lifespan(context):
        assert broken.known_templates() == []
    assert len(context.http.asked) == 1


async def test_errors_of_the_list_have_names(output: WhatsApp, context: Any) -> None:
    context.http.answer(403, {"error": {"code": 200, "message": "no"}})
    with pytest.raises(Rejected) as caught:
        await output.sync_templates()
    assert (caught.value.code, caught.value.scope) == ("permission_asset", "sender")
    context.http.script.append(FetchError("tls", "graph.facebook.com"))
    with pytest.raises(FetchError):
        await output.sync_templates()


async def test_another_change_makes_the_list_old(
    output: WhatsApp, context: Any, listed: Make, message: Make, topic: Make
) -> None:
    for told in (("blog_post", "de", ""), ("new_one", "de", "APPROVED")):
        context.http.answer(200, page(listed()))
        await output.sync_templates()
        context.http.answer(200, page(listed(body="Neu: {{title}}")))
        output._templates.changed(*told)
        forms = await output.compose(message(), topic())
        assert not isinstance(forms, Hold)
        assert forms[1].rendered == "Neu: Neun Fragen zur Wärmepumpe"


async def test_a_refused_template_makes_the_list_old(
    output: WhatsApp, context: Any, listed: Make, message: Make, topic: Make, delivery: Make
) -> None:
    context.http.answer(200, page(listed()))
    assert not isinstance(await output.compose(message(), topic()), Hold)
    context.http.answer(400, {"error": {"code": 132015, "message": "paused"}})
    with pytest.raises(Rejected):
        await output.send(delivery())
    context.http.answer(200, page(listed(status="PAUSED")))
    hold = await output.compose(message(), topic())
    assert isinstance(hold, Hold)
    assert hold.code == "template_paused"


async def test_a_template_without_a_way_out_is_a_concern(
    output: WhatsApp, context: Any, listed: Make
) -> None:
    """Only one that a topic uses: the others send nothing."""
    used = "blog_post"
    context.topics = {"blog": TOPIC.replace(template=used)}
    context.http.answer(200, page(listed(used, footer=None), listed("other", footer=None)))
    await output.sync_templates()
    (concern,) = await output.concerns()
    assert (concern.weight, f"“{used}”" in concern.text) == ("missing", True)
    context.http.answer(200, page(listed(used)))
    await output.sync_templates()
    assert list(await output.concerns()) == []


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("APPROVED", "approved"),
        ("PAUSED", "paused"),
        ("FLAGGED", "paused"),
        ("LIMIT_EXCEEDED", "paused"),
        ("PENDING", "review"),
        ("IN_APPEAL", "review"),
        ("REJECTED", "gone"),
        ("DISABLED", "gone"),
        ("SOMETHING_NEW", "gone"),
    ],
)
async def test_how_a_template_stands(
    output: WhatsApp, context: Any, listed: Make, status: str, state: str
) -> None:
    assert output.templates is None, "nobody asked yet"
    context.http.answer(200, page(listed(status=status)))
    await output.sync_templates()
    assert output.templates is not None
    (one,) = output.templates
    assert (one.name, one.language, one.state, one.said) == ("blog_post", "de", state, status)
    assert one.until is None


async def test_when_a_pause_ends_is_known_until_it_ended(
    output: WhatsApp, context: Any, listed: Make
) -> None:
    """Only the webhook tells it; the list, asked for meanwhile, does not take it away."""

    def until() -> Any:
        assert output.templates is not None
        return [one.until for one in output.templates]

    context.http.answer(200, page(listed()))
    await output.sync_templates()
    ends = context.clock.now() + timedelta(hours=3)
    output._templates.changed("blog_post", "de", "PAUSED", ends)
    assert until() == [ends]
    context.http.answer(200, page(listed(status="PAUSED")))
    await output.sync_templates()
    assert until() == [ends]
    output._templates.changed("blog_post", "de", "UNPAUSED")
    assert until() == [None]
    output._templates.changed("blog_post", "de", "PAUSED", ends)
    context.http.answer(200, page(listed()))
    await output.sync_templates()
    assert until() == [None]


async def test_they_are_asked_for_at_the_start_and_soon_after_a_failure(
    output: WhatsApp, context: Any, listed: Make, autojump_clock: trio.testing.MockClock
) -> None:
    begun, times = trio.current_time(), list[float]()
    context.http.script.append(FetchError("dns", "graph.facebook.com"))
    context.http.answer(200, page(listed()))
    context.http.answer(200, page(listed()))
    answer, start = context.http.get, context.clock.now()
    context.clock.now = lambda: start + timedelta(seconds=trio.current_time() - begun)

    async def get(*args: Any, **kwargs: Any) -> Any:
        times.append(trio.current_time() - begun)
        return await answer(*args, **kwargs)

    context.http.get = get
    with trio.move_on_after(21600 + 2 * SOON):
        await output._templates.run(21600)
    assert times == [0, SOON, SOON + 21600]
    assert output.templates is not None
