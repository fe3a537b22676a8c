"""What keeps a delivery from being sent again that did not get through, or nobody knows."""

from __future__ import annotations

from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.consents import EVERYTHING
from gateway.store.sqlite.identities import same
from gateway.store.sqlite.joining import TWICE
from gateway.store.sqlite.withdrawing import WITHDRAWN

ABOUT = "SELECT state, topic FROM messages WHERE id = ?"
WITHDREW = f"""
SELECT 1 FROM consent_events
WHERE contact_id = ? AND name = 'withdrawn' AND recorded_at >= ?
  AND topic IN ('{EVERYTHING}', coalesce(?, '{EVERYTHING}')) LIMIT 1
"""

NOT_REPEATED = {
    WITHDRAWN: "the person withdrew",
    TWICE: "the same person gets it as another contact",
}
"""Code of a delivery in the air → why it is not tried again, should it fail."""


def ended(
    tx: SqliteTransaction, message: int, contact: int, code: str, began_at: int
) -> tuple[str, str] | None:
    """Return why a delivery is not tried again, as code and reason; None if it may be.

    `code` is what stands on the delivery, `began_at` when its last attempt began: whoever withdrew
    since then gets nothing more of it, whatever it rests on.
    """
    if code in NOT_REPEATED:
        return code, NOT_REPEATED[code]
    state, topic = tx.one(ABOUT, (message,)) or ("cancelled", None)
    if state == "cancelled":
        return "cancelled", "the message was cancelled"
    if any(tx.one(WITHDREW, (one, began_at, topic)) for one in same(tx, contact)):
        return WITHDRAWN, NOT_REPEATED[WITHDRAWN]
    return None
