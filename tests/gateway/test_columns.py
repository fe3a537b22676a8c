"""Columns of a terminal: what a text takes, and what of it fits."""

from __future__ import annotations

import pytest

from gateway.columns import cut, fitting, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("Wärme", 5),
        ("日本", 4),
        ("e\u0301", 1),
        ("👩\u200d👧", 4),
        ("a\u00adb", 2),
        ("Ｗ", 2),
    ],
)
def test_width(text: str, columns: int) -> None:
    assert width(text) == columns


@pytest.mark.parametrize(
    ("text", "columns", "fits", "short"),
    [
        ("kurz", 4, "kurz", "kurz"),
        ("ganz lang", 6, "ganz l", "ganz…"),
        ("日本語", 5, "日本", "日本…"),
        ("日本語", 1, "日", "日…"),
        ("e\u0301e\u0301", 1, "e\u0301", "e…"),
        ("", 0, "", ""),
    ],
)
def test_what_fits(text: str, columns: int, fits: str, short: str) -> None:
    """At least one character, and a mark stays with its letter as long as it fits."""
    assert fitting(text, columns) == fits
    assert cut(text, columns) == short
