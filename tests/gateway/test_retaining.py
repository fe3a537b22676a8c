"""The worker of retention: which class goes when, hourly, told once a day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import trio
import trio.testing
from prometheus_client import CollectorRegistry

from gateway.config import GatewayConfig, load
from gateway.duties import Retention
from gateway.errors import StoreError
from gateway.metrics import PURGED, Metrics
from gateway.proof_files import ProofFiles
from gateway.retaining import CLASSES, EVERY, MOST, Retaining, cutoffs
from gateway.store.rights import Purge, Purged
from gateway.store.sqlite.retention import STEPS
from gateway.values import Duration

DAY = 86_400 * 1_000_000


class Clock:
    """Goes with trio's."""

    def micros(self) -> int:
        return 10**16 + int(trio.current_time() * 1e6)


class Shelf:
    """Stands in for the store: each class has so many steps of work."""

    def __init__(self, steps: dict[str, list[Purged]]) -> None:
        self.steps = steps
        self.asked: list[tuple[str, int, int]] = []
        self.told: list[dict[str, int]] = []
        self.broken = False

    async def purge(self, what: Purge, *, before: int, after: int, **_: Any) -> Purged:
        if self.broken:
            raise StoreError("the disk is full")
        self.asked.append((what, before, after))
        waiting = self.steps.get(what)
        return waiting.pop(0) if waiting else Purged()

    async def purged(self, counts: dict[str, int], *, at: int) -> None:
        self.told.append(counts)


@pytest.fixture
def config(tmp_path: Path) -> GatewayConfig:
    (tmp_path / "gateway.toml").write_text("[retention]\nsent = 0\n")
    return load(tmp_path / "gateway.toml")[0]


@pytest.fixture
def retaining(config: GatewayConfig) -> Callable[[Shelf], Retaining]:
    def made(shelf: Shelf) -> Retaining:
        return Retaining(config, shelf, Clock(), ("signup",))  # type: ignore[arg-type]

    return made


def test_every_class_has_its_time_and_its_step() -> None:
    """Nothing that can be purged is forgotten, in no place."""
    every = set(get_args(Purge))
    assert set(CLASSES) == set(STEPS) == set(PURGED) == every
    assert set(CLASSES.values()) == set(Retention.__struct_fields__)


def test_times() -> None:
    """A duration back from now; 0 keeps for ever; contents outlive what refers to them."""
    now = 10**16
    found = cutoffs(Retention(raw=Duration(86_400), journal=Duration(0)), now)
    assert found["raw"] == found["account"] == now - DAY
    assert "journal" not in found
    assert "lookups" not in found
    assert found["contents"] == found["sent"] - DAY


async def test_steps_go_on_where_the_last_one_ended(
    retaining: Callable[[Shelf], Retaining], autojump_clock: trio.testing.MockClock
) -> None:
    shelf = Shelf({"raw": [Purged(gone=3, after=7), Purged(gone=2, after=9), Purged(gone=1)]})
    assert await retaining(shelf).once() == {"raw": 6}
    assert [after for what, _, after in shelf.asked if what == "raw"] == [0, 7, 9]
    assert not any(what in ("sent", "contents") for what, *_ in shelf.asked), "kept for ever"


async def test_a_pass_has_an_end(
    retaining: Callable[[Shelf], Retaining], autojump_clock: trio.testing.MockClock
) -> None:
    """However much there is; the next hour goes on."""
    shelf = Shelf({"raw": [Purged(gone=1, after=n) for n in range(1, MOST + 50)]})
    assert await retaining(shelf).once() == {"raw": MOST}


async def test_files_go_with_their_evidence(
    config: GatewayConfig,
    retaining: Callable[[Shelf], Retaining],
    autojump_clock: trio.testing.MockClock,
) -> None:
    files = ProofFiles(config.database)
    digest = files.put(b"scan")
    await retaining(Shelf({"proof": [Purged(gone=1, files=(digest,))]})).once()
    assert not files.path(digest).exists()


async def test_told_once_a_day_and_counted(
    retaining: Callable[[Shelf], Retaining], autojump_clock: trio.testing.MockClock
) -> None:
    """The journal gets one line a day, with all that went since the last one."""
    shelf = Shelf({"raw": [Purged(gone=1) for _ in range(30)]})
    registry = CollectorRegistry()
    with trio.move_on_after(EVERY * 29.5):
        await retaining(shelf).run(Metrics(registry))
    assert shelf.told == [{"raw": 1}, {"raw": 24}]
    assert registry.get_sample_value("gateway_purged_total", {"what": "raw"}) == 30


async def test_a_store_that_fails_is_asked_again(
    retaining: Callable[[Shelf], Retaining],
    autojump_clock: trio.testing.MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One error in the log, and the next hour is another try."""
    shelf = Shelf({"raw": [Purged(gone=1)]})
    shelf.broken = True
    async with trio.open_nursery() as nursery:
        nursery.start_soon(retaining(shelf).run, Metrics(CollectorRegistry()))
        await trio.sleep(1)
        assert "the disk is full" in caplog.text
        shelf.broken = False
        await trio.sleep(EVERY)
        nursery.cancel_scope.cancel()
    assert shelf.told == [{"raw": 1}]
