"""Links that open WhatsApp with START typed in, and the codes in them."""

from __future__ import annotations

import pytest

from gateway.errors import ConfigError
from gateway.linking import (
    ALPHABET,
    code_for,
    new_code,
    share_button,
    start_link,
    start_text,
)


@pytest.mark.parametrize(
    ("topics", "code", "text"),
    [
        (("blog",), "K7F3Q", "START blog K7F3Q"),
        (("blog", "termine"), "K7F3Q", "START K7F3Q"),
        (("blog",), "", "START blog"),
        ((), "", "START"),
    ],
)
def test_what_is_sent(topics: tuple[str, ...], code: str, text: str) -> None:
    assert start_text(topics, code) == text


@pytest.mark.parametrize(
    ("number", "text", "link"),
    [
        ("+49 30 1234567", "START blog", "https://wa.me/49301234567?text=START%20blog"),
        ("49301234567", "START blog K7F3Q", "https://wa.me/49301234567?text=START%20blog%20K7F3Q"),
        (
            "+49 (30) 1",
            "Öffnung & Rat/?",
            "https://wa.me/49301?text=%C3%96ffnung%20%26%20Rat%2F%3F",
        ),
    ],
)
def test_the_link_has_the_number_in_digits(number: str, text: str, link: str) -> None:
    assert start_link(number, text) == link


def test_without_a_number_it_says_what_to_write() -> None:
    with pytest.raises(ConfigError, match="number"):
        start_link("", "START blog")


def test_a_code_is_short_and_read_without_mistakes() -> None:
    codes = {new_code() for _ in range(1000)}
    assert all(len(code) == 5 and set(code) <= set(ALPHABET) for code in codes)
    assert len(codes) > 990
    assert not any(code.isalpha() or code.isdigit() for code in codes), "no word, no number"
    assert not set("01OI") & set(ALPHABET)


def test_a_name_has_one_code_and_no_other() -> None:
    """The same for the same key, topic and name; different for any other."""
    codes = [
        code_for(key, topic, name)
        for key in (b"1" * 32, b"2" * 32)
        for topic in ("blog", "jobs")
        for name in (f"name {n}" for n in range(250))
    ]
    assert len(set(codes)) == 1000
    assert code_for(b"1" * 32, "blog", "name 0") == codes[0]
    assert all(len(code) == 6 and set(code) <= set(ALPHABET) for code in codes)
    assert not any(code.isalpha() or code.isdigit() for code in codes)


def test_the_button_is_inert() -> None:
    """Whatever the texts say, it stays a link."""
    shown = share_button('https://wa.me/1?text="><script>', "<b>Los</b>")
    assert "<script>" not in shown
    assert "<b>" not in shown
