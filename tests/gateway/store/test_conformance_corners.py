"""Corners where two things meet: what was found by attacking the store from outside."""

from __future__ import annotations

import pytest

from gateway.inbound import ConsentEvent, Person
from gateway.message import Identity
from gateway.store.protocol import Store, moment
from tests.gateway.store.house import House, phone

USER = Identity("user_id", "DE.77")


async def test_a_repeated_stop_still_waits_for_what_is_in_the_air(house: House) -> None:
    """The copy of a STOP reports the contact as sending until its delivery has ended."""
    (contact,) = await house.confirmed(1)
    await house.started()
    delivery = await house.sending()
    assert (await house.says(1, "stop", key="x", stop=True)).sending == (contact,)
    copy = await house.says(1, "stop", key="x", stop=True)
    assert (copy.withdrawn, copy.sending) == ((), (contact,))
    await house.settle(delivery)
    assert (await house.says(1, "stop", key="x", stop=True)).sending == ()


async def test_two_contacts_that_are_one_person_share_a_withdrawal(house: House) -> None:
    """STOP by user id, later a message that shows the phone too: the phone gets nothing more."""
    (contact,) = await house.confirmed(1)
    await house.says((USER,), "stop", stop=True)
    assert await house.consent_of(contact) == "confirmed"
    await house.says((*phone(1), USER), "hello again")
    assert await house.consent_of(contact) == "withdrawn"


async def test_an_import_that_links_two_contacts_lifts_nothing(house: House, store: Store) -> None:
    """A row with a known phone and the user id of somebody who withdrew gives no consent."""
    await house.says((USER,), "stop", stop=True)
    (contact,) = await house.confirmed(1)
    proof = ConsentEvent(name="imported", at=moment(house.at()), topic="news", source="file")
    person = Person(identities=(*phone(1), USER), events=(proof,))
    await store.accept("import", [], at=house.at(), people=[person])
    assert await house.consent_of(contact) == "withdrawn"


@pytest.mark.parametrize("to", ["queued", "held", "paused"])
async def test_what_is_put_off_after_a_cancel_is_dropped(
    house: House, store: Store, to: str
) -> None:
    """A delivery that was leased when its message was cancelled waits for nobody."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.leased()
    assert await store.set_message(message.id, "cancel", at=house.at()) is None
    await house.give_back(delivery, to=to, code="x")
    assert await house.state(message, contact) == "dropped"


async def test_commands_do_not_run_into_each_other(house: House, store: Store) -> None:
    """Approving while a resume is still at work is refused, and nothing stays paused."""
    await house.confirmed(5)
    message = await house.started()
    await house.give_back(await house.leased(), to="held", code="x")
    await store.set_message(message.id, "pause", at=house.at())
    await house.sweep()
    await store.set_message(message.id, "resume", at=house.at())
    refusal = await store.set_message(message.id, "approve", at=house.at())
    assert refusal is not None
    assert "moment" in refusal
    await house.sweep()
    assert await store.set_message(message.id, "approve", at=house.at()) is None
    await house.sweep()
    assert len(await house.lease()) == 5
