"""Puts figures into docs/performance.md: `python -m tests.benchmarks.table < figures`."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryFile

import apsw
import msgspec

from tests.benchmarks.figures import Figure, middle

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: made by tests/benchmarks/table.py -->", "<!-- end of figures -->"


def main() -> None:
    """Replace what stands between the marks by a table of the figures on stdin."""
    figures = [msgspec.json.decode(line, type=Figure) for line in sys.stdin if line.strip()]
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    shown = "\n".join([BEGIN, "", machine(), "", *table(figures), "", END])
    PAGE.write_text(before + shown + after, encoding="utf-8")


def table(figures: Iterable[Figure]) -> list[str]:
    """Return the lines of the table, the parts of a figure below each other."""
    lines = ["| figure | measured | goal | how |", "|---|---:|---:|---|"]
    for one in figures:
        name = f"`{one.figure}`" + (f" {one.part}" if one.part else "")
        goal = "" if one.goal is None else f"{at(one)} {one.goal:,g}"
        lines.append(f"| {name} | {one.value:,g} {one.unit} | {goal} | {one.how} |")
    return lines


def at(one: Figure) -> str:
    """Return whether a goal is to be reached or kept."""
    return "≥" if one.unit == "ratio" or one.unit.endswith("/s") else "≤"


def machine() -> str:
    """Return in one sentence what the figures were measured on."""
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return (
        f"Measured {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores"
        f" ({found[1] if found else platform.machine()}), Python {platform.python_version()},"
        f" SQLite {apsw.sqlite_lib_version()}; {fsync_ms():.2f} ms for a write of 4 KB that is on"
        " disk when it returns."
    )


def fsync_ms(times: int = 100) -> float:
    """Return the milliseconds of one write with its fsync, where temporary files lie."""
    spent = []
    with TemporaryFile(buffering=0) as file:
        for _ in range(times):
            started = time.perf_counter()
            file.write(b"x" * 4096)
            os.fsync(file.fileno())
            spent.append((time.perf_counter() - started) * 1e3)
    return middle(spent)


if __name__ == "__main__":
    main()
