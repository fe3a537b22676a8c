"""What commands and the gateway's own watchmen ask of the store: a part of the Store protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Protocol

from gateway.stopping import PERSON, Stop


class OperatorStore(Protocol):
    """Stops, what a person decides about messages, facts about senders, reports."""

    async def stop(self, scope: str, reason: str, *, at: int, code: str = PERSON) -> None:
        """Stop a scope for one cause; if that cause stopped it already, the first reason stays."""
        ...

    async def resume(self, scope: str, *, at: int, code: str | None = None) -> bool:
        """Lift one cause of a stop, or all of them; False if there was none."""
        ...

    async def stops(self) -> list[Stop]:
        """Return what stops each scope; of one scope the oldest cause comes first."""
        ...

    async def set_message(
        self,
        message: int,
        action: Literal["cancel", "pause", "resume", "approve", "revise", "screen"],
        *,
        at: int,
        by: str = "",
        text: str = "",
    ) -> str | None:
        """Do what a person asked for; returns a sentence if that is not possible.  `by` stands in
        the journal; `revise` replaces the text of a held message and has it judged again, which
        is all that `screen` does."""
        ...

    async def depths(self) -> dict[tuple[str, int, str], int]:
        """Return (sender, priority, state name) → number of deliveries."""
        ...

    async def report(self, name: str, **parameters: Any) -> Any:
        """Read for people: names in reports.py of the engine (`status`, `trace`, …)."""
        ...

    async def learn(self, sender: str, facts: Mapping[str, str], *, at: int) -> None:
        """Keep what a provider said of a sender, by name: `tier`, `per_second`, `quality`, …"""
        ...

    async def facts(self) -> dict[str, dict[str, tuple[str, int]]]:
        """Return sender → name → (value, since when)."""
        ...
