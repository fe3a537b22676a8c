"""What commands do to one sender: stop it, let it go on, ask its provider whether it may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from gateway.errors import ConfigError
from gateway.probing import Probed
from gateway.questions import Questions
from gateway.stopping import PERSON, sender_scope


class SenderOperations(Questions):
    """Operations on senders.  `probing` is there while the daemon runs."""

    probing: Callable[[str], Awaitable[Probed]] | None = None

    async def do_sender_pause(
        self, sender: str, reason: str = "paused by a person"
    ) -> dict[str, Any]:
        """Stop one sender."""
        self._known_sender(sender)
        await self._not_yet(sender_scope(sender))
        await self._store.stop(sender_scope(sender), reason, at=self._clock.micros())
        return {"paused": sender}

    async def do_sender_resume(self, sender: str) -> dict[str, Any]:
        """Lift every stop of one sender, and of its marketing, whatever the cause; also of one that
        is in the settings no more."""
        causes = [one.code for one in await self._store.stops() if one.sender == sender]
        if not causes:
            self._known_sender(sender)
        for marketing in (False, True):
            scope = sender_scope(sender, marketing=marketing)
            await self._store.resume(scope, at=self._clock.micros())
        return {"resumed": bool(causes), "causes": list(dict.fromkeys(causes))}

    async def do_sender_probe(self, sender: str) -> dict[str, Any]:
        """Ask the provider whether a sender may send again; what is mended goes on at once."""
        self._known_sender(sender)
        if self.probing is None:
            raise ConfigError("the gateway does not run; once it does, it asks by itself")
        found = await self.probing(sender)
        return {
            "sender": sender,
            "mended": list(found.mended),
            "left": [
                {"code": one.code, "reason": one.reason, "since": one.since} for one in found.left
            ],
            "trouble": found.trouble,
        }

    async def _not_yet(self, scope: str) -> None:
        for stop in await self._store.stops():
            if (stop.scope, stop.code) == (scope, PERSON):
                raise ConfigError(f"that is stopped already, and stays so: {stop.reason}")
