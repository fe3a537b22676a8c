"""Whatever people do, in whatever order and number we hear of it: the store against a model.

The model is written the other way round than the store: it keeps what was said, and for each
question looks for the last STOP first and only at what was said after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, NamedTuple

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.inbound import Act, Inbound, Intake
from gateway.message import Basis
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import FORMS, SECOND, House, phone

TOPICS = ("news", "tips")
BEFORE = -1
"""A second before all others."""


class Said(NamedTuple):
    """Something that was said: when (second), in which order it was told, what, about what."""

    second: int
    told: int
    what: str
    topic: str  # "*": everything
    request: int = 0


class Model:
    """What was said to whom, and what follows from it."""

    def __init__(self) -> None:
        self.said: list[Said] = []

    def add(self, at: int, what: str, topic: str, request: int = 0) -> int:
        """Note something; returns its number."""
        told = len(self.said) + 1
        self.said.append(Said(at // SECOND, told, what, topic, request or told))
        return told

    def standing(self, topic: str) -> tuple[str, int]:
        """Return `yes`, `asked` or `no`, and the request that is open."""
        about = [one for one in self.said if one.topic in (topic, "*")]
        stop = max((one.second for one in about if one.what == "stop"), default=BEFORE)
        may_import, granted, open_request = stop == BEFORE, False, 0
        for one in sorted(one for one in about if one.second > stop and one.what != "stop"):
            answered = open_request and one.request == open_request
            if one.what == "start" and not granted:  # the one known first is asked about
                open_request = min(open_request or one.told, one.told)
            elif one.what == "yes" and answered:
                granted, open_request = True, 0
            elif one.what == "no" and (answered or granted):
                may_import, granted, open_request = False, False, 0
            elif one.what == "expired" and answered:
                open_request = 0
            elif one.what == "import" and may_import and not granted:
                granted, open_request = True, 0
        return ("yes" if granted else "asked" if open_request else "no"), open_request


WORDS = {"confirmed": "yes", "requested": "asked"}

ACTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["start", "start", "stop", "stop all", "yes", "yes", "no", "import", "expire", "again"]
        ),
        st.sampled_from(TOPICS),
        st.integers(0, 2),  # seconds until it is told
        st.integers(0, 6),  # seconds since it was said
    ),
    max_size=14,
)


class Play:
    """One person who does things to the store and to the model alike."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.model = Model()
        self.numbers: dict[int, int] = {}  # the model's number of a request → the store's
        self.sent: list[tuple[Intake, dict[str, Act]]] = []
        self.contact = 0

    async def begin(self) -> None:
        await self.house.says(1, "hello")
        self.contact = await self.house.contact(1)
        self.house.now += 100 * SECOND

    async def write(self, act: Act, ago: int) -> int:
        """Hand in a message that is an act; returns when it was said."""
        now = self.house.at()
        said_at = now - ago * SECOND
        inbound = Inbound(
            provider_id=f"in{now}", identities=phone(1), at=moment(said_at), kind="text"
        )
        webhook = (Intake(sender="wa", messages=(inbound,)), {inbound.provider_id: act})
        self.sent.append(webhook)
        await self.house.store.intake(*webhook, at=now)
        return said_at

    async def do(self, what: str, topic: str, passed: int, ago: int) -> None:
        """Do one thing."""
        self.house.now += passed * SECOND
        standing, request = self.model.standing(topic)
        if what == "start":
            said_at = await self.write(Act(kind="start", topics=(topic,)), ago)
            told = self.model.add(said_at, "start", topic)
            events = (await self.house.store.report("contact", id=self.contact))["events"]
            self.numbers[told] = events[-1]["number"]
        elif what in ("stop", "stop all"):
            topics = (topic,) if what == "stop" else ()
            said_at = await self.write(Act(kind="stop", topics=topics), ago)
            self.model.add(said_at, "stop", topic if topics else "*")
        elif what in ("yes", "no") and standing == "asked":
            asked_at = next(one.second for one in self.model.said if one.told == request)
            ago = min(ago, self.house.now // SECOND - asked_at)
            act = Act(kind=what, requests=(self.numbers[request],))  # type: ignore[arg-type]
            said_at = await self.write(act, ago)
            self.model.add(said_at, what, topic, request)
        elif what == "import":
            at = self.house.now - ago * SECOND
            await self.house.tell(1, "imported", topic, at=at)
            before = self.model.standing(topic)
            self.model.add(at, "import", topic)
            if self.model.standing(topic)[0] == before[0]:
                self.model.said.pop()  # an import that changes nothing is not kept
        elif what == "expire":
            now = self.house.at()
            for each in TOPICS:
                request = self.model.standing(each)[1]
                if request:
                    self.model.add(now, "expired", each, request)
            await self.house.store.expire_requests(asked_before=now, at=now, limit=9)
        elif what == "again" and self.sent:
            await self.house.store.intake(*self.sent[ago % len(self.sent)], at=self.house.at())

    async def agree(self) -> None:
        """The store says what the model says."""
        for topic in TOPICS:
            expected = self.model.standing(topic)[0]
            state = await self.house.consent_of(self.contact, topic)
            assert WORDS.get(state or "", "no") == expected, (topic, self.model.said)

    async def send(self) -> None:
        """Exactly what the model allows begins."""
        for topic in TOPICS:
            expected = self.model.standing(topic)[0]
            message = await self.house.started(topic=topic, to=self.contact, forms=FORMS)
            (delivery,) = await self.house.lease()
            known = await self.house.store.contact(self.contact)
            assert known is not None
            standing = known.standing(topic)
            basis = Basis(kind="consent", event=standing.event if standing else 0)
            refusal = await self.house.begin(delivery.replace(basis=basis))
            assert (refusal is None) is (expected == "yes")
            if refusal is None:
                await self.house.settle(delivery)
            assert message.topic == topic
        assert await self.house.store.rebuild_consents() == (None, [])


@given(acts=ACTS)
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_people_do(
    engine: Sqlite, acts: Sequence[tuple[str, str, int, int]]
) -> None:
    """START, STOP, answers, imports, expiry, late and doubled webhooks: after each of them the
    store stands where the model does; in the end only what the person wants goes."""
    engine.remove()
    async with engine.open() as store:
        play = Play(House(store))
        await play.begin()
        for act in acts:
            await play.do(*act)
            await play.agree()
        await play.send()


@given(
    said=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["start", "stop"]), st.sampled_from(TOPICS)),
        max_size=6,
    ),
    chance=st.randoms(use_true_random=False),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_webhooks_in_any_order(engine: Sqlite, said: Any, chance: Any) -> None:
    """STARTs and STOPs, told in any order: the states are those of their order in time."""
    found = []
    for order in (sorted(said), sorted(said, key=lambda _: chance.random())):
        engine.remove()
        async with engine.open() as store:
            house = House(store)
            await house.says(1, "hello")
            house.now += 100 * SECOND
            for second, kind, topic in order:
                act = Act(kind=kind, topics=(topic,))
                await house.says(1, kind, act=act, ago=timedelta(seconds=9 - second))
            contact = await house.contact(1)
            found.append([await house.consent_of(contact, topic) for topic in TOPICS])
    assert found[0] == found[1]


async def test_the_same_webhook_ten_times_at_once(house: House, store: Store) -> None:
    """Taken once: one message, one request, one line in the journal."""
    now = house.at()
    inbound = Inbound(
        provider_id="x", identities=phone(1), at=moment(now), kind="text", words="START"
    )
    act = Act(kind="start", topics=("news",))
    taken = []

    async def send() -> None:
        intake = Intake(sender="wa", messages=(inbound,))
        taken.append(await store.intake(intake, {"x": act}, at=now))

    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(send)
    assert sum(one.inbound for one in taken) == 1
    assert sum(one.duplicates for one in taken) == 9
    known = await store.report("contact", id=await house.contact(1))
    assert [event["name"] for event in known["events"]] == ["requested"]
    events = await store.events_after("x", limit=99)
    assert [event.name for event in events] == ["consent.requested", "inbound"]
