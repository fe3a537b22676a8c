"""Who is at the other end: phone numbers, business-scoped user ids, and what a profile shows.

A person with a phone has a user id that is computed from the number and can be computed back,
so nothing is stored.  Any other well-formed user id is a person who is known by username only.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOLERATED = str.maketrans("", "", " -()\u00a0")
_PHONE = re.compile(r"\+?[1-9][0-9]{6,14}\Z")
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}\Z")
_DIGITS = re.compile(r"[0-9]{20}\Z")

# x → (x·A + B) mod M is a bijection because A and M have no common divisor.
_M = 10**20
_CHANGE = 10**17  # above "1" and at most 15 digits of a number: how often the id changed
_A = 73_856_093_197_452_361_247
_B = 61_803_398_874_989_484_820
_A_INVERSE = pow(_A, -1, _M)

# A mobile number in Brazil: people dial a 9 that Meta's form of older accounts lacks.
_BRAZIL = re.compile(r"(55[1-9][0-9])9?([6-9][0-9]{7})\Z")

_REGIONS = {
    "49": "DE",
    "43": "AT",
    "41": "CH",
    "44": "GB",
    "33": "FR",
    "39": "IT",
    "55": "BR",
    "1": "US",
}


class Shown(NamedTuple):
    """How webhooks name a person.

    `number`: Meta's canonical number, digits, which may differ from the number written to.
    `wa_id`: what stands in the fields for it; None: the field is missing (section 7.3).
    """

    number: str | None
    wa_id: str | None
    user_id: str
    profile: dict[str, str]


class Person(NamedTuple):
    """`phone`: digits without `+`, or None if only the user id is known (section 7.3)."""

    phone: str | None
    user_id: str

    @property
    def contact(self) -> str:
        """The one name of this person in limits, windows, faults and received lines."""
        return f"+{self.phone}" if self.phone is not None else self.user_id

    @property
    def wa_id(self) -> str | None:
        """Meta's form of the phone number, digits (section 10.1)."""
        mobile = _BRAZIL.match(self.phone) if self.phone is not None else None
        return mobile[1] + mobile[2] if mobile is not None else self.phone

    @property
    def profile(self) -> dict[str, str]:
        """`contacts[].profile`; a username only where there is no phone."""
        if self.phone is not None:
            return {"name": f"Testgerät {self.phone[-4:]}"}
        tail = self.user_id.rpartition(".")[2][-8:]
        return {"name": f"Testgerät {tail}", "username": username(self)}

    @property
    def shown(self) -> Shown:
        """As webhooks name this person if nothing else is set."""
        return Shown(self.wa_id, self.wa_id, self.user_id, self.profile)


def username(person: Person) -> str:
    """What the person chose to be called (section 7.2)."""
    return f"test.{person.user_id.rpartition('.')[2][-8:].lower()}"


def with_phone(digits: str, changes: int = 0) -> Person:
    """The person with this number: digits, country code first, no `+`.

    Both forms of a Brazilian mobile number lead to the same person.  `changes`: how often the
    user id changed, at most 998.
    """
    if mobile := _BRAZIL.match(digits):
        digits = f"{mobile[1]}9{mobile[2]}"
    scrambled = ((changes * _CHANGE + int("1" + digits)) * _A + _B) % _M
    region = next((r for n in (2, 1) if (r := _REGIONS.get(digits[:n]))), "ZZ")
    return Person(digits, f"{region}.{scrambled:020d}")


def with_user_id(user_id: str) -> Person:
    """The person with this user id; with a phone if the id was made by `with_phone`."""
    tail = user_id.rpartition(".")[2]
    if _DIGITS.match(tail):
        changes, rest = divmod((int(tail) - _B) * _A_INVERSE % _M, _CHANGE)
        number = str(rest)
        if number[0] == "1" and 8 <= len(number) <= 16:
            person = with_phone(number[1:], changes)
            if person.user_id == user_id:
                return person
    return Person(None, user_id)


def parse_phone(text: str) -> str | None:
    """Digits of a number as `to` may hold it: `+`, blanks, `-` and brackets are tolerated."""
    cleaned = text.translate(_TOLERATED)
    return cleaned.lstrip("+") if _PHONE.match(cleaned) else None


def is_user_id(text: str) -> bool:
    return _USER_ID.match(text) is not None


def parse_person(text: str) -> Person | None:
    """A person by phone number or user id; None if it is neither."""
    if is_user_id(text):
        return with_user_id(text)
    digits = parse_phone(text)
    return with_phone(digits) if digits is not None else None


def alias(digits: str) -> str:
    """The other spelling of a number in Brazil, Mexico and Argentina (section 10.1); of any
    other number itself."""
    if digits.startswith("55") and len(digits) == 13 and digits[4] == "9":
        return digits[:4] + digits[5:]
    if digits.startswith("55") and len(digits) == 12:
        return f"{digits[:4]}9{digits[4:]}"
    for plain, mobile, length in (("52", "521", 12), ("54", "549", 12)):
        if digits.startswith(mobile) and len(digits) == length + 1:
            return plain + digits[3:]
        if digits.startswith(plain) and len(digits) == length:
            return mobile + digits[2:]
    return digits
