"""Numbers that prove themselves: accounts, cards, and what German offices give out.

ISO 13616 (IBAN), ISO/IEC 7812 (cards), ISO 7064 MOD 11,10 (tax id, § 139b AO), VKVV § 4 (social
insurance), ICAO 9303 (identity card and passport).
"""

from __future__ import annotations

from collections import Counter

# Length by country: SWIFT, "IBAN Registry".
IBAN_LENGTHS = {
    country: int(length)
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FK FO GL NL SD", 19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK", 21: "CH CR HN HR LI LV", 22: "BG BH DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG YE", 25: "LY PT ST",
        26: "IS TR", 27: "BI DJ FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA", 30: "JO KW MU", 31: "MT SC", 32: "LC", 33: "RU",
    }.items()
    for country in countries.split()
}  # fmt: skip

# First digits and lengths of payment cards.
_CARDS = (
    ((4, 4), (16, 19)),  # Visa
    ((51, 55), (16,)),  # Mastercard
    ((2221, 2720), (16,)),
    ((34, 34), (15,)),  # American Express
    ((37, 37), (15,)),
    ((300, 305), (14,)),  # Diners
    ((36, 36), (14,)),
    ((38, 39), (14,)),
    ((6011, 6011), (16,)),  # Discover
    ((644, 659), (16,)),
    ((3528, 3589), (16,)),  # JCB
    ((5018, 5018), (16, 19)),  # Maestro
    ((6304, 6304), (16, 19)),
    ((6759, 6763), (16, 19)),
)
_INSURANCE = (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)


def iban(text: str) -> bool:
    """Whether letters and digits without gaps are an account number."""
    country = text[:2]
    if IBAN_LENGTHS.get(country) != len(text) or not text[2:4].isdecimal():
        return False
    return int("".join(str(int(c, 36)) for c in text[4:] + text[:4])) % 97 == 1


def card(digits: str) -> bool:
    """Whether digits without gaps are the number of a payment card."""
    if not any(
        low <= int(digits[: len(str(low))]) <= high and len(digits) in lengths
        for (low, high), lengths in _CARDS
    ):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        n = int(digit) * (1 + place % 2)
        total += n - 9 if n > 9 else n
    return total % 10 == 0


def tax_id(digits: str) -> bool:
    """Whether 11 digits are a German tax identification number."""
    if len(digits) != 11 or digits[0] == "0":
        return False
    # Of the first ten, one digit stands there twice or thrice, never three in a row.
    times = sorted(Counter(digits[:10]).values(), reverse=True)
    if times[0] not in (2, 3) or times[1] != 1 or any(d * 3 in digits[:10] for d in set(digits)):
        return False
    product = 10
    for digit in digits[:10]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(digits[10])


def insurance(text: str) -> bool:
    """Whether 12 characters are a German social insurance number: area, birthday, letter, …"""
    day, month = int(text[2:4]), int(text[4:6])
    if not (1 <= day <= 31 or 51 <= day <= 81) or not 1 <= month <= 12:
        return False
    letter = f"{ord(text[8]) - ord('A') + 1:02d}"
    digits = text[:8] + letter + text[9:11]
    total = 0
    for digit, weight in zip(digits, _INSURANCE, strict=True):
        total += sum(divmod(int(digit) * weight, 10))
    return total % 10 == int(text[11])


def id_card(text: str) -> bool:
    """Whether nine characters and a digit are the number of a German identity card or passport."""
    total = sum(int(c, 36) * (7, 3, 1)[place % 3] for place, c in enumerate(text[:9]))
    return total % 10 == int(text[9])
