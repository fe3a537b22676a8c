"""The statuses that follow an accepted message: which, when, and what stands in them (6.6)."""

from __future__ import annotations

from collections.abc import Sequence

from gateway_sandbox.account import Number
from gateway_sandbox.faults import Fault, Occasion
from gateway_sandbox.graph import webhook_error
from gateway_sandbox.identities import Identities
from gateway_sandbox.leaving import StatusEvent
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.people import Person, Shown
from gateway_sandbox.received import Received
from gateway_sandbox.state import State
from gateway_sandbox.validation import Draft
from gateway_sandbox.webhooks import contact_entry, status

_DETAILS = {
    131009: "The message that the reaction is for is unknown.",
    131026: "Message Undeliverable.",
    131047: "More than 24 hours have passed since the customer last replied.",
    131049: "Held back to keep engagement healthy.",
    131050: "The person stopped marketing messages of this business.",
    130472: "The person's number is part of an experiment.",
}


class Following:
    """Schedules statuses; their time stamps are true even where faults change the order."""

    def __init__(self, state: State, outbox: Outbox, identities: Identities) -> None:
        self._state = state
        self._outbox = outbox
        self._identities = identities

    @property
    def wanted(self) -> bool:
        return self._state.settings.statuses and self._outbox.wanted

    def shown(self, person: Person) -> Shown:
        """How webhooks and answers name this person."""
        return self._identities.shown(person)

    def follow(
        self,
        number: Number,
        message: Draft,
        received: Received,
        category: str | None,
        failing: Fault | None,
        occasion: Occasion | None,
    ) -> Sequence[StatusEvent]:
        """Schedule what follows; what has to be posted before the answer is returned."""
        odd = self._state.faults.strike("statuses", occasion) if occasion is not None else None
        oddity = odd.fault if odd else None
        if oddity == "status_none":
            return ()
        kinds, code = self._kinds(message, failing, occasion)
        if oddity == "no_read_receipts" and kinds[-1] == "read":
            kinds = kinds[:-1]
        delays = self._state.settings.delays[: len(kinds)]
        dues = list(reversed(delays)) if oddity == "status_reorder" else delays
        events = self._events(number, message, received, category, kinds, code)
        if occasion is not None:
            for event in events:
                event.content = occasion.content
        first = events if oddity == "status_first" else ()
        for event, due in zip(events[len(first) :], dues[len(first) :], strict=True):
            for _ in range(2 if oddity == "status_double" else 1):
                self._outbox.schedule(due, event)
        if occasion is not None:
            self._afterwards(number, message.person, occasion)
        return first

    def _afterwards(self, number: Number, person: Person, occasion: Occasion) -> None:
        """The person takes another number or gets another user id as soon as that is read."""
        if after := self._state.faults.strike("after", occasion):
            known = self._identities
            if after.to is not None:
                change = known.new_number(number, person, after.to)
            else:
                change = known.new_user_id(number, person)
            self._outbox.schedule(max(self._state.settings.delays), change)

    async def post_early(self, events: Sequence[StatusEvent]) -> None:
        """Post these now, one after the other."""
        for event in events:
            await self._outbox.post_now(event)

    def _kinds(
        self, message: Draft, failing: Fault | None, occasion: Occasion | None
    ) -> tuple[tuple[str, ...], int]:
        """The statuses in their order, and the code of a failed one."""
        if failing is not None and occasion is not None:
            code = failing.code_for(occasion) or 131000
            if failing.fault == "delivered_then_failed":
                return ("sent", "delivered", "failed"), code
            return ("failed",), code
        if message.type == "reaction":
            known = self._state.knows(message.payload["message_id"])
            return (("sent",), 0) if known else (("failed",), 131009)
        return ("sent", "delivered", "read"), 0

    def _events(
        self,
        number: Number,
        message: Draft,
        received: Received,
        category: str | None,
        kinds: tuple[str, ...],
        code: int,
    ) -> list[StatusEvent]:
        person = message.person
        shown = self.shown(person)
        price = None
        if kinds != ("failed",) and message.type != "reaction":
            price = self._state.pricing.price(number.id, category, received.arrival)
        events = []
        for kind, delay in zip(kinds, self._state.settings.delays, strict=False):
            failed = kind == "failed"
            entry = status(
                shown,
                received.wamid,
                kind,
                int(received.arrival + delay),
                message.callback_data,
                by_phone=message.to is not None,
                price=price if kind != "read" else None,
                errors=[webhook_error(code, _DETAILS.get(code, ""))] if failed else None,
            )
            if message.identity_hash is not None and not failed:
                entry["recipient_identity_key_hash"] = message.identity_hash
            who = None if failed else contact_entry(shown, with_username=kind != "sent")
            events.append(StatusEvent(number.id, number.digits, entry, who, person.contact))
        return events
