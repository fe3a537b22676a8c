"""After a restore: what the replay file knows, and the database does not, is done again.

The file has what must not be forgotten: who withdrew, who was erased, and what may have been sent.
All else that happened after the backup is lost, and so marketing is held until a person looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice

import msgspec

from gateway.consent_state import SWITCH
from gateway.message import Identity, Message
from gateway.replay import Begun, Entry, Erased, Survey, Withdrawn
from gateway.replay_file import ReplayFile
from gateway.stopping import MARKETING, RESTORED
from gateway.store.sqlite import asking, moving, operating, settling
from gateway.store.sqlite.connection import REPLAYED, SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING, states
from gateway.store.sqlite.erasing import forget
from gateway.store.sqlite.identities import current, same
from gateway.store.sqlite.moving import Moving
from gateway.store.sqlite.suppression import ERASED, SUPPRESS, hashes
from gateway.store.sqlite.withdrawing import withdraw
from gateway.store.states import MOVES, AttemptState, Cause, DeliveryState

CHUNK = 100
"""Entries of one transaction: what was done of them is never done in vain."""

SOURCE = "replay after a restore"
CODE = RESTORED
WHY = "it was begun before the database was restored"

MARKS = "SELECT name, value FROM marks"
MARK = """
INSERT INTO marks (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = ?2
"""
COUNT = """
INSERT INTO marks (name, value) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET value = value + 1
"""
OVER = "DELETE FROM marks WHERE name = 'restored' OR name LIKE 'replayed %'"
SENT_BEFORE = "INSERT INTO delivered_before VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
ANY_BEFORE = "SELECT 1 FROM delivered_before LIMIT 1"
DELIVERY = """
SELECT d.id, d.message_id, d.contact_id, d.sender, d.state, d.tries, m.kind, m.body
FROM deliveries d JOIN messages m ON m.id = d.message_id WHERE d.id = ?
"""
ATTEMPTED = "SELECT 1 FROM attempts WHERE delivery_id = ? AND n = ?"
TRIED = "UPDATE deliveries SET tries = max(tries, ?) WHERE id = ?"
REASON = "UPDATE stops SET reason = ? WHERE scope = ? AND code = ?"

_decode = msgspec.json.Decoder(Message).decode


def replay_after_restore(tx: SqliteTransaction, file: ReplayFile, at: int) -> None:
    """Bring a database up to its replay file, if it is older, and go on writing that file.

    In steps of one transaction each, so that whatever ends it, it goes on where it was.  Raises
    StoreError if the file cannot be read.
    """
    marks = {name: int(value) for name, value in tx.rows(MARKS)}
    known = marks.get("replay", 0)
    survey = file.survey(known)
    tail = max(known, survey.confirmed)
    unreadable = survey.foreign and survey.last > known  # newer, and nobody can be found by it
    restored = "restored" in marks or survey.confirmed > known or unreadable
    lost = known > survey.last and marks.get("replay lost") != known
    if restored or lost:
        _replay(tx, file, survey, known, marks, at)
        file.go_on(max(known, survey.last))
    else:  # what nobody was told is committed does not count
        file.go_on(max(known, survey.last), tail + 1 if survey.last > tail else None)
    tx.sent_before = tx.one(ANY_BEFORE) is not None
    tx.replay = file


def _replay(
    tx: SqliteTransaction, file: ReplayFile, survey: Survey, known: int, marks: dict[str, int],
    at: int,
) -> None:  # fmt: skip
    since = max(marks.get("backup", 0), marks.get("alive", 0))
    backup = f" from a backup of {datetime.fromtimestamp(since / 1e6, UTC):%d %b %Y %H:%M} UTC"
    began = f"the database was restored{backup if since else ''}; the replay file is being read"
    with tx.whole():
        operating.stop(tx, MARKETING, RESTORED, began, at)
    who = _People(tx, file.entries(known, survey))
    entries = file.entries(known, survey)
    while chunk := list(islice(entries, CHUNK)):
        with tx.whole():
            for _, entry in chunk:
                _again(tx, who, entry, at)
            tx.execute(REPLAYED, (chunk[-1][0],))
    with tx.whole():
        tx.execute(REASON, (_told(tx, survey, known, backup if since else ""), MARKETING, RESTORED))
        tx.execute(MARK, ("replay", max(known, survey.last)))
        if known > survey.last:
            tx.execute(MARK, ("replay lost", known))
        tx.execute(OVER)


def _again(tx: SqliteTransaction, who: _People, entry: Entry, at: int) -> None:
    if isinstance(entry, Begun):
        _begun(tx, entry, at)
        return
    contacts = who.known_by(tx, entry.people)
    for contact in contacts:
        if isinstance(entry, Withdrawn):
            _withdraw(tx, contact, entry, at)
        else:
            withdraw(tx, contact, SOURCE, at, said_at=entry.at)
            forget(tx, same(tx, contact), SOURCE, at)
    if isinstance(entry, Erased) or not contacts:
        # Nobody here now; a list must not bring this person back, only an act of their own.
        for digest in entry.people:
            tx.execute(SUPPRESS, (digest, at, ERASED if isinstance(entry, Erased) else SOURCE))
    tx.execute(COUNT, ("replayed withdrawals",))


def _withdraw(tx: SqliteTransaction, contact: int, entry: Withdrawn, at: int) -> None:
    source = f"{SWITCH} of {entry.sender}, {SOURCE}" if entry.by_switch else SOURCE
    withdraw(
        tx, contact, source, at, topic=None if entry.topic == EVERYTHING else entry.topic,
        said_at=entry.said_at, sender=entry.sender, way="replay",
    )  # fmt: skip


def _begun(tx: SqliteTransaction, entry: Begun, at: int) -> None:
    """Keep an attempt from being made again: its delivery is unknown until a status or a person
    tells; if there is none, the pair of message and person is remembered."""
    tx.execute(COUNT, ("replayed sends",))
    moving.uses(tx, [
        (key, since, entry.delivery, subject, until)
        for key, since, subject, until in entry.uses
        if until > at  # the provider has counted it too
    ])  # fmt: skip
    row = tx.one(DELIVERY, (entry.delivery,))
    if row is None:
        for person in entry.people:
            tx.execute(SENT_BEFORE, (entry.message, person, entry.at))
        return
    if tx.one(ATTEMPTED, (entry.delivery, entry.n)):
        return
    if row[4] == DeliveryState.SENDING:  # by an attempt before, at the moment of the backup
        settling.unanswered(tx, entry.delivery, row[5], at)
        row = tx.one(DELIVERY, (entry.delivery,)) or row
    *about, _, kind, body = row
    delivery = Moving(*about)
    moving.attempts(tx, [(delivery.id, entry.n, entry.form, b"", entry.at)])
    tx.execute(
        moving.SETTLE,
        (int(AttemptState.UNKNOWN), at, None, None, CODE, WHY, "", "", None, delivery.id, entry.n),
    )
    tx.execute(TRIED, (entry.n, delivery.id))
    if kind == "confirmation":
        message = _decode(body)
        open_one = states(tx, delivery.contact).get(message.topic or "")
        requests = asking.requested(message, open_one.event if open_one else None)
        asking.begun(tx, delivery.id, requests, at)
    if DeliveryState(delivery.state) in MOVES[Cause.REPLAY]:
        moving.move(tx, Cause.REPLAY, delivery, DeliveryState.UNKNOWN, at, code=CODE, reason=WHY)
        tx.journal(
            at, "delivery.unknown", message=delivery.message, delivery=delivery.id,
            contact=delivery.contact, sender=delivery.sender, code=CODE, detail=str(entry.n),
        )  # fmt: skip


class _People:
    """Who is meant by the hashes of those who withdrew or were erased."""

    def __init__(self, tx: SqliteTransaction, entries: Iterator[tuple[int, Entry]]) -> None:
        wanted = {
            digest
            for _, entry in entries
            if not isinstance(entry, Begun)
            for digest in entry.people
        }
        self._contacts: dict[bytes, int] = {}
        assert tx.suppression is not None  # without a key there is no file
        if not wanted:
            return
        # A hash leads to nobody by itself, so all are looked at, once after a restore.
        everybody = "SELECT kind, value, contact_id FROM identities WHERE retired_at IS NULL"
        for kind, value, contact in tx.rows(everybody):
            for digest in hashes(tx.suppression, [Identity(kind, value)]) & wanted:
                self._contacts[digest] = contact

    def known_by(self, tx: SqliteTransaction, people: Iterable[bytes]) -> list[int]:
        """Return the contacts that one of the hashes leads to."""
        found = {self._contacts[digest] for digest in people if digest in self._contacts}
        return sorted({current(tx, contact) for contact in found})


def _told(tx: SqliteTransaction, survey: Survey, known: int, backup: str) -> str:
    """Return in one sentence what happened, for who decides whether to go on."""
    counts = {name: int(value) for name, value in tx.rows(MARKS)}
    withdrawals, sends = (counts.get(f"replayed {what}", 0) for what in ("withdrawals", "sends"))
    gone = [
        f"{n} {what} of it cannot be read"
        for n, what in ((survey.damaged, "lines"), (survey.foreign, "files (another key)"))
        if n
    ]
    if survey.begins_late:
        gone.append("what followed the backup is there no more ([store] replay_keep)")
    if known > survey.last:
        gone.append("its end is missing")
    trouble = f", but {', '.join(gone)}: withdrawals may be missing" if gone else ""
    gave = f"{withdrawals} withdrawal{'' if withdrawals == 1 else 's'}"
    gave += f" and {sends} send{'' if sends == 1 else 's'}"
    return (
        f"the database was restored{backup}: its replay file gave back {gave}{trouble};"
        " sign-ups and commands since then are lost"
    )
