"""A published client of the Cloud API, pywa as it comes from the index, pointed at the sandbox.

Nothing in it is replaced: its `session` option takes an HTTP client, and that of these tests
leads graph.facebook.com to the sandbox, as an entry in a hosts file would.  Its own routes,
mounted in a Starlette application, answer the handshake and check signatures.
"""

import threading
from collections import deque
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest
import trio
from pywa import WhatsApp, errors, filters, types
from pywa.utils import CallbackURLScope
from starlette.applications import Starlette

from gateway.web import serve as serve_application

NUMBER, ACCOUNT = "100000000000001", "100000000000002"

call = trio.to_thread.run_sync  # the library waits in a thread


async def refused(function) -> errors.WhatsAppError:
    """What the library raises, caught in its thread: its errors are frozen, and a traceback
    cannot be added to them on the way here."""

    def caught():
        with pytest.raises(errors.WhatsAppError) as problem:
            function()
        return problem.value

    return await call(caught)


class Detour(httpx.BaseTransport):
    """Leads what is meant for Meta to the sandbox, and lets nothing leave the machine."""

    def __init__(self, sandbox: str) -> None:
        self._sandbox = httpx.URL(sandbox)
        self._inner = httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sandbox = self._sandbox
        if request.url.host == "graph.facebook.com":
            request.url = request.url.copy_with(scheme="http", host=sandbox.host, port=sandbox.port)
            request.headers["host"] = f"{sandbox.host}:{sandbox.port}"
        assert request.url.host == sandbox.host, request.url
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


class Library:
    """The library as a company would use it, and what it handed on."""

    def __init__(self, world, client: WhatsApp, address: str) -> None:
        self.world = world
        self.client = client
        self.address = address
        self.messages: deque[types.Message] = deque()
        self.buttons: deque[types.CallbackButton] = deque()
        self.statuses: deque[types.MessageStatus] = deque()
        self._more = trio.Event()
        client.on_message(filters.true)(lambda _, message: self._took(self.messages, message))
        client.on_callback_button(filters.true)(lambda _, tap: self._took(self.buttons, tap))
        client.on_message_status(filters.true)(lambda _, status: self._took(self.statuses, status))

    def _took(self, found: deque, update) -> None:
        """Called in a thread of the library."""
        found.append(update)
        trio.from_thread.run_sync(self._wake)

    def _wake(self) -> None:
        self._more.set()

    async def handed(self, found: deque, count: int):
        """Its handlers run after it answered: wait until they took so many."""
        with trio.fail_after(5):
            while len(found) < count:
                self._more = trio.Event()
                if len(found) < count:
                    await self._more.wait()
        return list(found)


async def timers() -> None:
    """Wait for the threads in which the library registers its callback."""
    for timer in threading.enumerate():
        if isinstance(timer, threading.Timer):
            await call(timer.join)


@asynccontextmanager
async def library(start, nursery, *, register: bool = False):
    """The library beside a sandbox; `register`: its callback is registered, as it does by
    itself when it is told its public address."""
    world = await start(webhook=False)
    application, stopped = Starlette(), trio.Event()
    (address,) = await nursery.start(
        partial(serve_application, application, ["127.0.0.1:0"], stop=stopped)
    )
    with httpx.Client(transport=Detour(world.sandbox.url), trust_env=False) as session:
        client = WhatsApp(
            phone_id=NUMBER,
            waba_id=ACCOUNT,
            token="sandbox-token",
            session=session,
            server=application,
            callback_url=address if register else None,
            callback_url_scope=CallbackURLScope.WABA,
            webhook_challenge_delay=0,
            verify_token="anything",
            app_secret="sandbox-app-secret",
        )
        await timers()
        yield Library(world, client, f"{address}/")
    stopped.set()
