"""Fixtures of the wire tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A world of its own, ended whatever happens."""
    made = World(tmp_path)
    try:
        yield made
    finally:
        made.close()
