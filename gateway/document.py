"""A settings file as it lies on disk: its bytes, its encoding, its syntax.

Whatever is wrong with it is one sentence with the place.  No value of the file is repeated:
it may be a secret that somebody typed in.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from gateway.errors import ConfigError

LARGEST = 1 << 20
"""Bytes; the largest settings anybody wrote have some thousand."""

_PLACE = re.compile(r"\s*\(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)$")
_KEYS, _KEY = re.compile(r"\((?:'[^']*',? ?)+\)"), re.compile(r"'([^']*)'")
HINTS = (
    ("Invalid value", 'no value stands there; text goes in "quotes"'),
    ("Illegal character '\\n'", "the line ends inside a text; a quotation mark is missing"),
    ("Unterminated string", "a text has no end; a quotation mark is missing"),
    ("Cannot overwrite a value", "this key stands in the table already"),
    ("Duplicate inline table key", "this key stands in the table already"),
    ("Expected '=' after a key", "a key, = and a value belong on one line"),
    ("Invalid statement", "a line is a [table], a key = value or a # comment"),
    (
        "Expected newline or end of document",
        "something stands behind the value; # begins a comment",
    ),
    ("Unclosed array", "a list has no ]"),
    ("Invalid hex value", r"in quotes a backslash is written \\, or use 'single quotes'"),
    ("Unescaped '\\'", r"in quotes a backslash is written \\, or use 'single quotes'"),
)


def read(file: Path) -> dict[str, Any]:
    """Read a TOML file.  Raises ConfigError with one sentence that begins with its path."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; --config names another") from None
    except IsADirectoryError:
        raise ConfigError(f"{file}: is a folder; --config names the file in it") from None
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise ConfigError(f"{file}: has more than {LARGEST:,} bytes; this is no settings file")
    text = _decoded(file, raw)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{file}: {_broken(str(error))}") from None
    except RecursionError:
        raise ConfigError(f"{file}: is no TOML: lists or tables are nested too deeply") from None
    except ValueError:  # Python reads no whole number of more than 4300 digits
        raise ConfigError(f"{file}: is no TOML: a number has too many digits") from None


def _decoded(file: Path, raw: bytes) -> str:
    marked = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    if marked or b"\0\0" in (raw[:4:2], raw[1:4:2]):  # every second byte of plain words is 0
        raise ConfigError(f"{file}: is saved as UTF-16; save it as UTF-8")
    try:
        return raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{file}: line {line} holds a character that is not UTF-8; save the file as UTF-8"
        ) from None


def _broken(said: str) -> str:
    """`Invalid value (at line 3, column 8)` → `line 3, column 8: no value stands there; …`"""
    place = _PLACE.search(said)
    text = _KEYS.sub(lambda keys: f"[{'.'.join(_KEY.findall(keys[0]))}]", _PLACE.sub("", said))
    for theirs, ours in HINTS:
        if text.startswith(theirs):
            text = ours
            break
    if place is None or place["line"] is None:
        return f"is no TOML: at its end: {text}"
    return f"is no TOML: line {place['line']}, column {place['column']}: {text}"
