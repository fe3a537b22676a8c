"""Proofs: all that shows one person's consent, in one file that can be checked on another machine,
without the database and without a word of anybody else.

Each event comes with the hashes that lead from it to a signed head, and the whole is sealed.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec

from gateway.heads import Count, KeyRing, Micros, PublicKey, read_stated, stated
from gateway.merkle import Tree
from gateway.store.ledger import KeptHead

FORMAT: Literal["message-gateway proof v1"] = "message-gateway proof v1"
LARGEST = 64 << 20
"""Bytes of a proof that is read."""

SealDomain = Literal["message-gateway proof seal v1"]
AnswerDomain = Literal["message-gateway answer v1"]
Row = dict[str, Any]


class Seal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ledger's key says about a whole proof: the SHA-256 of all of it but the seal."""

    domain: SealDomain = "message-gateway proof seal v1"
    company: str
    sha256: str
    at: Micros
    key: str


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the company knows of an identity: `known`, `erased` or `unknown`.

    `states`: topic → state.  `head` is the token of the ledger's head at that time.
    """

    domain: AnswerDomain = "message-gateway answer v1"
    company: str
    kind: str
    value: str
    answer: Literal["known", "erased", "unknown"]
    since: Micros | None = None
    states: dict[str, str] = {}
    head: str | None = None
    at: Micros
    key: str


class ProofEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A consent event: all that its hash covers, its evidence, and its way to signed heads.

    `paths`: number of a head → hashes beside the way to its root (RFC 9162, 2.1.3).
    """

    number: int
    at: int
    recorded_at: int
    contact: int
    topic: str
    name: str
    source: str
    commitment: str
    previous: str
    hash: str
    format: int
    sender: str
    wording: str | None
    request: int | None
    salt: str | None
    evidence: str | None
    paths: dict[str, list[str]] = {}


class ProofHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed head.  `stamp` is the time-stamping service's answer, base64."""

    token: str
    mailed_at: int | None = None
    stamp: str | None = None


class ProofKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public key of the ledger; bytes as hex."""

    id: str
    public: str
    since: int
    previous: str | None
    own: str
    vouched: str | None


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proof as it lies in a file.  Times are UTC microseconds."""

    format: Literal["message-gateway proof v1"]
    company: Row
    made_at: Micros
    contact: Count
    contacts: list[int]
    name: str
    language: str | None
    known_since: int
    erased_at: int | None
    identities: list[Row]
    states: list[Row]
    topics: dict[str, Row]
    events: list[ProofEvent]
    wordings: dict[str, Row]
    received: list[Row]
    sent: list[Row]
    changes: list[Row]
    files: list[Row]
    heads: list[ProofHead]
    keys: list[ProofKey]


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A statement and its signature, as both lie in a file."""

    statement: str
    signature: str


class SealedProof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: a proof and its seal."""

    proof: msgspec.Raw
    seal: Signed


class SignedAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of an answer."""

    answer: Signed
    keys: list[ProofKey]


def make(
    person: Mapping[str, Any],
    *,
    company: Mapping[str, str],
    topics: Mapping[str, Mapping[str, str]],
    heads: Sequence[KeptHead],
    keys: Iterable[PublicKey],
    tree: Tree,
    made_at: int,
) -> Proof:
    """Put a proof together.  `person`: what store/sqlite/proving.py reads; `heads`: all of them,
    the oldest first; `tree`: over the hashes of all events up to the last head."""
    chosen: dict[tuple[int, int], KeptHead] = {}
    events = []
    for event in person["events"]:
        paths = {}
        for kept in _covering(heads, event["number"]):
            head = kept.signed.head
            chosen[head.at, head.number] = kept
            path = tree.path(event["number"] - 1, head.number)
            paths[str(head.number)] = [digest.hex() for digest in path]
        events.append(ProofEvent(**event, paths=paths))
    fields = {name: value for name, value in person.items() if name != "events"}
    return Proof(
        format=FORMAT,
        company=dict(company),
        made_at=made_at,
        topics={name: dict(about) for name, about in topics.items()},
        events=events,
        heads=[as_head(kept) for _, kept in sorted(chosen.items())],
        keys=[as_key(key) for key in keys],
        **fields,
    )


def _covering(heads: Sequence[KeptHead], number: int) -> list[KeptHead]:
    """Return the heads that tell of an event: the first that covers it, the first of those that
    was stamped, the first that was mailed, and the last."""
    over = [kept for kept in heads if kept.signed.head.number >= number]
    first = over[:1] + over[-1:]
    first += [kept for kept in over if kept.stamp is not None][:1]
    first += [kept for kept in over if kept.mailed_at is not None][:1]
    return first


def encoded(proof: Proof) -> bytes:
    """Return the bytes that are sealed: JSON, keys sorted, one to a line, so that people can read
    it too."""
    return msgspec.json.format(msgspec.json.encode(proof, order="sorted"), indent=1)


def file_of(body: bytes, seal: Signed) -> bytes:
    """Return the file: what was sealed, and the seal."""
    return b'{"proof": ' + body + b',\n"seal": ' + msgspec.json.encode(seal) + b"}\n"


def as_head(kept: KeptHead) -> ProofHead:
    """Return a head as it lies in a file."""
    stamp = None if kept.stamp is None else base64.b64encode(kept.stamp).decode()
    return ProofHead(token=kept.signed.token, mailed_at=kept.mailed_at, stamp=stamp)


def as_key(key: PublicKey) -> ProofKey:
    """Return a key as it lies in a file."""
    return ProofKey(
        id=key.id,
        public=key.public.hex(),
        since=key.since,
        previous=key.previous,
        own=key.own.hex(),
        vouched=None if key.vouched is None else key.vouched.hex(),
    )


def ring_of(keys: Iterable[ProofKey], trusted: bytes | None) -> KeyRing:
    """Return the keys of a file.  Raises ValueError for what is no hex."""
    return KeyRing(
        [
            PublicKey(
                id=key.id,
                public=bytes.fromhex(key.public),
                since=key.since,
                previous=key.previous,
                own=bytes.fromhex(key.own),
                vouched=None if key.vouched is None else bytes.fromhex(key.vouched),
            )
            for key in keys
        ],
        trusted,
    )


def signed_statement(statement: msgspec.Struct, signature: bytes) -> Signed:
    """Return a statement with its signature, as both lie in a file."""
    return Signed(
        statement=stated(statement).decode(), signature=base64.b64encode(signature).decode()
    )


def read_signed(signed: Signed, type_: type[Any], ring: KeyRing) -> tuple[Any, str]:
    """Return a statement and why it does not count ("" if it does)."""
    statement = signed.statement.encode()
    read = read_stated(statement, type_)
    if read is None:
        return None, "is none"
    try:
        signature = base64.b64decode(signed.signature, validate=True)
    except ValueError:
        return read, "has no signature"
    return read, ring.doubt(read.key, read.at, signature, statement)
