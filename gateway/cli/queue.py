"""`gateway queue`: what waits, and for what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from gateway import ids
from gateway.cli import outcomes, stops
from gateway.cli.group import Target
from gateway.cli.output import json_option, limit_option, show_as
from gateway.cli.words import (
    LABEL,
    Times,
    columns,
    lines,
    number,
    padded,
    quoted,
    several,
    steps,
)
from gateway.cli.words import table as aligned
from gateway.logs import masked
from gateway.stopping import ALL
from gateway.store.causes import TEMPLATE_PAUSED

WAITS = ("queued", "leased", "sending", "held", "paused", "unknown")


@click.group(invoke_without_command=True)
@limit_option("Examples of what needs a person.")
@json_option
@click.pass_context
def queue(context: click.Context, limit: int, as_json: bool) -> None:
    """What waits to be sent, and what waits for a person."""
    if context.invoked_subcommand is not None:
        return
    target = context.ensure_object(Target)
    with target.opened() as session:
        data = session.call("queue", limit=limit)
        zone = session.config.company.time_zone
    show_as(data, lambda told: render(told, zone, columns()), as_json=as_json)


for _command in (outcomes.unknown, outcomes.resolve, outcomes.failed, outcomes.retry):
    queue.add_command(_command)


def render(data: Mapping[str, Any], zone: str, wide: int) -> list[str]:
    """Return the page's lines."""
    times = Times(zone, data["now"])
    waits = [depth for depth in data["depths"] if depth["state"] in WAITS]
    going = sum(d["n"] for d in waits if d["state"] not in ("held", "unknown"))
    person = sum(d["n"] for d in waits if d["state"] in ("held", "unknown"))
    asked = [m for m in data["messages"] if m["state"] == "held" and m["until"] is None]
    for_person = [several(person, "delivery", "deliveries")] if person else []
    for_person += [several(len(asked), "message")] if asked else []
    said = [f"{several(going, 'delivery', 'deliveries')} to send" if going else "nothing to send"]
    if for_person:
        said.append(f"{' and '.join(for_person)} for a person")
    paused = [m for m in data["messages"] if m["paused"]]
    said += [f"{several(len(paused), 'message')} paused"] if paused else []
    if not (for_person or paused or data["stops"] or data.get("storage")):
        said.append("nothing needs you")
    page = lines("QUEUE", said, wide)
    page += _stopped(_all_stops(data), times, wide)
    cells = []
    for sender, kind in dict.fromkeys((d["sender"], d["priority"]) for d in waits):
        states = {
            d["state"]: d["n"] for d in waits if (d["sender"], d["priority"]) == (sender, kind)
        }
        told = " · ".join(f"{number(states[s])} {s}" for s in WAITS if states.get(s))
        cells.append([sender, kind, told])
    page += [padded("waits" if not i else "", LABEL) + row for i, row in enumerate(aligned(cells))]
    upcoming = [
        f"{sender} {times.short(at)}" for sender, at in data["next"].items() if at is not None
    ]
    page += lines("next due", upcoming, wide)
    page += _messages(data["messages"], times, wide)
    for index, group in enumerate(data["groups"]):
        why = ": ".join(filter(None, (group["code"], masked(group["reason"]))))
        label = "look" if not index else ""
        page += lines(label, [f"{number(group['n'])} {group['state']}: {why}"], wide)
    rows = [
        [
            ids.show("d", e["id"]),
            f"#{e['number']}",
            ids.show("c", e["contact"]),
            e["state"],
            f"since {times.short(e['since'])}",
        ]
        for e in data["examples"]
    ]
    page += [padded("such as" if not i else "", LABEL) + row for i, row in enumerate(aligned(rows))]
    return page + _do(data, asked, wide)


def _stopped(stopped: stops.Stops, times: Times, wide: int) -> list[str]:
    found: list[str] = []
    for scope, stop in stopped.items():
        why = "; ".join(stops.reasons(stop)) or "no reason was given"
        found += lines(
            "stopped" if not found else "",
            [f"{stops.what(scope)} since {times.short(stop['since'])}: {why}"],
            wide,
        )
    return found


def _all_stops(data: Mapping[str, Any]) -> stops.Stops:
    """The stops, and a store that cannot write, which stops everything."""
    ails = data.get("storage") or {}
    return {ALL: ails, **data["stops"]} if ails else data["stops"]


def _messages(messages: Sequence[Mapping[str, Any]], times: Times, wide: int) -> list[str]:
    """Messages that nobody gets yet, and those that somebody paused; their deliveries wait above."""
    found: list[str] = []
    before = ""
    for message in reversed(messages):
        if message["paused"]:
            cause = message.get("pause_code")
            why = "paused by a person"
            if cause:
                why = f"paused ({cause}): {masked(message['pause_reason'])}"
        elif message["state"] == "held":
            why = ": ".join(filter(None, ("held", masked(message["reason"]) or message["code"])))
            until = times.short(message["until"]) if message["until"] else ""
            why += f", until {until}" if until not in why else ""
        elif message["state"] == "accepted":
            why = f"came {times.short(message['accepted_at'])}, not looked at yet"
        else:
            continue
        title = f"#{message['number']} {quoted(message['title'], 30)}"
        said = "the same" if why == before else why
        found += lines("messages" if not found else "", [title, said], wide)
        before = why
    return found


def _do(data: Mapping[str, Any], asked: Sequence[Mapping[str, Any]], wide: int) -> list[str]:
    numbers = dict.fromkeys(e["number"] for e in data["examples"] if e["state"] == "held")
    commands = [f"look: gateway message show {message['number']}" for message in asked[:1]]
    if any(e["state"] == "unknown" for e in data["examples"]):
        commands.append("decide: gateway queue unknown")
    commands += [f"when mended: gateway message approve {n}" for n in list(numbers)[:1]]
    commands += [f"gateway message approve {n}" for n in list(numbers)[1:3]]
    paused = [message for message in data["messages"] if message["paused"]]
    commands += [go_on(message) for message in paused[:1]]
    commands += (
        ["what to do, and whether it can wait: gateway status"] if data.get("storage") else []
    )
    return steps("do", [*stops.lifts(data["stops"]), *commands], wide)


def go_on(message: Mapping[str, Any]) -> str:
    """Return what lets a paused message go on."""
    if message.get("pause_code") == TEMPLATE_PAUSED:
        return "it goes on by itself once the template may be sent again"
    return f"go on: gateway message resume {message['number']}"
