"""A Merkle tree over the rows of a chain, after RFC 9162 section 2.1: a signed root lets one row be
shown to be among a hundred thousand by seventeen hashes, and without a word of the others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

SIZE = 32


def leaf(value: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + value).digest()


def node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\1" + left + right).digest()


class Frontier:
    """A tree that only grows: the roots of its perfect subtrees, the largest first."""

    def __init__(self, size: int = 0, peaks: bytes = b"") -> None:
        """`peaks` is what `peaks` of an earlier one gave at that size.

        Raises ValueError if the two do not belong together.
        """
        if len(peaks) != SIZE * size.bit_count():
            raise ValueError(f"{len(peaks)} bytes are no frontier of {size} leaves")
        self.size = size
        self._peaks = [peaks[at : at + SIZE] for at in range(0, len(peaks), SIZE)]

    @property
    def peaks(self) -> bytes:
        """All that is needed to go on."""
        return b"".join(self._peaks)

    def add(self, value: bytes) -> None:
        """Add a leaf."""
        top = leaf(value)
        full = self.size
        while full & 1:
            top = node(self._peaks.pop(), top)
            full >>= 1
        self._peaks.append(top)
        self.size += 1

    def root(self) -> bytes:
        """Return the root; SHA-256 of nothing for no leaves."""
        if not self._peaks:
            return hashlib.sha256().digest()
        root = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            root = node(peak, root)
        return root


class Tree:
    """All nodes of a tree, to show where a leaf is.  Takes 64 bytes for each leaf."""

    def __init__(self, values: Iterable[bytes]) -> None:
        level = bytearray()
        for value in values:
            level += leaf(value)
        self.size = len(level) // SIZE
        self._levels = [level]
        while len(level) >= 2 * SIZE:
            above = bytearray()
            for at in range(0, len(level) - SIZE, 2 * SIZE):
                above += hashlib.sha256(b"\1" + level[at : at + 2 * SIZE]).digest()
            level = above
            self._levels.append(level)

    def path(self, index: int, size: int) -> list[bytes]:
        """Return the hashes beside the way from a leaf to the root that the tree had at `size`."""
        if not 0 <= index < size <= self.size:
            raise ValueError(f"leaf {index} is in no tree of {size} (there are {self.size})")
        found = []
        start, end = 0, size
        while end - start > 1:
            middle = start + _below(end - start)
            if index < middle:
                found.append(self._root(middle, end))
                end = middle
            else:
                found.append(self._root(start, middle))
                start = middle
        return found[::-1]

    def _root(self, start: int, end: int) -> bytes:
        size = end - start
        if size & (size - 1) == 0:  # perfect, and it begins where such a one may
            at = start // size * SIZE
            return bytes(self._levels[size.bit_length() - 1][at : at + SIZE])
        middle = start + _below(size)
        return node(self._root(start, middle), self._root(middle, end))


def _below(size: int) -> int:
    """Return the largest power of two that is smaller than a size of at least 2."""
    return 1 << (size - 1).bit_length() - 1


def climbed(value: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a leaf and its path lead to; None if the path has the wrong length."""
    if not 0 <= index < size:
        return None
    place, last, top = index, size - 1, leaf(value)
    for beside in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            top = node(beside, top)
            while not place & 1 and place:
                place >>= 1
                last >>= 1
        else:
            top = node(top, beside)
        place >>= 1
        last >>= 1
    return top if last == 0 else None
