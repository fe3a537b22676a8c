"""What people do to their consents by writing: START, codes, yes, no, resume, and questions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from gateway.inbound import Act, Preference, SignUp, Wording
from gateway.message import Basis, Delivery, Identity
from gateway.store.people import Terms
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, SECOND, House

START = Act(kind="start", topics=("news",))
NEWS = Wording(text="News, weekly", language="en", version="2", purpose="News, weekly")
TIPS = Wording(text="Tips", language="en", version="1", purpose="Tips")
TERMS = Terms(
    wordings={"news": NEWS, "tips": TIPS, "own": TIPS},
    closed=frozenset({"own"}),
    own=frozenset({Identity("phone", "+491510000099")}),
)


class Story:
    """What the journal told of consents, since it was last asked."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def told(self, *, of: str = "consent.") -> list[tuple[str, str]]:
        events = await self._house.store.events_after("story", limit=1000)
        await self._house.store.noticed(
            "story", await self._house.store.journal_end(), [], at=self._house.at()
        )
        return [(event.name.removeprefix("consent."), event.code) for event in events
                if event.name.startswith(of)]  # fmt: skip


@pytest.fixture
def story(house: House) -> Story:
    return Story(house)


async def ask(house: House, contact: int, *requests: int, **fields: Any) -> Delivery:
    """Let an observer ask about requests; returns the delivery, not yet begun."""
    await house.started(
        to=contact, kind="confirmation", requests=requests, topic="news", **fields
    )  # fmt: skip
    delivery = await house.leased()
    return delivery.replace(basis=Basis(kind="request", event=delivery.permissions.request))


async def numbers(house: House, n: int = 1) -> dict[str, int]:
    """Return topic → number of the event that decides, for person n."""
    known = await house.store.contact(await house.contact(n))
    assert known is not None
    return {one.topic: one.event for one in known.consents}


async def asked(house: House, *topics: str) -> dict[str, int]:
    """Person 1 writes START for topics and is asked; returns the requests."""
    await house.says(1, "start", act=START.replace(topics=topics or ("news",)), terms=TERMS)
    requests = await numbers(house)
    delivery = await ask(house, await house.contact(1), *requests.values())
    assert await house.begin(delivery) is None
    await house.settle(delivery)
    house.later()
    return requests


async def test_start_asks_and_yes_confirms(house: House, store: Store, story: Story) -> None:
    """START is a request with its words; the question is asked; the button confirms, and every
    step is on record with what proves it."""
    await house.says(1, "START news", act=START, terms=TERMS, key="wamid.1", raw=b"hook")
    contact = await house.contact(1)
    assert await house.consent_of(contact) == "requested"
    assert await story.told() == [("requested", "news")]
    (request,) = (await numbers(house)).values()
    delivery = await ask(house, contact, request)
    assert delivery.permissions.request == request
    assert await house.begin(delivery) is None
    await house.settle(delivery)
    assert await story.told() == [("asked", "news")]
    yes = Act(kind="yes", requests=(request,))
    await house.says(1, f"yes:{request}", act=yes, button=True, key="wamid.2")
    assert await house.consent_of(contact) == "confirmed"
    assert await story.told() == [("confirmed", "news")]
    events = (await store.report("contact", id=contact))["events"]
    assert [event["name"] for event in events] == ["requested", "asked", "confirmed"]
    requested, question, confirmed = (event["evidence"] for event in events)
    assert (requested["words"], requested["answer"]) == ("START news", "wamid.1")
    assert len(requested["raw"]) == 64
    assert question["question"] == confirmed["question"] == f"w{delivery.id}"
    assert confirmed["answer"] == "wamid.2"


async def test_the_words_that_were_agreed_to_are_kept(engine: Sqlite, house: House) -> None:
    """Request and yes carry the hash of the wording, and who sent the question."""
    await asked(house)
    await house.says(1, "ja", act=Act(kind="yes"))
    rows = engine.sql(
        "SELECT e.name, e.sender, e.request, w.purpose FROM consent_events e"
        " LEFT JOIN wordings w ON w.hash = e.wording ORDER BY e.number"
    )
    assert rows == [
        ("requested", "wa", None, "News, weekly"),
        ("asked", "wa", 1, None),
        ("confirmed", "wa", 1, "News, weekly"),
    ]
    contact = engine.sql("SELECT contact_id FROM consent_events")[0][0]
    shown = await house.store.report("contact", id=contact)
    assert [event["shown"] for event in shown["events"]] == [NEWS.text, "", NEWS.text]


async def test_the_message_is_told_after_what_it_did(house: House, store: Store) -> None:
    """Who reads the journal knows what a message did before hearing of the message."""
    await house.says(1, "start", act=START)
    events = [e for e in await store.events_after("x", limit=9) if e.inbound is not None]
    assert [event.name for event in events] == ["consent.requested", "inbound"]
    received = await store.received(events[1].inbound or 0)
    assert received is not None
    assert received.act == "start"


async def test_one_question_for_all_that_was_asked(house: House, story: Story) -> None:
    """START for several topics is asked in one question, and its yes confirms all of them."""
    requests = await asked(house, "news", "tips")
    assert len(requests) == 2
    await story.told()
    await house.says(1, "yes", act=Act(kind="yes", requests=tuple(requests.values())))
    assert await story.told() == [("confirmed", "news"), ("confirmed", "tips")]


async def test_a_question_goes_once(house: House) -> None:
    """Of two questions about the same requests, in part or whole, the second is refused."""
    requests = tuple((await asked(house, "news", "tips")).values())
    contact = await house.contact(1)
    for again in (requests, requests[:1], requests[1:]):
        delivery = await ask(house, contact, *again)
        assert delivery.permissions.request is None
        claimed = delivery.replace(basis=Basis(kind="request", event=again[0]))
        refusal = await house.begin(claimed)
        assert refusal is not None
        assert refusal.code == "no_request"


async def test_a_question_is_about_open_requests_of_that_person(house: House) -> None:
    """Not of another person, not one that was answered, not one that the delivery invents."""
    await house.says(2, "start", act=START)
    (other,) = (await numbers(house, 2)).values()
    await house.says(1, "start", act=START)
    (mine,) = (await numbers(house)).values()
    contact = await house.contact(1)
    for requests in ((other,), (mine, other), (mine, 10**9)):
        refusal = await house.begin(
            (await ask(house, contact, *requests)).replace(
                basis=Basis(kind="request", event=requests[0])
            )
        )
        assert refusal is not None
        assert refusal.code == "no_request"
    delivery = await ask(house, contact, mine)
    house.later()
    await house.says(1, "stop", stop=True)
    refusal = await house.begin(delivery)
    assert refusal is not None


@pytest.mark.parametrize("outcome", ["failed", "unknown"])
async def test_a_question_that_failed_is_not_repeated(
    house: House, story: Story, outcome: str
) -> None:
    """It is told, and no other goes for that request; START once more is another request."""
    await house.says(1, "start", act=START)
    (request,) = (await numbers(house)).values()
    contact = await house.contact(1)
    delivery = await ask(house, contact, request)
    assert await house.begin(delivery) is None
    await house.settle(delivery, outcome)
    told = await story.told()
    assert (("unasked", "news") in told) is (outcome == "failed")
    assert (await ask(house, contact, request)).permissions.request is None


async def test_a_status_proves_that_it_was_asked(house: House, story: Story) -> None:
    """If we do not know whether the question left, its status tells; once."""
    await house.says(1, "start", act=START)
    (request,) = (await numbers(house)).values()
    delivery = await ask(house, await house.contact(1), request)
    assert await house.begin(delivery) is None
    await house.settle(delivery, "unknown")
    await story.told()
    for status in ("sent", "delivered", "read"):
        await house.status(delivery, status)  # type: ignore[arg-type]
    assert await story.told() == [("asked", "news")]


# --- answers ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("kind", "state"), [("yes", "confirmed"), ("no", "refused")])
async def test_an_answer_in_words(house: House, kind: Any, state: str) -> None:
    """A yes or no in words answers the one question that is open."""
    await asked(house, "news", "tips")
    await house.says(1, kind, act=Act(kind=kind))
    contact = await house.contact(1)
    assert {await house.consent_of(contact, topic) for topic in ("news", "tips")} == {state}


async def test_words_that_answer_nothing(house: House, store: Store, story: Story) -> None:
    """A yes before any question, before it was sent, or to one of two, is an ordinary message."""
    await house.says(1, "yes", act=Act(kind="yes"), key="a")
    await house.says(1, "start", act=START)
    await house.says(1, "yes", act=Act(kind="yes"), key="b")
    requests = await asked(house)
    await house.says(1, "yes", act=Act(kind="yes"), key="c", ago=timedelta(seconds=30))
    await house.says(1, "start", act=START.replace(topics=("tips",)))
    tips = (await numbers(house))["tips"]
    other = await ask(house, await house.contact(1), tips)
    assert await house.begin(other) is None
    await house.settle(other)
    house.later()
    await story.told()
    await house.says(1, "yes", act=Act(kind="yes"), key="d")
    assert await story.told() == []
    assert await house.consent_of(await house.contact(1)) == "requested"
    events = [e for e in await store.events_after("x", limit=99) if e.name == "inbound"]
    acts = [received.act for e in events if (received := await store.received(e.inbound or 0))]
    assert acts == ["", "start", "", "start", "", "start", ""]
    assert requests


async def test_a_yes_that_comes_too_late(house: House, store: Store, story: Story) -> None:
    """After the request expired a yes changes nothing and is told; one that was said in time
    counts, although it comes later."""
    (request,) = (await asked(house)).values()
    said_at = house.now
    house.now += HOUR
    assert await store.expire_requests(asked_before=house.now, at=house.at(), limit=9) == 1
    assert await store.expire_requests(asked_before=house.now, at=house.at(), limit=9) == 0
    house.later()
    await story.told()
    yes = Act(kind="yes", requests=(request,))
    await house.says(1, "yes", act=yes)
    contact = await house.contact(1)
    assert await house.consent_of(contact) == "expired"
    assert await story.told() == [("late", "news")]
    await house.says(1, "yes", act=yes, ago=timedelta(microseconds=house.now - said_at))
    assert await house.consent_of(contact) == "confirmed"


async def test_only_what_is_over_expires(house: House, store: Store) -> None:
    """Requests of before, open ones, at most so many at a time."""
    for n in (1, 2, 3):
        await house.says(n, "start", act=START)
    limit = house.now
    house.later()
    await house.says(4, "start", act=START)
    await house.says(3, "stop", stop=True)
    assert await store.expire_requests(asked_before=limit + 1, at=house.at(), limit=1) == 1
    assert await store.expire_requests(asked_before=limit + 1, at=house.at(), limit=9) == 1
    states = [await house.consent_of(await house.contact(n)) for n in (1, 2, 3, 4)]
    assert states == ["expired", "expired", "withdrawn", "requested"]


async def test_yes_and_then_no(house: House, story: Story) -> None:
    """A no to what was confirmed takes it back at once: open deliveries go."""
    (request,) = (await asked(house)).values()
    yes, no = (Act(kind=kind, requests=(request,)) for kind in ("yes", "no"))  # type: ignore[arg-type]
    await house.says(1, "yes", act=yes)
    contact = await house.contact(1)
    message = await house.started()
    house.later()
    assert (await house.says(1, "no", act=no)).dropped == 1
    assert await house.state(message, contact) == "dropped"
    assert await house.consent_of(contact) == "withdrawn"
    await story.told()
    house.later()
    await house.says(1, "yes", act=yes)
    assert await house.consent_of(contact) == "withdrawn"
    assert await story.told() == [("late", "news")]


async def test_a_button_of_somebody_else_means_nothing(house: House) -> None:
    """The numbers of a payload are looked at, not believed."""
    (request,) = (await asked(house)).values()
    await house.says(2, "yes", act=Act(kind="yes", requests=(request,)))
    assert await house.consent_of(await house.contact(1)) == "requested"
    assert await house.consent_of(await house.contact(2)) is None


# --- START ------------------------------------------------------------------------------------------
async def test_start_again(house: House, story: Story) -> None:
    """While asked it waits, once confirmed it is so: told, and no second question."""
    (request,) = (await asked(house)).values()
    await story.told()
    await house.says(1, "start", act=START)
    assert await story.told() == [("waiting", "news")]
    await house.says(1, "yes", act=Act(kind="yes", requests=(request,)))
    await story.told()
    house.later()
    await house.says(1, "start", act=START)
    assert await story.told() == [("again", "news")]
    assert await house.consent_of(await house.contact(1)) == "confirmed"


async def test_start_of_what(house: House, story: Story) -> None:
    """START that names nothing, where there is a choice, asks which."""
    await house.says(1, "start", act=Act(kind="start"), terms=TERMS)
    assert await story.told() == [("which", "")]


async def test_without_asking_back(house: House, story: Story) -> None:
    """With double_opt_in = false START is the consent, with both events on record."""
    terms = Terms(wordings={"news": NEWS}, double_opt_in=False)
    await house.says(1, "start", act=START, terms=terms)
    assert await house.consent_of(await house.contact(1)) == "confirmed"
    assert await story.told() == [("requested", "news"), ("confirmed", "news")]


async def test_start_ends_a_pause(house: House, store: Store, story: Story) -> None:
    """Who asks for messages wants them now."""
    contact = await house.tell(1, "confirmed")
    pause = Preference(contact=contact, paused_until=moment(house.now + HOUR), per_week=2)
    await store.accept("x", [], at=house.at(), preferences=[pause])
    await story.told(of="contact")
    await house.says(1, "start", act=START)
    known = await store.contact(contact)
    assert known is not None
    assert (known.paused_until, known.per_week) == (None, 2)
    assert await story.told(of="contact") == [("contact.resumed", "")]


async def test_who_pauses_gets_no_marketing(house: House, store: Store) -> None:
    """The lease tells it, and begin refuses until the pause is over; service still goes."""
    contact = await house.tell(1, "confirmed")
    until = house.now + HOUR
    pause = Preference(contact=contact, paused_until=moment(until), per_week=3)
    await store.accept("x", [], at=house.at(), preferences=[pause])
    await house.started()
    delivery = await house.leased()
    assert (delivery.permissions.paused_until, delivery.permissions.per_week) == (until, 3)
    refusal = await house.begin(delivery)
    assert refusal is not None
    assert (refusal.code, refusal.final) == ("paused_by_person", True)
    await house.started()
    delivery = await house.leased(at=until)
    assert delivery.permissions.paused_until is None
    assert await house.begin(delivery, at=until) is None


# --- sign-ups ---------------------------------------------------------------------------------------
def sign_up(house: House, code: str = "K7F3", **fields: Any) -> SignUp:
    given: dict[str, Any] = {
        "topics": ("news",), "source": "form blog.example", "wording": TIPS, "language": "fr",
        "evidence": {"page": "https://blog.example/w", "ip": "::1"},
    } | fields  # fmt: skip
    return SignUp(code=code, at=moment(house.now), **given)


async def test_a_code_binds_what_was_agreed_on_the_page(house: House, store: Store) -> None:
    """The request carries the page's wording and evidence, and the contact its language."""
    await store.accept("form", [], at=house.at(), sign_ups=[sign_up(house)])
    act = Act(kind="start", code="K7F3")
    await house.says(1, "START K7F3", act=act, terms=TERMS)
    contact = await house.contact(1)
    (event,) = (await store.report("contact", id=contact))["events"]
    assert (event["topic"], event["source"]) == ("news", "form blog.example")
    kept = {"page": "https://blog.example/w", "ip": "::1", "code": "K7F3", "words": "START K7F3"}
    assert kept.items() <= event["evidence"].items()
    known = await store.contact(contact)
    assert known is not None
    assert known.language == "fr"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "used"),
        ({"expires_at": moment(1)}, "expired"),
        ({"code": "OTHER"}, "unknown"),
        ({"reusable": True}, ""),
    ],
)
async def test_a_code_that_is_not_for_this_person(
    house: House, store: Store, story: Story, fields: dict[str, Any], why: str
) -> None:
    """Bound by somebody else, over, or unknown: START counts for the topics it names, without
    the page's evidence; a link's code is for everybody."""
    await store.accept("form", [], at=house.at(), sign_ups=[sign_up(house, **fields)])
    act = Act(kind="start", topics=("news",), code="K7F3")
    await house.says(2, "START news K7F3", act=act, terms=TERMS)
    await story.told(of="")
    await house.says(1, "START news K7F3", act=act, terms=TERMS)
    told = await story.told(of="")
    assert (("sign_up.refused", why) in told) is bool(why)
    (event,) = (await store.report("contact", id=await house.contact(1)))["events"]
    assert ("page" in event["evidence"]) is not bool(why)
    assert event["evidence"]["refused_code" if why else "code"] == "K7F3"
    assert await house.consent_of(await house.contact(1)) == "requested"


async def test_the_same_person_may_send_the_code_again(house: House, store: Store) -> None:
    """The link was pressed twice."""
    await store.accept("form", [], at=house.at(), sign_ups=[sign_up(house)])
    act = Act(kind="start", code="K7F3")
    for _ in range(2):
        await house.says(1, "START K7F3", act=act, terms=TERMS)
    events = (await store.report("contact", id=await house.contact(1)))["events"]
    assert ["page" in event["evidence"] for event in events] == [True, True]


async def test_a_code_opens_no_closed_topic(house: House, store: Store, story: Story) -> None:
    """Nor one that is gone from the settings; the company's own people may."""
    topics = ("own", "gone")
    await store.accept(
        "form", [], at=house.at(), sign_ups=[sign_up(house, topics=topics, reusable=True)]
    )
    act = Act(kind="start", code="K7F3")
    await house.says(1, "START K7F3", act=act, terms=TERMS)
    assert await story.told() == [("which", "")]
    await house.says(99, "START K7F3", act=act, terms=TERMS)
    assert await story.told() == [("requested", "own")]


# --- stops ------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("act", "fields", "way"),
    [
        (Act(kind="stop"), {}, "word"),
        (Act(kind="stop", near=True), {}, "near miss"),
        (Act(kind="stop"), {"button": True}, "button"),
        (Act(kind="stop"), {"kind": "user_preferences"}, "switch"),
    ],
)
async def test_a_stop_is_told_once(
    house: House, store: Store, act: Act, fields: dict[str, Any], way: str
) -> None:
    """One line for everything that was withdrawn, which says in which way; none for the next."""
    await house.tell(1, "confirmed")
    await house.tell(1, "confirmed", "tips")
    end = await store.journal_end()
    await store.noticed("x", end, [], at=house.at())
    house.later()
    for _ in range(2):
        await house.says(1, "stop", act=act, **fields)
        house.later()
    events = [e for e in await store.events_after("x", limit=99) if e.name == "consent.withdrawn"]
    assert [(event.code, event.detail) for event in events] == [("*", way)]
    assert events[0].inbound is not None


async def test_the_acknowledgment_of_a_stop_outlives_the_next_stop(house: House) -> None:
    """What was queued before a STOP goes, also answers; what was queued after it stays."""
    contact = await house.tell(1, "confirmed")
    await house.says(1, "hello")
    before = await house.started(to=contact, kind="service", topic=None)
    house.later()
    await house.says(1, "stop", stop=True)
    after = await house.started(to=contact, kind="service", topic=None)
    house.later()
    await house.says(1, "stop", stop=True)
    assert await house.state(before, contact) == "dropped"
    assert await house.state(after, contact) == "queued"


async def test_a_stop_of_one_topic(house: House) -> None:
    """Leaves the others, and what waits for them."""
    contact = await house.tell(1, "confirmed")
    await house.tell(1, "confirmed", "tips")
    news, tips = await house.started(), await house.started(topic="tips")
    house.later()
    await house.says(1, "stop news", act=Act(kind="stop", topics=("news",)))
    assert await house.state(news, contact) == "dropped"
    assert await house.state(tips, contact) == "queued"
    assert await house.consent_of(contact, "tips") == "confirmed"


async def test_the_switch_and_back(house: House) -> None:
    """Resume lifts what the provider's switch withdrew, and nothing that the person wrote."""
    contact = await house.tell(1, "confirmed")
    house.later()
    switch: dict[str, Any] = {"kind": "user_preferences"}
    await house.says(1, "stop", stop=True, **switch)
    assert await house.consent_of(contact) == "withdrawn"
    house.later()
    await house.says(1, "resume", act=Act(kind="resume"), **switch)
    assert await house.consent_of(contact) == "confirmed"
    await house.started()
    assert await house.begin(await house.leased()) is None
    house.later()
    await house.says(1, "stop", stop=True)
    house.later()
    await house.says(1, "resume", act=Act(kind="resume"), **switch)
    assert await house.consent_of(contact) == "withdrawn"


async def test_a_stop_that_arrives_after_the_start_that_followed_it(house: House) -> None:
    """What counts is when they were said; nothing of what was asked for since is dropped."""
    contact = await house.tell(1, "confirmed")
    await house.tell(1, "confirmed", "tips")
    house.now += 10 * SECOND
    await house.says(1, "start", act=START)
    news, tips = await house.started(), await house.started(topic="tips")
    await house.says(1, "stop", stop=True, ago=timedelta(seconds=5))
    assert await house.consent_of(contact) == "requested"
    assert await house.consent_of(contact, "tips") == "withdrawn"
    assert await house.state(news, contact) == "queued"
    assert await house.state(tips, contact) == "dropped"


async def test_what_a_late_stop_took_away_is_asked_anew(house: House, story: Story) -> None:
    """START of somebody confirmed stands on its own once an older STOP is known: it is told."""
    await house.tell(1, "confirmed")
    house.now += 10 * SECOND
    await house.says(1, "start", act=START)
    await story.told()
    await house.says(1, "stop", stop=True, ago=timedelta(seconds=5))
    told = await story.told()
    assert ("requested", "news") in told


async def test_a_clock_that_went_back_weakens_no_stop(house: House, store: Store) -> None:
    """STOP after START is STOP, also if our clock is an hour behind by then."""
    contact = await house.tell(1, "confirmed")
    house.now -= HOUR
    await store.withdraw([contact], source="command", at=house.at())
    assert await house.consent_of(contact) == "withdrawn"


async def test_nobody_is_subscribed_from_the_future(house: House) -> None:
    """What says that it was said tomorrow was said now, so that STOP comes after it."""
    contact = await house.tell(1, "confirmed", at=house.now + 24 * HOUR)
    house.later()
    await house.says(1, "stop", stop=True)
    assert await house.consent_of(contact) == "withdrawn"


async def test_rebuilding_tells_what_differed(engine: Sqlite, house: House, store: Store) -> None:
    """States that do not follow from the events are set right and named."""
    contacts = await house.confirmed(3)
    assert await store.rebuild_consents() == (None, [])
    engine.sql(
        f"UPDATE consents SET state = 'confirmed', topic = 'tips' WHERE contact_id = {contacts[0]}"
    )
    engine.sql(f"UPDATE consents SET state = 'withdrawn' WHERE contact_id = {contacts[2]}")
    after, found = await store.rebuild_consents(limit=1)
    assert after == contacts[0]
    assert {(d.topic, d.kept and d.kept.state, d.derived and d.derived.state) for d in found} == {
        ("tips", "confirmed", None), ("news", None, "confirmed"),
    }  # fmt: skip
    end, found = await store.rebuild_consents(after=after or 0)
    assert end is None
    assert [(d.contact, d.topic) for d in found] == [(contacts[2], "news")]
    assert await store.rebuild_consents() == (None, [])
