"""What commands ask before a message starts, and of a delivery that waits: plans and limits.

Both need what only the running daemon knows: the tier, what is used of every limit, plugins that
live."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from gateway.errors import ConfigError
from gateway.given import MessageView
from gateway.plans import Plan
from gateway.plugin_operations import PluginOperations

Waits = Callable[[str, int], Awaitable[list[tuple[int, str]]]]
"""(sender, delivery) → what holds it now: until when (UTC microseconds), and what it is."""

WAITING = ("queued", "leased")


class PlanOperations(PluginOperations):
    """Plans of messages, and why a delivery does not go yet."""

    waits: Waits | None = None
    """Set by a running daemon, as is `plan`."""
    plan: Callable[[MessageView], Awaitable[tuple[Plan, str]]] | None = None
    """A message as it stands → what it would do, and what would hold it before."""

    async def do_message_plan(self, message: str) -> dict[str, Any]:
        """Return what a message that has not started would do if it began now."""
        found = await self._message(message)
        number = found["number"]
        if found["state"] in ("started", "cancelled", "dropped"):
            said = {"started": "has started"}.get(found["state"], f"was {found['state']}")
            raise ConfigError(f"#{number} {said}; see gateway message show {number}")
        if self.plan is None:
            raise ConfigError(
                "the gateway is not running, and only then the limits are known;"
                " systemctl start message-gateway"
            )
        view = await self._store.people_report("view", id=found["id"])
        plan, trouble = await self.plan(view)
        return {
            "message": number,
            "title": found["title"],
            "topic": found["topic"],
            "sender": found["sender"],
            "state": found["state"],
            "spread": found["spread"],
            "trouble": trouble,
            "time_zone": self._parts.config.company.time_zone,
            "rates": self._parts.config.rates and self._parts.config.rates.source,
            "plan": msgspec.to_builtins(plan),
        }

    async def do_trace(self, message: str, who: str, by: str = "") -> dict[str, Any]:
        """Return the whole story; of a delivery that waits also all limits that hold it now."""
        story = await super().do_trace(message, who, by)
        delivery = story.get("delivery")
        if self.waits is not None and delivery and delivery["state"] in WAITING:
            sender = story["message"]["sender"]
            found = await self.waits(sender, delivery["id"])
            story["waits"] = [{"until": until, "reason": reason} for until, reason in found]
        return story
