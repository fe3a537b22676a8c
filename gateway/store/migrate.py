"""Numbered SQL files, applied once each, safely by several processes at once."""

from __future__ import annotations

from importlib import resources

import apsw

from gateway.errors import StoreError


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

    Each step is one transaction with its own number, so a step that fails leaves no trace.
    Raises StoreError if the database is newer than this program.
    """
    known = steps()
    applied = 0
    if version(connection) > len(known):
        raise StoreError(
            f"the database is of a newer version ({version(connection)}, this program knows"
            f" {len(known)}): install the newer program again, or restore a backup"
        )
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
