"""`gateway queue`: what waits, and for what."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gateway import ids
from gateway.cli.group import Target
from gateway.cli.output import json_option, show, show_json
from gateway.cli.words import LABEL, Times, clean, columns, lines, number, padded, paint, several
from gateway.cli.words import table as aligned
from gateway.logs import masked

WAITS = ("queued", "leased", "sending", "held", "paused", "unknown")


@click.command()
@click.option("--limit", default=20, show_default=True, help="Examples of what needs a person.")
@json_option
@click.pass_obj
def queue(target: Target, limit: int, as_json: bool) -> None:
    """What waits to be sent, and what waits for a person."""
    with target.opened() as session:
        data = session.call("queue", limit=limit)
        zone = session.config.company.time_zone
    if as_json:
        show_json(data)
    else:
        show(paint(render(clean(data), zone, columns())))


def render(data: Mapping[str, Any], zone: str, wide: int) -> list[str]:
    """Return the page's lines."""
    waits = [depth for depth in data["depths"] if depth["state"] in WAITS]
    going = sum(d["n"] for d in waits if d["state"] not in ("held", "unknown"))
    person = sum(d["n"] for d in waits if d["state"] in ("held", "unknown"))
    said = [f"{several(going, 'delivery', 'deliveries')} to send" if going else "nothing to send"]
    said.append(f"{number(person)} for a person" if person else "nothing needs you")
    page = lines("QUEUE", said, wide)
    cells = []
    for sender, kind in dict.fromkeys((d["sender"], d["priority"]) for d in waits):
        states = {
            d["state"]: d["n"] for d in waits if (d["sender"], d["priority"]) == (sender, kind)
        }
        told = " · ".join(f"{number(states[s])} {s}" for s in WAITS if states.get(s))
        cells.append([sender, kind, told])
    page += [padded("waits" if not i else "", LABEL) + row for i, row in enumerate(aligned(cells))]
    for index, group in enumerate(data["groups"]):
        why = ": ".join(filter(None, (group["code"], masked(group["reason"]))))
        label = "look" if not index else ""
        page += lines(label, [f"{number(group['n'])} {group['state']}: {why}"], wide)
    times = Times(zone, max((e["since"] for e in data["examples"]), default=0))
    rows = [
        [
            ids.show("d", e["id"]),
            f"#{e['number']}",
            ids.show("c", e["contact"]),
            e["state"],
            f"since {times.stamp(e['since'])}",
        ]
        for e in data["examples"]
    ]
    page += [padded("such as" if not i else "", LABEL) + row for i, row in enumerate(aligned(rows))]
    return page + _do(data, wide)


def _do(data: Mapping[str, Any], wide: int) -> list[str]:
    numbers = dict.fromkeys(e["number"] for e in data["examples"] if e["state"] == "held")
    commands = [f"gateway message approve {n}" for n in list(numbers)[:3]]
    if not commands:
        return []
    return lines("do", [f"when mended: {commands[0]}", *commands[1:]], wide)
