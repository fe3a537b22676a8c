"""People do something, and the receiver hears of it before this returns."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway_sandbox.account import Number
from gateway_sandbox.contents import MEDIA, OPENING, Say, System, attachment, plain, tap
from gateway_sandbox.events import SomebodyWrote
from gateway_sandbox.identities import Identities
from gateway_sandbox.leaving import Change
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.people import Person
from gateway_sandbox.state import State
from gateway_sandbox.webhooks import contact_entry, inbound_message, messages_value

Json = dict[str, Any]

_TAPS = ("button", "button_reply", "list_reply")
_PREFERENCES = {
    "stop": "User requested to stop marketing messages",
    "resume": "User requested to resume marketing messages",
    "signup": "User signed up for marketing messages",
}


class Said(msgspec.Struct, kw_only=True):
    """`status`: what the receiver answered, null if it did not; times in unix seconds."""

    wamid: str
    status: int | None
    sent_at: float
    answered_at: float
    error: str | None = None


class Talking:
    """Everything that people do, and what they see done by the business' own phone app."""

    def __init__(self, state: State, outbox: Outbox, identities: Identities) -> None:
        self._state = state
        self._outbox = outbox
        self._identities = identities

    async def say(self, person: Person, say: Say, number: Number) -> Said:
        """One content.  Raises ValueError for what makes no sense; then nothing happened."""
        state, kind = self._state, say.kind
        sent_at = state.clock()
        if person.contact in number.blocked:
            raise ValueError("the business blocked this person: nothing comes through")
        change, message = self._change(person, say, kind, number, sent_at)
        wamid = str(message.get("id", ""))
        if kind != "echo":
            state.inbound += 1
            state.throughput.take(number.id, sent_at)
        if kind in OPENING:
            state.open_window(number.id, person.contact)
        if change.field == "messages":
            state.inbox.came(wamid, number.id, person.contact, sent_at)
            state.wrote(number.id, person.contact, wamid)
        status, error = await self._outbox.post_now(change)
        answered_at = state.clock()
        if state.watched:
            state.announce(
                SomebodyWrote(
                    at=sent_at,
                    contact=person.contact,
                    phone_number_id=number.id,
                    wamid=wamid,
                    field=change.field,
                    message=message,
                    status=status,
                    error=error,
                )
            )
        return Said(
            wamid=wamid, status=status, sent_at=sent_at, answered_at=answered_at, error=error
        )

    def _change(
        self, person: Person, say: Say, kind: str, number: Number, now: float
    ) -> tuple[Change, Json]:
        """The change, and in it the message (or what stands for one)."""
        key = f"{person.contact}/{kind}"
        shown = self._identities.shown(person)
        if say.system is not None:
            change = self._system(person, say.system, number)
            return change, change.value["messages"][0]
        if say.preferences is not None:
            preference: Json = {} if shown.wa_id is None else {"wa_id": shown.wa_id}
            preference |= {
                "user_id": shown.user_id,
                "category": "marketing_messages",
                "value": say.preferences,
                "detail": _PREFERENCES[say.preferences],
                "timestamp": int(now),
            }
            if say.preferences == "signup":
                preference["signup_id"] = "500000000000001"
            value = messages_value(
                number.id,
                number.digits,
                contacts=[contact_entry(shown)],
                user_preferences=[preference],
            )
            told = preference | {"type": "user_preferences", "id": self._state.wamid()}
            return Change("user_preferences", value, person.contact, key), told
        wamid = self._state.wamid()
        if say.echo is not None:
            echo: Json = {"from": number.digits}
            if shown.wa_id is not None:
                echo["to"] = shown.wa_id
            echo |= {"to_user_id": shown.user_id, "id": wamid, "timestamp": str(int(now))}
            echo |= {"type": "text", "text": {"body": say.echo.text}}
            value = messages_value(number.id, number.digits, message_echoes=[echo])
            return Change("smb_message_echoes", value, person.contact, key), echo
        message = inbound_message(shown, wamid, int(now), self._content(person, say, kind, number))
        value = messages_value(
            number.id, number.digits, contacts=[contact_entry(shown)], messages=[message]
        )
        return Change("messages", value, person.contact, key), message

    def _system(self, person: Person, system: System, number: Number) -> Change:
        if (system.type == "user_changed_number") != (system.to is not None):
            raise ValueError("user_changed_number, and no other, has a new number `to`")
        if system.to is not None:
            return self._identities.new_number(number, person, system.to)
        if system.type == "user_changed_user_id":
            return self._identities.new_user_id(number, person)
        return self._identities.new_key(number, person)

    def _content(self, person: Person, say: Say, kind: str, number: Number) -> Json:
        """`type`, its object, and what goes with it."""
        state, quoted = self._state, say.context
        if kind in MEDIA:
            content = attachment(say, kind, state.media, state.url)
        elif kind in _TAPS:
            wamid, payload = state.tapped(number.id, person.contact, say.label)
            content = tap(say, kind, payload)
            quoted = quoted or wamid or state.last_sent(number.id, person.contact)
        elif say.reaction is not None:
            target = say.reaction.message_id or state.last_sent(number.id, person.contact)
            if target is None:
                raise ValueError("reaction: this person got no message yet; name a message_id")
            reaction: Json = {"message_id": target}
            if say.reaction.emoji:
                reaction["emoji"] = say.reaction.emoji
            content = {"type": "reaction", "reaction": reaction}
        elif change := say.edit or say.revoke:
            original = change.original_message_id or state.last_written(number.id, person.contact)
            if original is None:
                raise ValueError(f"{kind}: this person wrote nothing yet")
            body: Json = {"original_message_id": original}
            if say.edit is not None:
                body["message"] = {"type": "text", "text": {"body": say.edit.text}}
            content = {"type": kind, kind: body}
        else:
            content = plain(say, kind)
        context: Json = {}
        if quoted is not None:
            context = {"from": number.digits, "id": quoted}
        if say.forwarded:
            context["forwarded"] = True
        if context:
            content["context"] = context
        if say.referral is not None:
            content["referral"] = say.referral
        return content
