"""`gateway retention`: what is kept how long, and what goes next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from gateway.cli.group import Target
from gateway.cli.output import json_option, show, show_json
from gateway.cli.words import Times, number

WORDS = {
    "raw": "raw webhooks of messages",
    "account": "raw webhooks of the account",
    "conversation": "what people wrote",
    "windows": "windows for free text",
    "echoes": "notes that you wrote beside the gateway",
    "cases": "closed questions and requests",
    "sign_ups": "sign-ups on pages",
    "unconfirmed": "people who asked and never confirmed",
    "contacts": "people known for nothing",
    "sent": "messages, with who got them",
    "contents": "contents of messages",
    "proof": "evidence of consents, from their end",
    "journal": "journal",
    "lookups": "who looked at personal data",
}


@click.command()
@click.option("--now", is_flag=True, help="Delete what is over its time now, not within the hour.")
@json_option
@click.pass_obj
def retention(target: Target, now: bool, as_json: bool) -> None:
    """What is kept how long, and what goes next.

    The times are those of [retention] in the settings.  What a person's consent still stands on,
    or who is held (`gateway contacts hold`), stays whatever its age.
    """
    with target.opened() as session:
        found = session.call("retention", now=now)
        zone = session.config.company.time_zone
    if as_json:
        show_json(found)
    else:
        show(render(found, zone))


def render(found: Mapping[str, Any], zone: str) -> list[str]:
    """Return the page's lines."""
    times = Times(zone, found["now"])
    widest = max(len(WORDS[one["what"]]) for one in found["classes"])
    page = [f"{'':{widest}}  {'kept for':>9}  {'rows':>10}  {'over it':>9}  oldest"]
    for one in found["classes"]:
        oldest = times.stamp(one["oldest"]) if one["oldest"] is not None else ""
        kept = "ever" if one["for"] == "0s" else one["for"]
        page.append(
            f"{WORDS[one['what']]:{widest}}  {kept:>9}  {number(one['kept']):>10}"
            f"  {number(one['old']) if one['old'] else '-':>9}  {oldest}".rstrip()
        )
    if found["purged"]:
        page += ["", "Deleted now:"]
        page += [f"  {number(n)}  {WORDS[what]}" for what, n in sorted(found["purged"].items())]
    page += ["", "What a standing consent rests on, and who is held, stays whatever its age."]
    return page
