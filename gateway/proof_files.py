"""Scans and screenshots that prove consents: files beside the database, named by their SHA-256.

The evidence of a consent event holds the hash, so that a file that was exchanged is found.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

from gateway.errors import ConfigError

LARGEST = 5_000_000
"""Bytes of one file; a scan of a page has some hundred thousand."""


class ProofFiles:
    """The folder `proofs` beside a database; `abcd…` lies in `ab/abcd…`."""

    def __init__(self, database: Path) -> None:
        self.folder = database.parent / "proofs"

    def path(self, digest: bytes) -> Path:
        """Return where the file with a SHA-256 lies."""
        name = digest.hex()
        return self.folder / name[:2] / name

    def has(self, digest: str) -> bool:
        """Return whether the file with a SHA-256 (hex) is kept here."""
        return re.fullmatch(r"[0-9a-f]{64}", digest) is not None and (
            self.path(bytes.fromhex(digest)).exists()
        )

    def put(self, content: bytes) -> bytes:
        """Keep a file (mode 0600); returns its SHA-256.  Raises ConfigError if that fails."""
        digest = hashlib.sha256(content).digest()
        path = self.path(digest)
        if path.exists():
            return digest
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as opened:
                    opened.write(content)
                    opened.flush()
                    os.fsync(opened.fileno())
                temporary.replace(path)  # whole or not at all
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise ConfigError(f"cannot keep a proof in {path.parent}: {error.strerror}") from error
        return digest

    def remove(self, digests: Iterable[bytes]) -> None:
        """Delete files that nothing needs any more.  Raises ConfigError if one stays."""
        for digest in digests:
            path = self.path(digest)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise ConfigError(f"cannot delete {path}: {error.strerror}") from error
