"""How much a text reads like plain advertising: points, each with what it is given for.

Weights and phrases were tuned on one half of tests/plugins/middleware/filter_posts.toml and are
measured on the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import islice
from urllib.parse import urlsplit

import msgspec

from gateway.api import says
from gateway_plugins.middleware.filter import phrases
from gateway_plugins.middleware.filter.labels import label
from gateway_plugins.middleware.filter.patterns import Pattern, fold
from gateway_plugins.middleware.filter.reading import read

SELLING = frozenset({"labelled", "buy now", "offer", "price cut", "prices", "coupon"})
"""Signals that say nothing about a topic whose readers asked for offers."""

SHORTENERS = frozenset(
    (
        "bit.ly", "tinyurl.com", "t.co", "goo.gl", "ow.ly", "is.gd", "buff.ly", "cutt.ly",
        "rebrand.ly", "t1p.de", "kurzelinks.de", "shorturl.at", "rb.gy", "tiny.cc", "v.gd",
        "bl.ink", "amzn.to", "s.id",
    )
)  # fmt: skip
SAID = 5
"""Signals that a sentence names."""

LABELLED = 5
"""Enough by itself for the threshold that is the default."""

MATCHES = 20
"""Places of one pattern that are looked at; more would change no score."""


_LINK = re.compile(r"(?:https?://|\bwww\.)[^\s<>\"'«»„“”]+", re.IGNORECASE)
_EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u2600-\u27bf\u2b05-\u2b55\u203c\u2049]"
)
_MARKS = re.compile(r"[!?]{2,}")
_WORD = re.compile(r"[^\W\d_]{3,}")
_CODE = re.compile(r"(?i:\bcode)[: „“\"»'*]{1,4}(?=[A-Z0-9-]*[A-Z])[A-Z0-9][A-Z0-9-]{3,}\b")


class Signal(msgspec.Struct, frozen=True):
    """One thing that was noticed.  `found`: the words it was seen by, or what was counted.

    Negative points speak for the text.
    """

    name: str
    points: int
    found: tuple[str, ...]

    @property
    def shown(self) -> str:
        """What it was seen by, shortly."""
        more = len(self.found) - 1
        return self.found[0] + (f" and {more} more" if more else "")


class Score(msgspec.Struct, frozen=True):
    """All signals, the heaviest first."""

    signals: tuple[Signal, ...]

    @property
    def points(self) -> int:
        """The sum, never below 0."""
        return max(0, sum(signal.points for signal in self.signals))

    def sentence(self, threshold: int) -> str:
        """Return `score 6 of 5: "JETZT KAUFEN" (buy now +3), "nur heute" (urgency +2), …`."""
        parts = [f"{one.shown} ({one.name} {one.points:+d})" for one in self.signals[:SAID]]
        if len(self.signals) > SAID:
            parts.append(f"and {len(self.signals) - SAID} more")
        return f"score {self.points} of {threshold}" + (f": {', '.join(parts)}" if parts else "")


class _Said(msgspec.Struct, frozen=True):
    """Phrases that give `first` points, and `more` for each further one, at most `most`."""

    name: str
    lines: str
    first: int
    more: int
    most: int


_SAID = (
    _Said("buy now", phrases.BUY, 3, 1, 4),
    _Said("price cut", phrases.CUT, 3, 1, 4),
    _Said("coupon", phrases.COUPON, 2, 1, 3),
    _Said("offer", phrases.OFFER, 2, 1, 4),
    _Said("urgency", phrases.URGE, 2, 1, 3),
    _Said("bait", phrases.BAIT, 3, 2, 6),
    _Said("news", phrases.NEWS, -1, -1, -4),
)


@cache
def _patterns() -> tuple[tuple[_Said, Pattern], ...]:
    """Compiled when the first text comes, which takes 40 ms that most commands do not need."""
    return tuple((said, _compiled(said.lines)) for said in _SAID)


@cache
def _money() -> Pattern:
    return _compiled("MONEY")


def _compiled(lines: str) -> Pattern:
    return Pattern(phrases.pattern(lines), longest=50_000, memory=32 << 20)


def score(
    title: str, text: str, link: str = "", *, may_sell: bool = False, required: Sequence[str] = ()
) -> Score:
    """Judge a post.  With `may_sell` prices and offers count nothing, loudness and bait still do.

    A label that says a word of `required` counts nothing either: who asks for it gets it.
    """
    reading = read(f"{title}\n{text}")
    plain = _LINK.sub(" ", reading.text)
    signals = [*_said(plain), *_loud(plain), *_links(reading.text, link)]
    labelled = label(_EMOJI.sub("", plain), titled=bool(title.strip()))
    if labelled and not says(labelled, required):
        # An advertisement that reads like news is what labels are for: news does not excuse it.
        signals = [one for one in signals if one.points > 0]
        found = f"labelled as advertising: {_quoted(labelled)}"
        signals.append(Signal("labelled", LABELLED, (found,)))
    if reading.tricks:
        points = min(1 + len(reading.tricks), 4)
        signals.append(Signal("hidden letters", points, tuple(map(_quoted, reading.tricks))))
    if may_sell:
        signals = [one for one in signals if one.name not in SELLING]
    if not any(one.points > 0 for one in signals):
        signals = []  # nothing to be set against
    return Score(tuple(sorted(signals, key=lambda one: -one.points)))


def _said(plain: str) -> Iterator[Signal]:
    folded = fold(plain)
    for said, pattern in _patterns():
        found = _distinct(pattern, plain, folded)
        if said.name == "coupon":
            found |= {fold(one): one for one in _CODE.findall(plain)}
        if found:
            rest = said.more * (len(found) - 1)
            bound = max if said.most < 0 else min
            points = bound(said.first + rest, said.most)
            yield Signal(said.name, points, tuple(map(_quoted, found.values())))
    prices = _distinct(_money(), plain, folded)
    if prices:
        points = 1 if len(prices) < 3 else 2
        amount = "1 price" if len(prices) == 1 else f"{len(prices)} prices"
        yield Signal("prices", points, (amount,))


def _distinct(pattern: Pattern, plain: str, folded: str) -> dict[str, str]:
    """What matches, as it stands in the text, each once."""
    found: dict[str, str] = {}
    for start, end in islice(pattern.find(folded), MATCHES):
        said = plain[start:end].strip(" \n.,:;!?\"'„“”»«()*–-")
        found.setdefault(fold(said), said)
    return found


def _loud(plain: str) -> Iterator[Signal]:
    words = _WORD.findall(plain)
    capitals = [word for word in words if word.isupper() and len(word) > 3]
    if len(capitals) >= 3 or (len(capitals) == 2 and len(words) < 12):
        points = 3 if len(capitals) * 2 > len(words) or len(capitals) > 5 else 2
        yield Signal("shouting", points, tuple(map(_quoted, dict.fromkeys(capitals))))
    marks, runs = plain.count("!"), _MARKS.findall(plain)
    if runs or marks > 2:
        points = 2 if len(runs) > 1 or marks > 4 or any(len(run) > 3 for run in runs) else 1
        count = f"{marks} exclamation marks" if marks > 1 else _quoted(runs[0] if runs else "!")
        yield Signal("exclamation", points, (count,))
    emoji = len(_EMOJI.findall(plain))
    if emoji > 2:
        yield Signal("emoji", 2 if emoji > 5 else 1, (f"{emoji} emoji",))


def _links(text: str, link: str) -> Iterator[Signal]:
    links = _LINK.findall(text)
    short = [host for host in map(_host, [*links, link]) if host in SHORTENERS]
    if short:
        yield Signal("short link", 2, tuple(map(_quoted, dict.fromkeys(short))))
    others = [one for one in dict.fromkeys(links) if one.rstrip(".,)") != link]
    if len(others) > 1:
        yield Signal("links", 2 if len(others) > 3 else 1, (f"{len(others)} links",))


def _host(link: str) -> str:
    try:
        name = urlsplit(link if "//" in link else f"https://{link}").hostname or ""
    except ValueError:
        return ""
    return name.removeprefix("www.")


def _quoted(words: str) -> str:
    words = " ".join(words.split())
    return f'"{words if len(words) <= 40 else words[:39] + "…"}"'
