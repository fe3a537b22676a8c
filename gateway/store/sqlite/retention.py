"""What is kept for a time, and goes: one short step per call, each from where the last one ended.

A contact that is held (a lawsuit, an authority that asked) keeps everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gateway.store.rights import Purge, Purged
from gateway.store.sqlite import moving
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.erasing import FORGET_CONTENT, PROOF_FILES, STILL_PROOF, forget
from gateway.store.sqlite.identities import DELIVERIES, current, of_contact, same
from gateway.store.sqlite.suppression import suppress

ENDED = ("withdrawn", "refused", "expired")

_HELD = "(SELECT id FROM contacts WHERE legal_hold <> '')"
RAW = "SELECT id, received_at FROM inbound WHERE raw <> x'' AND id > ? ORDER BY id LIMIT ?"
RAW_GONE = f"""
UPDATE inbound SET raw = x''
WHERE raw <> x'' AND id > ? AND id <= ? AND coalesce(contact_id, 0) NOT IN {_HELD}
"""
EVENTS = "SELECT id, at FROM account_events WHERE raw <> x'' AND id > ? ORDER BY id LIMIT ?"
EVENTS_GONE = "UPDATE account_events SET raw = x'' WHERE raw <> x'' AND id > ? AND id <= ?"
INBOUND = "SELECT id, received_at FROM inbound WHERE id > ? ORDER BY id LIMIT ?"
INBOUND_GONE = (
    f"DELETE FROM inbound WHERE id > ? AND id <= ? AND coalesce(contact_id, 0) NOT IN {_HELD}"
)
WINDOWS = "SELECT until, until FROM windows WHERE until > ? ORDER BY until LIMIT ?"
WINDOWS_OVER = f"DELETE FROM windows WHERE until > ? AND until <= ? AND contact_id NOT IN {_HELD}"
ECHOES = "SELECT at, at FROM echoes WHERE at > ? ORDER BY at LIMIT ?"
ECHOES_GONE = (
    f"DELETE FROM echoes WHERE at > ? AND at <= ? AND coalesce(contact_id, 0) NOT IN {_HELD}"
)
CASES = "SELECT closed_at, closed_at FROM cases WHERE closed_at > ? ORDER BY closed_at LIMIT ?"
CASES_GONE = f"""
DELETE FROM cases WHERE closed_at > ? AND closed_at <= ?
AND coalesce(contact_id, 0) NOT IN {_HELD}
"""
SIGN_UPS = "SELECT at, at FROM sign_ups WHERE reusable = 0 AND at > ? ORDER BY at LIMIT ?"
SIGN_UPS_GONE = f"""
DELETE FROM sign_ups WHERE reusable = 0 AND at > ? AND at <= ?
AND coalesce(contact_id, 0) NOT IN {_HELD}
"""
CONTENTS = "SELECT used_at, used_at FROM contents WHERE used_at > ? ORDER BY used_at LIMIT ?"
CONTENTS_OVER = "SELECT hash FROM contents WHERE used_at > ? AND used_at <= ?"
HELD = "SELECT id FROM contacts WHERE legal_hold <> ''"
CONTENTS_OF = "SELECT content FROM attempts WHERE delivery_id = ?"
LOOKUPS = "SELECT id, at FROM lookups WHERE id > ? ORDER BY id LIMIT ?"
LOOKUPS_GONE = f"""
DELETE FROM lookups WHERE id > ? AND id <= ? AND coalesce(contact_id, 0) NOT IN {_HELD}
"""
JOURNAL = "SELECT id, at FROM journal WHERE id > ? ORDER BY id LIMIT ?"
JOURNAL_GONE = f"""
DELETE FROM journal WHERE id > ? AND id <= ? AND coalesce(contact_id, 0) NOT IN {_HELD}
"""
POSITION = "SELECT position FROM positions WHERE observer = ?"

MESSAGES = "SELECT id, accepted_at, state FROM messages WHERE id > ? ORDER BY id LIMIT 1"
STILL_OPEN = "SELECT 1 FROM depths WHERE message_id = ? AND state < 5 AND n > 0"
SENT = f"""
SELECT id, state FROM deliveries WHERE message_id = ? AND contact_id NOT IN {_HELD} LIMIT ?
"""
ATTEMPTS_GONE = "DELETE FROM attempts WHERE delivery_id = ?"
ANY_DELIVERY = "SELECT 1 FROM deliveries WHERE message_id = ? LIMIT 1"
DEPTHS_GONE = "DELETE FROM depths WHERE message_id = ?"
SHARE_GONE = "DELETE FROM shares WHERE message_id = ?"
MESSAGE_GONE = "DELETE FROM messages WHERE id = ?"

EVIDENCE = """
SELECT e.number, e.recorded_at, e.contact_id, e.topic
FROM consent_evidence v CROSS JOIN consent_events e ON e.number = v.number
WHERE v.number > ? ORDER BY v.number LIMIT ?
"""
CONSENTS = "SELECT topic, state, since FROM consents WHERE contact_id = ?"
EVIDENCE_GONE = "DELETE FROM consent_evidence WHERE number = ?"
EVIDENCE_LEFT = """
SELECT 1 FROM consent_events e JOIN consent_evidence v ON v.number = e.number
WHERE e.contact_id = ? LIMIT 1
"""
DECIDED = """
SELECT 1 FROM consent_events
WHERE contact_id = ? AND name IN ('confirmed', 'imported', 'refused', 'withdrawn') LIMIT 1
"""
UNCONFIRMED = """
SELECT since, since, contact_id FROM consents
WHERE state IN ('requested', 'expired') AND since > ? ORDER BY since LIMIT ?
"""
CONTACTS = """
SELECT c.id, c.created_at FROM contacts c
WHERE c.id > ? AND c.merged_into IS NULL ORDER BY c.id LIMIT ?
"""
GONE_ALREADY = "SELECT legal_hold <> '' OR erased_at IS NOT NULL FROM contacts WHERE id = ?"
RECENT = """
SELECT 1 FROM inbound WHERE contact_id = ?1 AND received_at >= ?2
UNION ALL SELECT 1 FROM cases WHERE contact_id = ?1 AND closed_at IS NULL
UNION ALL SELECT 1 FROM messages WHERE contact_id = ?1 AND accepted_at >= ?2
UNION ALL SELECT 1 FROM deliveries WHERE contact_id = ?1 AND state < 5
LIMIT 1
"""
BUSY = """
SELECT 1 FROM inbound WHERE contact_id = ?1
UNION ALL SELECT 1 FROM cases WHERE contact_id = ?1 AND closed_at IS NULL
UNION ALL SELECT 1 FROM messages WHERE contact_id = ?1
UNION ALL SELECT 1 FROM deliveries WHERE contact_id = ?1 AND state < 5
LIMIT 1
"""


class Step(NamedTuple):
    """How much a step may look at, from where on, and what is too old (UTC microseconds)."""

    before: int
    after: int
    limit: int
    at: int
    observers: tuple[str, ...]


def purge(tx: SqliteTransaction, what: Purge, step: Step) -> Purged:
    """See RightsStore.purge."""
    return STEPS[what](tx, step)


def _range(look: str, take: str) -> Callable[[SqliteTransaction, Step], Purged]:
    """A class whose rows lie in the order of their age, so that one statement takes them."""

    def run(tx: SqliteTransaction, step: Step) -> Purged:
        old, after = _old(tx, look, step)
        if not old:
            return Purged()
        tx.execute(take, (step.after, old[-1][0]))
        return Purged(gone=tx.changed(), after=after)

    return run


def _old(tx: SqliteTransaction, look: str, step: Step) -> tuple[list[tuple[Any, ...]], int | None]:
    """Return the rows that are too old, and where to go on; None if that was all of them."""
    rows = list(tx.rows(look, (step.after, step.limit)))
    old = [row for row in rows if row[1] < step.before]
    return old, old[-1][0] if len(old) == step.limit else None


def _journal(tx: SqliteTransaction, step: Step) -> Purged:
    positions = [tx.one(POSITION, (observer,)) for observer in step.observers]
    read = min((row[0] if row else 0 for row in positions), default=None)
    old, after = _old(tx, JOURNAL, step)
    if read is not None:
        seen = [row for row in old if row[0] <= read]
        old, after = seen, after if len(seen) == len(old) else None
    if not old:
        return Purged()
    tx.execute(JOURNAL_GONE, (step.after, old[-1][0]))
    return Purged(gone=tx.changed(), after=after)


def _sent(tx: SqliteTransaction, step: Step) -> Purged:
    """One message at a time; it goes when the last of its deliveries has gone."""
    row = tx.one(MESSAGES, (step.after,))
    if row is None or row[1] >= step.before:
        return Purged()
    message, _, state = row
    if state not in ("started", "cancelled", "dropped") or tx.one(STILL_OPEN, (message,)):
        return Purged(after=message)
    found = list(tx.rows(SENT, (message, step.limit)))
    for delivery, of in found:
        tx.execute(ATTEMPTS_GONE, (delivery,))
        moving.purge(tx, delivery, message, of)
    if found:  # the depths are written with the commit: the message goes with the next step
        return Purged(gone=len(found), after=step.after)
    if tx.one(ANY_DELIVERY, (message,)) is None:
        tx.execute(DEPTHS_GONE, (message,))
        tx.execute(SHARE_GONE, (message,))
        tx.execute(MESSAGE_GONE, (message,))
        return Purged(gone=1, after=message)
    return Purged(after=message)


def _contents(tx: SqliteTransaction, step: Step) -> Purged:
    """What was sent, in its words, unless it was sent to somebody who is held."""
    old, after = _old(tx, CONTENTS, step)
    if not old:
        return Purged()
    held = {
        content
        for (contact,) in list(tx.rows(HELD))
        for one in same(tx, contact)
        for delivery, *_ in list(tx.rows(DELIVERIES, (one,)))
        for (content,) in tx.rows(CONTENTS_OF, (delivery,))
    }
    over = {digest for (digest,) in tx.rows(CONTENTS_OVER, (step.after, old[-1][0]))} - held
    for digest in over:
        tx.execute(FORGET_CONTENT, (digest,))
    return Purged(gone=len(over), after=after)


def _proof(tx: SqliteTransaction, step: Step) -> Purged:
    """Evidence goes when the consent that it proves ended that long ago; with the last of it goes
    the person, of whom only the keyed hash stays, so that the withdrawal holds."""
    old, after = _old(tx, EVIDENCE, step)
    gone, files = 0, set[bytes]()
    for number, _, by, topic in old:
        contact = current(tx, by)
        if _kept(tx, contact) or not _ended(tx, contact, topic, step.before):
            continue
        tx.execute(EVIDENCE_GONE, (number,))
        gone += 1
        everybody = same(tx, contact)
        if any(tx.one(EVIDENCE_LEFT, (one,)) for one in everybody):
            continue
        for one in everybody:
            files |= {bytes(digest) for (digest,) in list(tx.rows(PROOF_FILES, (one,)))}
        if tx.suppression is not None and not any(tx.one(BUSY, (one,)) for one in everybody):
            suppress(
                tx, [one.identity for id in everybody for one in of_contact(tx, id)],
                "consent ended long ago", step.at,
            )  # fmt: skip
            forget(tx, everybody, "retention", step.at)
    unused = (digest for digest in files if not tx.one(STILL_PROOF, (digest,)))
    return Purged(gone=gone, after=after, files=tuple(sorted(unused)))


def _ended(tx: SqliteTransaction, contact: int, topic: str, before: int) -> bool:
    consents = {name: (state, since) for name, state, since in tx.rows(CONSENTS, (contact,))}
    about = [consents[topic]] if topic != "*" and topic in consents else consents.values()
    return all(state in ENDED and since < before for state, since in about)


def _unconfirmed(tx: SqliteTransaction, step: Step) -> Purged:
    """People who asked and never said yes go with all that they wrote.  Who ever decided anything
    stays: there is a consent to prove, or a no that has to hold against lists."""
    old, after = _old(tx, UNCONFIRMED, step)
    found = dict.fromkeys(contact for *_, contact in old)
    free = [
        one
        for one in found
        if not tx.one(RECENT, (one, step.before))
        and not any(tx.one(DECIDED, (each,)) for each in same(tx, one))
    ]
    return _forget_all(tx, free, after, step, ("requested", "expired"))


def _nothing_left(tx: SqliteTransaction, step: Step) -> Purged:
    """People of whom nothing is known but who they are."""
    old, after = _old(tx, CONTACTS, step)
    free = [contact for contact, *_ in old if not tx.one(BUSY, (contact,))]
    return _forget_all(tx, free, after, step, ())


def _forget_all(
    tx: SqliteTransaction,
    contacts: Sequence[int],
    after: int | None,
    step: Step,
    states: Sequence[str],
) -> Purged:
    """Forget those of the contacts whose consents are all in one of the states, for long."""
    gone, files = 0, set[bytes]()
    for contact in contacts:
        consents = list(tx.rows(CONSENTS, (contact,)))
        if _kept(tx, contact) or not all(
            state in states and since < step.before for _, state, since in consents
        ):
            continue
        files |= set(forget(tx, same(tx, contact), "retention", step.at))
        gone += 1
    return Purged(gone=gone, after=after, files=tuple(sorted(files)))


def _kept(tx: SqliteTransaction, contact: int) -> bool:
    row = tx.one(GONE_ALREADY, (contact,))
    return row is None or bool(row[0])


STEPS: dict[Purge, Callable[[SqliteTransaction, Step], Purged]] = {
    "raw": _range(RAW, RAW_GONE),
    "account": _range(EVENTS, EVENTS_GONE),
    "conversation": _range(INBOUND, INBOUND_GONE),
    "windows": _range(WINDOWS, WINDOWS_OVER),
    "echoes": _range(ECHOES, ECHOES_GONE),
    "cases": _range(CASES, CASES_GONE),
    "sign_ups": _range(SIGN_UPS, SIGN_UPS_GONE),
    "sent": _sent,
    "contents": _contents,
    "proof": _proof,
    "unconfirmed": _unconfirmed,
    "contacts": _nothing_left,
    "journal": _journal,
    "lookups": _range(LOOKUPS, LOOKUPS_GONE),
}
