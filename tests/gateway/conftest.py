"""A house on an empty store, and its clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House


class HouseClock:
    """The house's clock, for what asks for the time itself."""

    def __init__(self, house: House) -> None:
        self._house = house

    def micros(self) -> int:
        return self._house.at()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with SqliteStore(tmp_path / "store.db", suppression_key=b"k" * 32) as store:
        yield House(store)
