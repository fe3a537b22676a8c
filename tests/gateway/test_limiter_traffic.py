"""Whatever traffic, delays and give-backs do, no limit breaks and nobody waits in vain."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.limiter import Grant, Limiter, Wait
from gateway.rates import HEADROOM
from gateway.verdicts import Closed, Limit, Quota, Rate
from tests.gateway.wires import START, TINY, keeps

KEYS = st.sampled_from(["a", "b"])
LIMITS = st.one_of(
    st.builds(Rate, KEYS, st.sampled_from([1.0, 1.5, 2.0, 3.3, 10.0, 80.0]), st.integers(1, 12)),
    st.builds(Rate, KEYS, st.sampled_from([0.9, 0.5, 1 / 6]), st.integers(1, 5)),
    st.builds(Quota, KEYS, st.integers(1, 6), st.sampled_from([0.7, 5.0, 60.0])),
    st.builds(Quota, KEYS, st.integers(1, 3), st.sampled_from([0.7, 5.0]), st.just("")),
    st.builds(Closed, st.just(datetime.fromtimestamp(START + 101, UTC)), st.just("night")),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.001, 0.01, 0.1, 0.5, 2.0, 7.0]),  # pause before
        st.sampled_from([0.0, 0.0, 0.005, 0.3, 1.2]),  # grant to first byte
        st.sampled_from([False, False, False, True]),  # given back instead
        st.sampled_from(["anna", "ben", "cem", "dora"]),
    ),
    max_size=60,
)


def of(limits: list[Limit], who: str) -> list[Limit]:
    return [
        Quota(x.key, x.n, x.window, who) if isinstance(x, Quota) and x.distinct is not None else x
        for x in limits
    ]


class Traffic:
    """Drives a limiter: grants, first bytes that come later, give-backs."""

    def __init__(self, limits: list[Limit]) -> None:
        self.limits = limits
        self.limiter = Limiter(0.0)
        self.now = 100.0
        self.sent: list[tuple[float, str]] = []
        self.flying: list[tuple[float, bool, str, Grant]] = []
        self.given_back = 0

    def go_to(self, now: float) -> None:
        self.now = now
        for landing in sorted(self.flying, key=lambda f: f[0]):
            at, back, who, grant = landing
            if at <= now:
                self.flying.remove(landing)
                if back:
                    grant.give_back()
                    self.given_back += 1
                else:
                    grant.sent(at)
                    self.sent.append((at, who))

    def ask(self, who: str) -> Grant | Wait:
        number = f"d{len(self.sent) + len(self.flying)}"
        return self.limiter.take(of(self.limits, who), self.now, START + self.now, number)


@settings(max_examples=300, deadline=None)
@given(st.lists(LIMITS, min_size=1, max_size=4), STEPS)
def test_no_traffic_breaks_a_limit(
    limits: list[Limit], steps: list[tuple[float, float, bool, str]]
) -> None:
    """At the first bytes every limit holds, for any delays and give-backs, and the wait that is
    named is long enough and not longer than it must be."""
    traffic = Traffic(limits)
    for pause, delay, back, who in steps:
        traffic.go_to(traffic.now + pause)
        answer = traffic.ask(who)
        if isinstance(answer, Wait):
            assert traffic.ask(who) == answer, "a refusal changes nothing"
            alone = not traffic.flying and not traffic.given_back
            if alone and answer.until < traffic.now + 100:
                early = traffic.now + (answer.until - traffic.now) * (1 - 2 * HEADROOM) - 2 * TINY
                if early > traffic.now:
                    named = [
                        x for x in of(limits, who) if getattr(x, "key", "closed") == answer.key
                    ]
                    assert isinstance(traffic.limiter.take(named, early, START + early), Wait)
                traffic.go_to(answer.until)
                answer = traffic.ask(who)
                assert isinstance(answer, Grant), "the wait was not enough"
        if isinstance(answer, Grant):
            traffic.flying.append((traffic.now + delay, back, who, answer))
    traffic.go_to(traffic.now + 10)
    for limit in limits:
        assert keeps(limit, traffic.sent), limit
