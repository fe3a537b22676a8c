"""Personal data that has no place in a message to many.  What is found is never quoted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from gateway_plugins.middleware.filter import checksums

KINDS = ("bank", "card", "official", "mail", "phone")
"""`bank`: IBANs.  `card`: payment cards.  `official`: tax, insurance and identity card numbers."""

REGION = "DE"  # of phone numbers that are written without a country
NOBODYS = frozenset({"TOLL_FREE", "SHARED_COST", "PREMIUM_RATE", "UAN"})  # no person's number
TRIES = 200  # places that look like a phone number and are none

_GAP = r"[ \u00a0\u202f.-]?"
_IBAN = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z]{{2}}{_GAP}\d\d(?:{_GAP}[A-Za-z0-9]){{11,29}}")
_DIGITS = re.compile(r"(?<![\w+.,])\d+(?:[ \u00a0\u202f./-]\d+)*(?!\w)")
_INSURANCE = re.compile(
    rf"(?<![A-Za-z0-9])\d\d{_GAP}\d{{6}}{_GAP}[A-Za-z]{_GAP}\d{{3}}(?![A-Za-z0-9])"
)
_ID_CARD = re.compile(r"(?<![A-Z0-9])[CFGHJKLMNPRTVWXYZ][0-9CFGHJKLMNPRTVWXYZ]{8}\d(?![A-Z0-9])")
_ABOUT_CARD = re.compile(
    r"ausweis|reisepass|passnummer|passport|identity card|id card|id-?nr", re.I
)
_NEAR = 80  # characters between such a word and the number: many order numbers look alike
_MAIL = re.compile(
    r"(?<![\w.+-])[\w.+-]{1,64}(?: ?[(\[{]at[)\]}] ?|@)(?:[\w-]{1,63}\.){1,5}[A-Za-z]{2,24}(?![\w-])"
)
_AT = re.compile(r" ?[(\[{]at[)\]}] ?")


class Found(msgspec.Struct, frozen=True):
    """One thing that was found: what it is, and two characters by which a person finds it."""

    what: str
    hint: str


class Own:
    """What belongs to the company.  Raises ValueError for what is none of the kinds."""

    def __init__(self, details: Iterable[str]) -> None:
        self._mails: set[str] = set()
        self._domains: set[str] = set()
        self._others: set[str] = set()
        for number, text in enumerate(details, start=1):
            bare = _bare(text)
            if text.startswith("@") and "." in text:
                self._domains.add(text[1:].casefold())
            elif _MAIL.fullmatch(text):
                self._mails.add(text.casefold())
            elif checksums.iban(bare):
                self._others.add(bare)
            elif (phone := _phone(text)) is not None:
                self._others.add(phone)
            else:
                raise ValueError(
                    f"number {number} is no mail address, no @domain, no phone number and no IBAN"
                )

    def has(self, value: str) -> bool:
        """Whether a number or address, without gaps, is the company's."""
        if "@" not in value:
            return value in self._others
        mail = value.casefold()
        return mail in self._mails or mail.partition("@")[2] in self._domains


def find(text: str, kinds: Iterable[str], own: Own) -> list[Found]:
    """Return what personal data a text holds, each thing once."""
    found = [one for kind in kinds for one in _FINDERS[kind](text, own)]
    return list(dict.fromkeys(found))


def sentence(found: list[Found]) -> str:
    """Say what was found, without saying it."""
    parts = [f"{one.what} ({one.hint})" for one in found[:3]]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"the text holds {', '.join(parts)}{more}"


def _bank(text: str, own: Own) -> Iterator[Found]:
    for match in _IBAN.finditer(text):
        bare = _bare(match[0])
        # What follows may have been read as part of it: "DE… BIC COBADE…".
        length = checksums.IBAN_LENGTHS.get(bare[:2], 0)
        if checksums.iban(bare[:length]) and not own.has(bare[:length]):
            yield Found("an account number", _ends(bare[:length]))


def _cards(text: str, own: Own) -> Iterator[Found]:
    for digits in _numbers(text, 14, 19):
        if checksums.card(digits):
            yield Found("the number of a payment card", _ends(digits))


def _official(text: str, own: Own) -> Iterator[Found]:
    for digits in _numbers(text, 11, 11):
        if checksums.tax_id(digits):
            yield Found("a tax number", _ends(digits))
    for match in _INSURANCE.finditer(text):
        if checksums.insurance(_bare(match[0])):
            yield Found("a social insurance number", _ends(match[0]))
    for match in _ID_CARD.finditer(text):
        near = text[max(0, match.start() - _NEAR) : match.end() + _NEAR]
        if checksums.id_card(match[0]) and _ABOUT_CARD.search(near):
            yield Found("the number of an identity card", _ends(match[0]))


def _numbers(text: str, low: int, high: int) -> Iterator[str]:
    """Yield every number of that many digits that whole groups of digits make in a row."""
    for run in _DIGITS.finditer(text):
        groups = re.findall(r"\d+", run[0])
        for first in range(len(groups)):
            digits = ""
            for group in groups[first : first + high]:
                digits += group
                if len(digits) > high:
                    break
                if len(digits) >= low:
                    yield digits


def _mails(text: str, own: Own) -> Iterator[Found]:
    for match in _MAIL.finditer(text):
        mail = _AT.sub("@", match[0])
        if not own.has(mail):
            yield Found("a mail address", f"begins with {mail[0]}")


def _phones(text: str, own: Own) -> Iterator[Found]:
    import phonenumbers  # 25 ms, and most companies never need it

    for match in phonenumbers.PhoneNumberMatcher(text, REGION, max_tries=TRIES):
        kind = phonenumbers.PhoneNumberType.to_string(phonenumbers.number_type(match.number))
        number = _plain(match.number)
        if kind not in NOBODYS and not own.has(number):
            yield Found("a phone number", _ends(number))


_FINDERS: dict[str, Callable[[str, Own], Iterator[Found]]] = {
    "bank": _bank,
    "card": _cards,
    "official": _official,
    "mail": _mails,
    "phone": _phones,
}


def _phone(text: str) -> str | None:
    import phonenumbers

    try:
        number = phonenumbers.parse(text, REGION)
    except phonenumbers.NumberParseException:
        return None
    return _plain(number) if phonenumbers.is_valid_number(number) else None


def _plain(number: Any) -> str:
    import phonenumbers

    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def _bare(text: str) -> str:
    return "".join(c for c in text if c.isalnum()).upper()


def _ends(value: str) -> str:
    return f"ends in {_bare(value)[-2:]}"
