"""Dates as blogs write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from gateway_plugins.inputs.feed.dates import when


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Tue, 03 Nov 2026 10:00:00 CET", "2026-11-03T09:00"),
        ("Tue, 03 Nov 2026 10:00:00 MEZ", "2026-11-03T09:00"),
        ("Mon, 03 Aug 2026 10:00:00 MESZ", "2026-08-03T08:00"),
        ("Di, 03 Nov 2026 10:00:00 +0100", "2026-11-03T09:00"),
        ("Mo, 05 Okt 2026 10:00:00 GMT", "2026-10-05T10:00"),
        ("Do, 05 März 2026 10:00:00 GMT", "2026-03-05T10:00"),
        ("03.11.2026 10:00", "2026-11-03T10:00"),
        ("3.11.2026", "2026-11-03T00:00"),
        ("30 Feb 2026 10:00:00 GMT", None),
        ("30.02.2026", None),
        ("Thu, 01 Jan 1970 00:00:00 GMT", None),
        ("gestern", None),
        ("", None),
        ("9" * 5000, None),
    ],
)
def test_when(written: str, expected: str | None) -> None:
    micros = when(written, None)
    if expected is None:
        assert micros is None
    else:
        moment = datetime.fromisoformat(expected).replace(tzinfo=UTC)
        assert micros == moment.timestamp() * 1_000_000


def test_feedparsers_reading_counts_unless_the_zone_is_german() -> None:
    parsed = time.gmtime(1_795_255_200)
    assert when("whatever it read", parsed) == 1_795_255_200_000_000
    german = "Sat, 21 Nov 2026 10:00:00 CET"  # read as UTC by feedparser
    assert when(german, parsed) == 1_795_251_600_000_000
