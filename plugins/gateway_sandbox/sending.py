"""POST /v…/{phone_number_id}/messages: refuse or accept, then let statuses follow."""

from __future__ import annotations

import msgspec
import trio

from gateway_sandbox.faults import ANSWER, BEFORE, FAILING, INSTEAD, LATE, STATUSES, Fault
from gateway_sandbox.graph import GraphError, webhook_error
from gateway_sandbox.outbox import Outbox, StatusEvent
from gateway_sandbox.server import Hangup, Request, Response
from gateway_sandbox.state import Number, Received, State, TemplateName
from gateway_sandbox.template_send import Rendered, render
from gateway_sandbox.validation import Draft, check_read, draft, parse
from gateway_sandbox.webhooks import contact_entry, pricing, status

_encode = msgspec.json.Encoder().encode
_SORRY = b"<html><body><h1>Sorry, something went wrong.</h1></body></html>"

_FAILURES = {
    "undeliverable": (131026, "Message Undeliverable."),
    "opted_out": (131050, "The person stopped marketing messages of this business."),
    "marketing_cap": (131049, "Held back to keep engagement healthy."),
}


class Sending:
    """The messages edge of all numbers."""

    def __init__(self, state: State, outbox: Outbox) -> None:
        self._state = state
        self._outbox = outbox
        self._statuses = state.settings.statuses and outbox.wanted

    async def post(self, request: Request, number: Number) -> Response | Hangup:
        """The steps of section 11 after token and path, in their order."""
        body = parse(request.body)
        if "status" in body:
            check_read(body)
            return Response(body=b'{"success":true}')
        message = draft(body, number.digits)
        strike = self._state.faults.strike
        contact, fate = message.person.contact, message.fate
        if self._state.faults.active:
            if hang := strike(BEFORE, contact, fate, fresh=request.nth == 0):
                await trio.sleep(hang.seconds)
            if fault := strike(INSTEAD, contact, fate):
                return _instead(fault)
        self._limits(number, contact, request.arrival)
        in_window = self._state.in_window(number.id, contact, request.arrival)
        rendered: Rendered | None = None
        if message.type == "template":
            rendered = render(message.payload, self._state.templates)
        elif not in_window:
            raise GraphError(
                131047, "More than 24 hours have passed since the recipient last replied."
            )
        wamid = self._accept(request, number, message, rendered)
        answer = Response(body=_encode(_success(message, wamid)))
        marketing = rendered is not None and rendered.template.category == "MARKETING"
        if self._statuses:
            self._follow(number, message, wamid, rendered, in_window, request.arrival)
        if self._state.faults.active:
            if slow := strike(LATE, contact, fate, marketing=marketing):
                await trio.sleep(slow.seconds)
            if fault := strike(ANSWER, contact, fate, marketing=marketing):
                if fault.fault == "malformed":
                    return Response(body=b"<!DOCTYPE html><title>", content_type="text/html")
                answer.cut = fault.cut
        return answer

    def _limits(self, number: Number, contact: str, now: float) -> None:
        if not self._state.throughput.ready(number.id, now):
            raise GraphError(
                130429, "Message failed to send because there were too many messages at once."
            )
        if not self._state.pairs.ready((number.id, contact), now):
            raise GraphError(
                131056, "Too many messages from this number to the same recipient in a short time."
            )

    def _accept(
        self, request: Request, number: Number, message: Draft, rendered: Rendered | None
    ) -> str:
        state = self._state
        contact = message.person.contact
        state.throughput.take(number.id, request.arrival)
        state.pairs.take((number.id, contact), request.arrival)
        state.accepted += 1
        wamid = state.wamid()
        payload = message.payload
        if rendered is None:
            text = payload["body"] if message.type == "text" else payload.get("caption", "")
        else:
            text = rendered.text
        state.keep(
            Received(
                seq=state.accepted,
                wamid=wamid,
                phone_number_id=number.id,
                to=message.to,
                user_id=message.user_id,
                contact=contact,
                callback_data=message.callback_data,
                type=message.type,
                form="text" if rendered is None else "template",
                text=text,
                footer=rendered.footer if rendered else None,
                buttons=rendered.buttons if rendered else (),
                media=payload.get("link") if rendered is None else _header_link(payload),
                template=(
                    TemplateName(rendered.template.name, rendered.template.language)
                    if rendered
                    else None
                ),
                category=rendered.template.category if rendered else None,
                context_id=message.context_id,
                first_byte=request.first_byte,
                arrival=request.arrival,
            )
        )
        return wamid

    def _follow(
        self,
        number: Number,
        message: Draft,
        wamid: str,
        rendered: Rendered | None,
        in_window: bool,
        accepted: float,
    ) -> None:
        """Schedule the statuses; time stamps are true even where faults change the order."""
        person = message.person
        category = rendered.template.category if rendered else None
        marketing = category == "MARKETING"
        faults = self._state.faults
        failing = odd = None
        if faults.active:
            failing = faults.strike(FAILING, person.contact, message.fate, marketing=marketing)
            odd = faults.strike(STATUSES, person.contact, message.fate, marketing=marketing)
        oddity = odd.fault if odd else None
        if oddity == "status_none":
            return
        delays = self._state.settings.delays
        kinds = ("sent", "delivered", "read") if failing is None else ("failed",)
        posts = list(zip(kinds, delays, strict=False))
        dues = [delay for _, delay in posts]
        if oddity == "status_reorder":
            dues.reverse()
        errors = [webhook_error(*_FAILURES[failing.fault])] if failing else None
        price = pricing(category, in_window)
        for (kind, delay), due in zip(posts, dues, strict=True):
            entry = status(
                person,
                wamid,
                kind,
                int(accepted + delay),
                message.callback_data,
                by_phone=message.to is not None,
                price=price if kind != "read" else None,
                errors=errors,
            )
            who = None if failing else contact_entry(person, with_username=kind != "sent")
            event = StatusEvent(number.id, number.digits, entry, who)
            for _ in range(2 if oddity == "status_double" else 1):
                self._outbox.schedule(due, event)


def _success(message: Draft, wamid: str) -> dict[str, object]:
    """The answer of section 1.4."""
    person = message.person
    if message.to is not None:
        contact = {"input": message.to, "wa_id": person.phone}
    else:
        contact = {"input": message.user_id, "user_id": person.user_id}
    sent = {"id": wamid}
    if message.type == "template":
        sent["message_status"] = "accepted"
    return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}


def _header_link(payload: dict[str, object]) -> str | None:
    """The link of a template's header picture, video or document."""
    components = payload.get("components")
    for component in components if isinstance(components, list) else []:
        if component["type"].lower() == "header":
            for parameter in component.get("parameters", []):
                media = parameter.get(parameter["type"].lower())
                if isinstance(media, dict) and isinstance(media.get("link"), str):
                    return str(media["link"])
    return None


def _instead(fault: Fault) -> Response | Hangup:
    """What comes instead of acceptance."""
    if fault.fault == "error":
        raise GraphError(
            1 if fault.code is None else fault.code, "A fault that was asked for.", http=fault.http
        )
    if fault.fault == "5xx":
        return Response(status=fault.code or 500, body=_SORRY, content_type="text/html")
    return Hangup(reset=fault.how == "reset")
