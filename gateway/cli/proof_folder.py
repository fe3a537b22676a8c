"""The folder of `--proof-files`: scans and screenshots that an import's column `file` names."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from gateway.cli.reach import Session
from gateway.cli.sheet import Row
from gateway.importing import DIGEST, FILE
from gateway.proof_files import LARGEST


class ProofFolder:
    """Hands each file to the gateway once, however many rows name it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._digests: dict[str, str] = {}

    def attach(self, row: Row, session: Session, check: bool) -> str:
        """Put the SHA-256 of the row's file into the row; with `check` nothing is handed over.

        Returns what is wrong with the file, in one sentence, or nothing.
        """
        name = row.fields.get(FILE, "").strip()
        row.fields.pop(DIGEST, None)
        if not name:
            return ""
        if name not in self._digests:
            path = (self._folder / name).resolve()
            if not path.is_relative_to(self._folder):
                return f"file {name!r} lies outside the folder of --proof-files"
            try:
                size = path.stat().st_size
                content = path.read_bytes() if size <= LARGEST else b""
            except OSError as error:
                return f"file {name!r}: {error.strerror}"
            if size > LARGEST:
                return f"file {name!r} has {size:,} bytes, {LARGEST:,} are the most"
            digest = hashlib.sha256(content).hexdigest()
            if not check:
                encoded = base64.b64encode(content).decode()
                digest = session.call("proof_put", content=encoded)["sha256"]
            self._digests[name] = digest
        row.fields[DIGEST] = self._digests[name]
        return ""
