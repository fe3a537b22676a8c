r"""Patterns over text in time that grows with the text alone, whatever the pattern (RE2).

RE2 knows letters beyond ASCII, but its `\b` and `\w` do not: `\bübung` would never match.  So
pattern and text are folded alike before: all small, accents off, and ä, ö, ü, ß as the capitals A,
O, U, S, which are free then.  Each character stays one character, so a place in the folded text is
one in the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import re2

MEMORY = 1 << 20
"""Bytes that RE2 may use for one pattern, compiled and at work."""

LONGEST = 1000
"""Characters of a pattern."""

_GERMAN = {"ä": "A", "ö": "O", "ü": "U", "ß": "S"}
_WITHOUT_BASE = {"ø": "o", "æ": "a", "œ": "o", "đ": "d", "ł": "l", "ı": "i", "þ": "t", "ð": "d"}
_FLAGS = re.compile(r"\(\?([a-zA-Z-]+)([:)])")
_ESCAPE = re.compile(
    r"\\(?:[pP]\{\^?\w*\}|[pP].|x\{[0-9A-Fa-f]+\}|x[0-9A-Fa-f]{2}|Q.*?(?:\\E|$)|.)", re.S
)
_CASE = re.compile(r"\\[pP]\{\^?L[ult]\}|\[:\^?(?:upper|lower):\]")

# What RE2 says, in words; {} is the part of the pattern that it names.
_WORDS = {
    "missing )": "a ( is never closed",
    "unexpected )": "this ) closes nothing",
    "missing ]": "a [ is never closed",
    "trailing \\": "nothing follows the last \\",
    "bad repetition operator": "{} repeats a repetition",
    "no argument for repetition operator": "{} has nothing before it to repeat",
    "invalid repetition size": "{} repeats too often or the wrong way round; 1000 in all is the most",
    "invalid escape sequence": "{} means nothing here (what a group found cannot be asked for again)",
    "invalid perl operator": "{} is not known here (no look-ahead or look-behind)",
    "invalid character class range": "{} is no range of characters",
    "invalid named capture group": "{} is no name of a group",
    "invalid UTF-8": "a character of it is none",
}


class PatternError(ValueError):
    """A pattern cannot be used; the text says why and where."""


class _Letters(dict[int, str]):
    """A table for str.translate that fills itself."""

    def __missing__(self, code: int) -> str:
        small = chr(code).lower()
        if len(small) > 1:
            small = chr(code)
        folded = _GERMAN.get(small) or _WITHOUT_BASE.get(small)
        if folded is None:
            base = unicodedata.normalize("NFD", small)[0]
            folded = base if base.isascii() and base.isalpha() else small
        self[code] = folded
        if len(self) > 5000:
            self.clear()
        return folded


_letters = _Letters()


def fold(text: str) -> str:
    """Return a text as patterns see it, of the same length."""
    return text.translate(_letters)


class Pattern:
    """A pattern as a user writes it; it matches in any case.  Raises PatternError."""

    def __init__(self, source: str, *, longest: int = LONGEST, memory: int = MEMORY) -> None:
        if not source.strip():
            raise PatternError("the pattern is empty")
        if len(source) > longest:
            raise PatternError(f"it has {len(source)} characters; {longest} are the most")
        case = _CASE.search(source)
        if case is not None:
            raise PatternError(
                f"{case[0]} asks for small or capital letters, but a pattern matches in any case"
                f" (at character {case.start() + 1})"
            )
        folded, places = _folded(source)
        options = re2.Options()
        options.max_mem = memory
        options.log_errors = False
        options.never_capture = True
        try:
            self._compiled = re2.compile(folded, options)
        except UnicodeEncodeError:
            raise PatternError("a character of it is none") from None
        except re2.error as error:
            raise PatternError(_explained(error, source, folded, places)) from None
        if self._compiled.search("") is not None:
            raise PatternError("it matches an empty text, and so every one")

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a folded text matches: (start, end).  Linear per match: for our own patterns."""
        for found in self._compiled.finditer(text):
            yield found.span()

    def search(self, text: str) -> tuple[int, int] | None:
        """Return the first place in a folded text, in linear time."""
        found = self._compiled.search(text)
        return found.span() if found is not None else None


def _folded(source: str) -> tuple[str, list[int]]:
    """Fold a pattern, but not its escapes; also where each character of the result came from."""
    result, places, at = "", [], 0
    while at < len(source):
        step, new = 1, fold(source[at])
        if (found := _ESCAPE.match(source, at)) is not None:
            step, new = len(found[0]), _escape(found[0])
        elif (found := _FLAGS.match(source, at)) is not None:
            flags = found[1].replace("i", "").rstrip("-")
            step = len(found[0])
            new = f"(?{flags}{found[2]}" if flags or found[2] == ":" else ""
        result += new
        places += [at] * len(new)
        at += step
    return result, places


def _escape(escape: str) -> str:
    if escape[1] == "Q":
        return str(re2.escape(fold(escape[2:].removesuffix("\\E"))))
    if escape[1] == "x":
        code = int(escape[2:].strip("{}"), 16)
        return str(re2.escape(fold(chr(code)))) if code < 0x110000 else escape
    return escape


def _explained(error: Exception, source: str, folded: str, places: list[int]) -> str:
    said = error.args[0]
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    what, _, part = text.partition(": ")
    if what.startswith("pattern too large"):
        return "it is too large when its repetitions are written out"
    at = _unpaired(folded) if what in ("missing )", "unexpected )") else folded.find(part)
    if not part or not 0 <= at < len(places):
        return _WORDS.get(what, text).replace("{}", part)
    start = places[at]
    words = _WORDS.get(what, text).replace("{}", source[start : start + len(part)])
    return f"{words} (at character {start + 1})"


def _unpaired(folded: str) -> int:
    """Where the first ) stands that closes nothing, else the last ( that is never closed."""
    waiting: list[int] = []
    bare = re.sub(r"\\.|\[\^?\]?[^\]]*\]", lambda found: " " * len(found[0]), folded)
    for at, character in enumerate(bare):
        if character == "(":
            waiting.append(at)
        elif character == ")":
            if not waiting:
                return at
            waiting.pop()
    return waiting[-1] if waiting else -1
