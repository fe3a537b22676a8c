"""What `gateway feeds` prints: a table of all feeds, and posts as they would be sent."""

from __future__ import annotations

import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any

from gateway.api import width

NARROW, WIDE = 80, 120
LONGEST_LABEL = 20
LABEL = 9
STATES = {"ok": "ok", "fails": "FAILS", "stopped": "STOPPED", "new": "not read"}
VERDICTS = {
    "new": "new",
    "doubted": "waits",
    "known": "known",
    "skipped_category": "left out",
}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def columns() -> int:
    """Return how wide a page may be."""
    if not sys.stdout.isatty():
        return WIDE
    return max(NARROW, min(WIDE, shutil.get_terminal_size((80, 24)).columns))


class Times:
    """UTC microseconds as somebody in `zone` reads them."""

    def __init__(self, now: datetime, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._now = now.astimezone(zone)

    def short(self, when: int | None) -> str:
        """`17:18`, with the day unless it is today, with the year unless it is this one."""
        if when is None:
            return "–"
        at = datetime.fromtimestamp(when / 1e6, self._now.tzinfo).astimezone(self._zone)
        if at.date() == self._now.date():
            return f"{at:%H:%M}"
        if at.year == self._now.year:
            return f"{at.day} {_MONTHS[at.month - 1]} {at:%H:%M}"
        return f"{at.day} {_MONTHS[at.month - 1]} {at.year}"


# --- all feeds ----------------------------------------------------------------------------------
def listed(
    rows: Mapping[str, Any], waiting: Mapping[str, int], times: Times, wide: int
) -> list[str]:
    """Return the table of all feeds, first those that need somebody; a note that does not fit stands
    below its row."""
    fine = ("ok", "new")
    rows = dict(sorted(rows.items(), key=lambda one: one[1]["state"] in fine))
    head = ["FEED", "STATE", "READ", "NEXT", "FOUND", "NEW", "KNOWN", "WAIT"]
    cells = [head] + [_cells(label, row, waiting, times) for label, row in rows.items()]
    widths = [max(width(line[at]) for line in cells) for at in range(len(head))]
    page = [f"{_line(head, widths)}  NOTE"]
    for line, row in zip(cells[1:], rows.values(), strict=True):
        text = _line(line, widths)
        note = ", ".join(filter(None, (_note(row, times), clean(row["whereabouts"]))))
        if width(text) + 2 + width(note) <= wide:
            page.append(f"{text}  {note}".rstrip())
            continue
        page.append(text.rstrip())
        page += [f"    {one}" for one in textwrap.wrap(note, wide - 4)]
    return page


def _cells(
    label: str, row: Mapping[str, Any], waiting: Mapping[str, int], times: Times
) -> list[str]:
    return [
        label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…",
        STATES[row["state"]],
        times.short(row["read_at"]),
        times.short(row["next_at"]),
        *(str(row[name]) for name in ("found", "new", "known")),
        str(waiting.get(label, 0)),
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    # The first four are words and times, the others numbers.
    return "  ".join(
        cell + " " * (wide - width(cell)) if at < 4 else " " * (wide - width(cell)) + cell
        for at, (cell, wide) in enumerate(zip(cells, widths, strict=True))
    )


def _note(row: Mapping[str, Any], times: Times) -> str:
    if not row["failures"]:
        return clean(row["note"])
    count, first = row["failures"], times.short(row["failing_since"])
    tries = f"once, at {first}" if count == 1 else f"{count} times since {first}"
    return f"{clean(row['trouble'])}, {tries}"


# --- one feed -----------------------------------------------------------------------------------
def told(
    label: str, row: Mapping[str, Any], waiting: int, posts: int, times: Times, wide: int
) -> list[str]:
    """Return all that is known of one feed, and its newest posts."""
    title = f'"{clean(row["title"])}"' if row["title"] else ""
    facts = [
        ("feed", [clean(label), clean(row["url"]), f"for {row['topic']}", title]),
        ("state", [STATES[row["state"]], _note(row, times), clean(row["whereabouts"])]),
        ("read", [times.short(row["read_at"]), f"next {times.short(row['next_at'])}", _pace(row)]),
        ("posts", [f"{row['found']} found, {row['new']} new, {row['known']} known"]),
    ]
    facts[3][1].extend([f"last new {times.short(row['new_at'])}"] if row["new_at"] else [])
    if waiting:
        how = f"gateway feeds release {label}, or refuse {label}"
        facts.append(("waiting", [str(waiting), how]))
    page = []
    for name, pieces in facts:
        page += _wrapped(name, " · ".join(filter(None, pieces)), wide)
    if row["posts"][:posts]:
        page += ["", "The newest, as they would be sent:"]
        page += shown(row["posts"][:posts], times, wide)
    return page


def _pace(row: Mapping[str, Any]) -> str:
    wish = f", it asks for {_span(row['wish'])}" if row["wish"] else ""
    return f"at most every {_span(row['every'])}{wish}"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def shown(posts: Sequence[Mapping[str, Any]], times: Times, wide: int) -> list[str]:
    """Return posts as they would be sent."""
    page = []
    for post in posts:
        page += ["", *_wrapped(VERDICTS[post["verdict"]], clean(post["title"]), wide)]
        page += _wrapped("", clean(post["text"]), wide)
        # An address is not wrapped: it could not be clicked or copied.
        addresses = [post["link"], f"picture {post['image']}" if post["image"] else ""]
        page += [" " * LABEL + clean(address) for address in addresses if address]
        date = f"of {times.short(post['published'])}" if post["published"] else "no date"
        more = [date, "" if post["image"] else "no picture", clean(", ".join(post["categories"]))]
        page += _wrapped("", " · ".join(filter(None, more)), wide)
    return page


def _wrapped(label: str, text: str, wide: int) -> list[str]:
    parts = textwrap.wrap(text, wide - LABEL, break_on_hyphens=False)
    return [f"{label if not at else '':<{LABEL}}{part}".rstrip() for at, part in enumerate(parts)]


# --- words --------------------------------------------------------------------------------------
def clean(text: str) -> str:
    """Replace what would steer a terminal: control characters and marks of direction."""
    if text.isprintable():
        return text
    steering = ("Cc", "Cs", "Zl", "Zp")
    return "".join(
        "�"
        if unicodedata.category(c) in steering
        or (unicodedata.category(c) == "Cf" and c not in "\u200c\u200d\u00ad")
        else c
        for c in text
    )
