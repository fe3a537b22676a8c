"""What commands do with several senders: list them, and put one in the place of a lost number.

Consent is the company's, so nobody has to sign up again.  What was begun stays where it was begun,
windows stay with the number that people wrote to, and user ids mean nothing in another portfolio.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import trio

from gateway.errors import ConfigError
from gateway.questions import Questions
from gateway.senders import Senders
from gateway.stopping import REPLACED, sender_scope

CHUNK = 200
"""Deliveries in one job of the store; keeps it under 10 ms."""

LOOKED_AT = 5_000
"""Deliveries in one step that only counts."""

AT_A_TIME = 1.0
"""Seconds that one call works at most; whoever calls goes on at the position that it returns."""


class ReplacingOperations(Questions):
    """Operations on several senders."""

    async def do_senders(self) -> dict[str, Any]:
        """Return every sender: what is known of it, what stops it, which topics it has."""
        senders = Senders(self._parts.senders, self._store)
        await senders.load()
        stops = await self._store.stops()
        live = (self._live() if self._live else {}).get("senders", {})
        found = {}
        for name, output in self._parts.senders.items():
            facts = senders.facts(name)
            found[name] = {
                "display": output.display,
                "portfolio": facts.portfolio,
                "sharing": [other for other in senders.sharing(name) if other != name],
                "tier": facts.tier,
                "tier_known": facts.tier_known,
                "per_second": facts.per_second,
                "quality": facts.quality,
                "reports": output.reports,
                "topics": self._topics_of(name),
                "stops": [
                    {
                        "scope": stop.scope,
                        "marketing": stop.marketing_only,
                        "code": stop.code,
                        "reason": stop.reason,
                        "since": stop.since,
                    }
                    for stop in stops
                    if stop.concerns(name)
                ],
                "live": live.get(name),
            }
        return {"now": self._clock.micros(), "senders": found}

    async def do_sender_replace(
        self, old: str, new: str, position: Sequence[int] = (0, 0), really: bool = False
    ) -> dict[str, Any]:
        """Give `new` what waits with `old`, or only count it; one call is one step.

        The first one (position 0, 0) also tells whom the topics of `old` reach, and stops `old`.
        """
        outputs = self._parts.senders
        for name in (old, new):
            if name not in outputs:
                known = ", ".join(outputs)
                raise ConfigError(
                    f"there is no sender {name!r}; known: {known}; the old one stays in the"
                    " settings until it is replaced"
                )
        if old == new:
            raise ConfigError("a sender cannot take its own place")
        if not set(outputs[old].identity_kinds) & set(outputs[new].identity_kinds):
            raise ConfigError(
                f"{new} reaches nobody whom {old} reached: they know people otherwise"
            )
        senders = Senders(outputs, self._store)
        same = senders.portfolio(old) == senders.portfolio(new)
        found: dict[str, Any] = {"old": old, "new": new, "really": really, "same_portfolio": same}
        if tuple(position) == (0, 0):
            found |= await self._whom(old, same)
            if really:
                reason = f"replaced by {new}"
                at = self._clock.micros()
                await self._store.stop(sender_scope(old), reason, at=at, code=REPLACED)
        return found | await self._steps(old, new, position, same_portfolio=same, really=really)

    async def _steps(
        self, old: str, new: str, position: Sequence[int], *, same_portfolio: bool, really: bool
    ) -> dict[str, Any]:
        counts = {"moved": 0, "dropped": 0, "stay": 0}
        at: tuple[int, int] | None = (position[0], position[1])
        with trio.move_on_after(AT_A_TIME) as working:
            while at is not None:
                with trio.CancelScope(shield=True):  # what was done is told
                    step = await self._store.replace_sender(
                        old, new, at, same_portfolio=same_portfolio, at=self._clock.micros(),
                        limit=CHUNK if really else LOOKED_AT, really=really,
                    )  # fmt: skip
                at = step.position
                for name in counts:
                    counts[name] += getattr(step, name)
                if working.cancel_called:
                    break
        return counts | {"position": at and list(at)}

    async def _whom(self, old: str, same_portfolio: bool) -> dict[str, Any]:
        """Whom the topics of a sender reach from another one."""
        topics = self._topics_of(old)
        phones, ids = await self._store.audience_of(topics) if topics else (0, 0)
        return {
            "topics": topics,
            "people": {"phone": phones, "user_id": ids, "lost": 0 if same_portfolio else ids},
        }

    def _topics_of(self, sender: str) -> list[str]:
        first = next(iter(self._parts.senders))
        topics = self._parts.config.topics.values()
        return [topic.name for topic in topics if (topic.sender or first) == sender]
