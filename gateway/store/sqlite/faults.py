"""What SQLite's errors mean for the whole store.  https://sqlite.org/rescode.html"""

from __future__ import annotations

import errno

import apsw

from gateway.errors import Ailment, StoreFault

SENTENCES: dict[Ailment, str] = {
    "full": "the disk with the database is full; make room there",
    "readonly": "the database cannot be written: its disk or file is read-only; mount it for"
    " writing, and look into the kernel's log for why it was not",
    "locked": "another process holds the lock of the database; end it (fuser names it)",
    "damaged": "the database is damaged; stop the gateway, keep a copy of the file, then"
    " `gateway restore` the last backup",
    "failing": "the disk with the database fails; look into the kernel's log",
}

_BY_NUMBER: dict[int, Ailment] = {
    errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "full",
    errno.EROFS: "readonly", errno.EACCES: "readonly", errno.EPERM: "readonly",
    # SQLite opens a file for reading alone if it may not be written, and then writes to it.
    errno.EBADF: "readonly",
    errno.EIO: "failing",
}  # fmt: skip
_BY_CODE: dict[int, Ailment] = {
    apsw.SQLITE_FULL: "full", apsw.SQLITE_READONLY: "readonly", apsw.SQLITE_PERM: "readonly",
    apsw.SQLITE_BUSY: "locked", apsw.SQLITE_LOCKED: "locked", apsw.SQLITE_PROTOCOL: "locked",
    apsw.SQLITE_CORRUPT: "damaged", apsw.SQLITE_NOTADB: "damaged",
    apsw.SQLITE_IOERR: "failing", apsw.SQLITE_CANTOPEN: "failing",
}  # fmt: skip
_BY_EXTENDED: dict[int, Ailment] = {
    # The index of the log grows by a byte a page, so that a full disk is met there and not in
    # mapped memory, where it would end the process.
    apsw.SQLITE_IOERR_SHMSIZE: "full",
    apsw.SQLITE_READONLY_DBMOVED: "damaged",
}


def fault_of(error: BaseException, number: int = 0) -> StoreFault | None:
    """Return what an error says of the store; None if it concerns one job alone.

    `number` is the operating system's, if SQLite kept one; it says more than its own.
    """
    if isinstance(error, StoreFault):
        return error
    if isinstance(error, apsw.Error):
        code, extended = getattr(error, "result", 0), getattr(error, "extendedresult", 0)
        ailment = _BY_EXTENDED.get(extended) or _BY_CODE.get(code)
        if ailment == "failing":
            ailment = _BY_NUMBER.get(number, ailment)
    elif isinstance(error, OSError):  # of a file beside the database
        ailment = _BY_NUMBER.get(error.errno or 0)
    else:
        return None
    return StoreFault(ailment, SENTENCES[ailment]) if ailment else None
