"""Personal data: found by its check digits, allowed if it is the company's, never quoted."""

from __future__ import annotations

import time
from typing import Any

import pytest

from gateway.api import ConfigError, Hold, Message
from gateway.testing import judged, make, message
from gateway_plugins.middleware.filter import Filter
from gateway_plugins.middleware.filter.checksums import card, iban, id_card, insurance, tax_id
from gateway_plugins.middleware.filter.private import KINDS, Own, find

# Numbers that standards and offices print as examples.
IBAN = "DE89 3704 0044 0532 0130 00"
CARD = "4111 1111 1111 1111"
TAX = "86 095 742 719"
INSURANCE = "15 070649 C 103"
PHONE = "+49 171 3920033"


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        ("bank", f"Spenden an {IBAN}, danke", "account"),
        ("bank", "IBAN:DE89370400440532013000.", "account"),
        ("bank", "de89-3704-0044-0532-0130-00", "account"),
        ("bank", f"{IBAN} BIC COBADEFFXXX", "account"),
        ("bank", "GB82 WEST 1234 5698 7654 32", "account"),
        ("bank", "AT61 1904 3002 3457 3201", "account"),
        ("bank", "CH93 0076 2011 6238 5295 7", "account"),
        ("bank", "NO93 8601 1117 947", "account"),
        ("bank", "MT84 MALT 0110 0001 2345 MTLC AST0 01S", "account"),
        ("bank", "DE88 3704 0044 0532 0130 00", ""),  # check digits wrong
        ("bank", "DE89 3704 0044 0532 0130 0", ""),  # too short
        ("bank", "XX89 3704 0044 0532 0130 00", ""),
        ("bank", "Artikel DE893704 im Lager", ""),
        ("card", CARD, "payment card"),
        ("card", "4111-1111-1111-1111", "payment card"),
        ("card", "5555555555554444", "payment card"),
        ("card", "2223 0031 2200 3222", "payment card"),
        ("card", "3782 822463 10005", "payment card"),
        ("card", "3056 930902 5904", "payment card"),
        ("card", "6011 1111 1111 1117", "payment card"),
        ("card", "4111 1111 1111 1112", ""),  # Luhn
        ("card", "9111 1111 1111 1111", ""),  # nobody issues these
        ("card", "0" * 16, ""),
        ("card", "41111111111111110000", ""),
        ("official", f"IdNr. {TAX}", "tax number"),
        ("official", "47036892816", "tax number"),
        ("official", "86 095 742 718", ""),
        ("official", "12345678901", ""),  # no digit twice
        ("official", "11122233344", ""),
        ("official", INSURANCE, "social insurance"),
        ("official", "15070649C103", "social insurance"),
        ("official", "15 070649 C 104", ""),
        ("official", "15 071349 C 103", ""),  # no month
        ("official", "Ausweis T220001293 gefunden", "identity card"),
        ("official", "Bestellung T220001293 ist da", ""),
        ("official", "Ausweis T220001294", ""),
        ("mail", "Schreib an m.muster@web.example!", "mail"),
        ("mail", "m.muster (at) web.example", "mail"),
        ("mail", "Folgt uns: @verein", ""),
        ("mail", "Preis 3@5", ""),
        ("phone", f"Anruf: {PHONE}", "phone"),
        ("phone", "0171/3920033", "phone"),
        ("phone", "Zimmer 0171, Regal 39", ""),
        ("phone", "0800 1234567", ""),  # nobody's
        ("phone", "am 12.03.2026 um 19.30", ""),
        ("phone", "Rechnung 2026-004711", ""),
    ],
)
async def test_what_is_found(kind: str, text: str, what: str) -> None:
    """And what only looks like it."""
    answer = await judged(make(Filter, personal_data=[kind]), message(text=text))
    assert isinstance(answer, Hold) is bool(what)
    if isinstance(answer, Hold):
        assert answer.code == "personal_data"
        assert what in answer.text
    others = [other for other in KINDS if other != kind]
    if what and kind != "phone":
        left = find(text, [one for one in others if one != "phone"], Own(()))
        assert left == []


async def test_it_is_never_quoted() -> None:
    """Two characters, by which whoever sees the post finds the place."""
    text = f"{IBAN} {CARD} {TAX} {INSURANCE} anna@web.example {PHONE}"
    answer = await judged(make(Filter, personal_data=list(KINDS)), message(text=text))
    assert isinstance(answer, Hold)
    assert answer.text == (
        "the text holds an account number (ends in 00), the number of a payment card (ends in"
        " 11), a tax number (ends in 19) and 3 more; take it out, or release it"
    )
    assert "anna" not in answer.text


@pytest.mark.parametrize(
    ("own", "text", "held"),
    [
        (["DE89370400440532013000"], f"Spenden: {IBAN}", False),
        ([IBAN], "Spenden: DE89 3704 0044 0532 0130 00", False),
        ([IBAN], "AT61 1904 3002 3457 3201", True),
        (["info@web.example"], "INFO@web.example", False),
        (["info@web.example"], "anna@web.example", True),
        (["@web.example"], "anna@Web.example", False),
        (["@web.example"], "anna@sub.web.example", True),
        (["+49 171 3920033"], "0171 3920033", False),
        (["0171 3920033"], PHONE, False),
        (["0171 3920033"], "+49 171 3920034", True),
    ],
)
async def test_what_is_the_company_s_own(own: list[str], text: str, held: bool) -> None:
    """However it is written in the settings and in the post."""
    plugin = make(Filter, personal_data=list(KINDS), own_details=own)
    assert isinstance(await judged(plugin, message(text=text)), Hold) is held


async def test_to_one_person_it_may_be_said() -> None:
    """An answer may name the person's own account; by default mail and phone may stand in a post."""
    text = f"Wir überweisen auf {IBAN}"
    assert isinstance(await judged(make(Filter), message(text=text)), Hold)
    assert isinstance(await judged(make(Filter), message(text=text, to=7)), Message)
    assert isinstance(await judged(make(Filter, personal_data=[]), message(text=text)), Message)
    mail = message(text=f"anna@web.example, {PHONE}")
    assert isinstance(await judged(make(Filter), mail), Message)
    released = message(text=text, approved=("personal_data",))
    assert isinstance(await judged(make(Filter), released), Message)


async def test_each_kind_of_hold_is_released_by_itself() -> None:
    """Who released a word did not see the account number."""
    plugin = make(Filter, held_words=["Konto"])
    both = message(text=f"Konto {IBAN}")
    first = await judged(plugin, both)
    assert isinstance(first, Hold)
    assert first.code == "held_word"
    second = await judged(plugin, both.replace(approved=("held_word",)))
    assert isinstance(second, Hold)
    assert second.code == "personal_data"
    every = both.replace(approved=("held_word", "personal_data"))
    assert isinstance(await judged(plugin, every), Message)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"personal_data": ["iban"]}, "'iban' is no kind of it; known: bank, card"),
        ({"own_details": ["DE88370400440532013000"]}, "is no mail address"),
        ({"own_details": ["12"]}, "is no mail address"),
        ({"own_details": [""]}, "is no mail address"),
    ],
)
def test_mistakes(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make(Filter, **settings)


@pytest.mark.parametrize("digit", range(10))
def test_one_wrong_digit_is_seen(digit: int) -> None:
    """Every check digit notices every single wrong digit."""
    for check, number in (
        (iban, "DE89370400440532013000"),
        (card, "4111111111111111"),
        (tax_id, "86095742719"),
        (insurance, "15070649C103"),
        (id_card, "T220001293"),
    ):
        assert check(number)
        for place, right in enumerate(number[2:], start=2):
            wrong = f"{number[:place]}{digit}{number[place + 1 :]}"
            if right.isdecimal() and wrong != number:
                assert not check(wrong), wrong


@pytest.mark.parametrize("unit", ["1", "1 ", "DE12", "a@", "a.", "a@b.", "+49 171 ", "0171/", "A1"])
def test_the_longest_text_takes_no_time(unit: str) -> None:
    text = (unit * 8000)[:8000]
    find("0171 3920033", KINDS, Own(()))
    begun = time.process_time()
    find(text, KINDS, Own(()))
    assert time.process_time() - begun < 0.2  # 1 to 15 ms on an idle machine
