"""Whether the gateway is done with everything, by its database: the end of a campaign."""

from __future__ import annotations

import time

from tests.chaos.gateway import Gateway

SOON = 60.0
"""Seconds: what is due later was put off until another day."""
RESENT = 12.0
"""Seconds after a start, and after a failure, until which an order of which nothing was heard goes
again: `[delivery] unknown_after`, a look at them, and a slow machine."""

WAITS = """
SELECT 1 FROM messages WHERE state IN ('accepted', 'held', 'ready')
UNION ALL
SELECT 1 FROM deliveries WHERE state IN (1, 2, 4) OR (state = 0 AND due_at < ?1)
UNION ALL
SELECT 1 FROM deliveries d JOIN messages m ON m.id = d.message_id
WHERE d.state = 5 AND d.code NOT IN ('restored', 'withdrawn') AND m.kind = 'utility'
  AND d.changed_at > ?2
UNION ALL
SELECT 1 FROM positions WHERE position < (SELECT max(id) FROM journal)
LIMIT 1
"""


def waits(gateway: Gateway, running: float) -> bool:
    """Is something on its way, due soon, unread by those who answer, or to be sent again?

    `running`: seconds since the gateway started.
    """
    now = time.time()
    unknown_since = now - RESENT if running > RESENT else 0.0
    return bool(gateway.rows(WAITS, int((now + SOON) * 1e6), int(unknown_since * 1e6)))
