"""Limits hold at the first byte on the wire, whatever traffic, delays and give-backs do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway import quotas
from gateway.limiter import IDLE, Grant, Limiter, Wait
from gateway.rates import HEADROOM
from gateway.store.protocol import QuotaUse
from gateway.verdicts import Closed, Limit, Quota, Rate
from tests.gateway.wires import START, TINY, keeps


def taken(limiter: Limiter, limits: list[Limit], now: float, who: str = "d1") -> Grant:
    answer = limiter.take(limits, now, START + now, who)
    assert isinstance(answer, Grant), answer
    return answer


def refused(limiter: Limiter, limits: list[Limit], now: float, who: str = "d1") -> Wait:
    answer = limiter.take(limits, now, START + now, who)
    assert isinstance(answer, Wait)
    return answer


def burst(limiter: Limiter, limits: list[Limit], now: float, most: int = 1000) -> int:
    """Send at one moment until a limit says no; return how many went."""
    for n in range(most):
        answer = limiter.take(limits, now, START + now, f"at {now}: {n}")
        if isinstance(answer, Wait):
            return n
        answer.sent(now)
    return most


@pytest.mark.parametrize(
    ("limits", "at_once", "then"),
    [
        ([Rate("k", 80)], 1, 1 / 80),
        ([Rate("k", 80, 3)], 3, 1 / 80),
        ([Rate("k", 2.5, 9)], 3, 3 / 2.5),
        ([Rate("k", 1, 9)], 1, 1.0),
        ([Rate("k", 0.5, 1)], 1, 2.0),
        ([Rate("k", 0.5, 4)], 4, 2.0),
        ([Rate("k", 1 / 6, 45)], 45, 6.0),
        ([Quota("k", 5, 3600.0)], 5, 3600.0),
        ([Quota("k", 5, 3600.0, distinct="anna")], 1000, None),
        ([Quota("k", 0, 3600.0)], 0, 3600.0),
        ([Rate("k", 80, 10), Rate("k", 0.5, 4)], 4, 2.0),
        ([Rate("k", 80, 10), Quota("q", 2, 60.0)], 2, 60.0),
        ([Rate("k", 80, 3), Rate("k", 80, 3)], 3, 1 / 80),
        ([Quota("k", 4, 60.0), Quota("k", 4, 60.0)], 4, 60.0),
        ([Quota("k", 2, 60.0), Quota("k", 3, 600.0)], 2, 60.0),
        ([], 1000, None),
    ],
)
def test_so_many_go_at_once_and_the_next_after_so_long(
    limits: list[Limit], at_once: int, then: float | None
) -> None:
    """A limiter that nobody used for long lets the burst through, and then paces."""
    limiter = Limiter(0.0)
    assert burst(limiter, limits, 10_000.0) == at_once
    if then is not None:
        wait = refused(limiter, limits, 10_000.0)
        assert wait.until - 10_000.0 == pytest.approx(then, rel=HEADROOM * 2)


def test_closed_waits_for_its_time_with_its_reason() -> None:
    """Closed names when and why, and ends at its time."""
    limiter = Limiter(0.0)
    until = datetime.fromtimestamp(START + 3600, UTC)
    limits: list[Limit] = [Rate("k", 1), Closed(until, "quiet until eight")]
    wait = refused(limiter, limits, 0.0)
    assert (wait.key, wait.reason) == ("closed", "quiet until eight")
    assert wait.until == pytest.approx(3600.0)
    taken(limiter, limits, wait.until)


def test_the_latest_limit_is_the_one_that_is_named() -> None:
    """Of several limits that say no, the one that lasts longest is the answer."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Rate("fast", 1), Quota("slow", 1, 500.0), Rate("middle", 0.1)]
    taken(limiter, limits, 1000.0).sent(1000.0)
    wait = refused(limiter, limits, 1000.0)
    assert (wait.key, wait.reason) == ("slow", "1 per 500 s")


def test_quotas_of_one_key_and_different_windows_do_not_forget_for_each_other() -> None:
    """A short window that is over leaves the uses of a long one alone."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Quota("k", 2, 60.0), Quota("k", 3, 600.0)]
    for now in (0.0, 1.0, 70.0):
        taken(limiter, limits, now).sent(now)
    assert refused(limiter, limits, 140.0).until == pytest.approx(600.0, abs=1e-3)


def test_a_subject_that_comes_again_counts_from_its_last_time() -> None:
    """Distinct counts who was reached inside the window, also if for the second time."""
    limiter = Limiter(0.0)

    def tier(who: str) -> list[Limit]:
        return [Quota("tier", 1, 100.0, distinct=who)]

    taken(limiter, tier("anna"), 0.0).sent(0.0)
    taken(limiter, tier("anna"), 90.0).sent(90.0)
    assert refused(limiter, tier("ben"), 95.0).until == pytest.approx(190.0, abs=1e-3)
    wait = refused(limiter, tier("ben"), 101.0)
    assert wait.until == pytest.approx(190.0, abs=1e-3)
    assert taken(limiter, tier("ben"), wait.until).uses[0].subject == "ben"


def test_a_quota_counts_from_the_first_byte() -> None:
    """A send whose connection took long fills its place for longer."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Quota("k", 1, 10.0)]
    taken(limiter, limits, 0.0).sent(5.0)
    assert refused(limiter, limits, 12.0).until == pytest.approx(15.0, abs=1e-3)


def test_a_quota_that_only_the_air_fills_is_asked_again_soon() -> None:
    """What is in the air may come back, so nobody is sent away for a day because of it."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Quota("k", 1, 86_400.0)]
    grant = taken(limiter, limits, 0.0)
    assert refused(limiter, limits, 0.0).until <= quotas.MOMENT + TINY
    grant.give_back()
    taken(limiter, limits, 1.0)


@pytest.mark.parametrize(("fastest", "most"), [(50.0, 50), (0.5, 1)])
def test_a_key_that_changes_its_rate_starts_no_new_window(fastest: float, most: int) -> None:
    """A plugin that varies the rate of a key cannot send a second helping."""
    limiter = Limiter(0.0)
    sent = 0
    for step in range(100):
        limits: list[Limit] = [Rate("k", fastest * (1 - step / 500), most)]
        sent += burst(limiter, limits, 100.0 + step / 1000)
    assert sent == most


def test_what_went_at_a_slow_rate_counts_for_a_fast_one() -> None:
    """A key has one history, whatever rates are declared for it."""
    limiter = Limiter(0.0)
    assert burst(limiter, [Rate("k", 0.5, 5)], 100.0) == 5
    assert burst(limiter, [Rate("k", 5, 5)], 100.0) == 0


def test_a_use_is_over_exactly_when_its_window_is() -> None:
    """At that moment it makes room for one, not for two."""
    limiter = Limiter(0.0)
    anna, ben = ([Quota("tier", 1, 5.0, distinct=who)] for who in ("anna", "ben"))
    taken(limiter, anna, 1.0).sent(1.0)
    taken(limiter, ben, 6.0).sent(6.0)
    refused(limiter, anna, 6.0)


def test_a_key_that_still_counts_is_not_forgotten() -> None:
    """However many keys come after it, a limit that is used up stays so."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Rate("k", 0.01), Quota("q", 1, 60.0)]
    taken(limiter, limits, 1000.0).sent(1000.0)
    for other in range(2 * IDLE):
        more: list[Limit] = [Rate(f"k{other}", 1), Quota(f"q{other}", 1, 1.0)]
        taken(limiter, more, 1000.0 + other / 1000).sent(1000.0 + other / 1000)
    refused(limiter, limits[:1], 1010.0)
    refused(limiter, limits[1:], 1010.0)


def test_a_slow_rate_counts_at_the_first_byte() -> None:
    """A send whose connection took long pushes the next one back by as much."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Rate("k", 0.1)]
    slow = taken(limiter, limits, 100.0)
    assert refused(limiter, limits, 109.0).until == pytest.approx(119.0, abs=0.1)
    slow.sent(108.0)
    assert refused(limiter, limits, 109.0).until == pytest.approx(118.0, abs=0.1)


@pytest.mark.parametrize("end", ["sent", "give_back"])
def test_a_grant_ends_once(end: str) -> None:
    """Giving back after the first byte changes nothing, nor does a second report."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Rate("k", 1), Rate("slow", 0.1), Quota("q", 1, 60.0)]
    grant = taken(limiter, limits, 100.0)
    grant.sent(100.0) if end == "sent" else grant.give_back()
    grant.give_back()
    grant.sent(100.0)
    answer = limiter.take(limits, 100.0, START + 100.0)
    assert isinstance(answer, Wait if end == "sent" else Grant)


@pytest.mark.parametrize(
    "limits",
    [
        [Rate("k", 20, 20)],
        [Rate("k", 1.5)],
        [Rate("k", 0.2, 3)],
        [Quota("q", 7, 60.0)],
        [Rate("k", 20, 5), Quota("q", 7, 60.0)],
    ],
)
@pytest.mark.parametrize("born", [996.0, 1000.0])
def test_after_a_restart_the_past_still_counts(limits: list[Limit], born: float) -> None:
    """Whatever the predecessor sent up to its last moment, both together keep the limit."""
    first = Limiter(0.0)
    sent = []
    uses: list[QuotaUse] = []
    for step in range(int((born - 950.0) * 8)):
        now = 950.0 + step / 8
        answer = first.take(limits, now, START + now, str(step))
        if isinstance(answer, Grant):
            answer.sent(now)
            sent.append(now)
            uses.extend(answer.uses)
    second = Limiter(born, [use for use in uses if use.until > (START + born) * 1e6])
    for step in range(400):
        now = born + step / 20
        answer = second.take(limits, now, START + now, f"second {step}")
        if isinstance(answer, Grant):
            answer.sent(now)
            sent.append(now)
    assert sent[-1] >= born
    for limit in limits:
        assert keeps(limit, [(at, "") for at in sent])


def test_after_a_restart_a_slow_rate_has_the_credit_that_is_left() -> None:
    """One message to a person just before costs one of the burst, not all of it."""
    limits: list[Limit] = [Rate("k", 1 / 6, 45)]
    first = Limiter(0.0)
    grant = taken(first, limits, 995.0)
    grant.sent(995.0)
    assert burst(Limiter(1000.0, grant.uses), limits, 1000.0) == 44
    assert burst(Limiter(1000.0), limits, 1000.0) == 45
    assert burst(Limiter(50_000.0, grant.uses * 100), limits, 50_000.0) == 45


def test_a_saturated_rate_is_used_almost_fully() -> None:
    """80 per second and 5 ms from grant to first byte: at least 97.5 % of 80 go out."""
    limiter = Limiter(0.0)
    limits: list[Limit] = [Rate("k", 80, 3)]
    now, sent = 100.0, []
    flying: list[tuple[float, Grant]] = []
    while now < 160.0:
        while flying and flying[0][0] <= now:
            at, grant = flying.pop(0)
            grant.sent(at)
            sent.append(at)
        answer = limiter.take(limits, now, START + now)
        if isinstance(answer, Grant):
            flying.append((now + 0.005, answer))
        else:
            now = min(answer.until, flying[0][0] if flying else answer.until)
    assert len(sent) / 60 >= 0.975 * 80
    assert keeps(limits[0], [(at, "") for at in sent])


def test_a_hundred_thousand_keys_do_not_stay() -> None:
    """Keys that are full again are forgotten, so that each contact may have its own."""
    limiter = Limiter(0.0)
    now, most = 10_000.0, 0
    for contact in range(100_000):
        now += 1 / 80
        limits: list[Limit] = [
            Rate(f"pair:{contact}", 1 / 6, 45),
            Quota(f"week:{contact}", 3, 20.0),
        ]
        taken(limiter, limits, now).sent(now)
        most = max(most, len(limiter._keys), len(limiter._quotas))
    assert most <= IDLE
