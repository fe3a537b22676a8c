"""One writer for one database: a lock file keeps command line and daemon apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.errors import GatewayError, StoreError


class Locked(GatewayError):
    """Somebody else writes this database."""


@contextmanager
def only_writer(database: Path) -> Iterator[None]:
    """Hold the lock beside the database; the kernel frees it when the process ends.

    If root makes it, it is the folder's owner's, who runs the gateway.  Raises Locked with the other
    process's id, StoreError if it cannot be made.
    """
    path = database.with_name(database.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.fdopen(_opened(path), "a+")
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            other = file.read().strip() or "unknown"
            raise Locked(
                f"the database {database} is in use by process {other}; commands reach a running"
                " gateway through its admin socket"
            ) from None
        file.truncate(0)
        with suppress(OSError):  # on a full disk too; it only tells others who holds it
            file.write(str(os.getpid()))
            file.flush()
        yield


def _opened(path: Path) -> int:
    # Root follows no link that the folder's owner laid there: the file is emptied.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    try:
        if os.geteuid() == 0:
            owner = path.parent.stat()
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
