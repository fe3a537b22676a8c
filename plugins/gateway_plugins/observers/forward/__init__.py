"""Brings what people ask to those who answer: by mail with a page to answer on, or by webhook.

settings  the table of gateway.toml      plugin   notices new cases, and has the routes
letter    the mail                       hook     signed webhooks, both ways
answers   how an answer goes out         pages    what a browser shows
"""

from __future__ import annotations

from gateway.api import hookimpl
from gateway_plugins.observers.forward.plugin import Forward

__all__ = ["Forward", "register"]


@hookimpl
def register() -> list[type[Forward]]:
    """Hand over the class."""
    return [Forward]
