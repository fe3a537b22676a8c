"""Writing the replay file (replay.py): on the disk before what it is about is acknowledged."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from gateway.replay import SUFFIX, Abandoned, Committed, Entry, Replay, line_of, sync_folder

FILE_BYTES = 4 << 20
"""Size from which a new file is begun: every start reads the newest one."""
BLOCKS = (256 << 10, 32 << 10, 4 << 10)
"""Bytes of zeros that a file grows by: what goes over them is on disk in half the time, for the
file's size stays, and has room on a disk that is full by then.  The smaller ones are for when a
disk has no room for a big one."""
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class ReplayFile(Replay):
    """The folder of one database, for whoever writes.  Used by one thread at a time."""

    def __init__(self, folder: Path, key: bytes) -> None:
        super().__init__(folder, key)
        self._last = 0
        self._open: int | None = None  # the first number of what is written and not committed
        self._owed = b""  # lines that could not be written yet, or wait for a file to be there
        self._files: tuple[int, int] | None = None  # one that waits for the disk, one that does not
        self._day = ""
        self._end = self._room = 0

    def go_on(self, last: int, abandoned: int | None = None) -> None:
        """Number what comes after `last`; what was written from `abandoned` on does not count."""
        self._last = last
        if abandoned is not None:
            self._owed = line_of(last, Abandoned(abandoned))

    def append(self, entries: Sequence[Entry]) -> int:
        """Write entries and return the number of the last, once they are on disk.

        Raises OSError; then none of them counts, and the next ones go into a new file.
        """
        first = self._open = self._last + 1
        lines = [line_of(number, entry) for number, entry in enumerate(entries, first)]
        self._last += len(lines)
        written = self._owed + b"".join(lines)
        try:
            synced, plain = self._files_for(entries[0].at)
            while self._end + len(written) > self._room:
                self._room += _grow(plain, self._room)
            _write(synced, written, self._end)
        except OSError:
            self.close()  # after a sync that failed nothing is known of this file any more
            raise
        self._owed = b""
        self._end += len(written)
        return self._last

    def committed(self) -> None:
        """Note, without waiting for the disk, that the database has all that was written."""
        self._note(line_of(self._last, Committed()))

    def abandon(self) -> None:
        """Note that the commit failed."""
        if self._open is not None:
            self._note(line_of(self._last, Abandoned(self._open)))

    def close(self) -> None:
        """Close the file; the next entry begins a new one."""
        files, self._files = self._files, None
        if files is not None:
            with suppress(OSError):
                os.truncate(files[1], self._end)
            for file in files:
                os.close(file)

    def _note(self, line: bytes) -> None:
        self._open = None
        try:
            if self._files is not None and self._end + len(line) <= self._room:
                _write(self._files[1], line, self._end)
                self._end += len(line)
                return
        except OSError:
            self.close()
        self._owed += line  # goes before the next entry

    def _files_for(self, at: int) -> tuple[int, int]:
        """Return the file that is written, a new one if it is time for one."""
        day = f"{datetime.fromtimestamp(at / 1e6, UTC):%Y%m%d}"
        if self._files is None or day != self._day or self._end > FILE_BYTES:
            self.close()
            self.folder.mkdir(mode=0o700, exist_ok=True)
            path = self.folder / f"{self._open:016d}-{day}{SUFFIX}"
            plain = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            try:
                self._files = os.open(path, os.O_WRONLY | os.O_DSYNC), plain
            except OSError:
                os.close(plain)
                raise
            self._end = 0
            _write(plain, self._header, 0)
            for folder in (self.folder, self.folder.parent):  # that the file is there, too
                sync_folder(folder)
            self._day, self._end = day, len(self._header)
            self._room = self._end
        return self._files


def _grow(file: int, end: int) -> int:
    """Add the biggest block that the disk has room for, and return its size.  Raises OSError."""
    for size in BLOCKS:
        try:
            _write(file, bytes(size), end)
        except OSError as error:
            if error.errno not in NO_ROOM or size == BLOCKS[-1]:
                raise
            os.ftruncate(file, end)  # a part of it would take the room of others
        else:
            break
    os.fdatasync(file)
    return size


def _write(file: int, content: bytes, at: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(file, view, at)
        view, at = view[written:], at + written
