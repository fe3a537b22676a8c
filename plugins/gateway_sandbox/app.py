"""Which request goes where: token first, then the object in the path (section 11)."""

from __future__ import annotations

import re

import msgspec

from gateway_sandbox.access import DENIED, Access
from gateway_sandbox.connection import MAX_BODY
from gateway_sandbox.control import Control
from gateway_sandbox.form import parameters
from gateway_sandbox.graph import RATES, GraphError
from gateway_sandbox.management import Management, unknown_path
from gateway_sandbox.media import UPLOAD_LIMIT
from gateway_sandbox.media_api import download
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.page import Page
from gateway_sandbox.page_guard import refuse
from gateway_sandbox.sending import MARKETING, MESSAGES, Sending
from gateway_sandbox.server import Answer, Hangup, Request, Response
from gateway_sandbox.state import State

_VERSION = re.compile(r"v[0-9]+\.[0-9]+\Z")
_FORM = 1_000_000  # bytes of an upload beside its file
_encode = msgspec.json.Encoder().encode


class App:
    """The handler of the server."""

    def __init__(
        self, state: State, outbox: Outbox, control: Control, sending: Sending, page: Page
    ) -> None:
        self._state = state
        self._control = control
        self._sending = sending
        self._page = page
        self._management = Management(state, outbox)
        self._access = Access(state.settings.token, state.settings.app_secret)

    async def handle(self, request: Request) -> Answer:
        """Answer one request, whatever it is."""
        parts = request.path.strip("/").split("/")
        if parts[0] in ("", "page", "sandbox", "wa.me"):
            return await self._own(request)
        try:
            return await self._graph(request, parts)
        except GraphError as error:
            self._state.refused[error.code] += 1
            rated = error.code in RATES and error.usual
            return Response(
                status=self._state.account.rate_http if rated else error.http,
                body=_encode(error.body(self._state.trace())),
                headers=(DENIED,) if error.code in (190, 2500) else (),
            )

    async def _own(self, request: Request) -> Answer:
        """The page with the phones and the API behind it."""
        refusal = refuse(request, self._state.settings.host)
        return refusal or self._page.handle(request) or await self._control.handle(request)

    async def _graph(self, request: Request, parts: list[str]) -> Response | Hangup:
        if parts[0] == "media" and len(parts) == 1:
            self._access.check_token(request)
            return download(self._state.media, request)
        if not _VERSION.match(parts[0]) or not 2 <= len(parts) <= 3:
            raise unknown_path(request)
        self._access.check_token(request)
        if self._state.faults.active:
            self._expired()
        if b"appsecret_proof" in request.body or "appsecret_proof" in request.query:
            self._access.check_proof(parameters(request))
        edge = parts[2] if len(parts) == 3 else ""
        if request.method == "POST" and edge in (MESSAGES, MARKETING):
            number = self._state.numbers.get(parts[1])
            if number is not None:
                return await self._sending.post(request, number, edge)
        return await self._management.handle(request, parts[1], edge)

    def _expired(self) -> None:
        """A fault of the token, which concerns every call."""
        faults = self._state.faults
        fault = faults.strike("token", faults.occasion("", "token"))
        if fault is not None:
            raise GraphError(fault.code or 190, "A fault that was asked for.", http=fault.http)


def body_limit(path: str) -> int:
    """Bytes that a request's body may have; uploads of media may be larger than all others."""
    return UPLOAD_LIMIT + _FORM if path.rstrip("/").endswith("/media") else MAX_BODY
