"""JSON of a webhook, typed; forgiving about what Meta is known to get nearly right."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeVar

import msgspec

T = TypeVar("T")
BROKEN = (msgspec.DecodeError, UnicodeDecodeError)
"""What a decoder raises."""


def decoder(type: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """Return a function that decodes to `type`; unknown fields are passed over."""
    strict = msgspec.json.Decoder(type).decode

    def decode(raw: bytes | msgspec.Raw) -> T:
        try:
            return strict(raw)
        except msgspec.ValidationError:
            raise
        except BROKEN:
            return strict(_mended(bytes(raw)))

    return decode


def _mended(raw: bytes) -> bytes:
    """Rewrite JSON that is nearly right: half an emoji, a raw control character, bad UTF-8.

    A text that was cut within an emoji holds half a surrogate pair; refused, the whole batch
    would come again for seven days.  Raises DecodeError.
    """
    try:
        value = json.loads(
            raw.decode("utf-8-sig", "replace"), strict=False, parse_constant=lambda _: None
        )
    except (ValueError, RecursionError):
        raise msgspec.DecodeError("no JSON") from None
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
