"""What a feed tells of itself: its series, its line in `gateway status`, its row in `gateway feeds`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.api import Context

from .memory import Memory, Shown
from .settings import RssConfig
from .taking import VERDICTS, Taken

POLLS = ("ok", "unchanged", "not_fetched", "bad_status", "bad_document")
LONGEST_ADDRESS = 100  # characters of an address that a server named, in a sentence


class Figures:
    """The feed's series, named `gateway_plugin_LABEL_…`."""

    def __init__(self, metrics: Any) -> None:
        self._polls = metrics.counter("polls", "Looks at the feed by result", ["result"])
        self._entries = metrics.counter("entries", "Posts seen in looks by verdict", ["result"])
        self._failing = metrics.gauge("failing", "1 while the feed cannot be read")
        self._due = metrics.gauge("next_due_timestamp_seconds", "When it is read next")
        self._success = metrics.gauge("last_success_timestamp_seconds", "When it was last read")
        self.parsing = metrics.histogram("parse_seconds", "Parsing, with the wait for its turn")
        self.bytes = metrics.counter("bytes", "Size of the documents, decompressed")
        for result in POLLS:
            self._polls.labels(result)
        for verdict in VERDICTS:
            self._entries.labels(verdict)

    def started(self, memory: Memory) -> None:
        """It starts, and knows how it fared before."""
        self._failing.set(1 if memory.failures else 0)
        self._due.set(memory.due)
        self._success.set(memory.read_at)

    def looked(self, result: str, due: float, success: float | None = None) -> None:
        """It looked, with success or not, and will look again."""
        self._polls.labels(result).inc()
        self._failing.set(0 if success is not None else 1)
        self._due.set(due)
        if success is not None:
            self._success.set(success)

    def took(self, counts: Mapping[str, int]) -> None:
        """It read a document with so many posts of each verdict."""
        for verdict, count in counts.items():
            self._entries.labels(verdict).inc(count)


def how_it_went(context: Context, label: str, memory: Memory, *, before: bool = False) -> None:
    """Tell `gateway status`.  `before`: the look was before this start."""
    due = _moment(memory.due)
    if memory.stopped:
        why = f"{memory.trouble}; not read any more: mend url, or gateway feeds poll {label}"
        since = _moment(memory.failing_since)
        context.failed(why, needs_person=True, at=since)
    elif memory.failures:
        context.failed(memory.trouble, next_at=due, at=_moment(memory.failing_since))
    elif memory.read_at:
        note = ", ".join(filter(None, (memory.note, whereabouts(memory))))
        context.succeeded(note, next_at=due, at=_moment(memory.read_at) if before else None)


def what_it_brought(taken: Taken, found: int, before: Memory) -> str:
    """Say in a few words what a look brought.  `before`: what was known of the feed until then."""
    if taken.messages:
        waits = taken.counts["doubted"]
        went = len(taken.messages) - waits
        parts = [f"{went} new"] if went else []
        parts += [f"{waits} wait for a person"] if waits else []
        return ", ".join(parts)
    if before.fetched or (before.used and not found):
        return "nothing new"
    if not taken.afresh:  # another address in the settings, mostly
        return "it shows known posts, nothing new"
    if before.used:
        return f"read afresh: all it shows counts as known ({found})"
    return f"first look, {found} known"


def whereabouts(memory: Memory) -> str:
    """Say where the feed moved to and what to do about it; "" if it did not."""
    if memory.address:
        tried = " (on trial)" if memory.trial else ""
        return f"moved to {_short(memory.address)}{tried}: change url"
    if memory.candidate:
        since = _moment(memory.candidate_since)
        assert since is not None
        return f"redirects to {_short(memory.candidate)} since {since:%Y-%m-%d}"
    return ""


def row(config: RssConfig, memory: Memory, shown: list[Shown]) -> dict[str, Any]:
    """Return how the feed fares in plain values; times are UTC microseconds, None for never."""
    state = "stopped" if memory.stopped else "fails" if memory.failures else "ok"
    return {
        "url": config.url,
        "topic": config.topic,
        "title": memory.title,
        "state": state if memory.read_at or memory.failures else "new",
        "read_at": _micros(memory.read_at),
        "next_at": None if memory.stopped else _micros(memory.due),
        "new_at": _micros(memory.new_at),
        "found": memory.found,
        "new": memory.new,
        "known": memory.known,
        "note": memory.note,
        "trouble": memory.trouble,
        "failures": memory.failures,
        "failing_since": _micros(memory.failing_since),
        "whereabouts": whereabouts(memory),
        "every": float(config.every),
        "wish": memory.wishes.seconds,
        "posts": msgspec.to_builtins(shown),
    }


def _short(address: str) -> str:
    return address if len(address) <= LONGEST_ADDRESS else address[: LONGEST_ADDRESS - 1] + "…"


def _moment(seconds: float) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def _micros(seconds: float) -> int | None:
    return int(seconds * 1e6) if seconds > 0 else None
