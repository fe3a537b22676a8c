"""The fold: what a consent is after all that was said, in whatever order it was told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.consent_state import SECOND, SWITCH, Fact, State, state_of
from gateway.inbound import DOUBTED

NOW = 1_000 * SECOND


def told(*events: str) -> list[Fact]:
    """Read events such as `10 confirmed`, `10 withdrawn switch`, `12 confirmed of 1` as facts,
    numbered in the order in which they were told."""
    facts = []
    for number, event in enumerate(events, 1):
        second, name, *more = event.split()
        source = {"switch": f"{SWITCH} of wa", "doubted": DOUBTED}.get("".join(more[:1]), "x")
        request = int(more[1]) if more[:1] == ["of"] else None
        facts.append(Fact(number, int(second) * SECOND + number, NOW, name, source, request))
    return facts


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], None),
        (["1 asked"], None),
        (["1 requested"], ("requested", 1)),
        (["1 requested", "2 requested"], ("requested", 1)),
        # Said before and told after: the question about the first one told is on its way.
        (["2 requested", "1 requested"], ("requested", 1)),
        (["2 requested", "1 requested", "3 confirmed of 1"], ("confirmed", 3)),
        (["3 requested", "1 requested", "2 withdrawn"], ("requested", 1)),
        (["1 requested", "2 asked of 1", "3 confirmed of 1"], ("confirmed", 3)),
        (["1 requested", "2 refused of 1"], ("refused", 2)),
        (["1 requested", "2 expired of 1"], ("expired", 2)),
        (["1 requested", "2 expired of 1", "3 confirmed of 1"], ("expired", 2)),
        (["1 requested", "5 expired of 1", "3 confirmed of 1"], ("confirmed", 3)),
        (["1 requested", "2 expired of 1", "3 requested", "4 confirmed of 1"], ("requested", 3)),
        (["1 confirmed", "2 requested"], ("confirmed", 1)),
        (["1 confirmed", "2 confirmed"], ("confirmed", 1)),
        (["1 confirmed", "2 expired"], ("confirmed", 1)),
        (["1 confirmed", "2 imported"], ("confirmed", 1)),
        (["1 imported"], ("confirmed", 1)),
        (["1 requested", "2 imported"], ("confirmed", 2)),
        (["1 withdrawn", "2 imported"], ("withdrawn", 1)),
        (["1 refused", "2 imported"], ("refused", 1)),
        (["1 confirmed", "2 withdrawn"], ("withdrawn", 2)),
        (["1 withdrawn", "2 withdrawn"], ("withdrawn", 1)),
        (["1 withdrawn", "2 confirmed"], ("confirmed", 2)),
        (["2 withdrawn", "1 confirmed"], ("withdrawn", 1)),
        (["1 withdrawn", "1 confirmed"], ("withdrawn", 1)),
        (["1 requested", "1 withdrawn", "1 requested"], ("withdrawn", 2)),
        (["3 requested", "2 withdrawn"], ("requested", 1)),
        (["1 requested", "3 confirmed of 1", "2 withdrawn"], ("withdrawn", 3)),
        (["1 requested", "2 confirmed of 1", "3 refused of 1"], ("refused", 3)),
        (["1 requested", "3 refused of 1", "2 confirmed of 1"], ("refused", 2)),
        (["1 confirmed", "2 moved doubted"], ("unconfirmed", 2)),
        (["1 confirmed", "2 moved"], ("confirmed", 1)),
        (["1 confirmed", "2 moved doubted", "3 imported"], ("unconfirmed", 2)),
        (["1 confirmed", "2 moved doubted", "3 expired"], ("expired", 3)),
        (["1 confirmed", "2 moved doubted", "3 requested", "4 confirmed of 3"], ("confirmed", 4)),
        (["1 withdrawn", "2 moved doubted"], ("withdrawn", 1)),
        (["1 confirmed", "2 withdrawn switch", "3 resumed"], ("confirmed", 1)),
        (["1 withdrawn switch", "2 resumed"], None),
        (["1 confirmed", "2 withdrawn", "3 resumed"], ("withdrawn", 2)),
        (["1 confirmed", "2 withdrawn", "3 withdrawn switch", "4 resumed"], ("withdrawn", 2)),
        (["1 confirmed", "2 withdrawn switch", "3 withdrawn", "4 resumed"], ("withdrawn", 3)),
        (["1 confirmed", "2 resumed", "3 withdrawn switch"], ("withdrawn", 3)),
        # Anybody can ask: what stood before stays closed to lists until the person's own yes.
        (["1 withdrawn", "2 requested", "3 imported"], ("requested", 2)),
        (["1 refused", "2 requested", "3 imported"], ("requested", 2)),
        (["1 withdrawn", "2 requested", "3 expired of 2", "4 imported"], ("expired", 3)),
        (["1 confirmed", "2 moved doubted", "3 requested", "4 imported"], ("requested", 3)),
        (["1 requested", "2 expired of 1", "3 imported"], ("confirmed", 3)),
        (
            ["1 refused", "2 requested", "3 withdrawn switch", "4 resumed", "5 imported"],
            ("requested", 2),
        ),
        # The switch is back on, but perhaps in other hands.
        (["1 confirmed", "2 withdrawn switch", "3 moved doubted"], ("withdrawn", 2)),
        (["1 confirmed", "2 withdrawn switch", "3 moved doubted", "4 resumed"], ("unconfirmed", 3)),
        (
            ["1 confirmed", "2 withdrawn switch", "3 moved doubted", "4 resumed", "5 imported"],
            ("unconfirmed", 3),
        ),
        (["1 confirmed", "2 withdrawn switch", "3 moved", "4 resumed"], ("confirmed", 1)),
    ],
)
def test_what_it_is(events: list[str], expected: tuple[str, int] | None) -> None:
    """The state, and the number of the event that decides."""
    found = state_of(told(*events))
    assert (found and (found.state, found.event)) == expected


def test_a_resumed_consent_is_known_since_then() -> None:
    """What is resumed rests on the old event, and counts from when we heard of it."""
    facts = told("1 confirmed", "2 withdrawn switch", "3 resumed")
    facts[2] = facts[2]._replace(recorded_at=NOW + 7)
    assert state_of(facts) == State("confirmed", 1, NOW + 7)


NAMES = ("requested", "asked", "confirmed", "refused", "withdrawn", "resumed", "imported", "expired",
         "moved doubted", "withdrawn switch")  # fmt: skip
EVENTS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(NAMES)).map(lambda e: f"{e[0]} {e[1]}"), max_size=8
)


@given(events=EVENTS, chance=st.randoms(use_true_random=False))
@settings(max_examples=400, deadline=None)
def test_the_order_of_telling_does_not_matter(events: list[str], chance: object) -> None:
    """Facts in any order are one state: nothing but what they say decides."""
    facts = told(*events)
    shuffled = sorted(facts, key=lambda _: chance.random())  # type: ignore[attr-defined]
    assert state_of(shuffled) == state_of(facts)


@given(events=EVENTS)
@settings(max_examples=400, deadline=None)
def test_after_a_stop_only_an_own_act_helps(events: list[str]) -> None:
    """Whatever else is told of the time at or before a STOP, and whatever a list or a clock says
    after it, nothing goes out."""
    facts = told(*events, "6 withdrawn", "7 imported", "8 expired", "9 asked", "9 resumed")
    state = state_of(facts)
    assert state is not None
    assert state.state == "withdrawn"
    asked = state_of([*facts, *told("10 requested", "11 imported", "12 expired", "13 imported")])
    assert asked is not None
    assert asked.state != "confirmed"


@given(
    events=st.permutations(range(1, 7)).flatmap(
        lambda seconds: st.lists(st.sampled_from(NAMES), max_size=6).map(
            lambda names: [f"{second} {name}" for second, name in zip(seconds, names, strict=False)]
        )
    )
)
@settings(max_examples=400, deadline=None)
def test_told_twice_is_told_once(events: list[str]) -> None:
    """A copy of every event, with a number of its own, changes nothing."""
    facts = told(*events)
    copies = [fact._replace(number=fact.number + 100) for fact in facts]
    assert state_of([*facts, *copies]) == state_of(facts)
