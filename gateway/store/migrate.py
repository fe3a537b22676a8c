"""Numbered SQL files, applied once each, safely by several processes at once."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import apsw

from gateway.errors import StoreError
from gateway.store.copying import copy

KEPT = 2
"""Copies of before a migration that are kept."""


def steps() -> list[tuple[int, str, str]]:
    """Return (number, file name, SQL) of every migration, in order, without gaps."""
    folder = resources.files("gateway.store") / "migrations"
    files = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    found = [(int(name.split("_")[0]), name, (folder / name).read_text("utf-8")) for name in files]
    if [number for number, _, _ in found] != list(range(1, len(found) + 1)):
        raise StoreError(f"the migrations are not numbered 1, 2, 3, …: {', '.join(files)}")
    return found


def version(connection: apsw.Connection) -> int:
    """Return the number of the last step that this database went through."""
    return int(connection.pragma("user_version") or 0)


def migrate(connection: apsw.Connection) -> int:
    """Bring the database to the newest shape; returns how many steps were applied.

    Each step is one transaction with its own number, so a step that fails leaves no trace.  What
    was there before the first step is kept beside the database, as `NAME.before-0004`.
    Raises StoreError if the database is newer than this program, or cannot be copied.
    """
    known = steps()
    applied = 0
    if version(connection) > len(known):
        raise StoreError(
            f"the database is of a newer version ({version(connection)}, this program knows"
            f" {len(known)}): install the newer program again, or restore a backup"
        )
    if 0 < version(connection) < len(known):
        _keep(connection, version(connection) + 1)
    for number, name, sql in known:
        if version(connection) >= number:
            continue
        connection.execute("BEGIN IMMEDIATE")  # waits for another process that migrates
        try:
            if version(connection) < number:
                connection.execute(sql)
                connection.pragma("user_version", number)
                applied += 1
            connection.execute("COMMIT")
        except apsw.Error as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise StoreError(f"the migration {name} failed: {error}") from error
    return applied


def _keep(connection: apsw.Connection, number: int) -> None:
    """Copy the database before a step changes it, and let go the oldest of such copies."""
    database = Path(connection.db_filename("main"))
    copy(connection, database.with_name(f"{database.name}.before-{number:04d}"), pause=0.0)
    for old in sorted(database.parent.glob(f"{database.name}.before-[0-9][0-9][0-9][0-9]"))[:-KEPT]:
        old.unlink(missing_ok=True)
