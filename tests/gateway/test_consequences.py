"""What a provider's news change for others than one delivery: stops, slower sending, templates."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
import trio

from gateway import consequences as consequences_module
from gateway import ids
from gateway.consequences import STALE, Consequences
from gateway.errors import Rejected, StoreError
from gateway.inbound import AccountEvent, Effect, Intake, Status
from gateway.message import Delivery, Message, Template, Text
from gateway.plugin import Output, PluginConfig
from gateway.senders import Senders
from gateway.stopping import OURS, sender_scope
from gateway.store.causes import TEMPLATE_GONE, TEMPLATE_PAUSED
from gateway.store.protocol import moment
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import SECOND, House


class Silent(Output):
    """Sends nothing here; `portfolio` is set by the test."""

    name = "silent"
    advice: ClassVar[dict[str, str]] = {"token_invalid": "Make a new token and set it."}

    async def compose(self, message: Any, topic: Any) -> Any:
        return ()

    async def send(self, delivery: Delivery) -> str:
        raise AssertionError("nothing is sent here")


def template(name: str, language: str = "de") -> Template:
    return Template(name=name, language=language, body="{{t}}", parameters={"t": "x"})


class World:
    """Senders `wa` and `wb` of one portfolio, `other` of another one."""

    def __init__(self, store: SqliteStore) -> None:
        self.house = House(store)
        self.store = store
        outputs = {name: Silent(PluginConfig(), name) for name in ("wa", "wb", "other")}
        for name, output in outputs.items():
            output.portfolio = "ours" if name != "other" else "theirs"
        self.outputs = outputs
        self.stopped: list[tuple[str, str]] = []
        self.senders = Senders(outputs, store)
        self.consequences = Consequences(
            outputs, self.senders, store, self, stopped=lambda *told: self.stopped.append(told)
        )
        self.apply = self.consequences.apply

    def micros(self) -> int:
        return self.house.at()

    async def stops(self) -> list[tuple[str, str]]:
        return [(stop.scope, stop.code) for stop in await self.store.stops()]

    async def paused(self, *messages: Message) -> list[str]:
        """Why each of them is paused; `-`: it is not."""
        await self.house.sweep()
        found = []
        for message in messages:
            row = await self.store.report("message", id=message.id)
            found.append((row["pause_code"] or "by a person") if row["paused"] else "-")
        return found


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with SqliteStore(tmp_path / "store.db") as store:
        yield World(store)


# effect, told of `wa`: the stops it leads to
STOPS: list[tuple[Effect, list[tuple[str, str]]]] = [
    (Effect(what="stop", code="flagged", reason="x"), [("sender:wa", "flagged")]),
    (Effect(what="stop", code="red", reason="x", marketing=True), [("marketing:wa", "red")]),
    (
        Effect(what="stop", scope="portfolio", code="locked", reason="x"),
        [("sender:wa", "locked"), ("sender:wb", "locked")],
    ),
    (
        Effect(what="stop", scope="app", code="no_app", reason="x"),
        [("sender:wa", "no_app"), ("sender:wb", "no_app")],
    ),
    (
        Effect(what="stop", scope="portfolio", code="ban", reason="x", marketing=True),
        [("marketing:wa", "ban"), ("marketing:wb", "ban")],
    ),
]


@pytest.mark.parametrize(("effect", "stops"), STOPS)
async def test_a_stop_and_its_end(
    world: World, effect: Effect, stops: list[tuple[str, str]]
) -> None:
    """All senders of the scope, by one cause; the same news twice is one stop, and what a person
    stopped stays."""
    await world.store.stop("sender:wa", "a person", at=world.micros())
    await world.apply("wa", [effect, effect])
    assert sorted(await world.stops()) == sorted([*stops, ("sender:wa", "person")])
    told = [(scope.partition(":")[2], code) for scope, code in stops]
    assert world.stopped == ([] if effect.marketing else told)
    over = Effect(what="resume", scope=effect.scope, code=effect.code, marketing=effect.marketing)
    await world.apply("wa", [over, over])
    assert await world.stops() == [("sender:wa", "person")]


@pytest.mark.parametrize(
    ("about", "wa", "wb", "stopped"),
    [
        ("", "+49 30 1", "+49 30 2", "wa"),
        ("49302", "+49 30 1", "+49 30 2", "wb"),
        ("49301", "+49 30 1", "", "wa"),
        ("49302", "", "+49 30 2", "wb"),
        ("49302", "", "", "wa"),
        ("49309", "+49 30 1", "+49 30 2", None),
    ],
    ids=["none named", "another's", "its own", "its own is not known", "none is", "nobody's"],
)
async def test_news_of_a_number_are_its_senders(
    world: World, about: str, wa: str, wb: str, stopped: str | None
) -> None:
    """Two senders may share the address at which their news come in."""
    world.outputs["wa"].display, world.outputs["wb"].display = wa, wb
    red = Effect(what="stop", code="red", reason="x", marketing=True, about=about)
    rated = Effect(what="quality", name="RED", about=about)
    await world.apply("wa", [rated, red, Effect(what="slow", code="red", about=about)])
    assert await world.stops() == ([(f"marketing:{stopped}", "red")] if stopped else [])
    now = trio.current_time()
    for name in ("wa", "wb"):
        assert world.senders.facts(name).quality == ("RED" if name == stopped else "")
        assert (world.consequences.slowing[name].rate(now) is not None) == (name == stopped)


async def test_a_stop_that_is_over_when_it_is_told_again_stops_nobody(world: World) -> None:
    """Webhooks come again for days."""
    until = moment(world.house.now + 60 * SECOND)
    effect = Effect(what="stop", scope="portfolio", code="restricted", reason="x", until=until)
    await world.apply("wa", [effect, effect])
    assert await world.stops() == [("sender:wa", "restricted"), ("sender:wb", "restricted")]
    for name in ("wa", "wb"):
        await world.store.resume(f"sender:{name}", at=world.micros())
    world.house.now += 61 * SECOND
    await world.apply("wa", [effect])
    assert await world.stops() == []


async def test_the_reason_says_what_to_do_first(world: World) -> None:
    await world.house.confirmed(1)
    await world.house.started()
    delivery = await world.house.sending()
    await world.consequences.refused(delivery, Rejected("token_invalid", "190: x", scope="sender"))
    await world.consequences.refused(delivery, Rejected("new", "what is this", scope="app"))
    reasons = {stop.code: stop.reason for stop in await world.store.stops()}
    assert reasons["token_invalid"] == "Make a new token and set it. (190: x)"
    assert reasons["new"] == "new: what is this"


async def test_facts_are_kept(world: World) -> None:
    """A tier is the portfolio's, pace and quality the sender's."""
    facts = (
        Effect(what="tier", value=10_000.0),
        Effect(what="pace", value=20.0),
        Effect(what="quality", name="YELLOW"),
    )
    await world.apply("wa", facts)
    ours, also, theirs = (world.senders.facts(name) for name in ("wa", "wb", "other"))
    assert (ours.tier, ours.per_second, ours.quality) == (10_000, 20.0, "YELLOW")
    assert (also.tier, also.per_second, also.quality) == (10_000, None, "")
    assert theirs.tier_known is False


async def test_slower_from_the_pace_that_it_has(world: World) -> None:
    """Half of what the sender's limits allow; without any, of Meta's default."""
    slowing = world.consequences.slowing
    await world.apply("wa", [Effect(what="slow")])
    world.consequences.join("wb", lambda seconds: None, lambda: 20.0)
    await world.apply("wb", [Effect(what="slow")])
    now = trio.current_time()
    assert [slowing[name].rate(now) for name in ("wa", "wb", "other")] == [40.0, 10.0, None]


async def test_what_uses_a_paused_template_waits_until_it_is_back(world: World) -> None:
    """Also on the portfolio's other sender, and what has not started; nothing else."""
    await world.house.confirmed(2)
    forms = (template("post"), Text(body="x"))
    started = await world.house.started(forms=forms)
    beside = await world.house.started(forms=forms, sender="wb")
    ready = await world.house.ready(forms=forms)
    english = await world.house.started(forms=(template("post", "en"),))
    news = await world.house.started(forms=(template("news"),))
    text = await world.house.started(forms=(Text(body="x"),))
    theirs = await world.house.started(forms=forms, sender="other")
    everything = (started, beside, ready, english, news, text, theirs)
    effect = Effect(what="template_paused", name="post", language="de", reason="bad feedback")
    await world.apply("wa", [effect])
    assert await world.paused(*everything) == [TEMPLATE_PAUSED] * 3 + ["-"] * 4
    assert {one.message.id for one in await world.house.lease()} == {english.id}  # comes first
    row = await world.store.report("message", id=started.id)
    assert row["pause_reason"] == "bad feedback"
    await world.apply("wa", [Effect(what="template_back", name="news", language="de")])
    await world.apply("wa", [Effect(what="template_back", name="post", language="en")])
    assert await world.paused(started, beside, ready) == [TEMPLATE_PAUSED] * 3
    await world.apply("wb", [Effect(what="template_back", name="post", language="de")])
    assert await world.paused(*everything) == ["-"] * 7
    assert await world.house.fan_out(ready) == 2


async def test_without_a_language_all_are_meant(world: World) -> None:
    await world.house.confirmed(1)
    both = [await world.house.started(forms=(template("post", one),)) for one in ("de", "en")]
    await world.apply("wa", [Effect(what="template_paused", name="post")])
    assert await world.paused(*both) == [TEMPLATE_PAUSED] * 2
    await world.apply("wa", [Effect(what="template_back", name="post")])
    assert await world.paused(*both) == ["-"] * 2


async def test_a_template_that_is_gone_is_for_a_person(world: World) -> None:
    """It does not come back; what was only paused for it is worse off now."""
    await world.house.confirmed(1)
    forms = (template("post"),)
    first = await world.house.started(forms=forms)
    await world.apply("wa", [Effect(what="template_paused", name="post")])
    second = await world.house.started(forms=forms)
    await world.apply("wa", [Effect(what="template_gone", name="post", reason="disabled")])
    assert await world.paused(first, second) == [TEMPLATE_GONE] * 2
    await world.apply("wa", [Effect(what="template_back", name="post")])
    assert await world.paused(first, second) == [TEMPLATE_GONE] * 2
    assert await world.store.set_message(first.id, "resume", at=world.micros()) is None
    assert await world.paused(first, second) == ["-", TEMPLATE_GONE]


async def test_what_a_person_paused_or_what_is_through_stays_as_it_is(world: World) -> None:
    (contact,) = await world.house.confirmed(1)
    forms = (template("post"),)
    through = await world.house.started(forms=forms)
    await world.house.settle(await world.house.sending())
    person, cancelled = [await world.house.started(forms=forms) for _ in range(2)]
    await world.store.set_message(person.id, "pause", at=world.micros())
    await world.store.set_message(cancelled.id, "cancel", at=world.micros())
    await world.apply("wa", [Effect(what="template_paused", name="post")])
    assert await world.paused(through, person, cancelled) == ["-", "by a person", "-"]
    await world.apply("wa", [Effect(what="template_back", name="post")])
    assert await world.paused(person) == ["by a person"]
    assert await world.house.state(through, contact) == "accepted"


async def test_many_messages_are_gone_through_in_chunks(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies between those that are meant."""
    monkeypatch.setattr(consequences_module, "CHUNK", 3)
    await world.house.confirmed(1)
    names = ["post", "news", "news", "news", "news", "post", "post", "news", "post"]
    messages = [await world.house.started(forms=(template(name),)) for name in names]
    messages += [await world.house.ready(forms=(template(name),)) for name in names]
    await world.apply("wa", [Effect(what="template_paused", name="post")])
    expected = [TEMPLATE_PAUSED if name == "post" else "-" for name in names] * 2
    assert await world.paused(*messages) == expected
    await world.apply("wa", [Effect(what="template_back", name="post")])
    assert await world.paused(*messages) == ["-"] * len(messages)


async def test_a_webhook_is_not_answered_before_its_effects_are_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the store refuses is raised; the provider tells it again, and then it counts."""
    effect = Effect(what="stop", code="locked", reason="x")
    event = AccountEvent(name="account_update", at=moment(world.micros()), effects=(effect,))
    intake = Intake(sender="wa", events=(event,))

    async def full(*args: Any, **fields: Any) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(world.store, "stop", full)
        with pytest.raises(StoreError):
            await world.consequences.reported(intake)
    assert await world.stops() == []
    await world.consequences.reported(intake)
    assert await world.stops() == [("sender:wa", "locked")]


async def test_news_that_come_late_lift_nothing_newer(world: World) -> None:
    """A webhook that was not answered comes again for days; what stopped since goes on to stop."""
    house = world.house

    async def told(what: Any, at: int) -> None:
        effect = Effect(what=what, code="locked", reason="x")
        event = AccountEvent(name="account_update", at=moment(at), effects=(effect,))
        await world.consequences.reported(Intake(sender="wa", events=(event,)))

    began = house.now
    house.now += 3 * SECOND
    await told("stop", began)
    await told("resume", began + SECOND)
    assert await world.stops() == []
    house.now += 9 * SECOND
    await told("stop", began + 5 * SECOND)
    await told("resume", began + SECOND)
    assert await world.stops() == [("sender:wa", "locked")]
    await told("resume", began + 5 * SECOND)
    assert await world.stops() == [], "told in the same second, which is all that is known"
    delivery = await refused_once(world, Rejected("locked", scope="sender"))
    assert delivery is not None
    await told("resume", began + 6 * SECOND)
    assert await world.stops() == [("sender:wa", "locked")], "it was refused after that"


async def test_news_that_come_late_change_no_fact(world: World) -> None:
    """The tier of last week is not today's, also after a start."""
    house = world.house

    async def told(tier: float, at: int) -> float | None:
        effects = (Effect(what="tier", value=tier), Effect(what="quality", name=f"Q{tier:g}"))
        event = AccountEvent(name="capability", at=moment(at), effects=effects)
        await world.consequences.reported(Intake(sender="wa", events=(event,)))
        facts = world.senders.facts("wa")
        assert facts.quality == f"Q{facts.tier}"
        return facts.tier

    house.now += 9 * SECOND
    now = house.now
    assert await told(10_000.0, now) == 10_000
    assert await told(100_000.0, now - 5 * SECOND) == 10_000
    await world.senders.load()
    assert await told(100_000.0, now - 5 * SECOND) == 10_000
    assert await told(2_000.0, now + SECOND) == 2_000


@pytest.mark.parametrize("code", sorted(OURS))
async def test_news_lift_no_stop_of_a_person_or_of_the_gateway(world: World, code: str) -> None:
    for marketing in (False, True):
        scope = sender_scope("wa", marketing=marketing)
        await world.store.stop(scope, "x", at=world.micros(), code=code)
        over = Effect(what="resume", code=code, marketing=marketing)
        await world.apply("wa", [over])
        assert (scope, code) in await world.stops()


async def refused_once(world: World, error: Rejected) -> Delivery:
    """Let one delivery of a new message be refused."""
    await world.house.confirmed(1)
    await world.house.started(forms=(template("post"),))
    delivery = await world.house.sending()
    await world.consequences.refused(delivery, error)
    return delivery


@pytest.mark.parametrize(("action", "code"), [("hold", "x"), ("template", TEMPLATE_PAUSED)])
async def test_a_failure_that_is_told_late_pauses_nothing(
    world: World, action: Any, code: str
) -> None:
    """The person who resumed the message would have to do so after each repetition."""
    await world.house.confirmed(1)
    message = await world.house.started(forms=(template("post"),))
    delivery = await world.house.sending()
    for late, paused in ((STALE + 60, "-"), (60, code)):
        said = moment(world.house.now - int(late * SECOND))
        status = Status(
            provider_id="w", status="failed", at=said, callback=delivery.callback, code="x",
            action=action, scope="template", retry_after=60.0,
        )  # fmt: skip
        await world.consequences.reported(Intake(sender="wa", statuses=(status,)))
        assert await world.paused(message) == [paused]


async def test_a_failure_finds_its_message_by_any_id(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids have 18 digits until 2032, and 19 from then on."""
    monkeypatch.setattr(ids, "_last", 10**18)
    await world.house.confirmed(1)
    message = await world.house.started(forms=(template("post"),))
    delivery = await world.house.sending()
    assert len(str(delivery.id)) == 19
    for callback, paused in ((f"{1 << 63}:1", "-"), (delivery.callback, TEMPLATE_PAUSED)):
        status = Status(
            provider_id="w", status="failed", at=moment(world.house.now), callback=callback,
            code="x", action="template", scope="template", retry_after=60.0,
        )  # fmt: skip
        await world.consequences.reported(Intake(sender="wa", statuses=(status,)))
        assert await world.paused(message) == [paused]


async def test_paused_and_back_and_paused_at_once(world: World) -> None:
    """The last word counts, however quickly it follows."""
    await world.house.confirmed(1)
    message = await world.house.started(forms=(template("post"),))
    paused = Effect(what="template_paused", name="post", code="x")
    back = Effect(what="template_back", name="post")
    await world.apply("wa", [paused, paused, back, paused])
    assert await world.paused(message) == [TEMPLATE_PAUSED]


async def test_a_template_that_is_back_overrules_no_person(world: World) -> None:
    """Who pauses or cancels what waits for its template has decided."""
    await world.house.confirmed(1)
    first, second = [await world.house.started(forms=(template("post"),)) for _ in range(2)]
    await world.apply("wa", [Effect(what="template_paused", name="post")])
    assert await world.store.set_message(first.id, "pause", at=world.micros()) is None
    assert await world.store.set_message(second.id, "cancel", at=world.micros()) is None
    assert await world.store.waiting_for_templates() == set(), "nobody asks for it any more"
    await world.apply("wa", [Effect(what="template_back", name="post")])
    assert await world.paused(first) == ["by a person"]
    assert "dropped" in {state for _, _, state in await world.store.depths()}
    assert await world.store.set_message(first.id, "pause", at=world.micros()) is not None
