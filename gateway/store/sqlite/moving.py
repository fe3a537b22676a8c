"""The only statements that write the state of a delivery or of an attempt.

A delivery moves as the tables of states.py allow, from the state that the caller saw; an attempt
only ever moves up its lattice.  Fan-out (accepting.py) makes the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from gateway.store.protocol import Settlement
from gateway.store.sqlite.connection import SqliteTransaction, as_json
from gateway.store.states import AttemptState, Cause, DeliveryState, StateError, check

MOVE = """
UPDATE deliveries SET state = ?, node = NULL, code = ?, reason = ?,
       due_at = coalesce(?, due_at), changed_at = ? WHERE id = ? AND state = ?
"""
LEASED = """
UPDATE deliveries SET state = 1, node = ?, changed_at = ?
WHERE id IN (SELECT value FROM json_each(?)) AND state = 0
"""
BEGUN = """
UPDATE deliveries SET state = 2, tries = j.value ->> 1, basis = j.value ->> 2,
       basis_event = j.value ->> 3, code = '', reason = '', changed_at = j.value ->> 4
FROM json_each(?) j WHERE deliveries.id = j.value ->> 0 AND deliveries.state = 1
"""
GONE = "DELETE FROM deliveries WHERE id = ? AND state = ?"
LAND = "DELETE FROM in_flight WHERE sender = ? AND contact_id = ? AND delivery_id = ?"

ATTEMPT = """
INSERT INTO attempts (delivery_id, n, state, form, content, began_at)
SELECT value ->> 0, value ->> 1, 0, value ->> 2, unhex(value ->> 3), value ->> 4 FROM json_each(?)
"""
ATTEMPTS = "SELECT state, superseded_at IS NOT NULL FROM attempts WHERE delivery_id = ?"
USE = """
INSERT INTO quota_uses
SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?) WHERE true
ON CONFLICT DO NOTHING
"""
"""What an attempt uses of a limit."""
SETTLE = """
UPDATE attempts SET state = max(state, ?1), settled_at = ?2, first_byte = ?3,
       provider_id = coalesce(provider_id, ?4), code = CASE code WHEN '' THEN ?5 ELSE code END,
       detail = CASE detail WHEN '' THEN ?6 ELSE detail END, notes = ?7,
       action = CASE action WHEN '' THEN ?8 ELSE action END, retry_at = coalesce(retry_at, ?9),
       failed_at = CASE ?1 WHEN 4 THEN min(coalesce(failed_at, ?2), ?2) ELSE failed_at END
WHERE delivery_id = ?10 AND n = ?11
"""
ANSWERED = """
UPDATE attempts SET state = 2, settled_at = j.value ->> 1, first_byte = j.value ->> 2,
       provider_id = j.value ->> 3, notes = j.value ->> 4
FROM json_each(?) j
WHERE attempts.delivery_id = j.value ->> 0 AND attempts.n = 1 AND attempts.state = 0
"""
"""First attempts that were accepted, and of which nothing else is known."""
ACCEPTED = """
UPDATE deliveries SET state = 6, node = NULL, code = '', reason = '', changed_at = j.value ->> 1
FROM json_each(?) j WHERE deliveries.id = j.value ->> 0 AND deliveries.state = 2
"""
LANDED = """
DELETE FROM in_flight WHERE (sender, contact_id) IN
  (SELECT value ->> 0, value ->> 1 FROM json_each(?1))
AND delivery_id IN (SELECT value ->> 2 FROM json_each(?1))
"""
_LIFT = """
UPDATE attempts SET state = max(state, ?1), provider_id = coalesce(provider_id, ?2),
       {when} = min(coalesce({when}, ?3), ?3), billable = coalesce(?4, billable),
       category = CASE ?5 WHEN '' THEN category ELSE ?5 END{more}
WHERE delivery_id = ?6 AND n = ?7
"""
LIFT = {
    AttemptState.SENT: _LIFT.format(when="sent_at", more=""),
    AttemptState.DELIVERED: _LIFT.format(when="delivered_at", more=""),
    AttemptState.READ: _LIFT.format(when="read_at", more=""),
    AttemptState.FAILED: _LIFT.format(
        when="failed_at",
        more=", code = ?8, detail = ?9, action = CASE action WHEN '' THEN ?10 ELSE action END,"
        " retry_at = coalesce(retry_at, ?11)",
    ),
}
SAID = """
UPDATE attempts SET state = max(state, ?1), code = ?2, detail = ?3, action = ?4, retry_at = ?5
WHERE delivery_id = ?6 AND n = ?7
"""
"""What a person says of an attempt whose outcome nobody knew."""
SUPERSEDED = """
UPDATE attempts SET superseded_at = ? WHERE delivery_id = ? AND state = 1 AND superseded_at IS NULL
"""


class Moving(NamedTuple):
    """A delivery as whoever moves it sees it."""

    id: int
    message: int
    contact: int
    sender: str
    state: int


def move(
    tx: SqliteTransaction,
    cause: Cause,
    row: Moving,
    after: DeliveryState,
    at: int,
    *,
    code: str = "",
    reason: str = "",
    due_at: int | None = None,
) -> None:
    """Move a delivery; one that was taken, and now is not, is in the air no more.

    Raises StateError if the table does not allow it, or the row is in another state: that is a bug.
    """
    check(cause, row.state, after)
    tx.execute(MOVE, (int(after), code, reason, due_at, at, row.id, row.state))
    _moved(tx, cause, row, after)
    if row.state in (DeliveryState.LEASED, DeliveryState.SENDING):
        tx.execute(LAND, (row.sender, row.contact, row.id))


def lease(tx: SqliteTransaction, rows: Sequence[Moving], node: str, at: int) -> None:
    """Move due deliveries into a node's memory."""
    tx.execute(LEASED, (node, at, as_json([row.id for row in rows])))
    _all_moved(tx, Cause.LEASE, rows, DeliveryState.LEASED)


class Start(NamedTuple):
    """A leased delivery that goes into the air: its attempt number `n`, by this basis."""

    row: Moving
    n: int
    basis: str
    event: int | None
    at: int


def begin(tx: SqliteTransaction, starts: Sequence[Start]) -> None:
    """Move leased deliveries into the air."""
    values = [(one.row.id, one.n, one.basis, one.event, one.at) for one in starts]
    tx.execute(BEGUN, (as_json(values),))
    _all_moved(tx, Cause.BEGIN, [one.row for one in starts], DeliveryState.SENDING)


def attempts(tx: SqliteTransaction, rows: Sequence[tuple[int, int, str, bytes, int]]) -> None:
    """Add attempts that are in the air: (delivery, number, form, hash of the content, since)."""
    values = [(*about, content.hex(), at) for *about, content, at in rows]
    tx.execute(ATTEMPT, (as_json(values),))


def uses(tx: SqliteTransaction, rows: Sequence[tuple[str, int, int, str, int]]) -> None:
    """Add what attempts use of limits: (key, at, delivery, subject, until)."""
    if rows:
        tx.execute(USE, (as_json(rows),))


def accepted(tx: SqliteTransaction, answers: Sequence[tuple[Moving, Settlement]]) -> None:
    """Move deliveries that are in the air for the first time, and their attempts, by the answers."""
    values = [(row.id, one.at, one.first_byte, one.provider_id, one.notes) for row, one in answers]
    tx.execute(ANSWERED, (as_json(values),))
    tx.execute(ACCEPTED, (as_json(values),))
    rows = [row for row, _ in answers]
    _all_moved(tx, Cause.SETTLE, rows, DeliveryState.ACCEPTED)
    tx.execute(LANDED, (as_json([(row.sender, row.contact, row.id) for row in rows]),))


def purge(tx: SqliteTransaction, delivery: int, message: int, state: int) -> None:
    """Take a delivery away that was kept long enough."""
    check(Cause.PURGE, state, None)
    tx.execute(GONE, (delivery, state))
    _moved(tx, Cause.PURGE, Moving(delivery, message, 0, "", state), None)


def _all_moved(
    tx: SqliteTransaction, cause: Cause, rows: Sequence[Moving], after: DeliveryState
) -> None:
    if tx.changed() != len(rows):
        seen = ", ".join(f"{row.id} is {DeliveryState(row.state).name}" for row in rows)
        raise StateError(f"{cause}: not all is as the caller saw it ({seen})")
    for row in rows:
        check(cause, row.state, after)
        tx.move(row.message, row.state, after)


def _moved(tx: SqliteTransaction, cause: Cause, row: Moving, after: DeliveryState | None) -> None:
    if tx.changed() != 1:
        was = DeliveryState(row.state).name
        raise StateError(f"{cause}: delivery {row.id} is not {was}, as the caller saw it")
    tx.move(row.message, row.state, after)
