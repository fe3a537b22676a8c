"""How things are said: numbers, times, spans, lines that fit, text that is safe to print."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.columns import cut, fitting, width
from gateway.logs import mask_phone

NARROW, WIDE = 60, 100
LABEL = 9
"""Columns of the word at the beginning of a line."""

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def columns() -> int:
    """Return how wide a page may be."""
    if not sys.stdout.isatty():
        return WIDE
    return max(NARROW, min(WIDE, shutil.get_terminal_size((80, 24)).columns))


# --- single words -------------------------------------------------------------------------------
def number(n: float) -> str:
    """`5250` → `5,250`; fractions with one digit."""
    return f"{n:,}" if isinstance(n, int) else f"{n:,.1f}"


def several(n: int, one: str, many: str = "") -> str:
    """`1 reply`, `1,204 replies`."""
    return f"{number(n)} {one if n == 1 else many or one + 's'}"


def span(microseconds: int) -> str:
    """A length of time in one unit: `2 s`, `52 min`, `7 h`, `9 d`."""
    seconds = abs(microseconds) / 1e6
    for unit, size, least in (("d", 86400, 48 * 3600), ("h", 3600, 2 * 3600), ("min", 60, 120)):
        if seconds >= least:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} s"


def quoted(text: str, most: int = 60) -> str:
    """A title or somebody's words, on one line."""
    return f"“{short(text, most)}”"


def short(text: str, most: int) -> str:
    """Cut to so many columns, on one line."""
    return cut(" ".join(text.split()), most)


def padded(text: str, to: int) -> str:
    """Fill up to so many columns."""
    return text + " " * (to - width(text))


def identity(kind: str, value: str, *, whole: bool = False) -> str:
    """How somebody is known; masked unless `whole`."""
    shown = value if whole else mask_phone(value)
    return shown if kind == "phone" else f"{kind} {shown}"


def clean(value: Any) -> Any:
    """Replace what would steer a terminal (escape sequences, bidi marks) in all texts of a value."""
    if isinstance(value, str):
        if value.isprintable():
            return value
        return "".join(c if c in "\n\t" or not _steers(c) else "�" for c in value)
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, list):
        return [clean(item) for item in value]
    return value


def _steers(character: str) -> bool:
    category = unicodedata.category(character)
    if category == "Cf":  # joiners make emoji and some scripts; marks and overrides mislead
        return character not in "\u200c\u200d\u00ad"
    return category in ("Cc", "Cs", "Zl", "Zp")


# --- times --------------------------------------------------------------------------------------
class Times:
    """Times as the company reads them.  All come as UTC microseconds."""

    def __init__(self, zone: str, now: int) -> None:
        self.zone = ZoneInfo(zone)
        self.now = now
        self._today = self.at(now).date()

    def at(self, when: int) -> datetime:
        """The time in the company's zone."""
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=when)).astimezone(
            self.zone
        )

    def stamp(self, when: int) -> str:
        """`2025-11-21 17:18:04`."""
        return f"{self.at(when):%Y-%m-%d %H:%M:%S}"

    def clock(self, when: int) -> str:
        """`17:18:04`."""
        return f"{self.at(when):%H:%M:%S}"

    def short(self, when: int) -> str:
        """`17:18`, and the day unless it is today."""
        at = self.at(when)
        if at.date() == self._today:
            return f"{at:%H:%M}"
        return f"{self.day(when)} {at:%H:%M}"

    def day(self, when: int) -> str:
        """`21 Nov`, with the year unless it is this one."""
        at = self.at(when)
        year = "" if at.year == self._today.year else f" {at.year}"
        return f"{at.day} {_MONTHS[at.month - 1]}{year}"

    def ago(self, when: int) -> str:
        """`2 s ago`."""
        return f"{span(self.now - when)} ago"

    def headline(self) -> str:
        """`21 Nov 18:41 CET`."""
        at = self.at(self.now)
        return f"{at.day} {_MONTHS[at.month - 1]} {at:%H:%M} {at:%Z}"


# --- lines --------------------------------------------------------------------------------------
def lines(
    label: str,
    pieces: Iterable[str],
    wide: int,
    *,
    between: str = " · ",
    indent: int = LABEL,
) -> list[str]:
    """One labelled line of pieces; what does not fit goes on below, a piece is cut at spaces."""
    room = wide - indent
    found: list[str] = []
    current = ""
    for piece in filter(None, pieces):
        joined = f"{current}{between}{piece}" if current else piece
        if width(joined) <= room:
            current = joined
            continue
        if current and width(piece) <= room:
            found.append(current)
            joined = piece
        *full, current = wrapped(joined, room)  # what needs several lines begins on this one
        found.extend(full)
    if current:
        found.append(current)
    return [padded(label if not index else "", indent) + text for index, text in enumerate(found)]


def steps(label: str, pieces: Iterable[str], wide: int) -> list[str]:
    """Things to do, one below the other: each begins a line."""
    found: list[str] = []
    for piece in filter(None, pieces):
        found += lines("" if found else label, [piece], wide)
    return found


def wrapped(text: str, room: int) -> list[str]:
    """Break a text at spaces; a word that is too long is broken anywhere."""
    found = [""]
    for word in text.split():
        joined = f"{found[-1]} {word}".lstrip()
        if width(joined) <= room:
            found[-1] = joined
            continue
        while width(word) > room:
            head = fitting(word, room)
            found.append(head)
            word = word[len(head) :]
        found.append(word)
    return [line for line in found if line] or [""]


def table(
    rows: Sequence[Sequence[str]], *, indent: int = 0, right: Sequence[int] = ()
) -> list[str]:
    """Aligned columns, two spaces apart; those in `right` are aligned to the right."""
    if not rows:
        return []
    widths = [max(width(row[i]) for row in rows) for i in range(len(rows[0]))]
    found = []
    for row in rows:
        cells = [
            " " * (widths[i] - width(cell)) + cell if i in right else padded(cell, widths[i])
            for i, cell in enumerate(row)
        ]
        found.append((" " * indent + "  ".join(cells)).rstrip())
    return found


def paint(page: Sequence[str], colour: str | None = None, indent: int = LABEL) -> str:
    """Make labels bold, and the first one coloured; nothing is said by colour alone."""
    found = []
    for index, line in enumerate(page):
        label = line[:indent]
        if label.strip() and not line.startswith(" "):
            label = click.style(label, bold=True, fg=colour if not index else None)
        found.append(label + line[indent:])
    return "\n".join(found)
