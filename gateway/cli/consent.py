"""`gateway consent …`: check the ledger of consents, prove one, answer what is known."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.cli import consent_page, verdict_page
from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, show, show_json
from gateway.cli.person import own_name
from gateway.cli.words import clean, columns, paint

_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_new_file = click.Path(dir_okay=False, path_type=Path)


def _options(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_trust = _options(
    click.option("--key", type=_file, help="The public key that you trust (PEM)."),
    click.option(
        "--timestamp-ca", type=_file, help="Root certificates of the time-stamping service (PEM)."
    ),
)


@click.group()
def consent() -> None:
    """The consent ledger: check it, prove a consent, answer what is known of somebody.

    docs/law.md says what it proves, and what not.
    """


@consent.command()
@click.argument("proof", type=_file, required=False)
@click.option(
    "--anchor",
    "anchors",
    type=_file,
    multiple=True,
    metavar="FILE",
    help="A mail or a log with signed heads; several are fine.",
)
@_trust
@json_option
@click.pass_context
def verify(
    context: click.Context,
    proof: Path | None,
    anchors: tuple[Path, ...],
    key: Path | None,
    timestamp_ca: Path | None,
    as_json: bool,
) -> None:
    """Check this gateway's ledger, or, with PROOF, a file.

    A file is checked by itself: no settings, no database, no network.  Exit status 1 if
    something does not fit.
    """
    from gateway.cli import ledger

    trusted, certificates = ledger.public_key(key), ledger.roots(timestamp_ca)
    if proof is not None:
        from gateway.proof_check import verify as verify_file

        verdict = verify_file(ledger.read_file(proof), trusted, certificates)
        values = verdict_page.verdict_values(verdict)
        page = verdict_page.verdict_page(verdict, str(proof), columns())
    else:
        from gateway.config import load

        config, _ = load(context.ensure_object(Target).file)
        brought = ledger.heads_in(anchors)
        if not certificates:
            certificates = ledger.roots(config.timestamp_ca)
        with ledger.reading(config) as tx:
            look = ledger.Look(tx, brought, trusted, certificates)
        values = consent_page.look_values(look, brought=bool(anchors), given=trusted is not None)
        page = consent_page.look_page(values, config.company.time_zone, columns())
    if as_json:
        show_json(values)
    else:
        show(paint(clean(page), "green" if values["sound"] else "red"))
    context.exit(0 if values["sound"] else 1)


@consent.command(short_help="All that proves one person's consents.")
@click.argument("who")
@click.option("--out", required=True, type=_new_file, help="Where to write it: FILE.json.")
@click.option("--page/--no-page", default=True, help="With a page to read beside it: FILE.html.")
@click.option("--language", help="Of the page; default: the person's, else the company's.")
@json_option
@click.pass_context
def proof(
    context: click.Context,
    who: str,
    out: Path,
    page: bool,
    language: str | None,
    as_json: bool,
) -> None:
    """All that proves one person's consents, in one file and a page to print.

    WHO is a phone number, a user id or c-….  That you looked is recorded.
    """
    import hashlib

    from gateway.cli import ledger
    from gateway.proof_check import verify as verify_file
    from gateway.proof_page import ProofPage
    from gateway.texts import TextFiles

    beside = out.with_suffix(".html")
    for path in (out, beside) if page else (out,):
        if path.exists() or path == beside == out:
            raise Trouble(f"{path} is there already; name another file, such as proof.json")
    with context.ensure_object(Target).opened() as session:
        config = session.config
        content, made = ledger.prove(session, who, own_name())
        key = session.call("consent_public_key")
    verdict = verify_file(content, bytes.fromhex(key["public"]))
    html = ""
    if page:
        words = TextFiles(config.company.language, config.texts)
        spoken = language or made.language or config.company.language
        sha256 = hashlib.sha256(content).hexdigest()
        html = ProofPage(made, words, spoken, file=out.name, sha256=sha256).render()
    ledger.write_new(out, content)
    if page:
        ledger.write_new(beside, html.encode())
    values = {
        "file": str(out),
        "page": str(beside) if page else None,
        "bytes": len(content),
        "events": len(made.events),
        "sent": len(made.sent),
        "key": key["key"],
        "problems": verdict.problems,
    }
    if as_json:
        show_json(values)
    else:
        show(paint(clean(consent_page.proof_page(values, columns()))))
    context.exit(1 if verdict.problems else 0)


@consent.command(short_help="Is somebody known, was erased, or never known?")
@click.argument("identity")
@click.option("--out", type=_new_file, help="Write the answer, signed, to this file.")
@json_option
@click.pass_obj
def find(target: Target, identity: str, out: Path | None, as_json: bool) -> None:
    """Is somebody known, was erased, or was never known?  Also for the answer "we have nothing".

    IDENTITY is a phone number, a user id, or KIND:VALUE.  That you looked is recorded.
    """
    with target.opened() as session:
        found = session.call("consent_find", identity=identity, by=own_name())
        zone = session.config.company.time_zone
    if out is not None:
        from gateway.cli import ledger

        ledger.write_new(out, json.dumps(found["file"], indent=1).encode() + b"\n")
    if as_json:
        show_json(found | {"out": str(out) if out else None})
        return
    page = consent_page.answer_page(found["answer"], found["contact"], zone, columns(), out)
    show(paint(clean(page)))


@consent.command()
@click.option("--limit", default=20, show_default=True, help="How many, the newest first.")
@json_option
@click.pass_obj
def heads(target: Target, limit: int, as_json: bool) -> None:
    """The signed heads, and where each was kept outside."""
    from gateway.cli import ledger
    from gateway.config import load
    from gateway.store.sqlite import ledgering

    config, _ = load(target.file)
    with ledger.reading(config) as tx:
        found = list(ledgering.heads(tx, f"ORDER BY at DESC LIMIT {limit:d}"))
    values = [
        {
            "number": kept.signed.head.number,
            "at": kept.signed.head.at,
            "key": kept.signed.head.key,
            "mailed_at": kept.mailed_at,
            "stamped_at": kept.stamped_at,
            "token": kept.signed.token,
        }
        for kept in found
    ]
    if as_json:
        show_json(values)
    else:
        now = time.time_ns() // 1000
        head, *rows = consent_page.heads_page(values, config.company.time_zone, now)
        show([click.style(head, bold=True) if rows else head, *rows])


@consent.command()
@json_option
@click.pass_context
def anchor(context: click.Context, as_json: bool) -> None:
    """Sign the ledger's head now, mail and time-stamp it.  Exit status 1 if one of these failed."""
    with context.ensure_object(Target).opened() as session:
        done = session.call("consent_anchor")
        zone = session.config.company.time_zone
    if as_json:
        show_json(done)
    else:
        show(paint(clean(consent_page.anchor_page(done, zone, columns()))))
    context.exit(1 if any(done["anchors"].values()) else 0)


@consent.command("rotate-key", short_help="Take a new key into use.")
@click.option("--lost", is_flag=True, help="The old key is gone; the new one has no voucher.")
@json_option
@click.pass_obj
def rotate_key(target: Target, lost: bool, as_json: bool) -> None:
    """Take a new key into use; the old one vouches for it, and signs nothing more."""
    with target.opened() as session:
        done = session.call("consent_rotate_key", lost=lost)
        folder = session.config.keys
    if as_json:
        show_json(done)
    else:
        show(paint(clean(consent_page.rotation_page(done, str(folder), columns()))))


@consent.command("public-key", short_help="The public key that proofs are checked with.")
@click.option("--out", type=_new_file, help="Write it to this file.")
@json_option
@click.pass_obj
def public_key(target: Target, out: Path | None, as_json: bool) -> None:
    """The public key that proofs are checked with: give it to whoever should be able to."""
    from gateway.cli import ledger
    from gateway.signing import public_pem

    found = target.call("consent_public_key")
    pem = public_pem(bytes.fromhex(found["public"]))
    if out is not None:
        ledger.write_new(out, pem)
    if as_json:
        show_json(found | {"pem": pem.decode(), "out": str(out) if out else None})
    elif out is not None:
        show(f"{out} holds the key {found['key']}.  It is public: publish it, mail it.")
    else:
        show(pem.decode().rstrip())


@consent.command(short_help="Derive every consent's state from its events.")
@json_option
@click.pass_obj
def rebuild(target: Target, as_json: bool) -> None:
    """Derive every consent's state from its events again, and say what differed."""
    done = target.call("consent_rebuild")
    if as_json:
        show_json(done)
    else:
        show(paint(clean(consent_page.rebuilt_page(done["changed"], columns()))))
