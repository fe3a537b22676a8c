"""Run a sandbox: on a shell's behalf, or inside a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import msgspec
import trio

from gateway_sandbox.account_news import AccountChange, TemplateChange
from gateway_sandbox.app import App, body_limit
from gateway_sandbox.chats import Chats
from gateway_sandbox.contents import Say
from gateway_sandbox.control import Control
from gateway_sandbox.faults import Fault
from gateway_sandbox.identities import Identities
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.page import Page
from gateway_sandbox.people import parse_person
from gateway_sandbox.received import Received
from gateway_sandbox.sending import Sending
from gateway_sandbox.server import Server
from gateway_sandbox.settings import Settings
from gateway_sandbox.state import State
from gateway_sandbox.talking import Said


class Sandbox:
    """A running sandbox, for those in the same process.

    `state` and `control` are what the HTTP API works on; changing them is allowed in tests.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.state = State(settings)
        self.outbox = Outbox(self.state)
        identities = Identities(self.state)
        self.control = Control(self.state, self.outbox, identities)
        self.chats = Chats()
        self.state.listeners.append(self.chats.notice)
        page = Page(self.state, self.outbox, self.chats, self.control.stats)
        sending = Sending(self.state, self.outbox, identities)
        self.app = App(self.state, self.outbox, self.control, sending, page)
        clock = self.state.clock
        self.server = Server(self.app.handle, clock, body_limit=body_limit, ahead=clock.by_system())
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
        **members: Any,
    ) -> Said:
        """A person (number or user id) writes, or presses a button (payload, text), or does
        what else `members` say: those of `contents.Say`."""
        person = parse_person(phone)
        if person is None:
            raise ValueError("the phone is neither a phone number nor a user id")
        if button is not None:
            members["button"] = {"payload": button[0], "text": button[1]}
        if text is not None:
            members["text"] = text
        return await self.control.say(person, msgspec.convert(members, Say))

    def fault(self, name: str, number: str | None = None, **members: Any) -> Fault:
        """Set a fault; the members are those of `Fault`."""
        fault = msgspec.convert({"fault": name, "number": number, **members}, Fault)
        self.state.faults.add(fault)
        return fault

    def forward(self, seconds: float) -> None:
        """Let time pass at once: windows close, days end, what was due leaves."""
        self.state.clock.forward(seconds)

    def account(self, **members: Any) -> list[str]:
        """Something happens to the account; the members are those of `AccountChange`.
        Returns the fields of the webhooks that tell it."""
        return self.control.change_account(msgspec.convert(members, AccountChange))

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
    sandbox.state.url = sandbox.url
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
