"""Every error that is raised on purpose.

Expected failures are values or one of these; anything else is a bug and stops one task.
No error text may hold a secret, a phone number or the text of a message.
"""

from __future__ import annotations

from typing import Literal

Scope = Literal["message", "contact", "template", "sender", "portfolio", "app"]

WIDE: tuple[Scope, ...] = ("sender", "portfolio", "app")
"""Scopes that are about all deliveries of a sender."""

Action = Literal["retry", "later", "fail", "count", "withdraw", "hold", "slow", "stop", "template"]
"""What a refusal means for what is to be sent.

`retry`: the same attempt may succeed after `retry_after`.  `later`: this person gets no marketing
for a day, and longer each time; what waits for that person waits along.  `fail`: it will not
succeed.  `count`: the same, and too many of these say that the person cannot be reached.
`withdraw`: the person stopped marketing at the provider, which is as final as a STOP.  `hold`: a
person has to mend the message.  `slow`: the sender is too fast; this one is repeated.  `stop`: the
scope (sender, portfolio, app) sends nothing until that is mended; this one waits along.
`template`: the same for every message that uses the template.
"""


class GatewayError(Exception):
    """Base of all errors below; its text is written for the person who can mend it."""


class ConfigError(GatewayError):
    """The settings cannot be used.  `problems` has one sentence each, with file and key."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class StoreError(GatewayError):
    """The store could not do what it was asked; nothing of the job was kept."""


class StoreFull(StoreError):
    """Too much work waits for the store.  Try again later (HTTP: 503)."""


Ailment = Literal["full", "readonly", "locked", "damaged", "failing"]
"""What keeps a store from writing: no room on its disk; a disk or file that may only be read;
another process that holds its lock; a file that is not what was written; a disk that errs."""


class StoreFault(StoreFull):
    """The store cannot write now, and says why.  What is in it stays there."""

    def __init__(self, ailment: Ailment, text: str) -> None:
        super().__init__(text)
        self.ailment: Ailment = ailment


class MailError(GatewayError):
    """A mail could not be handed over.  `passing`: the same one may go later."""

    def __init__(self, text: str, *, passing: bool) -> None:
        super().__init__(text)
        self.passing = passing


class Later(GatewayError):
    """Raised by an observer: this event can be noticed in so many seconds, not now.

    It waits, and those after it with it, since order is kept; after the observer's `max_age` it
    goes to the dead letters.
    """

    def __init__(self, seconds: float, why: str = "") -> None:
        super().__init__(why or "not now")
        self.seconds = seconds


class CodeTaken(StoreError):
    """Another sign-up has this code; nothing was kept.  Take another one and try again."""


class DeliveryError(GatewayError):
    """A delivery that an output could not hand over, by name.

    `code` is a short name from a closed set (it becomes a metric label), `detail` what the
    provider said, without personal data.  `retry_after` is in seconds; None means that waiting
    does not help.  `scope` says what else the failure concerns, `action` what follows; without
    one it is `retry` if waiting helps, `stop` for a whole sender, else `fail`.
    """

    outcome: Literal["not_sent", "rejected", "unknown"] = "rejected"

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        retry_after: float | None = None,
        scope: Scope = "message",
        action: Action | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.scope: Scope = scope
        self.action: Action = action or _usual(retry_after, scope)

    @property
    def withdraws(self) -> bool:
        """Whether the person stopped marketing at the provider."""
        return self.action == "withdraw"


class NotSent(DeliveryError):
    """No byte of the request left: connecting failed.  Safe to try again."""

    outcome = "not_sent"


class Rejected(DeliveryError):
    """The provider answered, and refused.  It did not deliver."""

    outcome = "rejected"


class Unknown(DeliveryError):
    """A byte of the request may have left and no clear answer came.

    Never repeated blindly: settled by a later status, or by a person.
    """

    outcome = "unknown"


def _usual(retry_after: float | None, scope: Scope) -> Action:
    if retry_after is not None:
        return "retry"
    return "stop" if scope in ("sender", "portfolio", "app") else "fail"
