"""The sandbox's own API under /sandbox.  `GET /sandbox` tells its routes and faults.

A request that makes no sense gets 400 or 404 and {"error": text}, and changes nothing.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

import msgspec

from gateway_sandbox.account_news import (
    AccountChange,
    TemplateChange,
    change_account,
    change_template,
)
from gateway_sandbox.contents import CONTENTS, Say
from gateway_sandbox.fault_kinds import describe
from gateway_sandbox.faults import Fault
from gateway_sandbox.handshake import shake
from gateway_sandbox.identities import Identities
from gateway_sandbox.leaving import Change
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.people import Person, parse_person
from gateway_sandbox.server import Request, Response
from gateway_sandbox.state import State
from gateway_sandbox.talking import Said, Talking

Json = dict[str, Any]

ROUTES = {
    "GET /sandbox": "this",
    "GET /sandbox/received[?after=SEQ][&limit=N]": "accepted sends, a JSON line each",
    "GET /sandbox/webhooks": "the last webhooks: body, signature, what was answered when",
    "GET /sandbox/stats": "counts",
    "GET /sandbox/faults": "the faults that are set, and how often each struck",
    "POST /sandbox/faults": 'set one: {"fault": NAME, …}, members below',
    "DELETE /sandbox/faults[?fault=NAME][&number=PERSON]": "delete all, or some",
    "POST /sandbox/phones/{person}/say": (
        f"{{person}}, a number or user id, does something: one of {', '.join(CONTENTS)}"
    ),
    "GET /sandbox/phones[?find=TEXT][&limit=N]": "what the phones show",
    "POST /sandbox/phones": 'show a phone before anything arrives: {"phone", "label"}',
    "GET /wa.me/{number}[?text=TEXT][&phone=PERSON]": (
        "as https://wa.me does: the page, with the text typed in on that person's phone"
    ),
    "GET /sandbox/events[?after=PLACE]": "everything that happens, as Server-Sent Events",
    "GET /sandbox/posts/{seq}": "one of the last webhooks",
    "GET /sandbox/files/{id}": "a stored picture, document, …",
    "POST /sandbox/templates": (
        'Meta changes its mind: {"name", "language", "status" and/or "quality", "category"}'
    ),
    "POST /sandbox/account": (
        "news of the account: messaging_limit, number_event, quality, event and info, alert, "
        "field and value; quietly: restriction, allowed"
    ),
    "GET /sandbox/account": "its limit and who used it, quality, restriction",
    "POST /sandbox/clock": 'let time pass at once: {"forward": SECONDS}',
    "GET /sandbox/clock": "what time it is",
    "POST /sandbox/handshake": 'ask the webhook for the challenge: {"verify_token": TEXT}',
    "POST /sandbox/reset": "forget everything; ids and time go on",
}


class ControlError(Exception):
    """A control request that makes no sense; its text tells what would."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


class Forward(msgspec.Struct, forbid_unknown_fields=True):
    """`seconds`: at least 0; an hour is 3600, a day 86400."""

    forward: float


class Ask(msgspec.Struct, forbid_unknown_fields=True):
    """Without `verify_token` that of the settings, without `url` the webhook."""

    verify_token: str | None = None
    url: str | None = None


class Control:
    """What the routes do, for those in the same process too."""

    def __init__(self, state: State, outbox: Outbox, identities: Identities) -> None:
        self._state = state
        self._outbox = outbox
        self._talking = Talking(state, outbox, identities)

    async def handle(self, request: Request) -> Response:
        """Route one request; the first part of its path is `sandbox`."""
        try:
            return await self._route(request)
        except ControlError as error:
            return _json({"error": str(error)}, error.status)
        except LookupError as error:
            return _json({"error": str(error.args[0])}, 404)
        except (msgspec.MsgspecError, ValueError) as error:
            return _json({"error": str(error)}, 400)

    async def _route(self, request: Request) -> Response:
        parts = [unquote(part) for part in request.path.strip("/").split("/")[1:]]
        state, body = self._state, request.body
        match request.method, parts:
            case "GET", []:
                return _json({"routes": ROUTES, "faults": describe()})
            case "GET", ["received"]:
                return self._received(request.query)
            case "GET", ["webhooks"]:
                return _json({"webhooks": list(self._outbox.posts)})
            case "POST", ["phones", name, "say"]:
                person = parse_person(name)
                if person is None:
                    raise ControlError("the phone is neither a phone number nor a user id")
                return _json(await self.say(person, msgspec.json.decode(body, type=Say)))
            case "GET", ["faults"]:
                return _json({"faults": state.faults.active})
            case "POST", ["faults"]:
                fault = msgspec.json.decode(body, type=Fault)
                state.faults.add(fault)
                return _json(fault)
            case "DELETE", ["faults"]:
                return self._delete_faults(request.query)
            case "POST", ["templates"]:
                posted = self.change(msgspec.json.decode(body, type=TemplateChange))
                return _json({"success": True, "webhooks": posted})
            case "POST", ["account"]:
                change = msgspec.json.decode(body, type=AccountChange)
                return _json({"success": True, "webhooks": self.change_account(change)})
            case "GET", ["account"]:
                return _json(self._account())
            case "POST", ["clock"]:
                state.clock.forward(msgspec.json.decode(body, type=Forward).forward)
                return _json(self._time())
            case "GET", ["clock"]:
                return _json(self._time())
            case "POST", ["handshake"]:
                return await self._handshake(msgspec.json.decode(body or b"{}", type=Ask))
            case "GET", ["stats"]:
                return _json(self.stats())
            case "POST", ["reset"]:
                self.reset()
                return _json({"success": True})
        raise ControlError(
            f"there is no {request.method} {request.path}; GET /sandbox tells what there is", 404
        )

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

    def _delete_faults(self, query: str) -> Response:
        asked = {key: values[0] for key, values in parse_qs(query).items()}
        number = asked.pop("number", None)
        name = asked.pop("fault", None)
        if asked:
            raise ControlError(f"there is no {', '.join(asked)}; there are fault and number")
        person = parse_person(number) if number is not None else None
        if number is not None and person is None:
            raise ControlError("number is neither a phone number nor a user id")
        faults = self._state.faults
        faults.delete(name, person.contact if person else None)
        return _json({"faults": faults.active})

    async def say(self, person: Person, say: Say) -> Said:
        """The person does something, and the receiver has answered when this returns.

        Raises ValueError for what makes no sense, LookupError for an unknown number.
        """
        number_id = say.phone_number_id or next(iter(self._state.numbers))
        number = self._state.numbers.get(number_id)
        if number is None:
            raise LookupError(f"there is no number {number_id}")
        return await self._talking.say(person, say, number)

    def change(self, change: TemplateChange) -> list[str]:
        """Meta changes its mind about a template; returns the fields of the webhooks."""
        return self._tell(change_template(self._state, change))

    def change_account(self, change: AccountChange) -> list[str]:
        """Something happens to the account; returns the fields of the webhooks."""
        return self._tell(change_account(self._state, change))

    def _tell(self, news: list[Change]) -> list[str]:
        for change in news:
            self._outbox.schedule(0.0, change)
        return [change.field for change in news]

    def _account(self) -> Json:
        state = self._state
        return {
            "messaging_limit": state.reach.tier,
            "written_to": state.reach.used(state.clock()),
            "quality": {number.id: number.quality for number in state.numbers.values()},
            "restriction": state.account.restriction,
            "allowed": sorted(state.account.allowed or ()),
        }

    def _time(self) -> Json:
        return {"now": self._state.clock(), "ahead": self._state.clock.ahead}

    async def _handshake(self, ask: Ask) -> Response:
        settings = self._state.settings
        url = ask.url or settings.webhook
        token = ask.verify_token or settings.verify_token
        if url is None:
            raise ControlError("there is no webhook: start with --webhook, or give url")
        if token is None:
            raise ControlError("which verify_token?  Start with --verify-token, or give it here")
        return _json(await shake(url, token, settings.webhook_timeout))

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
            "statuses": dict(self._outbox.statuses),
        }


def _json(document: object, status: int = 200) -> Response:
    return Response(status=status, body=msgspec.json.encode(document))
