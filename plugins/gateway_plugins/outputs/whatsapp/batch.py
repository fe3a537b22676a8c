"""The parts of one webhook that are about people: messages, statuses, preferences, echoes.

Each part is read by itself; what is not understood becomes an account event.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from gateway.api import AccountEvent, Echo, Effect, IdentityChange, Inbound, Status
from gateway_plugins.outputs.whatsapp import changes, incoming, statuses
from gateway_plugins.outputs.whatsapp.decoding import BROKEN, decoder

PREFERENCES = ("stop", "resume", "signup")
# What is not understood, by where it stands; a metric's label.
ODD = (
    "envelope",
    "entry",
    "change",
    "echo_other",
    "unknown_field",
    "other_number",
    "message_other",
    "message_of_nobody",
    "system_other",
    "status_other",
    "user_preferences_other",
)

Raws = list[msgspec.Raw] | None


class Metadata(msgspec.Struct):
    """Which number of the account it is about."""

    phone_number_id: Any = None
    display_phone_number: Any = None


class Value(msgspec.Struct):
    """`value` of a change about people."""

    metadata: Metadata | None = None
    contacts: Raws = None
    messages: Raws = None
    statuses: Raws = None
    errors: Raws = None
    user_preferences: Raws = None
    message_echoes: Raws = None


class _Preference(msgspec.Struct):
    value: Any = None
    timestamp: Any = None
    wa_id: Any = None
    user_id: Any = None
    parent_user_id: Any = None


decode_value = decoder(Value)
_preference = decoder(_Preference)
_written = decoder(incoming.Written)
_known = decoder(incoming.Known)
_reported = decoder(statuses.Reported)
_echoed = decoder(changes.Echoed)


class Batch:
    """What was read so far."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.messages: list[Inbound] = []
        self.statuses: list[Status] = []
        self.events: list[AccountEvent] = []
        self.changes: list[IdentityChange] = []
        self.echoes: list[Echo] = []
        self.ahead: datetime | None = None
        """The latest time that Meta names, if it is one that our clock has not reached."""

    def event(
        self,
        name: str,
        at: datetime | None = None,
        raw: bytes | msgspec.Raw = b"",
        effects: tuple[Effect, ...] = (),
    ) -> None:
        found = AccountEvent(name=name, at=at or self.now, raw=bytes(raw), effects=effects)
        self.events.append(found)

    def odd(self, name: str, raw: bytes | msgspec.Raw) -> None:
        """Keep what was not understood, for a person to look at."""
        event = AccountEvent(name=name, at=self.now, understood=False, raw=bytes(raw))
        self.events.append(event)

    def take(self, value: Value, *, opens: bool, whole: msgspec.Raw) -> None:
        if value.statuses:
            for raw in value.statuses:
                self._status(raw)
        if value.messages:
            contacts = [known for raw in value.contacts or () if (known := _contact(raw))]
            for raw in value.messages:
                self._message(raw, contacts, opens)
        for raw in value.user_preferences or ():
            self._preference(raw)
        if value.errors:
            self.event("errors", raw=whole)

    def _status(self, raw: msgspec.Raw) -> None:
        try:
            reported = _reported(raw)
            status = statuses.read(reported, self.now)
        except BROKEN:
            status = None
        if status is None:
            self.odd("status_other", raw)
            return
        self.statuses.append(status)
        self._named(reported.timestamp, status.at)
        # Once for each message, and where number and user id are surely of whoever has it.
        if status.status == "delivered":
            self._changed(changes.of_status(reported, status.at))

    def _changed(self, change: IdentityChange | None) -> None:
        if change is not None:
            self.changes.append(change)

    def _message(self, raw: msgspec.Raw, contacts: list[incoming.Known], opens: bool) -> None:
        try:
            written = _written(raw)
        except BROKEN:
            self.odd("message_other", raw)
            return
        found = incoming.read(written, contacts, bytes(raw), self.now, opens=opens)
        self._named(written.timestamp, found.at)
        if isinstance(found, Inbound):
            self.messages.append(found)
            return
        self.events.append(found)
        if written.type == "system":
            self._changed(changes.of_system(written, contacts, found.at, found.raw))

    def _named(self, timestamp: Any, at: datetime) -> None:
        """Look whether a timestamp that was taken to be `at` named a later time."""
        if at == self.now:
            named = incoming.named(timestamp)
            if named is not None and named > (self.ahead or self.now):
                self.ahead = named

    def echoed(self, raw: msgspec.Raw) -> None:
        """Note to whom the company wrote; what it wrote is not kept, understood or not."""
        try:
            echoes = decode_value(raw).message_echoes
        except BROKEN:
            echoes = None
        if echoes is None:
            self.odd("echo_other", b"")
        for part in echoes or ():
            try:
                echo = changes.echo(_echoed(part), self.now)
            except BROKEN:
                echo = None
            if echo is None:
                self.odd("echo_other", b"")
            else:
                self.echoes.append(echo)

    def _preference(self, raw: msgspec.Raw) -> None:
        try:
            preference = _preference(raw)
        except BROKEN:
            preference = _Preference()
        if preference.value in PREFERENCES:
            at = incoming.moment(preference.timestamp, self.now)
            if preference.value in ("stop", "resume"):
                ids = (preference.wa_id, preference.user_id, preference.parent_user_id)
                chosen = incoming.preference(bytes(raw), at, preference.value, *ids)
                if chosen is not None:
                    self.messages.append(chosen)
            self.event(f"user_preferences_{preference.value}", at, raw)
        else:
            self.odd("user_preferences_other", raw)


def _contact(raw: msgspec.Raw) -> incoming.Known | None:
    try:
        return _known(raw)
    except BROKEN:
        return None
