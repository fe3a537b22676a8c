"""What the command line can do.  The same functions serve the admin socket and a command that
found no daemon running; those that only read are in questions.py.

Every operation takes and returns plain JSON values; times are UTC microseconds.  A ConfigError
is a sentence for whoever asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, cast

from prometheus_client import CollectorRegistry

from gateway import __version__, ids
from gateway.assembly import Parts
from gateway.clock import SystemClock
from gateway.context import PluginContext, prepared
from gateway.errors import ConfigError
from gateway.http import open_client
from gateway.importing import read_rows
from gateway.inbox import Inbox
from gateway.message import Kind, Message
from gateway.metrics import Metrics
from gateway.plugin import Plugin
from gateway.questions import Questions
from gateway.store.protocol import Store

STOPPABLE = ("queued", "leased", "held", "paused")
"""States of deliveries that a command can still keep from going out."""


class Operations(Questions):
    """All operations of one gateway: what can be asked, and what changes something."""

    def __init__(
        self,
        parts: Parts,
        store: Store,
        clock: SystemClock,
        live: Callable[[], Mapping[str, Any]] | None = None,
        landed: Callable[[tuple[int, ...]], Awaitable[None]] | None = None,
    ) -> None:
        """`live` adds what only a running daemon knows, `landed` waits for what is in the air."""
        super().__init__(parts, store, clock, live)
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
    async def do_message_set(self, message: str, action: str) -> dict[str, Any]:
        """Cancel, pause, resume or approve a message."""
        if action not in ("cancel", "pause", "resume", "approve"):
            raise ConfigError(f"a message cannot be {action}d")
        found = await self._message(message)
        number, counts = found["number"], found["counts"]
        left = sum(counts.get(state, 0) for state in STOPPABLE)
        if action in ("cancel", "pause") and found["state"] == "started" and not left:
            raise ConfigError(f"#{number} is through: nothing of it waits, nothing to {action}")
        wanted = cast(Literal["cancel", "pause", "resume", "approve"], action)
        problem = await self._store.set_message(found["id"], wanted, at=self._clock.micros())
        if problem:
            raise ConfigError(problem)
        gone = sum(counts.values()) - left - counts.get("dropped", 0)
        return {"message": number, "action": action, "left": left, "gone": gone}

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
    async def do_contacts_import(
        self,
        rows: list[dict[str, str]],
        file: str = "",
        topic: str | None = None,
        check: bool = False,
    ) -> list[dict[str, Any]]:
        """Import rows of a table; with `check` write nothing.  Returns one verdict per row:
        `consent`, `no_consent` (stored, nothing is ever sent), `kept` (known here already) or
        `refused`, with the reason."""
        people, verdicts = await read_rows(
            rows, self._parts.config, self._store, file=file, default_topic=topic
        )
        if people and not check:
            await self._store.accept("import", (), at=self._clock.micros(), people=people)
        return verdicts

    async def do_contacts_withdraw(self, who: str) -> dict[str, Any]:
        """Withdraw for a person who asked by another way; final like a STOP."""
        contact = await self._contact(who)
        taken = await self._store.withdraw([contact], source="command", at=self._clock.micros())
        if self._landed is not None:
            await self._landed(taken.sending)
        return {"withdrawn": ids.show("c", contact), "dropped": taken.dropped}

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
        async with open_client(
            user_agent=self._parts.config.user_agent
        ) as http:  # no daemon: the plugin lives for this one command
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
