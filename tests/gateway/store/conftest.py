"""The engines that the conformance tests run on.  Another engine is one line in ENGINES."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import apsw
import pytest

from gateway.replay import replay_folder
from gateway.store.outcomes import Patience
from gateway.store.protocol import Store
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House


class Sqlite:
    """The embedded engine, and how to look behind it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.db"

    def open(self, **patience: Any) -> AbstractAsyncContextManager[Store]:
        patient = Patience(**patience)
        return SqliteStore(self.path, suppression_key=b"k" * 32, patience=patient)

    def remove(self) -> None:
        """Begin anew: without its replay file too, or the next database would learn of it."""
        self.path.unlink(missing_ok=True)
        shutil.rmtree(replay_folder(self.path), ignore_errors=True)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        connection = apsw.Connection(str(self.path))
        connection.set_busy_timeout(5_000)
        try:
            return list(connection.execute(statement))
        finally:
            connection.close()

    def purge_messages(self) -> None:
        """Take all messages away, as a purge does."""
        for table in ("journal", "attempts", "deliveries", "depths", "messages"):
            self.sql(f"DELETE FROM {table}")

    def check(self) -> None:
        """What is kept beside the rows is what the rows say."""
        kept = set(self.sql("SELECT message_id, state, n FROM depths WHERE n <> 0"))
        counted = "SELECT message_id, state, count(*) FROM deliveries GROUP BY 1, 2"
        assert kept == set(self.sql(counted)), "depths differ from a recount"
        flying = set(self.sql("SELECT sender, contact_id, delivery_id FROM in_flight"))
        taken = "SELECT sender, contact_id, id FROM deliveries WHERE state IN (1, 2)"
        assert flying == set(self.sql(taken)), "in_flight differs from what is leased or sending"
        assert self.sql("PRAGMA foreign_key_check") == [], "a row leads to one that is gone"


ENGINES: dict[str, Callable[[Path], Sqlite]] = {"sqlite": Sqlite}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sqlite]:
    made = ENGINES[request.param](tmp_path)
    yield made
    made.check()


@pytest.fixture
async def house(engine: Sqlite) -> AsyncIterator[House]:
    async with engine.open() as store:
        yield House(store)


@pytest.fixture
def store(house: House) -> Store:
    return house.store
