"""`gateway pause`, `resume` and `sender`: stop sending, and let it go on."""

from __future__ import annotations

import click

from gateway.cli.group import Target
from gateway.cli.output import json_option, show, show_json

REASON = "paused by a person"
_reason = click.option("--reason", default=REASON, show_default=True, help="Stands in the status.")


@click.command()
@_reason
@json_option
@click.pass_obj
def pause(target: Target, reason: str, as_json: bool) -> None:
    """Stop all sending; what is in the air ends.

    Inputs are still read, and a STOP still counts.  `gateway resume` lifts it.
    """
    done = target.call("pause", reason=reason)
    if as_json:
        show_json(done)
    else:
        show("Nothing is sent any more, from every sender.  Go on: gateway resume")


@click.command()
@json_option
@click.pass_obj
def resume(target: Target, as_json: bool) -> None:
    """Lift the stop of all sending."""
    done = target.call("resume")
    if as_json:
        show_json(done)
    elif done["resumed"]:
        show("Sending goes on.")
    else:
        show("There was no stop; sending was not paused as a whole.  See: gateway status")


@click.group()
def sender() -> None:
    """Stop one sender, or let it go on."""


@sender.command("pause")
@click.argument("name")
@_reason
@json_option
@click.pass_obj
def sender_pause(target: Target, name: str, reason: str, as_json: bool) -> None:
    """Stop one sender; what is in the air ends."""
    done = target.call("sender_pause", sender=name, reason=reason)
    if as_json:
        show_json(done)
    else:
        show(f"{name} sends nothing any more.  Go on: gateway sender resume {name}")


@sender.command("resume")
@click.argument("name")
@json_option
@click.pass_obj
def sender_resume(target: Target, name: str, as_json: bool) -> None:
    """Lift the stop of one sender."""
    done = target.call("sender_resume", sender=name)
    if as_json:
        show_json(done)
    elif done["resumed"]:
        show(f"{name} goes on.")
    else:
        show(f"{name} was not stopped.  See: gateway status")
