"""Unknown outcomes: which are over their time, and what a person or the settings make of them."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.stopping import RESTORED
from gateway.store.outcomes import Resolution
from gateway.store.protocol import AttemptState, DeliveryState
from gateway.store.sqlite import repeating
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.moving import SAID, SUPERSEDED, move
from gateway.store.sqlite.replacing import follow
from gateway.store.sqlite.settling import BY_NUMBER, Attempt, derive
from gateway.store.states import Cause

SINCE = f"""
SELECT d.changed_at, d.id, d.sender FROM deliveries d INDEXED BY deliveries_unknown
JOIN messages m ON m.id = d.message_id
WHERE d.state = 5 AND d.priority = ? AND d.changed_at <= ? AND (d.changed_at, d.id) > (?, ?)
  AND m.kind = ? AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.delivery_id = d.id
      AND a.state = 1 AND a.superseded_at IS NULL AND a.code = '{RESTORED}')
ORDER BY d.changed_at, d.id LIMIT ?
"""
"""Without those known from the replay file alone: what their statuses said is lost."""
EARLIER = """
SELECT n FROM attempts WHERE delivery_id = ? AND n < ? AND state = 1 AND superseded_at IS NULL
"""
"""Others of which nobody knows: after a restore there may be two (replaying.py)."""
NEWEST = """
SELECT max(a.n) FROM deliveries d JOIN attempts a ON a.delivery_id = d.id
WHERE d.id = ? AND d.state = 5 AND a.state = 1 AND a.superseded_at IS NULL
"""
"""Not always the last one: after a restore that may have failed, and one before it not."""
THERE = "SELECT 1 FROM deliveries WHERE id = ?"
MESSAGE = "SELECT kind, expires_at FROM messages WHERE id = ?"

NOT_UNKNOWN = "not_unknown"
NOT_THERE = "not_there"
QUESTION = "question"
EXPIRED = "expired"

NOT_SENT = "not_sent"
"""Code of an attempt of which a person said that it was not sent."""


def resolve(
    tx: SqliteTransaction, deliveries: Sequence[int], how: Resolution, at: int, by: str
) -> list[str]:
    """See OutcomeStore.resolve."""
    return [_resolve(tx, delivery, how, at, by) for delivery in deliveries]


def _resolve(tx: SqliteTransaction, delivery: int, how: Resolution, at: int, by: str) -> str:
    (n,) = tx.one(NEWEST, (delivery,)) or (None,)
    row = tx.one(BY_NUMBER, (delivery, n)) if n is not None else None
    if row is None:
        return NOT_UNKNOWN if tx.one(THERE, (delivery,)) else NOT_THERE
    attempt = Attempt(*row)
    kind, expires_at = tx.one(MESSAGE, (attempt.message,)) or ("", None)
    if how == "resend":
        why = _not_again(tx, attempt, kind, expires_at, at)
        if not why:
            _supersede(tx, attempt, at, by)
        return why
    attempt.journal(tx, at, "delivery.resolved", how, by)
    if how == "sent":
        _said(tx, attempt, AttemptState.ACCEPTED, at, by)
    else:
        again = None if kind == "confirmation" else at
        _said(tx, attempt, AttemptState.FAILED, at, by, retry_at=again)
    return ""


def _said(
    tx: SqliteTransaction,
    attempt: Attempt,
    state: AttemptState,
    at: int,
    by: str,
    retry_at: int | None = None,
) -> None:
    """Take a person's word for it; what the provider says later still counts."""
    failed = state == AttemptState.FAILED
    code, detail = (NOT_SENT, f"said by {by}") if failed else (attempt.code, attempt.detail)
    action = "" if not failed else "retry" if retry_at is not None else "fail"
    numbers = [attempt.n]
    if failed:
        numbers += [n for (n,) in list(tx.rows(EARLIER, (attempt.delivery, attempt.n)))]
    for n in numbers:
        tx.execute(SAID, (int(state), code, detail, action, retry_at, attempt.delivery, n))
    now = attempt._replace(state=state, code=code, detail=detail, action=action, retry_at=retry_at)
    derive(tx, now, attempt.state, at, Cause.RESOLVE)


def _not_again(
    tx: SqliteTransaction, attempt: Attempt, kind: str, expires_at: int | None, at: int
) -> str:
    """Return the code of why an unknown delivery is not sent again; "" if it may be."""
    if kind == "confirmation":
        return QUESTION
    if expires_at is not None and expires_at <= at:
        return EXPIRED
    ended = repeating.ended(
        tx, attempt.message, attempt.contact, attempt.delivery_code, attempt.began_at
    )
    return ended[0] if ended else ""


def _supersede(tx: SqliteTransaction, attempt: Attempt, at: int, by: str) -> None:
    tx.execute(SUPERSEDED, (at, attempt.delivery))
    attempt.journal(tx, at, "delivery.superseded", attempt.code, by)
    move(
        tx, Cause.SUPERSEDE, attempt.moving, DeliveryState.QUEUED, at, due_at=at,
        code="again", reason="sent again, the first outcome is unknown",
    )  # fmt: skip
    follow(tx, attempt.moving, at)
