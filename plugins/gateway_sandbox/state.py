"""Everything one sandbox remembers, and how much of it."""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter, deque
from itertools import islice
from typing import Any

import msgspec

from gateway_sandbox.account import Account, Number
from gateway_sandbox.clock import Clock
from gateway_sandbox.events import Event, FaultStruck, Forgotten, Listener
from gateway_sandbox.faults import Faults
from gateway_sandbox.inbox import Inbox
from gateway_sandbox.limits import Limiter, Reach
from gateway_sandbox.media import MediaStore
from gateway_sandbox.people import parse_phone
from gateway_sandbox.pricing import Pricing
from gateway_sandbox.received import Received
from gateway_sandbox.settings import Settings
from gateway_sandbox.templates import Templates

_REMEMBERED = 100_000  # people whose last message or window is kept

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Received).decode


class State:
    """The memory of one sandbox.  `reset` takes it back to its start; ids and time go on.

    `listeners` are told every event at once, in the task where it happens: they only take note.
    A lean sandbox tells nobody.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.url = ""
        """Its own address, as soon as it listens."""
        self.clock = Clock(settings.now)
        self.listeners: list[Listener] = []
        self.numbers: dict[str, Number] = {}
        for id, display in zip(settings.phone_number_ids, settings.display_numbers, strict=False):
            self.numbers[id] = Number(id, display, parse_phone(display) or "")
        self._seed = settings.seed if settings.seed is not None else os.urandom(16).hex()
        self._ids = 0
        self._traces = 0
        self.throughput = Limiter(settings.burst, settings.rate)
        self.pairs = Limiter(settings.pair_burst, 1 / settings.pair_seconds)
        self.reach = Reach(settings.messaging_limit)
        self.faults = Faults(settings.seed, self._struck)
        self.media = MediaStore(self.clock, self._seed)
        self.account = Account(settings, self.numbers)
        self.pricing = Pricing(settings.free_service_messages)
        self.reset()

    def reset(self) -> None:
        self.templates = Templates(self.settings.template_status, self.clock)
        self.throughput.clear()
        self.pairs.clear()
        self.faults.clear()
        self.faults.struck.clear()
        self.media.clear()
        self.account.reset()
        self.pricing.clear()
        self.inbox = Inbox()
        self.lines: deque[bytes] = deque(maxlen=self.settings.keep)
        self.accepted = 0
        self.inbound = 0
        self.refused: Counter[int] = Counter()
        self._windows: dict[tuple[str, str], float] = {}
        self._last: dict[tuple[str, str], str] = {}
        self._written: dict[tuple[str, str], str] = {}
        self.reach.clear(self.settings.messaging_limit)
        self.user_ids: dict[str, str] = {}
        self.id_changes: Counter[str] = Counter()
        if self.watched:
            self.announce(Forgotten(self.clock()))

    # ids

    def wamid(self) -> str:
        """A new message id: long, opaque, with the characters that Base64 has."""
        self._ids += 1
        key = f"{self._seed}/{self._ids}".encode()
        digest = hashlib.blake2b(key).digest() + self._ids.to_bytes(8, "big")
        return "wamid." + base64.b64encode(digest).decode()

    def knows(self, wamid: str) -> bool:
        """Was this message id made here?"""
        try:
            raw = base64.b64decode(wamid.removeprefix("wamid."), validate=True)
        except ValueError:
            return False
        key = f"{self._seed}/{int.from_bytes(raw[64:72], 'big')}".encode()
        return len(raw) == 72 and raw[:64] == hashlib.blake2b(key).digest()

    def trace(self) -> str:
        """A new `fbtrace_id`."""
        self._traces += 1
        key = f"{self._seed}/trace/{self._traces}".encode()
        digest = hashlib.blake2b(key, digest_size=16).digest()
        return "A" + base64.urlsafe_b64encode(digest).decode().rstrip("=")

    # those who watch

    @property
    def watched(self) -> bool:
        """Does anybody want to be told?  Asked before an event is made."""
        return bool(self.listeners) and not self.settings.lean

    def announce(self, event: Event) -> None:
        if self.watched:
            for listener in self.listeners:
                listener(event)

    def _struck(self, fault: str, contact: str) -> None:
        if self.watched:
            self.announce(FaultStruck(self.clock(), fault, contact))

    # windows

    def open_window(self, number_id: str, contact: str) -> None:
        """The person wrote to this number just now."""
        self._windows.pop((number_id, contact), None)
        self._windows[number_id, contact] = self.clock()
        _bound(self._windows)

    def in_window(self, number_id: str, contact: str, now: float) -> bool:
        since = self._windows.get((number_id, contact))
        return since is not None and now - since < self.settings.window

    # received

    def keep(self, received: Received) -> None:
        self.lines.append(_encode(received) + b"\n")
        if not self.settings.lean:
            key = received.phone_number_id, received.contact
            self._last.pop(key, None)
            self._last[key] = received.wamid
            _bound(self._last)

    def last_sent(self, number_id: str, contact: str) -> str | None:
        """Id of the last message this person got from this number."""
        return self._last.get((number_id, contact))

    def tapped(
        self, number_id: str, contact: str, label: str
    ) -> tuple[str, str | None] | tuple[None, None]:
        """The last message to this person with a button or row of this label: its id, and the
        payload of the button or id of the row."""
        mark = f'"contact":"{contact}"'.encode()
        for line in reversed(self.lines):
            if mark not in line:
                continue
            received = _decode(line)
            if received.phone_number_id != number_id:
                continue
            for button in received.buttons:
                if button.text == label and button.kind in ("quick_reply", "reply"):
                    return received.wamid, button.payload
            for row in received.rows:
                if row.title == label:
                    return received.wamid, row.id
        return None, None

    def wrote(self, number_id: str, contact: str, wamid: str) -> None:
        """A person wrote this to this number."""
        self._written.pop((number_id, contact), None)
        self._written[number_id, contact] = wamid
        _bound(self._written)

    def last_written(self, number_id: str, contact: str) -> str | None:
        """Id of the last thing this person wrote to this number."""
        return self._written.get((number_id, contact))

    def lines_after(self, seq: int, limit: int | None = None) -> list[bytes]:
        """Received lines whose `seq` is greater, oldest first, without those forgotten."""
        first_kept = self.accepted - len(self.lines) + 1
        start = max(0, seq + 1 - first_kept)
        stop = len(self.lines) if limit is None else min(len(self.lines), start + limit)
        return list(islice(self.lines, start, stop))


def _bound(memory: dict[Any, Any]) -> None:
    """Forget the oldest entry of a dict that grew too large."""
    if len(memory) > _REMEMBERED:
        del memory[next(iter(memory))]
