"""`gateway contacts …`: import people, look at one, withdraw for one."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli import contact_page
from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, show, show_json
from gateway.cli.person import own_name
from gateway.cli.rights import erase, export, hold, release
from gateway.cli.words import clean, columns, paint, several
from gateway.logs import masked

if TYPE_CHECKING:
    from gateway.cli.importing import Outcome


@click.group()
def contacts() -> None:
    """People: import them with their proof, look at one, withdraw, export, erase, hold.

    WHO is a phone number, a user id or c-….
    """


for rights in (export, erase, hold, release):
    contacts.add_command(rights)


@contacts.command("show")
@click.argument("who")
@json_option
@click.pass_obj
def show_(target: Target, who: str, as_json: bool) -> None:
    """All that is known of one contact, numbers in full."""
    with target.opened() as session:
        found = session.call("contacts_show", who=who, by=own_name())
        zone = session.config.company.time_zone
    if as_json:
        show_json(found)
    else:
        show(paint(contact_page.render(clean(found), zone, time.time_ns() // 1000, columns())))


@contacts.command(short_help="Withdraw for a person who asked by another way.")
@click.argument("who")
@click.option("--topic", help="From this one only; without, from everything.")
@json_option
@click.pass_obj
def withdraw(target: Target, who: str, topic: str | None, as_json: bool) -> None:
    """Withdraw for a person who asked by another way; final like a STOP.

    Only the person's own new sign-up lifts it.
    """
    done = target.call("contacts_withdraw", who=who, topic=topic)
    if as_json:
        show_json(done)
        return
    dropped = several(done["dropped"], "open delivery", "open deliveries")
    show(
        f"{done['withdrawn']} is withdrawn from {topic or 'everything'}; {dropped} dropped.\n"
        "Only this person's own new sign-up lifts it."
    )


@contacts.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--topic", help="What rows without a column topic are about.")
@click.option(
    "--rejects",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write rows without consent, and bad ones, to this CSV file.",
)
@click.option(
    "--proof-files",
    "proofs",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder with the scans that the column file names.",
)
@click.option("--check", is_flag=True, help="Say what would become of each row; write nothing.")
@json_option
@click.pass_context
def import_(
    context: click.Context,
    file: Path,
    topic: str | None,
    rejects: Path | None,
    proofs: Path | None,
    check: bool,
    as_json: bool,
) -> None:
    """Import people from a CSV file.

    The first line names the columns.  phone or user_id: who it is.  topic, confirmed_at, source
    and wording: for what, when, where and in which words the person agreed; all four are needed.
    A row without them is stored without consent, and nothing is ever sent to that person: a claim
    is no proof.  language and name are kept; every other column is kept as evidence.

    file names a scan or screenshot of the consent in the folder of --proof-files: it is copied
    beside the database, and its SHA-256 stands in the evidence.

    UTF-8 or Windows-1252; commas, semicolons or tabs.  Repeating an import changes nothing;
    --check says before what will become of it.  Exit status 1 if a row was refused.
    """
    from gateway.cli import importing, sheet
    from gateway.cli.proof_folder import ProofFolder
    from gateway.tables import meant

    target = context.ensure_object(Target)
    try:
        table = sheet.read(file)
    except sheet.SheetError as error:
        raise Trouble(masked(clean(str(error)))) from error
    for hint in table.hints:
        click.echo(masked(clean(f"{file}: {hint}")), err=True)
    if table.encoding == "cp1252":
        click.echo(
            f"{file} is no UTF-8; it is read as Windows-1252 (Excel).  Look at a name with an"
            " umlaut: gateway contacts show",
            err=True,
        )
    outcome: Outcome
    with target.opened() as session:
        known = session.config.topics
        if topic is not None and topic not in known:
            raise Trouble(f"there is no topic {topic!r}; {meant(topic, known)}")
        files = ProofFolder(proofs) if proofs is not None else None
        outcome = importing.run(session, table, file.name, topic, check=check, files=files)
    failed = bool(outcome.counts["refused"])
    if rejects is not None:
        try:
            importing.write_rejects(rejects, table, outcome)
        except OSError as error:
            click.echo(f"{rejects}: not written: {error.strerror}", err=True)
            rejects, failed = None, True
    if as_json:
        show_json(outcome.as_json(table))
    else:
        show(importing.render(outcome, columns(), rejects))
    context.exit(1 if failed else 0)
