"""For random traffic and limits no limit is ever passed, and nobody waits longer than it must."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.verdicts import Closed, Limit, Quota, Rate
from tests.gateway.schedule import BACK, SLOWEST, Coming, Sent, World, binds
from tests.gateway.wires import START, TINY, keeps

END = 20_000.0
# What docs/operations.md promises, in seconds: written here again, so that it cannot drift.
MOMENT = 1.0  # until one asks again that waited for what was in the air
LOOK_AGAIN = 60.0  # until one in line does, and LATE until an absent one is passed over
LATE = 5.0
FLIGHT = 5.0  # by which a stored use may come later than its first byte
LONGEST_SPAN = 2.01  # of the log of a rate, which begins full
PEOPLE = [f"p{n}" for n in range(8)]
RATES = st.one_of(
    st.builds(Rate, st.just("r"), st.sampled_from([1.0, 1.5, 3.3, 10.0, 80.0]), st.integers(1, 9)),
    st.builds(Rate, st.just("s"), st.sampled_from([0.9, 0.25, 1 / 6]), st.integers(1, 5)),
)
QUOTAS = st.one_of(
    st.builds(Quota, st.just("q"), st.integers(1, 6), st.sampled_from([5.0, 60.0, 300.0])),
    st.builds(Quota, st.just("two"), st.integers(1, 3), st.sampled_from([20.0, 100.0])),
    st.just(Quota("once", 3, 90.0, once=True)),
)
PLACES = st.builds(Quota, st.just("tier"), st.integers(1, 6), st.just(700.0), st.just(""))
NIGHT = st.builds(
    Closed, st.sampled_from([20, 120]).map(lambda s: datetime.fromtimestamp(START + s, UTC)),
    st.just("night"),
)  # fmt: skip
COMING = st.lists(
    st.builds(
        Coming,
        st.floats(10, 200, allow_nan=False).map(lambda at: round(at, 2)),
        st.sampled_from(PEOPLE),
        st.sampled_from([0.0, 0.0, 0.004, 0.3, SLOWEST]),
        st.sampled_from([False, False, False, True]),
        st.booleans(),
    ),
    min_size=1,
    max_size=40,
)
TIMES = st.lists(st.floats(15, 250, allow_nan=False), max_size=2)


def of(limit: Limit, who: str, n: int | None = None) -> Limit:
    """The limit as it is declared for one person; `n` as it is at the moment."""
    if isinstance(limit, Quota) and limit.distinct is not None:
        return Quota(limit.key, n or limit.n, limit.window, who)
    return limit


def world(limits: list[Limit], restarts: list[float]) -> World:
    return World(lambda _, who, now: [of(one, who) for one in limits], restarts=restarts)


def kept(limits: list[Limit], sent: list[Sent]) -> None:
    """Every limit holds at the first bytes."""
    first_bytes = [(one.at, one.who) for one in sent]
    for limit in limits:
        if isinstance(limit, Quota) and limit.once:
            after = [at for at, _ in first_bytes if at - first_bytes[0][0] < limit.window - TINY]
            assert len(after) <= limit.n
        else:
            assert keeps(limit, first_bytes), limit


def nobody_waited_in_vain(world: World, limits: list[Limit], slack: float) -> None:
    """While a delivery waited, nothing was left unused for longer than `slack`: at every moment
    so long before something changed (another one was granted or given back, it went itself), a
    limit bound.

    A start counts as a change: what the one before had granted nobody knows.
    """
    changes = sorted({one.granted for one in world.sent} | set(world.changes))
    for one in world.sent:
        begin = one.due
        for end in (x for x in changes if one.due < x <= one.granted):
            at, since = end - slack, begin
            begin = end
            if at > since:
                before = [
                    Sent(x.delivery, x.who, x.due, x.granted, min(x.at, at))
                    for x in world.sent
                    if x.granted <= at and x.delivery != one.delivery
                ]
                utc = world.ahead + at
                bound = any(binds(of(x, one.who), before, one.who, at, utc) for x in limits)
                assert bound, (one, since, at, end)


def after_a_start(limits: list[Limit]) -> float:
    """Seconds that a start may cost: the log begins full, what was in the air counts for longer,
    and how much of a slow rate's credit was left is known to within that credit."""
    credits = (x.burst / x.per_second for x in limits if isinstance(x, Rate) and x.per_second < 1)
    return LONGEST_SPAN + FLIGHT + 1.01 * max(credits, default=0.0)


def everybody_went(world: World, coming: list[Coming]) -> None:
    wanted = [id for id, one in enumerate(coming, 1) if not (one.back and one.gone)]
    assert sorted(one.delivery for one in world.sent) == wanted


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(RATES, QUOTAS, NIGHT), min_size=1, max_size=4), COMING, TIMES)
@example(
    [Rate("s", 0.01, 2)],
    [Coming(10.0, "a"), Coming(10.0, "b", 0.3, True, True), Coming(10.0, "c")],
    [],
).via("one is given back to whom another waited")
def test_limits_hold_and_nobody_waits_in_vain(
    limits: list[Limit], coming: list[Coming], restarts: list[float]
) -> None:
    """With give-backs, slow first bytes, quiet hours and restarts."""
    limits = list({getattr(one, "key", "closed"): one for one in limits}.values())
    here = world(limits, restarts)
    here.run(coming, END)
    everybody_went(here, coming)
    kept(limits, here.sent)
    slack = MOMENT + BACK + SLOWEST + TINY  # what is in the air may come back
    nobody_waited_in_vain(here, limits, slack + (after_a_start(limits) if restarts else 0))


@settings(max_examples=150, deadline=None)
@given(PLACES, st.lists(RATES, max_size=1), COMING, TIMES)
def test_places_hold_and_are_given_to_who_waits(
    places: Quota, rates: list[Limit], coming: list[Coming], restarts: list[float]
) -> None:
    """A tier counts each person once in its window; who waits for a place asks again within a
    minute of its coming free."""
    limits: list[Limit] = [places, *rates]
    here = world(limits, restarts)
    here.run(coming, 50 * places.window)
    everybody_went(here, coming)
    kept(limits, here.sent)
    slack = 2 * (LOOK_AGAIN + 0.01 * len(coming)) + LATE + 5
    nobody_waited_in_vain(here, limits, slack + (after_a_start(limits) if restarts else 0))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(5, 400), st.integers(1, 6)), min_size=1, max_size=4), COMING)
def test_a_tier_that_changes(changes: list[tuple[float, int]], coming: list[Coming]) -> None:
    """What it is at a grant counts; what went before counts for the new one too."""
    steps = sorted(changes)

    def tier(now: float) -> int:
        return next((n for at, n in reversed(steps) if at <= now), 3)

    place = Quota("tier", 3, 700.0, "")
    here = World(lambda _, who, now: [of(place, who, tier(now))])
    here.run(coming, 50 * place.window)
    everybody_went(here, coming)
    for one in here.sent:
        before = {
            x.who for x in here.sent if x.granted <= one.granted and x.at > one.granted - 700 + TINY
        }
        earlier = {
            x.who for x in here.sent
            if x.delivery != one.delivery and x.granted <= one.granted
            and x.at > one.granted - 700 + TINY
        }  # fmt: skip
        assert one.who in earlier or len(before) <= tier(one.granted), one


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.one_of(RATES, QUOTAS, PLACES), min_size=1, max_size=3),
    COMING,
    st.lists(
        st.tuples(st.floats(15, 250), st.sampled_from([-3600, -5, 7, 3600, 86_400])), max_size=3
    ),
)
def test_a_clock_that_is_set_anew_opens_nothing(
    limits: list[Limit], coming: list[Coming], steps: list[tuple[float, int]]
) -> None:
    """Forwards or backwards, by seconds or a day: limits hold, and nobody waits for it."""
    limits = list({getattr(one, "key", ""): one for one in limits}.values())
    here = world(limits, [])

    def step(by: int) -> None:
        here.ahead += by

    for at, by in steps:
        here.at(at, lambda _, by=by: step(by))
    here.run(coming, 50 * 700.0)
    everybody_went(here, coming)
    kept(limits, here.sent)
    slack = MOMENT + BACK + SLOWEST + TINY
    if any(isinstance(one, Quota) and one.distinct is not None for one in limits):
        slack = 2 * (LOOK_AGAIN + 0.4) + LATE + 5
    nobody_waited_in_vain(here, limits, slack)


def test_who_came_first_has_the_place_that_comes_free() -> None:
    """Not whoever asks at that moment: the oldest delivery stands first in line."""
    place = Quota("tier", 2, 100.0, "")
    coming = [Coming(0.5 * n, f"p{n}") for n in range(10)] + [Coming(100.0001, "late")]
    here = World(lambda _, who, now: [of(place, who)])
    here.run(coming, 2000.0)
    assert [one.who for one in sorted(here.sent, key=lambda one: one.at)] == [
        *(f"p{n}" for n in range(10)), "late",
    ]  # fmt: skip


def test_who_does_not_come_back_loses_the_place() -> None:
    """A message that was cancelled keeps nobody waiting for longer than it takes to notice."""
    place = Quota("tier", 1, 100.0, "")
    here = World(
        lambda id, who, now: [of(place, who)] if id != 2 or now < 5 else [Quota("no", 0, 9e6)]
    )
    here.run([Coming(0.0, "a"), Coming(1.0, "cancelled"), Coming(2.0, "b")], 1000.0)
    went = {one.who: one.granted for one in here.sent}
    assert set(went) == {"a", "b"}
    assert went["b"] <= 100.0 + LOOK_AGAIN + LATE + 1


@pytest.mark.parametrize("first", [1, 5])
def test_a_first_batch_opens_the_rest_at_once(first: int) -> None:
    """Not so many each time: after the look at what the first did, all go."""
    coming = [Coming(1.0, f"p{n}") for n in range(20)]
    here = World(lambda *_: [Quota("first:1", first, 60.0, once=True)])
    here.run(coming, 100.0)
    early = [one for one in here.sent if one.at < 61.0]
    assert len(early) == first
    others = [one.at for one in here.sent if one not in early]
    assert others == pytest.approx([61.0] * (20 - first), abs=0.01)
