"""`gateway message …` and `gateway send`."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

import click

from gateway.cli import message_page, outcome_page, plan_page
from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, limit_option, show, show_as, show_json
from gateway.cli.person import by_option, own_name
from gateway.cli.words import clean, columns, number, several

_number = click.argument("number", metavar="MESSAGE")


@click.group()
def message() -> None:
    """List, show, plan, approve, pause, resume, cancel and report messages.

    MESSAGE is a number as in `gateway message list`: 412 or #412.
    """


@message.command("list")
@limit_option("How many, the newest first.")
@json_option
@click.pass_obj
def list_(target: Target, limit: int, as_json: bool) -> None:
    """The newest messages."""
    with target.opened() as session:
        found = session.call("message_list", limit=limit)
        zone = session.config.company.time_zone
    if as_json:
        show_json(found)
    else:
        head, *rows = message_page.render_list(clean(found), zone, columns())
        show([click.style(head, bold=True) if rows else head, *rows])


@message.command("show")
@_number
@json_option
@click.pass_obj
def show_(target: Target, number: str, as_json: bool) -> None:
    """One message: its words, what the checks said, how far it is."""
    with target.opened() as session:
        found = session.call("message_show", message=number, by=own_name())
        zone = session.config.company.time_zone
    show_as(found, lambda told: message_page.render(told, zone, columns()), as_json=as_json)


@message.command()
@_number
@json_option
@click.pass_obj
def report(target: Target, number: str, as_json: bool) -> None:
    """What became of it: reached, failed, cost."""
    found = target.call("message_report", message=number)
    show_as(found, lambda told: outcome_page.report(told, columns()), as_json=as_json)


@message.command("plan")
@_number
@json_option
@click.pass_obj
def plan_(target: Target, number: str, as_json: bool) -> None:
    """Before it starts: reach, duration, cost."""
    found = target.call("message_plan", message=number)
    show_as(found, lambda told: plan_page.render(told, columns()), as_json=as_json)


def _set(target: Target, message: str, action: str, by: str, as_json: bool, said: str) -> None:
    done = target.call("message_set", message=message, action=action, by=by)
    if as_json:
        show_json(done)
    else:
        show(f"#{done['message']} {said}{_gone(done)}")


def _gone(done: dict[str, Any]) -> str:
    """What a command came too late for."""
    if done["action"] not in ("cancel", "pause") or not done["gone"]:
        return ""
    people = several(done["gone"], "person", "people")
    return f"  It went to {people} before, {number(done['left'])} waited."


@message.command()
@_number
@by_option
@json_option
@click.pass_obj
def approve(target: Target, number: str, by: str, as_json: bool) -> None:
    """Release what is held; every other check still counts."""
    _set(target, number, "approve", by, as_json, "is released and goes through the checks again.")


@message.command()
@_number
@by_option
@json_option
@click.pass_obj
def cancel(target: Target, number: str, by: str, as_json: bool) -> None:
    """Send no more of it, for good.  What was sent stays sent.

    A message that is through is refused: nothing of it waits.
    """
    _set(target, number, "cancel", by, as_json, "is cancelled; nothing more of it goes out.")


@message.command("pause")
@_number
@by_option
@json_option
@click.pass_obj
def pause_(target: Target, number: str, by: str, as_json: bool) -> None:
    """Send no more of it until it is resumed."""
    said = f"is paused.  Go on: gateway message resume {number.lstrip('#')}"
    _set(target, number, "pause", by, as_json, said)


@message.command("resume")
@_number
@by_option
@json_option
@click.pass_obj
def resume_(target: Target, number: str, by: str, as_json: bool) -> None:
    """Let a paused message go on."""
    _set(target, number, "resume", by, as_json, "goes on.")


@click.command()
@click.option("--topic", help="To everybody who agreed to this topic.")
@click.option("--to", metavar="WHO", help="To one contact: a phone number, a user id or c-….")
@click.option("--title", default="", help="Its title.")
@click.option("--text", default="", help="Its text; - reads it from stdin.")
@click.option("--link", default="", help="Where it leads.")
@click.option("--image", help="Address of a picture.")
@click.option(
    "--kind",
    type=click.Choice(["marketing", "utility", "service"]),
    default="marketing",
    show_default=True,
)
@click.option("--language", help="Such as de.")
@click.option(
    "--id",
    "external_id",
    help="A message with an id that was accepted before is refused.  Default: made of the"
    " message, so that the same one does not go out twice.",
)
@click.option("--basis", help="What a utility message rests on.")
@json_option
@click.pass_context
def send(context: click.Context, /, as_json: bool, external_id: str | None, **fields: Any) -> None:
    """Hand in a message yourself; it goes the way of every other.

    Consent, filter and limits count as always: marketing reaches those who agreed, nobody else.
    """
    if fields["text"] == "-":
        fields["text"] = sys.stdin.read().strip()
    if not fields["topic"] and not fields["to"]:
        raise click.UsageError("Say to whom: --topic or --to.")
    if fields["kind"] == "marketing" and not fields["topic"]:
        raise click.UsageError(
            "Marketing rests on the consent to a topic: give --topic, or another --kind."
        )
    if not any(fields[name] for name in ("title", "text", "link", "image")):
        raise click.UsageError("There is nothing to send: give --title or --text.")
    with context.ensure_object(Target).opened() as session:
        try:
            done = session.call("send", external_id=external_id or _digest(fields), **fields)
        except Trouble as error:
            if external_id is None and "was accepted before" in str(error):
                raise Trouble(
                    "exactly this was sent before; to send it again, give it an --id"
                ) from error
            raise
        running = session.running
    if as_json:
        show_json(done)
        return
    later = "" if running else "  The gateway is not running: it goes when it starts."
    n = done["message"]
    show(f"#{n} is accepted and goes through the checks.  See: gateway message show {n}{later}")


def _digest(fields: dict[str, Any]) -> str:
    text = json.dumps(fields, sort_keys=True)
    return "command-" + hashlib.sha256(text.encode()).hexdigest()[:16]
