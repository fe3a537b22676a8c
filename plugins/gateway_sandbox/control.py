"""The sandbox's own API under /sandbox: what arrived, phones that write, faults, counts.

    GET    received[?after=SEQ][&limit=N]   JSON lines of `state.Received`
    POST   phones/{number or user id}/say   `Say` → `Said`, when the receiver answered
    POST   faults                           `faults.Fault` → the same, completed
    GET    faults  ·  DELETE faults         {"faults": […]}
    POST   templates                        `TemplateChange`: paused, disabled, approved …
    GET    stats  ·  POST reset

A request that makes no sense gets 400 or 404 and {"error": text}.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from gateway_sandbox.faults import Fault
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.people import Person, parse_person
from gateway_sandbox.server import Request, Response
from gateway_sandbox.state import State
from gateway_sandbox.webhooks import contact_entry, envelope, inbound_message, messages_value

Json = dict[str, Any]

_TEMPLATE_STATUSES = ("APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL")


class ControlError(Exception):
    """A control request that makes no sense; its text tells what would."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class Button(msgspec.Struct, forbid_unknown_fields=True):
    payload: str
    text: str


class Say(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Exactly one of text and button.  `context`: the quoted message; a button quotes the last
    message that the person got.  `phone_number_id`: the number written to, else the first."""

    text: str | None = None
    button: Button | None = None
    context: str | None = None
    phone_number_id: str | None = None


class Said(msgspec.Struct, kw_only=True):
    """`status`: what the receiver answered, null if it did not; times in unix seconds."""

    wamid: str
    status: int | None
    sent_at: float
    answered_at: float
    error: str | None = None


class TemplateChange(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    language: str
    status: str


class Control:
    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox

    async def handle(self, request: Request) -> Response:
        """Route one request; the first part of its path is `sandbox`."""
        try:
            return await self._route(request)
        except ControlError as error:
            return _json({"error": str(error)}, error.status)
        except msgspec.MsgspecError as error:
            return _json({"error": str(error)}, 400)

    async def _route(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.path.strip("/").split("/")[1:]]
        match request.method, parts:
            case "GET", ["received"]:
                return self._received(request.query)
            case "POST", ["phones", number, "say"]:
                person = parse_person(number)
                if person is None:
                    raise ControlError("the phone is neither a phone number nor a user id")
                said = await self.say(person, msgspec.json.decode(request.body, type=Say))
                return Response(body=msgspec.json.encode(said))
            case "GET", ["faults"]:
                return _json({"faults": self._state.faults.active})
            case "POST", ["faults"]:
                fault = msgspec.json.decode(request.body, type=Fault)
                self._state.faults.add(fault)
                return _json(fault)
            case "DELETE", ["faults"]:
                self._state.faults.clear()
                return _json({"faults": []})
            case "POST", ["templates"]:
                self.change(msgspec.json.decode(request.body, type=TemplateChange))
                return _json({"success": True})
            case "GET", ["stats"]:
                return _json(self.stats())
            case "POST", ["reset"]:
                self.reset()
                return _json({"success": True})
        raise ControlError(f"there is no {request.method} {request.path}", 404)

    def reset(self) -> None:
        self._state.reset()
        self._outbox.clear()

    def _received(self, query: str) -> Response:
        asked = parse_qs(query)
        try:
            after = int(asked.get("after", ["0"])[0])
            limit = int(asked["limit"][0]) if "limit" in asked else None
        except ValueError:
            raise ControlError("after and limit are numbers") from None
        lines = self._state.lines_after(after, limit)
        return Response(body=b"".join(lines), content_type="application/x-ndjson")

    async def say(self, person: Person, say: Say) -> Said:
        """The person writes, and the receiver has answered when this returns."""
        if (say.text is None) == (say.button is None):
            raise ControlError("exactly one of text and button")
        state = self._state
        number_id = say.phone_number_id or next(iter(state.numbers))
        number = state.numbers.get(number_id)
        if number is None:
            raise ControlError(f"there is no number {number_id}", 404)
        context = say.context
        if say.button is not None:
            content: Json = {"type": "button", "button": msgspec.to_builtins(say.button)}
            context = context or state.last_sent(number.id, person.contact)
        else:
            content = {"type": "text", "text": {"body": say.text}}
        if context is not None:
            content["context"] = {"from": number.digits, "id": context}
        now = state.settings.now
        sent_at = now()
        state.inbound += 1
        state.open_window(number.id, person.contact)
        state.throughput.take(number.id, sent_at)
        wamid = state.wamid()
        value = messages_value(
            number.id,
            number.digits,
            contacts=[contact_entry(person)],
            messages=[inbound_message(person, wamid, int(sent_at), content)],
        )
        document = envelope(state.settings.account_id, [("messages", value)])
        status, error = await self._outbox.post_now(document)
        return Said(wamid=wamid, status=status, sent_at=sent_at, answered_at=now(), error=error)

    def change(self, change: TemplateChange) -> None:
        """Meta changes its mind about a template."""
        template = self._state.templates.get(change.name, change.language)
        if template is None:
            raise ControlError(f"there is no template {change.name} in {change.language}", 404)
        if change.status not in _TEMPLATE_STATUSES:
            raise ControlError(f"a status is one of {', '.join(_TEMPLATE_STATUSES)}")
        template.status = change.status

    def stats(self) -> Json:
        state, counts = self._state, self._outbox.counts
        return {
            "received": state.accepted,
            "inbound": state.inbound,
            "refused": {str(code): n for code, n in sorted(state.refused.items())},
            "faults": dict(state.faults.struck),
            "webhooks": {
                "posted": counts.posted,
                "failed": counts.failed,
                "given_up": counts.given_up,
                "dropped": counts.dropped,
                "pending": self._outbox.pending,
            },
            "statuses": dict(counts.statuses),
        }


def _json(document: object, status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(document))
