"""Which posts of a feed go on, which wait for a person, which are known.

Subscribers pay for every mistake here with their attention, so what is unlikely to be news waits:

* the first look sends nothing (or the newest `first`);
* of more than `max_new` at once the newest go on and the others wait; what stands behind known
  posts is no news and waits too;
* if hardly anything in the feed is known, all wait: the site moved, or the ids were made anew;
* a post that is older than all others came back from an archive, and waits.

Waiting means that a post is handed in with a doubt, once.  Nothing is dropped, nothing comes again.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from gateway.api import Message

from .entries import Known
from .links import labelled
from .memory import Memory, Shown
from .settings import RssConfig
from .wire import Entry, Feed

DAY = 86_400
OLD = 7 * DAY  # seconds; a younger post that is older than the others may be dated back
FEW = 3  # posts; a feed that had as many and has one unknown instead shows something else
SHOWN = 10
VERDICTS = ("new", "doubted", "known", "skipped_category")


class Taken(msgspec.Struct, frozen=True):
    """What becomes of a document.  `messages` are oldest first; one in doubt says why.

    `shares`: it showed posts that are known, or none was known yet; None if it showed none.
    `afresh`: nothing told what is new, so all but the newest `first` count as known.
    """

    messages: list[Message]
    counts: dict[str, int]
    shares: bool | None
    afresh: bool
    shown: list[Shown]


def take(
    feed: Feed, known: Known, memory: Memory, config: RssConfig, label: str, now: float
) -> Taken:
    """Judge a document, and note in `known` what is in it."""
    fresh = not len(known)
    looks = [known.look_up(entry) for entry in feed.entries]
    seen = [place for place, (_, _, was_seen) in enumerate(looks) if was_seen]
    unseen = [place for place, (_, _, was_seen) in enumerate(looks) if not was_seen]
    shares = any(_surely_seen(feed.entries[p], known) for p in seen)
    shares = shares or any(one in known for one in feed.older)
    wanted = [place for place in unseen if _wanted(feed.entries[place], config)]
    verdicts = dict.fromkeys(range(len(looks)), "known")
    verdicts |= dict.fromkeys(set(unseen) - set(wanted), "skipped_category")
    doubts: dict[int, str] = {}
    afresh = not (memory.fetched or shares)
    if afresh:
        most = 0 if memory.used else config.first
        wanted = wanted[max(0, len(wanted) - most) :]
    else:
        if memory.empty_since:
            wanted = [p for p in wanted if _since(feed.entries[p], memory.empty_since - DAY)]
        judge = _Judge(feed.entries, seen, unseen, wanted, config.max_new, now)
        doubts = judge.doubts(memory, shares=shares)
    ask = f": gateway feeds release {label}, or refuse {label}"
    messages = []
    for place in wanted:
        verdicts[place] = "doubted" if place in doubts else "new"
        doubt = doubts[place] + ask if place in doubts else ""
        message = message_of(looks[place][0], feed.entries[place], feed, config)
        messages.append(message.replace(doubt=doubt))
    day = int(now // DAY)
    known.remember(feed.older, day)
    for _, marks, _ in looks:
        known.remember(marks, day)
    known.forget(day)
    counts = dict.fromkeys(VERDICTS, 0)
    for verdict in verdicts.values():
        counts[verdict] += 1
    newest = sorted(verdicts, reverse=True)[:SHOWN]
    shown = [_shown(feed.entries[p], feed, config, verdicts[p]) for p in newest]
    return Taken(messages, counts, shares or fresh if looks else None, afresh, shown)


class _Judge:
    """Looks for what is unlikely to be news.  All places are those in `entries`, oldest first."""

    def __init__(
        self,
        entries: list[Entry],
        seen: list[int],
        unseen: list[int],
        wanted: list[int],
        max_new: int,
        now: float,
    ) -> None:
        self._entries = entries
        self._seen = seen
        self._unseen = unseen
        self._wanted = wanted
        self._max_new = max_new
        self._now = now

    def doubts(self, memory: Memory, *, shares: bool) -> dict[int, str]:
        """Return why a person should look, by the place of the post."""
        flood = len(self._wanted) > self._max_new
        strange = not shares and not memory.empty_since
        strange = strange and (len(self._unseen) > 1 or memory.found >= FEW)
        if strange or (flood and len(self._unseen) > len(self._seen)):
            why = (
                f"{len(self._unseen)} of {len(self._entries)} posts in the feed look new,"
                " as after a move of the site"
            )
            return dict.fromkeys(self._wanted, why)
        if flood:
            going = [p for p in self._wanted if p > max(self._seen, default=-1)][-self._max_new :]
            first = f"the newest {len(going)} went on" if going else "older than known ones"
            why = f"{len(self._wanted)} new posts at once, {first}"
            return {place: why for place in self._wanted if place not in going}
        return {place: why for place in self._wanted if (why := self._revenant(place))}

    def _revenant(self, place: int) -> str:
        published = self._entries[place].published
        others = [
            date for date in (self._entries[p].published for p in self._seen) if date is not None
        ]
        if published is None or not others or published >= min(others):
            return ""
        if published / 1e6 > self._now - OLD:
            return ""
        return f"dated {_moment(published):%Y-%m-%d}, older than all else in the feed"


def message_of(key: str, entry: Entry, feed: Feed, config: RssConfig) -> Message:
    """Return an entry as it is handed in."""
    language = feed.language
    if config.language is not None:
        language = config.language.replace("_", "-").split("-")[0].lower()
    return Message(
        external_id=key,
        topic=config.topic,
        language=language,
        title=entry.title,
        text=entry.text,
        link=labelled(entry.link, config.utm, clean=config.clean_links),
        image=entry.image if config.image else None,
        published_at=_moment(entry.published) if entry.published is not None else None,
    )


def preview(feed: Feed, config: RssConfig, most: int) -> list[Shown]:
    """Return the newest entries as they would be sent, newest first, whatever was seen before."""
    return [
        _shown(entry, feed, config, "new" if _wanted(entry, config) else "skipped_category")
        for entry in feed.entries[: -most - 1 : -1]
    ]


def _shown(entry: Entry, feed: Feed, config: RssConfig, verdict: str) -> Shown:
    message = message_of(entry.key or "-", entry, feed, config)
    return Shown(
        verdict, message.title, message.text, message.link, message.image, entry.published,
        tuple(entry.categories),
    )  # fmt: skip


def _surely_seen(entry: Entry, known: Known) -> bool:
    # Not by the path of its id alone: "/?p=12" is a post of every WordPress.
    return any(one in known for one in (entry.key_mark, *entry.marks))


def _wanted(entry: Entry, config: RssConfig) -> bool:
    wanted = {name.casefold() for name in config.only_categories}
    return not wanted or any(name.casefold() in wanted for name in entry.categories)


def _since(entry: Entry, moment: float) -> bool:
    return entry.published is not None and entry.published / 1e6 >= moment


def _moment(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
