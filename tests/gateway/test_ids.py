"""Ids are unique, grow, fit into 63 bits, and survive being written by people."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import ids


def test_ids_grow_and_never_repeat() -> None:
    """Every id of a process is greater than those before, also within one millisecond."""
    made = [ids.new_id() for _ in range(20_000)]
    assert made == sorted(set(made))
    assert all(0 < number < 2**63 for number in made)


def test_threads_share_one_counter() -> None:
    """Two threads never make the same id."""
    made: list[list[int]] = [[], [], [], []]

    def work(mine: list[int]) -> None:
        mine.extend(ids.new_id() for _ in range(5000))

    threads = [threading.Thread(target=work, args=(mine,)) for mine in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({number for mine in made for number in mine}) == 20_000


def test_an_id_tells_its_time() -> None:
    """The upper bits are the milliseconds, so that rows lie in the order of time."""
    before = time.time_ns() // 1_000_000
    number = ids.new_id()
    assert before - 1 <= (number >> 22) + ids.EPOCH_MS <= time.time_ns() // 1_000_000 + 1


def test_a_clock_that_goes_back_does_not_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a step back ids go on from the last one."""
    last = ids.new_id()
    monkeypatch.setattr(ids.time, "time_ns", lambda: (ids.EPOCH_MS + 5) * 1_000_000)
    assert ids.new_id() == last + 1


def test_processes_do_not_meet() -> None:
    """Two processes that start at once make different ids."""
    code = "from gateway.ids import new_id; print(*(new_id() for _ in range(500)))"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    made = [process.communicate()[0].split() for process in running]
    assert len({*made[0], *made[1]}) == 1000


@given(st.integers(0, 2**63 - 1))
def test_what_is_shown_can_be_read(number: int) -> None:
    """An id that somebody types off the screen is found, in any case."""
    shown = ids.show("d", number)
    assert ids.read("d", shown) == number
    assert ids.read("d", f"  {shown.lower()} ") == number
    assert ids.read("m", shown) is None


@pytest.mark.parametrize(
    "text",
    ["", "d", "d-", "-1", "d1", "d-u", "d-I", "d--1", "x-1", "d-1 2", "d-" + "Z" * 13, "d-²"],
)
def test_what_is_no_id_is_none(text: str) -> None:
    """Anything else is refused, not guessed."""
    assert ids.read("d", text) is None


def test_the_smallest() -> None:
    """Zero has a digit too."""
    assert ids.show("d", 0) == "d-0"
    assert ids.show("d", 1) == "d-1"
