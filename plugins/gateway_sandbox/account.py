"""What the account and its numbers are allowed, and what was told them over the API.

A number: registered or not, its PIN, whom it blocked, its public profile.  The account: is the
app subscribed to its webhooks, is it restricted, whom may a test number write to.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from gateway_sandbox.limits import Limiter
from gateway_sandbox.people import parse_person
from gateway_sandbox.settings import Settings

REGISTRATIONS, REGISTRATION_HOURS = 10, 72
IDLE_CALLS = 200  # management calls per hour of an account without a registered number


class Number(msgspec.Struct):
    """A business number: Graph id, and its own phone number as digits and as shown.

    `blocked`: contact → how the request named the person.
    """

    id: str
    display: str
    digits: str
    quality: str = "GREEN"
    registered: bool = True
    pin: str | None = None
    blocked: dict[str, str] = msgspec.field(default_factory=dict)
    profile: dict[str, Any] = msgspec.field(default_factory=dict)

    def reset(self) -> None:
        self.registered, self.pin = True, None
        self.blocked.clear()
        self.profile.clear()


class Account:
    """State of one business account; `reset` takes it back to what the settings say.

    `restriction`: code that every send is refused with (368, 131031, 131042), or None.
    `allowed`: contacts that a test number may write to, None: everyone (131030).
    `override`: callback that replaces the settings' webhook (section 6.2).  `identities`: contact
    → hash, for those whose identity changed.
    """

    def __init__(self, settings: Settings, numbers: dict[str, Number]) -> None:
        self._settings = settings
        self._numbers = numbers
        self.registrations = Limiter(REGISTRATIONS, REGISTRATIONS / (REGISTRATION_HOURS * 3600))
        self.calls = Limiter(settings.management_calls, settings.management_calls / 3600)
        self.idle_calls = Limiter(IDLE_CALLS, IDLE_CALLS / 3600)
        self.reset()

    def reset(self) -> None:
        settings = self._settings
        self.subscribed = True
        self.override: str | None = None
        self.restriction: int | None = None
        self.identities: dict[str, str] = {}
        self.allowed: frozenset[str] | None = None
        if settings.allowed_recipients is not None:
            self.allow(settings.allowed_recipients)
        self.onboarded = settings.marketing_messages
        self.marketing_on_messages = settings.marketing_on_messages
        self.direct_send = settings.direct_send
        self.rate_http = settings.rate_http
        self.registrations.clear()
        self.calls.clear()
        self.idle_calls.clear()
        for number in self._numbers.values():
            number.reset()
            number.quality = settings.quality_rating

    def allow(self, people: tuple[str, ...]) -> None:
        """Make the numbers test numbers, which may write to these phones or user ids only."""
        found = [parse_person(one) for one in people]
        if None in found:
            raise ValueError("an allowed recipient is neither a phone number nor a user id")
        self.allowed = frozenset(person.contact for person in found if person is not None)

    def identity(self, contact: str) -> str:
        """What `recipient_identity_key_hash` has to be; another one after a change of identity."""
        known = self.identities.get(contact)
        if known is None:
            known = base64.b64encode(hashlib.sha256(contact.encode()).digest()[:9]).decode()
        return known

    def call(self, now: float) -> bool:
        """Count one management call; False if the hour's quota is used up."""
        calls = self._calls()
        if not calls.ready("account", now):
            return False
        calls.take("account", now)
        return True

    def used(self, now: float) -> float:
        """Percent of the quota."""
        calls = self._calls()
        return 100 * (1 - calls.level("account", now) / calls.capacity)

    def _calls(self) -> Limiter:
        active = any(number.registered for number in self._numbers.values())
        return self.calls if active else self.idle_calls
