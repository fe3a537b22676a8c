"""A text as a person reads it: without hidden characters, look-alike letters and marks of type.

What filters compare is not what phones show: "R\u200babatt", "Rаbatt" with a Cyrillic а, "𝗥𝗮𝗯𝗮𝘁𝘁",
"*R*abatt" and "R A B A T T" all read "Rabatt".  `read` undoes that, and counts how often.
"""

from __future__ import annotations

import re
import unicodedata

import msgspec

# Letters that only look like Latin ones (Unicode, "Confusables"); those of a word that is Latin
# otherwise are meant to deceive, a word in Cyrillic or Greek is just that.
_ALIKE = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХаеѕіјорсухһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧοαρνι",
        "ABESIJKMHOPCTYXaesijopcyxhdqwABEZHIKMNOPTYXoapvi",
        strict=True,
    )
)
_HIDING = "\u200b\u200c\u200d\u2060\u2063\ufeff\u180e"  # a soft hyphen has an honest use
_HIDDEN = re.compile(rf"(?<=[^\W\d_])[{_HIDING}]+(?=[^\W\d_])")
_STYLED = re.compile("[\U0001d400-\U0001d7ff\uff21-\uff3a\uff41-\uff5aⒶ-ⓩ🄰-🅉🅰-🆉]{2,}")
_MIXED = re.compile(rf"(?<!\w)(?=\w*[A-Za-zÄÖÜäöüß])\w*[{''.join(_ALIKE)}]\w*")
_APART = re.compile(r"(?<!\w)(?:[^\W\d_][ .*_·-]){3,}[^\W\d_](?!\w)")
_MARK = re.compile(r"(?<!\w)[*_~`]{1,3}(?=\S)|(?<=\S)[*_~`]{1,3}(?!\w)")
_INSIDE = re.compile(r"(?<=[^\W_])[*~](?=[^\W_])")
LONGEST = 8_000
"""Characters that are read; WhatsApp takes 4,096."""

_BLANKS = re.compile(r"[^\S\n]+")


class Reading(msgspec.Struct, frozen=True):
    """What is read, and how many words were written so that a program would not find them."""

    text: str
    tricks: tuple[str, ...] = ()


def read(text: str) -> Reading:
    """Return a text as it is read, in NFKC, line breaks kept."""
    tricks: list[str] = []
    text = text[:LONGEST]
    if not text.isascii():
        tricks += _STYLED.findall(text)
        tricks += [_around(text, found) for found in _HIDDEN.finditer(text)]
        text = unicodedata.normalize("NFKC", text)
        text = "".join(c for c in text if unicodedata.category(c) not in ("Cf", "Mn", "Cs"))
        tricks += [found[0] for found in _MIXED.finditer(text)]
        text = _MIXED.sub(lambda found: _latin(found[0]), text)
    text = _INSIDE.sub("", _MARK.sub("", text))
    spelled = _APART.findall(text)
    text = _APART.sub(lambda found: re.sub(r"[ .*_·-]", "", found[0]), text)
    words = (unicodedata.normalize("NFKC", word) for word in [*tricks, *spelled])
    plain = ("".join(c for c in word if c.isprintable()) for word in words)
    return Reading(_BLANKS.sub(" ", text).strip(), tuple(dict.fromkeys(plain)))


def _latin(word: str) -> str:
    return "".join(_ALIKE.get(c, c) for c in word)


def _around(text: str, found: re.Match[str]) -> str:
    """The word in which something is hidden."""
    start, end = found.start(), found.end()
    while start and start > found.start() - 30 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and end < found.end() + 30 and not text[end].isspace():
        end += 1
    return text[start:end]
