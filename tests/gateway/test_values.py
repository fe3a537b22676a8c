"""Durations, phone numbers and words are read as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.values import Duration, PhoneNumberError, Size, phone, said, says


@pytest.mark.parametrize(
    ("written", "seconds", "shown"),
    [
        (0, 0, "0s"),
        (90, 90, "1min 30s"),
        (2.5, 2.5, "2s 500ms"),
        ("90s", 90, "1min 30s"),
        (" 15min ", 900, "15min"),
        ("15 m", 900, "15min"),
        ("2h", 7200, "2h"),
        ("1h 30min", 5400, "1h 30min"),
        ("1h30min", 5400, "1h 30min"),
        ("1.5H", 5400, "1h 30min"),
        ("7d", 604_800, "7d"),
        ("1w", 604_800, "7d"),
        ("250ms", 0.25, "250ms"),
        ("59.9999s", 59.9999, "1min"),
    ],
)
def test_a_duration_is_read_and_shown(written: object, seconds: float, shown: str) -> None:
    """Numbers are seconds, text has units; what is shown can be read again."""
    duration = Duration.parse(written)
    assert duration == pytest.approx(seconds)
    assert str(duration) == shown
    assert Duration.parse(str(duration)) == pytest.approx(seconds, abs=0.0005)


@pytest.mark.parametrize(
    "written",
    ["", "soon", "5", "-5s", "5 parsecs", "1h30", "1,5h", True, None, [], -1, float("nan"),
     float("inf"), 10**9, "99999999999d"],
)  # fmt: skip
def test_what_is_no_duration_is_refused_with_a_sentence(written: object) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match=r"duration"):
        Duration.parse(written)


@given(st.floats(0, 10**8))
def test_every_duration_can_be_read_again(seconds: float) -> None:
    """`gateway config` prints what can stand in the settings."""
    assert Duration.parse(str(Duration(seconds))) == pytest.approx(seconds, abs=0.00051)


@pytest.mark.parametrize(
    "typed",
    [
        "0171 3920001",
        "01713920001",
        "0049 171 3920001",
        "+49 171 3920001",
        "+49 (0)171 3920001",
        "(0171) 39200-01",
        "0171/3920001",
        "171 3920001",
        "\N{FULLWIDTH PLUS SIGN}49 171 3920001",
        " +49\N{NO-BREAK SPACE}171\N{NO-BREAK SPACE}3920001 ",
        "tel:+49-171-3920001",
    ],
)
def test_every_spelling_is_one_number(typed: str) -> None:
    """However a form, a CRM or a person writes it, it is one E.164 number."""
    assert phone(typed) == "+491713920001"


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("0664 1234567", "AT", "+436641234567"),
        ("079 123 45 67", "CH", "+41791234567"),
        ("+43 664 1234567", "DE", "+436641234567"),
    ],
)
def test_the_region_is_for_national_spelling(typed: str, region: str, number: str) -> None:
    """A number without a country belongs to the region; one with a country to that."""
    assert phone(typed, region) == number


@pytest.mark.parametrize(
    "typed",
    ["", "anna", "0171 39ABCDE", "0171-FLOWERS", "Anna +49 171 3920001", "+49 171 3920001x", "0171",
     "+49 171 3920001 / +49 171 3920002", "+49 171 39200011111111", "12345", "0" * 300, "+999 1713920001"],
)  # fmt: skip
def test_what_is_no_number_is_refused_without_repeating_it(typed: str) -> None:
    """The error says what to write and never what was written."""
    with pytest.raises(PhoneNumberError) as caught:
        phone(typed)
    assert "+49 171 …" in str(caught.value)
    assert not typed or typed not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("STOP", "stop"),
        (" Stop! 🙏🏽 ", "stop"),
        ("„Stop.“", "stop"),
        ("ＳＴＯＰ", "stop"),
        ("st\N{ZERO WIDTH SPACE}op", "stop"),
        ("st\N{SOFT HYPHEN}op", "stop"),
        ("s\u0336t\u0336o\u0336p\u0336", "stop"),
        ("STOP\N{VARIATION SELECTOR-16}", "stop"),
        ("Ku\N{COMBINING DIAERESIS}ndigen", "kündigen"),
        ("opt-out", "opt out"),
        ("Stop\n\n bitte", "stop bitte"),
        ("Straße", "strasse"),
        ("🙏", ""),
        ("", ""),
    ],
)
def test_said_is_what_was_said(written: str, heard: str) -> None:
    """Case, marks, punctuation, emoji and outer space do not matter."""
    assert said(written) == heard
    assert said(heard) == heard


@pytest.mark.parametrize(
    ("text", "words", "whole", "found"),
    [
        ("Antworte STOP!", ["stop"], False, True),
        ("Antworte STOP!", ["stop"], True, False),
        ("stop.", ["ende", "stop"], True, True),
        ("Nonstop nach Wien", ["stop"], False, False),
        ("bitte OPT-OUT", ["opt out"], False, True),
        ("irgendwas", ["", "!"], False, False),
        ("", [], True, False),
    ],
)
def test_says_finds_whole_words(text: str, words: list[str], whole: bool, found: bool) -> None:
    """A word counts as a whole, not inside another."""
    assert says(text, words, whole=whole) is found


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("64MB", 64 << 20),
        ("0.5 GB", 512 << 20),
        ("12kb", 12 << 10),
        ("7B", 7),
        (4096, 4096),
        (0, 0),
    ],
)
def test_sizes(written: object, size: int) -> None:
    """And what is shown is read again as the same."""
    assert Size.parse(written) == size
    assert Size.parse(str(Size.parse(written))) == size


@pytest.mark.parametrize("written", ["", "64", "MB", "-1MB", "64MB!", -1, 1.5, True, None, 1 << 60])
def test_what_is_no_size(written: object) -> None:
    with pytest.raises(ValueError, match="size"):
        Size.parse(written)
