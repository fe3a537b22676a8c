"""The keys that sign the consent ledger: Ed25519, in files of their own, one in use at a time.

`ledger-1.pem`, `ledger-2.pem`, … hold private keys (PKCS #8); the store keeps the public ones.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from gateway.errors import ConfigError
from gateway.heads import Head, PublicKey, SignedHead, key_id, key_statement, stated
from gateway.keys import Keys


class Signer:
    """The private key in use."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.id = key_id(self.public)

    def sign(self, statement: bytes) -> bytes:
        """Return the 64 bytes of an Ed25519 signature (RFC 8032)."""
        return self._private.sign(statement)

    def sign_head(self, head: Head) -> SignedHead:
        """Sign a head that names this key."""
        return SignedHead(head, self.sign(stated(head)))


def signer_of(keys: Keys, known: Sequence[PublicKey]) -> Signer:
    """Return the key in use, the newest of those that the store knows; the first is made.

    Raises ConfigError if its file is gone or is another one's: a new one is never made in
    silence, for it would vouch for nothing that was before.
    """
    file = _file(max(len(known), 1))
    pem = keys.read(file)
    if pem is None and not known:
        pem = keys.write(file, _made())
    if pem is None:
        raise ConfigError(
            f"the key {keys.folder / file} that signs the consent ledger is gone; put back the"
            " copy, or begin a new one with: gateway consent rotate-key --lost"
        )
    signer = _read(pem, keys, file)
    if known and signer.id != known[-1].id:
        raise ConfigError(
            f"{keys.folder / file} holds the key {signer.id}, but the ledger's is {known[-1].id};"
            " put back the copy"
        )
    return signer


def following(keys: Keys, known: Sequence[PublicKey]) -> Signer:
    """Return the key after the newest, made if it is not there."""
    file = _file(len(known) + 1)
    return _read(keys.read(file) or keys.write(file, _made()), keys, file)


def introduced(signer: Signer, since: int, before: Signer | None = None) -> PublicKey:
    """Return a key as the store keeps it, vouched for by the one before."""
    previous = before.id if before else None
    statement = key_statement(signer.public, since, previous)
    return PublicKey(
        id=signer.id,
        public=signer.public,
        since=since,
        previous=previous,
        own=signer.sign(statement),
        vouched=before.sign(statement) if before else None,
    )


def public_pem(public: bytes) -> bytes:
    """Return a public key as a PEM file (SubjectPublicKeyInfo)."""
    return Ed25519PublicKey.from_public_bytes(public).public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )


def read_public_pem(pem: bytes) -> bytes | None:
    """Return the 32 bytes of a public key in a PEM file; None if it holds something else."""
    try:
        key = load_pem_public_key(pem)
    except ValueError:
        return None
    if not isinstance(key, Ed25519PublicKey):
        return None
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _file(n: int) -> str:
    return f"ledger-{n}.pem"


def _made() -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )


def _read(pem: bytes, keys: Keys, file: str) -> Signer:
    try:
        private = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError):
        private = None
    if not isinstance(private, Ed25519PrivateKey):
        raise ConfigError(f"{keys.folder / file} holds no Ed25519 key; put back the copy")
    return Signer(private)
