"""A sender in the place of another: whom it reaches, and what its steps look at."""

from __future__ import annotations

import pytest

from gateway.inbound import Person
from gateway.store.protocol import Store
from gateway.store.sqlite import replacing
from gateway.store.watching import Moved
from tests.gateway.store.house import House, consent, phone
from tests.gateway.store.test_identities import U1, U2, changed


async def step(store: Store, position: tuple[int, int], at: int) -> Moved:
    """Go one step from `wa` to `new`, of another portfolio."""
    return await store.replace_sender(
        "wa", "new", position, same_portfolio=False, at=at, limit=9, really=True
    )


async def test_a_number_that_was_given_up_reaches_nobody(house: House, store: Store) -> None:
    """The person has another one, and is shown by a user id alone, which means nothing elsewhere."""
    person = Person(identities=(*phone(1), U1), events=(consent("confirmed", house.at()),))
    await store.accept("crm", [], at=house.at(), people=[person])
    (other,) = await house.confirmed(1, first=2)
    await changed(house, "moved", (*phone(1), U1), (U2,))
    message = await house.started()
    gone = await store.find(U2)
    assert gone is not None
    assert await house.state(message, gone) == "queued"
    assert await store.audience_of(["news"]) == (1, 1)
    done = await step(store, (0, 0), house.at())
    assert (done.moved, done.dropped) == (1, 1)
    assert await house.state(message, gone) == "dropped"
    assert [d.contact for d in await house.lease(sender="new")] == [other]


async def test_a_step_looks_at_so_many_messages(
    house: House, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of those that are other senders': it is as short between a million of them."""
    monkeypatch.setattr(replacing, "MESSAGES", 3)
    await house.confirmed(1)
    for _ in range(7):
        await house.ready(sender="third")
    await house.started()
    position: tuple[int, int] | None = (0, 0)
    moved = steps = 0
    while position is not None:
        done = await step(store, position, house.at())
        position, moved, steps = done.position, moved + done.moved, steps + 1
    assert (moved, steps) == (1, 4)


async def test_a_copy_in_memory_is_let_go(house: House, store: Store) -> None:
    """What is leased at once afterwards names the new sender."""
    await house.confirmed(2)
    await house.started()
    assert (await house.leased()).message.sender == "wa"
    await step(store, (0, 0), house.at())
    assert {d.message.sender for d in await house.lease(sender="new")} == {"new"}
