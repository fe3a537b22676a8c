"""What the gateway's database says at the end, read whole; the numbers of its states."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.gateway import Gateway
from tests.chaos.wire import MARK

STATES = (
    "queued", "leased", "sending", "held", "paused", "unknown", "accepted", "sent", "delivered", "read",
    "failed", "dropped",
)  # fmt: skip
# A delivery's states, from here on nothing is on its way; those in between mean "accepted".
HELD, PAUSED, UNKNOWN, SENT, DELIVERED, READ, FAILED, DROPPED = 3, 4, 5, 7, 8, 9, 10, 11
ATTEMPT_UNKNOWN, ATTEMPT_FAILED = 1, 4


@dataclass(frozen=True, slots=True)
class Row:
    """A delivery.  `due_at`: unix seconds."""

    id: int
    state: int
    tries: int
    code: str
    reason: str
    due_at: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt.  `callback`: what its request carried; `noted`: the statuses that have a time;
    `code`, `detail`: what is noted of its failure, or why nobody knows."""

    callback: str
    state: int
    provider_id: str | None
    noted: frozenset[str]
    code: str
    detail: str


@dataclass
class Books:
    """All of it.  `marks`: of the messages there are; `inbound`: ids of what people wrote;
    `withdrawn`: people, by phone."""

    marks: set[str] = field(default_factory=set)
    deliveries: dict[tuple[str, str], Row] = field(default_factory=dict)
    attempts: list[Attempt] = field(default_factory=list)
    first_bytes: dict[str, float] = field(default_factory=dict)
    """Callback → unix seconds at which its first byte was about to leave, where that is noted."""
    inbound: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    damage: str = ""
    """What SQLite finds wrong with the file, or a counter that is not what it counts."""
    read_at: float = field(default_factory=time.time)

    def delivery(self, mark: str, phone: str) -> Row | None:
        """The delivery of one message for one person."""
        return self.deliveries.get((mark, phone))


def read(gateway: Gateway) -> Books:
    """Read the database of a gateway that has ended."""
    books = Books()
    phones: dict[int, str] = {
        contact: phone
        for phone, contact in gateway.rows(
            "SELECT value, contact_id FROM identities WHERE kind = 'phone'"
        )
    }
    marks: dict[int, str] = {}
    for id, body in gateway.rows("SELECT id, original FROM messages"):
        mark = re.search(MARK.pattern.encode(), bytes(body))
        if mark is not None:
            marks[id] = mark[0].decode()
    books.marks = set(marks.values())
    for message, contact, *row in gateway.rows(
        "SELECT message_id, contact_id, id, state, tries, code, reason, due_at / 1e6 FROM deliveries"
    ):
        if message in marks and contact in phones:
            books.deliveries[marks[message], phones[contact]] = Row(*row)
    books.attempts = [_attempt(*row) for row in gateway.rows(
        "SELECT delivery_id, n, state, provider_id, sent_at, delivered_at, read_at, failed_at, code,"
        " detail FROM attempts"
    )]  # fmt: skip
    books.first_bytes = {
        f"{delivery}:{n}": at
        for delivery, n, at in gateway.rows(
            "SELECT delivery_id, n, first_byte / 1e6 FROM attempts WHERE first_byte IS NOT NULL"
        )
    }
    books.inbound = {
        id
        for (id,) in gateway.rows(
            "SELECT provider_id FROM inbound WHERE kind <> 'user_preferences'"
        )
    }
    books.withdrawn = {
        phones[contact]
        for (contact,) in gateway.rows("SELECT contact_id FROM consents WHERE state = 'withdrawn'")
        if contact in phones
    }
    books.damage = "; ".join(_damage(gateway))
    return books


def _attempt(
    delivery: int, n: int, state: int, provider_id: str | None, *times_and_why: Any
) -> Attempt:
    *times, code, detail = times_and_why
    named = zip(("sent", "delivered", "read", "failed"), times, strict=True)
    noted = frozenset(name for name, at in named if at is not None)
    return Attempt(f"{delivery}:{n}", state, provider_id, noted, code, detail)


def _damage(gateway: Gateway) -> Iterable[str]:
    found = [str(text) for (text,) in gateway.rows("PRAGMA integrity_check")]
    yield from (text for text in found if text != "ok")
    counted: dict[tuple[int, int], int] = defaultdict(int)
    for message, state, n in gateway.rows("SELECT message_id, state, n FROM depths"):
        counted[message, state] += n
    for message, state, n in gateway.rows(
        "SELECT message_id, state, count(*) FROM deliveries GROUP BY message_id, state"
    ):
        counted[message, state] -= n
    yield from (f"the depth of {key} is off by {n}" for key, n in counted.items() if n)
