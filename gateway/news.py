"""What a provider tells by itself: what became of an attempt, and news of senders and templates."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from gateway.errors import Action, Scope
from gateway.message import Identity, Value

StatusName = Literal["sent", "delivered", "read", "failed"]

_CALLBACK = re.compile(r"([0-9]{1,18}|[0-8][0-9]{18}):([0-9]{1,6})")


class Status(Value, frozen=True, kw_only=True):
    """What became of an attempt.  Found by `callback` (`delivery:n`), else by `provider_id`."""

    provider_id: str
    status: StatusName
    at: datetime
    callback: str | None = None
    code: str = ""
    detail: str = ""
    billable: bool | None = None
    category: str = ""
    action: Action = "fail"
    """What follows from a failure, as for a DeliveryError."""
    scope: Scope = "message"
    retry_after: float | None = None
    """Seconds after which a failed one may be repeated."""
    identities: tuple[Identity, ...] = ()
    """Who it was for, if the provider says so and it withdraws."""

    @property
    def attempt(self) -> tuple[int, int] | None:
        """The delivery and which attempt of it `callback` names; None if it is none of ours."""
        named = _CALLBACK.fullmatch(self.callback or "")
        return (int(named[1]), int(named[2])) if named else None

    @property
    def withdraws(self) -> bool:
        """Whether it failed because the person stopped marketing at the provider."""
        return self.status == "failed" and self.action == "withdraw"


EffectKind = Literal[
    "stop", "resume", "slow", "tier", "pace", "quality",
    "template_paused", "template_back", "template_gone",
]  # fmt: skip


class Effect(Value, frozen=True, kw_only=True):
    """What a refusal or the provider's news change for more than one delivery.

    `stop` and `resume` are about the scope (`marketing`: its marketing only) and one cause, `code`;
    a stop may have an end, `until`.  `slow` asks for fewer sends a second.  `tier` (people a day
    outside windows, None: unlimited) is the portfolio's, `pace` (sends a second) and `quality`
    (`name`: GREEN, YELLOW, RED) the sender's.  The others are about the template `name` (in
    `language`, "" is all).

    `about`: the digits of the number that is meant, if it is another one than that of the sender
    who was told: two may share the address at which their news come in.
    """

    what: EffectKind
    scope: Scope = "sender"
    code: str = ""
    reason: str = ""
    marketing: bool = False
    name: str = ""
    language: str = ""
    value: float | None = None
    until: datetime | None = None
    about: str = ""


class AccountEvent(Value, frozen=True, kw_only=True):
    """Something the provider said about account, number or template, or was not understood."""

    name: str
    at: datetime
    understood: bool = True
    raw: bytes = b""
    effects: tuple[Effect, ...] = ()
