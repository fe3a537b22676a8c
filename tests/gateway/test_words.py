"""What people write, and what it means for consent."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.consent import ALWAYS
from gateway.duties import Consent
from gateway.inbound import Act, Inbound
from gateway.message import Identity, Topic
from gateway.near import CENTRAL, one_slip
from gateway.words import Words

EDITOR = Identity("phone", "+4917139200")
SOMEBODY = Identity("phone", "+491713920099")
TOPICS = {
    topic.name: topic
    for topic in (
        Topic(name="blog", title="Neue Beiträge", purpose="Beiträge", words=("artikel",)),
        Topic(name="geschaefte", title="Geschäfte", purpose="Angebote", version="3"),
        Topic(name="intern", title="Probe", purpose="für uns", closed=True),
    )
}
WORDS = Words(Consent(stop_words=("Keine Post",)), TOPICS, own=[EDITOR])


def act(words: str, who: Identity = SOMEBODY, known: Words = WORDS, **fields: Any) -> Act | None:
    """Return what a message means."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    given = {"kind": "text", "words": words} | fields
    return known.act_of(Inbound(provider_id="x", identities=(who,), at=at, **given))


@pytest.mark.parametrize("word", ALWAYS)
@pytest.mark.parametrize("spelling", ["{}", " {}!! ", "*{}*", "„{}“ 🙏", "Bitte {}", "{}, danke"])
def test_words_that_always_stop(word: str, spelling: str) -> None:
    """Case, punctuation, emoji and politeness aside, they withdraw from everything."""
    for written in (word, word.upper(), word.title()):
        found = act(spelling.format(written))
        assert found is not None
        assert (found.kind, found.topics, found.near) == ("stop", (), False)


EXACT = [
    "Widerruf", "Ich widerrufe.", "Widerspruch!",
    "Stop. Danke", "STOP bitte", "Hallo, bitte abmelden!", "Guten Tag, bitte abbestellen. Vielen Dank",
    "please unsubscribe", "please remove me", "aufhören!",
    "Thank you, stop", "stop all please", "STOP alles", "Alles abbestellen",
    "everything stop", "keine post", "Abo kündigen", "ＳＴＯＰ", "s\u200btop",
    "baja", "Darme de baja", "cancelar suscripción", "alto",
    "arrêt", "ARRÊTER", "me désabonner", "arret",
    "basta", "disiscrivimi", "Cancellami",
    "afmelden", "uitschrijven", "Meld me af", "stoppen",
    "wypisz mnie", "rezygnuję", "KONIEC",
    "durdur", "İPTAL", "abonelikten çık",
    "стоп", "СТОП!", "Отписаться", "отпишите меня",
    "відписатися", "досить", "Припинити",
    "توقف", "إلغاء الاشتراك", "الغاء", "ستوب",
]  # fmt: skip

NEAR = [
    "ich widerrufe meine Einwilligung", "Einwilligung widerrufen", "Hiermit widerrufe ich die Einwilligung.",
    "Ich ziehe meine Zustimmung zurück", "I withdraw my consent", "Ich widerspreche der Werbung",
    "Ich widerspreche der Nutzung meiner Daten", "Bitte aus dem Verteiler nehmen",
    "Nehmen Sie mich aus dem Verteiler", "Streicht mich von eurer Liste", "Stop promotions",
    "Angebote stoppen",
    "STOP 12345", "stoppp", "STOOOOP", "Stopp jetzt", "jetzt aber stopp", "stop sofort", "stpo",
    "sotp", "stp", "stoop", "sto", "stopppp!!!", "abmeldn", "Abmelden 4711", "unsubcribe", "abmeldne",
    "Bitte keine Nachrichten mehr", "keine Werbung mehr bitte", "nicht mehr schreiben", "Keine Werbung",
    "keine nachrichten bitte", "hört auf", "Hören Sie auf!", "bitte hört endlich auf", "hör auf damit",
    "lasst mich in ruhe", "Lassen Sie mich endlich in Ruhe!", "Ich möchte mich abmelden",
    "ich will mich abmelden", "Können Sie mich bitte abmelden?", "Wie kann ich mich abmelden?",
    "Wo kann ich das abbestellen?", "Melden Sie mich bitte ab", "meldet mich sofort ab",
    "Bitte tragt mich aus", "nehmt mich da bitte raus", "löscht mich aus dem Verteiler",
    "Ich möchte den Newsletter abbestellen", "Ich kündige das Abo", "Newsletter bitte stoppen",
    "Schreibt mir bitte nicht mehr", "Bitte schreiben Sie mir nichts mehr", "kein Interesse",
    "Ich möchte keine Nachrichten mehr bekommen", "Ich will nichts mehr von euch hören",
    "Ich habe genug. Stop.", "Danke für alles. Stop.", "STOP!\nViele Grüße Peter", "STOP Gewinnspiel",
    "Nicht mehr interessiert", "Es reicht jetzt!", "schickt mir keine Angebote",
     "remove me from this list", "take me off your list please", "no more messages",
    "No more spam please", "stop sending me messages", "Stop texting me", "please stop the messages",
    "don't text me again", "Do not contact me", "leave me alone", "not interested",
    "I want to unsubscribe", "I don't want these messages anymore", "I no longer want any messages",
    "stop it", "Stop it now please", "how do I unsubscribe?", "cancel my subscription",
    "Ich bekomme zu viel, ich möchte mich abmelden", "Stoppt das bitte",
]  # fmt: skip

CONVERSATION = [
    "", "🙏", "Hallo", "danke", "Stop it, that was funny", "nonstop", "Wann ist das Ende der Aktion?",
    "bitte nicht stoppen", "don't stop", "Don't stop me now", "Wann endet der Stopp?",
    "Ich will NICHT abmelden", "der Bus stoppt hier", "shop", "step", "top", "Top!", "post", "spot",
    "stopp uhr", "Stoppuhr", "stepp", "stroh", "start up", "bestellen", "ummelden", "Stop and go",
    "Ich möchte meine Bestellung widerrufen", "Was steht auf der Liste?",
    "Ich bekomme keine Nachrichten mehr", "Warum bekomme ich keine Nachrichten mehr?",
    "Wir bekommen keine Nachrichten mehr, bitte prüfen", "Es kommen keine Nachrichten an",
    "Ich habe keine Nachrichten erhalten", "I got no messages", "I am not getting any messages",
    "Why did the messages stop?", "When does it end?", "Bitte nicht aufhören!",
    "Das hört sich gut an, ich freue mich auf mehr", "Es hört nicht auf zu regnen",
    "Ich lese das in Ruhe", "Das Ende der Geschichte", "Ende gut, alles gut", "end of story",
    "Wenn das so weitergeht, muss ich mich abmelden", "Was passiert, wenn ich STOP schreibe?",
    "Soll ich STOP schreiben?", "Was bedeutet STOP?", "Kündigen Sie Preise an?", "Wie geht es weiter?",
    "Ich habe keine Fragen mehr", "Das ist nicht mehr aktuell", "Gibt es heute keine Post?",
    "no problem", "nicht schlecht", "stop " * 100, "keine Nachrichten mehr " * 5,
    "Ich war gestern bei der Demo und da war dann irgendwann Stop und alle gingen heim",
    "yes:12", "Ich kann nicht anders", "Nie ohne euch", "Abmeldebestätigung",
]  # fmt: skip


@pytest.mark.parametrize("words", EXACT)
def test_exact(words: str) -> None:
    """The whole message is a stop, in many languages: everything, and no near miss."""
    found = act(words)
    assert found is not None
    assert (found.kind, found.topics, found.near) == ("stop", (), False)


@pytest.mark.parametrize("words", NEAR)
def test_near_misses(words: str) -> None:
    """What most likely means stop is one, of everything."""
    assert act(words) == Act(kind="stop", near=True)


@pytest.mark.parametrize("words", CONVERSATION)
def test_conversation(words: str) -> None:
    """What talks about stopping, or of something else, withdraws nothing."""
    assert act(words) is None


def test_one_topic() -> None:
    """A topic's name, title or word beside the stop word, in either order, is that topic alone."""
    for words in ("STOP blog", "Blog abbestellen", "stop Neue Beiträge", "neue beitraege stop",
                  "Stop: Artikel", "bitte ARTIKEL abbestellen"):  # fmt: skip
        assert act(words) == Act(kind="stop", topics=("blog",))
    assert act("stop blog geschäfte") == Act(kind="stop", topics=("blog", "geschaefte"))
    assert act("stop geschafte") == Act(kind="stop", topics=("geschaefte",))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("START blog", Act(kind="start", topics=("blog",))),
        ("start", Act(kind="start")),
        ("Start bitte!", Act(kind="start")),
        ("anmelden", Act(kind="start", language="de")),
        ("Subscribe, please", Act(kind="start", language="en")),
        ("START blog K7F3", Act(kind="start", topics=("blog",), code="K7F3")),
        ("start k7f3 Blog", Act(kind="start", topics=("blog",), code="K7F3")),
        ("start k7f3", Act(kind="start", code="K7F3")),
        ("START Neue Beiträge 23456789", Act(kind="start", topics=("blog",), code="23456789")),
        ("start neue beitraege", Act(kind="start", topics=("blog",))),
        ("start GESCHAFTE", Act(kind="start", topics=("geschaefte",))),
        ("start alles", Act(kind="start", topics=("blog", "geschaefte"))),
        ("start blog artikel geschäfte", Act(kind="start", topics=("blog", "geschaefte"))),
        ("start intern", None),
        ("start intern K7F3", Act(kind="start", code="K7F3")),
        ("start K0F3", None),
        ("start K7", None),
        ("start K7F3 K7F4", None),
        ("start ende", None),
        ("Start der Aktion ist morgen", None),
        ("wann ist start", None),
        ("restart", None),
        ("K7F3", None),
        ("ja", Act(kind="yes", language="de")),
        ("Ja, bitte!", Act(kind="yes", language="de")),
        ("Yes please 👍", Act(kind="yes", language="en")),
        ("OK", Act(kind="yes")),
        ("👍", None),
        ("ja aber", None),
        ("nein danke", Act(kind="no", language="de")),
        ("No thank you", Act(kind="no", language="en")),
        ("Nein, lieber nicht", Act(kind="no", language="de")),
    ],
)
def test_start_yes_and_no(words: str, expected: Act | None) -> None:
    """START with a topic, a code, both or neither; answers in words."""
    assert act(words) == expected


def test_the_only_topic_needs_no_name() -> None:
    """START where one topic is open means that one; a code says itself what it is for."""
    one = Words(Consent(), {name: TOPICS[name] for name in ("blog", "intern")}, own=[EDITOR])
    assert act("start", known=one) == Act(kind="start", topics=("blog",))
    assert act("start k7f3", known=one) == Act(kind="start", code="K7F3")
    assert act("start", EDITOR, one) == Act(kind="start")


def test_closed_topics_are_for_the_companys_own_people() -> None:
    """They may ask for them by every way, others by none."""
    assert act("start intern", EDITOR) == Act(kind="start", topics=("intern",))
    assert act("start:intern", EDITOR, button=True) == Act(kind="start", topics=("intern",))
    assert act("start:intern", button=True) is None
    assert WORDS.terms.offered([SOMEBODY]) == ("blog", "geschaefte")


@pytest.mark.parametrize(
    ("payload", "caption", "expected"),
    [
        ("STOP", "", Act(kind="stop")),
        ("x", "Abmelden", Act(kind="stop")),
        ("yes:1", "Stop", Act(kind="stop")),
        ("stop:blog", "Blog", Act(kind="stop", topics=("blog",))),
        ("stop:gone", "", Act(kind="stop", topics=("gone",))),
        ("stop:*", "", Act(kind="stop")),
        ("start:blog", "", Act(kind="start", topics=("blog",))),
        ("start:gone", "", None),
        ("START", "", Act(kind="start")),
        ("yes:12+13", "Ja", Act(kind="yes", requests=(12, 13))),
        ("no:12", "Nein", Act(kind="no", requests=(12,))),
        ("yes:x", "", None),
        ("yes:12+", "", None),
        ("yes:" + "9" * 30, "", None),
        ("Ja", "Ja", Act(kind="yes", language="de")),
        ("keine Werbung mehr", "", None),
        # Meta's own button to opt out of marketing, with and without a payload of its own.
        ("Stop promotions", "Stop promotions", Act(kind="stop", near=True)),
        ("x", "Stop promotions", Act(kind="stop", near=True)),
        ("x", "Keine Angebote mehr", Act(kind="stop", near=True)),
        ("start:blog", "Stop the press", Act(kind="start", topics=("blog",))),
        ("x", "Mehr erfahren", None),
        ("x", "Stop: Blog", Act(kind="stop", topics=("blog",))),
        ("x", "Désabonner", Act(kind="stop", language="fr")),
    ],
)
def test_buttons(payload: str, caption: str, expected: Act | None) -> None:
    """Only buttons carry payloads; a caption that says stop means it, whatever the payload."""
    assert act(payload, caption=caption, button=True) == expected


def test_the_providers_own_switch() -> None:
    """Stop and resume of WhatsApp's own switch; nobody can write resume."""
    assert act("stop", kind="user_preferences") == Act(kind="stop")
    assert act("resume", kind="user_preferences") == Act(kind="resume")
    assert act("start", kind="user_preferences") is None
    assert act("resume") is None


def test_words_of_the_settings() -> None:
    """They count beside the others."""
    known = Words(
        Consent(stop_words=("Finito",), start_words=("Dabei",), yes_words=("Jupp",), no_words=("Nö du",)),
        TOPICS,
    )  # fmt: skip
    kinds = [found.kind for word in ("finito", "dabei blog", "jupp!", "nö, du")
             if (found := act(word, known=known))]  # fmt: skip
    assert kinds == ["stop", "start", "yes", "no"]
    assert "finito" in known.stop.words


def test_what_was_agreed() -> None:
    """The terms hold every topic's words and version, and whether people are asked back."""
    wording = WORDS.terms.wordings["geschaefte"]
    assert (wording.purpose, wording.version, wording.language) == ("Angebote", "3", "de")
    assert WORDS.terms.double_opt_in
    assert not Words(Consent(double_opt_in=False)).terms.double_opt_in


@pytest.mark.parametrize(
    ("word", "slip"),
    [("stop", True), ("stpo", True), ("stopp", True), ("sop", True), ("atop", True), ("s", False),
     ("post", False), ("pots", False), ("", False), ("stoppt", False), ("tsop", True)],
)  # fmt: skip
def test_one_slip(word: str, slip: bool) -> None:
    """One letter missing, too many, wrong, or exchanged with its neighbour."""
    assert one_slip(word, CENTRAL[0]) is slip


@pytest.mark.parametrize(
    "unit", ["stop ", "a ", "start blog ", "keine ", "nicht mehr ", "\u0301", ".", "o"]
)
def test_long_texts_cost_little(unit: str) -> None:
    """No text takes long to look at; one over 4,096 characters is not looked at."""
    began = time.process_time()
    for _ in range(5):
        assert act((unit * 4096)[:4096]) is None
        assert act(unit * 100_000) is None
    assert time.process_time() - began < 1.0
