"""Consent events and what follows from them: the chain that is written, the states derived.

The head of the chain is read in the transaction that writes, never cached.  The table `consents`
says nothing of its own: it is the fold of gateway.consent_state, kept for those who look.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from gateway.consent_chain import BEGINNING, COLUMNS, FORMAT, commit_to, row_hash
from gateway.consent_state import Fact, State, state_of
from gateway.inbound import ConsentEvent
from gateway.store.protocol import micros
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import same
from gateway.store.sqlite.knowing import put_wording

EVERYTHING = "*"
"""The topic of an event that concerns all topics."""

HEAD = "SELECT number, hash FROM consent_events ORDER BY number DESC LIMIT 1"
LINK = f"INSERT INTO consent_events ({COLUMNS}) VALUES ({', '.join('?' * 14)})"
EVIDENCE = "INSERT INTO consent_evidence VALUES (?, ?, ?)"
FACTS = """
SELECT topic, number, CASE format WHEN 1 THEN min(at, recorded_at) ELSE at END, recorded_at, name,
       source, request
FROM consent_events WHERE contact_id = ?
"""
STATES = "SELECT topic, state, event, since FROM consents WHERE contact_id = ?"
STATE = "SELECT state, event, since FROM consents WHERE topic = ? AND contact_id = ?"
SET = """
INSERT INTO consents (topic, contact_id, state, event, since) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (topic, contact_id)
DO UPDATE SET state = excluded.state, event = excluded.event, since = excluded.since
"""
UNSET = "DELETE FROM consents WHERE topic = ? AND contact_id = ?"
TO_REBUILD = """
SELECT id FROM contacts WHERE id > ? AND merged_into IS NULL AND erased_at IS NULL
ORDER BY id LIMIT ?
"""

ALL = -1
"""A limit that is none (https://sqlite.org/lang_select.html#limitoffset)."""

LAST = 2**62
"""Stands for the number of an event that is not written yet."""


class Appended(NamedTuple):
    """The number of an event, and whether a state is another because of it."""

    number: int
    changed: bool


class Change(NamedTuple):
    """What was kept of a consent, and what its events say."""

    before: State | None
    after: State | None

    @property
    def moved(self) -> bool:
        """Whether the state is another, and not only the event that decides."""
        return (self.before and self.before.state) != (self.after and self.after.state)


def append(
    tx: SqliteTransaction,
    contact: int,
    topic: str,
    event: ConsentEvent,
    recorded_at: int,
    *,
    request: int | None = None,
    inbound: int | None = None,
    detail: str | None = None,
) -> Appended:
    """Append one event to the chain and derive the states that it concerns.

    It was said when it says, at the latest when it is recorded.  The journal tells what changed,
    once per event (`detail`: in which way, else the source), and that a question was asked.
    """
    at = said(facts(tx, contact), micros(event.at), recorded_at)
    number = _link(tx, contact, topic, event, at, recorded_at, request)
    changes = derive(tx, contact, None if topic == EVERYTHING else topic)
    moved = {name: change.after for name, change in changes.items() if change.moved}
    if moved or event.name == "asked":
        tx.journal(
            recorded_at, f"consent.{event.name}", contact=contact, code=topic,
            detail=event.source if detail is None else detail, consent=number,
            sender=event.sender or None, inbound=inbound,
        )  # fmt: skip
    for name, state in moved.items():
        if state is not None and state.state == "requested" and state.event != number:
            # An older event, told late, took away what stood before this request.
            tx.journal(
                recorded_at, "consent.requested", contact=contact, code=name, consent=state.event,
                sender=event.sender or None, inbound=inbound,
            )  # fmt: skip
    return Appended(number, bool(moved))


def _link(
    tx: SqliteTransaction,
    contact: int,
    topic: str,
    event: ConsentEvent,
    at: int,
    recorded_at: int,
    request: int | None,
) -> int:
    head = tx.one(HEAD)
    number, previous = (int(head[0]) + 1, bytes(head[1])) if head else (1, BEGINNING)
    evidence = msgspec.json.encode(event.evidence, order="sorted").decode()
    salt = secrets.token_bytes(16)
    commitment = commit_to(salt, evidence)
    wording = put_wording(tx, event.wording, recorded_at)
    digest = row_hash(
        previous, number, at, recorded_at, contact, topic, event.name, event.source, commitment,
        sender=event.sender, wording=wording, request=request,
    )  # fmt: skip
    tx.execute(
        LINK,
        (
            number, at, recorded_at, contact, topic, event.name, event.source, commitment, previous,
            digest, FORMAT, event.sender, wording, request,
        ),
    )  # fmt: skip
    tx.execute(EVIDENCE, (number, salt, evidence))
    return number


# --- states -----------------------------------------------------------------------------------------
def state(tx: SqliteTransaction, contact: int, topic: str) -> State | None:
    """Return what is kept of one consent."""
    row = tx.one(STATE, (topic, contact))
    return State._make(row) if row else None


def states(tx: SqliteTransaction, contact: int) -> dict[str, State]:
    """Return topic → what is kept."""
    return {topic: State(*rest) for topic, *rest in tx.rows(STATES, (contact,))}


def derive(tx: SqliteTransaction, contact: int, topic: str | None = None) -> dict[str, Change]:
    """Fold the events of a topic (None: of all) and keep the outcome.  Returns topic → what was
    kept and what is, where they differ."""
    changes = difference(tx, contact, topic)
    for name, (_, after) in changes.items():
        if after is None:
            tx.execute(UNSET, (name, contact))
        else:
            tx.execute(SET, (name, contact, *after))
    return changes


def difference(tx: SqliteTransaction, contact: int, topic: str | None = None) -> dict[str, Change]:
    """Return where what is kept differs from what the events say."""
    told = facts(tx, contact)
    kept = states(tx, contact)
    found = {}
    for name in sorted({topic} if topic else {*kept, *(each for each, _ in told)}):
        change = Change(kept.get(name), state_of(_about(told, name)))
        if change.before != change.after:
            found[name] = change
    return found


def strays(tx: SqliteTransaction) -> Iterator[tuple[int, str, Change]]:
    """Yield every consent that is not what its events say: contact, topic, difference.  For a
    command: this reads all of them."""
    for (contact,) in tx.rows(TO_REBUILD, (0, ALL)):
        for topic, change in difference(tx, contact).items():
            yield contact, topic, change


def would_be(
    tx: SqliteTransaction,
    contact: int,
    topic: str,
    name: str,
    said_at: int,
    at: int,
    *,
    request: int | None = None,
) -> State | None:
    """Return what a consent would be after one more event; its number then is LAST."""
    told = facts(tx, contact)
    event = Fact(LAST, said(told, said_at, at), at, name, "", request)
    return state_of([*_about(told, topic), event])


def facts(tx: SqliteTransaction, contact: int) -> list[tuple[str, Fact]]:
    """Return the events of a person, each with its topic."""
    return [
        (topic, Fact(*rest)) for one in same(tx, contact) for topic, *rest in tx.rows(FACTS, (one,))
    ]


def said(told: Iterable[tuple[str, Fact]], said_at: int | None, at: int) -> int:
    """Return when something counts as said: when it was, but not in the future; without such a
    time now.  Now is no earlier than what is on record already, also if our clock went back: a
    STOP that follows a START must not come before it."""
    now = max((fact.recorded_at for _, fact in told), default=at)
    now = max(now, at)
    return now if said_at is None else min(said_at, now)


def _about(told: Sequence[tuple[str, Fact]], topic: str) -> list[Fact]:
    return [fact for name, fact in told if name in (topic, EVERYTHING)]


def rebuild(
    tx: SqliteTransaction, after: int, limit: int
) -> tuple[int | None, list[tuple[int, str, Change]]]:
    """See PeopleStore.rebuild_consents."""
    contacts = [id for (id,) in tx.rows(TO_REBUILD, (after, limit))]
    found = [
        (contact, topic, change)
        for contact in contacts
        for topic, change in derive(tx, contact).items()
    ]
    return (contacts[-1] if len(contacts) == limit else None), found
