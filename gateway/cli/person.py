"""Who types a command: stands in the journal beside what was decided."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable
from typing import Any

import click


def own_name() -> str:
    """Return the name of the user of this machine; behind sudo, of who called it."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container may give its users no names
        return f"uid {os.getuid()}"


def by_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--by NAME`, which says who decided."""
    return click.option(
        "--by",
        metavar="NAME",
        default=own_name,
        show_default="your name on this machine",
        help="Who decided, for the journal.",
    )(command)
