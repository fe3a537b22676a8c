"""The replay file: who withdrew and what was begun, kept beside the database for a restored one.

A folder of files that are only appended to, one for each start, day and 4 MB, named by the number
of the first entry in them and the day (UTC):

    gateway.sqlite-replay/0000000000000001-20261122.replay
        gateway-replay 1 5be0c1a2f0e3d4c5            format, fingerprint of the key
        9c1f30aa 1 ["W",1795341600000000,…]          CRC-32 of the rest, number, entry
        00ab3f12 1 ["C"]                             the database has all up to 1

An entry is on disk before the commit that it belongs to, `C` follows that commit.  So what stands
at the very end without a `C` may never have been committed, and nobody was told that it was.
People are in it as keyed hashes, and as the numbers that the database has for them.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.errors import StoreError

FORMAT = b"gateway-replay 1"
SUFFIX = ".replay"


class Withdrawn(msgspec.Struct, frozen=True, array_like=True, tag="W"):
    """A person withdrew from a topic ("*": from all).  Times are UTC microseconds."""

    at: int
    said_at: int
    topic: str
    by_switch: bool
    """By the provider's own switch, which the person can turn back without a word to us."""
    sender: str
    people: tuple[bytes, ...]
    """HMACs of all that the person is known by, in every spelling."""


class Begun(msgspec.Struct, frozen=True, array_like=True, tag="B"):
    """An attempt was begun: from here on a byte of it may have left."""

    at: int
    delivery: int
    n: int
    form: str
    message: bytes
    """Hash of (input, external id)."""
    people: tuple[bytes, ...]
    uses: tuple[tuple[str, int, str, int], ...] = ()
    """What it used of limits that reach over hours: key, since when, of whom (a contact's number
    or the like), until when."""


class Erased(msgspec.Struct, frozen=True, array_like=True, tag="E"):
    """A person was erased."""

    at: int
    people: tuple[bytes, ...]


class Committed(msgspec.Struct, frozen=True, array_like=True, tag="C"):
    """The database has all up to this number."""


class Abandoned(msgspec.Struct, frozen=True, array_like=True, tag="X"):
    """What was written from one number on, up to this one, was never committed."""

    first: int


Entry = Withdrawn | Begun | Erased
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Withdrawn | Begun | Erased | Committed | Abandoned).decode


def replay_folder(database: Path) -> Path:
    """Return the folder of a database's replay files."""
    return database.with_name(f"{database.name}-replay")


def line_of(number: int, entry: Entry | Committed | Abandoned) -> bytes:
    """Return one line."""
    rest = b"%d %b" % (number, _encode(entry))
    return b"%08x %b\n" % (zlib.crc32(rest), rest)


def header(key: bytes) -> bytes:
    """Return the first line of a file."""
    fingerprint = hmac.digest(key, b"replay", hashlib.sha256)[:8].hex()
    return b"%b %b\n" % (FORMAT, fingerprint.encode())


class Survey(NamedTuple):
    """What the files hold after a number."""

    last: int
    """The last number that was ever used; 0: there is nothing."""
    confirmed: int
    """Up to where the database had it for sure."""
    abandoned: tuple[tuple[int, int], ...]
    damaged: int
    """Lines that cannot be read, apart from a torn one at the end of a file."""
    foreign: int
    """Files that were written with another key: nobody can be found by their hashes."""
    begins_late: bool
    """Whether the first that is there does not follow what the database knows: files of before
    are gone, as those are that are older than `[store] replay_keep`."""

    def holds(self, number: int) -> bool:
        """Whether an entry counts."""
        return not any(first <= number <= last for first, last in self.abandoned)


class Replay:
    """The folder of one database, for those who read."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self.folder = folder
        self._header = header(key)

    def survey(self, after: int) -> Survey:
        """Look through what may come after a number.  Raises StoreError."""
        last = confirmed = damaged = foreign = 0
        abandoned = []
        files = self._of(after)
        for path in files:
            last = max(last, _first(path))  # a file's name is never given to another one
            lines = self._lines(path)
            if lines is None:
                foreign += 1
                continue
            for number, text in lines:
                if number is None:
                    damaged += 1
                    continue
                last = max(last, number)
                if text.startswith(b'["C"'):
                    confirmed = max(confirmed, number)
                elif text.startswith(b'["X"'):
                    entry = _decode(text)
                    assert isinstance(entry, Abandoned)
                    abandoned.append((entry.first, number))
        late = bool(files) and _first(files[0]) > after + 1
        return Survey(last, confirmed, tuple(abandoned), damaged, foreign, late)

    def entries(self, after: int, survey: Survey) -> Iterator[tuple[int, Entry]]:
        """Yield the entries after a number that count, in their order.  Raises StoreError."""
        for path in self._of(after):
            for number, text in self._lines(path) or ():
                if number is None or number <= after or text.startswith((b'["C"', b'["X"')):
                    continue
                if survey.holds(number):
                    entry = _decode(text)
                    assert not isinstance(entry, Committed | Abandoned)
                    yield number, entry

    def forget(self, before: int) -> int:
        """Delete files of days that ended before a time, but never the newest, by whose name
        numbers go on.  Returns how many."""
        day = f"{datetime.fromtimestamp(before / 1e6, UTC) - timedelta(days=1):%Y%m%d}"
        old = [path for path in self._of(0)[:-1] if path.stem.partition("-")[2] < day]
        for path in old:
            path.unlink()
        return len(old)

    def _of(self, after: int) -> list[Path]:
        """Return the files that may hold something after a number, in their order."""
        try:
            found = sorted(path for path in self.folder.glob(f"*{SUFFIX}") if _first(path))
        except OSError as error:
            raise StoreError(f"cannot read {self.folder}: {error.strerror}") from error
        older = (path for path, following in pairwise(found) if _first(following) > after + 1)
        return [*older, *found[-1:]]

    def _lines(self, path: Path) -> Iterator[tuple[int | None, bytes]] | None:
        """Return the lines of a file as (number, entry); None for a file of another key.

        A damaged line has no number; a torn one at the end was never acknowledged, and is left
        out.
        """
        try:
            head, *lines = path.read_bytes().partition(b"\0")[0].split(b"\n")
        except OSError as error:
            raise StoreError(f"cannot read {path}: {error.strerror}") from error
        if lines and head + b"\n" != self._header:
            return None
        return map(_read, lines[:-1])


def _read(line: bytes) -> tuple[int | None, bytes]:
    checksum, _, rest = line.partition(b" ")
    number, _, text = rest.partition(b" ")
    if checksum == b"%08x" % zlib.crc32(rest) and number.isdigit():
        return int(number), text
    return None, line


def _first(path: Path) -> int:
    digits = path.name.partition("-")[0]
    return int(digits) if digits.isdecimal() else 0


def sync_folder(folder: Path) -> None:
    """Wait until the names of the files in a folder are on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
