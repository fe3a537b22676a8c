"""What the command line can ask for.  The same functions serve the admin socket and a command
that found no daemon running.

Every operation takes and returns plain JSON values; times are UTC microseconds.  A ConfigError
is a sentence for whoever asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from prometheus_client import CollectorRegistry

from gateway import __version__, ids
from gateway.assembly import Parts
from gateway.clock import SystemClock
from gateway.context import PluginContext, prepared
from gateway.errors import ConfigError
from gateway.http import open_client
from gateway.importing import against, read_row
from gateway.inbox import Inbox
from gateway.message import PRIORITY_NAMES, Kind, Message
from gateway.metrics import Metrics
from gateway.plugin import Plugin
from gateway.store.protocol import Store
from gateway.values import PhoneNumberError, phone

DAY = 86_400 * 1_000_000


class Operations:
    """All operations of one gateway.  `live` adds what only a running daemon knows."""

    def __init__(
        self,
        parts: Parts,
        store: Store,
        clock: SystemClock,
        live: Callable[[], Mapping[str, Any]] | None = None,
        landed: Callable[[tuple[int, ...]], Awaitable[None]] | None = None,
    ) -> None:
        self._parts = parts
        self._store = store
        self._clock = clock
        self._live = live
        self._landed = landed

    async def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Run an operation by name.  Raises ConfigError if it does not exist or does not fit."""
        method = getattr(self, f"do_{name}", None)
        if method is None:
            raise ConfigError(f"this gateway ({__version__}) knows no operation {name!r}")
        try:
            call = method(**arguments)
        except TypeError:
            raise ConfigError(f"wrong arguments for {name!r}") from None
        return await call

    # --- status ---------------------------------------------------------------------------------
    async def do_status(self) -> dict[str, Any]:
        """Return all that `gateway status` shows."""
        now = self._clock.micros()
        midnight = datetime.now(ZoneInfo(self._parts.config.company.time_zone)).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        depths = await self._store.depths()
        senders = {}
        for name in self._parts.senders:
            figures = await self._store.report("sending", sender=name, since=now - DAY)
            senders[name] = figures | {
                "depths": [
                    {"priority": PRIORITY_NAMES[priority], "state": state, "n": n}
                    for (sender, priority, state), n in depths.items()
                    if sender == name
                ]
            }
        return {
            "version": __version__,
            "now": now,
            "time_zone": self._parts.config.company.time_zone,
            "stops": {
                scope: {"reason": reason, "since": since}
                for scope, (reason, since) in (await self._store.stops()).items()
            },
            "senders": senders,
            "messages": await self._store.report("messages", limit=10, only_open=True),
            "people": await self._store.report(
                "people", since=int(midnight.astimezone(UTC).timestamp() * 1e6)
            ),
            "waiting": (await self._store.report("waiting", limit=0))["groups"],
            "inputs": {
                label: {"plugin": type(plugin).name} for label, plugin in self._parts.inputs.items()
            },
            "live": dict(self._live()) if self._live else None,
        }

    async def do_counts(self) -> dict[str, int]:
        """Return how often each kind of event stands in the journal."""
        return cast(dict[str, int], await self._store.report("counts"))

    async def do_queue(self, limit: int = 20) -> dict[str, Any]:
        """Return what waits, and for what."""
        depths = [
            {"sender": sender, "priority": PRIORITY_NAMES[priority], "state": state, "n": n}
            for (sender, priority, state), n in sorted((await self._store.depths()).items())
        ]
        return {"depths": depths, **await self._store.report("waiting", limit=limit)}

    # --- stopping and going on ------------------------------------------------------------------
    async def do_pause(self, reason: str = "paused by a person") -> dict[str, Any]:
        """Stop all sending; what is in the air ends."""
        await self._not_yet("all")
        await self._store.stop("all", reason, at=self._clock.micros())
        return {"paused": "all"}

    async def do_resume(self) -> dict[str, Any]:
        """Lift the stop of all sending."""
        return {"resumed": await self._store.resume("all", at=self._clock.micros())}

    async def do_sender_pause(
        self, sender: str, reason: str = "paused by a person"
    ) -> dict[str, Any]:
        """Stop one sender."""
        self._known_sender(sender)
        await self._not_yet(f"sender:{sender}")
        await self._store.stop(f"sender:{sender}", reason, at=self._clock.micros())
        return {"paused": sender}

    async def do_sender_resume(self, sender: str) -> dict[str, Any]:
        """Lift the stop of one sender."""
        self._known_sender(sender)
        return {"resumed": await self._store.resume(f"sender:{sender}", at=self._clock.micros())}

    async def _not_yet(self, scope: str) -> None:
        if known := (await self._store.stops()).get(scope):
            raise ConfigError(f"that is stopped already, and stays so: {known[0]}")

    def _known_sender(self, sender: str) -> None:
        if sender not in self._parts.senders:
            known = ", ".join(self._parts.senders)
            raise ConfigError(f"there is no sender {sender!r}; known: {known}")

    # --- messages -------------------------------------------------------------------------------
    async def do_message_list(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the newest messages."""
        return cast(
            list[dict[str, Any]], await self._store.report("messages", limit=min(limit, 1000))
        )

    async def do_message_show(self, message: str) -> dict[str, Any]:
        """Return one message."""
        return await self._message(message)

    async def _message(self, text: str) -> dict[str, Any]:
        digits = text.lstrip("#")
        if digits.isdecimal() and len(digits) < 12:
            found = await self._store.report("message", number=int(digits))
        else:
            found = await self._store.report("message", id=ids.read("m", text))
        if found is None:
            raise ConfigError(f"there is no message {text}; `gateway message list` shows them")
        return cast(dict[str, Any], found)

    async def do_message_set(self, message: str, action: str) -> dict[str, Any]:
        """Cancel, pause, resume or approve a message."""
        if action not in ("cancel", "pause", "resume", "approve"):
            raise ConfigError(f"a message cannot be {action}d")
        found = await self._message(message)
        wanted = cast(Literal["cancel", "pause", "resume", "approve"], action)
        problem = await self._store.set_message(found["id"], wanted, at=self._clock.micros())
        if problem:
            raise ConfigError(problem)
        return {"message": found["number"], "action": action}

    async def do_send(
        self,
        external_id: str,
        text: str = "",
        title: str = "",
        link: str = "",
        image: str | None = None,
        topic: str | None = None,
        to: str | None = None,
        kind: str = "marketing",
        language: str | None = None,
        basis: str | None = None,
    ) -> dict[str, Any]:
        """Hand in a message; it goes the way of every other."""
        if kind not in ("marketing", "utility", "service"):
            raise ConfigError(f"a message of kind {kind!r} cannot be sent by hand")
        if topic is not None and topic not in self._parts.config.topics:
            known = ", ".join(self._parts.config.topics)
            raise ConfigError(f"there is no topic {topic!r}; known: {known or 'none'}")
        contact = await self._contact(to) if to else None
        message = prepared(
            Message(
                external_id=external_id, kind=cast(Kind, kind), topic=topic, language=language,
                title=title, text=text, link=link, image=image, to=contact, basis=basis,
            ),
            self._clock,
            self._parts.complete,
        )  # fmt: skip
        (taken,) = await self._store.accept("send", [message], at=self._clock.micros())
        if taken is None:
            raise ConfigError(f"a message with the id {external_id!r} was accepted before")
        found = await self._store.report("message", id=taken)
        return {"message": found["number"], "id": ids.show("m", taken)}

    # --- contacts -------------------------------------------------------------------------------
    async def _contact(self, who: str) -> int:
        direct = ids.read("c", who)
        if direct is not None and await self._store.report("contact", id=direct):
            return direct
        wanted = [who.strip()]
        with suppress(PhoneNumberError):
            wanted.insert(0, phone(who, self._parts.config.company.region))
        for value in wanted:
            found = await self._store.report("find_contact", identity=value)
            if found is not None:
                return int(found)
        raise ConfigError("no contact is known by that; give a number, a user id or c-…")

    async def do_contacts_show(self, who: str) -> dict[str, Any]:
        """Return all that is known of one contact."""
        return cast(
            dict[str, Any], await self._store.report("contact", id=await self._contact(who))
        )

    async def do_contacts_import(
        self, rows: list[dict[str, str]], file: str = "", topic: str | None = None
    ) -> list[dict[str, Any]]:
        """Import rows of a table.  Returns one verdict per row: `consent`, `no_consent` (stored,
        nothing is ever sent), `kept` (known here already) or `refused`, with the reason."""
        verdicts = []
        people = []
        for row in rows:
            person, verdict = read_row(row, self._parts.config, file=file, default_topic=topic)
            if person is not None:
                for identity in person.identities:
                    known = await self._store.report("find_contact", identity=identity.value)
                    if known is not None and verdict["verdict"] == "consent":
                        here = await self._store.report("contact", id=int(known))
                        verdict = against(here["consents"], verdict)
                people.append(person)
            verdicts.append(verdict)
        if people:
            await self._store.accept("import", (), at=self._clock.micros(), people=people)
        return verdicts

    async def do_contacts_withdraw(self, who: str) -> dict[str, Any]:
        """Withdraw for a person who asked by another way; final like a STOP."""
        contact = await self._contact(who)
        taken = await self._store.withdraw([contact], source="command", at=self._clock.micros())
        if self._landed is not None:
            await self._landed(taken.sending)
        return {"withdrawn": ids.show("c", contact), "dropped": taken.dropped}

    async def do_trace(self, message: str, who: str) -> dict[str, Any]:
        """Return the whole story of one message for one contact."""
        found = await self._message(message)
        contact = await self._contact(who)
        story = await self._store.report("trace", number=found["number"], contact_id=contact)
        return cast(dict[str, Any], story) | {
            "now": self._clock.micros(),
            "time_zone": self._parts.config.company.time_zone,
        }

    # --- plugins --------------------------------------------------------------------------------
    async def do_plugin(
        self, label: str, command: str, arguments: dict[str, Any] | None = None
    ) -> Any:
        """Let a plugin answer a command of its own."""
        plugins: dict[str, Plugin] = {plugin.label: plugin for plugin in self._parts.plugins()}
        if label not in plugins:
            raise ConfigError(f"nothing in the settings is called {label!r}")
        plugin = plugins[label]
        if self._live is not None:
            return await plugin.command(command, arguments or {})
        async with open_client() as http:  # no daemon: the plugin lives for this one command
            inbox = Inbox(self._store, self._parts.stop_words, self._clock)
            context = PluginContext(
                label,
                store=self._store,
                http=http,
                clock=self._clock,
                metrics=Metrics(CollectorRegistry()).plugin(label.replace("-", "_")),
                topics=self._parts.config.topics,
                stop_words=self._parts.stop_words.words,
                complete=self._parts.complete,
                take=inbox.take,
            )
            async with plugin.lifespan(context):
                return await plugin.command(command, arguments or {})
