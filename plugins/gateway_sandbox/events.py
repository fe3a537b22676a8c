"""What happens in a sandbox, as those who watch are told: the phones' page, a test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from gateway_sandbox.received import Received

SHOWN_BYTES = 64_000

SignatureKind = Literal["good", "wrong", "missing", "reserialised"]


class Try(msgspec.Struct):
    """One POST of a webhook.  `at`: unix seconds at its end; `seconds`: how long it took;
    `status`: of the answer, None without one, and then `problem` says why."""

    at: float
    seconds: float
    status: int | None
    problem: str | None
    signature: SignatureKind


class Posted(msgspec.Struct, kw_only=True):
    """One webhook and what became of it.

    `seq` counts from 1; `at`: unix seconds at which it first left.  `body`: as it was sent, cut
    after `SHOWN_BYTES`; `size`: all of its bytes.  `fields`: of its changes; `kinds`: types of
    its messages, names of its statuses, events of an account; `wamids`: whom they are about.
    """

    seq: int
    at: float
    body: str
    size: int
    fields: tuple[str, ...]
    kinds: tuple[str, ...]
    wamids: tuple[str, ...]
    tries: list[Try] = msgspec.field(default_factory=list)


class Accepted(msgspec.Struct, tag="accepted", frozen=True):
    """A send was accepted."""

    at: float
    received: Received


class StatusLeft(msgspec.Struct, tag="status", frozen=True):
    """A status of a message leaves in a webhook.  `status`: sent, delivered, read, failed …;
    `code`: of the error of a failed one."""

    at: float
    contact: str
    phone_number_id: str
    wamid: str
    status: str
    code: int | None = None


class SomebodyWrote(msgspec.Struct, tag="inbound", frozen=True):
    """A person (`contact`) did something, or the business' own phone app did.

    `message`: as the webhook has it, with `type` and the object of that name.  `status`, `error`:
    what the receiver answered, or why it did not.
    """

    at: float
    contact: str
    phone_number_id: str
    wamid: str
    field: str
    message: dict[str, Any]
    status: int | None
    error: str | None


class WebhookTried(msgspec.Struct, tag="webhook", frozen=True):
    """A webhook was posted, for the first time or again; the newest of `posted.tries`."""

    at: float
    posted: Posted


class FaultStruck(msgspec.Struct, tag="fault", frozen=True):
    """A fault struck.  `contact`: whose message it was; empty for a webhook without a person."""

    at: float
    fault: str
    contact: str


class MarkedRead(msgspec.Struct, tag="read", frozen=True):
    """The business marked what a person wrote (`wamid`) as read, and perhaps shows `typing`."""

    at: float
    phone_number_id: str
    wamid: str
    typing: bool


class Forgotten(msgspec.Struct, tag="forgotten", frozen=True):
    """Everything was reset."""

    at: float


Event = Accepted | StatusLeft | SomebodyWrote | WebhookTried | FaultStruck | MarkedRead | Forgotten
Listener = Callable[[Event], None]
