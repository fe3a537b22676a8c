"""A person of the company says yes to every post, by phone, before it goes to anybody else.

settings  the table of gateway.toml        approval   the plugin: what holds, and who hears what
asking    preview and card to the editors  deciding   what an editor presses or writes
cards     the sentences and buttons        editors    who is asked, and whether a window is open
posts     what is remembered of each post
"""

from __future__ import annotations

from gateway.api import hookimpl
from gateway_plugins.middleware.approval.approval import Approval

__all__ = ["Approval", "register"]


@hookimpl
def register() -> list[type[Approval]]:
    """Hand over the class."""
    return [Approval]
