"""The way back: a webhook in one transaction — people, windows, withdrawals, statuses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from gateway.consent_state import SWITCH
from gateway.errors import WIDE
from gateway.ids import new_id
from gateway.inbound import Act, Inbound, Intake, Status
from gateway.message import PRIORITY
from gateway.store.people import Terms
from gateway.store.protocol import AttemptState, DeliveryState, Taken, micros
from gateway.store.sqlite import merging, people, troubles
from gateway.store.sqlite.acts import Did, Heard, apply
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.echoing import take_echoes
from gateway.store.sqlite.identities import same
from gateway.store.sqlite.moving import LIFT
from gateway.store.sqlite.settling import BY_NUMBER, BY_PROVIDER_ID, Attempt, derive
from gateway.store.sqlite.withdrawing import Withdrawal
from gateway.store.states import NEWS, Cause

WINDOW = 24 * 3600 * 1_000_000
"""How long a person's message lets free text through (Meta: 24 hours)."""

IN_THE_AIR = "SELECT 1 FROM deliveries WHERE contact_id = ? AND state = 2 AND state < 5 LIMIT 1"
INBOUND = """
INSERT INTO inbound (id, sender, provider_id, contact_id, kind, words, at, received_at, raw,
                     caption, button, quoted, act)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
OPENED = """
INSERT INTO windows VALUES (?, ?, ?)
ON CONFLICT (sender, contact_id) DO UPDATE SET until = max(until, excluded.until)
"""
SEEN = "SELECT 1 FROM inbound WHERE sender = ? AND provider_id = ?"
ERASED = "SELECT 1 FROM contacts WHERE id = ? AND erased_at IS NOT NULL"


def intake(
    tx: SqliteTransaction, batch: Intake, acts: Mapping[str, Act], terms: Terms, at: int
) -> Taken:
    """See PeopleStore.intake."""
    withdrawn: list[int] = []
    repeated: set[int] = set()
    dropped = taken = duplicates = 0
    for change in batch.changes:
        merging.change(tx, change, batch.sender, at)
    for inbound in batch.messages:
        act = acts.get(inbound.provider_id)
        if tx.one(SEEN, (batch.sender, inbound.provider_id)):
            duplicates += 1
            if act is not None and act.kind == "stop":  # its first answer may still be waiting
                repeated |= people.find_all(tx, inbound.identities, retired=False)
            continue
        taken += 1
        heard, withdrawal = _take(tx, batch.sender, inbound, act, terms, at)
        if withdrawal is not None:
            withdrawn.append(heard.contact)
            dropped += withdrawal.dropped
    statuses: Counter[str] = Counter()
    unmatched = 0
    heard_of = {batch.sender} if batch.messages or batch.statuses else set()
    for status in batch.statuses:
        if any(one.kind == "user_id" for one in status.identities):
            said_at = min(micros(status.at), at)
            merging.shown(tx, batch.sender, status.identities, said_at, at)
        attempt = _apply(tx, status, at)
        if attempt is not None:
            statuses[status.status] += 1
            heard_of.add(attempt.sender)
        else:
            unmatched += 1
            tx.journal(at, "status.unmatched", sender=batch.sender, code=status.status)
        if status.withdraws:
            for who in _stopped(tx, status, attempt, at):
                withdrawal = people.withdraw(
                    tx, who, f"{SWITCH} of {batch.sender}", at,
                    evidence={
                        "code": status.code, "detail": status.detail,
                        "provider_id": status.provider_id,
                    },
                    said_at=micros(status.at), sender=batch.sender, way="provider code",
                )  # fmt: skip
                dropped += withdrawal.dropped
                if withdrawal.new:
                    withdrawn.append(who)
                else:
                    repeated.add(who)
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
    take_echoes(tx, batch.sender, batch.echoes, at)
    waiting = dict.fromkeys((*withdrawn, *repeated))
    return Taken(
        withdrawn=tuple(dict.fromkeys(withdrawn)),
        sending=in_the_air(tx, waiting),
        inbound=taken,
        duplicates=duplicates,
        statuses=statuses,
        unmatched=unmatched,
        dropped=dropped,
        heard=frozenset(heard_of),
    )


def in_the_air(tx: SqliteTransaction, contacts: Iterable[int]) -> tuple[int, ...]:
    """Return who of the contacts has something in the air, also as the contact that somebody was
    before two turned out to be one."""
    everybody = (one for contact in contacts for one in same(tx, contact))
    return tuple(one for one in everybody if tx.one(IN_THE_AIR, (one,)))


def _take(
    tx: SqliteTransaction, sender: str, inbound: Inbound, act: Act | None, terms: Terms, at: int
) -> tuple[Heard, Withdrawal | None]:
    """Take one message in.  What it does to consents stands in the journal before the message,
    so that whoever reads about the message knows."""
    said_at = min(micros(inbound.at), at)
    contact = merging.behind(tx, sender, inbound.identities, said_at, at)
    heard = Heard(contact, inbound, new_id(), sender, micros(inbound.at), at)
    did = apply(tx, heard, act, terms) if act is not None else Did(meant=False)
    meant = act.kind if act is not None and did.meant else ""
    tx.execute(
        INBOUND,
        (
            heard.id, sender, inbound.provider_id, contact, inbound.kind, inbound.words,
            micros(inbound.at), at, inbound.raw, inbound.caption, inbound.button, inbound.quoted,
            meant,
        ),
    )  # fmt: skip
    if inbound.opens_window:
        # The provider's time of the message counts, not ours: webhooks can be hours late.
        tx.execute(OPENED, (sender, contact, said_at + WINDOW))
    troubles.reached(tx, contact, said_at)
    if meant not in ("stop", "resume"):
        merging.ask_again(tx, contact, sender, said_at, at, terms.wordings)
    tx.journal(
        at, "inbound", contact=contact, sender=sender, code=inbound.kind, inbound=heard.id
    )  # fmt: skip
    return heard, did.withdrawal


def _stopped(tx: SqliteTransaction, status: Status, attempt: Attempt | None, at: int) -> list[int]:
    """Return whom a status that withdraws is about."""
    who = people.find_all(tx, status.identities, retired=False)
    if attempt is not None:
        if tx.one(ERASED, (attempt.contact,)) is None:
            who.add(attempt.contact)
    elif not who and status.identities:  # a stranger's stop is remembered too
        who.add(people.know(tx, status.identities, at))
    return sorted(who)


def _apply(tx: SqliteTransaction, status: Status, at: int) -> Attempt | None:
    """Move an attempt up its lattice.  Returns it as it was; None if none of ours is meant."""
    named = status.attempt
    row = tx.one(BY_NUMBER, named) if named is not None else None
    if row is None and status.provider_id:
        row = tx.one(BY_PROVIDER_ID, (status.provider_id,))
    if row is None:
        return None
    found = Attempt(*row)
    if found.provider_id and status.provider_id and found.provider_id != status.provider_id:
        found.journal(tx, at, "status.second_id", "", str(found.n))
    provider_id = status.provider_id or None
    if found.provider_id is None and tx.one(ERASED, (found.contact,)):
        provider_id = None  # it holds the number (WhatsApp: base64 behind "wamid.")
    new = NEWS[status.status]
    lift = (
        int(new), provider_id, micros(status.at), status.billable, status.category,
        found.delivery, found.n,
    )  # fmt: skip
    now = found._replace(state=new)
    if new == AttemptState.FAILED:
        now = _failed(tx, status, now, first=new > found.state, at=at)
        tx.execute(LIFT[new], (*lift, now.code, now.detail, now.action, now.retry_at))
    else:
        tx.execute(LIFT[new], lift)
    # A failure that was known already may still be named better by its status.
    named_better = new == AttemptState.FAILED and found.delivery_state == DeliveryState.FAILED
    if new < found.state or (new == found.state and not named_better):
        return found
    if new > found.state:
        found.journal(tx, at, f"delivery.{status.status}", status.code, str(found.n))
    if new >= AttemptState.DELIVERED > found.state:
        by_marketing = found.priority == PRIORITY["marketing"]
        said_at = min(micros(status.at), at)
        troubles.reached(tx, found.contact, said_at, by_marketing=by_marketing)
    if found.delivery_state == DeliveryState.SENDING:
        return found  # settle derives it, once the answer to our own request is in
    derive(tx, now, found.state, at, Cause.STATUS)
    return found


def _failed(
    tx: SqliteTransaction, status: Status, attempt: Attempt, *, first: bool, at: int
) -> Attempt:
    """Return an attempt with its failure, and with what follows, which is decided once."""
    now = attempt._replace(code=status.code, detail=status.detail)
    if not first:
        return now
    failed = attempt.failed(tx, status.code, status.action, min(micros(status.at), at))
    alone = status.scope not in WIDE
    action, retry_at = troubles.by_status(tx, failed, status.retry_after, at, alone=alone)
    return now._replace(action=action, retry_at=retry_at)
