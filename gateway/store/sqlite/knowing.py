"""What is known of one person or one inbound message, as plugins see it; sign-ups and wishes."""

from __future__ import annotations

import msgspec

from gateway.consent_chain import wording_hash
from gateway.errors import CodeTaken
from gateway.inbound import Contact, Preference, Received, SignUp, Standing, Wording
from gateway.message import Identity
from gateway.store.protocol import micros, moment
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import current

STANDINGS = """
SELECT c.topic, c.state, c.event, c.since, q.event IS NOT NULL
FROM consents c LEFT JOIN questions q ON q.event = c.event WHERE c.contact_id = ?
"""


def put_wording(tx: SqliteTransaction, wording: Wording | None, at: int) -> bytes | None:
    """Keep a wording, once; returns its hash."""
    if wording is None:
        return None
    digest = wording_hash(wording)
    tx.execute(
        "INSERT INTO wordings VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (digest, wording.text, wording.language, wording.version, wording.purpose, at),
    )
    return digest


def wording(tx: SqliteTransaction, digest: bytes | None) -> Wording | None:
    """Return the wording of a hash."""
    row = tx.one(
        "SELECT text, language, version, purpose FROM wordings WHERE hash = ?", (digest,)
    )  # fmt: skip
    if row is None:
        return None
    return Wording(text=row[0], language=row[1], version=row[2], purpose=row[3])


def put_sign_up(tx: SqliteTransaction, sign_up: SignUp) -> None:
    """Keep a sign-up under its code.  A reusable one that is there already stays as it is.

    Raises CodeTaken if the code is another's.
    """
    at = micros(sign_up.at)
    kept = tx.one(
        "INSERT INTO sign_ups (code, source, topics, language, wording, evidence, reusable, at,"
        " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (code) DO NOTHING RETURNING 1",
        (
            sign_up.code,
            sign_up.source,
            msgspec.json.encode(sign_up.topics).decode(),
            sign_up.language,
            put_wording(tx, sign_up.wording, at),
            msgspec.json.encode(sign_up.evidence, order="sorted").decode(),
            sign_up.reusable,
            at,
            micros(sign_up.expires_at) if sign_up.expires_at else None,
        ),
    )
    if kept is None and not sign_up.reusable:
        raise CodeTaken("another sign-up has this code")


def prefer(tx: SqliteTransaction, preference: Preference, at: int) -> None:
    """Keep how much a person wants."""
    preference = preference.replace(contact=current(tx, preference.contact))
    if preference.paused_until is not None:
        until = micros(preference.paused_until)
        tx.execute(
            "UPDATE contacts SET paused_until = ? WHERE id = ?",
            (until if until > at else None, preference.contact),
        )
        name = "contact.paused" if until > at else "contact.resumed"
        tx.journal(at, name, contact=preference.contact, detail=str(until) if until > at else "")
    if preference.per_week is not None:
        tx.execute(
            "UPDATE contacts SET per_week = ? WHERE id = ?",
            (preference.per_week or None, preference.contact),
        )
        tx.journal(
            at, "contact.frequency", contact=preference.contact, detail=str(preference.per_week)
        )


def contact(tx: SqliteTransaction, id: int) -> Contact | None:
    """See PeopleStore.contact."""
    id = current(tx, id)
    row = tx.one(
        "SELECT id, language, name, paused_until, per_week FROM contacts WHERE id = ?", (id,)
    )
    if row is None:
        return None
    echoed = tx.one("SELECT max(at) FROM echoes WHERE contact_id = ?", (id,))
    return Contact(
        id=row[0],
        identities=tuple(
            Identity(kind, value)
            for kind, value in tx.rows(
                "SELECT kind, value FROM identities"
                " WHERE contact_id = ? AND retired_at IS NULL ORDER BY kind, first_seen DESC",
                (id,),
            )
        ),
        language=row[1],
        name=row[2],
        consents=tuple(
            Standing(topic=topic, state=state, event=event, since=moment(since), asked=bool(asked))
            for topic, state, event, since, asked in tx.rows(STANDINGS, (id,))
        ),
        windows={
            sender: moment(until)
            for sender, until in tx.rows(
                "SELECT sender, until FROM windows WHERE contact_id = ?", (id,)
            )
        },
        paused_until=moment(row[3]) if row[3] is not None else None,
        per_week=row[4],
        echoed_at=moment(echoed[0]) if echoed and echoed[0] is not None else None,
    )


def received(tx: SqliteTransaction, id: int) -> Received | None:
    """See PeopleStore.received."""
    row = tx.one(
        "SELECT id, contact_id, sender, provider_id, kind, words, caption, button, quoted, at, act,"
        " raw FROM inbound WHERE id = ?",
        (id,),
    )
    if row is None:
        return None
    return Received(
        id=row[0],
        contact=row[1],
        sender=row[2],
        provider_id=row[3],
        kind=row[4],
        words=row[5],
        caption=row[6],
        button=bool(row[7]),
        quoted=row[8],
        at=moment(row[9]),
        act=row[10],
        raw=bytes(row[11]),
    )
