"""Numbers: which other spelling means the same phone, and which country they belong to.

WhatsApp knows some phones by another number than people write (Meta, "Send messages": `wa_id` may
differ from what was sent to): Brazil with or without the ninth digit before a mobile number,
Mexico +52 and +521, Argentina +54 and +549.
"""

from __future__ import annotations

import re
from functools import lru_cache

from gateway.message import Identity

SPELLINGS = (
    # Landlines begin with 2 to 5, and never had a ninth digit: they stay as they are.
    (re.compile(r"\+55([1-9][1-9])9?([6-9]\d{7})"), (r"+55\g<1>9\g<2>", r"+55\1\2")),
    (re.compile(r"\+521?([2-9]\d{9})"), (r"+52\1", r"+521\1")),
    (re.compile(r"\+549?([1-8]\d{9})"), (r"+54\1", r"+549\1")),
)


def digits(number: str) -> str:
    """Return the digits of a number, however it is written."""
    return "".join(one for one in number if one.isdecimal())


def variants(identity: Identity) -> tuple[Identity, ...]:
    """Return an identity and all others that mean the same phone, the given one first."""
    if identity.kind != "phone":
        return (identity,)
    for number, spellings in SPELLINGS:
        found = number.fullmatch(identity.value)
        if found:
            others = (Identity("phone", found.expand(spelling)) for spelling in spellings)
            return (identity, *(other for other in others if other != identity))
    return (identity,)


def countries(identity: Identity) -> tuple[str, ...]:
    """Return the countries (ISO 3166) that a phone number or a user id (`DE.…`) belongs to.

    Some share a calling code (+1, +7, +44): then all of them, the largest first.  Empty if that
    cannot be told.
    """
    if identity.kind == "phone" and identity.value.startswith("+"):
        return _by_calling_code(identity.value[1:4])
    country, dot, _ = identity.value.partition(".")
    if identity.kind == "user_id" and dot and re.fullmatch(r"[A-Z]{2}", country):
        return (country,)
    return ()


@lru_cache(maxsize=1024)
def _by_calling_code(digits: str) -> tuple[str, ...]:
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE as REGIONS  # 23 ms, and few need it

    for length in (3, 2, 1):
        if digits[:length].isdecimal() and int(digits[:length]) in REGIONS:
            return tuple(one for one in REGIONS[int(digits[:length])] if one != "001")
    return ()
