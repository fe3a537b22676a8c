"""Copies of a database: what a killed one leaves, and what another one makes of it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import apsw
import pytest

from gateway.errors import StoreError
from gateway.store.copying import LEFT, UNFINISHED, copy


@pytest.fixture
def source(tmp_path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(tmp_path / "store.db"))
    connection.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
    return connection


def killed(folder: Path, monkeypatch: pytest.MonkeyPatch, source: apsw.Connection) -> list[Path]:
    """Copy, and be killed in the midst: nothing is tidied up."""
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_, **__: None)

        def die(temporary: Path) -> None:
            raise StoreError("killed")

        with pytest.raises(StoreError, match="killed"):
            copy(source, folder / "yesterday.db", last=die)
    return sorted(folder.glob(f"{UNFINISHED}*"))


def test_what_a_killed_copy_left_goes_with_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: apsw.Connection
) -> None:
    """Whatever its name; not one that may still be written, nor what is somebody else's."""
    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / ".hidden").write_text("mine")
    (left,) = killed(folder, monkeypatch, source)
    copy(source, folder / "today.db")
    assert left.exists(), "it is young"
    long_ago = time.time() - LEFT - 60
    os.utime(left, (long_ago, long_ago))
    copy(source, folder / "tomorrow.db")
    assert sorted(path.name for path in folder.iterdir()) == [".hidden", "today.db", "tomorrow.db"]
