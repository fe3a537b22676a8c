"""What people wrote to the business numbers, and which of it the business has read (section 1.6)."""

from __future__ import annotations

import msgspec

REMEMBERED = 100_000
READABLE = 30 * 86_400  # a message can be marked as read for 30 days


class Inbound(msgspec.Struct):
    """One message of a person.  `at`: unix seconds."""

    number_id: str
    contact: str
    at: float
    read: bool = False


class Inbox:
    """Inbound messages by id, oldest first; the oldest of too many are forgotten."""

    def __init__(self) -> None:
        self._all: dict[str, Inbound] = {}
        self._unread: dict[tuple[str, str], list[str]] = {}

    def came(self, wamid: str, number_id: str, contact: str, at: float) -> None:
        """A person wrote."""
        self._all[wamid] = Inbound(number_id, contact, at)
        self._unread.setdefault((number_id, contact), []).append(wamid)
        if len(self._all) > REMEMBERED:
            self._forget(next(iter(self._all)))

    def get(self, wamid: str) -> Inbound | None:
        return self._all.get(wamid)

    def mark_read(self, wamid: str, number_id: str, now: float) -> bool:
        """Mark it and the earlier ones of this person as read; False if there is no such message."""
        message = self._all.get(wamid)
        if message is None or message.number_id != number_id or now - message.at > READABLE:
            return False
        key = number_id, message.contact
        unread = self._unread.get(key, [])
        if not message.read:
            until = unread.index(wamid) + 1
            for earlier in unread[:until]:
                self._all[earlier].read = True
            del unread[:until]
        if not unread:
            self._unread.pop(key, None)
        return True

    def _forget(self, wamid: str) -> None:
        message = self._all.pop(wamid)
        key = message.number_id, message.contact
        unread = self._unread.get(key, [])
        if not message.read:
            unread.remove(wamid)
        if not unread:
            self._unread.pop(key, None)
