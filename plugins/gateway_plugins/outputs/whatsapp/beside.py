"""What happens beside sending and must never stop it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from gateway.api import Context, IdentityChange, Intake
from gateway_plugins.outputs.whatsapp import changes
from gateway_plugins.outputs.whatsapp.errors import other_number

WAITING = 1000  # names that wait to be handed in
TOLD = 10_000  # names that are remembered as handed in


async def carefully(context: Context, what: str, work: Callable[[], Awaitable[None]]) -> bool:
    """Do some work; whatever goes wrong is logged, without its words.  Returns whether it went."""
    failed = ""
    try:
        await work()
    except* Exception as group:  # noqa: BLE001
        failed = type(group.exceptions[0]).__name__
    if failed:
        context.log.error("%s: %s", what, failed)
    return not failed


class Aliases:
    """Hands in the numbers that Meta writes differently; no send waits for it.

    One that is lost (a crash, a full store) comes again with the next send to that person.
    """

    def __init__(self, context: Context, sender: str) -> None:
        self._context = context
        self._sender = sender
        self._told: dict[str, str] = {}
        self._to, self._waiting = trio.open_memory_channel[IdentityChange](WAITING)

    def look(self, phone: str, answer: bytes) -> None:
        """Look into the answer to an accepted send to a phone number (E.164)."""
        wa_id = other_number(answer, phone)
        if wa_id is None or self._told.get(phone) == wa_id:
            return
        change = changes.of_answer(phone, wa_id, self._context.clock.now())
        if change is not None:
            try:
                self._to.send_nowait(change)
            except trio.WouldBlock:
                return
            self._told[phone] = wa_id
            if len(self._told) > TOLD:
                del self._told[next(iter(self._told))]

    async def run(self) -> None:
        """Hand them in, until cancelled."""
        async for change in self._waiting:
            intake = Intake(sender=self._sender, changes=(change,))
            what = "another form of a number could not be kept"
            if not await carefully(self._context, what, lambda: self._context.intake(intake)):  # noqa: B023
                self._told.pop(change.old[0].value, None)
