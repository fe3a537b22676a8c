"""What the store does because of a refusal or of a provider's news: a part of the Store protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

TEMPLATE_PAUSED = "template_paused"
"""Cause of the pause of a message whose template comes back; `resume_template` lifts it."""

TEMPLATE_GONE = "template_gone"
"""The same for a template that does not come back; a person decides."""


class Sent(msgspec.Struct, frozen=True):
    """What a delivery was made of: its message, and the template that it goes by, if any."""

    delivery: int
    message: int
    template: str = ""
    language: str = ""


class CauseStore(Protocol):
    """Messages that wait for a template, and windows that the provider says are closed."""

    async def pause_template(
        self,
        sender: str,
        name: str,
        language: str,
        code: str,
        reason: str,
        *,
        at: int,
        after: int = 0,
        limit: int,
    ) -> int | None:
        """Pause what goes out by a template ("" is every language), `limit` messages at a time.

        Returns where to go on, None when that was all.  What is paused already keeps its cause,
        but a template that is gone takes the place of one that was only paused.
        """
        ...

    async def resume_template(
        self, sender: str, name: str, language: str, *, at: int, after: int = 0, limit: int
    ) -> int | None:
        """Let go on what waited for a template, and only for that; else as `pause_template`."""
        ...

    async def waiting_for_templates(self) -> set[str]:
        """Return the senders of which a message waits for its template."""
        ...

    async def sent_as(self, deliveries: Sequence[int]) -> list[Sent]:
        """Return what deliveries were made of; what is not known is left out."""
        ...

    async def close_windows(self, sender: str, deliveries: Sequence[int], *, at: int) -> None:
        """The provider said at `at` that free text may not go to these people: the windows that
        were open then are closed."""
        ...
