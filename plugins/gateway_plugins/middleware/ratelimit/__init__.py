"""How fast, how many, and over how long: declared here, kept by the core.

settings   the table of gateway.toml        ratelimit  the plugin: which limits a delivery has
per        "2 per day, 5 per week"          quiet      quiet hours and holidays where a person is
budget     what a month may cost
"""

from __future__ import annotations

from gateway.api import hookimpl
from gateway_plugins.middleware.ratelimit.ratelimit import RateLimit

__all__ = ["RateLimit", "register"]


@hookimpl
def register() -> list[type[RateLimit]]:
    """Hand over the class."""
    return [RateLimit]
