"""Decide which permission suffices for a delivery, and name it as its basis.

begin looks again, in the transaction that stores the intent: a basis that is no longer current
sends nothing, whatever this middleware said.
"""

from __future__ import annotations

from typing import ClassVar

from gateway.api import Basis, Delivery, Drop, Middleware, PluginConfig, hookimpl


class ConsentConfig(PluginConfig):
    """`[middleware.consent]`."""

    utility: tuple[str, ...] = ()
    """What utility messages may rest on: the bases that inputs may declare (`"order"`)."""


class Consent(Middleware):
    """Permission first: no basis, no message."""

    name = "consent"
    config: ConsentConfig
    codes: ClassVar[frozenset[str]] = frozenset({"no_consent", "no_window", "no_basis"})

    async def process(self, delivery: Delivery) -> Delivery | Drop:
        """Return the delivery with its basis, or drop it."""
        permissions = delivery.permissions
        kind = delivery.message.kind
        if kind == "marketing":
            if permissions.consent is None:
                return Drop("no_consent", "no confirmed consent for this topic")
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


@hookimpl
def register() -> list[type[Consent]]:
    """Hand over the class."""
    return [Consent]
