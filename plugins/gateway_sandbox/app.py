"""Which request goes where: token first, then the object in the path (section 11)."""

from __future__ import annotations

import hmac
import re
from urllib.parse import parse_qsl, unquote

import msgspec

from gateway_sandbox import account_api, template_api
from gateway_sandbox.control import Control
from gateway_sandbox.graph import GraphError, unknown_object
from gateway_sandbox.sending import Sending
from gateway_sandbox.server import Hangup, Request, Response
from gateway_sandbox.state import Number, State

_VERSION = re.compile(r"v[0-9]+\.[0-9]+\Z")
_encode = msgspec.json.Encoder().encode
_DENIED = ("WWW-Authenticate", 'OAuth "Facebook Platform" "invalid_token" "Invalid OAuth token"')


class App:
    """The handler of the server."""

    def __init__(self, state: State, control: Control, sending: Sending) -> None:
        self._state = state
        self._control = control
        self._sending = sending
        self._token = state.settings.token.encode()

    async def handle(self, request: Request) -> Response | Hangup:
        """Answer one request, whatever it is."""
        parts = request.path.strip("/").split("/")
        if parts[0] == "sandbox":
            return await self._control.handle(request)
        try:
            return await self._graph(request, parts)
        except GraphError as error:
            self._state.refused[error.code] += 1
            return Response(
                status=error.http,
                body=_encode(error.body(self._state.trace())),
                headers=(_DENIED,) if error.code in (190, 2500) else (),
            )

    async def _graph(self, request: Request, parts: list[str]) -> Response | Hangup:
        if not _VERSION.match(parts[0]) or not 2 <= len(parts) <= 3:
            raise _unknown_path(request)
        self._check_token(request)
        edge = parts[2] if len(parts) == 3 else ""
        number = self._state.numbers.get(parts[1])
        if number is not None:
            return await self._number(request, number, edge)
        if parts[1] != self._state.settings.account_id:
            raise unknown_object(request.method, unquote(parts[1]))
        return self._account(request, edge)

    def _check_token(self, request: Request) -> None:
        header = request.header(b"authorization")
        scheme, _, given = (header or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise GraphError(
                2500,
                message=(
                    "An active access token must be used to query information about the "
                    "current user."
                ),
            )
        if not hmac.compare_digest(given.strip().encode(), self._token):
            raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")

    async def _number(self, request: Request, number: Number, edge: str) -> Response | Hangup:
        match request.method, edge:
            case "POST", "messages":
                return await self._sending.post(request, number)
            case "GET", "":
                fields = _query(request).get("fields")
                return self._management(account_api.number(self._state, number, fields))
            case _, "messages" | "":
                raise unknown_object(request.method, number.id)
        raise _unknown_path(request)

    def _account(self, request: Request, edge: str) -> Response:
        state, query = self._state, _query(request)
        match request.method, edge:
            case "GET", "":
                return self._management(account_api.account(state, query.get("fields")))
            case "GET", "phone_numbers":
                return self._management(account_api.numbers(state, query.get("fields")))
            case "GET", "subscribed_apps":
                return self._management(account_api.subscribed_apps())
            case "POST", "subscribed_apps":
                return self._management({"success": True})
            case "GET", "message_templates":
                base = f"http://{request.header(b'host') or ''}{request.path}"
                return self._management(template_api.list_templates(state.templates, query, base))
            case "POST", "message_templates":
                return self._management(template_api.create(state.templates, request.body))
            case _, "" | "messages" | "phone_numbers" | "subscribed_apps" | "message_templates":
                raise unknown_object(request.method, state.settings.account_id)
        raise _unknown_path(request)

    def _management(self, document: object) -> Response:
        """An answer of the management API, with its usage header (section 4.4)."""
        usage = {
            "type": "whatsapp_business_management",
            "call_count": 1,
            "total_cputime": 1,
            "total_time": 1,
            "estimated_time_to_regain_access": 0,
        }
        header = _encode({self._state.settings.account_id: [usage]}).decode()
        return Response(body=_encode(document), headers=(("X-Business-Use-Case-Usage", header),))


def _query(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.query))


def _unknown_path(request: Request) -> GraphError:
    return GraphError(2500, message=f"Unknown path components: {unquote(request.path)}")
