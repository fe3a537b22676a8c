"""What a call of the API holds: decoded, bounded, and refused with the name of the field."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

import msgspec

from gateway.api import Context, Identity, PhoneNumberError, phone

from .settings import Kind

BYTES = 512 * 1024
MOST = 500
"""People in one call."""

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Short = Annotated[str, msgspec.Meta(max_length=200)]
Long = Annotated[str, msgspec.Meta(max_length=10_000)]
Aware = Annotated[datetime, msgspec.Meta(tz=True)]
YEARS = range(2000, 3000)
"""Others are mistakes, and at the ends of the calendar a time zone leads out of it."""

_PATH = re.compile(r" - at `\$?\.?([^`]*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `([^`]*)`")
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_TIME = "expected a time with its zone, such as 2025-03-02T10:15:02+01:00"
_WORDS = (
    ("`", ""), ("Expected datetime with a timezone component", _TIME),
    ("Invalid RFC3339 encoded datetime", _TIME), ("Object", "an object"), ("Expected", "expected"),
    ("null", "nothing"), (" str", " text"), (" int", " a number"), (" array", " a list"),
    (" object", " an object"),
)  # fmt: skip


class CallError(ValueError):
    """A call that is refused: nothing of it was done.  `status` is the answer's."""

    def __init__(self, text: str, status: int = 422) -> None:
        super().__init__(text)
        self.status = status


class Who(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A person, by number or by business-scoped user id."""

    phone: Annotated[str, msgspec.Meta(max_length=60)] = ""
    user_id: Short = ""


class NewMessage(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`POST messages`."""

    external_id: Id
    kind: Kind = "marketing"
    topic: Short = ""
    to: Who | None = None
    title: Short = ""
    text: Long = ""
    link: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    image: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    language: Annotated[str, msgspec.Meta(max_length=20)] = ""
    basis: Short = ""
    sender: Short = ""
    expires_at: Aware | None = None


class Withdrawing(Who, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`POST withdrawals`; without a topic from everything."""

    topic: Short = ""
    evidence: dict[Short, Annotated[str, msgspec.Meta(max_length=500)]] = {}


class NewPerson(Who, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One of `POST people`: a consent is proven by confirmed_at, source and wording together."""

    name: Short = ""
    language: Annotated[str, msgspec.Meta(max_length=20)] = ""
    topic: Short = ""
    confirmed_at: Aware | None = None
    source: Annotated[str, msgspec.Meta(max_length=500)] = ""
    wording: Long = ""
    version: Short = ""
    evidence: dict[Short, Annotated[str, msgspec.Meta(max_length=500)]] = {}


class NewPeople(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`POST people`."""

    people: Annotated[list[NewPerson], msgspec.Meta(min_length=1, max_length=MOST)]


C = TypeVar("C", bound=msgspec.Struct)


def read(raw: bytes, type_: type[C]) -> C:
    """Decode a body.  Raises CallError with a sentence that begins with the field's name."""
    if len(raw) > BYTES:
        raise CallError(f"the body is larger than {BYTES // 1024} KiB", 413)
    try:
        return msgspec.json.decode(raw, type=type_)
    except msgspec.ValidationError as error:
        raise CallError(_plain(str(error))) from None
    except (ValueError, RecursionError):
        raise CallError("the body is no JSON", 400) from None


def _plain(text: str) -> str:
    """Say what msgspec says, without its types and never with a value."""
    found = _PATH.search(text)
    place = found[1] if found else ""
    text = _PATH.sub("", text)
    for pattern, why in ((_UNKNOWN, "unknown field"), (_MISSING, "is missing")):
        if one := pattern.search(text):
            return f"{f'{place}.' if place else ''}{one[1]}: {why}"
    for theirs, ours in _WORDS:
        text = text.replace(theirs, ours)
    return f"{place or 'the body'}: {text}"


def identity(who: Who, context: Context, where: str = "") -> Identity:
    """Return how a person is known.  Raises CallError; the number itself is not in it."""
    user_id = who.user_id.strip()
    if bool(who.phone) == bool(user_id):
        raise CallError(f"{where}phone: give either phone or user_id")
    if user_id:
        return Identity("user_id", user_id)
    try:
        return Identity("phone", phone(who.phone, context.company.region))
    except PhoneNumberError as error:
        raise CallError(f"{where}phone: {error}") from None


def sensible(at: datetime | None, field: str) -> None:
    """Raise CallError for a time that no clock ever showed."""
    if at is not None and at.year not in YEARS:
        raise CallError(f"{field}: is in the year {at.year}")


def known_topic(name: str, topics: Any, where: str = "") -> str:
    """Return a topic's name.  Raises CallError if clients may not use it."""
    if name not in topics:
        raise CallError(f"{where}topic: there is none of this name that you may use")
    return name
