"""`gateway link`: the first step of a subscriber, as a link, a QR code or a button."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, show, show_json

if TYPE_CHECKING:
    import segno

KINDS = {".svg", ".png", ".pdf", ".eps"}


@click.command()
@click.option("--topic", help="What people subscribe to; may be left out if there is one only.")
@click.option("--for", "name", help="Whose link it is (an employee, a flyer): stands in the proof.")
@click.option("--number", help="The WhatsApp number, if the settings and Meta did not tell it yet.")
@click.option(
    "--qr",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a QR code; .svg, .png, .pdf or .eps.",
)
@click.option("--button", is_flag=True, help="Print HTML of a button for a website.")
@json_option
@click.pass_obj
def link(
    target: Target,
    topic: str | None,
    name: str | None,
    number: str | None,
    qr: Path | None,
    button: bool,
    as_json: bool,
) -> None:
    """A link that opens WhatsApp with START typed in.  Whoever presses Send takes the first step.

    The same link may be used by everybody, for ever.  With --for it carries a code, and every
    proof says by whose link the person came.
    """
    if qr is not None and qr.suffix.lower() not in KINDS:
        raise Trouble(
            f"cannot draw a {qr.suffix or 'file without ending'}; name a .svg or .png", code=2
        )
    with target.opened() as gateway:
        answer = gateway.call("link", topic=topic, name=name, number=number)
    if qr is not None:
        _draw(answer["link"], qr)
        answer["qr"] = str(qr)
    if as_json:
        show_json(answer)
        return
    if button:
        show([answer["button"]])
        return
    page = [answer["link"], f"opens a chat with {answer['number']} and “{answer['text']}” typed in"]
    if name:
        page.append(f"code {answer['code']}: proofs will say “{answer['source']}”")
    if qr is not None:
        page.append(f"QR code: {qr}")
    elif os.isatty(1):
        page.append("a QR code: --qr link.svg")
    show(page)


def _draw(link: str, file: Path) -> None:
    import segno

    code: segno.QRCode = segno.make(link, error="m", micro=False)
    try:
        code.save(str(file), scale=8, border=4)
    except OSError as error:
        raise Trouble(f"cannot write {file}: {error.strerror}") from error
