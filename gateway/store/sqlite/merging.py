"""When identities change hands: two contacts that are one person, one number of two people.

What the provider itself says counts here; that an import names two identities in one row proves
nothing about who writes from them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway.consent_state import SWITCH
from gateway.inbound import DOUBTED, ConsentEvent, IdentityChange, Wording
from gateway.message import Identity
from gateway.store.protocol import micros, moment
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING, append, states
from gateway.store.sqlite.identities import (
    Known,
    find,
    know,
    known,
    of_contact,
    remember,
    retire,
)
from gateway.store.sqlite.joining import join

ACCOUNT = ("phone", "user_id", "parent_user_id")
"""Kinds that name an account at WhatsApp: with a new number all of them are new (Meta,
"Business-scoped user IDs": a new one is generated)."""

CONFIRMED = "SELECT topic FROM consents WHERE contact_id = ? AND state = 'confirmed'"
STOPPED_BY_SWITCH = f"""
SELECT c.topic FROM consents c JOIN consent_events e ON e.number = c.event
WHERE c.contact_id = ?1 AND c.state = 'withdrawn' AND c.topic <> '{EVERYTHING}'
  AND e.source LIKE '{SWITCH}%'
  AND NOT EXISTS (SELECT 1 FROM consent_events m WHERE m.contact_id = ?1 AND m.topic = c.topic
                  AND m.name = 'moved' AND m.source = '{DOUBTED}' AND m.number > c.event)
"""
"""What the person may take up again without a word, by the same switch; not doubted yet."""
UNCONFIRMED = "SELECT topic FROM consents WHERE contact_id = ? AND state = 'unconfirmed'"


def behind(
    tx: SqliteTransaction, sender: str, identities: tuple[Identity, ...], said_at: int, at: int
) -> int:
    """Return the contact behind what a sender's provider handed over, made if it is new.

    A number that comes with another user id than it used to has another owner: the consents that
    were given from it are doubted.  Two contacts that are shown to be one person are merged.
    """
    found = {one.contact: one for one in known(tx, identities, retired=False)}
    if len(found) < 2 and not any(one.identity.kind == "phone" for one in found.values()):
        return know(tx, identities, at, sender=sender)
    contact = _named(tx, identities, found.values())
    for other in sorted(found.keys() - {contact}):
        if _strange(tx, other, identities, sender, said_at):
            _take_over(tx, contact, other, identities, sender, said_at, at)
        else:
            contact = join(tx, contact, other, sender, at)
    if any(one.kind == "user_id" for one in identities):
        strange = _strange(tx, contact, identities, sender, said_at)
        if strange:
            doubt(tx, contact, sender, said_at, at, "another user id writes from this number")
        for one in strange:
            retire(tx, one.identity, at)
    return know(tx, identities, at, sender=sender)


def shown(
    tx: SqliteTransaction, sender: str, identities: tuple[Identity, ...], said_at: int, at: int
) -> None:
    """Learn from a status whose number it went to; of strangers it tells nothing."""
    if find(tx, identities, retired=False) is not None:
        behind(tx, sender, identities, said_at, at)


def _named(tx: SqliteTransaction, identities: Sequence[Identity], found: Iterable[Known]) -> int:
    """Return the contact that the best of the identities names: a user id is never given to
    somebody else, a number is."""
    by_id = [one.contact for one in found if one.identity.kind != "phone"]
    contact = by_id[0] if by_id else find(tx, identities, retired=False)
    assert contact is not None  # or there is nothing to choose from
    return contact


def _strange(
    tx: SqliteTransaction,
    contact: int,
    identities: Iterable[Identity],
    sender: str,
    said_at: int,
) -> list[Known]:
    """Return the user ids by which the same sender knew the contact before this was said, if what
    it shows now are others.  Two portfolios know one person by two ids: those of other senders
    say nothing."""
    shown = {one.value for one in identities if one.kind == "user_id"}
    ours = [
        one
        for one in of_contact(tx, contact)
        if one.identity.kind == "user_id" and not one.retired and one.sender in (sender, "")
    ]
    if any(one.identity.value in shown or one.since >= said_at for one in ours):
        return []
    return ours


def _strangers(tx: SqliteTransaction, one: int, other: int, sender: str, said_at: int) -> bool:
    """Return whether the sender knows two contacts by different user ids."""
    theirs = [known.identity for known in of_contact(tx, one) if not known.retired]
    return bool(
        _strange(tx, one, (), sender, said_at) and _strange(tx, other, theirs, sender, said_at)
    )


def _take_over(
    tx: SqliteTransaction,
    contact: int,
    other: int,
    identities: Iterable[Identity],
    sender: str,
    said_at: int,
    at: int,
) -> None:
    """Give a contact the identities that were another's, whose consents are doubted.

    A list that has the other's consent under the number would confirm it for whoever has the
    number now: so it is doubted here too, where nothing is known of the topic.
    """
    for topic in sorted(states(tx, other).keys() - states(tx, contact).keys() - {EVERYTHING}):
        why = {"why": "the number was somebody else's before"}
        _moved(tx, contact, topic, DOUBTED, sender, said_at, at, why)
    doubt(tx, other, sender, said_at, at, "somebody else has this number now")
    for one in list(known(tx, identities, retired=False)):
        if one.contact == other:
            retire(tx, one.identity, at)
            remember(tx, contact, one.identity, at, sender)


def change(tx: SqliteTransaction, change: IdentityChange, sender: str, at: int) -> None:
    """Apply what the provider said about identities.  Of people that nobody knows it changes
    nothing, and said twice it changes nothing more."""
    contact = find(tx, change.old, retired=False)
    if contact is None:
        return
    said_at = min(micros(change.at), at)
    if change.kind == "doubted":
        doubt(tx, contact, sender, said_at, at, "the provider doubts it")
        return
    moved = change.kind == "moved"
    new = [one for one in change.new if one not in change.old]
    if not new or (moved and _stale(tx, contact, change, said_at)):
        return
    if not moved and any(one.kind == "user_id" for one in new):
        behind(tx, sender, (*change.old, *new), said_at, at)  # it may be somebody else's by now
        return
    if moved:
        for one in of_contact(tx, contact):
            if one.identity.kind in ACCOUNT and not one.retired and one.identity not in new:
                retire(tx, one.identity, at)
        evidence = {"old": _words(change.old), "new": _words(change.new)}
        _moved(tx, contact, EVERYTHING, f"said by the provider of {sender}", sender,
               said_at, at, evidence)  # fmt: skip
    for other in sorted({one.contact for one in known(tx, new, retired=False)} - {contact}):
        if moved and _strange(tx, other, change.new, sender, said_at):
            _take_over(tx, contact, other, new, sender, said_at, at)
        elif not moved and _strangers(tx, contact, other, sender, said_at):
            _take_over(tx, other, contact, change.old, sender, said_at, at)
            contact = other
        else:
            contact = join(tx, contact, other, sender, at)
    for identity in new:
        remember(tx, contact, identity, at, sender)


def _stale(tx: SqliteTransaction, contact: int, change: IdentityChange, said_at: int) -> bool:
    """Return whether a change came again after somebody else took the old number over: the new
    one is known as another person's, and the old one has its owner since later."""
    new = find(tx, change.new)
    since = [one.since for one in known(tx, change.old, retired=False)]
    return new is not None and new != contact and min(since) > said_at


def doubt(
    tx: SqliteTransaction, contact: int, sender: str, said_at: int, at: int, why: str
) -> None:
    """Note per confirmed topic, and per one that was stopped by the provider's switch, that
    somebody else may have the number now: until that person says yes again nothing goes out."""
    agreed = [
        topic for query in (CONFIRMED, STOPPED_BY_SWITCH) for (topic,) in tx.rows(query, (contact,))
    ]
    for topic in agreed:
        _moved(tx, contact, topic, DOUBTED, sender, said_at, at, {"why": why})


def _moved(
    tx: SqliteTransaction,
    contact: int,
    topic: str,
    source: str,
    sender: str,
    said_at: int,
    at: int,
    evidence: dict[str, str],
) -> None:
    event = ConsentEvent(
        name="moved", at=moment(said_at), topic=topic, source=source, sender=sender,
        evidence=evidence,
    )  # fmt: skip
    append(tx, contact, topic, event, at)


def ask_again(
    tx: SqliteTransaction,
    contact: int,
    sender: str,
    said_at: int,
    at: int,
    wordings: Mapping[str, Wording] | None = None,
) -> int:
    """Whoever writes from a doubted number is asked once more: a fresh request per unconfirmed
    topic, in today's words.  Returns how many."""
    topics = [topic for (topic,) in tx.rows(UNCONFIRMED, (contact,))]
    for topic in topics:
        event = ConsentEvent(
            name="requested", at=moment(said_at), topic=topic, source="wrote after the doubt",
            sender=sender, wording=(wordings or {}).get(topic),
        )  # fmt: skip
        append(tx, contact, topic, event, at)
    return len(topics)


def _words(identities: Iterable[Identity]) -> str:
    return ", ".join(f"{one.kind} {one.value}" for one in identities)
