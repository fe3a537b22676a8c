"""`gateway trace MESSAGE WHO`: the whole story of one message for one person."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli import trace_page
from gateway.cli.group import Target
from gateway.cli.output import json_option, show, show_json
from gateway.cli.person import own_name
from gateway.cli.words import clean, columns, paint
from gateway.logs import mask_phone, masked


@click.command()
@click.argument("message")
@click.argument("who")
@click.option("--text", is_flag=True, help="Also the words that went out.")
@json_option
@click.pass_obj
def trace(target: Target, message: str, who: str, text: bool, as_json: bool) -> None:
    """The whole story of one message for one person.

    MESSAGE is its number (412 or #412), WHO a phone number, a user id or c-….
    """
    story = hidden(target.call("trace", message=message, who=who, by=own_name()))
    if as_json:
        show_json(story)
    else:
        show(paint(trace_page.render(clean(story), columns(), text=text), None, trace_page.LABEL))


def hidden(story: dict[str, Any]) -> dict[str, Any]:
    """Mask numbers of the person; `gateway contacts show` shows them."""
    person = story["contact"]
    return story | {
        "contact": person
        | {
            "identities": [
                known | {"value": mask_phone(known["value"])}
                for known in person.get("identities", ())
            ],
            "events": [
                event | {"evidence": _masked(event.get("evidence"))}
                for event in person.get("events", ())
            ],
            "inbound": [
                inbound | {"words": masked(inbound.get("words") or "")}
                for inbound in person.get("inbound", ())
            ],
        }
    }


def _masked(evidence: dict[str, Any] | None) -> dict[str, str] | None:
    if evidence is None:
        return None
    return {key: masked(str(value)) for key, value in evidence.items()}
