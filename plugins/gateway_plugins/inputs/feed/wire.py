"""What the daemon and the parser child say to each other: a length, then MessagePack."""

from __future__ import annotations

from typing import Literal

import msgspec

Reason = Literal[
    "not_a_feed",
    "truncated",
    "broken",  # no XML in the strict sense, and no entry to be found
    "entities",  # the document declares entities of its own
    "memory",
    "parser",  # the parser stumbled in a way that nobody foresaw
    "crashed",  # from here on said by the daemon's side
    "timeout",
]
HEAD = 4  # bytes of the length in front of each frame, big endian
LARGEST = 8_000_000  # bytes; a longer frame is a broken peer


class Document(msgspec.Struct, frozen=True, array_like=True):
    """A body as it was fetched.  `teaser` is the longest text of an entry, in characters."""

    body: bytes
    url: str
    content_type: str
    teaser: int


class Entry(msgspec.Struct, array_like=True):
    """One post.  `entries.py` says what `key`, `digest` and the marks mean.

    `published` is in UTC microseconds.  `link` and `image` are absolute http(s) addresses.
    """

    key: str
    key_mark: int
    path_mark: int
    digest: str
    marks: list[int]
    traits: list[int]
    title: str
    text: str
    link: str
    image: str | None
    published: int | None
    categories: list[str]


class Wishes(msgspec.Struct, frozen=True, array_like=True):
    """What a feed says about itself.

    `seconds` between two looks (0: it does not say), hours (0 to 23) and days (Monday is 0) in
    GMT on which nobody need look, and the address that it says it moved to.
    """

    seconds: float = 0.0
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()
    new_url: str = ""


class Feed(msgspec.Struct, array_like=True, tag="feed"):
    """A feed, its entries oldest first.

    `older` has the key marks of entries beyond the ceiling.  `whole` is False if the document
    ends before its end tag, `cut` True if that is in the middle of an entry (which is left out).
    """

    entries: list[Entry]
    older: list[int]
    language: str | None
    whole: bool
    cut: bool
    title: str = ""
    wishes: Wishes = Wishes()


class Refusal(msgspec.Struct, array_like=True, tag="refusal"):
    """Why a document gave nothing.  `detail` helps the operator."""

    reason: Reason
    detail: str = ""


Answer = Feed | Refusal

answers = msgspec.msgpack.Decoder(Answer)
documents = msgspec.msgpack.Decoder(Document)
_encoder = msgspec.msgpack.Encoder()


def frame(value: Document | Answer) -> bytes:
    """Return a value as it travels."""
    body = _encoder.encode(value)
    return len(body).to_bytes(HEAD, "big") + body
