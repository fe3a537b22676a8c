"""Texts that fit a terminal: how many columns they take, and what of them fits."""

from __future__ import annotations

import unicodedata


def width(text: str) -> int:
    """Columns that a text takes on a terminal."""
    return sum(
        0
        if unicodedata.combining(c) or unicodedata.category(c) in ("Cf", "Mn", "Me")
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def fitting(text: str, columns: int) -> str:
    """Return the first characters, as many as fit, at least one."""
    used = 0
    for index, character in enumerate(text):
        used += width(character)
        if used > columns:
            return text[: max(1, index)]
    return text


def cut(text: str, columns: int) -> str:
    """Return a text that fits, with `…` at its end if it is not whole."""
    return text if width(text) <= columns else fitting(text, columns - 1).rstrip() + "…"
