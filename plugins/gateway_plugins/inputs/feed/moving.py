"""A feed that moved: where to look, and when to believe it.

A permanent redirect (301, 308) or the feed's own word (itunes:new-feed-url) names a *candidate*.
It becomes the address after a week in which every look confirmed it; at once if only http became
https; and *on trial* if the old address answers 404 or 410 meanwhile, or nobody but the feed
itself said it.  Each step asks that a feed stands there and shows posts that are known: a
hotel's login page or a parked domain does not.  The address in the settings stays; the operator
is told to change it.  If the new one fails for good, it is the one in the settings again.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from .memory import Memory

WEEK = 7 * 86_400.0
GONE = frozenset({404, 410})
LONGEST = 2_000


def confirmed(
    memory: Memory, moved: str | None, told: str, *, shares: bool | None, now: float
) -> Memory:
    """Return the memory after a look that went well.

    `moved` is where permanent redirects led, `told` the feed's own word; `shares`: it showed
    posts that are known (or nothing is known yet), None if it showed none.
    """
    memory = memory.replace(trial=False)
    goal = moved or told
    if not goal or len(goal) > LONGEST or goal in (memory.polled, memory.rejected):
        return memory.replace(candidate="", candidate_since=0.0)
    if not shares:
        # What a redirect shows is then no proof either, however often it comes.
        return memory.replace(rejected=goal) if moved and shares is False else memory
    if moved and only_secured(memory.polled, moved):
        return _at(memory, moved)
    if goal != memory.candidate:
        return memory.replace(candidate=goal, candidate_since=now)
    if now - memory.candidate_since < WEEK:
        return memory
    return _at(memory, goal, trial=not moved)


def elsewhere(memory: Memory, status: int, *, final: bool, now: float) -> Memory | None:
    """Return where to look instead after a look that failed, None to stay.

    `status` is that of HTTP or 0; `final`: the address shows something else than this feed.
    """
    if memory.trial and final:
        return _at(memory, "").replace(rejected=memory.address)
    if memory.trial:  # it may be better later, but for now there is the old one
        return _at(memory, "").replace(candidate=memory.address, candidate_since=now)
    if memory.address and status in GONE:
        return _at(memory, "")
    if memory.candidate and status in GONE:
        return _at(memory, memory.candidate, trial=True)
    return None


def _at(memory: Memory, address: str, *, trial: bool = False) -> Memory:
    address = "" if address == memory.url else address
    return memory.replace(
        address=address, trial=trial and bool(address), candidate="", candidate_since=0.0,
        etag="", modified="",
    )  # fmt: skip


def only_secured(before: str, after: str) -> bool:
    """Whether two addresses differ only in http having become https."""
    one, two = urlsplit(before), urlsplit(after)
    same = (one.hostname, one.path or "/", one.query) == (two.hostname, two.path or "/", two.query)
    usual = one.port in (None, 80) and two.port in (None, 443)
    return (one.scheme, two.scheme) == ("http", "https") and same and usual
