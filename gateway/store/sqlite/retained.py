"""What is kept at this moment of all that has a time of retention, for a command."""

from __future__ import annotations

from typing import Any

from gateway.store.rights import Purge
from gateway.store.sqlite.connection import SqliteTransaction

KEPT: dict[Purge, tuple[str, str]] = {
    "raw": ("inbound", "received_at"),
    "account": ("account_events", "at"),
    "conversation": ("inbound", "received_at"),
    "windows": ("windows", "until"),
    "echoes": ("echoes", "at"),
    "cases": ("cases", "closed_at"),
    "sign_ups": ("sign_ups", "at"),
    "sent": ("messages", "accepted_at"),
    "contents": ("contents", "used_at"),
    "proof": ("consent_evidence JOIN consent_events USING (number)", "recorded_at"),
    "unconfirmed": ("consents", "since"),
    "journal": ("journal", "at"),
    "lookups": ("lookups", "at"),
}
"""Table and time of what `kept` counts."""

ONLY = {
    "raw": "raw <> x''",
    "account": "raw <> x''",
    "cases": "closed_at IS NOT NULL",
    "sign_ups": "reusable = 0",
    "unconfirmed": "state IN ('requested', 'expired')",
}


def kept(tx: SqliteTransaction, before: dict[str, int | None]) -> list[dict[str, Any]]:
    """Return per class how much is kept, since when, and how much is older than its time (what
    stands or is held stays all the same).  For a command: this counts whole tables."""
    found = []
    for what, (table, at) in KEPT.items():
        row = tx.one(
            f"SELECT count(*), min({at}), count(*) FILTER (WHERE {at} < ?) FROM {table}"
            f" WHERE {ONLY.get(what, 'true')}",
            (before.get(what),),
        )
        n, oldest, old = row or (0, None, 0)
        found.append({"what": what, "kept": n, "oldest": oldest, "old": old})
    return found
