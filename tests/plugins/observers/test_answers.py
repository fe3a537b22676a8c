"""Answers: words at once, everything else as a case; a robot that knows when to be silent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.api import (
    Case,
    ConfigError,
    Contact,
    Identity,
    Inbound,
    Message,
    Outcome,
    Preference,
    Received,
    Topic,
)
from gateway.sections import Company
from gateway.testing import NOW, FakeContext, make, started
from gateway.texts import SHIPPED
from gateway.words import Words
from gateway_plugins.observers.answers import Answers
from gateway_plugins.observers.replies import month_after
from gateway_plugins.observers.words import SHIPPED as WORDS
from tests.plugins.observers.talk import (
    BLOG,
    OFFERS,
    PHONE,
    STAFF,
    as_sent,
    context,
    event,
    person,
    standing,
    taps,
    wrote,
)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SUBSCRIBER = person(standing("blog", "confirmed", 20, NOW - 40 * DAY))


async def answered(
    received: Received | None,
    contact: Contact | None = SUBSCRIBER,
    known: FakeContext | None = None,
    **settings: Any,
) -> Sequence[Outcome]:
    known = known or context("answers")
    if contact is not None:
        known.contacts[contact.id] = contact
    if received is not None:
        known.inbound[received.id] = received
    async with started(make(Answers, **settings), known) as plugin:
        return await plugin.notice(event("inbound", inbound=received.id if received else 70))


def tapped(payload: str, caption: str = "Knopf") -> Received:
    return wrote(payload, kind="interactive", caption=caption, button=True, quoted="wamid.1")


def only(outcomes: Sequence[Outcome]) -> Message:
    (answer,) = outcomes
    assert isinstance(answer, Message)
    assert (answer.kind, answer.to, answer.sender) == ("service", 7, "main")
    assert as_sent(answer)
    return answer


def kinds(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what follows: `say`, a case's kind, `prefer`."""
    names = {Message: "say", Preference: "prefer"}
    return [one.kind if isinstance(one, Case) else names[type(one)] for one in outcomes]


# --- what nobody answers --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("received", "contact"),
    [
        (wrote("STOP", act="stop"), SUBSCRIBER),  # the core's own words
        (wrote("Ja", act="yes"), SUBSCRIBER),
        (wrote("", kind="reaction"), SUBSCRIBER),
        (wrote("Info", kind="edit"), SUBSCRIBER),
        (wrote("", kind="revoke"), SUBSCRIBER),
        (wrote("", kind="sticker"), SUBSCRIBER),
        (wrote("Danke schön!"), SUBSCRIBER),
        (wrote("ok, thank you"), SUBSCRIBER),
        (wrote("👍"), SUBSCRIBER),
        (tapped("approve:412:1"), SUBSCRIBER),  # somebody else's button
        (tapped("yes:12"), SUBSCRIBER),  # a question of long ago
        (tapped("erase:maybe"), SUBSCRIBER),
        (wrote("Info"), None),  # erased meanwhile
        (None, SUBSCRIBER),  # purged
    ],
)
async def test_what_asks_nothing(received: Received | None, contact: Contact | None) -> None:
    assert list(await answered(received, contact)) == []


async def test_other_events_are_for_others() -> None:
    async with started(make(Answers), context("answers")) as plugin:
        for name in ("delivery.read", "consent.confirmed", "case.opened", "echo", "inbound"):
            assert list(await plugin.notice(event(name))) == []


# --- words ----------------------------------------------------------------------------------------
ANSWERS = {
    "info": "redaktion@blog.example",
    "topics": "Angebote",
    "pause": "2026",
    "less": "",
    "access": "redaktion@blog.example",
    "erase": "",
    "help": "STOP",
}


@pytest.mark.parametrize(
    ("language", "name", "word"),
    [
        (language, name, word)
        for language, wishes in WORDS.items()
        for name, words in wishes.items()
        for word in words
        if name in ANSWERS
    ],
)
async def test_every_word_is_answered(language: str, name: str, word: str) -> None:
    """However it is written, politeness aside, and in the person's language."""
    contact = person(standing("blog", "confirmed", 20), language=language)
    for text in (word, f"{word.upper()}!", f"Hallo, {word} bitte 🙏"):
        first, *_ = [
            one for one in await answered(wrote(text), contact) if isinstance(one, Message)
        ]
        assert first.language == language
        assert ANSWERS[name] in first.text
        assert first.external_id == "answer:70"


@pytest.mark.parametrize("language", WORDS)
def test_no_word_is_one_of_the_core_s(language: str) -> None:
    """What the core hears as STOP, START, yes or no never gets here."""
    core = Words(topics={topic.name: topic for topic in (BLOG, OFFERS)})
    for words in WORDS[language].values():
        for word in words:
            for text in (word, word.upper(), f"{word} bitte"):
                heard = Inbound(
                    provider_id="1", identities=(PHONE,), at=NOW, kind="text", words=text
                )
                assert core.act_of(heard) is None, text


@pytest.mark.parametrize("text", ["loeschen", "Löschen", "LOSCHEN", "daten loeschen"])
async def test_umlauts_may_be_missing(text: str) -> None:
    assert "erase:yes" in taps(only(await answered(wrote(text)))).values()


@pytest.mark.parametrize("text", ["Info zu eurer Wärmepumpe?", "Daten" * 60, "kein Hilfeschrei"])
async def test_a_word_inside_a_sentence_is_a_question(text: str) -> None:
    assert kinds(await answered(wrote(text))) == ["question", "say"]


@pytest.mark.parametrize(
    ("word", "language", "spoken"),
    [("topics", None, "en"), ("themen", None, "de"), ("topics", "de", "de"), ("info", None, None)],
)
async def test_a_word_tells_the_language_of_who_has_none(
    word: str, language: str | None, spoken: str | None
) -> None:
    answer = only(await answered(wrote(word), person(language=language)))
    assert answer.language == spoken


async def test_info_says_where_the_number_comes_from() -> None:
    contact = person(
        standing("blog", "confirmed", 20, datetime(2026, 1, 21, 23, 30, tzinfo=UTC)),
        standing("angebote", "withdrawn", 21),
        standing("gone", "confirmed", 22),
    )
    text = only(await answered(wrote("Woher habt ihr meine Nummer?"), contact)).text
    assert "„Neue Beiträge“ bekommst du, weil du am 22. Januar 2026 zugestimmt hast" in text
    assert "„Angebote“ hast du am 2. März 2026 abbestellt" in text
    assert "https://blog.example/impressum" in text
    stranger = only(await answered(wrote("info"), person())).text
    assert "weil du uns geschrieben hast" in stranger


async def test_topics_have_a_button_each() -> None:
    """What one has can be stopped, the rest started; who has something can have it less often."""
    answer = only(await answered(wrote("THEMEN")))
    assert taps(answer) == {
        "Stop: Neue Beiträge": "stop:blog",
        "Start: Angebote": "start:angebote",
        "Weniger oft": "less:1",
        "Pause, 4 Wochen": "pause:28",
    }
    assert as_sent(answer).listed
    assert f"✓ *{BLOG.title}*" in answer.text
    assert f"○ *{OFFERS.title}*" in answer.text
    assert STAFF.title not in answer.text


@pytest.mark.parametrize(
    ("changes", "buttons"),
    [
        ({"per_week": 1}, {"more:0", "pause:28"}),
        ({"paused_until": NOW + DAY}, {"less:1", "resume:0"}),
        ({"paused_until": NOW - DAY}, {"less:1", "pause:28"}),
        ({"consents": ()}, set()),
    ],
)
async def test_the_list_offers_what_makes_sense(changes: Any, buttons: set[str]) -> None:
    contact = person(**{"consents": (standing("blog", "confirmed", 20),), **changes})
    payloads = set(taps(only(await answered(wrote("themen"), contact))).values())
    assert payloads - {"stop:blog", "start:blog", "start:angebote"} == buttons


async def test_more_topics_than_a_list_holds() -> None:
    """Those without a button are in the text, with what to send."""
    topics = [Topic(name=f"t{n}", title=f"Thema {n}", purpose=f"Zweck {n}") for n in range(12)]
    known = context("answers", *topics)
    contact = person(standing("t11", "confirmed", 20))
    answer = only(await answered(wrote("themen"), contact, known))
    assert len(answer.buttons) == 10
    assert "START t8" in answer.text
    assert "✓ *Thema 11*" in answer.text


async def test_one_topic_needs_no_list() -> None:
    answer = only(await answered(wrote("themen"), known=context("answers", BLOG)))
    assert not as_sent(answer).listed
    assert set(taps(answer).values()) == {"stop:blog", "less:1", "pause:28"}


async def test_help_names_own_words_too() -> None:
    answer = only(await answered(wrote("?"), words={"preise": "https://blog.example/preise"}))
    assert "PREISE" in answer.text


async def test_own_words_have_own_answers() -> None:
    settings = {"words": {"Öffnungszeiten": "Mo-Fr 9-17"}}
    answer = only(await answered(wrote("öffnungszeiten bitte"), **settings))
    assert answer.text == "Mo-Fr 9-17"


# --- how much -------------------------------------------------------------------------------------
def says(outcomes: Sequence[Outcome], preference: Preference) -> str:
    """Return what is said beside a preference."""
    assert outcomes[0] == preference
    return only(outcomes[1:]).text


@pytest.mark.parametrize(
    ("received", "days", "date"),
    [
        (wrote("Pause"), 28, "30. März 2026"),
        (wrote("pause 2 wochen"), 14, "16. März 2026"),
        (wrote("Pause für 3 Monate"), 90, "31. Mai 2026"),
        (wrote("pause 1 tag"), 1, "3. März 2026"),
        (wrote("PAUSE for 10 days"), 10, "12. März 2026"),
        (wrote("pause 999 monate"), 366, "3. März 2027"),
        (wrote("pause 0 tage"), 1, "3. März 2026"),
        (tapped("pause:28"), 28, "30. März 2026"),
        (tapped("pause:99999"), 366, "3. März 2027"),
    ],
)
async def test_a_pause(received: Received, days: int, date: str) -> None:
    """The answer names the day on which it ends."""
    outcomes = await answered(received)
    assert date in says(outcomes, Preference(contact=7, paused_until=NOW + days * DAY))


async def test_how_long_a_pause_is_can_be_set() -> None:
    outcomes = await answered(wrote("pause"), pause="7d")
    assert "9. März" in says(outcomes, Preference(contact=7, paused_until=NOW + 7 * DAY))


@pytest.mark.parametrize(
    ("received", "contact", "preference", "part"),
    [
        (wrote("weniger"), SUBSCRIBER, Preference(contact=7, per_week=1), "pro Woche"),
        (tapped("less:1"), SUBSCRIBER, Preference(contact=7, per_week=1), "pro Woche"),
        (
            wrote("öfter"),
            person(standing("blog", "confirmed", 20), per_week=1),
            Preference(contact=7, per_week=0),
            "jede Nachricht",
        ),
        (
            wrote("Weiter!"),
            person(standing("blog", "confirmed", 20), paused_until=NOW + DAY),
            Preference(contact=7, paused_until=NOW),
            "du bekommst wieder",
        ),
        (
            tapped("resume:0"),
            person(standing("blog", "withdrawn", 20), paused_until=NOW + DAY),
            Preference(contact=7, paused_until=NOW),
            "Angemeldet bist du für nichts",
        ),
    ],
)
async def test_less_and_more(
    received: Received, contact: Contact, preference: Preference, part: str
) -> None:
    assert part in says(await answered(received, contact), preference)


@pytest.mark.parametrize("word", ["weiter", "mehr", "öfter", "continue"])
async def test_in_a_talk_the_same_words_mean_something_else(word: str) -> None:
    """ "Weiter" by somebody without a pause is said to a person."""
    assert kinds(await answered(wrote(word))) == ["question", "say"]
    assert kinds(await answered(tapped("resume:0"))) == []


# --- what the law gives ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-03-02", "2026-04-02"),
        ("2026-01-31", "2026-02-28"),
        ("2028-01-31", "2028-02-29"),
        ("2026-12-15", "2027-01-15"),
        ("2026-03-31", "2026-04-30"),
    ],
)
def test_a_month_ends_on_the_same_day_or_the_last(received: str, due: str) -> None:
    assert month_after(datetime.fromisoformat(received)) == datetime.fromisoformat(due)


async def test_data_are_asked_for() -> None:
    said, case = await answered(wrote("Meine Daten bitte"))
    assert "2. April 2026" in only([said]).text
    assert case == Case(
        kind="access", external_id="access:70", text="Meine Daten bitte", contact=7, sender="main",
        inbound=70, language="de", due_at=datetime(2026, 4, 2, 9, 0, tzinfo=UTC),
    )  # fmt: skip


async def test_who_asks_again_has_the_same_date() -> None:
    known = context("answers")
    opened = Case(kind="access", external_id="access:3", contact=7, id=1, due_at=NOW + 3 * DAY)
    known.cases[1] = opened
    assert "5. März 2026" in only(await answered(wrote("daten"), known=known)).text


async def test_deleting_asks_back_first() -> None:
    known = context("answers")
    answer = only(await answered(wrote("Löschen"), known=known))
    assert taps(answer) == {"Ja, alles löschen": "erase:yes", "Nein": "erase:no"}
    assert known.withdrawn == []
    assert kinds(await answered(tapped("erase:no"), known=known)) == ["say"]
    assert known.withdrawn == []


async def test_who_wants_nothing_kept_gets_nothing_more() -> None:
    """The withdrawal is in force before anything is said; erasing is a person's task."""
    known = context("answers")
    said, case = await answered(tapped("erase:yes", "Ja, alles löschen"), known=known)
    assert known.withdrawn == [(7, None)]
    assert isinstance(case, Case)
    assert (case.kind, case.external_id, case.inbound) == ("erasure", "erasure:70", 70)
    assert case.due_at == datetime(2026, 4, 2, 9, 0, tzinfo=UTC)
    assert "abgemeldet" in only([said]).text


# --- questions ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("received", "text"),
    [
        (wrote("Was kostet das?"), "Was kostet das?"),
        (wrote("a" * 5000), "a" * 2000),
        (wrote("", kind="image"), "[image]"),
        (wrote("Ist das normal?", kind="image"), "Ist das normal?"),
        (wrote("", kind="audio"), "[audio]"),
        (wrote("", kind="location"), "[location]"),
        (tapped("Rückruf", "Rückruf gewünscht"), "Rückruf gewünscht"),
        (wrote("Hallo"), "Hallo"),
        (wrote("Danke, und was kostet das?"), "Danke, und was kostet das?"),
    ],
)
async def test_everything_else_is_a_question(received: Received, text: str) -> None:
    case, said = await answered(received)
    assert case == Case(
        kind="question", external_id="question:70", text=text, contact=7, sender="main", inbound=70,
        language="de",
    )  # fmt: skip
    assert only([said]).external_id == "received:70:0"


async def test_one_conversation_has_one_case_and_one_acknowledgement() -> None:
    """Until the case is closed; after a day somebody who still waits hears it once more."""
    known = context("answers")
    known.contacts[7] = person(standing("blog", "confirmed", 20), windows={"main": NOW + 9 * DAY})
    said: list[tuple[str, str]] = []
    async with started(make(Answers), known) as plugin:
        for n, hours in enumerate((0, 1, 23, 25, 26, 47, 49, 50)):
            known.clock.at = NOW + hours * HOUR
            known.inbound[n] = wrote("Hallo?", id=n, at=known.clock.at)
            if hours == 50:
                await known.accept(closes=[])
                (case,) = known.cases.values()
                known.cases[case.id] = case.replace(closed_at=known.clock.now())
            for one in await plugin.notice(event("inbound", inbound=n)):
                if isinstance(one, Case):
                    await known.accept(cases=[one])
                elif isinstance(one, Message):
                    said.append((str(hours), one.external_id))
    (first, _) = known.cases
    assert dict(said) == {
        "0": "received:0:0",
        "25": f"received:{first}:1",
        "26": f"received:{first}:1",  # the store takes the same id once
        "47": f"received:{first}:1",
        "49": f"received:{first}:2",
        "50": "received:7:0",
    }


OFFICE = {"opening_hours": "Mo-Fr 09:00-17:00", "holidays": "DE-BY", "reply_within": "4h"}


@pytest.mark.parametrize(
    ("settings", "now", "part"),
    [
        ({}, "2026-03-02T10:00+01:00", "antwortet dir hier."),
        (OFFICE, "2026-03-02T10:00+01:00", "spätestens heute um 14:00 Uhr."),
        (OFFICE, "2026-03-02T10:50:30.5+01:00", "spätestens heute um 15:00 Uhr."),
        (OFFICE, "2026-03-02T16:00+01:00", "spätestens morgen um 12:00 Uhr."),
        (OFFICE, "2026-03-06T16:00+01:00", "spätestens am Montag um 12:00 Uhr."),
        ({**OFFICE, "reply_within": 0}, "2026-03-02T10:00+01:00", "antwortet dir hier."),
        (OFFICE, "2026-03-02T08:00+01:00", "heute um 9:00 Uhr sind wir wieder da"),
        (OFFICE, "2026-03-02T18:00+01:00", "morgen um 9:00 Uhr sind wir wieder da"),
        (OFFICE, "2026-03-06T18:00+01:00", "am Montag um 9:00 Uhr sind wir wieder da"),
        (OFFICE, "2026-03-07T00:30+01:00", "am Montag um 9:00 Uhr sind wir wieder da"),
        ({**OFFICE, "closed": ["03-09"]}, "2026-03-06T18:00+01:00", "am Dienstag um 9:00"),
        (
            {**OFFICE, "closed": [f"03-{day:02}" for day in range(9, 17)]},
            "2026-03-06T18:00+01:00",
            "am 17. März 2026 um 9:00 Uhr sind wir wieder da",
        ),
        (OFFICE, "2026-04-02T18:00+02:00", "am Dienstag um 9:00 Uhr"),  # Easter
    ],
)
async def test_who_asks_is_told_when_somebody_answers(
    settings: dict[str, Any], now: str, part: str
) -> None:
    known = context("answers")
    known.clock.at = datetime.fromisoformat(now).astimezone(UTC)
    contact = person(windows={"main": known.clock.at + HOUR})
    _, said = await answered(wrote("Frage"), contact, known, **settings)
    assert part in only([said]).text


# --- silence --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("contact", "follows"),
    [
        (person(echoed_at=NOW - HOUR), ["question"]),
        (person(echoed_at=NOW - 23 * HOUR), ["question"]),
        (person(echoed_at=NOW - 24 * HOUR), ["question", "say"]),
        (person(windows={"main": NOW}), ["question"]),
        (person(windows={}), ["question"]),
        (person(windows={"other": NOW + HOUR}), ["question"]),
    ],
)
async def test_a_robot_keeps_out_of_a_talk_between_people(
    contact: Contact, follows: list[str]
) -> None:
    """The case is opened nevertheless.  And outside the window nothing could be said."""
    assert kinds(await answered(wrote("Wie geht es weiter?"), contact)) == follows


async def test_a_wish_counts_even_if_nothing_can_be_said() -> None:
    assert kinds(await answered(wrote("pause"), person(windows={}))) == ["prefer"]


async def test_a_person_of_the_company_is_no_customer() -> None:
    """Editors write answers to previews; their words work."""
    known = context("answers")
    known.people = {"redaktion": PHONE}
    for received in (wrote("Nimm lieber ein anderes Bild"), wrote("Pause", quoted="wamid.9")):
        assert list(await answered(received, known=known)) == []
    assert kinds(await answered(wrote("Themen"), known=known)) == ["say"]
    assert kinds(await answered(tapped("pause:28"), known=known)) == ["prefer", "say"]
    known.people = {"redaktion": Identity("phone", "+4917139200009")}
    assert kinds(await answered(wrote("Ein anderes Bild"), known=known)) == ["question", "say"]


async def test_who_left_is_told_once_that_a_question_arrived() -> None:
    """Not again for the next question; words are answered as ever."""
    left = person(standing("*", "withdrawn", 31), standing("blog", "withdrawn", 31))
    ids = set()
    for n in (70, 71):
        _, said = await answered(wrote("Noch eine Frage", id=n), left)
        ids.add(only([said]).external_id)
    assert ids == {"received:after:31:7"}
    back = person(standing("*", "withdrawn", 31), standing("blog", "confirmed", 33))
    _, said = await answered(wrote("Noch eine Frage"), back)
    assert only([said]).external_id == "received:70:0"
    assert kinds(await answered(wrote("info"), left)) == ["say"]


async def test_a_robot_on_the_other_side_is_not_answered_for_ever() -> None:
    """The day's answers to one person end; cases and wishes go on, and so do other people."""
    known = context("answers")
    known.contacts |= {7: SUBSCRIBER, 8: person(id=8)}
    seen: list[int] = []
    async with started(make(Answers, most_per_day=3), known) as plugin:

        async def hears(words: str, contact: int = 7) -> list[str]:
            seen.append(len(seen))
            known.inbound[seen[-1]] = wrote(words, id=seen[-1], contact=contact)
            return kinds(await plugin.notice(event("inbound", inbound=seen[-1])))

        assert [await hears("hilfe") for _ in range(4)] == [["say"]] * 3 + [[]]
        assert await hears("pause") == ["prefer"]
        assert await hears("Eine Frage") == ["question"]
        assert await hears("hilfe", 8) == ["say"]
        known.clock.forward(16 * 3600)
        assert await hears("hilfe") == ["say"]


# --- settings -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"opening_hours": "Mo-Fr"}, "without hours"),
        ({"opening_hours": "9-17", "holidays": "XX"}, "none known"),
        ({"opening_hours": "9-17", "closed": ["Weihnachten"]}, "is no day"),
        ({"reply_within": "4h"}, "opening_hours"),
        ({"pause": "1h"}, "shorter than a day"),
        ({"most_per_day": 0}, "at least 1"),
        ({"words": {"Stop": "nein"}}, "'Stop' means something already"),
        ({"words": {"INFO": "wir"}}, "'INFO' means something already"),
        ({"words": {"!!": "wie bitte"}}, "has no letters"),
        ({"words": {"preise": " "}}, "has no answer"),
        ({"words": {"preise": "x" * 4000}}, "longer than"),
    ],
)
async def test_wrong_settings_are_told(settings: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        await answered(wrote("info"), **settings)


# --- every text, in every language ----------------------------------------------------------------
@pytest.mark.parametrize("language", SHIPPED)
@pytest.mark.parametrize("company", ["Beispiel GmbH", "Gemeinnützige Genossenschaft " * 6])
async def test_every_text_fits(language: str, company: str) -> None:
    known = context("answers", *(
        Topic(name=f"t{n}", title=f"Ein recht langer Titel, Nummer {n}", purpose="Wort " * 60)
        for n in range(10)
    ))  # fmt: skip
    known.company = Company(
        name=company.strip(), imprint=f"https://blog.example/{'i' * 180}",
        privacy=f"https://blog.example/{'p' * 180}", mail="redaktion@blog.example",
    )  # fmt: skip
    states = ("confirmed", "withdrawn", "requested")
    consents = [standing(f"t{n}", state, 20 + n) for n, state in enumerate(states)]
    seen = set()
    for changes in ({}, {"paused_until": NOW + DAY, "per_week": 1}):
        contact = person(*consents, language=language, **changes)
        for words in WORDS[language].values():
            for one in await answered(wrote(words[0]), contact, known):
                if isinstance(one, Message):
                    seen.add(as_sent(one).body)
        for payload in ("erase:yes", "erase:no"):
            said = [
                one for one in await answered(tapped(payload), contact, known)
                if isinstance(one, Message)
            ]  # fmt: skip
            seen.add(as_sent(*said).body)
    assert len(seen) >= 12


async def test_opening_hours_are_advice() -> None:
    for settings, weights in (({}, ["advice"]), ({"opening_hours": "Mo-Fr 9-17"}, [])):
        plugin = make(Answers, **settings)
        async with started(plugin):
            assert [concern.weight for concern in await plugin.concerns()] == weights
