"""Ids: 63 bits, made by the caller, ordered by time, unique across processes.

41 bits of milliseconds since 2025, 22 bits that start at random and count up.  The caller makes
an id before the store sees the row, so that a repeated job is recognised.
"""

from __future__ import annotations

import secrets
import threading
import time

EPOCH_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
_LOW_BITS = 22
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: no I, L, O, U

_lock = threading.Lock()
_last = 0


def new_id() -> int:
    """Return a fresh id, greater than every id this process made before."""
    global _last  # noqa: PLW0603 - one counter per process is the point
    now = time.time_ns() // 1_000_000 - EPOCH_MS
    with _lock:
        # Drawn once a millisecond: drawn for every id, the largest would win, and processes that
        # make many at once would meet at the upper end.
        if _last >> _LOW_BITS < now:
            _last = now << _LOW_BITS | secrets.randbits(_LOW_BITS - 1)
        else:
            _last += 1
        return _last


def show(prefix: str, number: int) -> str:
    """Write an id for people: `show("d", 1)` is `d-1`; read back by `read`."""
    digits = ""
    while number:
        number, digit = divmod(number, 32)
        digits = _ALPHABET[digit] + digits
    return f"{prefix}-{digits or '0'}"


def read(prefix: str, text: str) -> int | None:
    """Read what `show` wrote, in any case; None if it is something else."""
    head, dash, digits = text.strip().upper().partition("-")
    if head != prefix.upper() or not dash or not digits or len(digits) > 13:
        return None
    number = 0
    for digit in digits:
        value = _ALPHABET.find(digit)
        if value < 0:
            return None
        number = number * 32 + value
    return number if number < 2**63 else None
