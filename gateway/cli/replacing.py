"""`gateway sender list` and `gateway sender replace`: the numbers, and one for a lost one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gateway.cli.group import Target
from gateway.cli.output import json_option, show_as
from gateway.cli.stops import lifts
from gateway.cli.words import Times, columns, lines, number, several, span, steps
from gateway.logs import mask_phone, masked
from gateway.stopping import PERSON, sender_scope

Data = Mapping[str, Any]

START = [0, 0]


@click.command("list", short_help="Every sender: limits, quality, stops, topics.")
@json_option
@click.pass_obj
def sender_list(target: Target, as_json: bool) -> None:
    """Every sender: its limits, its quality, what stops it, which topics it has."""
    with target.opened() as session:
        found = session.call("senders")
        zone = session.config.company.time_zone
    show_as(found, lambda told: senders_page(told, zone, columns()), as_json=as_json)


def senders_page(data: Data, zone: str, wide: int) -> list[str]:
    """Return the page's lines."""
    times = Times(zone, data["now"])
    page: list[str] = []
    for name, one in data["senders"].items():
        shown = one["display"]
        number_of_ours = shown.lstrip("+")[:1].isdigit()
        pieces = [name, mask_phone(shown) if number_of_ours else masked(shown)]
        page += lines("" if page else "SENDERS", [*pieces, *facts(one)], wide)
        if one["sharing"]:
            page += lines("", [f"shares its limit with {', '.join(one['sharing'])}"], wide)
        topics = ", ".join(one["topics"])
        page += lines("", [f"topics: {topics}" if topics else "no topic"], wide)
        quota = (one["live"] or {}).get("quota")
        if quota:
            word = "LIMIT USED UP" if quota["used"] >= quota["of"] else "limit"
            within = span(int(quota["s"] * 1e6))
            used = f"{word}: {number(quota['used'])} of {number(quota['of'])} people in {within}"
            page += lines("", [used, "" if one["tier_known"] else "nobody told the tier yet"], wide)
        for stop in one["stops"]:
            what = "MARKETING WAITS" if stop["marketing"] else "STOPPED"
            code = "" if stop["code"] == PERSON else f" ({stop['code']})"
            said = f"{what} since {times.short(stop['since'])}{code}: {masked(stop['reason'])}"
            page += lines("", [said], wide)
    return page + steps("do", lifts(_scopes(data["senders"])), wide)


def _scopes(senders: Mapping[str, Data]) -> dict[str, Any]:
    """Return the stops by scope, as the status has them."""
    found: dict[str, Any] = {}
    for name, one in senders.items():
        for stop in one["stops"]:
            scope = stop.get("scope") or sender_scope(name, marketing=stop["marketing"])
            about = found.setdefault(scope, {"since": stop["since"], "causes": []})
            about["causes"].append(stop)
    return found


def facts(one: Data) -> list[str]:
    """What a provider told of a sender, in words."""
    found = []
    if one["quality"]:
        found.append(f"quality {one['quality']}")
    if one["tier_known"]:
        people = several(one["tier"] or 0, "person", "people")
        found.append("tier: no limit" if one["tier"] is None else f"tier: {people} a day")
    if one["per_second"] is not None:
        found.append(f"at most {one['per_second']:g}/s")
    return found


@click.command("replace", short_help="Give a sender the place of one that was lost.")
@click.argument("old")
@click.argument("new")
@click.option("--really", is_flag=True, help="Do it; without this it is only counted.")
@json_option
@click.pass_obj
def sender_replace(target: Target, old: str, new: str, really: bool, as_json: bool) -> None:
    """Give NEW what waits with OLD, such as when a number was lost.

    Nobody has to sign up again: people agreed to the company's topics, whatever the number.
    Without --really nothing changes; it says what would happen.  Afterwards name the new one in
    [topics.…] sender, check, and start again.  It may be run again: what is done stays done.
    """
    found: dict[str, Any] = {}
    position: Any = START
    with target.opened() as session:
        while position is not None:
            step = session.call(
                "sender_replace", old=old, new=new, position=position, really=really
            )
            position = step.pop("position")
            for count in ("moved", "dropped", "stay"):
                step[count] += found.get(count, 0)
            found |= step
    show_as(found, lambda told: replaced_page(told, columns()), as_json=as_json)


def replaced_page(found: Data, wide: int) -> list[str]:
    """Return what was done, or what would be."""
    old, new, really = found["old"], found["new"], found["really"]
    waits = several(found["moved"], "delivery", "deliveries")
    head = f"{waits} {'go' if really else 'would go'} from {old} to {new}"
    page = lines("REPLACED" if really else "REPLACE", [head], wide)
    if found["dropped"]:
        lost = several(found["dropped"], "delivery", "deliveries")
        page += lines(
            "", [f"{lost} {'dropped' if really else 'would be dropped'}: those people are known to"
                 f" {old} by a user id alone, which means nothing to {new}"], wide,
        )  # fmt: skip
    if found["stay"]:
        stay = several(found["stay"], "delivery stays", "deliveries stay")
        page += lines(
            "", [f"{stay} with {old}: begun, not known how it ended, or an answer in a window that"
                 " does not move"], wide,
        )  # fmt: skip
    people = found["people"]
    reach = [f"{number(people['phone'])} by their number"]
    if people["user_id"]:
        where = (
            "the same portfolio" if found["same_portfolio"] else "another portfolio: NOT reached"
        )
        reach.append(f"{number(people['user_id'])} by a user id alone, {where}")
    reach.append("nobody has to sign up again")
    page += lines("people", reach, wide)
    if people["lost"]:
        page += lines("", ["who is not reached is found again by writing to the new number"], wide)
    if not found["same_portfolio"]:
        page += lines("look", [f"the templates have to exist in the account of {new}"], wide)
    do = [] if really else [f"gateway sender replace {old} {new} --really"]
    do += [f'[topics.{topic}] sender = "{new}"' for topic in found["topics"]]
    if really:
        do.append("gateway check; then start the gateway again")
    return page + lines("do", do, wide)
