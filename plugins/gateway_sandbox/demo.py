"""`gateway demo`: the main job on this machine — a blog grows, its subscribers get the post.

Everything runs here and nothing leaves: the sandbox stands for Meta's servers, a sample blog is
served locally, the daemon is a process of its own with SQLite in a temporary folder.
"""

from __future__ import annotations

import sys

import click


@click.command()
@click.option("--for", "seconds", type=float, default=None, help="End by itself after so long.")
@click.option("--folder", default=None, help="Keep settings and database here.")
def demo(seconds: float | None, folder: str | None) -> None:
    """The main job on this machine: a blog, its subscribers, their phones."""
    import tempfile
    from contextlib import ExitStack
    from pathlib import Path

    import trio

    from gateway_sandbox.stage import Stage

    with ExitStack() as stack:
        if folder is None:
            place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gateway-demo-")))
        else:
            place = Path(folder)
            place.mkdir(parents=True, exist_ok=True)
        sys.exit(trio.run(Stage(place, seconds, click.echo).run))
