"""What commands share: `--json`, and printing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from gateway.cli.words import clean, paint

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")(command)


def limit_option(help: str) -> Callable[[F], F]:
    """Add `--limit`, how many rows to show."""
    return click.option("--limit", type=click.IntRange(0), default=20, show_default="20", help=help)


def show_json(value: Any) -> None:
    """Print a value; what could steer a terminal is escaped."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo("".join(f"\\u{ord(c):04x}" if "\x7f" <= c <= "\x9f" else c for c in text))


def show(page: Sequence[str] | str) -> None:
    """Print a page."""
    click.echo(page if isinstance(page, str) else "\n".join(page))


def show_as(value: Any, page: Callable[[Any], Sequence[str]], *, as_json: bool) -> None:
    """Print a value: as JSON, or as the labelled page that is made of it."""
    if as_json:
        show_json(value)
    else:
        show(paint(page(clean(value))))
