"""The cheapest figures, with rounds so small that their values mean nothing: their shape holds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import trio

from tests.benchmarks import (
    __main__,
    empty_middleware,
    fan_out,
    figures,
    held,
    help_cpu,
    million,
    parts,
    status_posts,
    table,
)
from tests.benchmarks.figures import Figure

CHEAP: list[tuple[tuple[str, ...], Iterator[Figure]]] = [
    (empty_middleware.NAMES, empty_middleware.measure(rounds=2, calls=50)),
    (help_cpu.NAMES, help_cpu.measure(rounds=2)),
    (fan_out.NAMES, fan_out.measure(rounds=2, people=900)),
]


@pytest.mark.parametrize(("names", "measured"), CHEAP, ids=lambda value: str(value)[:30])
def test_a_figure_is_one_line_of_json(names: tuple[str, ...], measured: Iterator[Figure]) -> None:
    """Each names itself, its unit, its goal, and how it was measured."""
    lines = [json.loads(figure.line()) for figure in measured]
    assert [line["figure"] for line in lines] == list(names)
    for line in lines:
        assert set(line) == {"figure", "value", "unit", "goal", "how"}
        assert line["value"] > 0
        assert line["goal"] > 0
        assert "median" in line["how"] or "of them" in line["how"]


@pytest.mark.parametrize(
    ("part", "count"), [(parts.chain, 20), (parts.limits, 20), (parts.begin_and_settle, 70)]
)
def test_a_part_takes_time(part: object, count: int) -> None:
    """Each part does its work to the end, and says what a delivery of it cost."""
    assert 0 < trio.run(part, count) < 1  # type: ignore[arg-type]


def test_a_small_million() -> None:
    """Two gateways send in turns, one is killed and started again, and all of it is purged."""
    found = list(million.measure(rounds=1, many=6000, few=600, sends=60, restarts=1))
    assert [one.figure for one in found] == list(million.NAMES)
    assert all(one.value > 0 and one.goal for one in found)


def test_the_parts_of_a_figure_are_told_apart() -> None:
    """A part has a name of its own, and a value is rounded, not cut."""
    line = Figure("cpu", 0.00012345, "µs", None, "how", "chain").line()
    assert json.loads(line) == {
        "figure": "cpu", "part": "chain", "value": 0.000123, "unit": "µs", "goal": None,
        "how": "how",
    }  # fmt: skip
    assert json.loads(Figure("n", 123_456.7, "rows/s", 1, "how").line())["value"] == 123_457


def test_a_rate_is_held() -> None:
    """Two seconds of it: all is sent, and every status is on disk, one by one and in batches."""
    for options in (held.CONNECTIONS, held.BATCH):
        run = held.held(20.0, 2.0, 1, options)
        assert run.rate > 0
        assert 0 < run.worst <= 20
        assert run.worst_seen > 0
        assert run.gateway > run.sandbox / 100


def test_statuses_are_posted_while_sending() -> None:
    """Every one is looked up on disk by the benchmark itself."""
    posts, wait = status_posts.measure(rounds=1, people=40)
    assert posts.value > 0
    assert wait.value > 0


def test_the_fullest_second() -> None:
    """Wherever it begins; its end does not belong to it."""
    assert held.fullest([]) == 0
    assert held.fullest([0.0, 0.5, 1.0, 1.4, 1.49, 3.0]) == 4
    assert held.fullest([2.0, 1.0, 0.0]) == 1


def test_percentiles() -> None:
    """p99 is the value that one in a hundred exceeds; the median lies in the middle."""
    values = [float(n) for n in range(1, 102)]
    assert figures.percentile(values, 99) == 100.0
    assert figures.percentile(values, 50) == figures.middle(values) == 51.0


def test_cpu_time_is_that_of_the_process() -> None:
    """Work counts, sleep does not, and another process has its own."""
    command = "import sys\nfor n in range(3_000_000): pass\nprint(flush=True)\nsys.stdin.read()"
    busy = subprocess.Popen(
        [sys.executable, "-c", command], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert busy.stdin is not None
    assert busy.stdout is not None
    busy.stdout.readline()
    spent = figures.cpu_seconds(busy.pid)
    assert spent > 0.01
    assert figures.cpu_seconds(busy.pid) - spent < 0.01, "it sleeps"
    assert figures.cpu_seconds(os.getpid()) == pytest.approx(time.process_time(), abs=0.5)
    busy.communicate()


def test_a_figure_that_does_not_exist(capsys: pytest.CaptureFixture[str]) -> None:
    """A slip is told, with what there is."""
    assert __main__.main(["chain"]) == 2
    assert "chain_per_httpx" in capsys.readouterr().err


def test_the_page_has_room_for_the_table() -> None:
    """The marks that table.py writes between stand in the page, and every figure below them."""
    page = table.PAGE.read_text(encoding="utf-8")
    shown = page.partition(table.BEGIN)[2].partition(table.END)[0]
    for benchmark in __main__.BENCHMARKS:
        for name in benchmark.NAMES:
            assert f"`{name}`" in shown, f"{name} is missing: make bench, then table.py"
    (row,) = table.table([Figure("x_per_second", 1234.5, "rows/s", 1000, "how")])[2:]
    assert row == "| `x_per_second` | 1,234.5 rows/s | ≥ 1,000 | how |"
