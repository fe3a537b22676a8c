"""Outcomes and statuses: a lattice, whatever the order."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.protocol import Store
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import SECOND, House


@pytest.mark.parametrize(
    ("outcome", "fields", "state"),
    [
        ("accepted", {}, "accepted"),
        ("unknown", {}, "unknown"),
        ("failed", {}, "failed"),
        ("failed", {"hold": True}, "held"),
        ("failed", {"retry_at": 5}, "queued"),
    ],
)
async def test_outcomes(house: House, outcome: str, fields: dict[str, Any], state: str) -> None:
    """Each outcome leads to its state; the contact is free again; a repeat changes nothing."""
    (contact,) = await house.confirmed(1)
    message, after = await house.started(), await house.started()
    delivery = await house.sending()
    await house.settle(delivery, outcome, **fields)
    assert await house.state(message, contact) == state
    row = await house.row(message, contact)
    await house.settle(delivery, "accepted")
    await house.settle(delivery, "failed")
    assert await house.row(message, contact) == row
    if state == "queued":
        assert row is not None
        assert (row["due_at"], row["code"]) == (5, "131026")
        assert (await house.leased()).attempt == 2
    else:
        assert (await house.leased()).message.id == after.id


async def test_nothing_to_settle(house: House, store: Store) -> None:
    """An outcome of an attempt that nobody began is no error, and moves nothing."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    await house.settle(await house.leased())
    assert await house.state(message, contact) == "leased"


async def test_a_retry_can_succeed(house: House) -> None:
    """Failed, tried again, accepted: one delivery with two attempts, its trouble forgotten."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    await house.settle(await house.sending(), "failed", retry_at=house.now)
    await house.settle(await house.sending())
    row = await house.row(message, contact)
    assert row is not None
    assert (row["state"], row["tries"], row["code"]) == ("accepted", 2, "")


@pytest.mark.parametrize("leased", [False, True])
async def test_a_late_yes_of_an_attempt_that_was_given_up(house: House, leased: bool) -> None:
    """A status that proves the first attempt delivered ends the retry, also a leased one, and
    the contact is free for the next message."""
    (contact,) = await house.confirmed(1)
    message, after = await house.started(), await house.started()
    first = await house.sending()
    await house.settle(first, "failed", retry_at=1)
    again = await house.leased() if leased else None
    await house.status(first, "delivered")
    if again is not None:
        refusal = await house.begin(again)
        assert refusal is not None
        assert refusal.final
    assert await house.state(message, contact) == "delivered"
    assert (await house.leased()).message.id == after.id


@pytest.mark.parametrize("fields", [{"retry_at": 1}, {"hold": True}])
async def test_who_withdrew_in_the_air_is_not_tried_again(
    house: House, fields: dict[str, Any]
) -> None:
    """STOP while sending: the attempt ends, and nothing of that delivery waits or goes after."""
    (contact,) = await house.confirmed(1)
    message = await house.started(kind="utility", to=contact, topic=None)
    delivery = await house.leased()
    basis = delivery.basis and delivery.basis.replace(kind="declared", text="order", event=None)
    delivery = delivery.replace(basis=basis)
    assert await house.begin(delivery) is None
    taken = await house.says(1, "stop", stop=True)
    assert (taken.withdrawn, taken.sending, taken.dropped) == ((contact,), (contact,), 0)
    await house.settle(delivery, "failed", **fields)
    row = await house.row(message, contact)
    assert row is not None
    assert (row["state"], row["code"]) == ("dropped", "withdrawn")


async def test_what_was_cancelled_in_the_air_is_not_held(house: House, store: Store) -> None:
    """Nothing of a cancelled message waits for a person."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.sending()
    await store.set_message(message.id, "cancel", at=house.at())
    await house.sweep()
    await house.settle(delivery, "failed", hold=True)
    assert await house.state(message, contact) == "dropped"


async def test_recover(house: House, store: Store) -> None:
    """After a crash: leased goes back to the queue, sending is unknown, statuses still count."""
    contacts = await house.confirmed(3)
    message = await house.started()
    leased, sending, told = await house.leased(), await house.sending(), await house.sending()
    await house.status(told, "sent")
    found = await store.recover(at=house.at())
    assert (found.requeued, found.unknown) == (1, 2)
    states = {d.contact: await house.state(message, d.contact) for d in (leased, sending, told)}
    assert list(states.values()) == ["queued", "unknown", "sent"]
    assert set(states) == set(contacts)
    await house.status(sending, "failed", code="1")
    assert await house.state(message, sending.contact) == "failed"
    assert await house.begin(leased) is not None
    again = await store.recover(at=house.at())
    assert (again.requeued, again.unknown) == (0, 0)


async def run_story(house: House, story: tuple[str, ...], outcome: str) -> dict[str, Any]:
    """Send one message, let things happen in the order of the story, and tell what is kept."""
    contact = (await house.confirmed(1))[0]
    message = await house.started()
    delivery = await house.sending()
    for word in story:
        if word == "settle":
            await house.settle(delivery, outcome)
        else:
            await house.status(delivery, word, code="131049" if word == "failed" else "")  # type: ignore[arg-type]
    about = await house.store.report("message", id=message.id)
    told = await house.store.report("trace", number=about["number"], contact_id=contact)
    (attempt,) = told["attempts"]
    names = [line["name"] for line in told["journal"]]
    assert attempt["provider_id"] in (f"w{delivery.id}", None)
    kept = ("state", "sent_at", "delivered_at", "read_at")
    return {
        "delivery": (told["delivery"]["state"], told["delivery"]["code"]),
        "attempt": tuple(attempt[key] for key in kept),
        "accepted": names.count("delivery.accepted"),
        "depths": about["counts"],
    }


STATUSES = ("sent", "delivered", "read", "failed")
KNOWN: dict[tuple[frozenset[str], str], dict[str, Any]] = {}


def expected(words: frozenset[str], outcome: str) -> str:
    """The lattice, written down once more."""
    for name in ("read", "delivered"):
        if name in words:
            return name
    if "failed" in words or outcome == "failed":
        return "failed"
    return "sent" if "sent" in words else outcome


@st.composite
def stories(draw: st.DrawFn) -> tuple[str, ...]:
    """Some statuses, some of them again, and the settle, in any order."""
    words = draw(st.lists(st.sampled_from(STATUSES), max_size=7))
    return tuple(draw(st.permutations([*words, "settle"])))


@given(story=stories(), outcome=st.sampled_from(["accepted", "failed", "unknown"]))
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_order_ends_the_same(
    engine: Sqlite, story: tuple[str, ...], outcome: str
) -> None:
    """Statuses in any order and number, with the settle anywhere, end in one state."""
    words = frozenset(story) - {"settle"}
    async with engine.open() as store:
        end = await run_story(House(store), story, outcome)
    assert end["delivery"][0] == expected(words, outcome)
    assert KNOWN.setdefault((words, outcome), end) == end


async def test_every_order_of_all_statuses(house: House) -> None:
    """All orders of sent, delivered, read and the settle, without chance."""
    ends = [
        await run_story(house, story, "accepted")
        for story in itertools.permutations(("sent", "delivered", "read", "settle"))
    ]
    assert all(end == ends[0] for end in ends)
    assert ends[0]["accepted"] == 1


async def test_the_code_of_a_failure_stays(engine: Sqlite, house: House) -> None:
    """A failure that a status tells is named on the delivery, before and after the settle."""
    for story in (("failed", "settle"), ("settle", "failed")):
        end = await run_story(house, story, "accepted")
        assert end["delivery"] == ("failed", "131049")


async def test_times_are_the_providers(house: House, store: Store) -> None:
    """What a status says about when is kept."""
    end = await run_story(house, ("settle", "sent"), "accepted")
    assert end["attempt"][1] == 1_800_000_000_000_000 + SECOND
