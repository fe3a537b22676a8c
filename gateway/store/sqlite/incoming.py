"""The way back: a webhook in one transaction — people, windows, withdrawals, statuses."""

from __future__ import annotations

from collections import Counter

from gateway.ids import new_id
from gateway.inbound import Inbound, Intake, Status
from gateway.store.protocol import AttemptState, DeliveryState, Taken, micros
from gateway.store.sqlite import people
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.settling import derive

WINDOW = 24 * 3600 * 1_000_000
"""How long a person's message lets free text through (Meta: 24 hours)."""

BY_CALLBACK = """
SELECT a.state, a.provider_id, d.message_id, d.contact_id, d.sender, d.state, a.delivery_id, a.n
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.delivery_id = ? AND a.n = ?
"""
BY_PROVIDER_ID = """
SELECT a.state, a.provider_id, d.message_id, d.contact_id, d.sender, d.state, a.delivery_id, a.n
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.provider_id = ?
"""
IN_THE_AIR = "SELECT 1 FROM deliveries WHERE contact_id = ? AND state = 2 AND state < 5 LIMIT 1"
SEEN = "SELECT 1 FROM inbound WHERE sender = ? AND provider_id = ?"

_LIFTS = {
    "sent": AttemptState.SENT,
    "delivered": AttemptState.DELIVERED,
    "read": AttemptState.READ,
    "failed": AttemptState.FAILED,
}


def intake(tx: SqliteTransaction, batch: Intake, withdrawals: frozenset[str], at: int) -> Taken:
    """See Store.intake."""
    withdrawn: list[int] = []
    dropped = taken = duplicates = 0
    for inbound in batch.messages:
        if tx.one(SEEN, (batch.sender, inbound.provider_id)):
            duplicates += 1
            continue
        taken += 1
        contact = _take(tx, batch.sender, inbound, at)
        if inbound.provider_id in withdrawals:
            dropped += people.withdraw(
                tx,
                contact,
                f"message:{inbound.provider_id}",
                at,
                evidence={"words": inbound.words, "sender": batch.sender},
                said_at=micros(inbound.at),
            )
            withdrawn.append(contact)
    statuses: Counter[str] = Counter()
    unmatched = 0
    for status in batch.statuses:
        if _apply(tx, status, at):
            statuses[status.status] += 1
        else:
            unmatched += 1
            tx.journal(at, "status.unmatched", sender=batch.sender, code=status.status)
    for event in batch.events:
        tx.execute(
            "INSERT INTO account_events VALUES (?, ?, ?, ?, ?, ?)",
            (new_id(), batch.sender, event.name, event.understood, micros(event.at), event.raw),
        )
        tx.journal(
            at,
            "account",
            sender=batch.sender,
            code=event.name,
            detail="" if event.understood else "not understood",
        )
    return Taken(
        withdrawn=tuple(withdrawn),
        sending=tuple(contact for contact in withdrawn if tx.one(IN_THE_AIR, (contact,))),
        inbound=taken,
        duplicates=duplicates,
        statuses=statuses,
        unmatched=unmatched,
        dropped=dropped,
    )


def _take(tx: SqliteTransaction, sender: str, inbound: Inbound, at: int) -> int:
    contact = people.know(tx, inbound.identities, at)
    tx.execute(
        "INSERT INTO inbound (id, sender, provider_id, contact_id, kind, words, at, received_at, raw)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            new_id(),
            sender,
            inbound.provider_id,
            contact,
            inbound.kind,
            inbound.words,
            micros(inbound.at),
            at,
            inbound.raw,
        ),
    )
    if inbound.opens_window:
        # The provider's time of the message counts, not ours: webhooks can be hours late.
        tx.execute(
            "INSERT INTO windows VALUES (?, ?, ?) ON CONFLICT (sender, contact_id)"
            " DO UPDATE SET until = max(until, excluded.until)",
            (sender, contact, min(micros(inbound.at), at) + WINDOW),
        )
    tx.journal(at, "inbound", contact=contact, sender=sender, code=inbound.kind)
    return contact


def _apply(tx: SqliteTransaction, status: Status, at: int) -> bool:
    """Move an attempt up its lattice.  False if no attempt of ours is meant."""
    row = None
    if status.callback:
        delivery_text, _, n_text = status.callback.partition(":")
        if delivery_text.isdecimal() and n_text.isdecimal() and len(delivery_text) < 20:
            row = tx.one(BY_CALLBACK, (int(delivery_text) & (2**63 - 1), int(n_text)))
    if row is None and status.provider_id:
        row = tx.one(BY_PROVIDER_ID, (status.provider_id,))
    if row is None:
        return False
    before, provider_id, message, contact, sender, delivery_state, delivery, n = row
    if provider_id is not None and status.provider_id and provider_id != status.provider_id:
        tx.journal(
            at,
            "status.second_id",
            message=message,
            delivery=delivery,
            contact=contact,
            sender=sender,
            detail=status.provider_id,
        )
    new = _LIFTS[status.status]
    when = f"{status.status}_at"  # the names are ours, from _LIFTS
    tx.execute(
        f"UPDATE attempts SET state = max(state, ?), {when} = coalesce({when}, ?),"
        " provider_id = coalesce(provider_id, ?),"
        " code = CASE WHEN ? THEN ? ELSE code END, detail = CASE WHEN ? THEN ? ELSE detail END"
        " WHERE delivery_id = ? AND n = ?",
        (
            int(new),
            micros(status.at),
            status.provider_id or None,
            new == AttemptState.FAILED,
            status.code,
            new == AttemptState.FAILED,
            status.detail,
            delivery,
            n,
        ),
    )
    if new <= before:
        return True
    tx.journal(
        at,
        f"delivery.{status.status}",
        message=message,
        delivery=delivery,
        contact=contact,
        sender=sender,
        code=status.code,
        detail=str(n),
    )
    if delivery_state == DeliveryState.SENDING:
        return True  # settle derives it, once the answer to our own request is in
    derive(tx, delivery, message, delivery_state, at, code=status.code, reason=status.detail)
    return True
