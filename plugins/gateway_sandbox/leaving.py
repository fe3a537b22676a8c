"""What leaves in webhooks: one status, one change, and the body that some of them share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gateway_sandbox.events import SHOWN_BYTES, Posted
from gateway_sandbox.faults import Faults, Occasion, attempt_number, delivery_key
from gateway_sandbox.webhooks import messages_value

Json = dict[str, Any]


@dataclass(slots=True)
class StatusEvent:
    """A status that waits for its moment; `contact` is its entry of `contacts[]`, if any;
    `person`: whom the message was for; `content`: what it was, by a hash."""

    number_id: str
    display: str
    status: Json
    contact: Json | None
    person: str
    content: str = ""

    @property
    def key(self) -> str:
        """What faults are decided by: its delivery and its name."""
        data = self.status.get("biz_opaque_callback_data")
        return f"{delivery_key(data) if data else self.person}/{self.status['status']}"

    def occasion(self, faults: Faults, step: str) -> Occasion:
        """How faults see it at one step on its way."""
        occasion = faults.occasion(self.person, f"{self.key}/{step}")
        occasion.content = f"{self.content}/{self.status['status']}/{step}"
        occasion.number = attempt_number(self.status.get("biz_opaque_callback_data") or "")
        return occasion


@dataclass(slots=True)
class Change:
    """Any other change: what a person (`person`) did, or news of the account.

    `key`: what faults are decided by.
    """

    field: str
    value: Json
    person: str = ""
    key: str = ""

    def occasion(self, faults: Faults, step: str) -> Occasion:
        """How faults see it at one step on its way."""
        occasion = faults.occasion(self.person, f"{self.key or self.field}/{step}")
        occasion.content = occasion.key
        return occasion


Leaving = StatusEvent | Change


@dataclass(slots=True)
class Post:
    """A body on its way; `attempt` counts from 0.  `double`: how it comes twice, if it does;
    `content`: what the first in it is, the same in every run."""

    body: bytes
    person: str
    key: str
    content: str = ""
    attempt: int = 0
    double: str | None = None
    record: Posted | None = None

    def occasion(self, faults: Faults) -> Occasion:
        """How faults see its signature."""
        occasion = faults.occasion(self.person, f"{self.key}/signature")
        occasion.content = f"{self.content}/signature"
        occasion.number = self.attempt + 1
        return occasion

    def again(self, attempt: int) -> Post:
        """The same body once more."""
        return Post(self.body, self.person, self.key, self.content, attempt, None, self.record)


def changes_of(events: Sequence[Leaving]) -> list[tuple[str, Json]]:
    """Field and value of each change: one per business number for all its statuses and their
    contacts, and one for everything else."""
    by_number: dict[str, tuple[str, list[Json], list[Json]]] = {}
    others: list[tuple[str, Json]] = []
    for event in events:
        if isinstance(event, Change):
            others.append((event.field, event.value))
            continue
        _, contacts, statuses = by_number.setdefault(event.number_id, (event.display, [], []))
        statuses.append(event.status)
        if event.contact is not None and event.contact not in contacts:
            contacts.append(event.contact)
    changes: list[tuple[str, Json]] = []
    for number_id, (display, contacts, statuses) in by_number.items():
        members: Json = {"contacts": contacts} if contacts else {}
        value = messages_value(number_id, display, **members, statuses=statuses)
        changes.append(("messages", value))
    return changes + others


def record(seq: int, at: float, body: bytes, changes: Sequence[tuple[str, Json]]) -> Posted:
    """A webhook for those who look."""
    told = [pair for _, value in changes for pair in _told(value)]
    return Posted(
        seq=seq,
        at=at,
        body=body[:SHOWN_BYTES].decode(errors="replace"),
        size=len(body),
        fields=tuple(dict.fromkeys(field for field, _ in changes)),
        kinds=tuple(kind for kind, _ in told if kind),
        wamids=tuple(dict.fromkeys(wamid for _, wamid in told if wamid)),
    )


def _told(value: Json) -> Iterator[tuple[str, str]]:
    """What each part of a change is (kind, wamid)."""
    for name, key in (("messages", "type"), ("message_echoes", "type"), ("statuses", "status")):
        for entry in value.get(name, ()):
            yield str(entry.get(key, "")), str(entry.get("id", ""))
    for entry in value.get("user_preferences", ()):
        yield str(entry.get("value", "")), ""
    if "event" in value:
        yield str(value["event"]), ""
