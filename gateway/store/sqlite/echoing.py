"""Echoes: what the company wrote to a person beside the gateway, such as in the phone app.

Somebody who was answered there waits for no answer here.
"""

from __future__ import annotations

from gateway.inbound import Close, Echo
from gateway.store.protocol import micros
from gateway.store.sqlite import identities
from gateway.store.sqlite.cases import PHONE_APP, close_case
from gateway.store.sqlite.connection import SqliteTransaction

SECOND = 1_000_000

KEEP = "INSERT INTO echoes VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
ANSWERED = """
SELECT c.id FROM cases c LEFT JOIN inbound i ON i.id = c.inbound_id
WHERE c.contact_id = ? AND c.closed_at IS NULL AND c.kind = 'question'
  AND coalesce(i.at, c.opened_at) < ?
ORDER BY c.id
"""


def take_echoes(tx: SqliteTransaction, sender: str, echoes: tuple[Echo, ...], at: int) -> int:
    """Keep a webhook's echoes and close the questions that they answer; returns how many of the
    echoes were new."""
    new = 0
    for echo in echoes:
        if not echo.identities:
            continue
        contact = identities.know(tx, echo.identities, at, sender=sender)
        said_at = min(micros(echo.at), at)
        tx.execute(KEEP, (sender, echo.provider_id, contact, said_at))
        if not tx.changed():  # webhooks are repeated
            continue
        new += 1
        tx.journal(at, "echo", contact=contact, sender=sender)
        # The provider's times are whole seconds: a question of the same one came before.
        for (case,) in list(tx.rows(ANSWERED, (contact, said_at + SECOND))):
            close_case(tx, Close(case=case, by=PHONE_APP), at)
    return new
