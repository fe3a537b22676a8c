"""One writer for one database, also across processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.lock import Locked, only_writer

HOLDER = """
import sys
from pathlib import Path
from gateway.lock import only_writer
with only_writer(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holder(database: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(database)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("end", ["leaves", "killed"])
def test_a_second_process_is_refused_by_name(tmp_path: Path, end: str) -> None:
    """The refusal names the process that writes; when that ends, however, the lock is free."""
    database = tmp_path / "gateway.sqlite"
    with holder(database) as process:
        with pytest.raises(Locked, match=f"process {process.pid};"), only_writer(database):
            pass
        if end == "leaves":
            process.communicate("\n")
        else:
            process.kill()
            process.communicate()
    with only_writer(database):
        assert (tmp_path / "gateway.sqlite.lock").read_text() == str(os.getpid())


def test_one_process_does_not_lock_twice(tmp_path: Path) -> None:
    """Two writers in one process are two writers."""
    database = tmp_path / "new" / "gateway.sqlite"
    with only_writer(database):
        with pytest.raises(Locked, match=f"process {os.getpid()};"), only_writer(database):
            pass
        with only_writer(tmp_path / "other.sqlite"):
            pass


def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """A wrong path is told, not traced."""
    (tmp_path / "file").touch()
    with (
        pytest.raises(StoreError, match=r"cannot write .*lock: "),
        only_writer(tmp_path / "file" / "gateway.sqlite"),
    ):
        pass


def test_no_link_is_followed(tmp_path: Path) -> None:
    """The file is emptied: root, who restores, must not empty what a link there leads to."""
    other = tmp_path / "other"
    other.write_text("of somebody else")
    (tmp_path / "gateway.sqlite.lock").symlink_to(other)
    with (
        pytest.raises(StoreError, match=r"cannot write .*lock: "),
        only_writer(tmp_path / "gateway.sqlite"),
    ):
        pass
    assert other.read_text() == "of somebody else"
