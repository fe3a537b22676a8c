"""What goes wrong on purpose: which fault hits which send."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Literal

import msgspec

from gateway_sandbox.people import parse_person

Name = Literal[
    "hang_open",
    "drop_before_accept",
    "5xx",
    "error",
    "slow",
    "drop_after_accept",
    "malformed",
    "undeliverable",
    "opted_out",
    "marketing_cap",
    "status_double",
    "status_reorder",
    "status_none",
]

# The moments of a send.  At each moment at most one fault strikes, the one that was set first.
BEFORE: frozenset[Name] = frozenset({"hang_open"})
INSTEAD: frozenset[Name] = frozenset({"drop_before_accept", "5xx", "error"})
FAILING: frozenset[Name] = frozenset({"undeliverable", "opted_out", "marketing_cap"})
STATUSES: frozenset[Name] = frozenset({"status_double", "status_reorder", "status_none"})
LATE: frozenset[Name] = frozenset({"slow"})
ANSWER: frozenset[Name] = frozenset({"drop_after_accept", "malformed"})

_MARKETING_ONLY: frozenset[Name] = frozenset({"opted_out", "marketing_cap"})


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """One fault, as `POST /sandbox/faults` takes it.

    `number`: phone (`+49…` or digits) or user id; None: everyone.  `times`: how often it
    strikes; None: always.  `probability`: decided by a hash of (seed, name, callback data or
    contact), so the same send always meets the same fate; without `seed` the sandbox's own.
    `seconds`: how long `slow` and `hang_open` wait.  `code`: for `error` the Graph code, for
    `5xx` the HTTP status.  `http`: another HTTP status for `error`.  `cut`: bytes of the answer
    that still leave before the connection is reset (`drop_after_accept`).  `how`: `reset` or
    `close` the connection (`drop_before_accept`).  `struck` counts.
    """

    fault: Name
    number: str | None = None
    times: int | None = None
    probability: float | None = None
    seed: int | str | None = None
    seconds: float = 1.0
    code: int | None = None
    http: int | None = None
    cut: int = 0
    how: Literal["reset", "close"] = "reset"
    struck: int = 0

    def __post_init__(self) -> None:
        if self.number is not None:
            person = parse_person(self.number)
            if person is None:
                raise ValueError("number is neither a phone number nor a user id")
            self.number = person.contact
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability lies between 0 and 1")
        if self.fault == "error" and self.code is None:
            raise ValueError("the fault error needs a code")
        if self.http is not None and not 400 <= self.http <= 599:
            raise ValueError("http lies between 400 and 599")
        if self.fault == "5xx" and not 500 <= (self.code or 500) <= 599:
            raise ValueError("the fault 5xx takes a code between 500 and 599")
        if self.seconds < 0 or self.cut < 0 or (self.times is not None and self.times < 1):
            raise ValueError("seconds and cut are not negative, times is at least 1")

    def hits(self, contact: str, key: str, marketing: bool, fresh: bool) -> bool:
        """Does it concern this send?  `key` is its callback data, or else the contact; `fresh`:
        it is the first request of its connection (`hang_open` for everyone asks for that)."""
        if self.fault == "hang_open" and self.number is None and not fresh:
            return False
        if self.number is not None and self.number != contact:
            return False
        if self.times is not None and self.struck >= self.times:
            return False
        if self.fault in _MARKETING_ONLY and not marketing:
            return False
        return self.probability is None or chance(self.seed, self.fault, key) < self.probability


def chance(seed: int | str | None, name: str, key: str) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{seed}\0{name}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class Faults:
    """All faults that are set, in the order in which they were set."""

    def __init__(self, seed: str | None) -> None:
        self._seed = seed if seed is not None else "0"
        self.active: list[Fault] = []
        self.struck: Counter[str] = Counter()

    def add(self, fault: Fault) -> None:
        if fault.seed is None:
            fault.seed = self._seed
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def strike(
        self,
        names: frozenset[Name],
        contact: str,
        key: str,
        *,
        marketing: bool = False,
        fresh: bool = True,
    ) -> Fault | None:
        """The fault of these names that hits this send, counted as struck; or None."""
        for fault in self.active:
            if fault.fault in names and fault.hits(contact, key, marketing, fresh):
                fault.struck += 1
                self.struck[fault.fault] += 1
                return fault
        return None
