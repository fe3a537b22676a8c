"""Values as people write them in settings: durations, phone numbers, words."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache

_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w))", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*(B|KB|MB|GB)", re.IGNORECASE)
_BYTES = {"B": 1, "KB": 1 << 10, "MB": 1 << 20, "GB": 1 << 30}
_TWO_DIGITS = re.compile(r"2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]")  # countries
_BSUID = re.compile(r"([A-Z]{2}\.)(?:ENT\.)?\w+")


class Duration(float):
    """Seconds.  In settings: a number, or text such as `90s`, `15min`, `2h`, `1h 30min`, `7d`."""

    @classmethod
    def parse(cls, value: object) -> Duration:
        """Read a duration.  Raises ValueError with a sentence."""
        if isinstance(value, bool):
            raise ValueError("a duration cannot be true or false")
        if isinstance(value, int | float):
            if not 0 <= value < 10**9:
                raise ValueError(f"{value} is no duration in seconds")
            return cls(value)
        if not isinstance(value, str):
            raise ValueError('a duration is a number of seconds or text such as "2h"')
        text = value.strip()
        parts = _DURATION.findall(text)
        if not parts or _DURATION.sub("", text).strip():
            raise ValueError(
                f'cannot read the duration {value!r}; write "90s", "15min", "2h" or "7d"'
            )
        seconds = sum(float(number) * _SECONDS[unit.lower()] for number, unit in parts)
        if seconds >= 10**9:
            raise ValueError(f"the duration {value!r} is too long")
        return cls(seconds)

    def __str__(self) -> str:
        rest = round(self * 1000)
        words = []
        for unit in ("d", "h", "min", "s", "ms"):
            count, rest = divmod(rest, round(_SECONDS[unit] * 1000))
            if count:
                words.append(f"{count}{unit}")
        return " ".join(words) or "0s"


class Size(int):
    """Bytes.  In settings: a number, or text such as `512KB`, `64MB`, `2GB`."""

    @classmethod
    def parse(cls, value: object) -> Size:
        """Read a size.  Raises ValueError with a sentence."""
        if isinstance(value, str):
            found = _SIZE.fullmatch(value.strip())
            if found is None:
                raise ValueError(f'cannot read the size {value!r}; write "512KB", "64MB" or "2GB"')
            value = int(float(found[1]) * _BYTES[found[2].upper()])
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 50:
            raise ValueError('a size is a number of bytes or text such as "64MB"')
        return cls(value)

    def __str__(self) -> str:
        for unit, n in reversed(_BYTES.items()):
            if self and not self % n:
                return f"{self // n}{unit}"
        return "0B"


class PhoneNumberError(ValueError):
    """Text that is no valid phone number.  The text itself is not in the message."""


def phone(text: str, region: str = "DE") -> str:
    """Return a number in E.164 with `+`.  `region` is used for national spelling.

    Raises PhoneNumberError, also for digits that could be a national number and an international
    one without its `+`, and for letters: read the wrong way, they are somebody else's.
    """
    import phonenumbers  # 23 ms, and most commands need none of it

    plain = unicodedata.normalize("NFKC", text).strip().removeprefix("tel:")
    if any(c.isalpha() for c in plain):  # the library reads them as the keys of a telephone
        raise PhoneNumberError("holds letters; write it as +49 171 …")
    try:
        number = phonenumbers.parse(plain, region)
    except phonenumbers.NumberParseException:
        raise PhoneNumberError("not a phone number; write it as +49 171 …") from None
    if not phonenumbers.is_valid_number(number):
        raise PhoneNumberError("no valid phone number; write it as +49 171 …")
    digits = "".join(c for c in plain if c.isdigit())
    if "+" not in plain and not digits.startswith("0"):
        with suppress(phonenumbers.NumberParseException):
            if phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}", None)):
                raise PhoneNumberError("could be two numbers; write it with + and country code")
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def mask_phone(value: str) -> str:
    """`+4917139200033` becomes `+49 171 *** 033`, `DE.13481234` becomes `DE.*** 234`.

    What is too short to keep something hidden that way becomes `***`.
    """
    user = _BSUID.fullmatch(value)
    if user:
        return f"{user[1]}*** {value[-3:]}"
    digits = re.sub(r"\D", "", value)
    if value.lstrip().startswith("00"):
        digits = digits[2:]
    elif value.lstrip(" (").startswith("0"):  # national: whose country it is, nobody knows
        return "***"
    code = 1 if digits[:1] in {"1", "7"} else 2 if _TWO_DIGITS.match(digits) else 3
    if len(digits) < code + 9:
        return "***"
    return f"+{digits[:code]} {digits[code : code + 3]} *** {digits[-3:]}"


def said(text: str) -> str:
    """Reduce a message to what was said: lower case, no marks, punctuation, emoji, outer space.

    `said(" STOP! 🙏")` is `stop`; used to compare with stop words.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(
        c if unicodedata.category(c)[0] in "LN" else " "
        for c in folded
        if unicodedata.category(c) != "Cf" and unicodedata.category(c)[0] != "M"
    )
    return " ".join(kept.split())


def says(text: str, words: Iterable[str], *, whole: bool = False) -> bool:
    """Return whether a text contains one of the words (or, with `whole`, is nothing else).

    Case, punctuation and emoji aside, whole words only: `says("Antworte STOP!", ["stop"])`.
    """
    heard = said(text)
    meant = filter(None, map(_word, words))
    if whole:
        return heard in meant
    padded = f" {heard} "
    return any(f" {word} " in padded for word in meant)


@lru_cache(maxsize=1024)
def _word(word: str) -> str:
    """A word of the settings as `said` reduces it; what people write is not remembered."""
    return said(word)
