"""The one hook a plugin module implements.  Called once, at start-up, as a plain function."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from gateway.plugin import Plugin

PROJECT = "gateway"
GROUP = "gateway.plugins"  # the entry-point group

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def register() -> Iterable[type[Plugin]]:
    """Return the plugin classes of this module.

    Takes nothing and does nothing else: no files, no network, no threads.  What happens to a
    message happens later, in the classes' async methods.
    """
    return ()
