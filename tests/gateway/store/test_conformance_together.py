"""Who asks at the same time gets the answers of one who asks alone."""

from __future__ import annotations

import hashlib
from typing import Any

import trio

from gateway.message import Basis, Delivery
from gateway.store.protocol import Intent, Refusal, Settlement, Store
from tests.gateway.store.house import BODY, House

Settled = tuple[Delivery, dict[str, Any]]


def intent(house: House, delivery: Delivery) -> Intent:
    content = hashlib.sha256(BODY).digest()
    return Intent(delivery=delivery, at=house.at(), content=content, body=BODY)


async def leased(house: House, count: int, **fields: Any) -> list[Delivery]:
    return [
        one.replace(basis=Basis(kind="consent", event=one.permissions.consent))
        for one in await house.lease(limit=count, **fields)
    ]


def codes(refusals: list[Refusal | None]) -> list[str | None]:
    return [refusal.code if refusal else None for refusal in refusals]


async def test_a_lease_takes_one_of_each_contact(house: House) -> None:
    """Of two messages for the same people the first goes, the second waits for it."""
    contacts = await house.confirmed(3)
    first, second = await house.started(), await house.started()
    taken = await house.lease(limit=10)
    assert [one.message.id for one in taken] == [first.id] * 3
    assert sorted(one.contact for one in taken) == sorted(contacts)
    assert [await house.state(second, contact) for contact in contacts] == ["queued"] * 3


async def test_each_intent_has_its_own_answer(house: House, store: Store) -> None:
    """What is wrong with one of them stops no other; one that comes twice begins once."""
    contacts = await house.confirmed(5)
    message = await house.started()
    good, baseless, gone, late, fine = await leased(house, 5)
    await house.tell(1 + contacts.index(gone.contact), "withdrawn")
    asked = [
        good, baseless.replace(basis=None), gone, late.replace(attempt=2), fine, good,
    ]  # fmt: skip
    answers = await store.begin([intent(house, one) for one in asked], "n1")
    assert codes(answers) == [None, "no_basis", "withdrawn", "withdrawn", None, "withdrawn"]
    states = [await house.state(message, one.contact) for one in asked[:5]]
    assert states == ["sending", "dropped", "dropped", "leased", "sending"]


async def test_an_old_copy_does_not_stop_the_new_one(house: House, store: Store) -> None:
    """Leased, given to another sender, leased again: both copies are begun in one moment."""
    (contact,) = await house.confirmed(1)
    message = await house.started(sender="wa")
    (old,) = await leased(house, 1, sender="wa")
    position: tuple[int, int] | None = (0, 0)
    while position is not None:
        moved = await store.replace_sender(
            "wa", "wb", position, same_portfolio=True, at=house.at(), limit=100, really=True
        )
        position = moved.position
    (new,) = await leased(house, 1, sender="wb")
    assert new.id == old.id
    answers = await store.begin([intent(house, old), intent(house, new)], "n1")
    assert codes(answers) == ["withdrawn", None]
    assert await house.state(message, contact) == "sending"


async def test_two_callers_of_one_delivery(house: House, store: Store) -> None:
    """However close to each other: one of them begins it."""
    await house.confirmed(3)
    await house.started()
    first, *others = await leased(house, 3)
    answers: list[Refusal | None] = []

    async def begin(delivery: Delivery) -> None:
        answers.extend(await store.begin([intent(house, delivery)], "n1"))

    async with trio.open_nursery() as nursery:
        for delivery in (first, *others, first):
            nursery.start_soon(begin, delivery)
    assert sorted(codes(answers), key=str) == [None, None, None, "withdrawn"]


async def test_one_question_of_many(house: House, store: Store) -> None:
    """Two questions to one person, by two senders: the second one sees the first."""
    contact = await house.tell(1, "requested")
    asked: list[Delivery] = []
    for sender in ("wa", "wb"):
        await house.started(to=contact, kind="confirmation", sender=sender)
        (question,) = await house.lease(sender=sender)
        basis = Basis(kind="request", event=question.permissions.request)
        asked.append(question.replace(basis=basis))
    answers = await store.begin([intent(house, one) for one in asked], "n1")
    assert codes(answers) == [None, "no_request"]


async def outcomes(house: House) -> list[tuple[Settled, str]]:
    """Deliveries in the air, what becomes of each, and the state in which it is then."""
    await house.confirmed(8)
    await house.started()
    taken = await leased(house, 8)
    assert not any(await house.store.begin([intent(house, one) for one in taken], "n1"))
    usual, known, failed, lost, nameless, again, told, dropped = taken
    await house.status(known, "delivered")
    await house.settle(again, "failed", retry_at=house.now)
    (again,) = await leased(house, 1)
    assert await house.begin(again) is None
    await house.settle(told)
    await house.status(told, "read")
    return [
        ((usual, {"provider_id": "w1"}), "accepted"),
        ((known, {"provider_id": f"w{known.id}"}), "delivered"),
        ((failed, {"outcome": "failed", "code": "131026"}), "failed"),
        ((lost, {"outcome": "unknown", "code": "reset"}), "unknown"),
        ((nameless, {"provider_id": None, "code": "no_id", "outcome": "unknown"}), "unknown"),
        ((again, {"provider_id": "w6"}), "accepted"),
        ((told, {"provider_id": f"w{told.id}"}), "read"),
        (
            (dropped, {"provider_id": "w8", "first_byte": 7, "notes": "held_for_quality"}),
            "accepted",
        ),
        ((usual, {"outcome": "failed", "code": "131026"}), "accepted"),
    ]


def settlement(house: House, delivery: Delivery, fields: dict[str, Any]) -> Settlement:
    values = {"outcome": "accepted", "at": house.at(), **fields}
    return Settlement(delivery=delivery.id, n=delivery.attempt, **values)


async def test_many_outcomes_at_once(house: House, store: Store) -> None:
    """The usual ones are recorded together; each other one, and what came before, counts too."""
    found = await outcomes(house)
    await store.settle([settlement(house, *settled) for settled, _ in found])
    message = found[0][0][0].message
    states = [await house.state(message, delivery.contact) for (delivery, _), _ in found]
    assert states == [state for _, state in found]


async def test_the_first_outcome_counts(house: House, store: Store) -> None:
    """An attempt has one recorded outcome, however usual the second one is."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.sending()
    failed = settlement(house, delivery, {"outcome": "failed", "code": "131026"})
    await store.settle([failed, settlement(house, delivery, {"provider_id": "w1"})])
    assert await house.state(message, contact) == "failed"


async def test_many_outcomes_by_many(house: House, store: Store) -> None:
    """The same if each of them is told by somebody else."""
    found = await outcomes(house)
    async with trio.open_nursery() as nursery:
        for settled, _ in found[:8]:
            nursery.start_soon(store.settle, [settlement(house, *settled)])
    message = found[0][0][0].message
    states = [await house.state(message, delivery.contact) for (delivery, _), _ in found]
    assert states == [state for _, state in found]
    rows = [await house.row(message, found[n][0][0].contact) for n in (0, 7)]
    assert all(row is not None and row["code"] == "" for row in rows)
