"""The store's verbs about the ledger's keys and signed heads; see protocol.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from gateway.consent_chain import Row
from gateway.heads import PublicKey, SignedHead
from gateway.message import Identity

Anchor = Literal["mail", "timestamp"]


class KeptHead(msgspec.Struct, frozen=True, kw_only=True):
    """A signed head as it is kept.  `peaks`: the tree's frontier at this head.

    Times are UTC microseconds; `stamp` is the answer of a time-stamping service (RFC 3161).
    """

    signed: SignedHead
    peaks: bytes
    mailed_at: int | None = None
    stamped_at: int | None = None
    stamp: bytes | None = None


class LedgerStore(Protocol):
    """The chain of consent events, from outside: read, signed, never changed."""

    async def ledger_rows(self, *, after: int, limit: int) -> list[Row]: ...
    async def keep_head(self, head: KeptHead) -> None:
        """Keep a signed head; one of the same event and time stays as it is."""
        ...

    async def heads(self, *, limit: int) -> list[KeptHead]:
        """Return the newest heads, the newest first."""
        ...

    async def anchored(
        self, head: SignedHead, anchor: Anchor, *, at: int, stamp: bytes | None = None
    ) -> None:
        """Note that a head was kept outside."""
        ...

    async def keep_key(self, key: PublicKey) -> None: ...
    async def ledger_keys(self) -> Sequence[PublicKey]:
        """Return the public keys, the oldest first."""
        ...

    async def erased_since(self, identity: Identity) -> int | None:
        """Return since when an identity is kept only as one that must not come back."""
        ...
