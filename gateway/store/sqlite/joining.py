"""Two contacts turn out to be one person: what hangs on the younger one goes to the older one.

Consent events stay under the contact they were written with, for the chain does not change;
`contacts.merged_into` says whose they are, and the state is derived over all of them.
"""

from __future__ import annotations

from gateway.inbound import ConsentEvent
from gateway.store.protocol import DeliveryState, moment
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING, append
from gateway.store.sqlite.identities import DELIVERIES
from gateway.store.sqlite.moving import Moving, move
from gateway.store.sqlite.withdrawing import drop
from gateway.store.states import Cause

TWICE = "twice"
"""Code of a delivery that is dropped because the same person gets the message as another."""

HANDED_ON = (
    "UPDATE identities SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE inbound SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE cases SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE sign_ups SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE echoes SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE lookups SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE OR REPLACE proof_files SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE messages SET contact_id = ?1 WHERE contact_id = ?2",
    "UPDATE contacts SET merged_into = ?1 WHERE merged_into = ?2",
    "UPDATE contacts SET merged_into = ?1 WHERE id = ?2",
)
WINDOWS = """
INSERT INTO windows SELECT sender, ?1, until FROM windows WHERE contact_id = ?2
ON CONFLICT (sender, contact_id) DO UPDATE SET until = max(until, excluded.until)
"""
WINDOWS_GONE = "DELETE FROM windows WHERE contact_id = ?"
TROUBLES = """
INSERT INTO troubles SELECT ?1, sender, code, n, last_at, until FROM troubles WHERE contact_id = ?2
ON CONFLICT (contact_id, sender, code) DO UPDATE SET n = n + excluded.n,
  last_at = max(last_at, excluded.last_at),
  until = max(coalesce(until, excluded.until), coalesce(excluded.until, until))
"""
TROUBLES_GONE = "DELETE FROM troubles WHERE contact_id = ?"
FILLED_IN = """
UPDATE contacts SET
  language = coalesce(contacts.language, o.language),
  name = CASE contacts.name WHEN '' THEN o.name ELSE contacts.name END,
  paused_until = max(coalesce(contacts.paused_until, o.paused_until),
                     coalesce(o.paused_until, contacts.paused_until)),
  per_week = min(coalesce(contacts.per_week, o.per_week), coalesce(o.per_week, contacts.per_week)),
  legal_hold = CASE contacts.legal_hold WHEN '' THEN o.legal_hold ELSE contacts.legal_hold END
FROM (SELECT * FROM contacts WHERE id = ?2) AS o WHERE contacts.id = ?1
"""
CONSENTS_GONE = "DELETE FROM consents WHERE contact_id = ?"
TWINS = f"""
SELECT d.id, d.message_id, d.sender, d.state, o.id, o.state
FROM ({DELIVERIES}) d LEFT JOIN deliveries o ON o.message_id = d.message_id AND o.contact_id = ?2
"""
NOT_AGAIN = "UPDATE deliveries SET code = ? WHERE id = ?"
MOVE = "UPDATE deliveries SET contact_id = ? WHERE id = ?"
IN_FLIGHT = "SELECT 1 FROM in_flight WHERE sender = ? AND contact_id = ?"
FLY_ON = "UPDATE in_flight SET contact_id = ? WHERE sender = ? AND contact_id = ?"


def join(tx: SqliteTransaction, one: int, other: int, sender: str, at: int) -> int:
    """Make one contact of two, the older one; returns it."""
    if one == other:
        return one
    kept, gone = sorted((one, other))
    _deliveries(tx, kept, gone, at)
    tx.execute(FILLED_IN, (kept, gone))
    tx.execute(WINDOWS, (kept, gone))
    tx.execute(WINDOWS_GONE, (gone,))
    tx.execute(TROUBLES, (kept, gone))
    tx.execute(TROUBLES_GONE, (gone,))
    for statement in HANDED_ON:
        tx.execute(statement, (kept, gone))
    tx.execute(CONSENTS_GONE, (gone,))
    event = ConsentEvent(
        name="moved", at=moment(at), source=f"two contacts are one person, shown by {sender}",
        sender=sender, evidence={"contact": str(gone)},
    )  # fmt: skip
    append(tx, kept, EVERYTHING, event, at)  # derives every state, over the events of both
    tx.journal(at, "contact.merged", contact=kept, sender=sender, detail=str(gone))
    return kept


def _deliveries(tx: SqliteTransaction, kept: int, gone: int, at: int) -> None:
    """Hand on what was sent and what waits; a message that both had reaches the person once.

    What is being sent stays where it is if the other contact has something in the air too: then
    nothing of it is tried again, for a contact without identities is not reached.
    """
    for id, message, sender, state, twin, twin_state in list(tx.rows(TWINS, (gone, kept))):
        if state == DeliveryState.LEASED:
            _give_back(tx, id, message, sender, gone, at)
            state = DeliveryState.QUEUED
        if twin is None:
            if state == DeliveryState.SENDING:
                if tx.one(IN_FLIGHT, (sender, kept)):
                    continue
                tx.execute(FLY_ON, (kept, sender, gone))
            tx.execute(MOVE, (kept, id))
        elif state == twin_state == DeliveryState.SENDING:
            for delivery in (id, twin):
                tx.execute(NOT_AGAIN, (TWICE, delivery))
        elif state < DeliveryState.UNKNOWN and state != DeliveryState.SENDING:
            _twice(tx, id, message, sender, gone, state, at)
        elif twin_state < DeliveryState.UNKNOWN and twin_state != DeliveryState.SENDING:
            if state in (DeliveryState.FAILED, DeliveryState.DROPPED):
                continue  # it never reached the person: the other one still may
            if twin_state == DeliveryState.LEASED:
                _give_back(tx, twin, message, sender, kept, at)
                twin_state = DeliveryState.QUEUED
            _twice(tx, twin, message, sender, kept, twin_state, at)


def _give_back(
    tx: SqliteTransaction, delivery: int, message: int, sender: str, contact: int, at: int
) -> None:
    leased = Moving(delivery, message, contact, sender, DeliveryState.LEASED)
    move(tx, Cause.MERGE, leased, DeliveryState.QUEUED, at)


def _twice(
    tx: SqliteTransaction, delivery: int, message: int, sender: str, contact: int, state: int,
    at: int,
) -> None:  # fmt: skip
    why = "the same person gets it as another contact"
    drop(tx, Cause.MERGE, Moving(delivery, message, contact, sender, state), TWICE, why, at)
