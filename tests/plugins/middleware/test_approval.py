"""Nothing goes out that no person said yes to; what is asked is what will be seen."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.api import ConfigError, Drop, Hold, MailError, Message, Places, Price, Text, Topic
from gateway.assembly import assemble
from gateway.consent import StopWords
from gateway.discovery import discover
from gateway.testing import NOW, FakeContext, make, started
from gateway_plugins.middleware.approval import Approval
from tests.config.shipped import CONFIG, placed
from tests.plugins.middleware.desk import (
    ANNA,
    BERT,
    NUMBER,
    PEOPLE,
    POST,
    TEMPLATE,
    at,
    confirmed,
    desk,
    said,
)  # fmt: skip

OUT = timedelta(minutes=-1)
TIER = Places(
    key="tier:wa", said="10,000 people in 24 hours", n=10_000, used=1_238, needed=7_962, today=7_962
)
PRICE = Price(amount=900.6, currency="EUR", rates_of=date(2025, 7, 1), billed=7_962)
CARD = """\
*Soll das raus?* #413 „Ein Beitrag“

An 7.962 von 8.014, die „Neue Beiträge“ abonniert haben.
Nicht dabei: 40 mit Pause, 12 später dazugekommen, 1.206 abgemeldet.
Verteilt über etwa 2 h.
Mit dem, was heute schon raus ist: 9.200 von 10.000 Personen in 24 Stunden.
Kostet etwa 901 EUR (Preise vom 01.07.2025).
Ohne Antwort bis 22:00 wird es nicht gesendet.

Anderer Text? Antworte mit ihm auf diese Nachricht (nach rechts wischen)."""


# --- the hold -----------------------------------------------------------------------------------
async def test_a_post_waits_and_says_for_whom_and_how_long() -> None:
    async with desk() as d:
        held = await d.screened()
        assert held == Hold(
            "approval",
            "asked redaktion, vertretung 10:00 · skipped 22:00 without an answer",
            NOW + timedelta(hours=12),
        )


@pytest.mark.parametrize(
    ("settings", "changes"),
    [
        ({"ask": []}, {}),
        ({}, {"kind": "service"}),
        ({}, {"kind": "utility"}),
        ({"topic": "team"}, {"topic": "team"}),
    ],
)
async def test_what_needs_no_yes_passes_as_it_is(
    settings: dict[str, Any], changes: dict[str, Any]
) -> None:
    async with desk(**settings) as d:
        answer = await d.screened(**changes)
        assert answer == d.post.replace(**changes)


@pytest.mark.parametrize(
    ("silence", "expires", "end"),
    [("skip", None, "22:00"), ("skip", "18:00", "18:00"), ("send", None, "22:00")],
)
async def test_silence_does_what_the_settings_say(
    silence: str, expires: str | None, end: str
) -> None:
    async with desk(silence=silence) as d:
        own = {"expires_at": at(expires)} if expires else {}
        d.context.clock.at = at(end) - timedelta(seconds=1)
        assert isinstance(await d.screened(**own), Hold)
        d.context.clock.forward(1)
        answer = await d.screened(**own)
        if silence == "skip":
            assert answer == Drop("unanswered", f"nobody decided by {end}")
        else:
            assert isinstance(answer, Message)
            assert answer.notes == ("nobody decided by 22:00: sent as the settings say",)


async def test_an_approved_post_passes_and_says_who() -> None:
    async with desk() as d:
        d.plan(price=PRICE)
        await d.held()
        d.context.clock.at = at("17:39")
        await d.press(ANNA, "approve", at=at("17:39"))
        answer = await d.screened(approved=("approval",))
        assert isinstance(answer, Message)
        assert answer.notes == ("approved by redaktion 17:39 for 7,962 of 8,014, about 901 EUR",)
    async with desk() as d:  # at the command line, nobody had been asked
        answer = await d.screened(approved=("approval",))
        assert isinstance(answer, Message)
        assert answer.notes == ("approved",)


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({}, "ask: is missing"),
        ({"ask": ["nobody"]}, "names no 'nobody'; known: redaktion, vertretung"),
        ({"ask": ["redaktion", "redaktion"]}, "names somebody twice"),
        ({"ask": ["redaktion"], "four_eyes_above": 10}, "needs two people in ask"),
        ({"ask": ["redaktion"], "expires": 5}, "less than a minute"),
        ({"ask": ["redaktion"], "four_eyes_above": -1}, "has to be positive"),
        (
            {"ask": ["redaktion", "vertretung"], "four_eyes_above": 1, "silence": "send"},
            "without any yes",
        ),
    ],
)
async def test_wrong_settings_are_refused(settings: dict[str, Any], wrong: str) -> None:
    context = FakeContext("approval")
    context.people = PEOPLE
    with pytest.raises(ConfigError, match=wrong):
        async with started(make(Approval, **settings), context):
            pass


async def test_four_eyes_are_those_of_two_people() -> None:
    context = FakeContext("approval")
    context.people = dict.fromkeys(PEOPLE, PEOPLE["redaktion"])
    plugin = make(Approval, ask=list(PEOPLE), four_eyes_above=10)
    with pytest.raises(ConfigError, match="has one number"):
        async with started(plugin, context):
            pass


def test_the_check_names_a_role_that_is_not_there(tmp_path: Path) -> None:
    """`gateway check`, before anything starts."""
    file = placed(CONFIG / "gateway.toml", tmp_path)
    file.write_text(file.read_text().replace('"vertretung"]', '"vertretng"]'))
    with pytest.raises(ConfigError) as caught:
        assemble(file, discover())
    assert caught.value.problems == (
        f"{file}: [middleware.approval] ask: there is no role in [people] 'vertretng'; did you mean"
        " 'vertretung'?",
    )


# --- what is asked ------------------------------------------------------------------------------
async def test_preview_then_card_for_everybody_who_is_asked() -> None:
    async with desk() as d:
        d.preview(message=d.post.replace(spread=7200.0), contents=(d.post.forms[0], TEMPLATE))
        d.plan(seconds=7200.0, price=PRICE, places=(TIER,))
        asked = await d.held()
        assert [(one.to, one.external_id) for one in asked] == [
            (ANNA, f"preview:{POST}:1:{ANNA}:0"), (ANNA, f"card:{POST}:1:{ANNA}"),
            (BERT, f"preview:{POST}:1:{BERT}:0"), (BERT, f"card:{POST}:1:{BERT}"),
        ]  # fmt: skip
        assert {(one.kind, one.sender) for one in asked} == {("service", "main")}
        assert asked[0].text == (
            "*Neu: Blog*\n\n*Ein Beitrag*\n\nEin Satz.\n\n_Abmelden: antworte STOP_\n\n[Lesen]"
        )
        assert asked[1].text == CARD
        assert [(one.text, one.payload) for one in asked[1].buttons] == [
            ("Senden", f"approve:{POST}:1"),
            ("Nicht senden", f"reject:{POST}:1"),
            ("Später", f"later:{POST}:1"),
        ]
        assert await d.held() == [], "judged again, asked once"


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (Text(body="Kurz", image="https://blog.example/1.jpg"), [("Kurz", True)]),
        (
            Text(body="x" * 901, image="https://blog.example/1.jpg"),
            [("", True), ("x" * 901, False)],
        ),
        (Text(body="x" * 4096), [("x" * 3900, False), ("x" * 196, False)]),
        (TEMPLATE.replace(image="https://blog.example/1.jpg"), None),
    ],
)
async def test_nothing_of_the_preview_is_cut(content: Any, parts: Any) -> None:
    async with desk(ask=["redaktion"]) as d:
        d.preview(contents=(content,))
        *shown, _ = await d.held()
        if parts is not None:
            assert [(one.text, bool(one.image)) for one in shown] == parts
        else:
            assert shown[0].image == "https://blog.example/1.jpg"


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"message": {"spread": 300.0}}, "Verteilt über etwa 5 min."),
        ({"plan": {"seconds": 7962.0}}, "Verteilt über etwa 2 h."),
        ({"plan": {"seconds": 8.0}}, "Geht sofort raus."),
        (
            {"message": {"expires_at": at("15:00")}},
            "Ohne Antwort bis 15:00 wird es nicht gesendet.",
        ),
        (
            {"plan": {"begins": at("23:00"), "closed": "quiet hours"}},
            "Ruhezeit: geht erst ab 23:00 raus.",
        ),
        (
            {
                "plan": {
                    "seconds": 7200.0,
                    "waits": "quiet hours",
                    "begins": at("18:00"),
                    "expires_at": at("19:30"),
                }
            },
            "Verteilt über etwa 2 h.\nDazwischen liegt Ruhezeit: die Letzten bekommen es etwa 20:00."
            "\n*Nicht alle rechtzeitig:* was bis 19:30 nicht raus ist, wird nicht gesendet.",
        ),
        (
            {"plan": {"places": (TIER.replace(used=8000, today=2000, last_at=at("17:00")),)}},
            "*Das Limit reicht nicht:* jetzt 2.000 von 7.962, erlaubt sind 10.000 Personen in"
            " 24 Stunden.\nDie Letzten bekommen es frühestens 17:00.",
        ),
        (
            {"plan": {"price": PRICE.replace(unpriced={"FR": 3, "IT": 2})}},
            "Ohne Preis in der Tabelle: 5 (FR, IT).",
        ),
        (
            {"plan": {"price": PRICE.replace(budget=2000.0, spent=99.5)}},
            "Vom Budget dieses Monats sind noch 1.900 EUR da.",
        ),
        (
            {"plan": {"price": PRICE.replace(budget=1000.0, spent=500.0, promised=450.0)}},
            "*Das Budget reicht nicht:* diesen Monat sind noch 50,00 EUR da.",
        ),
        ({"plan": {"left_out": {"capped": 7}}}, "Nicht dabei: 7, die schon genug bekommen haben."),
        ({"trouble": "no way out"}, "Achtung, danach hält es noch auf: no way out"),
    ],
)
async def test_the_card_tells_what_the_rest_of_the_chain_makes_of_it(
    changes: dict[str, Any], line: str
) -> None:
    async with desk(ask=["redaktion"]) as d:
        changes = dict(changes)
        if "plan" in changes:
            d.plan(**changes.pop("plan"))
        about = d.post.replace(**changes.pop("message", {}))
        d.preview(message=about, **changes)
        *_, card = await d.held()
        assert f"\n{line}\n" in card.text


async def test_the_card_is_in_the_language_of_who_reads_it() -> None:
    async with desk() as d:
        d.person(BERT, language="en-GB")
        d.plan(price=PRICE)
        card = (await d.held())[3]
        assert "To 7,962 of 8,014 who subscribed to “Neue Beiträge”." in card.text
        assert "Costs about 901 EUR (prices of 2025-07-01)." in card.text
        assert len(card.text) < 900, "with buttons 1024 characters go"


@pytest.mark.parametrize("language", ["de", "en"])
def test_no_button_is_heard_as_a_withdrawal(language: str) -> None:
    """Who taps a button whose caption is a stop word withdraws, whatever its payload."""
    texts = FakeContext().texts.keys(language)
    captions = [text for key, text in texts.items() if key.startswith("approval.button_")]
    assert len(captions) == 6
    for caption in captions:
        assert not StopWords().withdraws(caption)
        assert len(caption) <= 20


# --- those who cannot be asked ------------------------------------------------------------------
async def test_whoever_writes_later_is_asked_then() -> None:
    async with desk() as d:
        d.person(BERT, windows={"main": NOW + OUT})
        assert {one.to for one in await d.held()} == {ANNA}
        held = await d.screened()
        assert isinstance(held, Hold)
        assert held.text.startswith("asked redaktion 10:00 ·")
        d.person(BERT)
        assert await d.inbound(BERT, words="bin da") == []
        assert d.context.steered == [(POST, "screen", "vertretung", "")]
        assert [one.external_id for one in await d.held()] == [
            f"preview:{POST}:1:{BERT}:0", f"card:{POST}:1:{BERT}",
        ]  # fmt: skip
        await d.inbound(BERT, words="danke")
        assert len(d.context.steered) == 1, "asked already"


async def test_another_number_of_the_company_will_do() -> None:
    async with desk(ask=["redaktion"]) as d:
        d.person(ANNA, windows={"second": NOW - OUT, "main": NOW + OUT})
        assert {one.sender for one in await d.held()} == {"second"}


@pytest.mark.parametrize("mail", ["taken", "refused", "none"])
async def test_nobody_to_ask_is_said_aloud_once(
    mail: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk() as d:
        del d.context.contacts[ANNA]
        d.person(BERT, windows={})
        d.context.mail_error = (
            MailError("no server is set", passing=False) if mail == "refused" else None
        )
        if mail == "none":
            d.context.company.mail = ""
        with caplog.at_level(logging.WARNING):
            assert await d.held() == []
            assert await d.held() == []
        assert caplog.text.count("nobody can be asked about #413: redaktion, vertretung") == 1
        assert caplog.text.count("no mail about #413 either") == (mail == "refused")
        assert "+49" not in caplog.text
        if mail == "taken":
            (letter,) = d.context.mails
            assert letter.to == "redaktion@blog.example"
            assert "gateway message approve 413" in letter.text
            assert "Zeit bis 22:00" in letter.text
            assert "_Abmelden: antworte STOP_" in letter.text
        held = await d.screened()
        assert isinstance(held, Hold)
        assert held.text.startswith("nobody can be asked: redaktion, vertretung have to write to")


async def test_a_closed_topic_reaches_outside_the_window() -> None:
    """By its template, and only who agreed to it; the note itself needs no yes."""
    topics = [
        Topic(name="blog", title="Blog", purpose="x"),
        Topic(name="team", title="T", purpose="x"),
    ]
    context = FakeContext("approval", topics=topics)
    async with desk(context=context, topic="team") as d:
        d.person(ANNA, windows={}, consents=confirmed("team"))
        d.person(BERT, windows={})
        (note,) = await d.held()
        assert (note.kind, note.topic, note.to) == ("marketing", "team", ANNA)
        assert f"#{NUMBER} „Ein Beitrag“" in note.text
        assert await d.held() == []


# --- another version ----------------------------------------------------------------------------
async def test_what_is_not_what_was_shown_is_shown_again() -> None:
    """The settings changed its footer while it waited: the old cards count no more."""
    async with desk(four_eyes_above=10) as d:
        await d.held()
        await d.press(ANNA, "approve")
        d.preview(contents=(TEMPLATE.replace(footer="Ende: STOP"),))
        fresh = await d.held()
        assert len(fresh) == 4
        assert "_Ende: STOP_" in fresh[0].text
        assert "neuere Fassung" in (await d.press(BERT, "approve"))[0].text
        assert said(await d.press(BERT, "approve", 2))[0][0] == BERT
        assert d.context.steered == [], "the yes to the first version does not count"
