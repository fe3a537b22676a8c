"""How consent events are chained: each row's hash covers the hash before it, so that a changed,
deleted or moved row is found.

What may have to be erased is not in the row, but a salted commitment to it is.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import msgspec

from gateway.inbound import Wording

FORMAT = 2
"""Of the rows that are written now; format 1 had no sender, no wording and no request."""

BEGINNING = bytes(32)
"""The hash before the first row."""


class Row(NamedTuple):
    """One row of `consent_events`, in the order of COLUMNS.  Times are UTC microseconds.

    `wording` is the SHA-256 that names what the person saw, `request` the number of the
    `requested` event that this one asks about, answers or ends.
    """

    number: int
    at: int
    recorded_at: int
    contact: int
    topic: str
    name: str
    source: str
    commitment: bytes
    previous: bytes
    hash: bytes
    format: int
    sender: str
    wording: bytes | None
    request: int | None


COLUMNS = (
    "number, at, recorded_at, contact_id, topic, name, source, commitment, previous, hash, format,"
    " sender, wording, request"
)


def row_hash(
    previous: bytes,
    number: int,
    at: int,
    recorded_at: int,
    contact: int,
    topic: str,
    name: str,
    source: str,
    commitment: bytes,
    *,
    format: int = FORMAT,
    sender: str = "",
    wording: bytes | None = None,
    request: int | None = None,
) -> bytes:
    """Return the hash of a row: SHA-256 over the previous hash and the row as a JSON list.

    Raises ValueError for a format that this version does not know.
    """
    row = [number, at, recorded_at, contact, topic, name, source, commitment.hex()]
    if format == 2:
        row = [2, *row, sender, None if wording is None else wording.hex(), request]
    elif format != 1:
        raise ValueError(f"consent event {number} has format {format}, written by a later version")
    return hashlib.sha256(previous + msgspec.json.encode(row)).digest()


def row_digest(row: Row) -> bytes:
    """Return what the hash of a row has to be, going by all its other columns."""
    return row_hash(
        row.previous, row.number, row.at, row.recorded_at, row.contact, row.topic, row.name,
        row.source, row.commitment, format=row.format, sender=row.sender, wording=row.wording,
        request=row.request,
    )  # fmt: skip


def commit_to(salt: bytes, evidence: str) -> bytes:
    """Return the commitment that stands for evidence in the chain: SHA-256(salt || evidence)."""
    return hashlib.sha256(salt + evidence.encode()).digest()


def wording_hash(wording: Wording) -> bytes:
    """Return the name of a wording: SHA-256 over text, language, version and purpose."""
    fields = [wording.text, wording.language, wording.version, wording.purpose]
    return hashlib.sha256(msgspec.json.encode(fields)).digest()
