"""Which entries are new: keys, aliases, and the memory of what was seen.

An entry is known if its key or one of its aliases is.  All are kept as *marks*, hashes of 64
bits whose lowest bit is 0.  The same number with the lowest bit 1 means "several entries had
this at once", and from then on it says nothing about which entry it is.

Some generators number their posts anew and give a known id to another post.  An entry whose id
is known, but whose link, title, date and text all never stood under that id (its *traits*) nor
elsewhere in the feed, is therefore a new post.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from urllib.parse import urlsplit

import msgspec

from .links import bare_link
from .wire import Entry

YEAR = 366  # days that a mark is kept after it was last seen
MARKS = 40_000  # per feed; a post has up to nine, so some 4,500 posts
LONGEST_KEY = 200
ENOUGH_WORDS = 40  # characters of title and text that make two texts the same post
SHARED = 1
_MANY = msgspec.msgpack.Decoder(dict[int, bytes])


class Found(msgspec.Struct):
    """What identifies an entry of a document.  `date` is any text that stands for its date."""

    guid: str
    link: str
    title: str
    text: str
    date: str


class Identity(msgspec.Struct):
    """`digest` tells apart entries with one key.  `marks` are aliases; see the module.

    `path_mark` is the alias of an id that is an address, whatever its host; 0 if there is none.
    """

    key: str
    key_mark: int
    path_mark: int
    digest: str
    marks: list[int]
    traits: list[int]


def mark(kind: str, *parts: str) -> int:
    """Return 64 bits for some text, the lowest 0."""
    whole = "\0".join((kind, *parts)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(whole, digest_size=8).digest(), "big") & ~SHARED


def identify(found: Sequence[Found], page: str = "") -> list[Identity | None]:
    """Return the identity of each entry, None for one that repeats another of the document.

    `page` is the address of the feed's own page: no link to it tells anything about an entry.
    """
    home = bare_link(page)
    # In a feed that collects several blogs "/?p=12" may be many posts.
    hosts = {urlsplit(one.guid).netloc for one in found if _is_address(one.guid)}
    answer: list[Identity | None] = []
    seen: set[tuple[str, str]] = set()
    keys: Counter[int] = Counter()
    aliases: Counter[int] = Counter()
    for one in found:
        link = bare_link(one.link)
        weak = link == home or "/" not in link
        key = _short(one.guid or ("" if weak else one.link))
        digest = f"{mark('digest', one.title, one.date, one.text):016x}"
        # Two revisions of one post in one document are one post.
        same = ("day", one.title + one.date) if one.title and one.date else ("all", digest)
        if (key, "\0".join(same)) in seen:
            answer.append(None)
            continue
        seen.add((key, "\0".join(same)))
        marks = [] if weak else [mark("link", link)]
        path = bare_link(one.guid).partition("/")[2] if _is_address(one.guid) else ""
        path_mark = mark("path", path) if path and len(hosts) == 1 else 0
        if one.title and one.date:
            marks.append(mark("day", one.title, one.date))
        if one.text and len(one.title) + len(one.text) >= ENOUGH_WORDS:
            marks.append(mark("words", one.title, one.text))
        traits = (
            [] if weak or not (one.guid and one.title and one.text) else _traits(key, link, one)
        )
        key_mark = mark("key", key) if key else SHARED
        keys[key_mark] += 1
        aliases.update(marks)
        aliases.update([path_mark])
        answer.append(Identity(key, key_mark, path_mark, digest, marks, traits))
    for each in filter(None, answer):
        each.key_mark |= SHARED if keys[each.key_mark] > 1 else 0
        if each.path_mark and aliases[each.path_mark] > 1:
            each.path_mark |= SHARED
        each.marks = [one | SHARED if aliases[one] > 1 else one for one in each.marks]
    return answer


def _traits(key: str, link: str, one: Found) -> list[int]:
    said = {"link": link, "title": one.title, "date": one.date, "text": one.text}
    return [mark("traits", key)] + [
        mark("trait", key, name, value) for name, value in said.items() if value
    ]


def _is_address(guid: str) -> bool:
    return guid.startswith(("http://", "https://"))


def _short(key: str) -> str:
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY - 20]}…{mark('long', key):016x}"


class Known:
    """The marks that were seen, each with the day (since 1970) it was last seen on."""

    def __init__(self, stored: bytes | None = None) -> None:
        """Read what `dump` wrote.  Raises msgspec.DecodeError."""
        self._days: dict[int, int] = {}
        self.changed = False
        for day, packed in ({} if stored is None else _MANY.decode(stored)).items():
            for at in range(0, len(packed) - 7, 8):
                self._days[int.from_bytes(packed[at : at + 8], "big")] = day

    def __len__(self) -> int:
        return len(self._days)

    def __contains__(self, one: int) -> bool:
        return one in self._days

    def look_up(self, entry: Entry) -> tuple[str, list[int], bool]:
        """Return the entry's stable name, the marks to remember, and whether it is known."""
        shared = entry.key_mark | SHARED in self._days or bool(entry.key_mark & SHARED)
        name = f"{entry.key}#{entry.digest}" if shared or not entry.key else entry.key
        own = mark("key", name) if shared else entry.key_mark
        ids = [own, *filter(self._tells, [entry.path_mark])]
        aliases = list(filter(self._tells, entry.marks))
        notes = [
            one | SHARED
            for one in (entry.key_mark, entry.path_mark, *entry.marks)
            if one not in (0, SHARED) and not self._tells(one)
        ]
        seen = any(one in self._days for one in aliases)
        if not seen and any(one in self._days for one in ids):
            seen = shared or not self._is_another(entry)
            name = name if seen else f"{entry.key}#{entry.digest}"
        return name, [*ids, *aliases, *notes, *entry.traits], seen

    def _tells(self, one: int) -> bool:
        return bool(one) and not one & SHARED and one | SHARED not in self._days

    def _is_another(self, entry: Entry) -> bool:
        """Whether a known id names another post than before."""
        # Its own id, not only the path of it: the blog may have moved.
        if not entry.traits or entry.key_mark not in self._days:
            return False
        noted, *traits = entry.traits
        return noted in self._days and not any(one in self._days for one in traits)

    def remember(self, marks: Iterable[int], day: int) -> None:
        """Note that these were seen on this day."""
        for one in marks:
            if self._days.get(one) != day:
                self._days[one] = day
                self.changed = True

    def forget(self, day: int) -> None:
        """Drop what was not seen for a year, and the longest unseen beyond the ceiling."""
        kept = {one: seen for one, seen in self._days.items() if day - seen <= YEAR}
        if len(kept) > MARKS:
            latest = sorted(kept.items(), key=lambda pair: pair[1], reverse=True)
            kept = dict(latest[:MARKS])
        self.changed = self.changed or len(kept) != len(self._days)
        self._days = kept

    def dump(self) -> bytes:
        """Return all marks, 8 bytes each, by day."""
        days: dict[int, bytearray] = {}
        for one, day in self._days.items():
            days.setdefault(day, bytearray()).extend(one.to_bytes(8, "big"))
        return msgspec.msgpack.encode(days)
