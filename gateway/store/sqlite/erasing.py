"""The right to be forgotten (Article 17 GDPR): what of a person goes, and what stays.

What stays: the chain of consent events (ids, times and commitments, which tell nothing without
their evidence), that so many messages were sent, and keyed hashes so that no import brings the
person back.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.inbound import Close
from gateway.message import Message
from gateway.store.rights import Erased
from gateway.store.sqlite import remembering
from gateway.store.sqlite.cases import close_case
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import DELIVERIES, current, of_contact, same
from gateway.store.sqlite.incoming import IN_THE_AIR
from gateway.store.sqlite.suppression import ERASED, suppress

HELD = "SELECT legal_hold, erased_at FROM contacts WHERE id = ?"
OPEN_CASES = "SELECT id FROM cases WHERE contact_id = ? AND closed_at IS NULL"
FORGET_CASES = "UPDATE cases SET text = '', fields = '{}', answer = '' WHERE contact_id = ?"
FORGET_EVIDENCE = """
DELETE FROM consent_evidence WHERE number IN
  (SELECT number FROM consent_events WHERE contact_id = ?)
"""
FORGET_INBOUND = """
UPDATE inbound SET words = '', caption = '', quoted = NULL, raw = x'', provider_id = 'erased:' || id
WHERE contact_id = ?
"""
FORGET_ATTEMPTS = """
UPDATE attempts SET provider_id = NULL, detail = '', notes = '' WHERE delivery_id = ?
"""
# The provider's ids of messages hold the phone number (WhatsApp: base64 behind "wamid.").
FORGET_SIGN_UPS = "DELETE FROM sign_ups WHERE contact_id = ? AND reusable = 0"
UNBIND_SIGN_UPS = "UPDATE sign_ups SET contact_id = NULL WHERE contact_id = ?"
FORGET_WINDOWS = "DELETE FROM windows WHERE contact_id = ?"
FORGET_ECHOES = "DELETE FROM echoes WHERE contact_id = ?"
FORGET_TROUBLES = "DELETE FROM troubles WHERE contact_id = ?"
FORGET_IDENTITIES = "DELETE FROM identities WHERE contact_id = ?"
FORGET_CONSENTS = "DELETE FROM consents WHERE contact_id = ?"
FORGET_CONTACT = """
UPDATE contacts SET language = NULL, name = '', paused_until = NULL, per_week = NULL, erased_at = ?
WHERE id = ?
"""
PROOF_FILES = "DELETE FROM proof_files WHERE contact_id = ? RETURNING hash"
STILL_PROOF = "SELECT 1 FROM proof_files WHERE hash = ? LIMIT 1"
OWN_MESSAGES = "SELECT id, original, body FROM messages WHERE contact_id = ?"
EMPTY_MESSAGE = "UPDATE messages SET original = ?, body = ?, reason = '' WHERE id = ?"
CONTENTS_OF = """
SELECT a.content, a.form, c.body FROM attempts a JOIN contents c ON c.hash = a.content
WHERE a.delivery_id = ?
"""
USED_BY_OTHERS = """
SELECT 1 FROM attempts a CROSS JOIN deliveries d ON d.id = a.delivery_id
JOIN contacts c ON c.id = d.contact_id AND c.erased_at IS NULL
WHERE a.content = ? AND a.form = 'text' AND d.contact_id <> ? LIMIT 1
"""
FORGET_CONTENT = "DELETE FROM contents WHERE hash = ?"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Message).decode


def refusal(tx: SqliteTransaction, contact: int) -> str:
    """Return why a contact cannot be erased now, in one sentence; empty if it can."""
    row = tx.one(HELD, (contact,))
    if row is None:
        return "there is no such contact"
    hold, erased = row
    if erased is not None:
        return "this contact was erased already"
    if hold:
        return f"this contact is held ({hold}); `gateway contacts release` lifts that"
    if any(tx.one(IN_THE_AIR, (id,)) for id in same(tx, contact)):
        return "a message to this contact is being sent; try again in a minute"
    return ""


def erase(tx: SqliteTransaction, contact: int, by: str, reason: str, at: int) -> Erased:
    """See RightsStore.erase."""
    contact = current(tx, contact)
    if why := refusal(tx, contact):
        return Erased(refused=why)
    everybody = same(tx, contact)
    identities = [one.identity for id in everybody for one in of_contact(tx, id)]
    suppress(tx, identities, ERASED, at)
    remembering.erased(tx, identities, at)
    files = forget(tx, everybody, by, at)
    tx.journal(at, "contact.erased", contact=contact, detail=reason)
    return Erased(identities=len(identities), files=files)


def forget(tx: SqliteTransaction, contacts: Sequence[int], by: str, at: int) -> tuple[bytes, ...]:
    """Take away what is personal of the contacts of one person.  Returns the SHA-256 of the proof
    files that nothing needs any more."""
    files: set[bytes] = set()
    tx.execute("PRAGMA secure_delete = on")  # also in pages that become free
    try:
        for contact in contacts:
            files |= _forget(tx, contact, by, at)
    finally:
        tx.execute("PRAGMA secure_delete = fast")
    return tuple(sorted(digest for digest in files if not tx.one(STILL_PROOF, (digest,))))


def _forget(tx: SqliteTransaction, contact: int, by: str, at: int) -> set[bytes]:
    for (case,) in list(tx.rows(OPEN_CASES, (contact,))):
        close_case(tx, Close(case=case, by=by), at)
    _empty_deliveries(tx, contact)
    files = {bytes(digest) for (digest,) in list(tx.rows(PROOF_FILES, (contact,)))}
    for statement in (
        FORGET_CASES,
        FORGET_EVIDENCE,
        FORGET_INBOUND,
        FORGET_SIGN_UPS,
        UNBIND_SIGN_UPS,
        FORGET_WINDOWS,
        FORGET_ECHOES,
        FORGET_TROUBLES,
        FORGET_IDENTITIES,
        FORGET_CONSENTS,
    ):
        tx.execute(statement, (contact,))
    tx.execute(FORGET_CONTACT, (at, contact))
    return files


def _empty_deliveries(tx: SqliteTransaction, contact: int) -> None:
    """Take the person out of what was sent: the words of messages for this person alone, and of
    others what holds the number, or, if nobody else got just that, the name."""
    own = {id: (original, body) for id, original, body in tx.rows(OWN_MESSAGES, (contact,))}
    marks = [one.identity.value.lstrip("+").encode() for one in of_contact(tx, contact)]
    name = tx.one("SELECT name FROM contacts WHERE id = ?", (contact,))
    called = name[0].encode() if name and name[0] else None
    for delivery, message, *_ in list(tx.rows(DELIVERIES, (contact,))):
        for content, form, body in list(tx.rows(CONTENTS_OF, (delivery,))):
            alone = form == "text" and not tx.one(USED_BY_OTHERS, (content, contact))
            named = message in own or (called is not None and called in body)
            if any(mark in body for mark in marks) or (alone and named):
                tx.execute(FORGET_CONTENT, (content,))
                tx.known_contents.pop(bytes(content), None)
        tx.execute(FORGET_ATTEMPTS, (delivery,))
    for id, (original, body) in own.items():
        tx.execute(EMPTY_MESSAGE, (_emptied(original), _emptied(body), id))


def _emptied(encoded: bytes) -> bytes:
    kept = _decode(encoded)
    return _encode(
        kept.replace(
            title="",
            text="",
            link="",
            image=None,
            forms=(),
            notes=(),
            buttons=(),
            card=None,
            menu="",
            doubt="",
        )
    )
