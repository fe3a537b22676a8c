"""Chaos in small: the promises hold under every kind of fault, and without a guard they do not.

`SEED=…` repeats a run; `make chaos` is the whole campaign.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

import pytest

from tests.chaos import plan
from tests.chaos.__main__ import run
from tests.chaos.report import Report
from tests.chaos.weakened import GUARDS

REVEALED = {
    "intent": {"sent_twice"},
    "conditions": {"sent_after_stop"},
    "in_flight": {"together_in_the_air"},
    "replay": {"sent_twice"},
}
"""Guard → figures that have to be above 0 without it."""


def seed() -> str:
    """The seed of this run."""
    return os.environ.get("SEED") or secrets.token_hex(4)


def judged(chosen: plan.Plan, folder: Path, guard: str | None = None) -> Report:
    """Run a campaign and judge it; what it did is printed."""
    report = run(chosen, folder, guard)
    print(json.dumps(report.document, ensure_ascii=False, indent=1))
    return report


@pytest.mark.timeout(240)
def test_every_promise_holds(tmp_path: Path) -> None:
    """Thousands of deliveries, killed six times, restored once, with every kind of fault: nothing
    is lost, nothing goes twice, nothing after a STOP, and every count is that of the wire."""
    report = judged(plan.small(seed()), tmp_path)
    assert report.broken == (), report.document["details"]
    done, ends = report.document["done"], report.document["ends"]
    assert done["kills"] == 6
    assert done["stops"] >= 20
    assert len(report.document["faults"]) >= 15, "hardly anything went wrong"
    assert ends["read"] >= done["deliveries"] / 2, "most of it has to arrive all the same"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("guard", sorted(GUARDS))
def test_a_missing_guard_is_found(tmp_path: Path, guard: str) -> None:
    """Each of the guards is needed: without it the same judge finds harm, and says which."""
    report = judged(plan.revealing(guard, seed()), tmp_path, guard)
    assert REVEALED[guard] <= set(report.broken)
    assert "trouble" not in report.broken, report.document["details"]["trouble"]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("guard", sorted(GUARDS))
def test_what_reveals_a_guard_is_harmless_with_it(tmp_path: Path, guard: str) -> None:
    """The campaigns above fail for the guard alone."""
    report = judged(plan.revealing(guard, seed()), tmp_path)
    assert report.broken == (), report.document["details"]
