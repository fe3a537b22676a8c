"""Run a sandbox: on a shell's behalf, or inside a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import trio

from gateway_sandbox.app import App
from gateway_sandbox.control import Button, Control, Said, Say, TemplateChange
from gateway_sandbox.faults import Fault
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.people import parse_person
from gateway_sandbox.sending import Sending
from gateway_sandbox.server import Server
from gateway_sandbox.settings import Settings
from gateway_sandbox.state import Received, State


class Sandbox:
    """A running sandbox, for those in the same process.

    `state` and `control` are what the HTTP API works on; changing them is allowed in tests.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = State(settings)
        self.outbox = Outbox(settings)
        self.control = Control(self.state, self.outbox)
        self.app = App(self.state, self.control, Sending(self.state, self.outbox))
        self.server = Server(self.app.handle, settings.now)
        self.host, self.port = settings.host, settings.port

    @property
    def url(self) -> str:
        """What stands in for `https://graph.facebook.com`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    def received(self) -> list[Received]:
        """Accepted sends, oldest first, as far as they are kept."""
        decoder = msgspec.json.Decoder(Received)
        return [decoder.decode(line) for line in self.state.lines]

    async def say(
        self,
        phone: str,
        text: str | None = None,
        *,
        button: tuple[str, str] | None = None,
        context: str | None = None,
        phone_number_id: str | None = None,
    ) -> Said:
        """A person (number or user id) writes, or presses a button (payload, text)."""
        person = parse_person(phone)
        if person is None:
            raise ValueError("the phone is neither a phone number nor a user id")
        pressed = Button(*button) if button is not None else None
        say = Say(text=text, button=pressed, context=context, phone_number_id=phone_number_id)
        return await self.control.say(person, say)

    def fault(self, name: str, number: str | None = None, **members: Any) -> Fault:
        """Set a fault; the members are those of `Fault`."""
        fault = msgspec.convert({"fault": name, "number": number, **members}, Fault)
        self.state.faults.add(fault)
        return fault

    def template_status(self, name: str, language: str, status: str) -> None:
        self.control.change(TemplateChange(name, language, status))

    def stats(self) -> dict[str, Any]:
        return self.control.stats()

    def reset(self) -> None:
        self.control.reset()

    def connects_held(self) -> AbstractAsyncContextManager[None]:
        """Inside the block, new connections to the sandbox hang while they open."""
        return self.server.connects_held()

    async def settled(self) -> None:
        """Wait until every event was posted (or given up)."""
        await self.outbox.settled()


async def serve(
    settings: Settings, *, task_status: trio.TaskStatus[Sandbox] = trio.TASK_STATUS_IGNORED
) -> None:
    """Run until cancelled; `task_status` is told the sandbox as soon as it listens."""
    sandbox = Sandbox(settings)
    listeners = await trio.open_tcp_listeners(settings.port, host=settings.host)
    sandbox.port = listeners[0].socket.getsockname()[1]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(sandbox.outbox.run)
        await nursery.start(sandbox.server.serve, listeners)
        task_status.started(sandbox)


@asynccontextmanager
async def open_sandbox(settings: Settings) -> AsyncIterator[Sandbox]:
    """A sandbox for the time of a block."""
    async with trio.open_nursery() as nursery:
        sandbox: Sandbox = await nursery.start(serve, settings)
        yield sandbox
        nursery.cancel_scope.cancel()
