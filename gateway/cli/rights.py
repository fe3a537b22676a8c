"""`gateway contacts export|erase|hold|release`: what a person may demand, and what stands against it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, show, show_json
from gateway.cli.person import own_name
from gateway.cli.words import several


@click.command(short_help="All that is stored about a person.")
@click.argument("who")
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, readable for you alone.",
)
@click.option("--readable", is_flag=True, help="A page for people (HTML) instead of JSON.")
@click.pass_obj
def export(target: Target, who: str, out: Path, readable: bool) -> None:
    """All that is stored about a person, for that person (Articles 15 and 20 GDPR).

    JSON for programs, or with --readable a page in the person's language that can be printed.
    """
    with target.opened() as session:
        found = session.call("contacts_export", who=who, by=own_name())
        if readable:
            from gateway.dossier_page import DossierPage
            from gateway.texts import TextFiles

            texts = TextFiles(session.config.company.language, session.config.texts)
            content = DossierPage(found, session.config, texts).render(datetime.now(UTC))
        else:
            content = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    _write(out, content)
    sent, received = len(found["sent"]), len(found["received"])
    show(
        f"{found['contact']}: {several(len(found['identities']), 'identity', 'identities')},"
        f" {several(len(found['consent_events']), 'consent event')}, {several(sent, 'message')} sent,"
        f" {received:,} received.  Written to {out}.\n"
        "Hand it to this person alone, by a safe way."
    )


def _write(path: Path, content: str) -> None:
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError:
        raise Trouble(f"{path} is there already; name another file") from None
    except OSError as error:
        raise Trouble(f"{path}: not written: {error.strerror}") from error


@click.command()
@click.argument("who")
@click.option("--reason", default="", help="Why, such as the letter's date; stands in the journal.")
@click.option("--yes", is_flag=True, help="Do not ask back.")
@json_option
@click.pass_obj
def erase(target: Target, who: str, reason: str, yes: bool, as_json: bool) -> None:
    """Forget a person, for good (Article 17 GDPR).

    Withdraws first and waits for what is in the air.  Then names, numbers, words, evidence and
    proof files go.  The consent ledger keeps its events, without what they say about anybody; a
    keyed hash of the number stays, so that no list brings the person back.
    """
    if not yes:
        click.confirm(f"Erase all about {who}?  That cannot be taken back", abort=True, err=True)
    done = target.call("contacts_erase", who=who, reason=reason, by=own_name())
    if as_json:
        show_json(done)
        return
    dropped = several(done["dropped"], "open delivery", "open deliveries")
    identities = several(done["identities"], "identity", "identities")
    show(
        f"{done['erased']} is erased: withdrawn, {dropped} dropped, {identities} and"
        f" {several(done['files'], 'proof file')} deleted.\n"
        "No import brings this person back; only an own sign-up does."
    )


@click.command(short_help="Neither erase nor purge a contact, for a lawsuit.")
@click.argument("who")
@click.option("--reason", required=True, help="Why, such as the court's reference.")
@json_option
@click.pass_obj
def hold(target: Target, who: str, reason: str, as_json: bool) -> None:
    """Keep everything about a contact, such as for a lawsuit: not erased, not purged."""
    done: dict[str, Any] = target.call("contacts_hold", who=who, reason=reason, by=own_name())
    if as_json:
        show_json(done)
    else:
        show(f"{done['held']} is held: {done['reason']}.  `gateway contacts release` ends that.")


@click.command()
@click.argument("who")
@json_option
@click.pass_obj
def release(target: Target, who: str, as_json: bool) -> None:
    """End a hold: what is over its time goes with the next retention."""
    done: dict[str, Any] = target.call("contacts_release", who=who, by=own_name())
    if as_json:
        show_json(done)
    else:
        show(f"{done['released']} is no longer held.")
