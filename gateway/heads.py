"""Signed heads of the consent ledger, and the keys that sign: what is said, in which bytes.

A head says how many events there are, what the hash of the last one is, and the root of the tree
over all of them.  Whoever keeps one outside can tell later if anything before it was changed.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST = 4000
"""Characters of a token; a company's name is all that varies much."""

_TOKEN = re.compile(rf"\bmgh1([A-Z2-7]{{200,{LONGEST}}})\b")
_SIGNATURE = 64

HeadDomain = Literal["message-gateway ledger head v1"]
KeyDomain = Literal["message-gateway ledger key v1"]
T = TypeVar("T", bound=msgspec.Struct)

Micros = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_000_000)]
"""UTC microseconds, up to the year 9999: what a stranger's file says can be written as a date."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed: the ledger of `company` had `number` events at `at` (UTC microseconds)."""

    domain: HeadDomain = "message-gateway ledger head v1"
    company: str
    number: Count
    hash: str
    root: str
    at: Micros
    key: str


class SignedHead(msgspec.Struct, frozen=True):
    """A head and the signature of the key that it names."""

    head: Head
    signature: bytes

    @property
    def token(self) -> str:
        """The head as one word that survives mail and logs: `mgh1` and base32."""
        return "mgh1" + base64.b32encode(self.signature + stated(self.head)).decode().rstrip("=")


class PublicKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key of the ledger: 32 bytes, in use from `since` on (UTC microseconds).

    `own` is its own signature, `vouched` that of the key before it, both over `said_by`: so
    whoever trusts one of the two trusts both.
    """

    id: str
    public: bytes
    since: int
    previous: str | None = None
    own: bytes
    vouched: bytes | None = None

    def said_by(self) -> bytes:
        """Return the bytes that were signed."""
        return key_statement(self.public, self.since, self.previous)


class _KeyStatement(msgspec.Struct, kw_only=True):
    domain: KeyDomain = "message-gateway ledger key v1"
    key: str
    public: str
    since: int
    previous: str | None


def stated(statement: msgspec.Struct) -> bytes:
    """Return the bytes of a statement: JSON, keys sorted, no spaces, UTF-8."""
    return msgspec.json.encode(statement, order="sorted")


def key_statement(public: bytes, since: int, previous: str | None) -> bytes:
    """Return what a new key and the one before it sign."""
    return stated(
        _KeyStatement(key=key_id(public), public=public.hex(), since=since, previous=previous)
    )


def key_id(public: bytes) -> str:
    """Return a key's name: the first 16 digits of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(public).hexdigest()[:16]


def read_stated(statement: bytes, type_: type[T]) -> T | None:
    """Read a statement; None if it is none, or not written as `stated` writes it."""
    try:
        read = msgspec.json.decode(statement, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return read if stated(read) == statement else None


def read_token(token: str) -> SignedHead | None:
    """Read what `SignedHead.token` wrote; None if it is something else."""
    found = _TOKEN.fullmatch(token.strip())
    if found is None:
        return None
    try:
        raw = base64.b32decode(found[1] + "=" * (-len(found[1]) % 8))
    except binascii.Error:
        return None
    head = read_stated(raw[_SIGNATURE:], Head)
    if head is None:
        return None
    signed = SignedHead(head, raw[:_SIGNATURE])
    # Base32 can say the same in several ways; a token says it in one.
    return signed if signed.token == token.strip() else None


def tokens_in(text: str) -> list[str]:
    """Return the tokens that stand anywhere in a text, such as a mail or a log, each once."""
    joined = re.sub(r"=\r?\n", "", text)  # quoted-printable breaks long lines so
    return list(dict.fromkeys(found[0] for found in _TOKEN.finditer(joined)))


def signed_by(public: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether an Ed25519 signature is that key's, over that message."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class KeyRing:
    """The keys of a ledger, as far as one vouches for the other."""

    def __init__(self, keys: Iterable[PublicKey], trusted: bytes | None = None) -> None:
        """`trusted`: the public key that the reader has from elsewhere; without, the newest."""
        self.problems: list[str] = []
        """What is wrong with the keys, in sentences."""
        known: dict[str, PublicKey] = {}
        for key in sorted(keys, key=lambda key: key.since):
            own = key.id == key_id(key.public) and signed_by(key.public, key.own, key.said_by())
            if not own or (key.previous is None) != (key.vouched is None):
                self.problems.append(f"key {key.id} is not what it says of itself")
            else:
                known[key.id] = key
        self.anchor = key_id(trusted) if trusted is not None else next(reversed(known), None)
        if trusted is not None and self.anchor not in known:
            self.problems.append(
                f"the key {self.anchor} that you trust is none of this ledger's:"
                f" {', '.join(known) or 'it has none'}"
            )
            known = {}
        self._keys = {key.id: key for key in self._linked(known)}

    def _linked(self, known: dict[str, PublicKey]) -> Sequence[PublicKey]:
        """Return the keys that lead to the trusted one, in order."""
        chain: list[PublicKey] = []
        found = known.get(self.anchor or "")
        while found is not None and found not in chain:
            chain.insert(0, found)
            before = known.get(found.previous or "")
            if found.previous is not None and (before is None or not _vouches(before, found)):
                self.problems.append(
                    f"key {found.id} says that it follows {found.previous},"
                    " and that one does not vouch for it"
                )
                before = None
            found = before
        for key in known.values():  # the newer ones
            if chain and key.previous == chain[-1].id and _vouches(chain[-1], key):
                chain.append(key)
        self.problems += [
            f"key {key.id} has no link to the key {self.anchor}; nothing that it signed counts"
            for key in known.values()
            if key not in chain
        ]
        return chain

    @property
    def keys(self) -> list[PublicKey]:
        """The keys that count, the oldest first."""
        return list(self._keys.values())

    def doubt(self, key: str, at: int, signature: bytes, message: bytes) -> str:
        """Return why a signature does not count, "" if it does.  `at`: when it says it was made."""
        found = self._keys.get(key)
        if found is None:
            return f"is signed by the key {key}, which is not known"
        if not signed_by(found.public, signature, message):
            return f"has a signature that is not by key {key}"
        after = next((k for k in self._keys.values() if k.previous == key), None)
        if after is not None and at > after.since:
            return f"is signed by key {key} after {after.id} took its place"
        return ""

    def doubt_head(self, signed: SignedHead) -> str:
        """Return why a signed head does not count, "" if it does."""
        return self.doubt(signed.head.key, signed.head.at, signed.signature, stated(signed.head))


def _vouches(before: PublicKey, after: PublicKey) -> bool:
    return after.vouched is not None and signed_by(before.public, after.vouched, after.said_by())
