"""Withdrawals: on record, in force, and nothing left that could still go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gateway.consent_state import SECOND, SWITCH, Fact, State
from gateway.inbound import ConsentEvent
from gateway.store.protocol import DeliveryState, moment
from gateway.store.sqlite import remembering
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING, append, facts, said, states
from gateway.store.sqlite.moving import Moving, move
from gateway.store.sqlite.watching import blame
from gateway.store.states import Cause

WITHDRAWN = "withdrawn"
"""Code of what was dropped by a withdrawal; on a row in the air: not to be tried again."""

OPEN_OF_CONTACT = (
    "SELECT id, message_id, state, sender FROM deliveries WHERE contact_id = ? AND state < 5"
)
ABOUT = "SELECT topic, kind FROM messages WHERE id = ?"
NOT_AGAIN = f"UPDATE deliveries SET code = '{WITHDRAWN}' WHERE id = ?"


class Withdrawal(NamedTuple):
    """What a withdrawal did: whether it is the first of its kind, whether it changed a state, and
    how many deliveries it dropped."""

    new: bool
    changed: bool
    dropped: int


def together(withdrawals: Sequence[Withdrawal]) -> Withdrawal:
    """Return what several withdrawals did in all."""
    return Withdrawal(
        new=any(one.new for one in withdrawals),
        changed=any(one.changed for one in withdrawals),
        dropped=sum(one.dropped for one in withdrawals),
    )


def withdraw(
    tx: SqliteTransaction,
    contact: int,
    source: str,
    at: int,
    *,
    topic: str | None = None,
    evidence: dict[str, str] | None = None,
    said_at: int | None = None,
    sender: str = "",
    inbound: int | None = None,
    way: str | None = None,
) -> Withdrawal:
    """Revoke (one topic, or everything) and drop what is open, unless the person agreed to it
    again after this was said.

    What is being sent at this moment stays, and is not tried again; the caller waits for it
    before it answers.  `way` is what the journal says of it, else the source.
    """
    told = facts(tx, contact)
    said_at = said(told, said_at, at)
    target = topic or EVERYTHING
    new = not _covered(told, target, said_at, source)
    changed = False
    if new:
        event = ConsentEvent(
            name="withdrawn", at=moment(said_at), source=source, sender=sender,
            evidence=evidence or {},
        )  # fmt: skip
        changed = append(
            tx, contact, target, event, at, inbound=inbound, detail=way
        ).changed  # fmt: skip
        remembering.withdrew(tx, contact, target, source, sender, said_at, at)
    if changed:
        blame(tx, contact, target, said_at)
    now = states(tx, contact)
    dropped = 0
    for delivery, message, state, of in list(tx.rows(OPEN_OF_CONTACT, (contact,))):
        about, kind = tx.one(ABOUT, (message,)) or (None, "")
        if not _concerned(target, about, now) or (kind == "service" and not changed):
            continue  # said once more: the answer to the first time may go
        if state == DeliveryState.SENDING:
            tx.execute(NOT_AGAIN, (delivery,))
            continue
        row = Moving(delivery, message, contact, of, state)
        drop(tx, Cause.WITHDRAW, row, WITHDRAWN, "the person withdrew", at)
        dropped += 1
    return Withdrawal(new, changed, dropped)


def _covered(
    told: Iterable[tuple[str, Fact]], target: str, said_at: int, source: str
) -> bool:  # fmt: skip
    """Return whether a withdrawal of at least as much, and as late, is on record: that of a person
    covers one by the provider's switch, and not the other way round."""
    by_switch = source.startswith(SWITCH)
    return any(
        fact.name == "withdrawn"
        and topic in (target, EVERYTHING)
        and fact.at // SECOND >= said_at // SECOND
        and (by_switch or not fact.source.startswith(SWITCH))
        for topic, fact in told
    )


def _concerned(target: str, about: str | None, now: dict[str, State]) -> bool:
    """Return whether a message about a topic (None: about none) falls under a withdrawal."""
    if target not in (EVERYTHING, about):
        return False
    if about is None:
        return True
    standing = now.get(about) or now.get(EVERYTHING)
    return standing is not None and standing.state == "withdrawn"


def drop(tx: SqliteTransaction, cause: Cause, row: Moving, code: str, reason: str, at: int) -> None:
    """Drop an open delivery, for the journal too."""
    move(tx, cause, row, DeliveryState.DROPPED, at, code=code, reason=reason)
    tx.journal(
        at, "delivery.dropped", message=row.message, delivery=row.id, contact=row.contact,
        sender=row.sender, code=code, detail=reason,
    )  # fmt: skip
