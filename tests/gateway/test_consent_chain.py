"""The hashes of the chain: proofs are checked outside, so the formula never changes."""

from __future__ import annotations

import hashlib

import pytest

from gateway.consent_chain import BEGINNING, COLUMNS, Row, commit_to, row_digest

ROW = Row(
    number=7, at=1_700_000_000_000_000, recorded_at=1_700_000_001_000_000, contact=42, topic="blog",
    name="confirmed", source="message to main", commitment=commit_to(b"salt", '{"words":"Ja"}'),
    previous=BEGINNING, hash=b"", format=2, sender="main", wording=bytes(range(32)), request=5,
)  # fmt: skip
COMMITMENT = hashlib.sha256(b'salt{"words":"Ja"}').hexdigest()


def test_the_format_that_is_written() -> None:
    """SHA-256 over the previous hash and a JSON list, spelled out here byte by byte."""
    written = (
        '[2,7,1700000000000000,1700000001000000,42,"blog","confirmed","message to main",'
        f'"{COMMITMENT}","main","{bytes(range(32)).hex()}",5]'
    )
    assert row_digest(ROW) == hashlib.sha256(BEGINNING + written.encode()).digest()


def test_the_first_format_still_verifies() -> None:
    """Rows of the first release, which had neither sender nor wording nor request."""
    written = (
        '[7,1700000000000000,1700000001000000,42,"blog","confirmed","message to main",'
        f'"{COMMITMENT}"]'
    )
    assert (
        row_digest(ROW._replace(format=1)) == hashlib.sha256(BEGINNING + written.encode()).digest()
    )


def test_a_later_format_is_told() -> None:
    """A row that a later version wrote is not called forged."""
    with pytest.raises(ValueError, match="later version"):
        row_digest(ROW._replace(format=3))


@pytest.mark.parametrize("column", [c for c in Row._fields if c not in ("hash", "format")])
def test_every_column_is_covered(column: str) -> None:
    """Changing any column changes the hash."""
    value = getattr(ROW, column)
    other = value + (b"x" if isinstance(value, bytes) else "x" if isinstance(value, str) else 1)
    assert row_digest(ROW._replace(**{column: other})) != row_digest(ROW)


def test_the_columns_are_those_of_the_table() -> None:
    """In the order of Row."""
    assert len(COLUMNS.split(",")) == len(Row._fields)
