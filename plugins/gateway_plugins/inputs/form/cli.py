"""`gateway form`: what to paste into a website, and where other tools have to post."""

from __future__ import annotations

from typing import Any

import click


@click.group()
def form() -> None:
    """Forms of your website: the HTML to paste, the addresses to enter."""


@form.command(short_help="HTML to paste: a form, or a link to sign up.")
@click.argument("label")
@click.argument("name", required=False)
@click.option("--language", help="Of the words in it; default: the company's.")
@click.pass_obj
def snippet(target: Any, label: str, name: str | None, language: str | None) -> None:
    """Print HTML to paste into a page: a form, or without NAME a link to the sign-up page.

    LABEL is the input, NAME one of its forms in the settings (tool = "html").
    """
    arguments = {"form": name, "language": language}
    click.echo(target.call("plugin", label=label, command="snippet", arguments=arguments)["html"])


@form.command(short_help="The addresses of an input's pages and forms.")
@click.argument("label")
@click.pass_obj
def addresses(target: Any, label: str) -> None:
    """Print the addresses of an input's pages and forms, with what each tool has to be told."""
    answer = target.call("plugin", label=label, command="addresses", arguments={})
    for row in answer["rows"]:
        click.echo(f"{row['what']:<24}{row['address']}")
        if row["note"]:
            click.echo(f"{'':<24}{row['note']}")
