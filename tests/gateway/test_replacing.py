"""A number is lost: what waits goes on from another one, once, and to whom it can."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from gateway.errors import ConfigError
from gateway.inbound import Person
from gateway.message import Identity, Topic
from gateway.replacing import ReplacingOperations
from gateway.store.protocol import Decision
from gateway.store.watching import Moved
from tests.gateway.conftest import HouseClock
from tests.gateway.store.house import House, consent

OLD, NEW = "wa", "new"


class Number:
    """An output, as far as it matters here."""

    identity_kinds: ClassVar[tuple[str, ...]] = ("phone", "user_id")
    reports: ClassVar[bool] = True
    display = "+4917139200010"

    def __init__(self, portfolio: str) -> None:
        self.portfolio = portfolio


class Mail(Number):
    """One that reaches other people."""

    identity_kinds: ClassVar[tuple[str, ...]] = ("mail",)


async def replaced(
    house: House, *, really: bool = True, same_portfolio: bool = True, limit: int = 3
) -> Moved:
    """Go through all of it in small steps."""
    position: tuple[int, int] | None = (0, 0)
    total = {"moved": 0, "dropped": 0, "stay": 0}
    while position is not None:
        step = await house.store.replace_sender(
            OLD, NEW, position, same_portfolio=same_portfolio, at=house.at(), limit=limit,
            really=really,
        )  # fmt: skip
        position = step.position
        for name in total:
            total[name] += getattr(step, name)
    return Moved(position=None, **total)


async def senders(house: House) -> Counter[tuple[str, str]]:
    """How many deliveries each sender has in which state."""
    store: Any = house.store
    rows = await store._read(
        lambda tx: list(tx.rows("SELECT sender, state, count(*) FROM deliveries GROUP BY 1, 2"))
    )
    names = ("queued", "leased", "sending", "held", "paused", "unknown", "accepted", "sent",
             "delivered", "read", "failed", "dropped")  # fmt: skip
    return Counter({(sender, names[state]): n for sender, state, n in rows})


async def somebody(house: House, name: str) -> None:
    """A person who is known by a user id alone."""
    now = house.at()
    identity = (Identity("user_id", f"DE.{name}"),)
    person = Person(identities=identity, events=(consent("confirmed", now),))
    await house.store.accept("crm", [], at=now, people=[person])


async def test_what_waits_moves_and_what_was_begun_stays(house: House) -> None:
    await house.confirmed(12)
    await house.started()
    await house.settle(await house.sending())  # accepted
    await house.settle(await house.sending(), "unknown", code="timeout")
    await house.settle(await house.sending(), "failed", code="token_invalid", retry_at=1)
    held = await house.leased()
    await house.store.decide(
        [Decision(delivery=held.id, to="held", code="x", reason="y")], at=house.at()
    )
    await house.sending()  # in the air, and stays there
    leased = await house.leased()
    before = await senders(house)
    assert before[OLD, "unknown"] == before[OLD, "sending"] == before[OLD, "held"] == 1
    counted = await replaced(house, really=False)
    assert await senders(house) == before, "it was only counted"
    done = await replaced(house)
    assert counted == done
    after = await senders(house)
    assert (after[NEW, "queued"], after[NEW, "held"]) == (before[OLD, "queued"] + 1, 1)
    refusal = await house.begin(leased)
    assert refusal is not None, "the old sender's lease is void"
    assert refusal.final
    assert {key: n for key, n in after.items() if key[0] == OLD} == {
        (OLD, "accepted"): 1, (OLD, "unknown"): 1, (OLD, "sending"): 1,
    }  # fmt: skip
    assert (done.moved, done.stay, done.dropped) == (before[OLD, "queued"] + 2, 2, 0)
    assert await replaced(house) == Moved(position=None, stay=2), "done twice is done once"
    assert len(await house.lease(limit=20, sender=NEW)) == before[OLD, "queued"] + 1
    assert await house.lease(limit=20, sender=OLD) == []


@pytest.mark.parametrize("way", ["answer", "status", "not_sent", "resend", "retry", "held"])
async def test_what_was_in_the_air_and_waits_again_goes_with_its_message(
    house: House, way: str
) -> None:
    """The lost number sends nothing more: what fails there, or is given up, is not left behind."""
    (contact,) = await house.confirmed(1)
    message = await house.started(to=contact)
    sent = await house.sending()
    await house.store.stop("sender:wa", "lost", at=house.at())
    assert (await replaced(house)).stay == 1
    if way == "answer":
        await house.settle(sent, "failed", action="stop", retry_at=house.now)
    elif way == "status":
        await house.settle(sent)
        await house.status(sent, "failed", action="retry", code="x", retry_after=0.0)
    elif way == "retry":
        await house.settle(sent, "failed")
        assert await house.store.retry([sent.id], at=house.at(), by="anna") == [""]
    elif way == "held":
        await house.settle(sent, "failed", action="hold", hold=True)
        await house.store.set_message(message.id, "approve", at=house.at())
        await house.sweep()
    else:
        await house.settle(sent, "unknown")
        how: Any = way
        assert await house.store.resolve([sent.id], how, at=house.at(), by="anna") == [""]
    again = await house.leased(sender=NEW)
    assert (again.id, again.attempt) == (sent.id, 2)
    assert await house.begin(again) is None


async def test_who_is_known_by_a_user_id_alone_stays_with_the_number(house: House) -> None:
    """Nobody can tell whether that id means anything to the other one."""
    user = (Identity("user_id", "DE.17"),)
    person = Person(identities=user, events=(consent("confirmed", house.at()),))
    await house.store.accept("crm", [], at=house.at(), people=[person])
    await house.started()
    sent = await house.sending()
    await replaced(house)
    await house.settle(sent, "failed", action="stop", retry_at=house.now)
    assert await house.lease(sender=NEW) == []
    assert (await replaced(house)).moved == 1, "the command knows, and may be run again"


async def test_nobody_gets_it_twice_and_the_trace_tells(house: House) -> None:
    (contact, *_) = await house.confirmed(3)
    message = await house.started()
    await replaced(house)
    for _ in range(3):
        delivery = await house.sending(sender=NEW)
        assert delivery.message.sender == NEW
        await house.settle(delivery)
    assert await senders(house) == {(NEW, "accepted"): 3}
    about = await house.store.report("message", id=message.id)
    assert about["sender"] == NEW
    assert "message.sender" in [line["name"] for line in about["journal"]]
    story = await house.store.report("trace", number=about["number"], contact_id=contact)
    assert ("delivery.moved", NEW, "wa → new") in [
        (line["name"], line["code"], line["detail"]) for line in story["journal"]
    ]


@pytest.mark.parametrize("same_portfolio", [True, False])
async def test_user_ids_mean_nothing_elsewhere(house: House, same_portfolio: bool) -> None:
    await house.confirmed(2)
    for name in ("1", "2", "3"):
        await somebody(house, name)
    await house.started()
    assert await house.store.audience_of(["news"]) == (2, 3)
    assert await house.store.audience_of(["news", "other"]) == (2, 3)
    done = await replaced(house, same_portfolio=same_portfolio)
    if same_portfolio:
        assert (done.moved, done.dropped) == (5, 0)
    else:
        assert (done.moved, done.dropped) == (2, 3)
        assert (await senders(house))[OLD, "dropped"] == 3


async def test_a_fan_out_goes_on_for_the_new_one(house: House) -> None:
    """A message that is being queued, one that waits for its chain, and one to come."""
    await house.confirmed(9)
    message = await house.ready()
    await house.store.fan_out(message.id, at=house.at(), limit=4)
    waiting = await house.accepted()
    done = await replaced(house)
    await house.fan_out(message)
    found = await senders(house)
    assert set(found) == {(NEW, "queued")}
    assert (found[NEW, "queued"], done.moved) == (9, 4)
    (judged,) = await house.store.to_screen("chain-2", at=house.at(), limit=9)
    assert (judged.id, judged.sender) == (waiting.id, NEW)


async def test_answers_stay_with_the_window(house: House) -> None:
    (contact,) = await house.confirmed(1)
    await house.says(1, "hallo")
    await house.started(kind="service", to=contact, topic=None)
    done = await replaced(house)
    assert (done.moved, done.stay) == (0, 1)
    assert await senders(house) == {(OLD, "queued"): 1}


async def test_paused_ones_move_too(house: House) -> None:
    await house.confirmed(4)
    message = await house.started()
    assert await house.store.set_message(message.id, "pause", at=house.at()) is None
    await house.sweep()
    assert (await replaced(house)).moved == 4
    assert await senders(house) == {(NEW, "paused"): 4}
    assert await house.store.set_message(message.id, "resume", at=house.at()) is None
    await house.sweep()
    assert await senders(house) == {(NEW, "queued"): 4}


async def test_done_messages_are_passed_over(house: House) -> None:
    await house.confirmed(2)
    message = await house.started()
    for _ in range(2):
        await house.settle(await house.sending())
    assert await replaced(house) == Moved(position=None)
    assert (await house.store.report("message", id=message.id))["sender"] == OLD


# --- the command ------------------------------------------------------------------------------------
def operations(house: House, **outputs: Any) -> ReplacingOperations:
    topics = {
        "news": Topic(name="news", title="N", purpose="N"),
        "other": Topic(name="other", title="O", purpose="O", sender=NEW),
    }
    parts: Any = SimpleNamespace(
        senders=outputs or {OLD: Number("a"), NEW: Number("b")},
        config=SimpleNamespace(topics=topics),
    )
    return ReplacingOperations(parts, house.store, HouseClock(house), None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("gone", NEW, "there is no sender 'gone'"),
        (OLD, "gone", "there is no sender 'gone'"),
        (OLD, OLD, "cannot take its own place"),
        (OLD, "mail", "reaches nobody"),
    ],
)
async def test_what_cannot_be_replaced(house: House, old: str, new: str, problem: str) -> None:
    asked = operations(house, wa=Number("a"), new=Number("a"), mail=Mail("c"))
    with pytest.raises(ConfigError, match=problem):
        await asked.do_sender_replace(old, new)


async def test_counted_first_and_done_then(house: House) -> None:
    await house.confirmed(3)
    await somebody(house, "1")
    await house.started()
    asked = operations(house)
    counted = await asked.do_sender_replace(OLD, NEW)
    assert counted == {
        "old": OLD, "new": NEW, "really": False, "same_portfolio": False, "topics": ["news"],
        "people": {"phone": 3, "user_id": 1, "lost": 1}, "moved": 3, "dropped": 1, "stay": 0,
        "position": None,
    }  # fmt: skip
    assert await house.store.stops() == []
    done = await asked.do_sender_replace(OLD, NEW, really=True)
    assert done == counted | {"really": True}
    (stop,) = await house.store.stops()
    assert (stop.scope, stop.code, stop.reason) == ("sender:wa", "replaced", "replaced by new")


async def test_what_was_taken_out_of_the_settings_is_no_trouble(house: House) -> None:
    """Else the status would say for ever that something is stopped."""
    await operations(house).do_sender_replace(OLD, NEW, really=True)
    assert list((await operations(house).do_queue())["stops"]) == [f"sender:{OLD}"]
    assert (await operations(house, new=Number("b")).do_queue())["stops"] == {}


async def test_a_long_one_is_done_in_several_calls(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.replacing.AT_A_TIME", 0.0)
    monkeypatch.setattr("gateway.replacing.CHUNK", 2)
    await house.confirmed(5)
    await house.started()
    asked = operations(house)
    position: Any = (0, 0)
    calls = moved = 0
    while position is not None:
        step = await asked.do_sender_replace(OLD, NEW, position, really=True)
        assert ("people" in step) == (calls == 0)
        position, calls, moved = step["position"], calls + 1, moved + step["moved"]
    assert moved == 5
    assert calls > 2


async def test_the_list(house: House) -> None:
    await house.store.learn(OLD, {"tier": "2000", "quality": "RED"}, at=house.at())
    await house.store.stop("marketing:wa", "so", at=house.at(), code="quality_red")
    await house.store.stop("sender:new", "wants", at=house.at())
    found = (await operations(house, wa=Number("a"), new=Number("a")).do_senders())["senders"]
    old, new = found[OLD], found[NEW]
    assert (old["tier"], old["tier_known"], old["quality"], old["sharing"]) == (
        2000, True, "RED", [NEW],
    )  # fmt: skip
    assert (old["topics"], new["topics"]) == (["news"], ["other"])
    assert [(one["code"], one["marketing"]) for one in old["stops"]] == [("quality_red", True)]
    assert [(one["code"], one["marketing"]) for one in new["stops"]] == [("person", False)]
