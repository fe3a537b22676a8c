"""The three listeners' applications: public (plugins' routes), admin (operations), metrics."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.context import somebody_waits
from gateway.errors import ConfigError, StoreError, StoreFull
from gateway.metrics import Metrics
from gateway.operations import Operations

log = logging.getLogger("gateway.admin")

JSON = "application/json"


def admin_app(operations: Operations) -> Starlette:
    """Answer `POST /op/NAME` with `{"result": …}`, or 400 and `{"error": "a sentence"}`."""

    async def operate(request: Request) -> Response:
        try:
            arguments = msgspec.json.decode(await request.body() or b"{}", type=dict[str, Any])
            result = await operations.call(request.path_params["name"], arguments)
        except (ConfigError, msgspec.MsgspecError) as error:
            return _json({"error": str(error)}, 400)
        except StoreError as error:
            return _json({"error": str(error)}, 503)
        return _json({"result": result}, 200)

    return Starlette(routes=[Route("/op/{name}", operate, methods=["POST"])])


def metrics_app(metrics: Metrics, healthy: Callable[[], str | None]) -> Starlette:
    """Answer `/metrics` for Prometheus, and `/health`: 200, or 503 with what is wrong."""

    async def page(_: Request) -> Response:
        body, content_type = metrics.render()
        return Response(body, media_type=content_type)

    async def health(_: Request) -> Response:
        problem = healthy()
        return PlainTextResponse(problem or "ok", 503 if problem else 200)

    return Starlette(routes=[Route("/metrics", page), Route("/health", health)])


def public_app(routes: Mapping[str, Sequence[BaseRoute]]) -> ASGIApp:
    """Mount every plugin's routes below its own path; a full store is answered with 503.

    `/hook/main` is `/hook/main/`: a provider that is told the one does not follow a redirect.
    """

    async def full(_: Request, error: Exception) -> Response:
        log.warning("a request could not be stored: %s", error)
        return Response(status_code=503, headers={"retry-after": "5"})

    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        StoreFull: full,
        StoreError: full,
    }
    app = Starlette(
        routes=[Mount(path, routes=list(found)) for path, found in routes.items()],
        exception_handlers=handlers,
    )

    straight: dict[tuple[str, str], ASGIApp] = {}
    for path, found in routes.items():
        straight |= _straight(path, found)

    async def with_slash(scope: Scope, receive: Receive, send: Send) -> None:
        somebody_waits.set(True)
        path = scope["path"]
        if path in routes:
            path += "/"
            scope = {**scope, "path": path}
        known = straight.get((scope["method"], path))
        if known is None:
            await app(scope, receive, send)
            return
        try:
            await known(scope, receive, send)
        except StoreError as error:
            await (await full(Request(scope), error))(scope, receive, send)

    return with_slash


def _straight(mounted: str, routes: Iterable[BaseRoute]) -> dict[tuple[str, str], ASGIApp]:
    """Return what can be called without searching all routes: by method and path, whatever is an
    ASGI application, before the first route that has parameters."""
    found: dict[tuple[str, str], ASGIApp] = {}
    for route in routes:
        if not isinstance(route, Route) or route.param_convertors:
            break
        for method in route.methods or ():
            if route.app is route.endpoint:
                found.setdefault((method, mounted + route.path), route.app)
    return found


def _json(value: Any, status: int) -> Response:
    return Response(msgspec.json.encode(value), status_code=status, media_type=JSON)
