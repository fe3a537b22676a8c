"""What failed for good, and is sent again once a person mended the cause."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.store.protocol import AttemptState, DeliveryState
from gateway.store.sqlite import repeating, troubles
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.moving import ATTEMPTS, move
from gateway.store.sqlite.replacing import follow
from gateway.store.sqlite.settling import BY_NUMBER, Attempt
from gateway.store.sqlite.unknowns import EXPIRED, MESSAGE, QUESTION
from gateway.store.sqlite.withdrawing import WITHDRAWN
from gateway.store.states import Cause

LAST = "SELECT state, tries FROM deliveries WHERE id = ?"
TROUBLED = "SELECT max(until) FROM troubles WHERE contact_id = ?"

NOT_FAILED = "not_failed"
MAYBE_SENT = "maybe_sent"


def retry(tx: SqliteTransaction, deliveries: Sequence[int], at: int, by: str) -> list[str]:
    """See OutcomeStore.retry."""
    return [_retry(tx, delivery, at, by) for delivery in deliveries]


def _retry(tx: SqliteTransaction, delivery: int, at: int, by: str) -> str:
    last = tx.one(LAST, (delivery,))
    if last is None or last[0] != DeliveryState.FAILED:
        return NOT_FAILED
    row = tx.one(BY_NUMBER, (delivery, last[1]))
    assert row is not None  # what failed was tried
    attempt = Attempt(*row)
    why = _why_not(tx, attempt, at)
    if why:
        return why
    attempt.journal(tx, at, "delivery.retried", attempt.code, by)
    move(
        tx, Cause.RETRY, attempt.moving, DeliveryState.QUEUED, at, due_at=at,
        code="retried", reason=f"sent again by {by}, after {attempt.code}",
    )  # fmt: skip
    follow(tx, attempt.moving, at)
    return ""


def _why_not(tx: SqliteTransaction, attempt: Attempt, at: int) -> str:
    """Return the code of why a failed delivery stays failed; "" if it may go again."""
    if any(state != AttemptState.FAILED for state, _ in tx.rows(ATTEMPTS, (attempt.delivery,))):
        return MAYBE_SENT  # an earlier one was given up, and nobody knows what became of it
    if attempt.action == "withdraw":
        return WITHDRAWN
    kind, expires_at = tx.one(MESSAGE, (attempt.message,)) or ("", None)
    if kind == "confirmation":
        return QUESTION
    if expires_at is not None and expires_at <= at:
        return EXPIRED
    ended = repeating.ended(
        tx, attempt.message, attempt.contact, attempt.delivery_code, attempt.began_at
    )
    if ended is not None:
        return ended[0]
    until = (tx.one(TROUBLED, (attempt.contact,)) or (None,))[0]
    if kind == "marketing" and until is not None and until >= troubles.FOR_EVER:
        return troubles.UNREACHABLE
    return ""
