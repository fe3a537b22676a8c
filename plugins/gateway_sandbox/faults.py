"""What goes wrong on purpose: which of the faults that are set hits which send or webhook."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import msgspec

from gateway_sandbox.fault_kinds import KINDS, LASTING, REQUIRED, Kind, Moment
from gateway_sandbox.people import parse_person

_COUNTED = 100_000  # deliveries whose requests are counted, as long as a fault is set
_ATTEMPT = re.compile(r"(.*[0-9].*):(?:attempt)?([0-9]{1,4})\Z")
_COUNTING = ("times", "after", "attempts")


def delivery_key(callback_data: str) -> str:
    """What all requests of one delivery have in common: callback data `out:7f3a:attempt1`, as
    section 5.6 recommends, or `7f3a1:2`, without its last part."""
    match = _ATTEMPT.match(callback_data)
    return match[1] if match is not None else callback_data


def body_key(contact: str, body: bytes) -> str:
    """The same for a send without callback data."""
    return f"{contact}/{hashlib.blake2b(body, digest_size=8).hexdigest()}"


def attempt_number(callback_data: str) -> int:
    """Which attempt of its delivery callback data names, from 1; 0 if they name none."""
    match = _ATTEMPT.match(callback_data)
    return int(match[2]) if match is not None else 0


def chance(seed: int | str | None, name: str, key: str, attempt: int) -> float:
    """A number in [0, 1) that depends on nothing but its arguments."""
    digest = hashlib.blake2b(f"{seed}\0{name}\0{key}\0{attempt}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


@dataclass(slots=True)
class Occasion:
    """One send or webhook as faults see it.

    `key`: of its delivery; `attempt`: the how-maniest with this key, from 1.  `fresh`: the first
    request of its connection.  `spared`: `deliver` was set for it.  `content`: what is sent to
    whom, and `number` the attempt that its callback data name: the same in every run.
    """

    contact: str
    key: str
    attempt: int = 1
    fresh: bool = True
    marketing: bool = False
    free_text: bool = False
    spared: bool = False
    content: str = ""
    number: int = 0


class Fault(msgspec.Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=False):
    """One fault, as `POST /sandbox/faults` takes it; what each does: `fault_kinds.KINDS`.

    `number`: phone (`+49…` or digits) or user id; None: everyone.  `times`: how often it
    strikes; None: always.  `after`: so many are let through first.  `attempts`: only the first so
    many requests of each delivery.  `probability`: decided by a hash of (seed, name, delivery,
    attempt), so that neither order nor concurrency matters; without `seed` the sandbox's own.
    `by`: what a delivery is in that hash: its callback data (or else contact and body), the
    contact alone, or the content and the contact that it is for, for senders whose callback data
    differ from run to run.  `struck` counts.

    Some faults take more: `seconds`, `code` (a Graph code; for `5xx` the HTTP status), `codes`
    (one of these instead, drawn like the fault itself), `http` (another HTTP status), `cut` (bytes
    of the answer that still leave), `how`, `sync` (refuse at once instead of failing later), `to`
    (a phone number), `size`.
    """

    fault: str
    number: str | None = None
    times: int | None = None
    after: int = 0
    attempts: int | None = None
    probability: float | None = None
    seed: int | str | None = None
    by: Literal["delivery", "contact", "content"] = "delivery"
    seconds: float | None = None
    code: int | None = None
    codes: tuple[int, ...] = ()
    http: int | None = None
    cut: int | None = None
    how: str | None = None
    sync: bool | None = None
    to: str | None = None
    size: int | None = None
    struck: int = 0
    met: int = 0
    """How many it would have hit, those let through by `after` included."""

    @property
    def kind(self) -> Kind:
        return KINDS[self.fault]

    def __post_init__(self) -> None:
        if self.fault not in KINDS:
            raise ValueError(f"there is no fault {self.fault}; there are {', '.join(KINDS)}")
        self._complete()
        if self.number is not None:
            self.number = _contact(self.number, "number")
        if self.to is not None:
            self.to = _contact(self.to, "to")
            if not self.to.startswith("+"):
                raise ValueError("to is a phone number")
        self._check()

    def _complete(self) -> None:
        """Fill in the defaults; refuse members that this fault does not look at."""
        kind = self.kind
        if self.codes and "code" not in kind.takes:
            raise ValueError(f"the fault {self.fault} has no codes")
        if self.codes and self.code is None:
            self.code = self.codes[0]
        takes = {**kind.takes, **({"how": kind.how[0]} if kind.how else {})}
        for name in ("seconds", "code", "http", "cut", "how", "sync", "to", "size"):
            given = getattr(self, name)
            if given is not None and name not in takes:
                raise ValueError(f"the fault {self.fault} has no {name}")
            if given is None and name in takes:
                if takes[name] == REQUIRED:
                    raise ValueError(f"the fault {self.fault} needs a {name}")
                setattr(self, name, takes[name])
        if kind.moment in LASTING:
            for name in _COUNTING:
                if getattr(self, name):
                    raise ValueError(f"{self.fault} lasts until it is deleted: no {name}")

    def _check(self) -> None:
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError("probability lies between 0 and 1")
        if self.http is not None and not 400 <= self.http <= 599:
            raise ValueError("http lies between 400 and 599")
        if self.fault == "5xx" and not all(
            500 <= code <= 599 for code in self.codes or (self.code or 0,)
        ):
            raise ValueError("the fault 5xx takes a code between 500 and 599")
        if self.kind.how and self.how not in self.kind.how:
            raise ValueError(f"how is one of {', '.join(self.kind.how)}")
        for name in ("times", "attempts", "size"):
            if (getattr(self, name) or 1) < 1 or getattr(self, name) == 0:
                raise ValueError(f"{name} is at least 1")
        for name in ("seconds", "cut", "after"):
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name} is not negative")
        if (self.size or 0) > 3_000_000:
            raise ValueError("size is at most 3000000, what Meta sends at most")

    def concerns(self, contact: str) -> bool:
        """Is this person meant?"""
        return self.number is None or self.number == contact

    def hits(self, occasion: Occasion) -> bool:
        """Would it strike, if it were the first?  Counts nothing but what `after` lets through."""
        only, contact = self.kind.only, occasion.contact
        if not self.concerns(contact) or (self.times is not None and self.struck >= self.times):
            return False
        if self.fault == "hang_open" and self.number is None and not occasion.fresh:
            return False
        if (only == "marketing" and not occasion.marketing) or (
            only == "free text" and not occasion.free_text
        ):
            return False
        if self.attempts is not None and occasion.attempt > self.attempts:
            return False
        if self.probability is not None and self.draw(occasion) >= self.probability:
            return False
        self.met += 1
        return self.met > self.after

    def draw(self, occasion: Occasion, what: str = "") -> float:
        """A number in [0, 1) for this send or webhook; `what`: another one for the same."""
        key, attempt = occasion.key, occasion.attempt
        if self.by == "contact":
            key = occasion.contact
        elif self.by == "content":
            key, attempt = occasion.content, occasion.number or attempt
        return chance(self.seed, self.fault + what, key, attempt)

    def code_for(self, occasion: Occasion) -> int:
        """The code that it brings this time; 0: it brings none."""
        if not self.codes:
            return self.code or 0
        return self.codes[int(self.draw(occasion, "code") * len(self.codes))]


def _contact(text: str, member: str) -> str:
    person = parse_person(text)
    if person is None:
        raise ValueError(f"{member} is neither a phone number nor a user id")
    return person.contact


class Faults:
    """All faults that are set, in the order in which they were set.

    `told` is called with name and contact whenever one strikes.  Those who ask look at `active`
    first: without a fault nothing is counted and nothing costs.
    """

    def __init__(self, seed: str | None, told: Callable[[str, str], None]) -> None:
        self._seed = seed if seed is not None else "0"
        self._told = told
        self._requests: Counter[str] = Counter()
        self.active: list[Fault] = []
        self.struck: Counter[str] = Counter()

    def add(self, fault: Fault) -> None:
        if fault.seed is None:
            fault.seed = self._seed
        self.active.append(fault)

    def delete(self, name: str | None, contact: str | None) -> None:
        """Delete the faults of this name and this person; None: of any."""
        self.active = [
            fault
            for fault in self.active
            if (name is not None and fault.fault != name)
            or (contact is not None and fault.number != contact)
        ]

    def clear(self) -> None:
        self.active.clear()
        self._requests.clear()

    def occasion(self, contact: str, key: str, *, fresh: bool = True) -> Occasion:
        """One more send or webhook with this key."""
        self._requests[key] += 1
        attempt = self._requests[key]
        if len(self._requests) > _COUNTED:
            del self._requests[next(iter(self._requests))]
        spared = any(f.fault == "deliver" and f.concerns(contact) for f in self.active)
        return Occasion(contact, key, attempt, fresh, spared=spared)

    def strike(self, moment: Moment, occasion: Occasion) -> Fault | None:
        """The fault of this moment that hits, counted as struck; or None."""
        if occasion.spared:
            return None
        for fault in self.active:
            if fault.kind.moment == moment and fault.hits(occasion):
                return self._struck(fault, occasion)
        return None

    def strike_one(self, name: str, occasion: Occasion) -> Fault | None:
        """The same for one fault by name: those of webhooks do not exclude each other."""
        if occasion.spared:
            return None
        for fault in self.active:
            if fault.fault == name and fault.hits(occasion):
                return self._struck(fault, occasion)
        return None

    def trait(self, name: str, contact: str) -> Fault | None:
        """A fault of the moment `person` that is set for somebody; nothing is counted."""
        for fault in self.active:
            if fault.fault == name and fault.concerns(contact):
                drawn = chance(fault.seed, name, contact, 1)
                if fault.probability is None or drawn < fault.probability:
                    return fault
        return None

    def _struck(self, fault: Fault, occasion: Occasion) -> Fault:
        fault.struck += 1
        self.struck[fault.fault] += 1
        self._told(fault.fault, occasion.contact)
        return fault
