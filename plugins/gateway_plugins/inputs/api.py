"""A JSON API for the company's own programs: messages, withdrawals, people.

    [inputs.api]
    tokens = { shop = { secret = "api-shop" } }

    POST /in/api/messages · /in/api/withdrawals · /in/api/people · /in/api/people/query

A client names its Bearer token, or signs as Standard Webhooks says.  2xx is answered when all is on
disk; a refusal names the field and did nothing.  No address holds personal data.
"""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from gateway.api import ConfigError, Context, Input, hookimpl

from .form.limits import Sliding, networks, per_visitor, visitor
from .form.signatures import PROFILES, Signed, verify
from .json_api.calls import Calls
from .json_api.requests import CallError, NewMessage, NewPeople, Who, Withdrawing, read
from .json_api.settings import ApiConfig

GUESSES = 20
"""Calls without a right token that one address has in a minute."""
CALLS = ("messages", "withdrawals", "people", "query")

Call = Callable[[Any, str], Awaitable[tuple[int, dict[str, Any]]]]


class Api(Input):
    """The API."""

    name = "api"
    config: ApiConfig
    _context: Context

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Get ready.  Raises ConfigError for topics that are not there."""
        if missing := [name for name in self.config.topics if name not in context.topics]:
            raise ConfigError(f"[inputs.{self.label}] topics: there is no [topics.{missing[0]}]")
        self._context = context
        self._calls = Calls(context, self.config)
        self._clients = Sliding(self.config.per_minute, 60.0)
        self._guesses = Sliding(GUESSES, 60.0)
        self._proxies = networks(self.config.trusted_proxies)
        self._count = context.metrics.counter(
            "calls", "Calls, by what was asked and how it was answered", ("call", "status")
        )
        context.succeeded("open")
        yield

    def routes(self) -> Iterable[BaseRoute]:
        """Return the calls, below `/in/NAME`."""
        calls = self._calls
        return [
            self._route("/messages", "messages", NewMessage, calls.message),
            self._route("/withdrawals", "withdrawals", Withdrawing, calls.withdrawal),
            self._route("/people", "people", NewPeople, calls.people),
            self._route("/people/query", "query", Who, calls.query),
        ]

    def _route(self, path: str, name: str, type_: type[msgspec.Struct], call: Call) -> Route:
        async def answer(request: Request) -> Response:
            try:
                body = await request.body()
                client = self._client(request, body)
                status, value = await call(read(body, type_), client)
            except CallError as error:
                status, value = error.status, {"error": str(error)}
            self._count.labels(name, str(status)).inc()
            return _answer(value, status)

        return Route(path, answer, methods=["POST"])

    def _client(self, request: Request, body: bytes) -> str:
        """Return who calls.  Raises CallError: 401 for strangers, 429 for who calls too often."""
        now = self._context.clock.now()
        found = self._named(request) or self._signed(request, body)
        if found is None:
            address = per_visitor(visitor(request, self._proxies))
            if self._guesses.wait(address, now.timestamp()):
                raise CallError("too many calls without a right token; wait a minute", 429)
            raise CallError("name a token (Authorization: Bearer …), or sign the call", 401)
        if wait := self._clients.wait(found, now.timestamp()):
            raise CallError(f"too many calls; wait {wait:.0f} s", 429)
        return found

    def _named(self, request: Request) -> str | None:
        kind, _, given = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        token = given.strip().encode("utf-8", "replace")
        # All are compared, so that the time says nothing about which is near.
        found = [
            name
            for name, secret in self.config.tokens.items()
            if hmac.compare_digest(secret.reveal().encode(), token)
        ]
        return found[0] if found else None

    def _signed(self, request: Request, body: bytes) -> str | None:
        signed = Signed(body=body, headers=request.headers, method=request.method)
        now = self._context.clock.now()
        for name, secret in self.config.signing.items():
            if verify(PROFILES["standard"], [secret], signed, now) is None:
                return name
        return None


def _answer(value: dict[str, Any], status: int) -> Response:
    headers = {"cache-control": "no-store"}
    if status == 401:
        headers["www-authenticate"] = "Bearer"
    if status == 429:
        headers["retry-after"] = "60"
    return Response(msgspec.json.encode(value), status, headers, "application/json")


@hookimpl
def register() -> list[type[Api]]:
    """Hand over the input."""
    return [Api]
