"""Decide which permission suffices for a delivery, and name it as its basis.

begin looks again, in the transaction that stores the intent: a basis that is no longer current
sends nothing, whatever this middleware said.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar

from gateway.api import (
    Basis,
    Context,
    Delivery,
    Drop,
    Middleware,
    PluginConfig,
    hookimpl,
)


class ConsentConfig(PluginConfig):
    """`[middleware.consent]`."""

    utility: tuple[str, ...] = ()
    """What utility messages may rest on: the bases that inputs may declare (`"order"`)."""


class Consent(Middleware):
    """Permission first: no basis, no message."""

    name = "consent"
    config: ConsentConfig
    codes: ClassVar[frozenset[str]] = frozenset(
        {"no_consent", "no_window", "no_basis", "paused_by_person"}
    )

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Learn the time, by which a person's pause ends."""
        self._clock = context.clock
        yield

    async def process(self, delivery: Delivery) -> Delivery | Drop:
        """Return the delivery with its basis, or drop it."""
        permissions = delivery.permissions
        kind = delivery.message.kind
        if kind == "marketing":
            if permissions.consent is None:
                return Drop("no_consent", "no confirmed consent for this topic")
            if permissions.paused_until is not None and self._paused(permissions.paused_until):
                return Drop("paused_by_person", "the person wants a pause")
            return delivery.replace(basis=Basis(kind="consent", event=permissions.consent))
        if kind == "confirmation":
            if permissions.request is None:
                return Drop("no_consent", "no open request to ask about")
            return delivery.replace(basis=Basis(kind="request", event=permissions.request))
        if kind == "service":
            if permissions.window_until is None:
                return Drop("no_window", "the person never wrote, or too long ago")
            return delivery.replace(basis=Basis(kind="window"))
        declared = delivery.message.basis
        if declared is None or declared not in self.config.utility:
            return Drop(
                "no_basis",
                "a utility message needs a basis that [middleware.consent] utility allows",
            )
        return delivery.replace(basis=Basis(kind="declared", text=declared))

    def _paused(self, until: int) -> bool:
        return until > self._clock.now().timestamp() * 1e6


@hookimpl
def register() -> list[type[Consent]]:
    """Hand over the class."""
    return [Consent]
