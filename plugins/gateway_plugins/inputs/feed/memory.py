"""What one look at a feed leaves for the next, and for whoever asks how it fares."""

from __future__ import annotations

import msgspec

from .wire import Wishes


class Shown(msgspec.Struct, frozen=True):
    """A post as it would be sent, for people who look: `verdict` is what became of it."""

    verdict: str
    title: str
    text: str
    link: str
    image: str | None
    published: int | None
    categories: tuple[str, ...]


class Memory(msgspec.Struct, frozen=True):
    """State of one feed.  Times are unix seconds, 0 for never."""

    url: str
    """The address in the settings."""
    due: float = 0.0
    every: float = 0.0
    """The setting by which `due` was reckoned."""
    fetched: bool = False
    """True once the feed was read: from then on unknown entries are new."""
    used: bool = False
    """True if another address was polled before, so that `first` was used up."""
    empty_since: float = 0.0
    """When the first look was, if it found no entry: what is older is not new."""

    # --- the last failures ---
    failures: int = 0
    failing_since: float = 0.0
    trouble: str = ""
    stopped: bool = False
    """Not polled until a person does something; `trouble` says why."""

    # --- what the server and the feed said ---
    etag: str = ""
    modified: str = ""
    wishes: Wishes = Wishes()

    # --- where it is, see moving.py ---
    address: str = ""
    """Polled instead of `url`; "" is `url` itself."""
    trial: bool = False
    candidate: str = ""
    candidate_since: float = 0.0
    rejected: str = ""

    # --- the last success ---
    read_at: float = 0.0
    note: str = ""
    title: str = ""
    found: int = 0
    new: int = 0
    known: int = 0
    new_at: float = 0.0

    @property
    def polled(self) -> str:
        """The address that the next look asks."""
        return self.address or self.url

    def replace(self, **changes: object) -> Memory:
        """Return a changed copy."""
        return msgspec.structs.replace(self, **changes)

    def dump(self) -> bytes:
        """Return what `recall` reads."""
        return msgspec.json.encode(self)


_memories = msgspec.json.Decoder(Memory)
_shown = msgspec.json.Decoder(list[Shown])


def recall(stored: bytes | None, url: str) -> Memory:
    """Read a memory.  One of another address only tells that there was one.

    Raises msgspec.DecodeError.
    """
    memory = _memories.decode(stored) if stored else Memory(url)
    return memory if memory.url == url else Memory(url, used=True)


def recall_shown(stored: bytes | None) -> list[Shown]:
    """Read the posts of the last look, newest first; none if there are none to read."""
    try:
        return _shown.decode(stored) if stored else []
    except msgspec.DecodeError:
        return []


def dump_shown(posts: list[Shown]) -> bytes:
    """Return what `recall_shown` reads."""
    return msgspec.json.encode(posts)
