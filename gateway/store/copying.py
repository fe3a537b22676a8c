"""Whole copies of a database of one moment, made while it is written to."""

from __future__ import annotations

import os
import secrets
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import apsw

from gateway.errors import StoreError
from gateway.replay import sync_folder

PAGES = 256
"""Pages copied at once: a megabyte."""

PAUSE = 0.002
"""Seconds between two steps: the disk is there for those who send."""

SYNCED_EVERY = 4
"""Steps after which the copy is brought to the disk: all of it at the end would hold up every
commit for as long as that takes."""

IDLE = 19
"""The niceness of a process that may wait for all others."""

UNFINISHED = ".gateway-copy-"
"""How the name of a copy begins that is not whole yet."""

LEFT = 3600.0
"""Seconds in which nothing was written to an unfinished copy: whoever wrote it was killed."""

DAMAGES = 20
"""Damages that are told, at most."""


def incoming(database: Path) -> Path:
    """Return where a backup waits to take the place of a database."""
    return database.with_name(f"{database.name}.incoming")


def copy(
    source: apsw.Connection,
    target: Path,
    *,
    check: bool = True,
    pause: float = PAUSE,
    last: Callable[[Path], None] = lambda temporary: None,
) -> int:
    """Copy a database into a new file (mode 0600), which appears when it is whole and checked.

    It is what a transaction that begins now sees, and holds nobody up: with a write-ahead log
    those who read and who writes do not wait for each other.  `last` may change the copy before
    it appears.  A file of that name is replaced, and what a killed process left of its copy goes.
    Returns the copy's size in bytes.  Raises StoreError; then nothing is left behind.
    """
    temporary = target.with_name(f"{UNFINISHED}{secrets.token_hex(4)}")
    _clear(target.parent)
    try:
        os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _copy(source, temporary, pause)
        if check:
            damages = damages_of(temporary)
            if damages:
                raise StoreError(f"the copy is damaged, and so is the database: {damages[0]}")
        last(temporary)
        _sync(temporary)
        size = temporary.stat().st_size
        temporary.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from error
    except apsw.Error as error:
        raise StoreError(f"cannot copy the database to {target}: {error}") from error
    finally:
        for suffix in ("", "-journal", "-wal", "-shm"):
            temporary.with_name(temporary.name + suffix).unlink(missing_ok=True)
    return size


def _clear(folder: Path) -> None:
    """Each such file is as large as a database, holds what it holds, and nobody would look there."""
    for left in folder.glob(f"{UNFINISHED}*"):
        with suppress(OSError):  # another one clears too, or it is another user's
            if time.time() - left.stat().st_mtime > LEFT:
                left.unlink()


def _copy(source: apsw.Connection, temporary: Path, pause: float) -> None:
    target = apsw.Connection(str(temporary))
    mine = not source.in_transaction
    try:
        target.pragma("synchronous", "off")  # synced here, and at the end
        if mine:  # one snapshot for all steps: else each commit would begin the copy anew
            source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        with target.backup("main", source, "main") as backup:
            steps = 0
            while not backup.step(PAGES):
                steps += 1
                if steps % SYNCED_EVERY == 0:
                    _sync(temporary)
                time.sleep(pause)
        target.pragma("journal_mode", "delete")  # one file, without a log beside it
    finally:
        if mine and source.in_transaction:
            source.execute("COMMIT")
        target.close()


def damages_of(path: Path) -> list[str]:
    """Read all of a database and return what is damaged in it.  Raises StoreError."""
    try:
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.pragma("query_only", True)
            found = connection.execute(f"PRAGMA integrity_check({DAMAGES})")
            rows = [line for (row,) in found for line in str(row).splitlines()]
        finally:
            connection.close()
    except (apsw.CorruptError, apsw.NotADBError) as error:
        return [str(error)]
    except apsw.Error as error:
        raise StoreError(f"cannot read {path}: {error}") from error
    return [] if rows == ["ok"] else rows


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":  # python -m gateway.store.copying DATABASE: what is damaged, by lines
    os.nice(IDLE)
    sys.stdout.writelines(f"{damage}\n" for damage in damages_of(Path(sys.argv[1])))
