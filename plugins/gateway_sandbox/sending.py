"""POST /v…/{phone_number_id}/messages and …/marketing_messages: refuse or accept."""

from __future__ import annotations

from functools import partial

import msgspec

from gateway_sandbox import phone_view
from gateway_sandbox.account import Number
from gateway_sandbox.events import Accepted, MarkedRead
from gateway_sandbox.faults import Fault, Occasion, attempt_number, body_key, delivery_key
from gateway_sandbox.following import Following
from gateway_sandbox.graph import GraphError
from gateway_sandbox.identities import Identities
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.payloads import Find
from gateway_sandbox.received import Received, TemplateName
from gateway_sandbox.server import Hangup, Request, Response
from gateway_sandbox.state import State
from gateway_sandbox.template_send import Rendered, render
from gateway_sandbox.validation import Draft, check_read, draft, parse, strict

_encode = msgspec.json.Encoder().encode
_SORRY = b"<html><body><h1>Sorry, something went wrong.</h1></body></html>"
_RESTRICTED = {
    368: "The account is temporarily blocked for a violation of policies.",
    131031: "The account has been locked.",
    131042: "There is a problem with the payment method of the account.",
}

HEAD_BYTES = 90
"""Of an answer before its body, about."""

MESSAGES, MARKETING = "messages", "marketing_messages"


class Sending:
    """The two edges of all numbers that send."""

    def __init__(self, state: State, outbox: Outbox, identities: Identities) -> None:
        self._state = state
        self._identities = identities
        self._following = Following(state, outbox, identities)
        self._find: dict[str, Find] = {
            id: partial(state.media.get, number_id=id) for id in state.numbers
        }

    async def post(self, request: Request, number: Number, edge: str) -> Response | Hangup:
        """The steps of section 11 after token and path, in their order."""
        state = self._state
        if not number.registered:
            raise GraphError(133010, "The phone number is not registered.")
        body = parse(request.body)
        if "status" in body and edge == MESSAGES:
            return self._read(check_read(body), number, "typing_indicator" in body)
        no_fallback = edge == MARKETING and _marketing_only(body)
        message = draft(body, number, self._find[number.id], state.account)
        occasion: Occasion | None = None
        if state.faults.active:
            occasion = self._occasion(request, message)
            if fault := await self._instead(occasion):
                return _answer_instead(fault, occasion)
        in_window = state.in_window(number.id, message.contact, request.arrival)
        self._limits(number, message.contact, request.arrival, in_window)
        if state.account.restriction is not None:
            code = state.account.restriction
            raise GraphError(code, _RESTRICTED.get(code, "The account is restricted."))
        rendered: Rendered | None = None
        category = "UTILITY" if message.direct else None
        if message.type == "template":
            rendered = render(message.payload, state.templates, self._find[number.id])
            category = self._category(rendered, message, edge, no_fallback, request.arrival)
        failing = self._failing(occasion, category) if occasion is not None else None
        told_later = failing is not None and failing.fault == "window_closed"
        if rendered is None and not (in_window or message.direct or told_later):
            raise GraphError(
                131047, "More than 24 hours have passed since the recipient last replied."
            )
        received = self._accept(request, number, message, rendered, category, edge)
        if not in_window:
            state.reach.take(message.contact, request.arrival)
        answer = Response(body=_encode(self._success(message, received.wamid)))
        if self._following.wanted:
            early = self._following.follow(number, message, received, category, failing, occasion)
            await self._following.post_early(early)
        if occasion is None:
            return answer
        return await self._answer(answer, occasion)

    def _read(self, wamid: str, number: Number, typing: bool) -> Response:
        """Mark as read (section 1.6)."""
        state, now = self._state, self._state.clock()
        if not state.inbox.mark_read(wamid, number.id, now):
            raise GraphError(131009, "Parameter message_id: this number got no such message.")
        if state.watched:
            state.announce(MarkedRead(now, number.id, wamid, typing))
        return Response(body=b'{"success":true}')

    # faults of the way there and back

    def _occasion(self, request: Request, message: Draft) -> Occasion:
        contact, data = message.contact, message.callback_data
        key = delivery_key(data) if data else body_key(contact, request.body)
        occasion = self._state.faults.occasion(contact, key, fresh=request.nth == 0)
        occasion.free_text = message.type != "template"
        occasion.content = body_key(contact, _encode((message.type, message.payload)))
        occasion.number = attempt_number(data) if data else 0
        return occasion

    async def _instead(self, occasion: Occasion) -> Fault | None:
        if hang := self._state.faults.strike("arriving", occasion):
            await self._state.clock.sleep(hang.seconds or 0.0)
        return self._state.faults.strike("instead", occasion)

    def _failing(self, occasion: Occasion, category: str | None) -> Fault | None:
        """Does it fail later?  What fails at once is refused here."""
        occasion.marketing = category in ("MARKETING", "MARKETING_LITE")
        failing = self._state.faults.strike("failing", occasion)
        if failing is not None and failing.sync:
            code = failing.code_for(occasion) or 1
            raise GraphError(code, "It fails because a fault was asked for.")
        return failing

    async def _answer(self, answer: Response, occasion: Occasion) -> Response | Hangup:
        faults = self._state.faults
        if slow := faults.strike("late", occasion):
            await self._state.clock.sleep(slow.seconds or 0.0)
        fault = faults.strike("answer", occasion)
        if fault is None:
            return answer
        if fault.fault == "malformed":
            return _malformed(answer, str(fault.how))
        if fault.fault == "close_after":
            answer.close = True
        elif fault.how == "anywhere":
            answer.cut = int(fault.draw(occasion, "cut") * (HEAD_BYTES + len(answer.body)))
        else:
            answer.cut = fault.cut
        return answer

    # steps

    def _limits(self, number: Number, contact: str, now: float, in_window: bool) -> None:
        if not self._state.throughput.ready(number.id, now):
            raise GraphError(
                130429, "Message failed to send because there were too many messages at once."
            )
        if not self._state.pairs.ready((number.id, contact), now):
            raise GraphError(
                131056, "Too many messages from this number to the same recipient in a short time."
            )
        if not in_window and not self._state.reach.ready(contact, now):
            raise GraphError(
                self._state.settings.limit_code,
                f"{self._state.reach.limit} people were written to within 24 hours.",
            )

    def _category(
        self, rendered: Rendered, message: Draft, edge: str, no_fallback: bool, now: float
    ) -> str:
        """The step "marketing": what the message counts as (section 2.1)."""
        account, template = self._state.account, rendered.template
        if template.category == "AUTHENTICATION" and message.to is None:
            raise GraphError(131062, "Authentication templates need a phone number.")
        if edge == MARKETING:
            if template.category != "MARKETING":
                raise GraphError(131055, f"Template {template.name} is no marketing template.")
            if not account.onboarded:
                if no_fallback:
                    raise GraphError(134100, "The account is not onboarded, and STRICT was asked.")
            elif now - template.created < self._state.settings.template_sync:
                raise GraphError(134101, f"Template {template.name} is not synced yet.")
            else:
                return "MARKETING_LITE"
        elif template.category == "MARKETING" and not account.marketing_on_messages:
            raise GraphError(131063, "The account sends marketing by marketing_messages only.")
        return template.category

    def _accept(
        self,
        request: Request,
        number: Number,
        message: Draft,
        rendered: Rendered | None,
        category: str | None,
        edge: str,
    ) -> Received:
        state = self._state
        contact = message.contact
        state.throughput.take(number.id, request.arrival)
        state.pairs.take((number.id, contact), request.arrival)
        state.accepted += 1
        template: TemplateName | None = None
        if rendered is None:
            view = phone_view.free_form(message.type, message.payload)
        else:
            view = phone_view.template(rendered)
            template = TemplateName(rendered.template.name, rendered.template.language)
            category = rendered.template.category
        received = Received(
            seq=state.accepted,
            wamid=state.wamid(),
            phone_number_id=number.id,
            to=message.to,
            user_id=message.user_id,
            contact=contact,
            callback_data=message.callback_data,
            type=message.type,
            form="text" if rendered is None else "template",
            template=template,
            category=category,
            context_id=message.context_id,
            first_byte=request.first_byte,
            arrival=request.arrival,
            marketing_edge=edge == MARKETING,
            **view,
        )
        state.keep(received)
        if state.watched:
            state.announce(Accepted(request.arrival, received))
        return received

    def _success(self, message: Draft, wamid: str) -> dict[str, object]:
        """The answer of section 1.4."""
        person = message.person
        if message.to is not None:
            contact = {"input": message.to, "wa_id": self._identities.number(person)}
        else:
            contact = {"input": message.user_id, "user_id": person.user_id}
        sent = {"id": wamid}
        if message.type == "template":
            sent["message_status"] = "accepted"
        return {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}


def _marketing_only(body: dict[str, object]) -> bool:
    """The marketing edge takes templates only; may it fall back?"""
    no_fallback = strict(body)
    if body.get("type") != "template":
        raise GraphError(131055, "Param type: only templates go to marketing_messages.")
    return no_fallback


def _answer_instead(fault: Fault, occasion: Occasion) -> Response | Hangup:
    """What comes instead of acceptance."""
    code = fault.code_for(occasion)
    if fault.fault == "error":
        raise GraphError(code, "A fault that was asked for.", http=fault.http)
    if fault.fault == "5xx":
        return Response(status=code, body=_SORRY, content_type="text/html")
    return Hangup(reset=fault.how == "reset")


def _malformed(answer: Response, how: str) -> Response:
    """What comes instead of the answer that says that it was accepted."""
    match how:
        case "half":
            return Response(body=answer.body[: len(answer.body) // 2])
        case "empty":
            return Response(body=b"")
        case "no_id":
            return Response(body=b'{"messaging_product":"whatsapp","messages":[{}]}')
    return Response(body=b"<!DOCTYPE html><title>", content_type="text/html")
