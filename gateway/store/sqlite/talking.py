"""What was said with one person lately, for whoever answers."""

from __future__ import annotations

import msgspec

from gateway.given import Said
from gateway.message import Message, Text
from gateway.store.protocol import DeliveryState, moment
from gateway.store.sqlite.connection import SqliteTransaction

THEIRS = """
SELECT at, words, caption, kind FROM inbound WHERE contact_id = ? ORDER BY id DESC LIMIT ?
"""
OURS = """
SELECT m.accepted_at, m.body, d.state, m.number
FROM messages m LEFT JOIN deliveries d ON d.message_id = m.id AND d.contact_id = m.contact_id
WHERE m.contact_id = ? ORDER BY m.id DESC LIMIT ?
"""
ECHOED = "SELECT at FROM echoes WHERE contact_id = ? ORDER BY at DESC LIMIT ?"

_message = msgspec.json.Decoder(Message).decode


def conversation(tx: SqliteTransaction, contact: int, limit: int) -> list[Said]:
    """See Context.conversation."""
    found = [
        Said(at=moment(at), ours=False, text=caption or words, kind=kind)
        for at, words, caption, kind in reversed([*tx.rows(THEIRS, (contact, limit))])
    ]
    for at, body, state, number in reversed([*tx.rows(OURS, (contact, limit))]):
        message = _message(body)
        text = message.form("text")
        found.append(
            Said(
                at=moment(at),
                ours=True,
                text=text.rendered if isinstance(text, Text) else message.text,
                kind=message.kind,
                state="queued" if state is None else DeliveryState(state).name.lower(),
                number=number,
            )
        )
    found += [
        Said(at=moment(at), ours=True, text="", kind="echo", state="sent")
        for (at,) in tx.rows(ECHOED, (contact, limit))
    ]
    return sorted(found, key=lambda said: said.at)[-limit:]
