"""The talk about a consent: one question, one welcome, one goodbye, and nothing beside them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from gateway.api import ConfigError, Contact, Event, Message, Topic
from gateway.sections import Company
from gateway.testing import NOW, FakeContext, make, started
from gateway.texts import SHIPPED
from gateway_plugins.observers.signup import SignUp
from tests.plugins.observers.talk import (
    BLOG,
    CARD,
    OFFERS,
    STAFF,
    as_sent,
    context,
    event,
    person,
    standing,
    taps,
)

HOUR = timedelta(hours=1)


async def noticed(
    happened: Event, contact: Contact | None, known: FakeContext | None = None, **settings: Any
) -> Sequence[Message]:
    known = known or context("signup")
    if contact is not None:
        known.contacts[contact.id] = contact
    async with started(make(SignUp, **settings), known) as plugin:
        return await plugin.notice(happened)


def requested(number: int = 12, topic: str = "blog", **changes: Any) -> Event:
    return event("consent.requested", consent=number, code=topic, **changes)


def confirmed(number: int = 20, topic: str = "blog", **changes: Any) -> Event:
    return event("consent.confirmed", consent=number, code=topic, **changes)


# --- the question ---------------------------------------------------------------------------------
async def test_the_question_says_what_the_law_wants_said() -> None:
    """Who, what, how often, that it can be stopped, where the privacy notice is."""
    (question,) = await noticed(requested(), person(standing("blog", "requested", 12)))
    assert question.replace(text="", buttons=()) == Message(
        external_id="question:12", kind="confirmation", to=7, topic="blog", requests=(12,),
        sender="main", language="de", preview=False,
    )  # fmt: skip
    assert taps(question) == {"Ja": "yes:12", "Nein": "no:12"}
    for part in (
        "Beispiel GmbH",
        BLOG.title,
        BLOG.purpose,
        BLOG.frequency,
        "STOP",
        "https://blog.example/datenschutz",
    ):
        assert part in as_sent(question).body


async def test_what_was_requested_together_is_asked_together_and_once() -> None:
    """Each of the requests is told by an event of its own: both lead to the same question."""
    contact = person(standing("angebote", "requested", 13), standing("blog", "requested", 12))
    answers = [
        await noticed(requested(12), contact),
        await noticed(requested(13, "angebote"), contact),
    ]
    assert answers[0] == answers[1]
    ((question,), _) = answers
    assert (question.external_id, question.topic, question.requests) == (
        "question:12", "blog", (12, 13),
    )  # fmt: skip
    assert taps(question) == {"Ja": "yes:12+13", "Nein": "no:12+13"}
    assert BLOG.purpose in question.text
    assert OFFERS.purpose in question.text


@pytest.mark.parametrize(
    ("happened", "consents"),
    [
        (requested(), [standing("blog", "requested", 12, asked=True)]),  # asked already
        (requested(), [standing("blog", "requested", 14)]),  # a later request took its place
        (requested(), [standing("blog", "confirmed", 13)]),  # START alone was the consent
        (requested(), [standing("blog", "withdrawn", 13)]),  # STOP came at once
        (requested(), []),  # erased
        (requested(12, "gone"), [standing("gone", "requested", 12)]),  # no topic any more
        (event("consent.asked", consent=12, code="blog"), [standing("blog", "requested", 12)]),
        (event("consent.expired", consent=14, code="blog"), [standing("blog", "expired", 14)]),
        (event("consent.imported", consent=14, code="blog"), [standing("blog", "confirmed", 14)]),
        (event("consent.moved", consent=14, code="blog"), [standing("blog", "unconfirmed", 14)]),
        (event("delivery.read"), [standing("blog", "requested", 12)]),
    ],
)
async def test_nobody_is_asked_without_an_open_request(happened: Event, consents: Any) -> None:
    assert list(await noticed(happened, person(*consents))) == []


async def test_a_request_beside_an_older_one_has_its_own_question() -> None:
    """The older one was asked about by itself, and its question may be on the way."""
    contact = person(
        standing("blog", "requested", 12, NOW - HOUR), standing("angebote", "requested", 15)
    )
    (question,) = await noticed(requested(15, "angebote"), contact)
    assert (question.external_id, question.requests) == ("question:15", (15,))


@pytest.mark.parametrize(
    ("windows", "settings", "asked"),
    [
        ({"main": NOW + HOUR}, {}, True),
        ({"main": NOW}, {}, False),
        ({"other": NOW + HOUR}, {}, False),
        ({}, {}, False),
        ({}, {"question_template": "opt_in"}, True),
    ],
)
async def test_without_an_open_window_only_a_template_asks(
    windows: Any, settings: Any, asked: bool
) -> None:
    """Somebody whom a list brought did not write; a text would not go."""
    contact = person(standing("blog", "requested", 12), windows=windows)
    found = await noticed(requested(), contact, **settings)
    assert [one.template for one in found] == [settings.get("question_template")] * asked


async def test_what_does_not_fit_into_one_question_is_asked_in_two() -> None:
    """What people agree to is never cut."""
    topics = [
        Topic(name=f"t{n}", title=f"Thema {n}", purpose=f"Zweck {n}: {'Wort ' * 40}")
        for n in range(9)
    ]
    contact = person(*(standing(f"t{n}", "requested", 12 + n) for n in range(9)))
    questions = await noticed(requested(12, "t0"), contact, context("signup", *topics))
    asked = [number for question in questions for number in question.requests]
    assert asked == list(range(12, 21))
    assert 1 < len(questions) < 9
    for question in questions:
        assert not as_sent(question).listed
        assert all(f"Thema {number - 12}*" in question.text for number in question.requests)


async def test_a_very_long_purpose_is_asked_in_a_list() -> None:
    long = BLOG.replace(purpose="Wort " * 300)
    contact = person(standing("blog", "requested", 12))
    (question,) = await noticed(requested(), contact, context("signup", long))
    assert as_sent(question).listed
    assert taps(question) == {"Ja": "yes:12", "Nein": "no:12"}


# --- the welcome ----------------------------------------------------------------------------------
async def test_the_welcome_says_who_writes_and_how_to_stop_and_brings_a_card() -> None:
    welcome, card = await noticed(confirmed(), person(standing("blog", "confirmed", 20)))
    for part in (
        "Beispiel GmbH", BLOG.title, BLOG.purpose, BLOG.frequency, "STOP", "PAUSE", "HILFE",
        "https://blog.example/impressum", "https://blog.example/datenschutz",
    ):  # fmt: skip
        assert part in as_sent(welcome).body
    assert (welcome.kind, welcome.to, welcome.sender) == ("service", 7, "main")
    assert (welcome.external_id, card.external_id) == ("welcome:20", "card:20")
    assert as_sent(card).card == CARD


async def test_one_answer_to_several_topics_has_one_welcome() -> None:
    contact = person(standing("blog", "confirmed", 20), standing("angebote", "confirmed", 21))
    first = await noticed(confirmed(20), contact)
    second = await noticed(confirmed(21, "angebote"), contact)
    assert first == second
    assert BLOG.purpose in first[0].text
    assert OFFERS.purpose in first[0].text


@pytest.mark.parametrize(
    ("contact", "happened"),
    [
        (person(standing("blog", "withdrawn", 21)), confirmed()),  # stopped in the same moment
        (
            person(standing("blog", "confirmed", 20), windows={}),
            confirmed(),
        ),  # a list, not a person
        (person(standing("blog", "confirmed", 20)), confirmed(sender=None)),
        (None, confirmed()),
    ],
)
async def test_who_is_not_welcomed(contact: Contact | None, happened: Event) -> None:
    assert list(await noticed(happened, contact)) == []


@pytest.mark.parametrize(
    ("page", "begins"),
    [
        ("website", "https://wa.blog.example/in/website/w/"),
        ("https://blog.example/abmelden", "https://blog.example/abmelden/"),
        ("https://blog.example/abmelden/", "https://blog.example/abmelden/"),
    ],
)
async def test_the_welcome_links_the_page_that_withdraws(page: str, begins: str) -> None:
    known = context("signup")
    contact = person(standing("blog", "confirmed", 20))
    welcome, _ = await noticed(confirmed(), contact, known, withdraw_page=page)
    (link,) = [word for word in welcome.text.split() if word.startswith(begins)]
    assert known.links.read("withdraw", link.removeprefix(begins), NOW) == (7, "")


async def test_a_page_needs_an_address() -> None:
    known = context("signup")
    known.public_url = ""
    with pytest.raises(ConfigError, match="public_url"):
        await noticed(confirmed(), person(), known, withdraw_page="website")


@pytest.mark.parametrize("number", ["", "unbekannt"])
async def test_a_number_that_is_not_known_makes_no_card(number: str) -> None:
    known = context("signup")
    known.addresses["main"] = number
    (welcome,) = await noticed(confirmed(), person(standing("blog", "confirmed", 20)), known)
    assert welcome.external_id == "welcome:20"


@pytest.mark.parametrize("number", ["+49 30 1234567", "49301234567", "030 1234567"])
async def test_the_card_has_the_number_that_phones_dial(number: str) -> None:
    known = context("signup")
    known.addresses["main"] = number
    _, card = await noticed(confirmed(), person(standing("blog", "confirmed", 20)), known)
    assert card.card is not None
    assert card.card.phone == "+49301234567"


# --- the other answers ----------------------------------------------------------------------------
async def test_a_no_is_taken_in_one_line() -> None:
    refused = event("consent.refused", consent=20, code="blog")
    (answer,) = await noticed(refused, person(standing("blog", "refused", 20)))
    assert answer.external_id == "refused:20"
    assert "\n" not in answer.text
    assert not answer.buttons


@pytest.mark.parametrize(
    ("consents", "payload"),
    [
        ([standing("blog", "expired", 13)], "start:blog"),
        ([standing("blog", "expired", 13), standing("angebote", "expired", 14)], "START"),
        ([standing("blog", "expired", 13), standing("angebote", "withdrawn", 9)], "start:blog"),
        ([], "START"),
    ],
)
async def test_a_late_yes_is_explained_and_may_start_anew(consents: Any, payload: str) -> None:
    late = event("consent.late", code="blog", consent=12, inbound=70)
    (answer,) = await noticed(late, person(*consents))
    assert "zu spät" in answer.text
    assert taps(answer) == {"START": payload}


@pytest.mark.parametrize("asked", [True, False])
async def test_start_once_more_does_not_ask_again(asked: bool) -> None:
    """It points to the question; one that is about to go out needs no word."""
    waiting = event("consent.waiting", code="blog", consent=12, inbound=70)
    found = await noticed(waiting, person(standing("blog", "requested", 12, asked=asked)))
    assert [(one.kind, one.buttons) for one in found] == [("service", ())] * asked


async def test_start_again_says_what_one_has() -> None:
    again = event("consent.again", code="blog")
    (answer,) = await noticed(
        again, person(standing("blog", "confirmed", 20), standing("angebote", "withdrawn", 21))
    )
    assert BLOG.purpose in answer.text
    assert OFFERS.purpose not in answer.text


@pytest.mark.parametrize(
    "name", ["consent.again", "consent.late", "consent.which", "consent.waiting"]
)
async def test_a_robot_that_repeats_itself_is_answered_once_an_hour(name: str) -> None:
    contact = person(standing("blog", "requested", 20, asked=True))
    minute = timedelta(minutes=1)
    ids = [
        (await noticed(event(name, id=n, code="blog", at=NOW + n * minute), contact))[0].external_id
        for n in (0, 30, 59, 60)
    ]
    assert ids[0] == ids[1] == ids[2] != ids[3]


async def test_start_without_a_topic_offers_the_open_ones() -> None:
    (answer,) = await noticed(event("consent.which"), person())
    assert taps(answer) == {"Neue Beiträge": "start:blog", "Angebote": "start:angebote"}
    assert BLOG.purpose in as_sent(answer).body
    assert STAFF.title not in answer.text


async def test_many_topics_with_long_titles_are_offered_in_a_list() -> None:
    """Captions that would read the same after cutting are told apart."""
    topics = [
        Topic(name=f"t{n}", title=f"Neuigkeiten aus der Region Nummer {n}", purpose=f"Zweck {n}")
        for n in range(12)
    ]
    (answer,) = await noticed(event("consent.which"), person(), context("signup", *topics))
    assert as_sent(answer).listed
    assert len(taps(answer)) == 10
    assert [button.value for button in answer.buttons] == [f"Zweck {n}" for n in range(10)]
    assert all(topic.title in answer.text for topic in topics)


# --- the goodbye ----------------------------------------------------------------------------------
def withdrawn(**changes: Any) -> Event:
    values: dict[str, Any] = {"code": "*", "consent": 30, "inbound": 70, "detail": "word"}
    return event("consent.withdrawn", **(values | changes))


ALL = person(*(standing(topic, "withdrawn", 30) for topic in ("*", "blog", "angebote")))
ONE = person(standing("blog", "withdrawn", 30), standing("angebote", "confirmed", 20))
TWO = person(standing("blog", "withdrawn", 30), standing("angebote", "withdrawn", 31))


@pytest.mark.parametrize(
    ("contact", "happened", "says", "buttons"),
    [
        (ALL, withdrawn(), "keine Nachrichten von Beispiel GmbH mehr.", {}),
        (ALL, withdrawn(detail="button"), "keine Nachrichten von Beispiel GmbH mehr.", {}),
        (person(standing("*", "withdrawn", 30)), withdrawn(), "keine Nachrichten", {}),
        (ONE, withdrawn(code="blog"), "bekommst „Neue Beiträge“ nicht mehr", {}),
        (TWO, withdrawn(code="blog"), "bekommst „Neue Beiträge, Angebote“ nicht mehr", {}),
        (TWO, withdrawn(code="angebote"), "bekommst „Neue Beiträge, Angebote“ nicht mehr", {}),
        (person(standing("gone", "withdrawn", 30)), withdrawn(code="gone"), "keine Nachr", {}),
        (ALL, withdrawn(detail="near miss"), "War es anders gemeint", {"START": "START"}),
        (
            ONE,
            withdrawn(code="blog", detail="near miss"),
            "„Neue Beiträge“ nicht mehr. War es anders gemeint",
            {"START": "start:blog"},
        ),
    ],
)
async def test_a_stop_is_confirmed_once(
    contact: Contact, happened: Event, says: str, buttons: dict[str, str]
) -> None:
    """After a near miss, and only then, with the way back."""
    (answer,) = await noticed(happened, contact)
    assert says in as_sent(answer).body
    assert taps(answer) == buttons
    assert (answer.kind, answer.external_id) == ("service", "stopped:70")


@pytest.mark.parametrize(
    ("happened", "windows"),
    [
        (withdrawn(inbound=None, detail="gateway contacts import"), {"main": NOW + HOUR}),
        (withdrawn(inbound=None, detail="website"), {"main": NOW + HOUR}),  # the page said it
        (withdrawn(detail="switch"), {"main": NOW + HOUR}),  # WhatsApp's own
        (withdrawn(inbound=None, detail="provider code"), {"main": NOW + HOUR}),
        (withdrawn(), {"main": NOW}),  # a webhook that was a day late
        (withdrawn(sender=None), {"main": NOW + HOUR}),
    ],
)
async def test_nothing_is_said_to_who_did_not_just_write(happened: Event, windows: Any) -> None:
    contact = person(standing("*", "withdrawn", 30), windows=windows)
    assert list(await noticed(happened, contact)) == []


# --- every text, in every language ----------------------------------------------------------------
@pytest.mark.parametrize("language", SHIPPED)
@pytest.mark.parametrize("company", ["Beispiel GmbH", "Gemeinnützige Genossenschaft " * 6])
async def test_every_text_fits(language: str, company: str) -> None:
    known = context("signup")
    known.company = Company(
        name=company.strip(), imprint=f"https://blog.example/{'i' * 180}",
        privacy=f"https://blog.example/{'p' * 180}", mail="redaktion@blog.example",
    )  # fmt: skip
    both = ("blog", "angebote")
    seen = 0
    for state, name in (
        ("requested", "requested"), ("confirmed", "confirmed"), ("refused", "refused"),
        ("expired", "late"), ("requested", "waiting"), ("confirmed", "again"), ("withdrawn", "which"),
        ("withdrawn", "withdrawn"),
    ):  # fmt: skip
        contact = person(
            *(
                standing(topic, state, 12 + n, asked=name == "waiting")
                for n, topic in enumerate(both)
            ),
            language=language,
        )
        for code in ("blog", "*") if name == "withdrawn" else ("blog",):
            for detail in ("word", "near miss"):
                happened = event(
                    f"consent.{name}", code=code, consent=12, inbound=70, detail=detail
                )
                for answer in await noticed(happened, contact, known, withdraw_page="website"):
                    assert answer.language == language
                    assert as_sent(answer)
                    seen += 1
    assert seen == 2 * (1 + 2 + 1 + 1 + 1 + 1 + 1 + 2)
