"""A webhook's raw bytes as one Intake; its signature.

    {"object": "whatsapp_business_account", "entry": [{"id": "ACCOUNT", "changes": [
        {"field": "messages", "value": {"metadata": {"phone_number_id": "…"},
         "contacts": […], "messages": […], "statuses": […], "errors": […]}}]}]}

Shapes: Meta, "Webhooks overview", "messages webhook reference", "status messages webhook".
What is not understood, at any level, becomes an account event: one odd part of a batch must not
hold back the others, which Meta would repeat for seven days.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from gateway.api import Effect, Intake
from gateway_plugins.outputs.whatsapp import incoming, news
from gateway_plugins.outputs.whatsapp.batch import Batch, Raws, decode_value
from gateway_plugins.outputs.whatsapp.decoding import BROKEN, decoder
from gateway_plugins.outputs.whatsapp.ordering import Order

# Fields that are about account, number and templates; each event carries the change as it came.
FIELDS = {
    "account_alerts",
    "account_review_update",
    "account_update",
    "automatic_events",
    "business_capability_update",
    "business_username_update",
    "business_username_updates",
    "calls",
    "group_lifecycle_update",
    "group_participants_update",
    "group_settings_update",
    "group_status_update",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "template_category_update",
    "user_id_update",
}
# Other people's chats and address books: known, and none of our business to keep.
NOT_KEPT = {"history", "smb_app_state_sync"}
ECHOES = "smb_message_echoes"
TEMPLATES = {
    "message_template_status_update",
    "message_template_components_update",
    "template_category_update",
}
PAUSES = {"FIRST_PAUSE": timedelta(hours=3), "SECOND_PAUSE": timedelta(hours=6)}
"""How long Meta pauses a template that people dislike (Meta, "Template pausing"); a third time it is
disabled."""
MESSAGES = {"messages", "user_preferences", "standby"}  # about one number, with `metadata`
SIGNATURE = len("sha256=") + 64


class _Envelope(msgspec.Struct):
    entry: list[msgspec.Raw]


class _Entry(msgspec.Struct):
    id: Any = None
    time: Any = None
    changes: Raws = None


class _Change(msgspec.Struct):
    field: str
    value: msgspec.Raw


class _News(msgspec.Struct):
    """What a template's webhook says about it."""

    message_template_name: str = ""
    message_template_language: str = ""
    event: str = ""
    other_info: Any = None


_envelope = decoder(_Envelope)
_entry = decoder(_Entry)
_change = decoder(_Change)
_news = decoder(_News)


def signed(raw: bytes, header: str | None, keys: tuple[bytes, ...]) -> bool:
    """Tell whether `X-Hub-Signature-256` is that of the raw bytes, by any of the app secrets.

    HMAC-SHA256 in lower-case hex (Meta, "Create a webhook endpoint").  Never of JSON that was
    parsed and written again: Meta escapes differently.
    """
    if header is None or len(header) != SIGNATURE or not header.startswith("sha256="):
        return False
    given = header[7:].encode("utf-8", "replace")
    return any(hmac.compare_digest(_digest(key, raw).encode(), given) for key in keys)


def _digest(key: bytes, raw: bytes) -> str:
    """HMAC-SHA256 (RFC 2104).  Unlike hmac.digest it keeps the interpreter for a small body: to
    get it back takes longer than the hash."""
    inner, outer = (pad.copy() for pad in _pads(key))
    inner.update(raw)
    outer.update(inner.digest())
    digest: str = outer.hexdigest()
    return digest


@lru_cache(maxsize=64)
def _pads(key: bytes) -> tuple[Any, Any]:
    key = hashlib.sha256(key).digest() if len(key) > 64 else key
    padded = key.ljust(64, b"\0")
    return (
        hashlib.sha256(bytes(byte ^ 0x36 for byte in padded)),
        hashlib.sha256(bytes(byte ^ 0x5C for byte in padded)),
    )


class Reader:
    """Reads webhooks for one number of one account; both are Meta's ids.

    `told(name, language, event, until)` hears what a webhook says of a template, `named` of the
    number.
    """

    def __init__(
        self, sender: str, number: str, account: str,
        told: Callable[[str, str, str, datetime | None], None],
        named: Callable[[str], None] = lambda display: None,
    ) -> None:  # fmt: skip
        self._sender = sender
        self._number = number
        self._account = account
        self._told = told
        self._named = named
        self.display = ""
        """Our own number, in digits, as Meta writes it; "" while it is not known."""
        self._order = Order()

    def read(self, raw: bytes, now: datetime) -> Intake:
        """Return all that the body holds.  Raises one of BROKEN if it is no JSON."""
        batch = Batch(now)
        entries: list[msgspec.Raw] = []
        try:
            entries = _envelope(raw).entry
        except msgspec.ValidationError:
            batch.odd("envelope", raw)
        except RecursionError:
            raise msgspec.DecodeError("nested too deeply") from None
        for part in entries:
            try:
                entry = _entry(part)
            except BROKEN:
                batch.odd("entry", part)
                continue
            for change in entry.changes or ():
                self._change(batch, entry, change)
        return Intake(
            sender=self._sender,
            messages=tuple(batch.messages),
            statuses=tuple(batch.statuses),
            events=tuple(batch.events),
            changes=tuple(batch.changes),
            echoes=tuple(batch.echoes),
            ahead=batch.ahead,
        )

    def _change(self, batch: Batch, entry: _Entry, raw: msgspec.Raw) -> None:
        try:
            change = _change(raw)
            if (field := change.field) in NOT_KEPT:
                batch.event(field)
                return
            if field == ECHOES:
                # Whichever number the company wrote from: the person was answered.
                batch.echoed(change.value)
                return
            value = decode_value(change.value)
        except BROKEN:
            batch.odd("change", raw)
            return
        number = incoming.string(value.metadata.phone_number_id) if value.metadata else ""
        if number != self._number and (number or field in MESSAGES):
            batch.odd("other_number", raw)
            if field in MESSAGES:
                # Two numbers of one app share an address unless each has its own: a STOP is
                # heard wherever it comes in.  It opens no window of ours.
                batch.take(value, opens=False, whole=raw)
        elif field in MESSAGES:
            if value.metadata is not None:
                self.name(incoming.string(value.metadata.display_phone_number))
            # On standby another program answers in this chat, but a STOP there is a STOP.
            batch.take(value, opens=field != "standby", whole=raw)
        elif field in FIELDS:
            at = incoming.moment(entry.time, batch.now)
            effects: tuple[Effect, ...] = ()
            if incoming.string(entry.id) == self._account:
                found = news.effects(field, change.value, at, self.display)
                effects = self._order.newer(found, at)
                if field in TEMPLATES:
                    self._template(field, change.value, at)
            batch.event(field, at, raw, effects)
        else:
            batch.odd("unknown_field", raw)

    def name(self, display: str) -> None:
        """Take what Meta calls our number."""
        self.display = news.digits(display) or self.display
        self._named(display)

    def _template(self, field: str, value: msgspec.Raw, at: datetime) -> None:
        try:
            told = _news(value)
        except BROKEN:
            told = _News()
        event = told.event if field == "message_template_status_update" else ""
        pause = PAUSES.get(incoming.string(incoming.inside(told.other_info, "title")))
        until = at + pause if pause is not None and event == "PAUSED" else None
        self._told(told.message_template_name, told.message_template_language, event, until)
