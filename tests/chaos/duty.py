"""The person on duty: lets go on what was stopped, paused or held, for the cause is mended by then."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from tests.chaos.gateway import Gateway

Look = Callable[[str], Awaitable[list[tuple[Any, ...]]]]

STOPPED = "SELECT scope FROM stops WHERE code <> 'deaf'"
PAUSED = "SELECT number FROM messages WHERE paused"
HELD = "SELECT number, sender FROM messages WHERE state = 'held'"


class Duty:
    """`look` reads the gateway's database; `resumed`: how often something was let go on."""

    def __init__(self, gateway: Gateway, look: Look) -> None:
        self._gateway, self._look = gateway, look
        self.resumed = 0

    async def round(self) -> None:
        """Look after everything once."""
        for (scope,) in await self._look(STOPPED):
            what, _, name = scope.partition(":")
            if what == "sender":
                await self._lets_go_on("sender_resume", sender=name)
            else:
                await self._lets_go_on("resume")
        for (number,) in await self._look(PAUSED):
            await self._lets_go_on("message_set", message=str(number), action="resume")
        for number, sender in await self._look(HELD):  # its template was taken for disabled
            await self._gateway.operate("plugin", label=sender, command="templates_sync")
            await self._lets_go_on("message_set", message=str(number), action="approve")

    async def _lets_go_on(self, operation: str, **arguments: str) -> None:
        answer = await self._gateway.operate(operation, **arguments)
        if answer is not None and "result" in answer:
            self.resumed += 1
