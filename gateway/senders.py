"""What is known of the senders: tier, pace, quality.  Told by providers, kept by the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.given import SenderFacts
from gateway.news import Effect
from gateway.numbers import digits
from gateway.plugin import Output
from gateway.store.protocol import Store, moment

UNLIMITED = "unlimited"
FIRST_SEND = "first_send"
SECOND = 1_000_000
"""Microseconds; providers tell the time in seconds."""


class Senders:
    """The facts of all senders of one gateway, in memory, so that `limits` may ask."""

    def __init__(self, outputs: Mapping[str, Output], store: Store) -> None:
        self._outputs = outputs
        self._store = store
        self._told: dict[str, dict[str, str]] = {}
        self._told_at: dict[tuple[str, str], int] = {}
        self._facts: dict[str, SenderFacts] = {}  # made of it, the same one until something changes

    async def load(self) -> None:
        """Read what was told before this start.  Raises StoreError."""
        found = await self._store.facts()
        self._told = {
            sender: {name: value for name, (value, _) in told.items()}
            for sender, told in found.items()
        }
        self._told_at = {
            (sender, name): at for sender, told in found.items() for name, (_, at) in told.items()
        }
        self._facts.clear()

    def portfolio(self, sender: str) -> str:
        """Return what owns the limits that a sender shares; the sender itself if nothing does."""
        output = self._outputs.get(sender)
        return (output.portfolio if output is not None else "") or sender

    def sharing(self, sender: str) -> list[str]:
        """Return the senders of the same portfolio, itself among them."""
        own = self.portfolio(sender)
        return [name for name in self._outputs if self.portfolio(name) == own] or [sender]

    def meant(self, told: str, about: str) -> str | None:
        """Return the sender whose number has the digits `about`; None if none of ours has.

        It is `told` if no number was named, and while nobody knows that one's own.
        """
        if not about:
            return told
        numbers = {name: digits(output.display) for name, output in self._outputs.items()}
        named = next((name for name, number in numbers.items() if number == about), None)
        return named or (None if numbers.get(told) else told)

    def facts(self, sender: str) -> SenderFacts:
        """See Context.sender."""
        known = self._facts.get(sender)
        if known is None:
            known = self._facts[sender] = self._made(sender)
        return known

    def _made(self, sender: str) -> SenderFacts:
        told = self._told.get(sender, {})
        tier = told.get("tier")
        pace = told.get("per_second")
        return SenderFacts(
            name=sender,
            portfolio=self.portfolio(sender),
            tier=int(tier) if tier is not None and tier != UNLIMITED else None,
            tier_known=tier is not None,
            per_second=float(pace) if pace is not None else None,
            quality=told.get("quality", ""),
            first_send=moment(int(told[FIRST_SEND])) if FIRST_SEND in told else None,
        )

    async def began(self, sender: str, *, at: int) -> None:
        """A send of a sender began: the first one is kept, for the plan of a new number.  Raises
        StoreError."""
        if FIRST_SEND not in self._told.get(sender, {}):
            await self._keep(sender, FIRST_SEND, str(at), at)

    async def learned(self, sender: str, effects: Sequence[Effect], *, at: int) -> None:
        """Keep what was told at `at` of a sender, or of its portfolio, unless something later is
        known: webhooks come again for days.  Raises StoreError."""
        for effect in effects:
            if effect.what == "tier":
                value = UNLIMITED if effect.value is None else str(int(effect.value))
                for name in self.sharing(sender):
                    await self._keep(name, "tier", value, at)
            elif effect.what == "pace" and effect.value is not None:
                await self._keep(sender, "per_second", f"{effect.value:g}", at)
            elif effect.what == "quality":
                await self._keep(sender, "quality", effect.name, at)

    async def _keep(self, sender: str, name: str, value: str, at: int) -> None:
        if at // SECOND < self._told_at.get((sender, name), 0) // SECOND:
            return
        self._told_at[sender, name] = at
        if self._told.get(sender, {}).get(name) != value:
            await self._store.learn(sender, {name: value}, at=at)
            self._told.setdefault(sender, {})[name] = value
            self._facts.pop(sender, None)
