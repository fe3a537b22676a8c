"""The page of `gateway status`: short lines, the answer first, what the data does not hold left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gateway.cli import status_rest
from gateway.cli import stops as stops_words
from gateway.cli.replacing import facts
from gateway.cli.words import (
    LABEL,
    Times,
    lines,
    number,
    quoted,
    several,
    short,
    span,
    steps,
    table,
)
from gateway.columns import width
from gateway.logs import mask_phone, masked
from gateway.stopping import ALL, DAMAGED

if TYPE_CHECKING:
    from gateway.cli.status import Verdict

Data = Mapping[str, Any]

OPEN = ("queued", "leased", "sending", "held", "paused", "unknown")
WAITS = ("queued", "leased", "paused")
MANY = 12
"""Messages of a kind that are shown."""

NIGHT = 10 * 3600 * 1_000_000
"""Microseconds until somebody looks who was not woken."""


def render(data: Data, verdict: Verdict, wide: int) -> list[str]:
    """Return the page's lines."""
    times = Times(data["time_zone"], data["now"])
    messages = data.get("messages") or []
    page = _head(data, verdict, times, wide)
    page += _needs(verdict, wide)
    for name, figures in (data.get("senders") or {}).items():
        page += _sender(name, figures, data, times, wide)
    page += _now([m for m in messages if m["state"] in ("ready", "started")][:MANY], times, wide)
    page += _waiting([m for m in messages if _ends_by_itself(m)][:MANY], times, wide)
    return page + status_rest.render(data, times, wide)


# --- the answer ---------------------------------------------------------------------------------
def _head(data: Data, verdict: Verdict, times: Times, wide: int) -> list[str]:
    from gateway.cli.status import LOOK, NOT_RUNNING, STOPPED

    stops: Mapping[str, Any] = data.get("stops") or {}
    more: list[str] = []
    if verdict.code == NOT_RUNNING:
        answer = "NO. The gateway is not running; this is what its disk says."
        more = lines("harm", [_harm(data), "what people write is not received"], wide)
        more += steps("do", ["systemctl start message-gateway", *stops_words.lifts(stops)], wide)
    elif verdict.code == STOPPED:
        ails: Mapping[str, Any] = (data.get("live") or {}).get("storage") or {}
        answer = stops_words.answer({ALL: ails} if ails else stops, data["senders"], times)
        more = lines("harm", [_harm(data, None if ails else stops), _heard(ails, stops)], wide)
        do = [*_mends(ails), *stops_words.lifts(stops)]
        more += steps("do", [*do, f"can wait until the morning: {_morning(data, times)}"], wide)
    elif verdict.code == LOOK:
        answer = f"yes. {several(len(verdict.items), 'thing')} to look at today."
    else:
        answer = "yes. Nothing needs you."
    up_since = (data.get("live") or {}).get("up_since")
    about = f"message-gateway {data['version']}"
    if up_since is not None:
        about += f", up {span(data['now'] - up_since)}"
    if verdict.code == NOT_RUNNING:
        about = f"message-gateway {data['version']}"
    right = f"{about} · {times.headline()}"
    left = f"{'SENDING':{LABEL}}{answer}"
    if width(left) + 3 + width(right) <= wide:
        return [left + " " * (wide - width(left) - width(right)) + right, *more]
    return [*lines("SENDING", [answer], wide), " " * LABEL + right, *more]


MENDS = {
    "full": ("df -h", "make room on the database's disk, then it goes on by itself"),
    "readonly": (
        "journalctl -k",
        "mount the database's disk for writing, then it goes on by itself",
    ),
    "locked": ("fuser -v gateway.sqlite", "end that process, then it goes on by itself"),
    "failing": ("journalctl -k", "a disk that fails: save the database while it can be read"),
    "damaged": ("systemctl stop message-gateway", "gateway restore, from the last backup"),
}
"""What to do about a store that cannot write, by what ails it."""


def _mends(ails: Mapping[str, Any]) -> list[str]:
    return list(MENDS[ails["ailment"]]) if ails else []


def _heard(ails: Mapping[str, Any], stops: Mapping[str, Any]) -> str:
    if stops_words.unheard(stops):
        return "what people write may not arrive, STOPs neither"
    return "STOPs still count, nothing new is taken" if ails else "STOPs still count"


def _morning(data: Data, times: Times) -> str:
    """Say whether somebody who is woken may sleep on: people who wait, and a database that ails,
    may not; news may, unless it expires."""
    stops: Mapping[str, Any] = data.get("stops") or {}
    if (data.get("live") or {}).get("storage"):
        return "no"
    codes = {cause["code"] for stop in stops.values() for cause in stop.get("causes", ())}
    if DAMAGED in codes:
        return "no, what is written now may be lost"
    waits = _waits(data, stops)
    if waits.get("reply"):
        return "no, people wait for an answer"
    ends = [
        (message["expires_at"], message["number"])
        for message in data.get("messages") or ()
        if message.get("expires_at") and times.now < message["expires_at"] < times.now + NIGHT
    ]
    if waits and ends:
        at, number_of = min(ends)
        return f"if #{number_of} may; it expires {times.short(at)}"
    return "yes"


def _harm(data: Data, stops: Mapping[str, Any] | None = None) -> str:
    """Say what waits, by kind, of what is stopped (None: of all)."""
    waits = _waits(data, stops)
    words = {
        "reply": ("reply or question", "replies and questions"),
        "utility": ("utility delivery", "utility deliveries"),
        "marketing": ("marketing delivery", "marketing deliveries"),
    }
    parts = [several(waits[kind], *word) for kind, word in words.items() if waits.get(kind)]
    if not parts:
        return "nothing waits to be sent"
    total = sum(waits.values())
    return f"{', '.join(parts)} {'waits' if total == 1 else 'wait'}"


def _waits(data: Data, stops: Mapping[str, Any] | None) -> dict[str, int]:
    waits: dict[str, int] = {}
    for name, figures in (data.get("senders") or {}).items():
        for depth in figures.get("depths") or ():
            marketing = depth["priority"] == "marketing"
            stopped = stops is None or stops_words.concerning(stops, name, marketing=marketing)
            if depth["state"] in WAITS and stopped:
                waits[depth["priority"]] = waits.get(depth["priority"], 0) + depth["n"]
    return waits


def _needs(verdict: Verdict, wide: int) -> list[str]:
    found: list[str] = []
    for item in verdict.items:
        label = "look" if not found else ""
        both = [masked(item.what), f"→ {item.do}"]
        whole = "  ".join(both)
        found += steps(label, [whole] if width(whole) <= wide - LABEL else both, wide)
    return found


# --- the figures --------------------------------------------------------------------------------
def _sender(name: str, figures: Data, data: Data, times: Times, wide: int) -> list[str]:
    live = ((data.get("live") or {}).get("senders") or {}).get(name) or {}
    pieces = []
    if live.get("display"):
        shown = live["display"]
        pieces.append(mask_phone(shown) if shown.lstrip("+")[:1].isdigit() else masked(shown))
    if stops_words.concerning(data.get("stops") or {}, name, marketing=False):
        pieces.append("STOPPED")
    elif stops_words.concerning(data.get("stops") or {}, name, marketing=True):
        pieces.append("MARKETING WAITS")
    if live.get("rate") or live.get("allowed"):
        of = f" of {live['allowed']:g}/s" if live.get("allowed") else ""
        pieces.append(f"{live['rate']:.1f}/s{of}")
    if live.get("slowed"):
        pieces.append(f"slowed down to {live['slowed']:.3g}/s, the provider asked for less")
    if live.get("breaker", "closed") != "closed":
        pieces.append("no answer: one at a time is tried")
    known = live.get("facts") or {}
    if live.get("allowed"):  # what the provider allows is in it
        known = known and {**known, "per_second": None}
    pieces += facts(known) if known else []
    last = f", last {times.short(figures['last'])}" if figures.get("last") else ""
    pieces.append(f"24 h: {number(figures.get('accepted', 0))} accepted{last}")
    quota = live.get("quota")
    full = quota is not None and quota["used"] >= quota["of"]
    if quota:  # counts people, and only what the limit is about: another number than `accepted`
        within = span(int(quota["s"] * 1e6))
        word = "LIMIT USED UP" if full else "limit"
        pieces.append(f"{word}: {number(quota['used'])} of {number(quota['of'])} in {within}")
    waits = sum(d["n"] for d in figures.get("depths") or () if d["state"] in WAITS)
    if waits:
        asks = figures.get("next") and not full  # it asks again then, and is put off once more
        upcoming = f", next {times.short(figures['next'])}" if asks else ""
        pieces.append(f"{number(waits)} wait{'' if waits > 1 else 's'}{upcoming}")
    if live.get("last_webhook") is not None:
        pieces.append(f"webhooks {times.ago(live['last_webhook'])}")
    elif live and figures.get("accepted"):
        pieces.append("no webhook since the start")
    return _named(name, pieces, wide)


def _named(name: str, pieces: list[str], wide: int) -> list[str]:
    """A line whose label is somebody's own name, which may be longer than a label."""
    if width(name) < LABEL:
        return lines(name, pieces, wide)
    return lines("", [f"{short(name, 30)}:", *pieces], wide, between=" · ")


def _now(messages: list[Data], times: Times, wide: int) -> list[str]:
    if not messages:
        return []
    rows, notes = [], []
    for message in messages:
        counts = message.get("counts") or {}
        total = max(message.get("reached") or 0, sum(counts.values()))
        done = total - sum(counts.get(state, 0) for state in OPEN)
        progress = f"{number(done)} of {number(total)}" if total else "about to start"
        if message.get("paused"):
            when = "paused"
        elif message["state"] == "ready" and total:
            when = "still adding people"
        else:
            when = _end(message, times)
        rows.append([f"#{message['number']}", quoted(message["title"], 30), progress, when])
        notes.append(_outcomes(counts))
    found: list[str] = []
    for row, note in zip(table(rows, right=(2,)), notes, strict=True):
        found += [" " * LABEL + row]
        if note:
            found += lines("", [note], wide)
    found[0] = "now".ljust(LABEL) + found[0][LABEL:]
    if len(messages) == 1 and not messages[0].get("paused"):
        hint = f"stop it: gateway message pause {messages[0]['number']}"
        last = found[-1]
        if len(found) > 1 and width(last) + 3 + width(hint) <= wide:
            found[-1] = f"{last}   {hint}"
    return found


def _end(message: Data, times: Times) -> str:
    started, spread = message.get("started_at"), message.get("spread") or 0
    if started is not None and spread:
        end = started + int(spread * 1e6)
        if end > times.now:
            return f"last due {times.short(end)}"
    if message.get("expires_at"):
        return f"expires {times.short(message['expires_at'])}"
    return ""


def _outcomes(counts: Mapping[str, int]) -> str:
    read = counts.get("read", 0)
    figures = [
        ("delivered", counts.get("delivered", 0) + read),
        ("read", read),
        ("on the way", counts.get("accepted", 0) + counts.get("sent", 0)),
        ("failed", counts.get("failed", 0)),
        ("not sent", counts.get("dropped", 0)),
        ("held", counts.get("held", 0)),
        ("unknown", counts.get("unknown", 0)),
    ]
    return "  ".join(f"{word} {number(n)}" for word, n in figures if n)


def _ends_by_itself(message: Data) -> bool:
    """Whether a message waits for something else than a person; those stand above."""
    held = message["state"] == "held" and message.get("until") is not None
    return held or message["state"] == "accepted"


def _waiting(messages: list[Data], times: Times, wide: int) -> list[str]:
    found: list[str] = []
    for message in messages:
        title = f"#{message['number']} {quoted(message['title'], 30)}"
        if message["state"] == "accepted":
            pieces = [title, f"came {times.short(message['accepted_at'])}, not looked at yet"]
        else:
            why = masked(message.get("reason") or message.get("code") or "")
            until = times.short(message["until"])
            pieces = [title, why, "" if until in why else f"until {until}"]
        found += lines("waiting" if not found else "", pieces, wide)
    return found
