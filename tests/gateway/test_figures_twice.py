"""What went out twice is counted once: from the start of the gateway on, by sender."""

from __future__ import annotations

from pathlib import Path

from prometheus_client import CollectorRegistry

from gateway.figures import Figures
from gateway.metrics import Metrics
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import House


async def twice(house: House) -> None:
    """Send to somebody of whom nobody knows; again; and then both have arrived."""
    await house.confirmed(1)
    message = await house.started()
    delivery = await house.leased()
    assert await house.begin(delivery) is None
    await house.settle(delivery, "unknown", code="reset")
    assert await house.store.resolve([delivery.id], "resend", at=house.at(), by="anna") == [""]
    again = (await house.leased()).replace(basis=delivery.basis)
    assert await house.begin(again) is None
    await house.settle(again, provider_id=f"second {message.id}")
    await house.status(delivery, "delivered")


async def test_it_is_counted_once(tmp_path: Path) -> None:
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        await twice(house)  # before the start: Prometheus knows of it
        metrics = Metrics(CollectorRegistry())
        figures = Figures(metrics)
        counter = metrics.twice.labels("wa")._value
        for _ in range(2):
            await figures.look(store, ["wa"], at=house.at(), people=False)
        assert counter.get() == 0
        await twice(house)
        for _ in range(2):
            await figures.look(store, ["wa"], at=house.at(), people=False)
        assert counter.get() == 1
        assert len(await store.outcome_report("sent_twice")) == 2
