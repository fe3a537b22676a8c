"""The picture of states and the table in docs/delivery.md, made of the code's own table.

`python -m tests.states_page` writes both; tests/test_states_page.py says whether they are up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path

from gateway.store.states import CAUSES, MOVES, Cause, DeliveryState

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "states.svg"
PAGE = ROOT / "docs" / "delivery.md"
MARKS = ("<!-- states: made by python -m tests.states_page -->", "<!-- end of states -->")

State = DeliveryState | None

BY = {
    "the provider": ("#1d5fa8", (Cause.SETTLE, Cause.STATUS)),
    "the subscriber": ("#b3261e", (Cause.WITHDRAW,)),
    "a person of the company": (
        "#9a5b00",
        (Cause.RESOLVE, Cause.SUPERSEDE, Cause.RETRY, Cause.SWEEP, Cause.REPLACE),
    ),
}
"""Who moves it → colour and causes; all others are the gateway's own."""
OWN = "#4a5560"

FILLS = {
    **dict.fromkeys(list(DeliveryState)[:3], "#e8eef5"),
    DeliveryState.HELD: "#fdf0d9",
    DeliveryState.PAUSED: "#fdf0d9",
    DeliveryState.UNKNOWN: "#fdf0d9",
    **dict.fromkeys(list(DeliveryState)[6:10], "#e2f2e6"),
    DeliveryState.FAILED: "#f9e1df",
    DeliveryState.DROPPED: "#eeeeee",
}

WIDE, BOX, HIGH = 1180, 118, 40
LEFT, STEP = 52, 162
TOP, BELOW, AGAIN = 84, 206, 280
GRID = 372
"""Where the matrix begins."""

PLACES: dict[DeliveryState, tuple[int, int]] = {
    state: (LEFT + STEP * column, TOP)
    for column, state in enumerate([*list(DeliveryState)[:3], *list(DeliveryState)[6:10]])
} | {
    DeliveryState.PAUSED: (LEFT, BELOW),
    DeliveryState.HELD: (LEFT + STEP, BELOW),
    DeliveryState.UNKNOWN: (LEFT + STEP * 2, BELOW),
    DeliveryState.FAILED: (LEFT + STEP * 3, BELOW),
    DeliveryState.DROPPED: (LEFT + STEP * 6, BELOW),
}


def colour(cause: Cause) -> str:
    """Return the colour of whoever moves it."""
    return next((shade for shade, causes in BY.values() if cause in causes), OWN)


def causes(before: State, after: State) -> list[Cause]:
    """Return what moves a delivery from one state to another, in the table's order."""
    return [cause for cause in Cause if after in MOVES[cause].get(before, ())]


def name(state: State, *, end: bool = False) -> str:
    """Return what a state is called; None is before the first or after the last."""
    return state.name.lower() if state is not None else "gone" if end else "(none)"


# --- the picture --------------------------------------------------------------------------------
def text(
    x: float, y: float, words: str, *, size: int = 12, fill: str = "#1b1f23", anchor: str = "middle",
    weight: str = "normal",
) -> str:  # fmt: skip
    """One line of text."""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{fill}" text-anchor="{anchor}"'
        f' font-weight="{weight}">{escape(words)}</text>'
    )


def label(x: float, y: float, found: list[Cause], anchor: str = "middle") -> str:
    """The causes of an arrow, each in its colour, on a ground that keeps lines off."""
    parts = "".join(
        f'<tspan fill="{colour(cause)}">{escape(cause)}</tspan>'
        + ('<tspan fill="#8a929a"> · </tspan>' if cause is not found[-1] else "")
        for cause in found
    )
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="11" text-anchor="{anchor}" stroke="#fff"'
        f' stroke-width="4" paint-order="stroke">{parts}</text>'
    )


def line(points: str, *, both: bool = False) -> str:
    """An arrow along a path."""
    start = ' marker-start="url(#back)"' if both else ""
    return (
        f'<path d="{points}" fill="none" stroke="#6b747d" stroke-width="1.4"'
        f' marker-end="url(#head)"{start}/>'
    )


def _flow() -> Iterator[str]:
    """The usual way, and the ways off it."""
    d = DeliveryState
    middle = TOP + HIGH / 2
    way = [d.QUEUED, d.LEASED, d.SENDING, d.ACCEPTED, d.SENT, d.DELIVERED, d.READ]
    yield line(f"M 8 {middle} H {LEFT - 3}")
    yield label(4, TOP - 8, causes(None, d.QUEUED), "start")
    for before, after in pairwise(way):
        x = PLACES[before][0] + BOX
        yield line(f"M {x} {middle} H {PLACES[after][0] - 3}")
        yield label(x + (STEP - BOX) / 2, middle - 8, causes(before, after))
    for above, below in ((d.QUEUED, d.PAUSED), (d.LEASED, d.HELD), (d.SENDING, d.UNKNOWN)):
        x = PLACES[above][0] + BOX / 2
        both = bool(causes(below, above))
        yield line(f"M {x} {TOP + HIGH + (3 if both else 0)} V {BELOW - 3}", both=both)
        yield label(x, (TOP + BELOW + HIGH) / 2 + 4, causes(above, below))
    x, right = PLACES[d.HELD][0], PLACES[d.QUEUED][0] + BOX
    yield line(f"M {x + 12} {BELOW} L {right - 8} {TOP + HIGH + 3}")
    yield label((x + right) / 2 + 2, BELOW - 26, causes(d.HELD, d.QUEUED))
    x, right = PLACES[d.UNKNOWN][0] + BOX, PLACES[d.ACCEPTED][0]
    yield line(f"M {x - 12} {BELOW} L {right + 6} {TOP + HIGH + 3}")
    yield label((x + right) / 2 - 2, BELOW - 52, causes(d.UNKNOWN, d.ACCEPTED))
    yield line(f"M {x} {BELOW + HIGH / 2} H {right - 3}")
    yield label((x + right) / 2, BELOW + HIGH / 2 - 7, causes(d.UNKNOWN, d.FAILED)[:1])
    x = PLACES[d.ACCEPTED][0] + BOX / 2
    yield line(f"M {x} {TOP + HIGH} V {BELOW - 3}")
    yield label(x, (TOP + BELOW + HIGH) / 2 + 4, causes(d.ACCEPTED, d.FAILED))
    x = PLACES[d.SENT][0] + BOX / 2
    yield line(f"M {x} {TOP + HIGH} V {BELOW + HIGH / 2} H {PLACES[d.FAILED][0] + BOX + 3}")
    yield label(x, (TOP + BELOW + HIGH) / 2 + 4, causes(d.SENT, d.FAILED))
    yield line(
        f"M {PLACES[d.FAILED][0] + BOX / 2} {BELOW + HIGH} V {AGAIN} H 22 V {middle + 9}"
        f" H {LEFT - 3}"
    )
    x = PLACES[d.UNKNOWN][0] + BOX / 2
    yield f'<path d="M {x} {BELOW + HIGH} V {AGAIN}" stroke="#6b747d" stroke-width="1.4"/>'
    yield label(PLACES[d.FAILED][0] + BOX / 2, AGAIN + 17, causes(d.FAILED, d.QUEUED))
    yield label(x, AGAIN + 17, causes(d.UNKNOWN, d.QUEUED))
    yield text(
        LEFT + BOX / 2, AGAIN + 17, "goes again, as a fresh attempt", size=11, fill="#57606a"
    )
    away = [cause for cause in Cause if any(d.DROPPED in a for a in MOVES[cause].values())]
    x, y = PLACES[d.DROPPED][0] - 14, BELOW + HIGH / 2
    yield line(f"M {x - 22} {y} H {x + 11}")
    half = (len(away) + 1) // 2
    yield label(x - 28, y - 2, away[:half], "end")
    yield label(x - 28, y + 13, away[half:], "end")


def _boxes() -> Iterator[str]:
    for state, (x, y) in PLACES.items():
        yield (
            f'<rect x="{x}" y="{y}" width="{BOX}" height="{HIGH}" rx="8" fill="{FILLS[state]}"'
            ' stroke="#57606a"/>'
        )
        yield text(x + BOX / 2, y + HIGH / 2 + 5, name(state), size=14, weight="bold")


def _grid() -> Iterator[str]:
    """Every move, from the state of the row to that of the column."""
    rows: list[State] = [None, *DeliveryState]
    columns: list[State] = [*DeliveryState, None]
    side, row_label = (WIDE - 100 - 2 * 8) / len(columns), 100
    yield text(8, GRID - 34, "Every move: from the state on the left to the state above, and what "
               "causes it", size=14, anchor="start", weight="bold")  # fmt: skip
    for index, state in enumerate(columns):
        x = 8 + row_label + side * index
        yield text(x + side / 2, GRID - 8, name(state, end=True), size=12, weight="bold")
    y = float(GRID)
    for state in rows:
        cells = [causes(state, after) for after in columns]
        high = max(22.0, 8 + 12.5 * max(map(len, cells)))
        yield text(8, y + high / 2 + 4, name(state), anchor="start", weight="bold")
        for index, found in enumerate(cells):
            x = 8 + row_label + side * index
            fill = "#ffffff" if found else "#f4f5f6"
            yield (
                f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{high:g}" fill="{fill}"'
                ' stroke="#d0d7de"/>'
            )
            first = y + high / 2 - 12.5 * (len(found) - 1) / 2 + 4
            for place, cause in enumerate(found):
                shade = colour(cause)
                yield text(x + side / 2, first + 12.5 * place, cause, size=11, fill=shade)
        y += high
    yield f"<!-- {y + 40:g} -->"
    x = 8.0
    for who, shade in (*((who, shade) for who, (shade, _) in BY.items()), ("the gateway", OWN)):
        yield f'<rect x="{x:g}" y="{y + 14:g}" width="11" height="11" rx="2" fill="{shade}"/>'
        yield text(x + 17, y + 24, f"by {who}", anchor="start")
        x += 60 + 6 * len(who)


def picture() -> str:
    """Return the picture as SVG."""
    grid = list(_grid())
    mark = next(part for part in grid if part.startswith("<!--"))
    high = float(mark.split()[1])
    body = "\n".join([*_flow(), *_boxes(), *(part for part in grid if part is not mark)])
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {high:g}" \
width="{WIDE}" height="{high:g}" font-family="Helvetica, Arial, sans-serif" role="img">
<title>The states of a delivery, and what moves it from one to another</title>
<defs>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" \
orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="#6b747d"/></marker>
<marker id="back" viewBox="0 0 8 8" refX="1" refY="4" markerWidth="8" markerHeight="8" \
orient="auto"><path d="M8 0 L0 4 L8 8 z" fill="#6b747d"/></marker>
</defs>
<rect width="100%" height="100%" fill="#ffffff"/>
{text(8, 26, "The way of a delivery", size=14, anchor="start", weight="bold")}
{body}
</svg>
"""


# --- the page -----------------------------------------------------------------------------------
def table() -> str:
    """Return the table of causes in Markdown."""
    rows = ["| cause | is | moves |", "|---|---|---|"]
    for cause in Cause:
        moves = "; ".join(
            f"{name(before)} → {', '.join(name(after, end=True) for after in afters)}"
            for before, afters in MOVES[cause].items()
        )
        rows.append(f"| {cause} | {CAUSES[cause]} | {moves} |")
    return "\n".join(rows)


def page(old: str) -> str:
    """Return docs/delivery.md with the table as it is now."""
    begin, end = MARKS
    return re.sub(
        f"{re.escape(begin)}.*{re.escape(end)}",
        lambda _: f"{begin}\n\n{table()}\n\n{end}",
        old,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
