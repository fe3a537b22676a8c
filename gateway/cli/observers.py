"""`gateway observers …`: who is told what happens, what could not be told, telling it again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gateway.cli.group import Target
from gateway.cli.output import json_option, show, show_json
from gateway.cli.words import LABEL, Times, clean, columns, lines, number, paint, several, table
from gateway.logs import masked


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def observers(context: click.Context, as_json: bool) -> None:
    """Who is told what happens: how far each is, what it waits for, what it could not take."""
    if context.invoked_subcommand is not None:
        return
    with context.ensure_object(Target).opened() as session:
        found = session.call("observers")
        zone = session.config.company.time_zone
    if as_json:
        show_json(found)
    else:
        show(paint(_page(clean(found), zone, columns())))


def _page(data: Mapping[str, Any], zone: str, wide: int) -> list[str]:
    times = Times(zone, data["now"])
    if not data["observers"]:
        return lines("TOLD", ["nobody: there is no observer"], wide)
    page: list[str] = []
    for label, figures in data["observers"].items():
        pieces = [f"{label} ({figures['plugin']})" if label != figures["plugin"] else label]
        behind = figures["behind"]
        pieces.append(f"{several(behind, 'event')} behind" if behind else "up to date")
        if figures["dead"]:
            pieces.append(several(figures["dead"], "dead letter"))
        page += lines("TOLD" if not page else "", pieces, wide)
        if figures["waits"]:
            waits = figures["waits"]
            told = f"waits since {times.short(waits['since'])}: {masked(waits['why'])}"
            page += lines("", [told, f"tries again {times.short(waits['until'])}"], wide)
    first = next((name for name, one in data["observers"].items() if one["dead"]), None)
    if first is not None:
        do = [f"gateway observers dead-letters {first}", f"gateway observers retry {first} --all"]
        page += lines("do", do, wide)
    return page


@observers.command("dead-letters")
@click.argument("observer", required=False)
@json_option
@click.pass_obj
def dead_letters(target: Target, observer: str | None, as_json: bool) -> None:
    """What observers could not take, and why."""
    with target.opened() as session:
        found = session.call("dead_letters", observer=observer)
        zone = session.config.company.time_zone
    if as_json:
        show_json(found)
        return
    found = clean(found)
    if not found["letters"]:
        show("There are no dead letters.")
        return
    times = Times(zone, found["now"])
    rows = []
    for one in found["letters"]:
        what = one["name"] or "purged"
        what += f" {one['code']}" if one["code"] else ""
        rows.append([one["observer"], str(one["event"]), times.short(one["at"]), what])
    page: list[str] = []
    for row, one in zip(table(rows, right=(1,)), found["letters"], strict=True):
        page += [row, " " * LABEL + masked(one["reason"])]
    letter = found["letters"][0]
    page += lines(
        "do", [f"gateway observers retry {letter['observer']} {letter['event']}"], columns()
    )
    show(page)


@observers.command(short_help="Give an observer a dead letter again.")
@click.argument("observer")
@click.argument("event", type=int, required=False)
@click.option("--all", "whole", is_flag=True, help="All dead letters of this observer.")
@json_option
@click.pass_obj
def retry(target: Target, observer: str, event: int | None, whole: bool, as_json: bool) -> None:
    """Give an observer a dead letter again, once the cause is mended."""
    if (event is None) != whole:
        raise click.UsageError("name the number of one dead letter, or --all")
    done = target.call("observer_retry", observer=observer, event=event)
    if as_json:
        show_json(done)
        return
    show(f"{observer} is given {several(done['again'], 'event')} again.")
    if done["purged"]:
        show(f"{several(done['purged'], 'event')} cannot be given: the journal keeps no trace.")


@observers.command(short_help="Give an observer again what happened since a time.")
@click.argument("observer")
@click.option("--since", required=True, metavar="TIME", help="2h, 3d, 2026-03-02, …")
@json_option
@click.pass_obj
def replay(target: Target, observer: str, since: str, as_json: bool) -> None:
    """Give an observer again all that happened since a time, such as after a CRM lost it.

    What it hands in is known by its id and not accepted twice; what it does outside (mails,
    webhooks) it does again.
    """
    done = target.call("observer_replay", observer=observer, since=since)
    if as_json:
        show_json(done)
    else:
        show(f"{observer} is given {number(done['events'])} events again.")
