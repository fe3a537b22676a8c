"""Numbers that are written in two ways."""

from __future__ import annotations

import pytest

from gateway.message import Identity
from gateway.numbers import variants


@pytest.mark.parametrize(
    ("number", "others"),
    [
        ("+5511987654321", ["+551187654321"]),  # Brazil: the ninth digit of mobile numbers
        ("+551187654321", ["+5511987654321"]),
        ("+5571991234567", ["+557191234567"]),
        ("+551133334444", []),  # a landline never had one …
        ("+5511933334444", []),  # … and with a 9 before it, it is somebody's mobile
        ("+5501987654321", []),  # no area code begins with 0
        ("+525512345678", ["+5215512345678"]),  # Mexico
        ("+5215512345678", ["+525512345678"]),
        ("+5211234567", []),
        ("+541123456789", ["+5491123456789"]),  # Argentina
        ("+5491123456789", ["+541123456789"]),
        ("+4917139200123", []),  # everywhere else a number is written in one way
        ("+41791234567", []),
        ("+15550002222", []),
    ],
)
def test_other_spellings(number: str, others: list[str]) -> None:
    """The given spelling comes first, and both lead to each other."""
    found = variants(Identity("phone", number))
    assert [one.value for one in found] == [number, *others]
    for other in found[1:]:
        assert set(variants(other)) == set(found)


def test_only_phones_are_spelt() -> None:
    """A user id that looks like a number is none."""
    identity = Identity("user_id", "+5511987654321")
    assert variants(identity) == (identity,)


@pytest.mark.parametrize(("kind", "value"), [("phone", ""), ("user_id", "  "), ("", "DE.1")])
def test_an_empty_identity_is_none(kind: str, value: str) -> None:
    """What two strangers have in common would be nothing."""
    with pytest.raises(ValueError, match="is empty"):
        Identity(kind, value)
