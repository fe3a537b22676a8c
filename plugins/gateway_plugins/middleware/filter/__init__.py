"""Looks at what a message says, gives away and leads to, once, before anybody gets it.

settings  the table of gateway.toml         content   the plugin: rules in their order
reading   a text as a person reads it       patterns  users' patterns, in linear time
score     does it read like advertising?    phrases   what advertising says, what news says
private   personal data, never quoted       checksums numbers that prove themselves
links     where a link may lead             target    where it really leads, for a phone
head      what a web page says of itself    labels    does it call itself advertising?
cli       `gateway filter try`
"""

from __future__ import annotations

from gateway.api import hookimpl
from gateway_plugins.middleware.filter.content import Filter

__all__ = ["Filter", "register"]


@hookimpl
def register() -> list[type[Filter]]:
    """Hand over the class."""
    return [Filter]
