"""What failed for good: kept with the answer, listed, and sent again once the cause is mended."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.message import Delivery, Message
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, House
from tests.gateway.store.test_conformance_unknown import lines


async def failed(house: House, **fields: Any) -> tuple[Message, Delivery, int]:
    (contact,) = await house.confirmed(1)
    message = await house.started(to=contact)
    delivery = await house.sending()
    await house.settle(delivery, "failed", **fields)
    assert await house.state(message, contact) == "failed"
    return message, delivery, contact


async def test_a_failed_one_goes_again(house: House, store: Store) -> None:
    """Once the cause is mended it is queued, journalled, and sent as a fresh attempt."""
    message, delivery, contact = await failed(house, code="132012")
    assert await store.retry([delivery.id, 77], at=house.at(), by="anna") == ["", "not_failed"]
    assert ("delivery.retried", "132012", "anna") in await lines(house, message, contact)
    assert await store.retry([delivery.id], at=house.at(), by="anna") == ["not_failed"]
    again = await house.leased()
    assert again.attempt == 2
    assert await house.begin(again.replace(basis=delivery.basis)) is None
    await house.settle(again)
    assert await house.state(message, contact) == "accepted"


@pytest.mark.parametrize(
    ("why", "state"), [("withdrawn", "failed"), ("expired", "failed"), ("cancelled", "failed")]
)
async def test_what_stays_failed(house: House, store: Store, why: str, state: str) -> None:
    """What would not go, or must not, is not queued, and the reason is told."""
    (contact,) = await house.confirmed(1)
    message = await house.started(to=contact, expires_at=moment(house.now + HOUR))
    delivery = await house.sending()
    await house.settle(delivery, "failed")
    if why == "withdrawn":
        await house.says(1, "stop", stop=True)
    elif why == "expired":
        house.now += HOUR
    else:
        await store.set_message(message.id, "cancel", at=house.at())
        await house.sweep()
    assert await store.retry([delivery.id], at=house.at(), by="anna") == [why]
    assert await house.state(message, contact) == state


async def test_the_providers_stop_is_final(house: House, store: Store) -> None:
    """Who stopped marketing at the provider is not sent it again by a command."""
    _, delivery, _ = await failed(house, code="131050", action="withdraw")
    assert await store.retry([delivery.id], at=house.at(), by="anna") == ["withdrawn"]


async def test_who_cannot_be_reached_is_not_tried_again(house: House, store: Store) -> None:
    """A person who was undeliverable too often has to write first."""
    (contact,) = await house.confirmed(1)
    deliveries = []
    for _ in range(3):
        await house.started(to=contact)
        deliveries.append(await house.sending())
        await house.settle(deliveries[-1], "failed", code="131026", action="count")
    ids = [delivery.id for delivery in deliveries]
    assert await store.retry(ids, at=house.at(), by="anna") == ["unreachable"] * 3
    await house.says(1, "hello")
    assert await store.retry(ids, at=house.at(), by="anna") == ["", "", ""]


async def test_lists_and_their_filters(house: House, store: Store) -> None:
    """What failed can be chosen by message, code and sender, in pages; groups count the same."""
    contacts = await house.confirmed(3)
    message = await house.started()
    for n, _ in enumerate(contacts):
        await house.settle(await house.sending(), "failed", code="a" if n else "b", detail="why")
    rows = await store.outcome_report("chosen", state="failed")
    assert [row["code"] for row in rows] == ["b", "a", "a"]
    assert {row["contact"] for row in rows} == set(contacts)
    assert rows[0]["reason"] == "why"
    after = (rows[0]["since"], rows[0]["id"])
    assert await store.outcome_report("chosen", state="failed", after=after) == rows[1:]
    for filters, n in (
        ({"code": "a"}, 2), ({"message": message.id}, 3), ({"message": 5}, 0),
        ({"sender": "wa"}, 3), ({"sender": "other"}, 0), ({"kind": "utility"}, 0), ({"limit": 1}, 1),
    ):  # fmt: skip
        found = await store.outcome_report("chosen", state="failed", **filters)
        assert len(found) == n, filters
    groups = await store.outcome_report("groups", state="failed")
    assert [(group["code"], group["n"]) for group in groups] == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("state", [0, 1, 2, 3, 5, 6])
async def test_begin_looks_at_the_attempts_themselves(
    house: House, engine: Sqlite, state: int
) -> None:
    """Whatever led to it that such a delivery waits again: while one of its attempts may have
    reached the person, begin refuses for good.  (All attempt states but `failed`, by hand.)"""
    _, delivery, _ = await failed(house)
    await house.store.retry([delivery.id], at=house.at(), by="anna")
    engine.sql(f"UPDATE attempts SET state = {state}")
    again = (await house.leased()).replace(basis=delivery.basis)
    refusal = await house.begin(again)
    assert refusal is not None
    assert (refusal.code, refusal.final) == ("already_sent", True)
