"""The lower half of `gateway status`: people and what they ask, inputs, observers, the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.cli.case_page import counted
from gateway.cli.words import Times, lines, number
from gateway.logs import masked

Data = Mapping[str, Any]

MANY = 12
"""Inputs above which those that just work are only counted."""

CROWDED = 100
"""Jobs that wait for the store before it is worth a line."""


def render(data: Data, times: Times, wide: int) -> list[str]:
    """Return the lines."""
    live = data.get("live") or {}
    page = _people(data.get("people") or {}, data.get("cases") or {}, times, wide)
    page += _month(data, times, wide)
    page += _inputs(data.get("inputs") or {}, live.get("inputs") or {}, times, wide)
    page += _told(live.get("waits") or {}, times, wide)
    page += _safety(data, times, wide)
    return page + _store(live.get("store") or {}, wide)


def _told(waits: Data, times: Times, wide: int) -> list[str]:
    """Observers that wait; the others are no news."""
    pieces = [
        f"{label} waits since {times.short(one['since'])}: {masked(one['why'])}"
        for label, one in waits.items()
    ]
    return lines("told", pieces, wide)


def _people(people: Data, cases: Data, times: Times, wide: int) -> list[str]:
    states, changes = people.get("states") or {}, people.get("changes") or {}
    if not people.get("contacts"):
        return lines("people", ["nobody yet", *counted(cases, times)], wide)
    came = changes.get("confirmed", 0) + changes.get("imported", 0)
    went = changes.get("withdrawn", 0)
    today = " ".join(f"{sign}{number(n)}" for sign, n in (("+", came), ("−", went)) if n)
    words = (("requested", "asked"), ("withdrawn", "stopped"), ("refused", "said no"))
    pieces = [
        f"{number(states.get('confirmed', 0))} confirmed" + (f" ({today} today)" if today else ""),
        *(f"{number(states[state])} {word}" for state, word in words if states.get(state)),
        f"{number(people['contacts'])} known",
        *counted(cases, times),
    ]
    return lines("people", pieces, wide)


def _inputs(inputs: Data, live: Data, times: Times, wide: int) -> list[str]:
    words = {label: _input(live[label], times) for label in inputs if live.get(label)}
    many = len(words) > MANY
    fine = [label for label, word in words.items() if word.startswith("ok ")] if many else []
    pieces = [f"{label} {word}" for label, word in words.items() if label not in fine]
    return lines("inputs", [*pieces, f"{len(fine)} ok" if fine else ""], wide)


def _input(state: Data, times: Times) -> str:
    """How one input fares: `ok 18:36 (unchanged), next 18:51`."""
    last, upcoming = state.get("last_success"), state.get("next_at")
    soon = times.short(upcoming) if upcoming is not None and upcoming > times.now else ""
    if state.get("state") == "parked":
        return "PARKED" + (f", last ok {times.short(last)}" if last is not None else "")
    if state.get("trouble"):
        since = f" since {times.short(state['failing_since'])}" if state["failing_since"] else ""
        word = f"fails{since}: {masked(state['trouble'])}"
        return word + (f", next try {soon}" if soon else "")
    if state.get("state") == "pausing":
        word = "failing, tries again"
        return word + (f", last ok {times.short(last)}" if last is not None else "")
    if last is None:
        return {"starting": "starting", "ended": "ready"}.get(
            state.get("state", ""), "no success yet"
        )
    note = f" ({masked(state['note'])})" if state.get("note") else ""
    return f"ok {times.short(last)}{note}" + (f", next {soon}" if soon else "")


def _month(data: Data, times: Times, wide: int) -> list[str]:
    """What this month has cost by the table of prices, and what is left of the budget."""
    found = data.get("month")
    if not found:
        return []
    spent, promised, budget = found["spent"], found["promised"], found["budget"]
    of = f" of {budget:,.2f}" if budget is not None else ""
    pieces = [f"{spent:,.2f}{of} {found['currency']} since {times.day(found['since'])}"]
    pieces += [f"{promised:,.2f} for what waits"] if promised else []
    if budget is not None:
        left = budget - spent - promised
        pieces.append(
            f"{left:,.2f} left" if left > 0 else "USED UP: more marketing waits for a person"
        )
    pieces.append(f"prices of {found['rates_of']}")
    if found["unpriced"]:
        where = ", ".join(f"{number(n)} in {country}" for country, n in found["unpriced"].items())
        pieces.append(f"no price for {where}")
    return lines("month", pieces, wide)


def _templates(live: Data, times: Times) -> list[str]:
    """How the templates stand that topics name; those of which all is well together."""
    fine, pieces = [], list[str]()
    for state in (live.get("senders") or {}).values():
        for name, languages in (state.get("templates") or {}).items():
            if languages and all(one["state"] == "approved" for one in languages):
                fine.append(name)
            pieces += [
                f"template {name}/{one['language']} {_template(one, times)}"
                for one in languages
                if name not in fine
            ]
            pieces += [] if languages else [f"template {name} MISSING"]
    word = "template" if len(set(fine)) == 1 else "templates"
    approved = [f"{word} {', '.join(dict.fromkeys(fine))} approved"] if fine else []
    return [*dict.fromkeys(pieces), *approved]


def _template(one: Data, times: Times) -> str:
    if one["state"] == "paused":
        return "PAUSED" + (f" until {times.short(one['until'])}" if one["until"] else "")
    words = {"approved": "approved", "review": "in review"}
    return words.get(one["state"], f"NOT APPROVED ({masked(one['said'])})")


def _safety(data: Data, times: Times, wide: int) -> list[str]:
    """What must never be, the last backup, the last looks at the database and the ledger."""
    marks, twice, head = data.get("marks") or {}, data.get("twice"), data.get("head")
    if not marks.get("alive"):  # it never ran
        return []
    pieces = []
    if twice is not None:
        last = f", the last {times.short(twice[-1]['at'])}" if twice else ""
        pieces.append(f"sent twice {number(len(twice))}{last}")
        unknown = sum(one["n"] for one in data.get("waiting", ()) if one["state"] == "unknown")
        pieces.append(f"unknown {number(unknown)}")
    backup = marks.get("backup")
    pieces.append(
        f"backup {times.short(backup)}" if backup else "no backup yet: gateway backup FILE"
    )
    if marks.get("checked"):
        found = marks.get("damages")
        word = "DAMAGED: gateway restore, from the last backup" if found else "whole"
        pieces.append(f"database {word} (checked {times.short(marks['checked'])})")
    if head:
        pieces.append(f"ledger signed {times.short(head['at'])}")
    pieces += _templates(data.get("live") or {}, times)
    return lines("safety", pieces, wide)


def _store(store: Data, wide: int) -> list[str]:
    lanes = {name: n for name, n in (store.get("lanes") or {}).items() if n}
    if sum(lanes.values()) < CROWDED:
        return []
    return lines("store", [f"{number(n)} wait ({name})" for name, n in lanes.items()], wide)
