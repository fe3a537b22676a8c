"""Cases: what somebody of the company has to do, opened once and closed once."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.ids import new_id
from gateway.inbound import Case, Close
from gateway.store.protocol import micros, moment
from gateway.store.sqlite import people
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import current
from gateway.store.sqlite.remembering import key_of

COLUMNS = (
    "id, number, kind, source, contact_id, sender, inbound_id, language, text, fields, opened_at,"
    " due_at, closed_at, closed_by, answer"
)
NUMBER = "UPDATE counters SET value = value + 1 WHERE name = 'case' RETURNING value"
TAKEN = "SELECT 1 FROM cases WHERE hash = ?"
INSERT = """
INSERT INTO cases (id, number, hash, kind, source, contact_id, sender, inbound_id, language, text,
                   fields, opened_at, due_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
CLOSE = """
UPDATE cases SET closed_at = ?, closed_by = ?, answer = ? WHERE id = ? AND closed_at IS NULL
RETURNING kind, contact_id, sender
"""
ECHOED = """
SELECT 1 FROM inbound i JOIN echoes e ON e.contact_id = i.contact_id AND e.at >= i.at
WHERE i.id = ? LIMIT 1
"""
OPEN = f"SELECT {COLUMNS} FROM cases WHERE closed_at IS NULL"
CLOSED = f"SELECT {COLUMNS} FROM cases WHERE closed_at IS NOT NULL"

PHONE_APP = "phone app"
"""Who closed a question that was answered beside the gateway."""

_fields = msgspec.json.Decoder(dict[str, str]).decode


def open_case(tx: SqliteTransaction, source: str, case: Case, at: int) -> int | None:
    """Open a case; returns its id, None if (source, external id) was opened before."""
    key = key_of(source, case.external_id)
    if tx.one(TAKEN, (key,)):
        return None
    contact = case.contact and current(tx, case.contact)
    if contact is None and case.identities:
        contact = people.know(tx, case.identities, at, language=case.language)
    row = tx.one(NUMBER)
    assert row is not None  # a migration put it there
    id = case.id or new_id()
    tx.execute(
        INSERT,
        (
            id,
            int(row[0]),
            key,
            case.kind,
            source,
            contact,
            case.sender,
            case.inbound,
            case.language,
            case.text,
            msgspec.json.encode(case.fields).decode(),
            micros(case.opened_at) if case.opened_at else at,
            micros(case.due_at) if case.due_at else None,
        ),
    )
    tx.journal(at, "case.opened", contact=contact, sender=case.sender, code=case.kind, case=id)
    # It is opened after its message was taken in, and an answer by phone may have been faster.
    if case.kind == "question" and case.inbound and tx.one(ECHOED, (case.inbound,)):
        close_case(tx, Close(case=id, by=PHONE_APP), at)
    return id


def close_case(tx: SqliteTransaction, close: Close, at: int) -> bool:
    """Close a case; False if it is closed already, or is none."""
    row = tx.one(CLOSE, (at, close.by, close.answer, close.case))
    if row is None:
        return False
    kind, contact, sender = row
    tx.journal(
        at, "case.closed", contact=contact, sender=sender, code=kind, detail=close.by,
        case=close.case,
    )  # fmt: skip
    return True


def one_case(tx: SqliteTransaction, id: int) -> Case | None:
    """Return a case."""
    row = tx.one(f"SELECT {COLUMNS} FROM cases WHERE id = ?", (id,))
    return _case(row) if row else None


def case_by_number(tx: SqliteTransaction, number: int) -> Case | None:
    """Return a case by the number that people know it by."""
    row = tx.one(f"SELECT {COLUMNS} FROM cases WHERE number = ?", (number,))
    return _case(row) if row else None


def list_cases(
    tx: SqliteTransaction, *, contact: int | None, kind: str, closed: bool, limit: int
) -> list[Case]:
    """See PeopleStore.cases."""
    query, values = (CLOSED if closed else OPEN), []
    for column, wanted in (("contact_id", contact), ("kind", kind or None)):
        if wanted is not None:
            query += f" AND {column} = ?"
            values.append(wanted)
    order = "closed_at DESC" if closed else "opened_at, id"
    rows = tx.rows(f"{query} ORDER BY {order} LIMIT ?", (*values, limit))
    return [_case(row) for row in rows]


def _case(row: tuple[Any, ...]) -> Case:
    (
        id, number, kind, source, contact, sender, inbound, language, text, fields, opened, due,
        closed, by, answer,
    ) = row  # fmt: skip
    return Case(
        kind=kind,
        external_id="",
        text=text,
        contact=contact,
        sender=sender,
        inbound=inbound,
        language=language,
        fields=_fields(fields),
        due_at=moment(due) if due is not None else None,
        id=id,
        number=number,
        source=source,
        opened_at=moment(opened),
        closed_at=moment(closed) if closed is not None else None,
        closed_by=by,
        answer=answer,
    )
