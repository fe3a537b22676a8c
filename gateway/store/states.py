"""The states of deliveries and of their attempts, and every way from one to another.

The tables here are the whole truth: a move that they do not name raises StateError where it is
tried, docs/images/states.svg is drawn from them, and docs/delivery.md prints them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType


class DeliveryState(IntEnum):
    """State of a delivery.  Below 5 it is open; from 6 on it is derived from its attempts."""

    QUEUED = 0
    LEASED = 1
    SENDING = 2
    HELD = 3
    PAUSED = 4
    UNKNOWN = 5
    ACCEPTED = 6
    SENT = 7
    DELIVERED = 8
    READ = 9
    FAILED = 10
    DROPPED = 11


class AttemptState(IntEnum):
    """A lattice: news about an attempt only ever moves it up, so statuses may come in any order.

    `failed` lies below `delivered`: a provider that says both did deliver.
    """

    SENDING = 0
    UNKNOWN = 1
    ACCEPTED = 2
    SENT = 3
    FAILED = 4
    DELIVERED = 5
    READ = 6


class Cause(StrEnum):
    """What moves a delivery."""

    FAN_OUT = "fan out"
    LEASE = "lease"
    DECIDE = "decide"
    BEGIN = "begin"
    SETTLE = "settle"
    STATUS = "status"
    RESOLVE = "resolve"
    SUPERSEDE = "supersede"
    RETRY = "retry"
    SWEEP = "sweep"
    WITHDRAW = "withdraw"
    MERGE = "merge"
    RECOVER = "recover"
    REPLAY = "replay"
    REPLACE = "replace"
    PURGE = "purge"


CAUSES: Mapping[Cause, str] = {
    Cause.FAN_OUT: "a message that passed its checks gets a delivery per person",
    Cause.LEASE: "due: taken into memory; dropped if it has no form to go in, or the person "
    "cannot be reached",
    Cause.DECIDE: "chain or limits decided: later, to a person, not at all; or it was given back",
    Cause.BEGIN: "the last look: the intent is on disk, or it is refused",
    Cause.SETTLE: "the answer to our own request, or that there was none",
    Cause.STATUS: "the provider's webhook about an attempt",
    Cause.RESOLVE: "a person knows what became of an unknown one",
    Cause.SUPERSEDE: "an unknown one is sent again, by a person or by `resend_unknown`",
    Cause.RETRY: "a person sends failed ones again, once the cause is mended",
    Cause.SWEEP: "the message was paused, resumed, approved, cancelled, or its time is over",
    Cause.WITHDRAW: "the person said STOP",
    Cause.MERGE: "two contacts turned out to be one person",
    Cause.RECOVER: "a start after an unclean stop",
    Cause.REPLAY: "the database was restored, and the replay file knows that it was begun",
    Cause.REPLACE: "another sender takes over: what was leased waits again, who is out of its reach "
    "gets nothing",
    Cause.PURGE: "kept long enough",
}

_QUEUED, _LEASED, _SENDING, _HELD, _PAUSED, _UNKNOWN = list(DeliveryState)[:6]
_ACCEPTED, _SENT, _DELIVERED, _READ, _FAILED, _DROPPED = list(DeliveryState)[6:]
_TOLD = (_SENT, _DELIVERED, _READ)
_NOT_REACHED = (_QUEUED, _HELD, _FAILED, _DROPPED)
_OPEN = (_QUEUED, _LEASED, _HELD, _PAUSED)

_Moves = Mapping[DeliveryState | None, tuple[DeliveryState | None, ...]]

MOVES: Mapping[Cause, _Moves] = {
    Cause.FAN_OUT: {None: (_QUEUED,)},
    Cause.LEASE: {_QUEUED: (_LEASED, _QUEUED, _DROPPED)},
    Cause.DECIDE: {_LEASED: (_QUEUED, _HELD, _PAUSED, _DROPPED)},
    Cause.BEGIN: {_LEASED: (_SENDING, _QUEUED, _PAUSED, _DROPPED)},
    Cause.SETTLE: {_SENDING: (_UNKNOWN, _ACCEPTED, *_TOLD, *_NOT_REACHED)},
    Cause.STATUS: {
        **dict.fromkeys(_OPEN, _TOLD),
        _UNKNOWN: (*_TOLD, *_NOT_REACHED),
        _ACCEPTED: (_UNKNOWN, *_TOLD, *_NOT_REACHED),
        _SENT: (_UNKNOWN, _ACCEPTED, _DELIVERED, _READ, *_NOT_REACHED),
        _DELIVERED: (_READ,),
        _FAILED: (_FAILED, *_TOLD),
        _DROPPED: _TOLD,
    },
    Cause.RESOLVE: {_UNKNOWN: (_ACCEPTED, _QUEUED, _FAILED, _DROPPED)},
    Cause.SUPERSEDE: {_UNKNOWN: (_QUEUED,)},
    Cause.RETRY: {_FAILED: (_QUEUED,)},
    Cause.SWEEP: {
        _QUEUED: (_PAUSED, _DROPPED),
        _HELD: (_QUEUED, _DROPPED),
        _PAUSED: (_QUEUED, _DROPPED),
    },
    Cause.WITHDRAW: dict.fromkeys(_OPEN, (_DROPPED,)),
    Cause.MERGE: {
        _QUEUED: (_DROPPED,),
        _LEASED: (_QUEUED,),
        _HELD: (_DROPPED,),
        _PAUSED: (_DROPPED,),
    },
    Cause.RECOVER: {_LEASED: (_QUEUED,)},
    Cause.REPLAY: dict.fromkeys((*_OPEN, _FAILED, _DROPPED), (_UNKNOWN,)),
    Cause.REPLACE: {
        **dict.fromkeys((_QUEUED, _HELD, _PAUSED), (_DROPPED,)),
        _LEASED: (_QUEUED, _DROPPED),
    },
    Cause.PURGE: dict.fromkeys((_UNKNOWN, _ACCEPTED, *_TOLD, _FAILED, _DROPPED), (None,)),
}
"""Cause → before → what may be after.  None: no delivery, before the fan-out and after the purge.

SENDING ends by `settle` alone: what a status says meanwhile stands on the attempt, and counts then.
A status moves what is queued, held, paused or dropped only by proving that an earlier attempt went.
It moves back to unknown or accepted if the attempt fails that was the best, of two after a restore.
"""

_ALLOWED = MappingProxyType(
    {
        cause: frozenset((before, after) for before, afters in moves.items() for after in afters)
        for cause, moves in MOVES.items()
    }
)


class StateError(AssertionError):
    """A move that the table does not name: a bug, and nothing of the transaction is kept."""


def check(cause: Cause, before: int | None, after: int | None) -> None:
    """Raise StateError unless the table allows this move."""
    if (before, after) not in _ALLOWED[cause]:
        names = [None if one is None else DeliveryState(one).name for one in (before, after)]
        raise StateError(f"{cause} does not move a delivery from {names[0]} to {names[1]}")


# --- what a delivery is, by its attempts ----------------------------------------------------------
DERIVED = {state: DeliveryState[state.name] for state in AttemptState}
"""What a delivery is, by the best of its attempts."""


def best(attempts: Iterable[tuple[int, bool]]) -> AttemptState | None:
    """Return the best of a delivery's attempts, (state, superseded) each.

    None if nothing of it may have reached the person: all failed, or were given up as unknown.
    """
    counted = [
        state
        for state, superseded in attempts
        if state != AttemptState.FAILED and not (state == AttemptState.UNKNOWN and superseded)
    ]
    return AttemptState(max(counted)) if counted else None


WENT_OUT = frozenset(
    {AttemptState.ACCEPTED, AttemptState.SENT, AttemptState.DELIVERED, AttemptState.READ}
)


def went_out(attempts: Iterable[tuple[int, bool]]) -> int:
    """Return how many of a delivery's attempts the provider took; more than one is one too many."""
    return sum(state in WENT_OUT for state, _ in attempts)


def may_begin(attempts: Iterable[tuple[int, bool]]) -> bool:
    """Return whether another attempt may begin: each one before failed, or was given up while
    unknown by a person or by the settings.  A crash, a doubt, a status alone never suffice."""
    return best(attempts) is None


NEWS: Mapping[str, AttemptState] = {
    "accepted": AttemptState.ACCEPTED,
    "unknown": AttemptState.UNKNOWN,
    "failed": AttemptState.FAILED,
    "sent": AttemptState.SENT,
    "delivered": AttemptState.DELIVERED,
    "read": AttemptState.READ,
}
"""What is heard of an attempt → where it lifts it to, never back: outcomes and statuses."""
