"""A sandbox on loopback with a receiver for its webhooks and a client for its API."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
import trio

from gateway_sandbox.serve import Sandbox, serve
from gateway_sandbox.server import Hangup, Request, Response, Server
from gateway_sandbox.settings import Settings

TOKEN = "sandbox-token"
SECRET = "sandbox-app-secret"
NUMBER = "100000000000001"
ACCOUNT = "100000000000002"


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    at: float = 1_795_000_000.0

    def __call__(self) -> float:
        return self.at


@dataclass
class Receiver:
    """What a gateway is for the sandbox: takes webhooks and answers them."""

    requests: list[Request] = field(default_factory=list)
    answer: Callable[[Request], Awaitable[Response | Hangup]] | None = None
    port: int = 0
    under_way: int = 0
    most: int = 0
    changed: trio.Event = field(default_factory=trio.Event)

    async def handle(self, request: Request) -> Response | Hangup:
        self.requests.append(request)
        self.under_way += 1
        self.changed.set()
        self.changed = trio.Event()
        self.most = max(self.most, self.under_way)
        try:
            return await self.answer(request) if self.answer else Response()
        finally:
            self.under_way -= 1

    async def reached(self, count: int) -> None:
        """Wait until so many webhooks wait for an answer."""
        while self.under_way < count:
            await self.changed.wait()

    @property
    def values(self) -> list[dict[str, Any]]:
        return [
            change["value"]
            for request in self.requests
            for entry in json.loads(request.body)["entry"]
            for change in entry["changes"]
        ]

    @property
    def statuses(self) -> list[dict[str, Any]]:
        return [status for value in self.values for status in value.get("statuses", [])]

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [message for value in self.values for message in value.get("messages", [])]


@dataclass
class World:
    sandbox: Sandbox
    receiver: Receiver
    client: httpx.AsyncClient

    async def post(self, body: Any, **changes: Any) -> httpx.Response:
        """POST to the messages edge; `number`, `token`, `version`, `raw` may differ."""
        version, number = changes.get("version", "v25.0"), changes.get("number", NUMBER)
        token = changes.get("token", TOKEN)
        return await self.client.post(
            f"/{version}/{number}/messages",
            content=changes.get("raw", json.dumps(body)),
            headers={"Authorization": f"Bearer {token}"} if token is not None else {},
        )

    async def get(self, path: str, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return await self.client.get(path, params=query, headers=headers)

    async def call(
        self, method: str, path: str, body: Any = None, *, version: str = "v25.0", **query: str
    ) -> httpx.Response:
        """Any call of the API: `path` without the version, `body` as JSON."""
        return await self.client.request(
            method,
            f"/{version}/{path}",
            content=None if body is None else json.dumps(body),
            params=query or None,
            headers={"Authorization": f"Bearer {TOKEN}"},
        )

    async def control(self, method: str, path: str, body: Any = None) -> httpx.Response:
        content = None if body is None else json.dumps(body)
        return await self.client.request(method, f"/sandbox/{path}", content=content)


Start = Callable[..., Awaitable[World]]


@pytest.fixture
async def start(nursery: trio.Nursery):
    """Start a world: `await start(rate=5, webhook=False, …)`; the members are Settings'."""
    clients: list[httpx.AsyncClient] = []

    async def begin(*, webhook: bool = True, **members: Any) -> World:
        receiver = Receiver()
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        receiver.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(Server(receiver.handle, trio.current_time).serve, listeners)
        settings = Settings(token=TOKEN, app_secret=SECRET, seed="test", delays=(0.0, 0.004, 0.008))
        if webhook:
            settings = replace(settings, webhook=f"http://127.0.0.1:{receiver.port}/hook?x=1")
        sandbox = await nursery.start(serve, replace(settings, **members))
        client = httpx.AsyncClient(base_url=sandbox.url, trust_env=False)
        clients.append(client)
        return World(sandbox, receiver, client)

    yield begin
    for client in clients:
        await client.aclose()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def text():
    """Body of a text message; members replace or (None) remove."""

    def make(to: str | None = "+49 171 3920001", **members: Any) -> dict[str, Any]:
        body = {
            "messaging_product": "whatsapp",
            "to": to,
            "type": "text",
            "text": {"body": "Guten Tag"},
        } | members
        return {key: value for key, value in body.items() if value is not None}

    return make


@pytest.fixture
def blog_post(text):
    """Body of a blog_post template send; `values` replaces parameter texts."""

    def make(
        to: str | None = "+491713920001",
        *,
        name: str = "blog_post",
        language: str = "de",
        values: dict[str, str] | None = None,
        header: dict[str, Any] | None = None,
        **members: Any,
    ) -> dict[str, Any]:
        given = {"title": "Wärme", "teaser": "Neun Fragen.", "link": "https://blog.example/1"}
        parameters = [
            {"type": "text", "parameter_name": key, "text": value}
            for key, value in (given | (values or {})).items()
        ]
        components: list[dict[str, Any]] = [{"type": "body", "parameters": parameters}]
        if header is not None:
            components.insert(0, {"type": "header", "parameters": [header]})
        template = {"name": name, "language": {"code": language}, "components": components}
        return text(to, type="template", text=None, template=template, **members)

    return make
