"""Failures that the provider tells after it accepted, and what they mean for the person."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.message import Basis, Delivery
from gateway.store.outcomes import MOST_TRIES
from gateway.store.protocol import Store
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, SECOND, House

DAY = 24 * HOUR
LATER = {"code": "131049", "action": "later"}
COUNT = {"code": "131026", "action": "count"}


async def accepted(house: House) -> Delivery:
    """Send what is due; the provider takes it."""
    delivery = await house.sending()
    await house.settle(delivery)
    return delivery


FAILURES = [
    # what the status says, what the delivery is, how long until it is due (None: as it was)
    ({"action": "fail"}, "failed", None),
    ({"action": "count"}, "failed", None),
    ({"action": "hold"}, "held", None),
    ({"action": "retry", "retry_after": 60.0}, "queued", 60 * SECOND),
    ({"action": "retry"}, "failed", None),
    ({"action": "later"}, "queued", DAY),
    ({"action": "slow", "retry_after": 5.0}, "queued", 5 * SECOND),
    ({"action": "stop"}, "queued", 0),
    ({"action": "template"}, "queued", 0),
]


@pytest.mark.parametrize(("said", "state", "wait"), FAILURES)
@pytest.mark.parametrize("order", ["after", "before"])
async def test_what_follows_from_a_failure(
    house: House, said: dict[str, Any], state: str, wait: int | None, order: str
) -> None:
    """Each action leads to its state, whether the status comes before or after our own commit; the
    delivery keeps the code; told again it changes nothing."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.sending()
    if order == "after":
        await house.settle(delivery)
    told = house.now
    await house.status(delivery, "failed", code="c1", detail="why", **said)
    if order == "before":
        assert await house.state(message, contact) == "sending"
        await house.settle(delivery)
    row = await house.row(message, contact)
    assert row is not None
    assert (row["state"], row["code"], row["reason"]) == (state, "c1", "why")
    if wait is not None:
        assert wait <= row["due_at"] - told <= wait + 10
    await house.status(delivery, "failed", code="c1", detail="why", **said)
    assert await house.row(message, contact) == row


@pytest.mark.parametrize("said", [said for said, *_ in FAILURES])
async def test_delivered_beats_failed(house: House, said: dict[str, Any]) -> None:
    """A provider that says both did deliver, in either order, and nothing is sent again."""
    contacts = await house.confirmed(2)
    message = await house.started()
    for first, second in (("delivered", "failed"), ("failed", "delivered")):
        delivery = await accepted(house)
        for name in (first, second):
            await house.status(delivery, name, **(said if name == "failed" else {}))  # type: ignore[arg-type]
    assert [await house.state(message, contact) for contact in contacts] == ["delivered"] * 2
    assert await house.lease(at=house.now + 30 * DAY) == []


@pytest.mark.parametrize("kind", ["utility", "service"])
async def test_a_stop_since_then_ends_what_would_be_tried_again(house: House, kind: str) -> None:
    """Whoever wrote STOP after the provider accepted gets no second attempt, whatever it rests
    on."""
    (contact,) = await house.confirmed(1)
    await house.says(1, "hello")
    message = await house.started(kind=kind, to=contact, topic=None)
    basis = Basis(kind="declared", text="order") if kind == "utility" else Basis(kind="window")
    delivery = (await house.leased()).replace(basis=basis)
    assert await house.begin(delivery) is None
    await house.settle(delivery)
    await house.says(1, "stop", stop=True)
    await house.status(delivery, "failed", code="x", action="retry", retry_after=1.0)
    row = await house.row(message, contact)
    assert row is not None
    assert (row["state"], row["code"]) == ("dropped", "withdrawn")


async def test_a_person_is_left_alone_and_longer_each_time(house: House) -> None:
    """131049: a day, two, four, at most seven, counted when the last pause was over; what else is
    marketing waits along, anything else goes."""
    (contact,) = await house.confirmed(1)
    first, second = await house.started(), await house.started()
    delivery = await accepted(house)
    for pause in (DAY, 2 * DAY, 4 * DAY, 7 * DAY, 7 * DAY):
        begin = house.now
        await house.status(delivery, "failed", **LATER)
        row = await house.row(first, contact)
        assert row is not None
        assert pause <= row["due_at"] - begin <= pause + 10
        assert await house.lease() == []  # the second is due, and looked at, and waits along
        other = await house.row(second, contact)
        assert other is not None
        assert (other["state"], other["code"], other["due_at"]) == (
            "queued",
            "capped",
            row["due_at"],
        )
        house.now = row["due_at"]
        delivery = await accepted(house)
        assert delivery.message.id == first.id
        await house.give_back(await house.leased(), due_at=house.now)


async def test_what_was_on_its_way_makes_no_pause_longer(house: House) -> None:
    """Two that the provider had taken before it said so: one pause, not two."""
    (contact,) = await house.confirmed(1)
    messages = [await house.started(), await house.started()]
    deliveries = [await accepted(house), await accepted(house)]
    for delivery in deliveries:
        await house.status(delivery, "failed", **LATER)
    rows = [await house.row(message, contact) for message in messages]
    assert rows[0] is not None
    assert rows[1] is not None
    assert rows[0]["due_at"] == rows[1]["due_at"]


async def test_begin_looks_at_the_pause_too(house: House) -> None:
    """What was leased when the provider said so is given back until the pause is over."""
    (contact,) = await house.confirmed(1)
    first, second = await house.started(), await house.started()
    delivery = await accepted(house)
    leased = await house.leased()
    await house.status(delivery, "failed", **LATER)
    refusal = await house.begin(leased)
    assert refusal is not None
    assert (refusal.code, refusal.final) == ("capped", False)
    rows = [await house.row(message, contact) for message in (first, second)]
    assert rows[0] is not None
    assert rows[1] is not None
    assert rows[1]["due_at"] == rows[0]["due_at"] == refusal.until


@pytest.mark.parametrize(
    ("sign", "free"),
    [("delivered", True), ("read", True), ("sent", False), ("message", False), ("old", False)],
)
async def test_what_ends_a_pause(house: House, sign: str, free: bool) -> None:
    """Marketing that arrived ends it; a message of the person, or older news, does not."""
    await house.confirmed(1)
    await house.started(), await house.started(), await house.started()
    first, second = await accepted(house), await accepted(house)
    house.later()
    await house.status(first, "failed", said_at=house.now, **LATER)
    if sign == "message":
        await house.says(1, "hello")
    elif sign == "old":
        await house.status(second, "delivered", said_at=house.now - SECOND // 2)
    else:
        await house.status(second, sign, said_at=house.now + 1)  # type: ignore[arg-type]
    assert len(await house.lease()) == free


async def test_who_is_undeliverable_too_often_gets_no_marketing(house: House, store: Store) -> None:
    """131026 three times: further marketing is dropped with its code, other kinds still go."""
    (contact,) = await house.confirmed(1)
    for n in range(3):
        delivery = await accepted(house) if await house.started() else None
        assert delivery is not None
        await house.status(delivery, "failed", said_at=house.now, **COUNT)
        (told,) = await store.outcome_report("troubles", contact=contact)
        assert (told["n"], told["until"] is None) == (n + 1, n < 2)
    message = await house.started()
    order = await house.started(kind="utility", to=contact, topic=None)
    (utility,) = await house.lease()
    assert utility.message.id == order.id
    await house.give_back(utility, to="held")
    assert await house.lease() == []
    row = await house.row(message, contact)
    assert row is not None
    assert (row["state"], row["code"]) == ("dropped", "unreachable")


@pytest.mark.parametrize("sign", ["message", "delivered"])
async def test_a_sign_of_life_forgives(house: House, sign: str) -> None:
    """A message of the person or a delivered status, of whatever kind: the count begins anew."""
    await house.confirmed(1)
    for _ in range(4):
        await house.started()
    for _ in range(2):
        await house.status(await accepted(house), "failed", said_at=house.now, **COUNT)
    alive = await accepted(house)
    house.later()
    if sign == "message":
        await house.says(1, "hello")
    else:
        await house.status(alive, "delivered", said_at=house.now)
    await house.status(await accepted(house), "failed", said_at=house.now, **COUNT)
    await house.started()
    assert len(await house.lease()) == 1


async def test_a_refusal_at_once_means_the_same(house: House) -> None:
    """What the API refuses as the answer to our own request counts like a status."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    begin = house.now
    await house.settle(await house.sending(), "failed", **LATER)
    row = await house.row(message, contact)
    assert row is not None
    assert row["state"] == "queued"
    assert DAY <= row["due_at"] - begin <= DAY + 20


@pytest.mark.parametrize("action", ["stop", "slow", "template"])
async def test_what_concerns_more_costs_no_try(house: House, action: Any) -> None:
    """Refused because of the sender or the template: queued again, however often."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    for _ in range(MOST_TRIES + 2):
        await house.settle(await house.sending(), "failed", action=action, retry_at=house.now)
    assert await house.state(message, contact) == "queued"


async def test_after_many_failures_a_person_has_to_look(house: House) -> None:
    """A provider that accepts and then fails for a passing reason is not asked for ever."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    for n in range(MOST_TRIES):
        assert await house.state(message, contact) == "queued", n
        delivery = await accepted(house)
        await house.status(delivery, "failed", code="131000", action="retry", retry_after=0.0)
    assert await house.state(message, contact) == "held"


async def test_pauses_can_be_scaled(engine: Sqlite) -> None:
    """`[delivery] backoff` multiplies them all, and `unreachable_after` counts."""
    async with engine.open(backoff=0.001, unreachable_after=1) as store:
        house = House(store)
        (contact,) = await house.confirmed(1)
        message = await house.started()
        begin = house.now
        await house.status(await accepted(house), "failed", **LATER)
        row = await house.row(message, contact)
        assert row is not None
        assert row["due_at"] - begin <= DAY // 1000 + 20
        house.now = row["due_at"]
        await house.status(await accepted(house), "failed", said_at=house.now, **COUNT)
        await house.started()
        assert await house.lease() == []


async def test_what_a_status_says_of_the_price_is_kept(house: House, store: Store) -> None:
    """Category and whether it is billed stand on the attempt; a later status without does not take
    them away."""
    await house.confirmed(1)
    message = await house.started()
    delivery = await accepted(house)
    await house.status(delivery, "sent", billable=True, category="marketing")
    await house.status(delivery, "read")
    about = await store.report("message", id=message.id)
    told = await store.outcome_report("message", number=about["number"])
    assert told["billed"] == [
        {"category": "marketing", "billable": True, "prefix": "+4915", "n": 1}
    ]
