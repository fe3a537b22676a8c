"""A post that calls itself advertising, and sentences that only hold the word."""

from __future__ import annotations

import pytest

from gateway.api import Hold, Message
from gateway.testing import judged, make, message
from gateway_plugins.middleware.filter import Filter
from gateway_plugins.middleware.filter.score import score
from gateway_plugins.middleware.filter.settings import FilterConfig

THRESHOLD = FilterConfig().threshold


@pytest.mark.parametrize(
    ("title", "text", "seen"),
    [
        ("Anzeige: Das neue Bett", "", "Anzeige:"),
        ("[Anzeige] Das neue Bett", "", "[Anzeige]"),
        ("(Anzeige) Das neue Bett", "", "(Anzeige)"),
        ("WERBUNG | Das neue Bett", "", "WERBUNG |"),
        ("– Anzeige – Das neue Bett", "", "– Anzeige –"),
        ("📣 Anzeige: Das neue Bett", "", "Anzeige:"),
        ("Das neue Bett", "Werbung: Wir liegen Probe.", "Werbung:"),
        ("Das neue Bett", "– Anzeige –\nWir liegen Probe.", "– Anzeige –"),
        ("Das neue Bett", "Wir liegen Probe.\n\nAnzeige\n\nEs ist weich.", "Anzeige"),
        ("Das neue Bett", "Wir liegen Probe.\n*Advertorial*", "Advertorial"),
        ("", "Gesponsert\nWir liegen Probe.", "Gesponsert"),
        ("", "Bezahlte Partnerschaft mit Muster Betten\nProbe.", "Bezahlte Partnerschaft mit Muster Betten"),
        ("Promotion: Das neue Bett", "", "Promotion:"),
        ("Das neue Bett", "Wir liegen Probe. #Werbung", "#Werbung"),
        ("Das neue Bett (#anzeige)", "", "#anzeige"),
        ("Sponsor: The New Bed", "", "Sponsor:"),
        ("Sponsored: The New Bed", "", "Sponsored:"),
        ("[Sponsored Post] The New Bed", "", "[Sponsored Post]"),
        ("The New Bed", "Sponsored post\nWe tried it.", "Sponsored post"),
        ("The New Bed", "Paid partnership | We tried it.", "Paid partnership |"),
        ("The New Bed", "Paid partnership with Example Beds\nHi.", "Paid partnership with Example Beds"),
        ("The New Bed", "#ad We tried it.", "#ad"),
        ("Sponsor: why the police said so", "According to a study.", "Sponsor:"),  # no excuse
        ("A\u200bnzeige: Das neue Bett", "", "Anzeige:"),
    ],
)  # fmt: skip
def test_a_label_is_enough(title: str, text: str, seen: str) -> None:
    """What calls itself advertising is advertising, unless readers asked for that."""
    found = score(title, text)
    assert found.points >= THRESHOLD
    assert f'labelled as advertising: "{seen}" (labelled +5)' in found.sentence(THRESHOLD)
    assert score(title, text, may_sell=True).points < THRESHOLD


@pytest.mark.parametrize(
    ("title", "text"),
    [
        ("Anzeige erstattet", "Die Polizei sucht Zeugen."),
        ("Anzeige gegen Unbekannt", "Wer hat etwas gesehen?"),
        ("Anzeige wegen Ruhestörung", "- Anzeige erstattet\n- Platzverweis"),
        ("Werbung für das Ehrenamt", "Werbung am Haus muss genehmigt werden."),
        ("Was darf Werbung?", "Der Rat spricht über die Anzeige: Sie bleibt."),
        ("Sponsor gesucht", "Sponsor:innen melden sich im Vereinsheim."),
        ("Sponsor:innen gesucht", "Sponsor*innen auch."),
        ("Sommerfest", "Um 15 Uhr geht es los.\nSponsor: Sparkasse\nGesponsert von der Bäckerei"),
        ("Promotion", "Die Promotion an der Fachhochschule ist möglich."),
        ("Gesponserte Trikots", "Bezahlte Partnerschaften sind selten."),
        ("Sponsors of the club run 2026", "Sponsored cyclists ride for the hospice."),
        ("Sponsor a tree", "Sponsor\nPromotion"),
        ("Promotion to the second division", "Paid partnerships need a label."),
        ("Advertorials explained", "What #ads and #ad-free mean, see https://a.example/#ad"),
    ],
)
def test_a_word_in_a_sentence_is_no_label(title: str, text: str) -> None:
    assert "labelled" not in {one.name for one in score(title, text).signals}


async def test_a_label_that_is_required_is_no_reason_to_hold() -> None:
    """Who has to write "Anzeige" is not held for it, but for any other label."""
    plugin, other = make(Filter, required_words=["Anzeige"]), make(Filter)
    post = message(title="Anzeige: Das neue Bett")
    assert isinstance(await judged(plugin, post), Message)
    assert isinstance(await judged(other, post), Hold)
    held = await judged(plugin, message(title="Sponsor: Das Bett", text="Ohne Anzeige."))
    assert isinstance(held, Hold)
    assert held.code == "advertising"
