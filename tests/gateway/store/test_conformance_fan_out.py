"""From one message to its deliveries."""

from __future__ import annotations

from gateway.store.protocol import Store
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, SECOND, House


def due_times(engine: Sqlite) -> list[int]:
    return [int(str(at)) for (at,) in engine.sql("SELECT due_at FROM deliveries ORDER BY due_at")]


async def test_only_who_agreed_before(house: House) -> None:
    """Consents confirmed before the message was accepted, and of its topic; nobody else."""
    await house.confirmed(3)
    await house.confirmed(2, "other", first=10)
    await house.tell(20, "requested")
    await house.tell(21, "withdrawn")
    message = await house.ready()
    later = (await house.confirmed(1, first=30))[0]
    assert await house.fan_out(message) == 3
    assert await house.state(message, later) is None
    shown = await house.store.report("message", id=message.id)
    assert (shown["state"], shown["reached"], shown["counts"]) == ("started", 3, {"queued": 3})


async def test_agreeing_again_loses_nothing(house: House) -> None:
    """Who had agreed and agrees again after the message is reached by it."""
    await house.confirmed(1)
    message = await house.ready()
    await house.tell(1, "confirmed")
    await house.tell(1, "requested")
    assert await house.fan_out(message) == 1
    assert await house.begin(await house.leased()) is None


async def test_chunks_have_a_bound_and_add_up(house: House, store: Store) -> None:
    """A chunk looks at no more than its limit, and all chunks together reach everybody once."""
    contacts = await house.confirmed(25)
    await house.tell(3, "withdrawn")
    message = await house.ready()
    chunks = []
    while not (chunk := await store.fan_out(message.id, at=house.at(), limit=10)).done:
        chunks.append(chunk.added)
    assert sum(chunks) == 24
    assert max(chunks) <= 10
    states = [await house.state(message, contact) for contact in contacts]
    assert states.count("queued") == 24
    assert states[2] is None
    assert await store.to_fan_out(limit=10) == []


async def test_a_fan_out_goes_on_after_a_restart(engine: Sqlite) -> None:
    """Stopped after any chunk, it goes on where it was and delivers to nobody twice."""
    async with engine.open() as store:
        house = House(store)
        await house.confirmed(7)
        message = await house.ready(spread=60.0)
    added, done = 0, False
    while not done:
        async with engine.open() as store:
            assert await store.to_fan_out(limit=1) == [message.id]
            chunk = await store.fan_out(message.id, at=house.at(), limit=3)
            added, done = added + chunk.added, chunk.done
    assert added == 7
    async with engine.open() as store:
        assert await store.fan_out(message.id, at=house.at(), limit=3) == type(chunk)(0, True)


async def test_many_small_fan_outs_at_once(house: House) -> None:
    """Messages fanned out within one millisecond do not get in each other's way."""
    await house.confirmed(20)
    messages = [await house.ready() for _ in range(20)]
    assert [await house.fan_out(message) for message in messages] == [20] * 20


async def test_a_message_for_one_contact(house: House) -> None:
    """It goes to that contact alone, without a topic and whatever the topic's audience is."""
    contacts = await house.confirmed(3)
    message = await house.ready(to=contacts[1], kind="service", topic=None)
    assert await house.fan_out(message) == 1
    assert await house.state(message, contacts[1]) == "queued"


async def test_spread(engine: Sqlite, house: House) -> None:
    """Due times lie within the spread after the start, all over it, the same on every try."""
    await house.confirmed(400)
    start = house.now
    message = await house.ready(spread=3600.0)
    await house.fan_out(message, limit=50)
    due = due_times(engine)
    assert start <= due[0]
    assert due[-1] < house.now + HOUR
    for quarter in range(4):
        low, high = start + quarter * HOUR // 4, start + (quarter + 1) * HOUR // 4
        assert 50 < sum(low <= at < high for at in due) < 150
    before = engine.sql("SELECT contact_id, due_at FROM deliveries ORDER BY 1")
    began = engine.sql("SELECT started_at FROM messages")[0][0]
    engine.sql("DELETE FROM deliveries")
    engine.sql("DELETE FROM depths")
    engine.sql("UPDATE messages SET state = 'ready', fan_after = 0")
    house.now += 5 * SECOND
    await house.fan_out(message, limit=400)
    assert engine.sql("SELECT started_at FROM messages")[0][0] == began
    assert engine.sql("SELECT contact_id, due_at FROM deliveries ORDER BY 1") == before


async def test_the_order_of_a_spread_differs_by_message(engine: Sqlite, house: House) -> None:
    """Nobody is always last."""
    await house.confirmed(50)
    orders = []
    for _ in range(6):
        message = await house.started(spread=3600.0)
        orders.append(
            engine.sql(
                f"SELECT contact_id FROM deliveries WHERE message_id = {message.id} ORDER BY due_at"
            )
        )
    assert any(order != orders[0] for order in orders)


async def test_no_spread_is_due_at_once(engine: Sqlite, house: House) -> None:
    """Without a spread all are due at the start."""
    await house.confirmed(5)
    await house.started()
    assert len(set(due_times(engine))) == 1
    assert len(await house.lease(limit=10)) == 5


async def test_a_longest_spread_overflows_nothing(engine: Sqlite, house: House) -> None:
    """A year of spread is cut to what can be computed, not turned into a time in the past."""
    await house.confirmed(50)
    start = house.now
    await house.started(spread=366 * 86400.0)
    due = due_times(engine)
    assert start <= due[0]
    assert due[-1] < start + 25 * 24 * HOUR


async def test_a_consent_lost_after_the_fan_out_ends_at_begin(house: House) -> None:
    """Consent lost: dropped, at the latest when it would begin."""
    await house.confirmed(1)
    await house.started()
    delivery = await house.leased()
    await house.tell(1, "refused")
    refusal = await house.begin(delivery)
    assert refusal is not None
    assert (refusal.code, refusal.final) == ("no_consent", True)
