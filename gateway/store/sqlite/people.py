"""People as inputs hand them in: who is known, and what an input knows of their consents."""

from __future__ import annotations

from gateway.consent_state import State
from gateway.inbound import Person
from gateway.message import Identity
from gateway.store.protocol import micros
from gateway.store.sqlite import suppression
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING, append, derive, state, would_be
from gateway.store.sqlite.identities import find, find_all
from gateway.store.sqlite.identities import know as identify
from gateway.store.sqlite.withdrawing import WITHDRAWN, drop, withdraw

__all__ = [
    "EVERYTHING", "WITHDRAWN", "append", "derive", "drop", "find", "find_all", "know",
    "take_person", "withdraw",
]  # fmt: skip


def know(
    tx: SqliteTransaction,
    identities: tuple[Identity, ...],
    at: int,
    *,
    language: str | None = None,
    name: str = "",
) -> int:
    """See identities.know.  If others are known by one of the identities, all are one person,
    and who withdrew as one of them has withdrawn as all."""
    contact = identify(tx, identities, at, language=language, name=name)
    same = find_all(tx, identities)
    if len(same) > 1:
        gone = {who for who in same if _state_of(state(tx, who, EVERYTHING)) == "withdrawn"}
        for who in sorted(same - gone) if gone else ():
            withdraw(tx, who, "withdrew as another contact of the same person", at)
    return contact


def take_person(tx: SqliteTransaction, person: Person, at: int) -> int | None:
    """Take a person with the events that an input knows of.  Returns the contact; None for
    somebody who was erased: only a message from the own phone brings that person back, neither a
    list nor a number that somebody typed into a form.

    An import that changes nothing is not recorded; what a person did always is.
    """
    if suppression.is_suppressed(tx, person.identities):
        return None
    contact = know(tx, person.identities, at, language=person.language, name=person.name)
    for event in person.events:
        topic = None if event.topic == EVERYTHING else event.topic
        said_at = micros(event.at)
        if event.name == "withdrawn":
            withdraw(
                tx, contact, event.source, at, topic=topic, evidence=event.evidence,
                said_at=said_at, sender=event.sender,
            )  # fmt: skip
        elif topic is not None:
            if event.name == "imported":
                after = would_be(tx, contact, topic, event.name, said_at, at)
                if _state_of(after) == _standing(tx, contact, topic):
                    continue
            append(tx, contact, topic, event, at)
    return contact


def _standing(tx: SqliteTransaction, contact: int, topic: str) -> str:
    """Return what a consent is, also of a topic that only a withdrawal of everything is about."""
    return _state_of(state(tx, contact, topic) or state(tx, contact, EVERYTHING))


def _state_of(state: State | None) -> str:
    return state.state if state else ""
