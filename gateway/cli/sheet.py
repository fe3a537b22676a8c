"""Tables of people as they really come: any encoding of Excel, any delimiter, broken rows.

What cannot be understood for sure becomes a problem of its row, with the line's number; nothing
is guessed about a person.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.importing import COLUMNS, LONGEST, PROOF
from gateway.tables import nearest

LARGEST = 200_000_000
"""Bytes of a file; more is a dump of something, not a list of subscribers."""

WHO = ("phone", "user_id")
KINDS = {
    b"PK\x03\x04": "an Excel workbook or another archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
    b"\x1f\x8b": "compressed",
}
_LOST = re.compile(r"\d[.,]?\d*[Ee]\+?\d+")  # what a spreadsheet makes of a long number
_SOMEBODY = re.compile(r"[+0][\d ()/.-]{5,}|[A-Z]{2}\.\w+")
_AS_TEXT = re.compile(r'="([^"]*)"')  # how others keep it from doing that
_NUL = "\N{SYMBOL FOR NULL}"  # csv cannot read NUL; the row that holds one is refused


class SheetError(Exception):
    """Why a file cannot be read at all, in one sentence."""


class Row(NamedTuple):
    """One row: the line it begins in, its fields, and what is wrong with it."""

    line: int
    fields: dict[str, str]
    problem: str = ""


class Sheet(NamedTuple):
    """A table, opened.  `hints` are sentences about its columns."""

    columns: tuple[str, ...]
    delimiter: str
    encoding: str
    lines: int
    """Lines of the file, for a progress bar."""
    rows: Iterator[Row]
    hints: tuple[str, ...] = ()


def read(path: Path) -> Sheet:
    """Open a table.  Raises SheetError; problems of single rows come with the rows."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise SheetError(f"{path}: {error.strerror}") from error
    if size > LARGEST:
        raise SheetError(f"{path}: has {size:,} bytes; split it, {LARGEST:,} are the most")
    for begin, what in KINDS.items():
        if data.startswith(begin):
            raise SheetError(f"{path}: is {what}; save the table as CSV (UTF-8)")
    text, encoding = _decoded(data, path)
    # Not splitlines: a form feed or U+2028 inside a name ends no row.
    lines = io.StringIO(text.replace("\0", _NUL), newline="").readlines()
    start = 0
    while start < len(lines) and not lines[start].strip():
        start += 1
    if start == len(lines):
        raise SheetError(f"{path}: is empty")
    first = lines[start].strip()
    if first.lower().startswith("sep=") and len(first) == 5:  # what Excel writes for itself
        delimiter = first[4]
        start += 1
    else:
        delimiter = _delimiter(first)
    reader = _Numbered(lines, start)
    rows = csv.reader(reader, delimiter=delimiter, strict=True)
    try:
        columns = tuple(map(_column, next(rows, [])))
    except csv.Error:
        raise SheetError(f"{path}: a quotation mark in the first line is never closed") from None
    _check_columns(columns, path)
    found = _rows(rows, reader, columns, delimiter)
    return Sheet(columns, delimiter, encoding, len(lines), found, tuple(_hints(columns)))


def _decoded(data: bytes, path: Path) -> tuple[str, str]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # Excel's "Unicode text"
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError:
            raise SheetError(f"{path}: begins like UTF-16 and is none; save it as UTF-8") from None
    if b"\0\0" in (data[:4:2], data[1:4:2]):  # every second byte of plain words is 0
        raise SheetError(f"{path}: is UTF-16 without its mark; save it as UTF-8")
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            return data.decode(encoding), encoding.removesuffix("-sig")
        except UnicodeDecodeError:
            continue
    raise SheetError(f"{path}: is no text in UTF-8 or Windows-1252; save it as UTF-8")


def _delimiter(first: str) -> str:
    """What separates most of the first line, outside quotes."""
    outside = "".join(first.split('"')[::2])
    return max(",;\t", key=outside.count)


def _column(name: str) -> str:
    """The name of a column; `Confirmed At` is confirmed_at."""
    plain = name.strip().lower()
    known = re.sub(r"[\s-]+", "_", plain)
    return known if known in COLUMNS else plain


def _hints(columns: tuple[str, ...]) -> Iterator[str]:
    missing = [name for name in COLUMNS if name not in columns]
    for name in columns:
        near = nearest(name, missing) if name and name not in COLUMNS else None
        if near is not None:
            yield f"the column {name!r} is kept as evidence only; did you mean {near!r}?"
    proof = [name for name in PROOF if name not in columns]
    if proof:
        yield f"there is no column {', '.join(proof)}: no row can prove a consent"


def _check_columns(columns: tuple[str, ...], path: Path) -> None:
    named = [name for name in columns if name]
    if not any(name in named for name in WHO):
        raise SheetError(
            f"{path}: the first line has to name a column phone or user_id; it names"
            f" {', '.join(name[:30] for name in named[:12]) or 'nothing'}"
        )
    twice = sorted({name for name in named if named.count(name) > 1})
    if twice:
        raise SheetError(f"{path}: two columns are called {twice[0]!r}")


class _Numbered:
    """Gives lines to csv and knows how many it gave."""

    def __init__(self, lines: list[str], start: int) -> None:
        self._lines = lines
        self.given = start

    def __iter__(self) -> _Numbered:
        return self

    def __next__(self) -> str:
        if self.given >= len(self._lines):
            raise StopIteration
        self.given += 1
        return self._lines[self.given - 1]


def _rows(
    rows: Iterator[list[str]], reader: _Numbered, columns: tuple[str, ...], delimiter: str
) -> Iterator[Row]:
    before = csv.field_size_limit(2**31 - 1)
    try:
        while True:
            line = reader.given + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                problem = _unreadable(error, line, reader.given)
            else:
                if not any(cell.strip() for cell in cells):
                    continue
                if not any(_swallowed(cell, columns, delimiter) for cell in cells):
                    yield _row(line, reader.given, cells, columns)
                    continue
                problem = _open(line, reader.given)
            reader.given = line  # what follows in the next lines is read for itself
            yield Row(line, {}, problem)
    finally:
        csv.field_size_limit(before)


def _unreadable(error: csv.Error, line: int, last: int) -> str:
    if last > line or "unexpected end" in str(error):
        return _open(line, last)
    return "has a quotation mark inside a quoted field; in there it is written twice"


def _open(line: int, last: int) -> str:
    where = f"from line {line} to {last}" if last > line else f"in line {line}"
    return f"a quotation mark may be open {where}"


def _swallowed(cell: str, columns: tuple[str, ...], delimiter: str) -> bool:
    """Whether a field seems to hold whole rows, because a quotation mark before them is open."""
    who = next(columns.index(name) for name in WHO if name in columns)
    for line in cell.splitlines()[1:]:
        parts = line.split(delimiter)
        if len(parts) >= max(len(columns), 2) and _SOMEBODY.fullmatch(parts[who].strip(' "')):
            return True
    return False


def _row(line: int, last: int, cells: list[str], columns: tuple[str, ...]) -> Row:
    texts = [_plain(cell) for cell in cells]
    fields = {name: text[:LONGEST] for name, text in zip(columns, texts, strict=False) if name}
    if any(_NUL in cell for cell in cells):
        return Row(line, {}, "holds a NUL byte; the file is damaged here")
    if "�" in "".join(fields.values()):
        return Row(line, fields, "holds characters that were lost before; mend them")
    formulas = [name for name in COLUMNS if fields.get(name, "").startswith("=")]
    if formulas:
        return Row(line, fields, f"{formulas[0]} holds a formula; save the table with its values")
    number = fields.get("phone", "")
    if _LOST.fullmatch(number):
        return Row(line, fields, "phone lost digits in a spreadsheet; export that column as text")
    begins = re.search(r"[+\d]", number)
    if begins and begins[0] not in "+0":
        # 491713920033 could be +49 171 … or +49 4917 …: it must not be somebody else
        return Row(line, fields, "phone begins with neither + nor 0; write it as +49 171 …")
    longest = max(len(cell) for cell in cells)
    if longest > LONGEST:
        hint = f"; {_open(line, last)}" if last > line else ""
        return Row(
            line, {}, f"has a field of {longest:,} characters, {LONGEST:,} are the most{hint}"
        )
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        return Row(
            line,
            fields,
            f"has {len(cells)} fields, the first line names {len(columns)} columns",
        )
    return Row(line, fields)


def _plain(cell: str) -> str:
    text = cell.strip()
    as_text = _AS_TEXT.fullmatch(text)
    return as_text[1].strip() if as_text else text
