"""`gateway run`: the daemon."""

from __future__ import annotations

import click

from gateway.cli.group import Target


@click.command()
@click.pass_context
def run(context: click.Context) -> None:
    """Run the daemon until SIGTERM or SIGINT.

    Wrong settings end it at once with status 2, all problems on stderr.
    """
    from gateway.foreground import main

    context.exit(main(context.ensure_object(Target).file))
