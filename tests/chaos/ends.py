"""What became of each delivery: has it an end, and is that what the wire says?"""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.books import (
    DELIVERED,
    DROPPED,
    FAILED,
    HELD,
    READ,
    SENT,
    STATES,
    UNKNOWN,
    Books,
    Row,
)
from tests.chaos.campaign import Done
from tests.chaos.seen import Seen
from tests.chaos.wire import Sent, Wire


class Ends:
    """The deliveries of one campaign.

    `never_left`: (mark, phone) of deliveries that a restored database would not make again,
    because they had begun, and of which the wire knows nothing: a kill found them in the air.
    """

    def __init__(self, wire: Wire, done: Done, books: Books, seen: Seen) -> None:
        self._wire, self._done, self._books, self._seen = wire, done, books, seen
        self.never_left: list[tuple[str, str]] = []

    def lost(self) -> Iterator[str]:
        """What was accepted is accounted for: messages, each of their deliveries, what people wrote."""
        for mark in self._done.handed_in:
            if mark not in self._books.marks:
                yield f"{mark} was accepted, and is not there"
        for mark in (mark for mark in self._done.handed_in if mark.startswith("Beitrag")):
            for phone in self._done.phones:
                why = self._unexplained(mark, phone)
                if why:
                    yield f"{mark} for {phone}: {why}"
        for wamid in self.written() - self._books.inbound:
            yield f"what a person wrote: {wamid}"

    def written(self) -> set[str]:
        """Ids of what people wrote and the gateway took, but what a restore forgot."""
        told = self._wire.inbound.items()
        return {wamid for wamid, at in told if at is not None and not self._wire.forgotten(at)}

    def differences(self) -> Iterator[str]:
        """Each delivery is in the state that the best status of its attempts says."""
        for (mark, phone), row in self._books.deliveries.items():
            told = self._told(row)
            if told is not None and row.state != told:
                yield f"{mark} for {phone} ({row.id}) is {STATES[row.state]}, not {STATES[told]}"

    def _tries(self, row: Row) -> list[Sent]:
        numbers = range(1, row.tries + 1)
        return [sent for n in numbers for sent in self._seen.by_callback.get(f"{row.id}:{n}", ())]

    def _told(self, row: Row) -> int | None:
        """The state that the statuses of a delivery lead to, if there were any that lead to one."""
        found: set[int] = set()
        for sent in self._tries(row):
            heard = self._seen.heard(sent)
            if any(self._wire.forgotten(told.heard or 0.0) for told in heard.values()):
                return None
            if "read" in heard:
                found.add(READ)
            elif "delivered" in heard:
                found.add(DELIVERED)
            elif "sent" in heard and "failed" not in heard:
                found.add(SENT)
        return max(found, default=None)

    def _unexplained(self, mark: str, phone: str) -> str:
        """Why the end of this delivery is no end, or has no reason on the wire; "" if it has."""
        row = self._books.delivery(mark, phone)
        gone = phone in self._seen.stopped or phone in self._seen.refused_for_good
        if row is None:
            return "" if gone else "there is no delivery"
        tries = self._tries(row)
        if row.state in (HELD, FAILED):
            failed = (sent.refused is not None or self._seen.told(sent, "failed") for sent in tries)
            return (
                "" if any(failed) else f"it is {STATES[row.state]}, and nothing said so: {row.code}"
            )
        if row.state == DROPPED:
            known = self._dropped_for(row, mark, phone, gone)
            return "" if known else f"it was dropped: {row.code} {row.reason}"
        if row.state == UNKNOWN:
            return ""  # of its attempts the oracle says whether they may be
        if row.state > UNKNOWN:
            return "" if any(sent.wamid for sent in tries) else "nobody accepted it"
        if row.due_at > self._books.read_at and row.code and phone in self._seen.troubled:
            return ""  # put off until tomorrow, because the provider said so
        return f"it still waits: state {row.state} {row.code} {row.reason}"

    def _dropped_for(self, row: Row, mark: str, phone: str, gone: bool) -> bool:
        """Is there a reason to drop it?"""
        if row.code == "withdrawn":
            return gone
        if row.code == "sent_before":
            if (phone, mark) not in self._seen.forgotten:
                self.never_left.append((mark, phone))
            return True
        return phone in self._seen.troubled
