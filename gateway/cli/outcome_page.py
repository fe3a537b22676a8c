"""The pages of `gateway queue unknown` and `failed`, and of `gateway message report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway import ids
from gateway.cli.words import LABEL, Times, lines, number, padded, quoted, several, span, steps
from gateway.cli.words import table as aligned
from gateway.logs import masked

Data = Mapping[str, Any]

REFUSED = {
    "not_unknown": "settled meanwhile",
    "not_failed": "not failed any more",
    "question": "questions, which are never repeated",
    "expired": "past their time",
    "cancelled": "of a cancelled message",
    "withdrawn": "to people who withdrew",
    "twice": "to people who get it as another contact",
    "unreachable": "to people who cannot be reached",
    "maybe_sent": "may have reached the person by an earlier attempt",
}
"""Why a delivery stays as it is → how a line says it."""


def refused(counts: Mapping[str, int]) -> list[str]:
    """Return a line per reason why deliveries stayed as they are."""
    return [
        _refused(code, n)
        for code, n in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _refused(code: str, n: int) -> str:
    if code == "not_there":
        there = "1 delivery is" if n == 1 else f"{number(n)} deliveries are"
        return f"{there} not there; see: gateway queue unknown"
    stay = "1 stays as it is" if n == 1 else f"{number(n)} stay as they are"
    return f"{stay}: {REFUSED.get(code, code)}."


def unknown(data: Data, zone: str, wide: int) -> list[str]:
    """Return the page of what nobody knows."""
    times = Times(zone, data["now"])
    n = sum(group["n"] for group in data["groups"])
    if not n:
        return ["UNKNOWN  nothing: of everything that was sent it is known what became of it"]
    page = lines(
        "UNKNOWN", [f"{several(n, 'delivery', 'deliveries')} without a clear answer"], wide
    )
    for index, group in enumerate(data["groups"]):
        why = ": ".join(filter(None, (group["code"], masked(group["reason"]))))
        head = f"{number(group['n'])} {group['kind']} of {group['sender']}"
        pieces = [head, why, f"the oldest since {times.short(group['oldest'])}"]
        page += lines("by" if not index else "", pieces, wide)
    page += _rows(data["rows"], times)
    wait = span(int(data["after"] * 1e6))
    again = " and ".join(data["resend"])
    policy = f"{again} goes again after {wait}, the rest waits" if again else "they wait"
    page += lines("then", [f"a late status settles them; {policy} for a person"], wide)
    example = ids.show("d", data["rows"][0]["id"]) if data["rows"] else "d-…"
    do = [f"gateway queue resolve {example} --sent  (or --not-sent, or --resend)"]
    messages = dict.fromkeys(row["number"] for row in data["rows"])
    do += [f"all of #{n}: gateway queue resolve --message {n} --sent" for n in messages][:1]
    return page + steps("do", do, wide)


def failed(data: Data, zone: str, wide: int) -> list[str]:
    """Return the page of what failed for good."""
    times = Times(zone, data["now"])
    n = sum(group["n"] for group in data["groups"])
    if not n:
        return ["FAILED   nothing"]
    page = lines("FAILED", [several(n, "delivery", "deliveries")], wide)
    for index, group in enumerate(data["groups"]):
        why = ": ".join(filter(None, (group["code"], masked(group["reason"]))))
        head = f"{number(group['n'])} {group['kind']} of {group['sender']}"
        page += lines("by" if not index else "", [head, why], wide)
    page += _rows(data["rows"], times)
    code = data["groups"][0]["code"]
    do = [
        f"when mended: gateway queue retry --code {code}" if code else "gateway queue retry --all",
        "gateway queue failed --export failed.csv",
    ]
    return page + steps("do", do, wide)


def _rows(rows: Sequence[Data], times: Times) -> list[str]:
    cells = [
        [
            ids.show("d", row["id"]),
            f"#{row['number']}",
            ids.show("c", row["contact"]),
            row["code"],
            f"since {times.short(row['since'])}",
        ]
        for row in rows
    ]
    return [padded("such as" if not i else "", LABEL) + row for i, row in enumerate(aligned(cells))]


def exported(row: Data) -> dict[str, Any]:
    """Return a row as a file keeps it: ids as people read them, the time in UTC, no number."""
    return {
        "delivery": ids.show("d", row["id"]),
        "message": row["number"],
        "kind": row["kind"],
        "contact": ids.show("c", row["contact"]),
        "sender": row["sender"],
        "code": row["code"],
        "reason": masked(row["reason"]),
        "at": datetime.fromtimestamp(row["since"] / 1e6, UTC).isoformat(timespec="seconds"),
        "tries": row["tries"],
    }


# --- what became of a message -------------------------------------------------------------------
NO_NEWS = (
    ("sent", "sent, the phone may be off"),
    ("accepted", "accepted, and no status came"),
)
NOT_YET = ("queued", "leased", "sending", "held", "paused")


def report(data: Data, wide: int) -> list[str]:
    """Return the page of what became of a message."""
    times = Times(data["time_zone"], data["now"])
    counts = data["counts"]
    total = max(data["audience"] or 0, sum(counts.values()))
    page = lines(f"#{data['number']}", [quoted(data["title"], wide - LABEL - 2)], wide)
    if not total:
        return page + lines("reached", ["nobody yet: it did not start"], wide)
    share = f"{100 * data['reached'] / total:.1f} %"
    page += lines(
        "reached", [f"{number(data['reached'])} of {several(total, 'person', 'people')}", share],
        wide,
    )  # fmt: skip
    reached = [f"at least {number(data['read'])}"] if data["reached"] else []
    reached += ["who hides it is not among them"] if data["reached"] else []
    page += lines("read", reached, wide)
    page += lines(
        "no news", [f"{number(counts[state])} {word}" for state, word in NO_NEWS if counts.get(state)],
        wide,
    )  # fmt: skip
    for state, label in (("failed", "failed"), ("unknown", "unknown"), ("dropped", "not sent")):
        reasons = data["reasons"][state]
        said = [f"{number(one['n'])} {_why(one)}" for one in reasons]
        if len(said) > 1:
            said.insert(0, f"{number(sum(one['n'] for one in reasons))}:")
        for index, piece in enumerate(said):
            page += lines(label if not index else "", [piece], wide)
    waits = {state: counts[state] for state in NOT_YET if counts.get(state)}
    page += lines("waits", [f"{number(n)} {state}" for state, n in waits.items()], wide)
    twice = f"{several(data['twice'], 'person', 'people')}, after an unknown outcome"
    page += lines("twice", [twice if data["twice"] else "nobody"], wide)
    page += lines("withdrew", [several(data["withdrew"], "person", "people") + " after it"], wide)
    page += lines("cost", _cost(data["cost"]), wide)
    return page + lines("took", _took(data, times), wide)


def _why(one: Data) -> str:
    return masked(one["reason"]) or one["code"] or "without a reason"


def _cost(cost: Data) -> list[str]:
    pieces = [f"{number(n)} billed as {category}" for category, n in cost["billed"].items()]
    pieces += [f"{number(cost['free'])} free"] if cost["free"] else []
    if cost["not_told"]:
        pieces.append(f"of {number(cost['not_told'])} the provider has not said it yet")
    if cost.get("amount") is not None:
        pieces.insert(0, f"{cost['amount']:,.2f} {cost['currency']}")
        pieces.append(f"prices of {cost['rates_of']}")
        pieces += [f"no price for {number(n)} in {land}" for land, n in cost["unpriced"].items()]
    return pieces


def _took(data: Data, times: Times) -> list[str]:
    first, last = data["first"], data["last"]
    if first is None:
        return []
    length = [span(last - first)] if last is not None and last > first else []
    return [*length, f"{times.stamp(first)} to {times.stamp(last or first)}"]
