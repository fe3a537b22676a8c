"""Tables of people as they really come: any encoding of Excel, any delimiter, broken rows.

What cannot be understood for sure becomes a problem of its row, with the line's number; nothing
is guessed about a person.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.importing import LONGEST

LARGEST = 200_000_000
"""Bytes of a file; more is a dump of something, not a list of subscribers."""

WHO = ("phone", "user_id")
_NUL = "\N{SYMBOL FOR NULL}"  # csv cannot read NUL; the row that holds one is refused


class SheetError(Exception):
    """Why a file cannot be read at all, in one sentence."""


class Row(NamedTuple):
    """One row: the line it begins in, its fields, and what is wrong with it."""

    line: int
    fields: dict[str, str]
    problem: str = ""


class Sheet(NamedTuple):
    """A table, opened."""

    columns: tuple[str, ...]
    delimiter: str
    encoding: str
    lines: int
    """Lines of the file, for a progress bar."""
    rows: Iterator[Row]


def read(path: Path) -> Sheet:
    """Open a table.  Raises SheetError; problems of single rows come with the rows."""
    try:
        size = path.stat().st_size
        data = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise SheetError(f"{path}: {error.strerror}") from error
    if size > LARGEST:
        raise SheetError(f"{path}: has {size:,} bytes; split it, {LARGEST:,} are the most")
    text, encoding = _decoded(data, path)
    lines = text.replace("\0", _NUL).splitlines(keepends=True)
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
    rows = csv.reader(reader, delimiter=delimiter)
    header = next(rows, [])
    columns = tuple(name.strip().lower() for name in header)
    _check_columns(columns, path)
    return Sheet(columns, delimiter, encoding, len(lines), _rows(rows, reader, columns))


def _decoded(data: bytes, path: Path) -> tuple[str, str]:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # Excel's "Unicode text"
        try:
            return data.decode("utf-16"), "utf-16"
        except UnicodeDecodeError:
            raise SheetError(f"{path}: begins like UTF-16 and is none; save it as UTF-8") from None
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


def _rows(rows: Iterator[list[str]], reader: _Numbered, columns: tuple[str, ...]) -> Iterator[Row]:
    before = csv.field_size_limit(2**31 - 1)
    try:
        while True:
            line = reader.given + 1
            try:
                cells = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(line, {}, f"cannot be read: {error}")
                continue
            if any(cell.strip() for cell in cells):
                yield _row(line, reader.given, cells, columns)
    finally:
        csv.field_size_limit(before)


def _row(line: int, last: int, cells: list[str], columns: tuple[str, ...]) -> Row:
    fields = {
        name: cell.strip()[:LONGEST] for name, cell in zip(columns, cells, strict=False) if name
    }
    if any(_NUL in cell for cell in cells):
        return Row(line, {}, "holds a NUL byte; the file is damaged here")
    if "�" in "".join(fields.values()):
        return Row(line, fields, "holds characters that were lost before; mend them")
    begins = re.search(r"[+\d]", fields.get("phone", ""))
    if begins and begins[0] not in "+0":
        # 491713920033 could be +49 171 … or +49 4917 …: it must not be somebody else
        return Row(line, fields, "phone begins with neither + nor 0; write it as +49 171 …")
    longest = max(len(cell) for cell in cells)
    if longest > LONGEST:
        hint = f"; a quotation mark may be open from line {line} to {last}" if last > line else ""
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
