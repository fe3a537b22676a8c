"""Logging: JSON lines for machines, one readable line on a terminal, and a net for what slips in.

Log messages are constant strings with arguments or `extra`; numbers of people, texts and secrets
are not logged at all.  `masked` is the second net: it runs over everything that is written.
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from gateway.values import mask_phone as mask_phone

# Their lines hold URLs (httpx), or every step of every request.
QUIET = ("httpx", "httpcore")
PRIORITY = {
    logging.DEBUG: 7,
    logging.INFO: 6,
    logging.WARNING: 4,
    logging.ERROR: 3,
    logging.CRITICAL: 2,
}
LONGEST = 16_000  # characters of a traceback; journald cuts lines at 48 KiB
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

# What looks like a number of a person.  The first alternatives are there to be left alone: our
# ids (m-…, d-…), wamids, dates, UUIDs, addresses of machines and fractions.
_SUSPECT = re.compile(
    r"""
      (?P<fine> wamid\.[\w+/=-]+
        | \b[a-zA-Z]-[0-9A-Za-z]{1,13}\b
        | \b\d{4}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?
        | \b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b
        | (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])
        | (?<![\w.+])(?:0|[1-9]\d*)\.\d+(?![\w.])
      )
    | (?P<token> \b[Bb]earer\s+ (?P<bearer>[\w.~+/=-]{8,})
        | \bEAA[A-Za-z0-9]{16,}
        | (?<=access_token=)[^&\s"']+
      )
    | (?P<user> \b[A-Z]{2}\.(?:ENT\.)?(?=[A-Za-z]*\d)[A-Za-z0-9]{6,128}\b )
    | (?P<phone>
          (?<![\w+]) (?:\+|00(?=[1-9])) \d{7,15} (?!\w)
        | (?<![\w+]) (?:\+|00(?=[1-9])) \(?\d{1,4} (?: [ ./()-]{1,3} \d{1,8} (?!\w) ){1,6}
        | (?<![\w.:+]) \(?0[1-9]\d{1,4}\)? (?: [ ]?[/-]?[ ]? \d{2,8} (?!\w) ){1,4}
        | (?<![\w.:]) [1-9]\d{9,14} (?!\w)
      )
    """,
    re.VERBOSE,
)
_EPOCH = re.compile(r"(?:1[5-9]|2[01])\d{8}|1[5-9]\d{11}")  # seconds and milliseconds, to 2033


def masked(text: str) -> str:
    """Mask all that looks like a phone number, a business-scoped user id or an access token.

    Left alone: ids with their prefix and those of more than 15 digits, wamids, times, ports.
    """
    return _SUSPECT.sub(_hide, text)


def _hide(found: re.Match[str]) -> str:
    text = found[0]
    if found["token"]:
        return f"{text[: -len(found['bearer'])]}***" if found["bearer"] else "***"
    if found["user"]:
        return mask_phone(text)
    digits = sum(character.isdigit() for character in text)
    if found["fine"] or not 7 <= digits <= 17 or _EPOCH.fullmatch(text):
        return text
    return mask_phone(text)


class TextLines(logging.Formatter):
    """`14:02:11 INFO  gateway.web: message  key=value`, for a terminal; local time."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone()
        extra = "".join(f"  {name}={value}" for name, value in _extra(record).items())
        line = f"{at:%H:%M:%S} {record.levelname:7} {record.name}: {_message(record)}{extra}"
        error = _error(self, record)
        return masked(f"{line}\n{error}" if error else line)


class JsonLines(logging.Formatter):
    """`{"at": …, "level": …, "logger": …, "message": …, …extra, "error": traceback}`.

    With `priorities` each line begins with `<N>`, which journald reads and removes.
    """

    def __init__(self, *, priorities: bool) -> None:
        super().__init__()
        self._priorities = priorities

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": masked(_message(record)),
        }
        for name, value in _extra(record).items():
            fields.setdefault(name, _plain(value))
        error = _error(self, record)
        if error:
            fields["error"] = masked(error)
        line = msgspec.json.encode(fields).decode()
        level = max((known for known in PRIORITY if known <= record.levelno), default=logging.DEBUG)
        return f"<{PRIORITY[level]}>{line}" if self._priorities else line


def set_up(
    level: str = "INFO",
    *,
    stream: TextIO | None = None,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Send all logging of this process to `stream` (stderr).  Replaces earlier handlers.

    The journal and pipes get JSON lines, a terminal readable ones.  `level` is a name such as
    `info`; ValueError if it is none.
    """
    stream = stream or sys.stderr
    handler = logging.StreamHandler(stream)
    journal = _is_journal(stream, environ)
    handler.setFormatter(
        TextLines() if stream.isatty() and not journal else JsonLines(priorities=journal)
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # its report would print the arguments unmasked


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether JOURNAL_STREAM names this stream: a child's pipe inherits the variable too."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} (its arguments do not fit)"


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool | float):
        return value
    text = str(value)
    safe = masked(text)
    return value if isinstance(value, int) and safe == text and value.bit_length() < 64 else safe


def _error(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if not record.exc_info or record.exc_info == (None, None, None):
        return ""
    text = formatter.formatException(record.exc_info)
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n…\n{text[-LONGEST // 2 :]}"
