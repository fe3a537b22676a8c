"""What a consent is: a fold over the events of one contact that concern one topic.

Events may be told late, twice and in any order; the fold puts them into the order in which they
were said.  Within a second, which is as exact as a webhook is, a withdrawal comes last: a tie
means STOP.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from gateway.inbound import DOUBTED

SWITCH = "stopped at the provider"
"""How the source of a withdrawal begins that the person made with the provider's own switch."""

SECOND = 1_000_000


class Fact(NamedTuple):
    """What of a consent event decides: times in UTC microseconds, `request` the number of the
    `requested` event that it answers or ends."""

    number: int
    at: int
    recorded_at: int
    name: str
    source: str = ""
    request: int | None = None


class State(NamedTuple):
    """What a consent is, the number of the event that decides, and since when it is known."""

    state: str
    event: int
    since: int


_MOVES: dict[str, tuple[str, frozenset[str | None]]] = {
    # A form sent twice suspends no consent and opens no second request.
    "requested": (
        "requested",
        frozenset({None, "withdrawn", "refused", "expired", "unconfirmed"}),
    ),
    "confirmed": (
        "confirmed",
        frozenset({None, "requested", "withdrawn", "refused", "expired", "unconfirmed"}),
    ),
    # Not after a withdrawal, a refusal or a doubt, whatever was asked since: see CLOSED.
    "imported": ("confirmed", frozenset({None, "requested", "expired"})),
    "refused": ("refused", frozenset({None, "requested", "confirmed", "expired", "unconfirmed"})),
    "expired": ("expired", frozenset({"requested", "unconfirmed"})),
    "moved": ("unconfirmed", frozenset({"requested", "confirmed"})),
}
"""Event → what the consent is then, and which states it moves.  `asked` moves none, and `moved`
only if it says that somebody else may have the number now."""

CLOSED = frozenset({"withdrawn", "refused", "unconfirmed"})
"""What a list lifts never, nor what is asked and left unanswered since (anybody can ask, with a
number typed into a form): only the person's own yes."""


def state_of(facts: Iterable[Fact]) -> State | None:
    """Return what the consent is after all of these events; None if nothing was ever agreed,
    refused or withdrawn."""
    current: State | None = None
    suspended: State | None = None  # what stood when the provider's switch withdrew
    switched = closed = suspended_closed = False
    for fact in sorted(facts, key=_order):
        state = current.state if current else None
        if fact.name == "withdrawn":
            by_switch = fact.source.startswith(SWITCH)
            if state == "withdrawn" and (by_switch or not switched):
                continue
            if state != "withdrawn":
                suspended, suspended_closed = current, closed
            switched = by_switch
            current = State("withdrawn", fact.number, fact.recorded_at)
        elif fact.name == "resumed":
            if state == "withdrawn" and switched:
                current = suspended and suspended._replace(since=fact.recorded_at)
                closed = suspended_closed
        elif fact.name == "moved" and not fact.source.startswith(DOUBTED):
            continue
        elif current and state == fact.name == "requested":
            # Said earlier and told later: the question about the one that was known first is
            # on its way, and stays the one that is open.
            if fact.number < current.event:
                current = State(state, fact.number, fact.recorded_at)
        elif fact.name in _MOVES and not (fact.name == "imported" and closed):
            after, movable = _MOVES[fact.name]
            if fact.name == "moved" and switched and suspended and suspended.state in movable:
                # Whoever takes the stop back may be somebody else than who agreed.
                suspended = State(after, fact.number, fact.recorded_at)
                suspended_closed = True
            elsewhere = fact.request is not None and (
                current is None or (state, current.event) != ("requested", fact.request)
            )
            # A no also takes back the yes that was given before it.
            about_another = elsewhere and (fact.name, state) != ("refused", "confirmed")
            if state in movable and not about_another:
                current = State(after, fact.number, fact.recorded_at)
        if current is not None and current.state in (*CLOSED, "confirmed"):
            closed = current.state in CLOSED
    return current


def _order(fact: Fact) -> tuple[int, bool, int]:
    return fact.at // SECOND, fact.name == "withdrawn", fact.number
