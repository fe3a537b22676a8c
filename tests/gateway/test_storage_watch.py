"""The watch over the store tells each change once, and shows it."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import trio
from prometheus_client import CollectorRegistry
from trio.testing import MockClock

from gateway.errors import Ailment, StoreFault
from gateway.metrics import AILMENTS, Metrics
from gateway.storage_watch import EVERY, StorageWatch
from gateway.store.condition import Condition


class Store:
    """A store that does as it is told at each look."""

    def __init__(self, *ailments: Ailment | None) -> None:
        self.condition = Condition()
        self._coming = list(ailments)
        self.looks = 0

    async def tend(self) -> None:
        self.looks += 1
        ailment = self._coming.pop(0) if self._coming else None
        if ailment is None:
            self.condition.well()
        else:
            self.condition.met(StoreFault(ailment, f"it is {ailment}"))


def shown(metrics: Metrics) -> set[str]:
    lines = metrics.render()[0].decode().splitlines()
    found = [line for line in lines if line.startswith("gateway_store_ailment{")]
    assert {line.split('"')[1] for line in found} == set(AILMENTS)
    return {line.split('"')[1] for line in found if line.endswith(" 1.0")}


async def test_each_change_is_told_once(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    store = Store(None, "full", "full", None, "locked", "failing", None)
    metrics = Metrics(CollectorRegistry())
    watch = StorageWatch(store, metrics)
    seen: list[tuple[set[str], Any]] = []
    with caplog.at_level(logging.WARNING, "gateway.store"):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(watch.run)
            await trio.sleep(EVERY / 2)
            for _ in range(7):
                seen.append((shown(metrics), watch.live().get("ailment")))
                await trio.sleep(EVERY)
            nursery.cancel_scope.cancel()
    names = [None, "full", "full", None, "locked", "failing", None]
    assert seen == [({name} if name else set(), name) for name in names]
    told = [(record.levelname, record.getMessage().rpartition(" ")[2]) for record in caplog.records]
    assert told == [
        ("ERROR", "full"), ("WARNING", "on"), ("ERROR", "locked"), ("ERROR", "failing"),
        ("WARNING", "on"),
    ]  # fmt: skip


def test_what_status_gets() -> None:
    store = Store()
    watch = StorageWatch(store, Metrics(CollectorRegistry()))
    assert watch.live() == {}
    store.condition.met(StoreFault("readonly", "mount it for writing"))
    live = watch.live()
    assert (live["ailment"], live["reason"]) == ("readonly", "mount it for writing")
    assert live["since"] > 1_700_000_000_000_000
