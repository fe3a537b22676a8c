"""What is remembered of each post that waits or waited for a yes, across restarts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from gateway.api import Context

KEPT = timedelta(days=30)
"""How long a post is remembered after its last change: as long as somebody may press its buttons."""

_KEY = "posts"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What a person pressed.  `inbound` 0: it was decided without the phone."""

    by: str
    contact: int
    at: datetime
    inbound: int

    def but(self, **changes: object) -> Said:
        """Return a changed copy."""
        return msgspec.structs.replace(self, **changes)


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """When somebody wants to be asked again, and the press that asked for it."""

    at: datetime
    inbound: int


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """One post.  `version` grows with every text that was shown, and stands in every button.

    `shown`: digest of what the editors saw.  `asked`: contact → version.  When it was shown last:
    `reach` of `people`, how many get it and how many agreed; `cost` in `currency` ("": not known);
    `expires`, the end of the waiting.
    """

    touched: datetime
    version: int = 1
    shown: str = ""
    asked: dict[int, int] = {}
    asked_at: datetime | None = None
    reach: int = 0
    people: int = 0
    cost: float = 0.0
    currency: str = ""
    expires: datetime | None = None
    yes: tuple[Said, ...] = ()
    later: dict[int, Later] = {}
    approved: Said | None = None
    refused: Said | None = None
    revised: int = 0
    """The inbound message that brought the text of this version."""
    mailed: int = 0
    """Version of which the company mailbox was told, as nobody could be asked."""

    @property
    def decided(self) -> Said | None:
        """Who decided, if anybody did."""
        return self.approved or self.refused

    def but(self, **changes: object) -> Post:
        """Return a changed copy."""
        return msgspec.structs.replace(self, **changes)

    def renewed(self) -> Post:
        """Return it with a new version, about which nobody was asked."""
        return self.but(version=self.version + 1, shown="", yes=(), later={}, approved=None)


class Posts:
    """The posts by message id.  Only the observer writes; the middleware reads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._posts: dict[int, Post] = {}

    async def load(self) -> None:
        """Read what was kept."""
        kept = await self._context.state.get(_KEY)
        if kept is not None:
            self._posts = msgspec.json.decode(kept, type=dict[int, Post])

    def get(self, message: int) -> Post | None:
        """Return what is known of a message."""
        return self._posts.get(message)

    def waiting(self) -> Iterator[tuple[int, Post]]:
        """Yield what still waits for somebody to decide, the oldest first."""
        now = self._context.clock.now()
        for id, post in sorted(self._posts.items()):
            if post.decided is None and (post.expires is None or post.expires > now):
                yield id, post

    async def put(self, message: int, post: Post) -> None:
        """Keep a post; when this returns, it is on disk."""
        now = self._context.clock.now()
        posts = {id: one for id, one in self._posts.items() if now - one.touched < KEPT}
        posts[message] = post.but(touched=now)
        await self._context.state.put({_KEY: msgspec.json.encode(posts)})
        self._posts = posts
