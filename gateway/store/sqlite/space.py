"""Room on the disk of the database: a reserve that is given up when there is no other.

A file beside the database holds room that nobody else can take.  What ends something (an outcome,
a withdrawal) gets it, slice by slice, at the moment when it is refused: what is given up at once
would be eaten by whatever fills the disk.  When there is room again the file grows back.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

from gateway.errors import StoreFault
from gateway.store.condition import Condition
from gateway.store.sqlite.faults import SENTENCES

SHARE = 8
"""A reserve takes at most this part of a disk."""

SLICES = 16
"""A reserve is given up in so many parts."""

LEAST = 256 << 10
"""Bytes of room without which nothing new is begun again, also where there is no reserve."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Space:
    """The disk of one database, and the reserve on it.

    `wanted` is its size in bytes, 0 for none.  All methods block for a moment, and may be called
    from any thread.
    """

    def __init__(self, database: Path, wanted: int) -> None:
        self._folder = database.parent
        self.file = database.with_name(f"{database.name}-reserve")
        self._setting = wanted
        self._lock = threading.Lock()

    @property
    def wanted(self) -> int:
        """Bytes that the reserve has on a disk of this size."""
        with suppress(OSError):
            disk = os.statvfs(self._folder)
            return min(self._setting, disk.f_blocks * disk.f_frsize // SHARE)
        return self._setting

    @property
    def held(self) -> int:
        """Bytes that it has now."""
        with suppress(OSError):
            return self.file.stat().st_size
        return 0

    @property
    def free(self) -> int:
        """Bytes that are free beside it, for whoever is not root.  Raises OSError."""
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def refusal(self) -> int:
        """Return the number of the error that a new file there meets; 0: none."""
        file = self.file.with_name(f"{self.file.name}-try")
        try:
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            file.unlink()
        except OSError as error:
            return error.errno or 0
        return 0

    def give(self) -> bool:
        """Give up one slice; False if nothing is left."""
        with self._lock:
            held = self.held
            if not held:
                return False
            left = max(0, held - max(self.wanted // SLICES, 1))
            with suppress(OSError):
                os.truncate(self.file, left)
            return self.held < held

    def hold(self) -> bool:
        """Have the whole reserve, really allocated; False if there is no room for it."""
        with self._lock:
            wanted, held = self.wanted, self.held
            try:
                file = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            except OSError as error:
                return error.errno not in NO_ROOM
            try:
                if held > wanted:
                    os.ftruncate(file, wanted)
                elif wanted:
                    os.posix_fallocate(file, 0, wanted)
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(file, held)  # a part of it would help nobody
                return error.errno not in NO_ROOM
            finally:
                os.close(file)
            return True

    def look(self, condition: Condition) -> None:
        """Compare what is free with what is needed, and say so in the condition.

        Full is what has less than a quarter of the reserve free beside it.  Well again is what
        has room for the whole reserve and twice that quarter: one that is nearly full does not
        waver.
        """
        try:
            free, wanted, held = self.free, self.wanted, self.held
        except OSError:  # the disk is gone; the next write says so
            return
        low = wanted // 4
        enough = free >= max(0, wanted - held) + max(2 * low, LEAST)
        if condition.ailment == "full":
            condition.tight = bool(wanted) and held < low and free < low
            if enough and self.hold():
                condition.well()
        elif free < low:
            condition.met(StoreFault("full", SENTENCES["full"]))
        elif held != wanted and (enough or held > wanted):
            self.hold()
