"""Everything one sandbox remembers, and how much of it."""

from __future__ import annotations

import base64
import hashlib
import os
from collections import Counter, deque
from itertools import islice
from typing import Any

import msgspec

from gateway_sandbox.faults import Faults
from gateway_sandbox.limits import Limiter
from gateway_sandbox.people import parse_phone
from gateway_sandbox.settings import Settings
from gateway_sandbox.templates import Templates

_REMEMBERED = 100_000  # people whose last message or window is kept

_encode = msgspec.json.Encoder().encode


class TemplateName(msgspec.Struct):
    name: str
    language: str


class Received(msgspec.Struct, kw_only=True):
    """One accepted send: a line of `GET /sandbox/received`.

    `seq` counts from 1.  `contact`: `+` and digits, or the user id of a person without a
    phone.  `to`, `user_id`: how the request addressed the person; one of them is null.  `text`:
    what the person reads without `footer` (the template's fixed one) and `buttons`.
    `first_byte`, `arrival`: unix seconds at which the request's first and last byte were read.
    `media`: link of an image (also of a template's header).
    """

    seq: int
    wamid: str
    phone_number_id: str
    to: str | None
    user_id: str | None
    contact: str
    callback_data: str | None
    type: str
    form: str
    text: str
    footer: str | None
    buttons: tuple[str, ...]
    media: str | None
    template: TemplateName | None
    category: str | None
    context_id: str | None
    first_byte: float
    arrival: float


class Number(msgspec.Struct):
    """A business number: Graph id, and its own phone number as digits and as shown."""

    id: str
    display: str
    digits: str


class State:
    """The memory of one sandbox.  `reset` takes it back to its start; ids go on."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.numbers: dict[str, Number] = {}
        for id, display in zip(settings.phone_number_ids, settings.display_numbers, strict=False):
            digits = parse_phone(display)
            if digits is None:
                raise ValueError(f"display number {display!r} is not a phone number")
            self.numbers[id] = Number(id, display, digits)
        if len(self.numbers) != len(settings.phone_number_ids):
            raise ValueError("every phone number id needs a display number")
        self._seed = settings.seed if settings.seed is not None else os.urandom(16).hex()
        self._ids = 0
        self._traces = 0
        self.throughput = Limiter(settings.burst, settings.rate)
        self.pairs = Limiter(settings.pair_burst, 1 / settings.pair_seconds)
        self.faults = Faults(settings.seed)
        self.reset()

    def reset(self) -> None:
        self.templates = Templates(self.settings.template_status)
        self.throughput.clear()
        self.pairs.clear()
        self.faults.clear()
        self.faults.struck.clear()
        self.lines: deque[bytes] = deque(maxlen=self.settings.keep)
        self.accepted = 0
        self.inbound = 0
        self.refused: Counter[int] = Counter()
        self._windows: dict[tuple[str, str], float] = {}
        self._last: dict[tuple[str, str], str] = {}

    # ids

    def wamid(self) -> str:
        """A new message id: long, opaque, with the characters that Base64 has."""
        self._ids += 1
        key = f"{self._seed}/{self._ids}".encode()
        digest = hashlib.blake2b(key).digest() + self._ids.to_bytes(8, "big")
        return "wamid." + base64.b64encode(digest).decode()

    def trace(self) -> str:
        """A new `fbtrace_id`."""
        self._traces += 1
        key = f"{self._seed}/trace/{self._traces}".encode()
        digest = hashlib.blake2b(key, digest_size=16).digest()
        return "A" + base64.urlsafe_b64encode(digest).decode().rstrip("=")

    # windows

    def open_window(self, number_id: str, contact: str) -> None:
        """The person wrote to this number just now."""
        self._windows.pop((number_id, contact), None)
        self._windows[number_id, contact] = self.settings.now()
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
