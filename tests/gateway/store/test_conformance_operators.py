"""What people do to messages, the sweeps that follow, depths, observers and sleepers."""

from __future__ import annotations

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.errors import StoreError
from gateway.store.protocol import Screened, Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import CHAIN, SECOND, House


async def set_message(house: House, id: int, action: str) -> str | None:
    return await house.store.set_message(id, action, at=house.at())  # type: ignore[arg-type]


async def test_cancel(house: House) -> None:
    """Everything open ends; what was sent stays; it stays cancelled."""
    contacts = await house.confirmed(5)
    message = await house.started()
    await house.settle(await house.sending())
    await house.give_back(await house.leased(), to="held", code="x")
    leased = await house.leased()
    assert await set_message(house, message.id, "cancel") is None
    await house.sweep(limit=2)
    refusal = await house.begin(leased)
    assert refusal is not None
    states = [await house.state(message, contact) for contact in contacts]
    assert states == ["accepted", "dropped", "dropped", "dropped", "dropped"]
    for action in ("cancel", "pause", "resume", "approve"):
        assert "cancelled" in str(await set_message(house, message.id, action))


async def test_cancel_in_the_middle_of_the_fan_out(house: House, store: Store) -> None:
    """No further delivery is made, and those that were end."""
    await house.confirmed(6)
    message = await house.ready()
    await store.fan_out(message.id, at=house.at(), limit=2)
    await set_message(house, message.id, "cancel")
    assert await house.fan_out(message) == 0
    await house.sweep()
    assert (await store.report("message", id=message.id))["counts"] == {"dropped": 2}


async def test_pause_and_resume(house: House) -> None:
    """Paused nothing goes; resumed everything goes, also what begin paused."""
    contacts = await house.confirmed(4)
    message = await house.started()
    leased = await house.leased()
    assert await set_message(house, message.id, "pause") is None
    assert "already" in str(await set_message(house, message.id, "pause"))
    await house.sweep(limit=3)
    assert await house.lease() == []
    refusal = await house.begin(leased)
    assert refusal is not None
    assert {await house.state(message, c) for c in contacts} == {"paused"}
    assert await set_message(house, message.id, "resume") is None
    assert "not paused" in str(await set_message(house, message.id, "resume"))
    await house.sweep(limit=3)
    assert len(await house.lease()) == 4


async def test_pause_in_the_middle_of_the_fan_out(house: House, store: Store) -> None:
    """Paused between two chunks and resumed, everybody is reached in the end."""
    await house.confirmed(6)
    message = await house.ready()
    await store.fan_out(message.id, at=house.at(), limit=3)
    leased = await house.leased()
    await set_message(house, message.id, "pause")
    assert await store.to_fan_out(limit=9) == []
    assert await house.fan_out(message) == 0
    assert await house.begin(leased) is not None
    await house.sweep()
    await set_message(house, message.id, "resume")
    await house.sweep()
    assert await house.fan_out(message) == 3
    assert len(await house.lease()) == 6


async def test_pause_before_the_start(house: House, store: Store) -> None:
    """A message paused before its fan-out starts when it is resumed."""
    await house.confirmed(1)
    message = await house.ready()
    await set_message(house, message.id, "pause")
    assert await store.to_fan_out(limit=9) == []
    await set_message(house, message.id, "resume")
    assert await store.to_fan_out(limit=9) == [message.id]


async def test_expiry_sweeps(house: House, store: Store) -> None:
    """When its time is over, what is queued, held or paused of a message ends."""
    contacts = await house.confirmed(3)
    end = house.now + SECOND
    message = await house.started(expires_at=moment(end))
    await house.give_back(await house.leased(), to="held", code="x")
    assert await store.to_sweep(at=end - 1, limit=9) == []
    house.now = end
    await house.sweep(limit=2)
    for contact in contacts:
        row = await house.row(message, contact)
        assert row is not None
        assert (row["state"], row["code"]) == ("dropped", "expired")
    assert await store.to_sweep(at=house.at(), limit=9) == []


async def test_approve_deliveries(house: House) -> None:
    """Held deliveries go again when a person lets them."""
    contacts = await house.confirmed(2)
    message = await house.started()
    assert "not held" in str(await set_message(house, message.id, "approve"))
    await house.give_back(await house.leased(), to="held", code="x", reason="look")
    waiting = await house.store.report("waiting")
    assert [(g["state"], g["code"], g["n"]) for g in waiting["groups"]] == [("held", "x", 1)]
    assert await set_message(house, message.id, "approve") is None
    await house.sweep()
    assert {await house.state(message, c) for c in contacts} == {"queued"}


async def test_what_paused_a_message_holds_its_deliveries_until_it_goes_on(
    house: House, store: Store
) -> None:
    """One refusal paused the message and holds the deliveries that met it: mended once, all of
    them go on; what is held for another reason is not."""
    people = await house.confirmed(3)
    message = await house.started()
    for code in ("parameter", "other"):
        await house.settle(
            await house.sending(), "failed", code=code, action="hold", hold=True, provider_id=None
        )
    assert await store.pause_message(message.id, "parameter", "why", at=house.at())
    await house.sweep()
    states = [await house.state(message, person) for person in people]
    assert sorted(map(str, states)) == ["held", "held", "paused"]
    assert await set_message(house, message.id, "resume") is None
    await house.sweep()
    rows = [await house.row(message, person) for person in people]
    assert sorted(row["state"] for row in rows if row) == ["held", "queued", "queued"]
    assert [row["code"] for row in rows if row and row["state"] == "held"] == ["other"]
    await set_message(house, message.id, "pause")
    await set_message(house, message.id, "resume")
    await house.sweep()
    states = [await house.state(message, person) for person in people]
    assert sorted(map(str, states)) == ["held", "queued", "queued"]


async def test_what_cannot_be_done_is_a_sentence(house: House, store: Store) -> None:
    """Unknown, dropped and not held messages say so."""
    assert "no such" in str(await set_message(house, 1, "pause"))
    message = await house.accepted()
    assert "not held" in str(await set_message(house, message.id, "approve"))
    dropped = Screened(message=message, state="dropped", chain=CHAIN, code="x")
    await store.screened([dropped], at=house.at())
    for action in ("pause", "approve", "cancel"):
        assert "dropped" in str(await set_message(house, message.id, action))


async def test_depths(house: House, store: Store) -> None:
    """By sender, priority and state, without the empty ones."""
    contacts = await house.confirmed(3)
    await house.started()
    await house.started(to=contacts[0], kind="service", sender="other")
    await house.settle(await house.sending())
    await house.sending()
    assert await store.depths() == {
        ("wa", 2, "accepted"): 1,
        ("wa", 2, "sending"): 1,
        ("wa", 2, "queued"): 1,
        ("other", 0, "queued"): 1,
    }


async def test_observers_have_their_positions(house: House, store: Store) -> None:
    """Each reads on where it was; its answers are accepted with its position, once."""
    await house.accepted()
    await house.accepted()
    first, second = await store.events_after("a", limit=9)
    assert (first.name, first.id < second.id) == ("message.accepted", True)
    answer = house.new("answer")
    await store.noticed("a", first.id, [answer], at=house.at(), dead=[(first.id, "broken")])
    assert (await store.report("message", id=answer.id))["input"] == "a"
    assert [e.id for e in await store.events_after("a", limit=1)] == [second.id]
    assert len(await store.events_after("b", limit=9)) == 3
    end = await store.journal_end()
    await store.noticed("a", end, [house.new("answer")], at=house.at())
    await store.noticed("a", first.id, [], at=house.at(), dead=[(first.id, "again")])
    assert await store.events_after("a", limit=9) == []
    assert await store.journal_end() == end


async def test_changes_wake_sleepers(house: House, store: Store) -> None:
    """Whoever waits for a change is woken by a commit, and nothing that happened is missed."""
    seen = store.changes()
    woken = []

    async def sleep() -> None:
        await store.changed(seen)
        woken.append(True)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleep)
        nursery.start_soon(sleep)
        await wait_all_tasks_blocked()
        assert not woken
        await house.accepted()
    assert len(woken) == 2
    assert store.changes() > seen
    await store.changed(seen)


async def test_sleepers_name_what_they_wait_for(house: House, store: Store) -> None:
    """Verbs wake those who wait for messages, or for deliveries, and leave the others asleep."""
    messages, deliveries = store.changes("messages"), store.changes("deliveries")
    await house.confirmed(1)
    message = await house.ready()
    assert store.changes("messages") > messages
    assert store.changes("deliveries") == deliveries
    await house.fan_out(message)
    assert store.changes("deliveries") > deliveries
    messages, deliveries = store.changes("messages"), store.changes("deliveries")
    await house.settle(await house.sending())
    assert store.changes("messages") == messages
    with trio.fail_after(5):
        await store.changed(deliveries, "deliveries")


async def test_sleepers_name_events(house: House, store: Store) -> None:
    """Who waits for events of some names is woken by those alone, once they are on disk."""
    names = ("stop", "resume")
    seen, others = store.changes(*names), store.changes("inbound")
    await house.accepted()
    assert store.changes(*names) == seen
    with trio.move_on_after(0.01) as waited:
        await store.changed(seen, *names)
    assert waited.cancelled_caught
    woken: list[int] = []

    async def sleep() -> None:
        await store.changed(seen, *names)
        woken.append(len(await store.events_after("x", limit=9, names=names)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(sleep)
        await wait_all_tasks_blocked()
        await store.stop("all", "x", at=house.at())
    assert woken == [1]
    assert await store.resume("all", at=house.at())
    assert store.changes(*names) == seen + 2
    assert store.changes("inbound") == others


async def test_events_of_some_names(house: House, store: Store) -> None:
    """Up to a place, in order, at most so many; the position is that of all events."""
    for _ in range(3):
        await house.accepted()
        await store.stop("all", "x", at=house.at())
        await store.resume("all", at=house.at())
    every = await store.events_after("a", limit=99)
    stops = [event for event in every if event.name == "stop"]
    both = [event for event in every if event.name in ("stop", "resume")]
    assert (len(stops), len(both)) == (3, 6)
    assert await store.events_after("a", limit=99, names={"stop"}) == stops
    assert await store.events_after("a", limit=2, names={"stop"}) == stops[:2]
    assert await store.events_after("a", limit=99, names={"resume", "stop"}) == both
    assert await store.events_after("a", limit=99, names={"nothing"}) == []
    until = stops[1].id
    assert await store.events_after("a", limit=99, names={"stop"}, until=until) == stops[:2]
    assert (await store.events_after("a", limit=99, until=until))[-1].id == until
    await store.noticed("a", until, [], at=house.at())
    assert await store.events_after("a", limit=99, names={"stop"}) == stops[2:]


async def test_looking_is_no_change(house: House, store: Store) -> None:
    """An empty lease and verbs that did nothing wake nobody: an idle daemon sleeps."""
    await house.accepted()
    seen = store.changes()
    assert await house.lease() == []
    await store.decide([], at=house.at())
    await store.to_sweep(at=house.at(), limit=9)
    assert not await store.resume("all", at=house.at())
    assert store.changes() == seen


async def test_a_closed_store_says_so(engine: Sqlite) -> None:
    """A verb after the end is an error, not a wait without end."""
    async with engine.open() as store:
        await store.put_state("x", {"k": b"v"})
    with pytest.raises(StoreError, match="closed"):
        await store.put_state("x", {"k": b"w"})
