"""The store's verbs about itself: marks that outlive a restart, damages, the replay file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class MarkStore(Protocol):
    """What the gateway notes about its database."""

    async def marks(self) -> dict[str, int]:
        """Return name → value: `alive`, `running`, `backup`, `checked`, `damages`, `tried`, …"""
        ...

    async def mark(self, values: Mapping[str, int | None]) -> None:
        """Set marks; None takes one away."""
        ...

    async def damages(self) -> list[str]:
        """Read the whole database and return what is damaged; may take minutes, and gives way to
        all else."""
        ...

    async def forget_replay(self, *, before: int) -> None:
        """Let go what the replay file holds of before a time."""
        ...
