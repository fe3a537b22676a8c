"""`gateway queue unknown|resolve|failed|retry`: what did not end well, and what is made of it."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.cli import outcome_page
from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, limit_option, show, show_as, show_json
from gateway.cli.person import by_option
from gateway.cli.reach import Session
from gateway.cli.words import columns, several

ROWS = 500
"""Rows that an export asks for at a time."""

HOW = {"sent": "counted as sent", "not_sent": "queued again", "resend": "queued again"}

EXPORTED = (
    "delivery", "message", "kind", "contact", "sender", "code", "reason", "at", "tries",
)  # fmt: skip

_message = click.option("--message", metavar="MESSAGE", help="Only of this message, such as 412.")
_sender = click.option("--sender", default="", help="Only of this sender.")
_code = click.option("--code", default="", help="Only those with this code, such as 132012.")
_since = click.option("--since", default="", metavar="TIME", help="2h, 3d, 2026-03-02, …")
_limit = limit_option("Rows, the oldest first.")


@click.command()
@_message
@_sender
@click.option("--kind", default="", help="Only marketing, utility, service or confirmation.")
@_limit
@json_option
@click.pass_obj
def unknown(target: Target, /, as_json: bool, **filters: Any) -> None:
    """What was sent, and nobody knows its outcome.

    No clear answer came, and no status.  A status that comes late settles it by itself.  Nothing
    of it is sent twice unless you say so: gateway queue resolve.
    """
    with target.opened() as session:
        data = session.call("queue_unknown", **filters)
        zone = session.config.company.time_zone
    show_as(data, lambda told: outcome_page.unknown(told, zone, columns()), as_json=as_json)


@click.command()
@click.argument("deliveries", nargs=-1, metavar="[DELIVERY]...")
@_message
@click.option("--all", "everything", is_flag=True, help="All that are unknown.")
@click.option("--sent", "how", flag_value="sent", help="It went out: count it as sent.")
@click.option(
    "--not-sent", "how", flag_value="not_sent", help="It did not: send it, if it still may go."
)
@click.option(
    "--resend", "how", flag_value="resend", help="Send it again though the person may get it twice."
)
@by_option
@json_option
@click.pass_obj
def resolve(
    target: Target,
    deliveries: tuple[str, ...],
    message: str | None,
    everything: bool,
    how: str | None,
    by: str,
    as_json: bool,
) -> None:
    """Decide about it: sent, not sent, or send again.

    DELIVERY is d-… as in `gateway queue unknown`.  Questions to people are never repeated, nor is
    anything that expired, was cancelled, or was followed by a STOP.
    """
    if how is None:
        raise click.UsageError("Say what became of it: --sent, --not-sent or --resend.")
    if sum((bool(deliveries), message is not None, everything)) != 1:
        raise click.UsageError("Say which: some DELIVERY, --message or --all.")
    with target.opened() as session:
        done = _all(
            session, "queue_resolve", how=how, by=by, deliveries=deliveries, message=message
        )
    _show_done(done, HOW[how], as_json)


@click.command()
@_message
@_code
@_sender
@_since
@_limit
@click.option(
    "--export",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write all of them into FILE.csv or FILE.json.",
)
@json_option
@click.pass_obj
def failed(target: Target, /, export: Path | None, as_json: bool, **filters: Any) -> None:
    """What failed for good, with the answer."""
    if export is not None and export.suffix not in (".csv", ".json"):
        raise click.UsageError("--export: name a file that ends in .csv or .json.")
    with target.opened() as session:
        if export is not None:
            written = _export(session, export, filters)
            if as_json:
                show_json({"file": str(export), "rows": written})
            else:
                show(f"{several(written, 'delivery', 'deliveries')} written to {export}.")
            return
        data = session.call("queue_failed", **filters)
        zone = session.config.company.time_zone
    show_as(data, lambda told: outcome_page.failed(told, zone, columns()), as_json=as_json)


@click.command()
@_message
@_code
@_sender
@_since
@click.option("--all", "everything", is_flag=True, help="All that failed.")
@by_option
@json_option
@click.pass_obj
def retry(target: Target, /, everything: bool, by: str, as_json: bool, **filters: Any) -> None:
    """Send what failed again, once it is mended.

    All checks count once more, consent and expiry too.  What may have reached the person is not
    among it, nor are questions, and nobody who stopped or cannot be reached gets it.
    """
    if not everything and not any(filters.values()):
        raise click.UsageError("Say which: --message, --code, --sender, --since or --all.")
    with target.opened() as session:
        done = _all(session, "queue_retry", by=by, **filters)
    _show_done(done, "queued again", as_json)


def _all(session: Session, operation: str, **arguments: Any) -> dict[str, Any]:
    """Call until nothing is left; returns how many were done, and why others were not."""
    refused: Counter[str] = Counter()
    done, after = 0, [0, 0]
    while True:
        answer = session.call(operation, after=after, **arguments)
        done += answer["done"]
        refused.update(answer["refused"])
        if answer["after"] is None:
            return {"done": done, "refused": dict(refused)}
        after = answer["after"]


def _show_done(done: dict[str, Any], word: str, as_json: bool) -> None:
    if as_json:
        show_json(done)
    else:
        n = done["done"]
        said = [f"{several(n, 'delivery', 'deliveries')} {word}."]
        show([*(said if n or not done["refused"] else []), *outcome_page.refused(done["refused"])])
    if done["refused"]:
        raise click.exceptions.Exit(1)


def _export(session: Session, file: Path, filters: dict[str, Any]) -> int:
    """Write all that failed to a new file; returns how many."""
    rows: list[dict[str, Any]] = []
    after, chosen = [0, 0], filters | {"limit": ROWS}
    while True:
        found = session.call("queue_failed", after=after, **chosen)["rows"]
        rows += [outcome_page.exported(row) for row in found]
        if len(found) < ROWS:
            break
        after = [found[-1]["since"], found[-1]["id"]]
    write: Callable[[Path, list[dict[str, Any]]], None]
    write = _write_csv if file.suffix == ".csv" else _write_json
    try:
        write(file, rows)
    except FileExistsError:
        raise Trouble(f"{file} exists already; name another file") from None
    except OSError as error:
        raise Trouble(f"{file} cannot be written: {error.strerror}") from error
    return len(rows)


def _write_csv(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("x", encoding="utf-8", newline="") as out:
        table = csv.DictWriter(out, EXPORTED)
        table.writeheader()
        table.writerows({name: _cell(value) for name, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe (OWASP, CSV
    injection)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def _write_json(file: Path, rows: list[dict[str, Any]]) -> None:
    with file.open("x", encoding="utf-8") as out:
        json.dump(rows, out, indent=2, ensure_ascii=False)
