"""Taking due deliveries, and giving them back."""

from __future__ import annotations

import trio

from gateway.message import Text
from gateway.store.protocol import Store
from tests.gateway.store.house import FORMS, HOUR, SECOND, House, phone


async def test_replies_overtake_bulk(house: House) -> None:
    """Best priority first, then due time."""
    contacts = await house.confirmed(4)
    await house.started()
    await house.started(to=contacts[3], kind="utility", topic=None, basis="order")
    await house.started(to=contacts[2], kind="service", topic=None, forms=FORMS)
    found = await house.lease(limit=2)
    assert [d.message.kind for d in found] == ["service", "utility"]
    assert [d.contact for d in await house.lease(limit=9)] == contacts[:2]


async def test_only_the_priorities_asked_for(house: House) -> None:
    """A priority that pauses stays where it is."""
    contacts = await house.confirmed(2)
    await house.started()
    reply = await house.started(to=contacts[0], kind="service", topic=None)
    assert await house.lease(priorities=(1,)) == []
    assert [d.message.id for d in await house.lease(priorities=(0, 1))] == [reply.id]
    assert len(await house.lease(priorities=(2,))) == 1


async def test_nothing_before_its_time(house: House, store: Store) -> None:
    """A row is leased from its due time on, and next_due names it."""
    await house.confirmed(1)
    assert await store.next_due("wa") is None
    await house.started()
    due = house.now + SECOND
    await house.give_back(await house.leased(), due_at=due, code="limit", reason="rate")
    assert await house.lease(at=due - 1) == []
    assert await store.next_due("wa") == due
    assert await store.next_due("wa", after=due - 1) == due
    assert await store.next_due("wa", after=due) is None
    assert await store.next_due("other") is None
    assert len(await house.lease(at=due)) == 1


async def test_one_contact_has_one_in_the_air(house: House) -> None:
    """Of several due rows of a contact the first goes; the next when that one landed; others of
    other contacts fill the lease."""
    await house.confirmed(2)
    first, second = await house.started(), await house.started()
    found = await house.lease(limit=4)
    assert [d.message.id for d in found] == [first.id, first.id]
    assert await house.lease(limit=4) == []
    await house.give_back(found[0], to="dropped", code="x")
    (next_one,) = await house.lease(limit=4)
    assert (next_one.contact, next_one.message.id) == (found[0].contact, second.id)


async def test_a_lease_is_filled_past_many_rows_of_one_contact(house: House) -> None:
    """Ten due rows of one contact do not hide the row of another."""
    await house.confirmed(1)
    for _ in range(10):
        await house.started()
    (other,) = await house.confirmed(1, "other", first=2)
    await house.started(topic="other")
    assert [d.contact for d in await house.lease(limit=2)][1] == other


async def test_held_and_retrying_rows_block_nobody(house: House) -> None:
    """What is held, unknown or due later lets the contact's next one pass."""
    await house.confirmed(1)
    messages = [await house.started() for _ in range(4)]
    await house.give_back(await house.leased(), to="held", code="x", reason="y")
    await house.give_back(await house.leased(), due_at=house.now + SECOND)
    await house.settle(await house.sending(), "unknown")
    assert (await house.leased()).message.id == messages[3].id


async def test_two_nodes_never_share_a_contact(house: House) -> None:
    """Nodes that lease at the same time get different contacts."""
    await house.confirmed(30)
    await house.started()
    await house.started()
    taken: dict[str, list[int]] = {"n1": [], "n2": []}

    async def work(node: str) -> None:
        while found := await house.lease(limit=3, node=node):
            taken[node] += [d.contact for d in found]

    async with trio.open_nursery() as nursery:
        nursery.start_soon(work, "n1")
        nursery.start_soon(work, "n2")
    both = taken["n1"] + taken["n2"]
    assert len(both) == len(set(both)) == 30


async def test_the_form_follows_the_window(house: House) -> None:
    """Text while the window is open for the margin, the template otherwise."""
    (contact,) = await house.confirmed(1)
    await house.started()
    assert (await house.lease())[0].content.form == "template"
    other = (await house.confirmed(1, "t2", first=2))[0]
    await house.says(2, "hello")
    until = house.now + 24 * HOUR
    for at, form in ((until - 11, "text"), (until - 10, "template"), (until, "template")):
        message = await house.started(to=other, topic="t2")
        delivery = next(d for d in await house.lease(at=at, margin=10) if d.contact == other)
        assert (delivery.message.id, delivery.content.form) == (message.id, form)
        assert delivery.permissions.window_until == until
        await house.give_back(delivery, to="dropped")
    assert contact != other


async def test_a_template_may_go_inside_a_window(house: House) -> None:
    """A message without free text is not lost because its window is open."""
    await house.confirmed(1)
    await house.says(1, "hello")
    await house.started(forms=(FORMS[0],))
    assert (await house.leased()).content.form == "template"


async def test_no_form_no_delivery(house: House) -> None:
    """Without a template nothing goes outside a window: dropped, with the reason."""
    (contact,) = await house.confirmed(1)
    message = await house.started(forms=(Text(body="x"),))
    assert await house.lease() == []
    row = await house.row(message, contact)
    assert row is not None
    assert (row["state"], row["code"]) == ("dropped", "no_form")


async def test_an_output_without_windows_gets_text(house: House) -> None:
    """Where windows mean nothing, text goes."""
    await house.confirmed(1)
    await house.started()
    assert (await house.lease(windows=False))[0].content.form == "text"


async def test_the_lease_brings_what_is_known(house: House) -> None:
    """Identities, attempt number, and the permissions as they stand."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.leased()
    assert delivery.identities == phone(1)
    assert (delivery.contact, delivery.sender, delivery.attempt) == (contact, "wa", 1)
    assert (delivery.priority, delivery.message.forms) == (2, message.forms)
    events = (await house.store.report("contact", id=contact))["events"]
    assert delivery.permissions.consent == events[-1]["number"]
    assert delivery.permissions.request is None


async def test_a_request_is_a_permission_until_it_was_asked(house: House) -> None:
    """An open request stands in the permissions, and no longer after the question went out."""
    contact = await house.tell(1, "requested")
    ask = {"to": contact, "kind": "confirmation"}
    await house.started(**ask)
    delivery = await house.leased()
    assert delivery.permissions.request is not None
    basis = delivery.replace(
        basis=delivery.basis
        and delivery.basis.replace(kind="request", event=delivery.permissions.request)
    )
    assert await house.begin(basis) is None
    await house.settle(basis)
    await house.tell(1, "requested")  # the form, sent once more
    await house.started(**ask)
    assert (await house.leased()).permissions.request is None


async def test_nothing_while_stopped(house: House, store: Store) -> None:
    """A stop of all or of the sender gives nothing; of another sender does not matter."""
    await house.confirmed(1)
    await house.started()
    await store.stop("sender:other", "x", at=house.at())
    for scope in ("all", "sender:wa"):
        await store.stop(scope, "why", at=house.at())
        assert await house.lease() == []
        assert await store.resume(scope, at=house.at())
        assert not await store.resume(scope, at=house.at())
    assert [stop.scope for stop in await store.stops()] == ["sender:other"]
    assert len(await house.lease()) == 1


async def test_a_decision_about_what_was_taken_away_is_void(house: House) -> None:
    """decide leaves alone what is not leased any more."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.sending()
    await house.give_back(delivery, to="dropped")
    assert await house.state(message, contact) == "sending"
