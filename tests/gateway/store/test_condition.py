"""What a store still takes, by what ails it."""

from __future__ import annotations

import pytest

from gateway.errors import Ailment, StoreFault
from gateway.store.condition import Condition, Work
from gateway.store.lanes import Lane


def of(ailment: Ailment, *, tight: bool = False) -> Condition:
    condition = Condition()
    condition.met(StoreFault(ailment, "why"))
    condition.tight = tight
    return condition


@pytest.mark.parametrize(
    ("condition", "taken"),
    [
        (Condition(), {Work.ENDS, Work.HEARD, Work.NEW}),
        (of("full"), {Work.ENDS, Work.HEARD}),
        (of("full", tight=True), {Work.ENDS}),
        (of("readonly"), {Work.ENDS, Work.HEARD}),
        (of("locked"), {Work.ENDS, Work.HEARD}),
        (of("failing"), {Work.ENDS, Work.HEARD}),
        (of("damaged"), {Work.ENDS}),
    ],
)
def test_what_is_taken(condition: Condition, taken: set[Work]) -> None:
    refusals = {work: condition.refusal(work) for work in Work}
    assert {work for work, refusal in refusals.items() if refusal is None} == taken
    for refusal in filter(None, refusals.values()):
        assert (refusal.ailment, str(refusal)) == (condition.ailment, "why")
        assert refusal is not condition.fault, "each caller gets one of its own"


@pytest.mark.parametrize(
    ("ailment", "lifted"),
    [("full", False), ("readonly", True), ("locked", True), ("failing", True), ("damaged", False)],
)
def test_what_a_write_lifts(ailment: Ailment, lifted: bool) -> None:
    condition = of(ailment)
    assert condition.since > 0
    condition.wrote()
    assert (condition.ailment is None) is lifted
    assert (condition.since == 0) is lifted


def test_damage_is_not_hidden_by_what_comes_later() -> None:
    condition = of("damaged")
    for other in ("full", "locked"):
        condition.met(StoreFault(other, "later"))
    assert condition.ailment == "damaged"
    condition = of("full")
    condition.met(StoreFault("damaged", "worse"))
    assert condition.ailment == "damaged"


def test_what_the_lanes_are_good_for() -> None:
    """Settling and withdrawing always; webhooks while there is room; the rest is new."""
    assert {lane.name: lane.work for lane in Lane} == {
        "SEND": Work.ENDS, "WEBHOOK": Work.HEARD, "ACCEPT": Work.NEW, "BULK": Work.NEW,
    }  # fmt: skip
