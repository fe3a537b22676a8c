"""A failure that is the person's own stop at the provider withdraws, as a STOP does."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.inbound import Intake, Status
from gateway.message import Delivery, Identity
from gateway.store.protocol import Store, Taken, moment
from tests.gateway.store.house import House, phone

USER = Identity("user_id", "DE.77")


async def stopped(
    house: House, delivery: Delivery | None, at: int | None = None, **fields: Any
) -> Taken:
    """Tell of a failure by which the person stopped marketing."""
    now = house.at()
    status = Status(
        provider_id=f"w{delivery.id}" if delivery else "foreign",
        status="failed",
        at=moment(at or now),
        callback=delivery.callback if delivery else None,
        code="marketing_stopped",
        detail="131050",
        action="withdraw",
        **fields,
    )
    return await house.store.intake(Intake(sender="wa", statuses=(status,)), {}, at=now)


async def test_the_contact_of_the_attempt_withdraws(house: House, store: Store) -> None:
    """Consent revoked, open rows dropped, the reason on record; nobody else is concerned."""
    mine, other = await house.confirmed(2)
    message = await house.started()
    deliveries = [await house.sending() for _ in range(2)]
    for delivery in deliveries:
        await house.settle(delivery)
    (delivery,) = (each for each in deliveries if each.contact == mine)
    later = await house.started()
    taken = await stopped(house, delivery)
    assert (taken.withdrawn, taken.dropped, taken.unmatched) == ((mine,), 1, 0)
    assert await house.state(message, mine) == "failed"
    assert await house.state(later, mine) == "dropped"
    assert await house.state(later, other) == "queued"
    assert await house.consent_of(mine) == await house.consent_of(mine, "*") == "withdrawn"
    assert await house.consent_of(other) == "confirmed"
    event = (await store.report("contact", id=mine))["events"][-1]
    assert (event["name"], event["source"]) == ("withdrawn", "stopped at the provider of wa")
    assert event["evidence"]["code"] == "marketing_stopped"
    assert event["evidence"]["detail"] == "131050"


async def test_it_comes_before_our_own_settle(house: House, store: Store) -> None:
    """The answer waits for what is in the air; the failed delivery is not tried again."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.sending()
    taken = await stopped(house, delivery)
    assert (taken.withdrawn, taken.sending) == ((contact,), (contact,))
    await house.settle(delivery, "failed", retry_at=house.now)
    assert await house.state(message, contact) == "failed"
    assert await store.sending([contact]) == []


async def test_the_api_says_so_at_once(house: House) -> None:
    """The same refusal as the answer to our own request has the same effect."""
    contact = await house.tell(1, "confirmed")
    message, later = await house.started(), await house.started()
    await house.settle(await house.sending(), "failed", code="marketing_stopped", action="withdraw")
    assert await house.state(message, contact) == "failed"
    assert await house.state(later, contact) == "dropped"
    assert await house.consent_of(contact) == "withdrawn"


async def test_repeated_it_changes_nothing(house: House, store: Store) -> None:
    """Meta repeats webhooks: the copy adds no event, and lifts no later sign-up."""
    contact = await house.tell(1, "confirmed")
    await house.started()
    delivery = await house.sending()
    await house.settle(delivery)
    await stopped(house, delivery)
    before = (await store.report("contact", id=contact))["events"]
    said_at = before[-1]["at"]
    await stopped(house, delivery, said_at)
    assert (await store.report("contact", id=contact))["events"] == before
    house.later()
    await house.tell(1, "confirmed")
    copy = await stopped(house, delivery, said_at)
    assert copy.withdrawn == ()
    assert await house.consent_of(contact) == "confirmed"


@pytest.mark.parametrize("known", [True, False])
async def test_a_message_of_another_program(house: House, store: Store, known: bool) -> None:
    """Of a status for none of our attempts the recipient counts; a stranger's stop is kept."""
    if known:
        await house.tell(1, "confirmed")
    taken = await stopped(house, None, identities=(*phone(1), USER))
    contact = await house.contact(1)
    assert (taken.withdrawn, taken.unmatched) == ((contact,), 1)
    assert await house.consent_of(contact, "*") == "withdrawn"
    await house.tell(1, "imported")
    assert await house.consent_of(contact) == ("withdrawn" if known else None)


async def test_it_names_nobody(house: House) -> None:
    """Nothing to withdraw for, and no error."""
    assert (await stopped(house, None)).withdrawn == ()
