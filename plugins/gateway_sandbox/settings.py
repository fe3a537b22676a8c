"""What one sandbox is told at its start, and all that is wrong with it at once."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from gateway_sandbox.graph import CODES
from gateway_sandbox.limits import TIERS
from gateway_sandbox.people import parse_person, parse_phone

DEFAULT_NUMBER_ID = "100000000000001"
DEFAULT_ACCOUNT_ID = "100000000000002"

_MINUTE, _HOUR = 60.0, 3600.0
SEVEN_DAYS = (
    0.0, _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 2 * _HOUR, 4 * _HOUR, 8 * _HOUR, 12 * _HOUR,
    *(24 * _HOUR,) * 5, 20 * _HOUR,
)  # fmt: skip
"""At once, and then ever more rarely for a week (section 6.4; Meta does not publish the pauses)."""
REDELIVERY_FACTOR = 1 / 14_400
"""Four hours at Meta are one second here, seven days 42 seconds."""


class SettingsError(ValueError):
    """Settings that cannot be; `problems`: what is wrong, by the setting's name."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(f"{name} {text}" for name, text in problems.items()))
        self.problems = problems


def parse_webhook(url: str) -> SplitResult:
    """The parts of a receiver's address; ValueError if it is none."""
    parts = urlsplit(url)
    try:
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        port_fits = False
    if parts.scheme != "http" or not parts.hostname or not port_fits or not url.isprintable():
        raise ValueError("is an address that starts with http://, as the sandbox speaks no TLS")
    return parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One business account with its numbers, its webhook and its limits.

    All durations are seconds.  `now` gives unix seconds; `clock.Clock` says what runs on it.
    Raises `SettingsError` with everything that is wrong.
    """

    token: str = field(repr=False)
    app_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    webhook: str | None = None
    """Where events go, `http://…`.  None: nowhere, and no statuses are made."""
    verify_token: str | None = field(default=None, repr=False)
    """What the handshake tells the webhook (section 6.1)."""
    account_id: str = DEFAULT_ACCOUNT_ID
    phone_number_ids: tuple[str, ...] = (DEFAULT_NUMBER_ID,)
    display_numbers: tuple[str, ...] = tuple(f"+49 171 39200{n}" for n in range(99, 93, -1))
    """The business numbers' own phone numbers, in the order of `phone_number_ids`."""
    verified_name: str = "Sandbox"
    quality_rating: str = "GREEN"
    messaging_limit: str = "TIER_UNLIMITED"
    """How many people the portfolio may write to outside windows in 24 hours (section 4.3)."""
    limit_code: int = 131048
    """What is answered beyond it; Meta documents no code of its own."""

    rate: float = 80.0
    """Messages per second and number, inbound and outbound together (section 4.1)."""
    rate_burst: float | None = None
    """How many may come at once; None: what one second allows, at least 1."""
    pair_burst: float = 45.0
    pair_seconds: float = 6.0
    """One message in so many seconds to one person, after the burst (section 4.2)."""
    window: float = 24 * 3600.0

    delays: tuple[float, float, float] = (0.02, 0.06, 0.15)
    """From acceptance to `sent`, `delivered`, `read`."""
    statuses: bool = True
    batch: int = 1
    """Statuses that are due within one `batch_tick` share a POST, at most so many."""
    batch_tick: float = 0.02
    connections: int = 8
    """Webhooks under way at once, statuses only; `say` has connections of its own."""
    webhook_timeout: float = 10.0
    redelivery: tuple[float, ...] = SEVEN_DAYS
    """Pauses before each repeated POST after an answer other than 200; then it is given up."""
    redelivery_factor: float = REDELIVERY_FACTOR
    """What `redelivery` is multiplied by; 1: as slow as Meta."""
    pending_limit: int = 200_000
    """Events that wait to be posted; more are thrown away and counted."""

    template_status: str = "APPROVED"
    """What a template is as soon as it is submitted, or submitted again after an edit."""
    template_limit: int = 250
    """Templates of one account; 6,000 for a verified business (section 4.7)."""
    template_sync: float = 0.0
    """Seconds until the Marketing Messages API knows a new template; at Meta up to 600."""
    marketing_messages: bool = True
    """Has the account accepted the terms of the Marketing Messages API?"""
    marketing_on_messages: bool = True
    """May marketing templates go to the messages edge too (131063)?"""
    direct_send: bool = False
    """Is the account in the beta of Direct Send (section 2.9)?"""
    free_service_messages: int = 1000
    """Service messages that a number delivers per month before they are billed (section 2.2)."""
    allowed_recipients: tuple[str, ...] | None = None
    """Phones and user ids that a test number may write to (131030).  None: everyone."""
    management_calls: int = 5000
    """Calls of the management API per hour of an active account (section 4.4)."""
    rate_http: int = 400
    """HTTP status of the rate codes 4, 80007, 130429, 131056; 403 and 429 were seen too."""
    keep: int = 100_000
    """How many accepted sends stay readable; older ones are forgotten, the counts go on."""
    lean: bool = False
    """For measuring: no access to what only people look at, statuses only if asked for."""
    seed: str | None = None
    """Fixes ids and random faults.  None: ids differ from run to run."""
    now: Callable[[], float] = time.time

    @property
    def burst(self) -> float:
        return self.rate_burst if self.rate_burst is not None else max(1.0, self.rate)

    def __post_init__(self) -> None:
        problems: dict[str, str] = {}
        for name, text in self._problems():
            problems.setdefault(name, text)
        if problems:
            raise SettingsError(problems)

    def _problems(self) -> Iterator[tuple[str, str]]:
        for name, what in (
            ("token", "the access token that the gateway sends"),
            ("app_secret", "the secret that webhooks are signed with"),
        ):
            if not getattr(self, name):
                yield name, f"is missing: {what}"
            elif not all("!" <= sign <= "~" for sign in getattr(self, name)):
                yield name, "holds a blank, a line break or a letter that is not ASCII"
        if self.webhook is not None:
            try:
                parse_webhook(self.webhook)
            except ValueError as error:
                yield "webhook", str(error)
        yield from self._numbers()
        if not 0 <= self.port <= 65535:
            yield "port", "lies between 0 (any that is free) and 65535"
        if self.messaging_limit not in TIERS:
            yield "messaging_limit", f"is one of {', '.join(TIERS)}"
        if self.limit_code not in CODES:
            yield "limit_code", "is no code of the Graph API"
        if not 400 <= self.rate_http <= 499:
            yield "rate_http", "lies between 400 and 499"
        if any(parse_person(one) is None for one in self.allowed_recipients or ()):
            yield "allowed_recipients", "are phone numbers and user ids"
        for name in ("rate", "pair_seconds", "batch_tick", "webhook_timeout"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                yield name, "is greater than 0"
        for name in ("burst", "pair_burst", "batch", "connections", "keep", "pending_limit"):
            if not getattr(self, name) >= 1:
                yield "rate_burst" if name == "burst" else name, "is at least 1"
        for name in ("delays", "redelivery"):
            if not all(math.isfinite(value) and value >= 0 for value in getattr(self, name)):
                yield name, "are seconds, none of them negative"
        if not (math.isfinite(self.redelivery_factor) and self.redelivery_factor >= 0):
            yield "redelivery_factor", "is not negative; with 1 a week is a week"

    def _numbers(self) -> Iterator[tuple[str, str]]:
        ids = self.phone_number_ids
        if not ids or not all(id.isascii() and id.isdecimal() for id in ids):
            yield "phone_number_ids", "are the numeric ids that Meta shows, at least one"
        elif len(set(ids)) != len(ids) or self.account_id in ids:
            yield "phone_number_ids", "differ from each other and from the account's id"
        elif len(ids) > len(self.display_numbers):
            yield "phone_number_ids", f"are at most {len(self.display_numbers)} here"
        if not (self.account_id.isascii() and self.account_id.isdecimal()):
            yield "account_id", "is the numeric id that Meta shows"
        wrong = [one for one in self.display_numbers if parse_phone(one) is None]
        if wrong:
            yield "display_numbers", f"are phone numbers, which {wrong[0]!r} is not"
