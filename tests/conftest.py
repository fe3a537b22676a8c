"""How the tests are shared out when two processes run them, as `make test` does.

Both collect all of them, so the names of the tests must be the same in both: no time, no new id, no
order of a set in a parameter without an id of its own.
"""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

AT_THE_WIRE = ("tests/benchmarks/", "tests/wire/")
"""One lot: these look at rates and moments, and wait for most of their time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first, whatever else there is to do."""
    items.sort(key=lambda item: not item.nodeid.startswith(AT_THE_WIRE))


class Lots(LoadFileScheduling):
    """The tests of a file stay together, and those at the wire too, so that none measures another."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # by how many tests a lot has, whatever they take

    def _split_scope(self, nodeid: str) -> str:
        return "the wire" if nodeid.startswith(AT_THE_WIRE) else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Lots:
    """Called by pytest-xdist, in the process that shares out."""
    return Lots(config, log)
