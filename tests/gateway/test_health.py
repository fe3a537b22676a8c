"""What the inputs told is what status shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.fake_services import NOW, FakeClock
from gateway.given import Health
from gateway.health import InputHealth
from gateway.metrics import Metrics
from gateway.store.protocol import micros

START = micros(NOW)
MINUTE = 60_000_000

SILENT = {
    "state": "starting", "last_success": None, "note": "", "trouble": "", "failing_since": None,
    "needs_person": False, "next_at": None,
}  # fmt: skip
OK = Health(note="unchanged", next_at=NOW + timedelta(minutes=15))
BAD = Health(trouble="HTTP 404")
GONE = Health(trouble="HTTP 410", needs_person=True)


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ([], {}),
        ([OK], {"last_success": START, "note": "unchanged", "next_at": START + 15 * MINUTE}),
        ([BAD], {"trouble": "HTTP 404", "failing_since": START}),
        (
            [OK, BAD, GONE],
            {
                "last_success": START, "trouble": "HTTP 410", "needs_person": True,
                "failing_since": START + MINUTE,
            },
        ),
        ([BAD, Health()], {"last_success": START + MINUTE}),
        ([BAD, Health(), BAD],
         {"last_success": START + MINUTE, "trouble": "HTTP 404", "failing_since": START + 2 * MINUTE}),
        # what was before this start
        ([OK.replace(at=NOW - timedelta(minutes=5))],
         {"last_success": START - 5 * MINUTE, "note": "unchanged", "next_at": START + 15 * MINUTE}),
        ([BAD.replace(at=NOW - timedelta(hours=1)), BAD],
         {"trouble": "HTTP 404", "failing_since": START - 60 * MINUTE}),
    ],
)  # fmt: skip
def test_the_latest_is_shown(told: list[Health], shown: dict[str, Any]) -> None:
    """One told each minute: trouble counts from its first report, success ends it."""
    clock = FakeClock()
    health = InputHealth(Metrics(CollectorRegistry()), clock)
    for one in told:
        health.told("blog", one)
        clock.forward(60)
    assert health.live(["blog"]) == {"blog": SILENT | shown}


def test_the_supervisor_is_passed_on() -> None:
    heard: list[tuple[str, str]] = []
    health = InputHealth(
        Metrics(CollectorRegistry()), FakeClock(), lambda *what: heard.append(what)
    )
    health.supervised("blog", "parked")
    assert health.live(["blog"])["blog"]["state"] == "parked"
    assert heard == [("blog", "parked")]
