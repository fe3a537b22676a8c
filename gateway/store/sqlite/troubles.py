"""What a provider's refusals mean for a person beyond one delivery, and for the delivery itself.

A person whom the provider lets have no marketing for now is left alone for a day, then for two, four
and so on (Meta's code 131049: "do not resend within 24 hours"); one who was undeliverable too often
gets none until there is a sign of life (131026, which says neither why nor for how long).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from gateway.errors import Action
from gateway.store.outcomes import MOST_TRIES
from gateway.store.sqlite.connection import SqliteTransaction

HOUR = 3600 * 1_000_000
FIRST_WAIT = 24 * HOUR
LONGEST_WAIT = 7 * 24 * HOUR
FOR_EVER = 1 << 62
"""`until` of a person who cannot be reached."""

CAPPED = "capped"
"""Code of marketing that waits because the provider lets the person have none for now."""
UNREACHABLE = "unreachable"
CAPPED_WORDS = "the provider lets this person have no marketing for now"
UNREACHABLE_WORDS = "was undeliverable too often; waits for a sign of life"

KNOWN = "SELECT n, until FROM troubles WHERE contact_id = ? AND sender = ? AND code = ?"
KEEP = """
INSERT INTO troubles (contact_id, sender, code, n, last_at, until) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (contact_id, sender, code) DO UPDATE SET
  n = excluded.n, last_at = max(last_at, excluded.last_at), until = excluded.until
"""
FORGIVE = "DELETE FROM troubles WHERE contact_id = ? AND last_at <= ?"
REACHED = f"""
DELETE FROM troubles WHERE contact_id = ? AND last_at <= ? AND (until IS NULL OR until = {FOR_EVER})
"""
BURNT = "SELECT count(*) FROM attempts WHERE delivery_id = ? AND action = 'retry'"

WAITS_ALONG: tuple[Action, ...] = ("slow", "stop", "template")
"""What concerns more than this delivery, which goes when that is mended; costs it no try."""


class Failed(NamedTuple):
    """A failure as it became known: of whom, by which attempt, when, and what it asks for."""

    delivery: int
    contact: int
    sender: str
    kind: str
    code: str
    action: Action
    said_at: int


def consequence(
    tx: SqliteTransaction, failed: Failed, retry_at: int | None, at: int
) -> tuple[Action, int | None]:
    """Note what a failure means for the person, and return what is kept of it on the attempt: the
    action, and when the delivery may go again (None: not by itself).

    `retry_at`: when whoever heard of it would try again, UTC microseconds.
    """
    if failed.action == "later":
        until = _left_alone(tx, failed, at)
        return "later", None if failed.kind == "confirmation" else until
    if failed.action == "count":
        _counted(tx, failed)
        return "count", None
    if failed.action in WAITS_ALONG and failed.kind != "confirmation":
        return failed.action, at if retry_at is None else retry_at
    if failed.action in ("fail", "withdraw", "hold"):
        return failed.action, None
    return failed.action, retry_at


def kept(action: Action, *, alone: bool) -> Action | Literal[""]:
    """Return what is kept on the attempt: `retry` only if the failure was the delivery's own, for
    those are counted."""
    return "" if action == "retry" and not alone else action


def by_status(
    tx: SqliteTransaction, failed: Failed, retry_after: float | None, at: int, *, alone: bool
) -> tuple[Action | Literal[""], int | None]:
    """The same for a failure that the provider tells after it accepted: what may be repeated is
    repeated a few times only, and a question never."""
    retry_at = None
    if retry_after is not None:
        retry_at = at + int(retry_after * tx.patience.backoff * 1e6)
    action, again = consequence(tx, failed, retry_at, at)
    if failed.kind == "confirmation":
        return action, None
    burns = action == "retry" and alone and again is not None
    if burns and failures(tx, failed.delivery) + 1 >= MOST_TRIES:
        return "hold", None
    return kept(action, alone=alone), again


def failures(tx: SqliteTransaction, delivery: int) -> int:
    """Return how many attempts of a delivery used up a try: what concerns its sender does not,
    nor what is only waited for."""
    row = tx.one(BURNT, (delivery,))
    return int(row[0]) if row is not None else 0


def _left_alone(tx: SqliteTransaction, failed: Failed, at: int) -> int:
    """Return until when the person gets no marketing.  What fails while that was known already was
    on its way before: it does not make it longer."""
    n, until = tx.one(KNOWN, (failed.contact, failed.sender, failed.code)) or (0, None)
    if until is not None and until > at:
        return int(until)
    wait = min(FIRST_WAIT << min(n, 10), LONGEST_WAIT) * tx.patience.backoff
    until = at + int(wait)
    kept = (failed.contact, failed.sender, failed.code, n + 1, failed.said_at, until)
    tx.execute(KEEP, kept)
    return until


def _counted(tx: SqliteTransaction, failed: Failed) -> None:
    n, _ = tx.one(KNOWN, (failed.contact, failed.sender, failed.code)) or (0, None)
    until = FOR_EVER if n + 1 >= tx.patience.unreachable_after else None
    kept = (failed.contact, failed.sender, failed.code, n + 1, failed.said_at, until)
    tx.execute(KEEP, kept)


def reached(
    tx: SqliteTransaction, contact: int, said_at: int, *, by_marketing: bool = False
) -> None:
    """Forget what was wrong with a person before a sign of life; that the provider let the person
    have no marketing only if marketing came through."""
    tx.execute(FORGIVE if by_marketing else REACHED, (contact, said_at))


def why_not(until: int | None, at: int) -> tuple[str, str] | None:
    """Return why a person gets no marketing at this moment, as code and reason; None if nothing
    is wrong.  `until`: the latest of the person's troubles."""
    if until is None or until <= at:
        return None
    if until >= FOR_EVER:
        return UNREACHABLE, UNREACHABLE_WORDS
    return CAPPED, CAPPED_WORDS
