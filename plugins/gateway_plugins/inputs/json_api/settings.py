"""The settings of the JSON API: `[inputs.NAME]` with `plugin = "api"`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from gateway.api import PluginConfig, Secret

Kind = Literal["marketing", "utility", "service"]


class ApiConfig(PluginConfig):
    """Settings of `[inputs.NAME]` with `plugin = "api"`."""

    tokens: dict[str, Secret] = {}
    """Client → its Bearer token; the client's name stands in every proof."""
    signing: dict[str, Secret] = {}
    """Client → the secret with which it signs instead (Standard Webhooks: `whsec_…`)."""
    topics: tuple[str, ...] = ()
    """What clients may send and import for.  Empty: every topic."""
    kinds: tuple[Kind, ...] = ("marketing", "utility", "service")
    """Kinds of messages that clients may hand in."""
    per_minute: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 600
    """Calls of one client in a minute."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1")
    """Whose X-Forwarded-For is believed, to slow down who guesses tokens."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, with a sentence for the operator."""
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        if not self.tokens and not self.signing:
            yield 'tokens: is missing, so nobody could call; write tokens = { shop = { secret = "…" } }'
        for key, named in (("tokens", self.tokens), ("signing", self.signing)):
            for name, secret in named.items():
                if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", name):
                    yield f"{key}: {name!r} stands in proofs: small letters, digits and - only"
                if len(secret.reveal()) < 16:
                    yield f"{key}: the secret of {name} is shorter than 16 characters"
        values = [secret.reveal() for secret in self.tokens.values()]
        if len(set(values)) < len(values):
            yield "tokens: two clients have the same, so nobody could tell them apart"
