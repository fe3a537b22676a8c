"""The public listener's routes: searched by Starlette, or called straight; the same from outside."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import trio
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from trio.testing import MockClock

from gateway.admin import public_app
from gateway.context import FULL_PAUSE, taken
from gateway.errors import StoreError, StoreFault, StoreFull


class Hook:
    """An ASGI application as a route's endpoint; raises what it is told to."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.error is not None:
            raise self.error
        await PlainTextResponse("hook")(scope, receive, send)


async def page(request: Request) -> Response:
    return PlainTextResponse(f"page {request.path_params.get('name', '')}")


@pytest.fixture
def hook() -> Hook:
    return Hook()


@pytest.fixture
def client(hook: Hook) -> httpx.AsyncClient:
    routes: dict[str, list[Any]] = {
        "/hook/main": [Route("/", page, methods=["GET"]), Route("/", hook, methods=["POST"])],
        "/in/form": [Route("/{name}", page), Route("/taken", hook, methods=["GET"])],
    }
    transport = httpx.ASGITransport(public_app(routes))
    return httpx.AsyncClient(transport=transport, base_url="http://test")


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("POST", "/hook/main/", (200, "hook")),
        ("POST", "/hook/main", (200, "hook")),
        ("POST", "/hook/main/?a=b", (200, "hook")),
        ("GET", "/hook/main", (200, "page ")),
        ("PUT", "/hook/main/", (405, "Method Not Allowed")),
        ("POST", "/hook/main/more", (404, "Not Found")),
        ("GET", "/in/form/taken", (200, "page taken")),  # the first route that fits
    ],
)
async def test_routes(
    client: httpx.AsyncClient, method: str, path: str, answer: tuple[int, str]
) -> None:
    """Paths lead where Starlette would lead them."""
    found = await client.request(method, path)
    assert (found.status_code, found.text) == answer


@pytest.mark.parametrize("error", [StoreFull("full"), StoreError("no")])
async def test_what_cannot_be_stored_is_503(
    client: httpx.AsyncClient, hook: Hook, error: Exception
) -> None:
    """Whoever is called straight is caught like the others."""
    hook.error = error
    answer = await client.post("/hook/main/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


async def test_who_asks_is_told_at_once_and_an_input_waits(autojump_clock: MockClock) -> None:
    """A form's visitor gets 503 from a store that takes nothing new; a feed offers it again."""
    offered = 0

    async def write() -> None:
        nonlocal offered
        offered += 1
        if offered < 5:
            raise StoreFault("full", "the disk is full")

    async def form(request: Request) -> Response:
        await taken(write)
        return PlainTextResponse("kept")

    app = public_app({"/in/form": [Route("/", form, methods=["POST"])]})

    async def visit() -> None:  # a task of its own, as every request has
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as visitor:
            assert (await visitor.post("/in/form/")).status_code == 503
        assert offered == 1

    async with trio.open_nursery() as nursery:
        nursery.start_soon(visit)
    await taken(write)
    assert offered == 5
    assert trio.current_time() >= 3 * FULL_PAUSE
