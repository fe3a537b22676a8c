"""Once per message: composed as it would be sent, judged, composed again if it changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import trio
from trio.testing import MockClock

from gateway.message import Message, Template, Text, Topic
from gateway.pipeline import Pipeline
from gateway.plugin import Middleware, Output
from gateway.verdicts import Drop, Hold
from tests.gateway.chains import AWARE, MESSAGE, NAIVE, TEMPLATE, Failures, held, raises

TOPIC = Topic(name="blog", title="Blog", purpose="Beiträge")


class Screens(Middleware):
    """Does to every message what it is told."""

    name = "screens"
    codes: ClassVar[frozenset[str]] = frozenset({"word", "secret", "plugin_raised"})
    approvable: ClassVar[frozenset[str]] = frozenset({"word", "plugin_raised"})

    def __init__(self, act: Callable[[Message], Any]) -> None:
        super().__init__(None, "screens")
        self.act = act
        self.saw: list[Message] = []

    async def screen(self, message: Message) -> Any:
        self.saw.append(message)
        answer = self.act(message)
        return await answer if hasattr(answer, "__await__") else answer


class Composes(Output):
    """Composes the title, unless it is told otherwise."""

    name = "composes"
    identity_kinds = ("phone",)

    def __init__(self, act: Callable[[Message], Any] | None = None) -> None:
        super().__init__(None, "main")
        self.act = act
        self.times = 0

    async def compose(self, message: Message, topic: Topic | None) -> Any:
        self.times += 1
        assert topic is TOPIC
        if self.act is None:
            return [Text(body=message.title), TEMPLATE]
        answer = self.act(message)
        return await answer if hasattr(answer, "__await__") else answer

    async def send(self, delivery: object) -> str:
        raise AssertionError("what is screened is not sent yet")


async def screen(
    chain: list[Screens], output: Composes | None = None, message: Message = MESSAGE
) -> Message | Drop | Hold:
    return await Pipeline(chain).screen(message, output or Composes(), TOPIC)


async def hangs(_: object) -> None:
    await trio.sleep_forever()


async def test_each_sees_the_message_as_it_would_be_sent() -> None:
    """What a middleware judges is what the person would read, also after a change."""
    first = Screens(lambda m: m.replace(title="neu"))
    second = Screens(lambda m: m)
    output = Composes()
    passed = await screen([first, second], output)
    assert isinstance(passed, Message)
    assert first.saw[0].form("text") == Text(body="Ein Beitrag")
    assert second.saw[0].form("text") == Text(body="neu")
    assert passed.forms == (Text(body="neu"), TEMPLATE)
    assert output.times == 2


@pytest.mark.parametrize(
    ("change", "times"),
    [
        ({}, 1),
        ({"spread": 60.0}, 1),
        ({"expires_at": AWARE}, 1),
        ({"title": "Ein Beitrag"}, 1),
        ({"title": "x"}, 2),
        ({"text": "x"}, 2),
        ({"link": "https://example.org"}, 2),
        ({"image": "https://example.org/i.png"}, 2),
        ({"language": "en"}, 2),
    ],
)
async def test_it_is_composed_again_only_if_its_content_changed(
    change: dict[str, Any], times: int
) -> None:
    """Composing costs; who may change what is kept in the answer."""
    output = Composes()
    passed = await screen([Screens(lambda m: m.replace(**change))], output)
    assert isinstance(passed, Message)
    assert output.times == times
    assert {field: getattr(passed, field) for field in change} == change


@pytest.mark.parametrize("verdict", [Drop("word", "no"), Hold("word", "look", AWARE)])
async def test_a_verdict_is_the_answer(verdict: Drop | Hold) -> None:
    """After a Drop or Hold nobody else is asked."""
    later = Screens(lambda m: m)
    assert await screen([Screens(lambda m: verdict), later]) is verdict
    assert later.saw == []


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (raises(ValueError()), "raised"),
        (hangs, "timeout"),
        (lambda m: None, "nonsense"),
        (lambda m: True, "nonsense"),
        (lambda m: "ok", "nonsense"),
        (lambda m: m.forms[0], "nonsense"),
        (lambda m: m.replace(id=8), "nonsense"),
        (lambda m: m.replace(external_id="other"), "nonsense"),
        (lambda m: m.replace(kind="service"), "nonsense"),
        (lambda m: m.replace(topic="other"), "nonsense"),
        (lambda m: m.replace(sender="other"), "nonsense"),
        (lambda m: m.replace(to=5), "nonsense"),
        (lambda m: m.replace(basis="order"), "nonsense"),
        (lambda m: m.replace(approved=("word",)), "nonsense"),
        (lambda m: m.replace(forms=()), "nonsense"),
        (lambda m: m.replace(title=None), "nonsense"),
        (lambda m: m.replace(text="half a \ud83d"), "nonsense"),
        (lambda m: m.replace(spread=-1.0), "nonsense"),
        (lambda m: m.replace(spread=float("nan")), "nonsense"),
        (lambda m: m.replace(expires_at=NAIVE), "nonsense"),
        (lambda m: m.replace(expires_at="tomorrow"), "nonsense"),
        (lambda m: m.replace(notes="read it"), "nonsense"),
        (lambda m: m.replace(notes=(1,)), "nonsense"),
        (lambda m: Hold("undeclared", "so"), "nonsense"),
        (lambda m: Hold(None, "so"), "nonsense"),  # type: ignore[arg-type]
        (lambda m: Hold({}, "so"), "nonsense"),  # type: ignore[arg-type]
        (lambda m: Hold("word", "so", NAIVE), "nonsense"),
    ],
)
async def test_what_is_wrong_is_held(
    act: Callable[[Message], Any], reason: str, autojump_clock: MockClock
) -> None:
    """Crash, silence and nonsense hold the message, and the next middleware is not asked."""
    later = Screens(lambda m: m)
    failures = Failures()
    pipeline = Pipeline([Screens(act), later], failed=failures)
    held(await pipeline.screen(MESSAGE, Composes(), TOPIC), reason, "screens")
    assert later.saw == []
    assert failures == [("screens", "screen", reason)]


@pytest.mark.parametrize(
    ("verdict", "approved", "passes"),
    [
        (Hold("word", "look"), ("word",), True),
        (Hold("word", "look"), (), False),
        (Hold("word", "look"), ("secret",), False),
        (Hold("secret", "never"), ("secret",), False),
        (Drop("word", "no"), ("word",), False),
    ],
)
async def test_a_person_releases_what_may_be_released(
    verdict: Drop | Hold, approved: tuple[str, ...], passes: bool
) -> None:
    """An approval counts for that code, if its middleware lets people decide."""
    later = Screens(lambda m: m)
    message = MESSAGE.replace(approved=approved)
    answer = await screen([Screens(lambda m: verdict), later], message=message)
    assert isinstance(answer, Message) is passes
    assert len(later.saw) == passes


async def test_nobody_releases_a_crash() -> None:
    """An approval never lets pass what a middleware could not judge."""
    message = MESSAGE.replace(approved=("plugin_raised",))
    answer = await screen([Screens(raises(ValueError()))], message=message)
    held(answer, "raised", "screens")


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (raises(ValueError()), "raised"),
        (hangs, "timeout"),
        (lambda m: None, "nonsense"),
        (lambda m: [], "nonsense"),
        (lambda m: "Hallo", "nonsense"),
        (lambda m: Text(body="not a list"), "nonsense"),
        (lambda m: ["Hallo"], "nonsense"),
        (lambda m: [Text(body=None)], "nonsense"),  # type: ignore[arg-type]
        (
            lambda m: [Template(name="a", language="de", body="{{1}}", parameters={"1": 5})],  # type: ignore[dict-item]
            "nonsense",
        ),
        (lambda m: Drop("no", "an output drops nothing"), "nonsense"),
        (lambda m: Hold("no", "until", NAIVE), "nonsense"),
    ],
)
async def test_what_cannot_be_composed_is_held(
    act: Callable[[Message], Any], reason: str, autojump_clock: MockClock
) -> None:
    """An output that fails to compose holds the message, before and after a change."""
    later = Screens(lambda m: m)
    held(await screen([later], Composes(act)), reason, "main")
    assert later.saw == []

    def only_once(message: Message) -> Any:
        return act(message) if message.title == "neu" else [Text(body=message.title)]

    change = Screens(lambda m: m.replace(title="neu"))
    held(await screen([change, later], Composes(only_once)), reason, "main")
    assert later.saw == []


async def test_an_output_says_why_it_cannot_compose() -> None:
    """A Hold of compose is the answer, as it is."""
    hold = Hold("no_template", "no approved template for this topic")
    assert await screen([], Composes(lambda m: hold)) is hold


async def test_a_cancellation_travels_on(autojump_clock: MockClock) -> None:
    """Stopping the gateway while a message is screened is no verdict."""
    with trio.move_on_after(1) as scope:
        await screen([Screens(hangs)])
    assert scope.cancelled_caught


async def test_notes_are_added_to() -> None:
    """What each says of a message that it let pass is kept in order; nobody takes it away."""

    def adds(note: str) -> Screens:
        return Screens(lambda m: m.replace(notes=(*m.notes, note)))

    passed = await screen([adds("one"), Screens(lambda m: m.replace(title="neu")), adds("two")])
    assert isinstance(passed, Message)
    assert passed.notes == ("one", "two")
    for notes in ((), ("two",), ("two", "one")):
        thief = Screens(lambda m, notes=notes: m.replace(notes=notes))  # type: ignore[misc]
        held(await screen([adds("one"), thief]), "nonsense", "screens")
