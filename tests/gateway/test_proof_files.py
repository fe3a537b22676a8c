"""Files that prove consents: kept once, by hash, for nobody else to read."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.proof_files import ProofFiles


def test_a_file_is_kept_once(tmp_path: Path) -> None:
    files = ProofFiles(tmp_path / "gateway.sqlite")
    digest = files.put(b"scan")
    assert digest == hashlib.sha256(b"scan").digest()
    assert files.put(b"scan") == digest
    path = files.path(digest)
    assert path == tmp_path / "proofs" / digest.hex()[:2] / digest.hex()
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"scan", 0o600)
    assert list(path.parent.iterdir()) == [path], "nothing half written is left"


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "ab" * 31, "AB" * 32, "zz" * 32])
def test_only_a_hash_is_looked_for(tmp_path: Path, digest: str) -> None:
    """What a row of a list says is a name of a file is not trusted with a path."""
    assert not ProofFiles(tmp_path / "gateway.sqlite").has(digest)


def test_a_file_is_removed_once(tmp_path: Path) -> None:
    files = ProofFiles(tmp_path / "gateway.sqlite")
    digest = files.put(b"scan")
    assert files.has(digest.hex())
    files.remove([digest, digest])
    assert not files.has(digest.hex())


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "proofs").write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match="cannot keep a proof in"):
        ProofFiles(tmp_path / "gateway.sqlite").put(b"scan")
