"""Sign-ups: what was agreed on a page or stands behind a link, bound by the person's own START."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from gateway.inbound import Wording
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import same
from gateway.store.sqlite.knowing import wording

SIGN_UP = """
SELECT source, topics, language, wording, evidence, reusable, expires_at, contact_id
FROM sign_ups WHERE code = ?
"""
BIND = """
UPDATE sign_ups SET contact_id = coalesce(contact_id, ?), bound_at = coalesce(bound_at, ?),
       uses = uses + 1 WHERE code = ?
"""

_topics = msgspec.json.Decoder(tuple[str, ...]).decode
_evidence = msgspec.json.Decoder(dict[str, str]).decode


class Bound(msgspec.Struct, frozen=True, kw_only=True):
    """What a code stood for; or why it stands for nothing: `unknown`, `expired` or `used`."""

    topics: tuple[str, ...] = ()
    source: str = ""
    language: str | None = None
    wording: Wording | None = None
    evidence: Mapping[str, str] = {}
    refused: str = ""


def bind(tx: SqliteTransaction, code: str, contact: int, said_at: int, at: int) -> Bound:
    """Bind the sign-up of a code to the person who sent it: only the first one, and in time.

    A reusable one is bound by everybody, and to nobody.
    """
    if not code:
        return Bound()
    row = tx.one(SIGN_UP, (code,))
    if row is None:
        return Bound(refused="unknown")
    source, topics, language, seen, evidence, reusable, expires_at, bound_to = row
    if expires_at is not None and said_at > expires_at:
        return Bound(refused="expired")
    if not reusable and bound_to is not None and bound_to not in same(tx, contact):
        return Bound(refused="used")
    tx.execute(BIND, (None if reusable else contact, None if reusable else at, code))
    return Bound(
        topics=_topics(topics),
        source=source,
        language=language,
        wording=wording(tx, seen),
        evidence=_evidence(evidence),
    )
