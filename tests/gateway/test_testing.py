"""What plugin authors test with is as strict as the gateway itself."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar

import pytest
import trio
from trio.testing import MockClock

from gateway import testing
from gateway.api import (
    ConfigError,
    Context,
    Delivery,
    Drop,
    Duration,
    Hold,
    Input,
    Intake,
    Limit,
    Message,
    Middleware,
    Person,
    PluginConfig,
    Quota,
    Rate,
    Secret,
    Text,
    Topic,
)
from gateway.testing import (
    NOW,
    Answer,
    FakeContext,
    assert_keeps_secret,
    judged,
    make,
    started,
)


class SampleConfig(PluginConfig):
    url: str
    every: Duration = Duration(60)
    token: Secret | None = None
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError("every: has to be a second or more")


class Sample(Input, Middleware):
    """Does what the test wants."""

    name = "sample"
    config: SampleConfig
    codes: ClassVar[frozenset[str]] = frozenset({"no"})
    timeout: ClassVar[float] = 0.2
    act: Callable[[Any], Any] = staticmethod(lambda value: value)
    alive = 0

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        self.alive += 1
        yield
        self.alive -= 1

    async def screen(self, message: Message) -> Any:
        return self.act(message)

    async def process(self, delivery: Delivery) -> Any:
        answer = self.act(delivery)
        return await answer if hasattr(answer, "__await__") else answer

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        found: Sequence[Limit] = self.act(delivery)
        return found


URL = "https://blog.example/feed"


def test_settings_go_the_way_of_the_loader() -> None:
    """Durations are read, lists become tuples, a Secret may be given, the label is the name."""
    made = make(Sample, url=URL, every="2min", token=Secret("hush"), hosts=["blog.example"])
    assert made.config.every == 120
    assert made.config.token == Secret("hush")
    assert made.config.hosts == ("blog.example",)
    assert made.label == "sample"
    assert make(Sample, label="other", url=URL).label == "other"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "[sample] url: is missing"),
        ({"url": 5}, "[sample] url: expected text, got a whole number; write it in quotes"),
        ({"url": URL, "evry": "1s"}, "unknown key; did you mean 'every'?"),
        ({"url": URL, "every": "soon"}, "cannot read the duration 'soon'"),
        ({"url": URL, "every": "10ms"}, "every: has to be a second or more"),
        ({"url": URL, "token": "hush"}, "a secret is never written here"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], said: str) -> None:
    """Every mistake of an operator is a ConfigError with the key and the sentence of start-up."""
    with pytest.raises(ConfigError, match=r"test: \[sample\]") as info:
        make(Sample, **settings)
    assert said in str(info.value)


async def later(plugin: Middleware, delivery: Delivery) -> Sequence[Limit]:
    return ()


@pytest.mark.parametrize(
    "members",
    [{}, {"name": "two words"}, {"name": "a", "api_version": 2}, {"name": "a", "limits": later}],
)
def test_what_discovery_refuses_cannot_be_made(members: dict[str, Any]) -> None:
    """A class that start-up would refuse fails in the author's tests already."""
    with pytest.raises(ConfigError, match="Refused is no plugin"):
        make(type("Refused", (Middleware,), members))


def test_values_have_defaults_and_take_changes() -> None:
    """A message is composed of what it says; a delivery carries its message and a consent."""
    made = testing.message(title="Neues", text="", link="")
    assert made.forms == (Text(body="*Neues*"),)
    assert testing.message(image="https://blog.example/1.jpg").forms[0].rendered
    assert testing.message(forms=()).forms == ()
    leased = testing.delivery(message=made, contact=7)
    assert leased.message is made
    assert leased.content is made.forms[0]
    assert (leased.contact, leased.permissions.consent) == (7, 1)


async def hangs(_: object) -> None:
    await trio.sleep_forever()


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (lambda d: Drop("no", "so it is"), "no"),
        (lambda d: Hold("undeclared", "so"), "plugin_nonsense"),
        (lambda d: d.replace(contact=9), "plugin_nonsense"),
        (lambda d: 1 / 0, "plugin_raised"),
        (hangs, "plugin_timeout"),
    ],
)
async def test_judging_is_that_of_the_chain(act: Any, code: str, autojump_clock: MockClock) -> None:
    """What the gateway would hold, a test sees held."""
    plugin = make(Sample, url=URL)
    plugin.act = act
    answer = await judged(plugin, testing.delivery())
    assert isinstance(answer, Drop | Hold)
    assert answer.code == code


async def test_messages_and_limits_are_judged_too() -> None:
    """A changed message is answered as it is; an unusable limit is a hold."""
    plugin = make(Sample, url=URL)
    plugin.act = lambda m: m.replace(title="Neu")
    changed = await judged(plugin, testing.message())
    assert isinstance(changed, Message)
    assert changed.title == "Neu"
    plugin.act = lambda d: [Rate("sample", 5), Quota("sample", 1, 60)]
    assert testing.limits(plugin, testing.delivery()) == [Rate("sample", 5), Quota("sample", 1, 60)]
    plugin.act = lambda d: [Rate("sample", 0)]
    assert isinstance(testing.limits(plugin, testing.delivery()), Hold)


async def test_a_plugin_is_alive_for_a_block() -> None:
    """Lifespan is entered before and left after; a context is made if none is given."""
    plugin = make(Sample, url=URL)
    async with started(plugin) as same:
        assert same is plugin
        assert plugin.alive == 1
    assert plugin.alive == 0
    async with started(plugin, FakeContext()):
        assert plugin.alive == 1


async def test_what_is_accepted_is_kept() -> None:
    """As in earnest: once per external id, completed, with state and people."""
    context = FakeContext("blog")
    one = Message(external_id="1", topic="blog", title="Eins")
    first, again = await context.accept(
        [one, one], state={"at": b"1"}, people=[Person(identities=())]
    )
    assert first is not None
    assert again is None
    (kept,) = context.accepted
    assert (kept.id, kept.input, kept.accepted_at) == (first, "blog", NOW)
    assert context.state.values == {"at": b"1"}
    assert len(context.new_people) == 1
    await context.accept(state={"at": None})
    assert await context.state.get("at") is None
    with pytest.raises(ConfigError, match="topic or one contact"):
        await context.accept([Message(external_id="2")], state={"at": b"2"})
    assert await context.state.get("at") is None
    context.succeeded()
    await context.intake(Intake(sender="main"))
    assert (context.successes, context.intakes) == (1, [Intake(sender="main")])


async def test_http_answers_from_a_table_only() -> None:
    """Scripted answers come in order, errors are raised, anything else fails the test."""
    http = FakeContext().http
    http.answers[f"GET {URL}"] = [Answer(503), Answer(body=b"<rss/>")]
    http.answers[f"POST {URL}"] = OSError("down")
    assert (await http.get(URL)).status == 503
    assert [(await http.get(URL, {"a": "b"})).body for _ in range(2)] == [b"<rss/>"] * 2
    assert (await http.get(URL)).url == URL
    with pytest.raises(OSError, match="down"):
        await http.post(URL, b"x", {})
    with pytest.raises(AssertionError, match="reaches no network: GET"):
        await http.get("https://other.example/")
    assert [asked.method for asked in http.asked] == ["GET"] * 4 + ["POST", "GET"]
    assert http.asked[1].headers == {"a": "b"}
    assert http.asked[4].content == b"x"


def test_the_rest_of_the_context() -> None:
    """The clock is moved by the test, stop words and topics are there, series can be read."""
    topic = Topic(name="news", title="N", purpose="P")
    context = FakeContext(topics=[topic], stop_words=["Schluss"])
    context.clock.forward(90)
    assert context.clock.now() == NOW + timedelta(seconds=90)
    assert context.clock.micros() == int(context.clock.now().timestamp()) * 1_000_000
    assert context.topics == {"news": topic}
    assert {"stop", "schluss"} <= context.stop_words
    seen = context.metrics.counter("seen", "Seen.", ["where"])
    seen.labels("blog").inc()
    assert context.figure("seen_total", where="blog") == 1
    assert context.figure("seen_total", where="other") is None
    as_contract: Context = context
    assert as_contract.label == "test"


def leaks(text: str) -> Callable[[], object]:
    def call() -> object:
        try:
            raise KeyError(text)
        except KeyError:
            raise ConfigError("no") from None

    return call


def log_it(text: str) -> None:
    logging.getLogger("gateway.plugin.test").debug("token %s", text)


def with_note(text: str) -> Exception:
    error = ValueError("no")
    error.add_note(text)
    return error


class Carries(Exception):
    def __init__(self, token: str) -> None:
        super().__init__("no")
        self.token = token


SECRET = "EAAG-secret"


@pytest.mark.parametrize(
    "what",
    [
        lambda: SECRET,
        lambda: {"a": [f"Bearer {SECRET}"]},
        lambda: log_it(SECRET),
        ValueError(f"bad {SECRET}"),
        with_note(SECRET),
        Carries(SECRET),
        lambda: int(SECRET),
    ],
)
def test_a_secret_that_shows_fails(what: Any) -> None:
    """In an answer, a log line, an error's text, notes or attributes: everywhere."""
    with pytest.raises(AssertionError, match="the secret shows"):
        assert_keeps_secret(what, SECRET)


@pytest.mark.parametrize(
    "what", [lambda: Secret(SECRET), ValueError("bad"), leaks(SECRET), lambda: log_it("fine")]
)
def test_a_secret_that_is_kept_passes(what: Any) -> None:
    """What shows no secret passes, given as text or as a Secret."""
    assert_keeps_secret(what, SECRET)
    assert_keeps_secret(what, Secret(SECRET))
