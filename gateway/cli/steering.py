"""`gateway pause`, `resume` and `sender`: stop sending, and let it go on."""

from __future__ import annotations

from typing import Any

import click

from gateway.cli.group import Target
from gateway.cli.output import json_option, show, show_json
from gateway.cli.replacing import sender_list, sender_replace
from gateway.cli.words import clean, columns, wrapped
from gateway.logs import masked
from gateway.stopping import PERSON

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
    """Lift the stop of all sending, and what holds marketing until a person looked."""
    done = target.call("resume")
    if as_json:
        show_json(done)
    elif done["resumed"]:
        show("Marketing goes on, and all else." if done["marketing"] else "Sending goes on.")
    else:
        show("There was no stop; sending was not paused as a whole.  See: gateway status")


@click.group()
def sender() -> None:
    """List, pause, resume, probe and replace senders."""


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
    """Lift every stop of one sender, whatever the cause."""
    done = target.call("sender_resume", sender=name)
    if as_json:
        show_json(done)
    elif done["resumed"]:
        causes = [code for code in done["causes"] if code != PERSON]
        lifted = f"  Lifted: {', '.join(causes)}; if a cause is still there, it stops again."
        show(f"{name} goes on.{lifted if causes else ''}")
    else:
        show(f"{name} was not stopped.  See: gateway status")


@sender.command("probe")
@click.argument("name")
@json_option
@click.pass_obj
def sender_probe(target: Target, name: str, as_json: bool) -> None:
    """Ask the provider whether a sender may send again.

    Nothing is sent.  What is mended goes on at once; exit status 1 says that something still
    stops it.  A stopped sender is probed by itself too, less often as time passes.
    """
    found = target.call("sender_probe", sender=name)
    if as_json:
        show_json(found)
    else:
        wide = columns()
        show([part for line in _probed(clean(found)) for part in wrapped(line, wide)])
    if found["left"] or found["trouble"]:
        raise SystemExit(1)


def _probed(found: dict[str, Any]) -> list[str]:
    name, left = found["sender"], found["left"]
    said = [f"Mended: {', '.join(found['mended'])}."] if found["mended"] else []
    if found["trouble"]:
        said.append(f"The provider did not say that it is mended: {masked(found['trouble'])}")
    said += [f"Still stopped ({one['code']}): {masked(one['reason'])}" for one in left]
    if left:
        said.append(f"To go on whatever the provider says: gateway sender resume {name}")
    elif not found["trouble"]:
        said.append(f"{name} may send.")
    return said


sender.add_command(sender_list)
sender.add_command(sender_replace)
