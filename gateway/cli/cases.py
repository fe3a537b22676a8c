"""`gateway cases …`: what people asked and nobody answered yet; answer it, or close it."""

from __future__ import annotations

import sys
from typing import Any

import click

from gateway.cli import case_page
from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, show, show_json
from gateway.cli.person import by_option, own_name
from gateway.cli.words import clean, columns, paint

REQUESTS = "access,erasure"


class _Lists(click.Group):
    """Shows the list when it is called without a command."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **{**more, "invoke_without_command": True})


@click.group(cls=_Lists)
@click.option(
    "--kind", default="", metavar="KIND,…", help="question, callback, enquiry, access, erasure."
)
@click.option("--closed", is_flag=True, help="What is done, the newest first.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
@click.pass_context
def cases(context: click.Context, kind: str, closed: bool, limit: int, as_json: bool) -> None:
    """What people asked: open questions, calls, enquiries and requests for data; overdue first.

    CASE is a number such as 12 or #12.
    """
    if context.invoked_subcommand is None:
        _list(context.ensure_object(Target), kind, closed, limit, as_json)


@click.command()
@click.option("--closed", is_flag=True, help="What is done, the newest first.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@json_option
@click.pass_obj
def requests(target: Target, closed: bool, limit: int, as_json: bool) -> None:
    """The register of requests: who wants to know what is stored (Art. 15 GDPR), or to be
    forgotten (Art. 17), and until when.

    The same as gateway cases --kind access,erasure; `gateway cases show` and `close` work on them.
    """
    _list(target, REQUESTS, closed, limit, as_json)


def _list(target: Target, kind: str, closed: bool, limit: int, as_json: bool) -> None:
    kinds = [one.strip() for one in kind.split(",") if one.strip()]
    with target.opened() as session:
        found = session.call("cases", kinds=kinds, closed=closed, limit=limit)
        zone = session.config.company.time_zone
    if as_json:
        show_json(found)
    else:
        show(paint(case_page.listed(clean(found), zone, columns(), closed=closed)))


@cases.command("show", short_help="One case: who asked what, and until when to answer.")
@click.argument("case")
@json_option
@click.pass_obj
def show_(target: Target, case: str, as_json: bool) -> None:
    """One case: who asked what, what was said lately, until when an answer may go; numbers in
    full."""
    with target.opened() as session:
        found = session.call("case_show", case=case, by=own_name())
        zone = session.config.company.time_zone
        now = session.call("cases", limit=1)["now"]
    if as_json:
        show_json(found)
    else:
        show(paint(case_page.render(clean(found), zone, now, columns())))


@cases.command()
@click.argument("case")
@click.argument("text")
@by_option
@json_option
@click.pass_obj
def answer(target: Target, case: str, text: str, by: str, as_json: bool) -> None:
    """Send TEXT to whoever asked, and close the case with it.

    `-` reads the text from standard input.
    """
    if text == "-":
        text = sys.stdin.read()
    if not text.strip():
        raise Trouble("the answer is empty", code=2)
    done = target.call("case_answer", case=case, text=text, by=by)
    if as_json:
        show_json(done)
    elif done["repeated"]:
        show(f"#{done['case']} has this answer already; nothing was sent again.")
    else:
        show(f"#{done['case']} is answered and closed; the answer goes out now.")


@cases.command()
@click.argument("case")
@by_option
@json_option
@click.pass_obj
def close(target: Target, case: str, by: str, as_json: bool) -> None:
    """Close a case that was settled in another way; nothing is sent."""
    done = target.call("case_close", case=case, by=by)
    if as_json:
        show_json(done)
    else:
        show(f"#{done['case']} is closed; nothing was sent.")
