"""The table of states: what it allows, that nothing else writes a state, that no doubt repeats."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.store.sqlite import moving
from gateway.store.sqlite.moving import Moving
from gateway.store.states import (
    CAUSES,
    DERIVED,
    MOVES,
    AttemptState,
    Cause,
    DeliveryState,
    StateError,
    best,
    check,
    may_begin,
    went_out,
)
from gateway.store.writer import Lane
from tests.gateway.store.house import House

ROOT = Path(__file__).parents[3]

WRITERS = {
    "moving": {
        "MOVE",
        "LEASED",
        "BEGUN",
        "GONE",
        "ATTEMPT",
        "SETTLE",
        "_LIFT",
        "SAID",
        "ACCEPTED",
        "ANSWERED",
    },
    "accepting": {"FAN_OUT", "_one_delivery"},
    "retention": {"ATTEMPTS_GONE"},
}
"""Module of the engine → the statements in it that make, change or delete a state."""

WRITES = re.compile(
    r"\b(INSERT (OR \w+ )?INTO|REPLACE INTO|DELETE FROM) (deliveries|attempts)\b"
    r"|\bUPDATE (OR \w+ )?(deliveries|attempts) SET\b(?=.*?\bstate\s*=.*?(\bWHERE\b|$))",
    re.DOTALL,
)


def writers(path: Path) -> set[str]:
    """Return the names of the statements, or of the functions around them, that write a state."""
    found = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        for part in ast.walk(node):
            if not isinstance(part, ast.Constant | ast.JoinedStr):
                continue
            text = part.value if isinstance(part, ast.Constant) else ast.unparse(part)
            if not isinstance(text, str) or not WRITES.search(_set_part(text)):
                continue
            names = [node.name] if hasattr(node, "name") else []
            targets = getattr(node, "targets", [])
            names += [target.id for target in targets if isinstance(target, ast.Name)]
            found.update(names or ["?"])
    return found


def _set_part(text: str) -> str:
    """Cut an UPDATE before its WHERE: a state that is only asked for is not written."""
    return re.sub(r"(UPDATE .*?)\bWHERE\b.*", r"\1", text, flags=re.DOTALL)


def test_nothing_else_writes_a_state() -> None:
    """Every statement in gateway and plugins that writes deliveries.state or attempts.state."""
    found = {
        path.stem: names
        for folder in ("gateway", "plugins")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if (names := writers(path))
    }
    assert found == WRITERS


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE deliveries SET code = '', state = 3 WHERE id = ?",
        "UPDATE OR IGNORE attempts SET\n state = max(state, 2)",
        "DELETE FROM attempts WHERE delivery_id = 1",
        "INSERT INTO deliveries VALUES (1)",
    ],
)
def test_the_search_would_find_one(tmp_path: Path, sql: str) -> None:
    """Written somewhere else, in a constant or in a function, it is found."""
    path = tmp_path / "x.py"
    path.write_text(f"X = {sql!r}\ndef f(tx):\n    tx.execute({sql!r})\n")
    assert writers(path) == {"X", "f"}
    path.write_text("X = 'UPDATE deliveries SET sender = 1 WHERE state = 0'\n")
    assert writers(path) == set()


def test_every_cause_has_its_words_and_moves() -> None:
    """The table is whole: each cause is described, and each state is reached and left."""
    assert set(CAUSES) == set(MOVES) == set(Cause)
    after = {state for moves in MOVES.values() for afters in moves.values() for state in afters}
    before = {state for moves in MOVES.values() for state in moves}
    assert after == before == {None, *DeliveryState}


def test_what_the_table_forbids() -> None:
    """The promises, as what no cause does."""
    moves = {
        (before, after)
        for table in MOVES.values()
        for before, afters in table.items()
        for after in afters
    }
    maybe = {DeliveryState.DELIVERED, DeliveryState.READ}
    waits = {
        DeliveryState.QUEUED, DeliveryState.LEASED, DeliveryState.SENDING, DeliveryState.HELD,
        DeliveryState.PAUSED,
    }  # fmt: skip
    assert not {(b, a) for b, a in moves if b in maybe and a in waits}, "delivered is not repeated"
    into_the_air = {(cause, b) for cause, t in MOVES.items() for b, a in t.items()
                    if DeliveryState.SENDING in a}  # fmt: skip
    assert into_the_air == {(Cause.BEGIN, DeliveryState.LEASED)}
    out_of_the_air = {cause for cause, t in MOVES.items() if DeliveryState.SENDING in t}
    assert out_of_the_air == {Cause.SETTLE}
    after_unknown = {cause for cause, t in MOVES.items() if DeliveryState.UNKNOWN in t}
    assert after_unknown == {Cause.STATUS, Cause.RESOLVE, Cause.SUPERSEDE, Cause.PURGE}
    after_drop = {cause: t[DeliveryState.DROPPED] for cause, t in MOVES.items()
                  if DeliveryState.DROPPED in t}  # fmt: skip
    assert set(after_drop) == {Cause.STATUS, Cause.REPLAY, Cause.PURGE}


@pytest.mark.parametrize("cause", Cause)
def test_a_move_that_is_not_in_the_table(cause: Cause) -> None:
    """Every pair is allowed or raises."""
    for before, after in itertools.product([None, *DeliveryState], repeat=2):
        if after in MOVES[cause].get(before, ()):
            check(cause, before, after)
        else:
            with pytest.raises(StateError):
                check(cause, before, after)


async def test_a_row_in_another_state_than_the_caller_saw(house: House) -> None:
    """The statement itself looks: what was seen before somebody else moved it moves nothing."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.leased()
    stale = Moving(delivery.id, message.id, contact, "wa", DeliveryState.QUEUED)

    with pytest.raises(StoreError, match="is QUEUED"):
        await house.store._write(  # type: ignore[attr-defined]
            Lane.SEND, lambda tx: moving.lease(tx, [stale], "n2", house.at())
        )
    assert await house.begin(delivery) is None


def test_the_best_of_the_attempts() -> None:
    """Every combination of up to three attempts, against the rule in words."""
    kinds = [(state, given_up) for state in AttemptState for given_up in (False, True)]
    for count in (1, 2, 3):
        for attempts in itertools.combinations_with_replacement(kinds, count):
            left = [
                state
                for state, given_up in attempts
                if state is not AttemptState.FAILED
                and (state is not AttemptState.UNKNOWN or not given_up)
            ]
            assert best(attempts) == (max(left) if left else None)
            assert may_begin(attempts) is (not left)
            took = {
                AttemptState.ACCEPTED,
                AttemptState.SENT,
                AttemptState.DELIVERED,
                AttemptState.READ,
            }
            assert went_out(attempts) == sum(state in took for state, _ in attempts)


def test_a_delivery_is_called_like_its_best_attempt() -> None:
    """The two lists of names agree."""
    assert {state.name: after.name for state, after in DERIVED.items()} == {
        state.name: state.name for state in AttemptState
    }


def test_every_status_is_taken_whatever_was_tried() -> None:
    """A status that the table did not foresee would fail its whole webhook, again and again.  After
    a restore there may be two attempts of which nobody knows, and news of each in any order."""
    told = (AttemptState.SENT, AttemptState.FAILED, AttemptState.DELIVERED, AttemptState.READ)
    kinds = [(state, given_up) for state in AttemptState if state for given_up in (False, True)]
    again = (DeliveryState.QUEUED, DeliveryState.HELD, DeliveryState.FAILED, DeliveryState.DROPPED)
    for count in (1, 2, 3):
        for attempts in itertools.product(kinds, repeat=count):
            reached = best(attempts)
            (first, given_up), *others = attempts
            for news in (one for one in told if one > first):
                now = best([(news, given_up), *others])
                if reached is None and now is not None:  # it was over, or goes again
                    befores = [*again, DeliveryState.LEASED, DeliveryState.PAUSED]
                elif reached is not None and now != reached:
                    befores = [DERIVED[reached]]
                else:
                    continue
                for before in befores:
                    for after in again if now is None else (DERIVED[now],):
                        check(Cause.STATUS, before, after)
