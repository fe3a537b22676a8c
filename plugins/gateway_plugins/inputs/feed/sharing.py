"""What all feeds of one daemon share: the parser process, and turns, so that no host and no moment
gets all requests at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import trio

from .links import bare_link
from .settings import RssConfig
from .worker import Worker

AT_ONCE = 8  # requests; below the connections of the client, where waiting costs from the deadline
PAUSE = 1.0  # seconds between two requests to one host


class _Host:
    """Requests to one host: one after the other, with a pause."""

    def __init__(self) -> None:
        self.turn = trio.Lock()
        self.free_at = 0.0


class Shared:
    """One for all feeds of this daemon, got by `shared`."""

    def __init__(self) -> None:
        self.worker = Worker()
        self.feeds: dict[str, RssConfig] = {}
        """By label, in the order of the settings."""
        self._at_once = trio.CapacityLimiter(AT_ONCE)
        self._hosts: dict[str, _Host] = {}

    @asynccontextmanager
    async def turn(self, url: str, every: float) -> AsyncIterator[None]:
        """Wait until a request to this address may start; its host is taken until the end."""
        host = self._hosts.setdefault(urlsplit(url).hostname or "", _Host())
        async with host.turn:
            await trio.sleep_until(max(host.free_at, trio.current_time()))
            try:
                async with self._at_once:
                    yield
            finally:
                host.free_at = trio.current_time() + min(PAUSE, every / 4)

    def twin(self, label: str) -> str | None:
        """Return the earlier feed that would send everybody the same posts, if there is one."""
        own = self.feeds[label]
        for other, config in self.feeds.items():
            if other == label:
                return None
            same = bare_link(config.url) == bare_link(own.url) and config.topic == own.topic
            if same and _overlap(config.only_categories, own.only_categories):
                return other
        return None


def _overlap(one: tuple[str, ...], two: tuple[str, ...]) -> bool:
    names = {name.casefold() for name in one} & {name.casefold() for name in two}
    return not one or not two or bool(names)


_shared: trio.lowlevel.RunVar[Shared] = trio.lowlevel.RunVar("rss feeds")


@asynccontextmanager
async def shared(label: str, config: RssConfig) -> AsyncIterator[Shared]:
    """What the feeds share, for the length of the block; the last to leave ends the parser."""
    try:
        found = _shared.get()
    except LookupError:
        found = Shared()
        _shared.set(found)
    found.feeds[label] = config
    try:
        yield found
    finally:
        found.feeds.pop(label, None)
        if not found.feeds:
            with trio.CancelScope(shield=True):
                await found.worker.aclose()
