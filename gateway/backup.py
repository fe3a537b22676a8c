"""A backup while the gateway runs, and putting one back while it does not."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import apsw
import msgspec

from gateway.errors import ConfigError, StoreError
from gateway.replay import Begun, Replay, replay_folder, sync_folder
from gateway.store.copying import copy, incoming
from gateway.store.migrate import steps, version
from gateway.store.sqlite.connection import open_reader
from gateway.store.sqlite.replaying import MARK, MARKS

BESIDE = ("", "-wal", "-shm")
"""The files that are one database."""


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What was put back.  Times are UTC microseconds, None if the backup does not tell."""

    made_at: int | None
    bytes: int
    aside: Path | None
    """Where the database of before lies now."""
    withdrawals: int
    """Withdrawals and erasures after the backup, which the next start takes from the replay file."""
    sends: int
    unreadable: int
    """Lines and files of the replay file that tell nothing."""


def back_up(database: Path, target: Path, *, at: int) -> int:
    """Write a whole, checked copy of a database into a file; returns its size in bytes.

    The database may be written to meanwhile, and nobody waits.  Raises StoreError.
    """
    if target.exists() and not target.is_file():
        raise ConfigError(f"{target} is no file; name the file that the backup goes into")
    with _opened(database) as source:
        return copy(source, target, last=_marking(backup=at))


def put_back(file: Path, database: Path, key: bytes | None, *, at: int) -> Restored:
    """Put a backup in the place of a database that nobody uses; the caller holds its lock.

    `key` is that of the replay file.  Raises ConfigError if the file is no backup; then nothing
    has changed.  Raises StoreError; then the database is what it was, or, if a file could not be
    renamed any more, there is no start before this was done again.
    """
    with _opened(file) as source:
        _is_ours(source, file)
        marks = dict(source.execute(MARKS)) if _has_marks(source) else {}
        new = incoming(database)
        size = copy(source, new, last=_marking(restored=at))
    aside = None
    try:
        _give_to_owner_of(database.parent, new)
        if database.exists():
            aside = database.with_name(f"{database.name}.replaced-{_stamp(at)}")
        for suffix in BESIDE:  # a log without its database is no use, and would spoil the new one
            old = database.with_name(database.name + suffix)
            if old.exists():
                old.rename(database.with_name(f"{database.name}.replaced-{_stamp(at)}{suffix}"))
        new.rename(database)
        sync_folder(database.parent)
    except OSError as error:
        raise StoreError(f"cannot put {new} into place: {error.strerror}") from error
    counts, unreadable = _to_replay(database, key, marks.get("replay", 0))
    return Restored(
        made_at=max(marks.get("backup", 0), marks.get("alive", 0)) or None,
        bytes=size,
        aside=aside,
        sends=counts["sends"],
        withdrawals=counts["withdrawals"],
        unreadable=unreadable,
    )


def _give_to_owner_of(folder: Path, file: Path) -> None:
    """Root restores for the gateway's own user, who has to be able to open it."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _to_replay(database: Path, key: bytes | None, after: int) -> tuple[Counter[str], int]:
    """Count what the replay file has after a number."""
    counts: Counter[str] = Counter()
    if key is None:
        return counts, len(list(replay_folder(database).glob("*")))
    file = Replay(replay_folder(database), key)
    survey = file.survey(after)
    for _, entry in file.entries(after, survey):
        counts["sends" if isinstance(entry, Begun) else "withdrawals"] += 1
    return counts, survey.damaged + survey.foreign + survey.begins_late


class _opened:
    """A database that is only read, closed in the end."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> apsw.Connection:
        try:
            if not self._path.is_file():
                raise ConfigError(f"there is no file {self._path}")
            self._connection = open_reader(self._path)
            version(self._connection)  # it is opened when it is first read
        except (apsw.Error, OSError) as error:
            raise ConfigError(f"{self._path} cannot be read as a database: {error}") from error
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _is_ours(source: apsw.Connection, file: Path) -> None:
    ours = source.execute("SELECT 1 FROM sqlite_schema WHERE name = 'consent_events'").fetchone()
    if ours is None:
        raise ConfigError(f"{file} is no database of this gateway")
    if version(source) > len(steps()):
        raise ConfigError(
            f"{file} is of a newer version ({version(source)}, this program knows {len(steps())})"
        )


def _has_marks(connection: apsw.Connection) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'marks'").fetchone()
    return found is not None


def _marking(**marks: int) -> Callable[[Path], None]:
    """Return what notes something in a copy; one of before marks were kept is left as it is: then
    nothing of the replay file is in it."""

    def mark(path: Path) -> None:
        connection = apsw.Connection(str(path))
        try:
            if _has_marks(connection):
                for name, value in marks.items():
                    connection.execute(MARK, (name, value))
        finally:
            connection.close()

    return mark


def _stamp(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1e6, UTC):%Y%m%d-%H%M%S}"
