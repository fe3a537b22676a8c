"""What a plugin is shown of messages, conversations and senders, and says of its own health."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from gateway.message import Content, Message, Value


class Health(Value, frozen=True, kw_only=True):
    """How an input fares, in the operator's words; `gateway status` shows the latest.

    `note` says how it went ("unchanged"); `trouble` what keeps it from its job, "" if nothing
    does, and `needs_person` that waiting will not mend it.  `next_at`: when it reads next.
    `at`: since when that is so, if it was before this start; None is now.
    """

    note: str = ""
    trouble: str = ""
    needs_person: bool = False
    next_at: datetime | None = None
    at: datetime | None = None


class MessageView(msgspec.Struct, frozen=True, kw_only=True):
    """A message and how it stands: `state`, why (`code`, `reason`), whom it reaches.

    `counts`: state of its deliveries → how many.  `audience`: how many confirmed consents its
    topic has now; `left_out`: why → how many people of the topic do not get it.
    """

    message: Message
    state: str
    paused: bool
    code: str
    reason: str
    audience: int
    left_out: dict[str, int]
    counts: dict[str, int]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a conversation: theirs, or `ours` with the state of its delivery.

    `kind` is that of the message.  An `echo` is what the company wrote beside the gateway: its
    text is not known.
    """

    at: datetime
    ours: bool
    text: str
    kind: str
    state: str = ""
    number: int = 0


Answered = Literal[
    "answered", "repeated", "closed", "unknown", "nobody", "no_window", "window_closed", "empty",
    "too_long",
]  # fmt: skip
"""What became of an answer.  `repeated`: the same one went out before; `closed`: the case was, by
somebody else; `nobody`: no person is known (any more); `no_window`: that person never wrote;
`window_closed`: the last message is more than 24 hours old."""


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """A message as people would get it if what holds it were released.

    `message` is what the rest of the chain makes of it (spread, expiry), `contents` one per form.
    `trouble`: what would hold or drop it then, "" if nothing.
    """

    message: Message
    contents: tuple[Content, ...]
    trouble: str = ""


class TemplateFacts(Value, frozen=True, kw_only=True):
    """A provider's template in one language, as last heard of.

    `state`: "approved" may be sent, "paused" comes back by itself (`until`, as far as it is known),
    "review" is looked at by the provider, "gone" has to be replaced.  `said`: the provider's word.
    """

    name: str
    language: str
    state: Literal["approved", "paused", "review", "gone"]
    said: str = ""
    until: datetime | None = None


class SenderFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a sender.  Senders of one `portfolio` share its tier.

    `tier`: people who may be written to outside windows in 24 hours; None: unlimited, or not known
    (then `tier_known` is False).  `per_second`: what the provider lets through, inbound included.
    `quality`: GREEN, YELLOW or RED, "" while it is not known.  `first_send`: when this gateway
    first sent by it.
    """

    name: str
    portfolio: str
    tier: int | None = None
    tier_known: bool = False
    per_second: float | None = None
    quality: str = ""
    first_send: datetime | None = None
