"""Every call that sends no message: numbers, account, templates, media; counted per hour (4.4)."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec

from gateway_sandbox import account_api, media_api, number_api, template_api
from gateway_sandbox.account import Number
from gateway_sandbox.form import parameters, query
from gateway_sandbox.graph import GraphError, unknown_object
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.server import Request, Response
from gateway_sandbox.state import State
from gateway_sandbox.templates import Template

_encode = msgspec.json.Encoder().encode

# What an object has: another method there is "unsupported", another edge an unknown path.
_NUMBER_EDGES = (
    "",
    "block_users",
    "deregister",
    "marketing_messages",
    "media",
    "messages",
    "register",
    "whatsapp_business_profile",
)
_ACCOUNT_EDGES = ("", "message_templates", "messages", "phone_numbers", "subscribed_apps")


class Management:
    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox

    async def handle(self, request: Request, id: str, edge: str) -> Response:
        """Answer a call for the object of a path; who calls has shown a token."""
        state = self._state
        self._count()
        if id == "me" and request.method == "GET" and not edge:
            return self._answer(account_api.me(state))
        number = state.numbers.get(id)
        if number is not None:
            return self._answer(self._number(request, number, edge))
        if id == state.settings.account_id:
            return self._answer(await self._account(request, edge))
        template = state.templates.by_id(id)
        if template is not None:
            return self._answer(self._template(request, template, edge))
        if edge:
            raise unknown_object(request.method, unquote(id))
        return self._media(request, id)

    def _number(self, request: Request, number: Number, edge: str) -> object:
        state = self._state
        match request.method, edge:
            case "GET", "":
                return account_api.number(state, number, query(request).get("fields"))
            case "POST", "media":
                return media_api.upload(state.media, request, number.id)
            case "POST", "register":
                return number_api.register(state, number, parameters(request))
            case "POST", "deregister":
                return number_api.deregister(state, number)
            case "GET", "whatsapp_business_profile":
                return number_api.profile(number, query(request).get("fields"))
            case "POST", "whatsapp_business_profile":
                return number_api.set_profile(number, parameters(request))
            case "GET", "block_users":
                return number_api.blocked(number, query(request), _address(request))
            case "POST", "block_users":
                return number_api.block(state, number, parameters(request))
            case "DELETE", "block_users":
                return number_api.unblock(number, parameters(request))
        raise _unsupported(request, number.id, edge, _NUMBER_EDGES)

    async def _account(self, request: Request, edge: str) -> object:
        state, given = self._state, query(request)
        templates, limit = state.templates, state.settings.template_limit
        match request.method, edge:
            case "GET", "":
                return account_api.account(state, given.get("fields"))
            case "GET", "phone_numbers":
                return account_api.numbers(state, given, _address(request))
            case "GET", "subscribed_apps":
                return account_api.subscribed_apps(state)
            case "POST", "subscribed_apps":
                return await account_api.subscribe(state, self._outbox, parameters(request))
            case "DELETE", "subscribed_apps":
                return account_api.unsubscribe(state, self._outbox)
            case "GET", "message_templates":
                return template_api.list_templates(templates, given, _address(request), limit)
            case "POST", "message_templates":
                return template_api.create(templates, parameters(request), limit)
            case "DELETE", "message_templates":
                return template_api.delete(templates, parameters(request))
        raise _unsupported(request, state.settings.account_id, edge, _ACCOUNT_EDGES)

    def _template(self, request: Request, template: Template, edge: str) -> object:
        match request.method, edge:
            case "GET", "":
                return template_api.show(template, query(request).get("fields"))
            case "POST", "":
                return template_api.edit(self._state.templates, template, parameters(request))
            case "POST", "unpause":
                return template_api.unpause(template)
        raise _unsupported(request, template.id, edge, ("", "unpause"))

    def _media(self, request: Request, id: str) -> Response:
        store = self._state.media
        media = media_api.find(store, request, unquote(id))
        if request.method == "GET":
            base = f"http://{request.header(b'host') or ''}"
            return Response(body=_encode(media_api.locate(store, media, base)))
        if request.method == "DELETE":
            store.delete(media.id)
            return Response(body=b'{"success":true}')
        raise unknown_object(request.method, id)

    def _count(self) -> None:
        if not self._state.account.call(self._state.clock()):
            raise GraphError(80007, "The calls of this hour are used up; some are free soon.")

    def _answer(self, document: object) -> Response:
        """An answer with its usage header: percent of the hour's calls."""
        used = round(self._state.account.used(self._state.clock()))
        usage = {
            "type": "whatsapp_business_management",
            "call_count": used,
            "total_cputime": used,
            "total_time": used,
            "estimated_time_to_regain_access": 0,
        }
        header = _encode({self._state.settings.account_id: [usage]}).decode()
        return Response(body=_encode(document), headers=(("X-Business-Use-Case-Usage", header),))


def _address(request: Request) -> str:
    return f"http://{request.header(b'host') or ''}{request.path}"


def _unsupported(request: Request, id: str, edge: str, known: tuple[str, ...]) -> GraphError:
    if edge in known:
        return unknown_object(request.method, id)
    return unknown_path(request)


def unknown_path(request: Request) -> GraphError:
    return GraphError(2500, message=f"Unknown path components: {unquote(request.path)}")
