"""What the limiter answers to those who only ask, and what counts without having asked."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.limiter import Limiter
from gateway.verdicts import Closed, Limit, Quota, Rate
from tests.gateway.test_limiter import burst, refused, taken
from tests.gateway.wires import START


@pytest.mark.parametrize(("fast", "burst_", "came"), [(10.0, 10, 4), (10.0, 10, 30), (0.5, 6, 2)])
def test_what_comes_in_counts_too(fast: float, burst_: int, came: int) -> None:
    """A provider that counts both directions is not asked for more than is left."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Rate("sender:main", fast, burst_)]
    taken(limiter, limits, 900.0).sent(900.0)
    limiter.count("sender:main", came, 1000.0, START + 1000.0)
    assert burst(limiter, limits, 1000.0) == max(0, burst_ - came)


def test_what_comes_in_before_anything_went_counts() -> None:
    """The key is not known then; what it could have let through counts as gone."""
    limiter = Limiter(0.0)
    limiter.count("sender:main", 1, 1000.0, START + 1000.0)
    assert burst(limiter, [Rate("sender:main", 10.0, 10)], 1000.0) == 0
    assert burst(limiter, [Rate("sender:main", 10.0, 10)], 1003.0) == 10


def test_when_names_all_that_hold_and_takes_nothing() -> None:
    """The latest first, each with its words; as often as somebody asks."""
    limiter = Limiter(0.0)
    until = datetime.fromtimestamp(START + 1000 + 3600, UTC)
    limits: list[Limit] = [
        Rate("fast", 1, words="one a second"),
        Quota("cap", 1, 500.0, words="one in 500 s"),
        Quota("tier", 1, 700.0, distinct="ben", words="one person in 700 s"),
        Quota("first", 1, 60.0, once=True, words="the first"),
        Quota("free", 5, 60.0),
    ]
    other = [*limits[:2], Quota("tier", 1, 700.0, distinct="anna"), *limits[3:]]
    assert limiter.when(limits, 1000.0, START + 1000.0) == []
    taken(limiter, other, 1000.0).sent(1000.0)
    for _ in range(3):
        found = limiter.when([*limits, Closed(until, "quiet")], 1000.5, START + 1000.5, 5)
        assert [(one.reason, round(one.until - 1000)) for one in found] == [
            ("quiet", 3600), ("one person in 700 s", 700), ("one in 500 s", 500),
            ("the first", 60), ("one a second", 1),
        ]  # fmt: skip
    assert [one.fixed for one in found] == [True, False, True, True, False]


def test_quotas_of_one_key_count_once_after_a_restart() -> None:
    """Two a day and five a week: one send is one use of each, before and after."""
    limits: list[Limit] = [Quota("p", 2, 86_400.0), Quota("p", 5, 7 * 86_400.0)]
    first = Limiter(0.0)
    grant = taken(first, limits, 1000.0)
    grant.sent(1000.0)
    assert len(grant.uses) == 1
    second = Limiter(2000.0, grant.uses)
    assert burst(second, limits, 2000.0) == 1


def test_a_kind_tells_nobody_s_id() -> None:
    """It becomes a label of a metric."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Rate("pair:main:4711", 0.1)]
    taken(limiter, limits, 1000.0).sent(1000.0)
    assert refused(limiter, limits, 1000.0).kind == "pair"
