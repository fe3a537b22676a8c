"""Signed tokens: for one purpose, for one subject, until their end; nothing else is read."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.links import SignedLinks
from gateway.testing import NOW

LINKS = SignedLinks(b"k" * 32)


@given(st.integers(min_value=0, max_value=2**63 - 1), st.text(max_size=40))
def test_what_was_signed_is_read(subject: int, extra: str) -> None:
    token = LINKS.token("withdraw", subject, extra=extra)
    assert LINKS.read("withdraw", token, NOW) == (subject, extra)
    assert token.replace("-", "").replace("_", "").isalnum()


def test_it_does_one_thing_only() -> None:
    """A link to withdraw is none to answer with, and another gateway's is none at all."""
    token = LINKS.token("withdraw", 1)
    assert LINKS.read("answer", token, NOW) is None
    assert SignedLinks(b"x" * 32).read("withdraw", token, NOW) is None


def test_it_ends() -> None:
    token = LINKS.token("answer", 1, until=NOW + timedelta(hours=1))
    assert LINKS.read("answer", token, NOW) == (1, "")
    assert LINKS.read("answer", token, NOW + timedelta(minutes=59, seconds=59)) == (1, "")
    assert LINKS.read("answer", token, NOW + timedelta(hours=1)) is None


def test_every_other_character_is_a_forgery() -> None:
    token = LINKS.token("withdraw", 4711)
    for index in range(len(token) - 1):  # the last one carries bits that base64 leaves unused
        other = "A" if token[index] != "A" else "B"
        assert LINKS.read("withdraw", token[:index] + other + token[index + 1 :], NOW) is None


@pytest.mark.parametrize(
    "token", ["", "A", "é", "\0", "=" * 20, "A" * 22, "../../etc/passwd", "%00", "A" * 100_000]
)
def test_nonsense_is_nobody(token: str) -> None:
    assert LINKS.read("withdraw", token, NOW) is None


@given(st.text(max_size=200))
def test_anything_is_read_without_a_crash(token: str) -> None:
    assert LINKS.read("withdraw", token, NOW) is None
