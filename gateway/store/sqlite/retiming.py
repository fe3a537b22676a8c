"""Due times that were written by a clock that was ahead, once it was put right.

A row that changed later than it is now was written by that clock: nothing else proves it.
"""

from __future__ import annotations

from gateway.store.sqlite.connection import SqliteTransaction

STEP_END = "SELECT max(id) FROM (SELECT id FROM deliveries WHERE id > ? ORDER BY id LIMIT ?)"
EARLIER = """
UPDATE deliveries SET due_at = max(due_at - ?1, ?2), changed_at = ?2
WHERE id > ?3 AND id <= ?4 AND state IN (0, 3, 4) AND changed_at > ?2
"""


def set_back(tx: SqliteTransaction, by: int, at: int, after: int, limit: int) -> int | None:
    """See WatchStore.set_back.  Done twice it changes nothing more: what was shifted changed now."""
    (end,) = tx.one(STEP_END, (after, limit)) or (None,)
    if end is None:
        return None
    tx.execute(EARLIER, (by, at, after, end))
    return int(end)
