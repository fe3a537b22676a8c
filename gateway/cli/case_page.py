"""The pages of `gateway cases`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.cli.words import (
    LABEL,
    Times,
    identity,
    lines,
    quoted,
    several,
    short,
    span,
    table,
    wrapped,
)
from gateway.logs import masked

Data = Mapping[str, Any]

WORDS = {
    "question": ("question", "questions"),
    "callback": ("call wanted", "calls wanted"),
    "enquiry": ("enquiry", "enquiries"),
    "access": ("request for data", "requests for data"),
    "erasure": ("request for erasure", "requests for erasure"),
}


RIGHTS = {
    "access": "gateway contacts export {contact} --out FILE",
    "erasure": "gateway contacts erase {contact}",
}
"""What fulfils a request, by kind."""


def counted(cases: Mapping[str, Mapping[str, Any]], times: Times) -> list[str]:
    """Return `2 questions open, oldest 52 min`, `1 request for data due 3 Dec`, … for a status
    line; `cases`: kind → open, overdue, oldest, due."""
    found = []
    for kind, words in WORDS.items():
        figures = cases.get(kind)
        if not figures or not figures["open"]:
            continue
        told = several(figures["open"], *words)
        if kind == "question":
            told += f" open, oldest {span(times.now - figures['oldest'])}"
        elif figures["overdue"]:
            told += f" open, {figures['overdue']} OVERDUE"
        elif figures.get("due"):
            told += f" due {_until(kind, figures['due'], times)}"
        else:
            told += " open"
        found.append(told)
    return found


def listed(data: Data, zone: str, wide: int, *, closed: bool) -> list[str]:
    """Return the list."""
    times = Times(zone, data["now"])
    cases = data["cases"]
    if not cases:
        return lines("CASES", ["nothing closed yet" if closed else "nothing is open"], wide)
    overdue = sum(case["overdue"] for case in cases)
    head = [f"{len(cases) + data['left_out']} {'closed' if closed else 'open'}"]
    head += [f"{overdue} OVERDUE"] if overdue else []
    rows = []
    for case in cases:
        when = _when(case, times, closed=closed)
        rows.append([f"#{case['number']}", case["kind"], when, case["text"]])
    room = max(20, wide - LABEL - _taken(rows))
    for row in rows:
        row[3] = quoted(masked(row[3]), room) if row[3].strip() else ""
    page = lines("CASES", head, wide)
    page += [" " * LABEL + row for row in table(rows, right=(0,))]
    if data["left_out"]:
        page += lines("", [f"and {data['left_out']} more: --limit"], wide)
    number = cases[0]["number"]
    do = [f"gateway cases show {number}"]
    if not closed:
        do += [f'gateway cases answer {number} "…"'] if cases[0]["kind"] == "question" else []
        do.append(f"gateway cases close {number}")
    return page + lines("do", do, wide)


def _taken(rows: list[list[str]]) -> int:
    return sum(max(len(row[i]) for row in rows) for i in range(3)) + 6 + 2


def _when(case: Data, times: Times, *, closed: bool) -> str:
    if closed:
        verb = "answered" if case["answered"] else "closed"
        return f"{verb} {times.short(case['closed_at'])} by {short(case['closed_by'], 20)}"
    if case["overdue"]:
        return f"OVERDUE since {times.day(case['due_at'])}"
    if case["due_at"] is not None:
        return f"due {_until(case['kind'], case['due_at'], times)}"
    return f"waits {span(times.now - case['opened_at'])}"


def _until(kind: str, due: int, times: Times) -> str:
    """A call is wanted by an hour, what the law gives a month for by a day."""
    return times.day(due) if kind in RIGHTS else times.short(due)


def render(case: Data, zone: str, now: int, wide: int) -> list[str]:
    """Return one case."""
    times = Times(zone, now)
    one = WORDS[case["kind"]][0]
    state = "open"
    if case["closed_at"] is not None:
        verb = "answered" if case["answered"] else "closed"
        state = f"{verb} {times.stamp(case['closed_at'])} by {case['closed_by']}"
    page = lines(
        "CASE",
        [f"#{case['number']} {one}", state, f"since {times.stamp(case['opened_at'])}"],
        wide,
    )
    if case["due_at"] is not None:
        late = " OVERDUE" if case["overdue"] else ""
        page += lines("due", [f"{times.stamp(case['due_at'])}{late}"], wide)
    page += _who(case["who"], times, wide)
    for name, value in case["fields"].items():
        page += lines("", [f"{name}: {value}"], wide)
    page += _text("asked", case["text"], wide)
    page += _text("answer", case["answer"], wide)
    page += _said(case["said"], times, wide)
    if case["closed_at"] is None:
        until = (case["who"] or {}).get("until")
        number = case["number"]
        do = []
        if case["who"] is not None and case["kind"] in RIGHTS:
            do.append(RIGHTS[case["kind"]].format(contact=case["who"]["contact"]))
        if until and until > now:
            do.append(f'gateway cases answer {number} "…"')
        page += lines("do", [*do, f"gateway cases close {number}"], wide)
    return page


def _who(who: Data | None, times: Times, wide: int) -> list[str]:
    if who is None:
        return lines("who", ["nobody is known who belongs to it"], wide)
    known = [identity(kind, value, whole=True) for kind, value in who["identities"]]
    page = lines("who", [who["contact"], who["name"], *known], wide)
    topics = ", ".join(who["topics"])
    page += lines("", [f"gets {topics}" if topics else "gets nothing by subscription"], wide)
    until = who["until"]
    if until is None:
        return page + lines("window", ["never wrote: no free text may go there"], wide)
    if until <= times.now:
        told = f"over since {times.short(until)}: answer in another way"
    else:
        told = f"an answer may go until {times.short(until)}, {span(until - times.now)} left"
    return page + lines("window", [told], wide)


def _text(label: str, text: str, wide: int) -> list[str]:
    found: list[str] = []
    for line in text.strip().split("\n") if text.strip() else []:
        for part in wrapped(line, wide - LABEL):
            found.append((label if not found else "").ljust(LABEL) + part)
    return found


def _said(said: list[Data], times: Times, wide: int) -> list[str]:
    found: list[str] = []
    for line in said:
        words = "in the phone app" if line["kind"] == "echo" else line["text"]
        shown = quoted(words, max(20, wide - LABEL - 40)) if words.strip() else line["kind"]
        who = "we" if line["ours"] else "they"
        state = [line["state"]] if line["ours"] else []
        pieces = [f"{times.short(line['at'])} {who}: {shown}", *state]
        found += lines("said" if not found else "", pieces, wide)
    return found
