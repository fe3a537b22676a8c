"""The usual outcome, many at once: first attempts that the provider accepted."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from gateway.store.protocol import Settlement
from gateway.store.sqlite import moving
from gateway.store.sqlite.connection import SqliteTransaction, as_json
from gateway.store.sqlite.moving import Moving

IN_THE_AIR = """
SELECT json_group_array(json_array(d.id, d.message_id, d.contact_id, d.sender, d.state))
FROM json_each(?) j CROSS JOIN deliveries d ON d.id = j.value
CROSS JOIN attempts a ON a.delivery_id = d.id AND a.n = 1
WHERE d.state = 2 AND d.tries = 1 AND d.priority > 0 AND a.state = 0 AND a.settled_at IS NULL
"""
"""Of these deliveries those on their first attempt, of which nothing is known; no questions, of
which more than an outcome is kept."""

_decode = msgspec.json.Decoder(list[Moving]).decode


def record(tx: SqliteTransaction, settlements: Sequence[Settlement]) -> list[Settlement]:
    """Record what is usual, and return the others."""
    usual: dict[int, Settlement] = {}
    seen: set[int] = set()
    for one in settlements:
        if _is_usual(one) and one.delivery not in seen:
            usual[one.delivery] = one
        seen.add(one.delivery)
    if not usual:
        return list(settlements)
    (found,) = tx.one(IN_THE_AIR, (as_json(list(usual)),)) or ("[]",)
    rows = [(row, usual[row.id]) for row in _decode(found)]
    if rows:
        moving.accepted(tx, rows)
        lines = [
            (one.at, row.message, row.id, row.contact, row.sender, str(one.n)) for row, one in rows
        ]
        tx.journal_all("delivery.accepted", lines)
    recorded = {id(one) for _, one in rows}
    return [one for one in settlements if id(one) not in recorded]


def _is_usual(one: Settlement) -> bool:
    nothing_more = not one.code and not one.detail and one.action == "fail"
    return one.outcome == "accepted" and one.n == 1 and nothing_more
