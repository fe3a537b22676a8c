"""Which contact an identity leads to: spellings, retired ones, strangers, changes, recycled ones."""

from __future__ import annotations

import msgspec
import pytest

from gateway.inbound import IdentityChange, Inbound, Intake, Person
from gateway.message import Identity
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import House, consent, phone

U1, U2, U3 = (Identity("user_id", f"DE.{n}") for n in (1001, 1002, 1003))
NINE = Identity("phone", "+5511987654321")
EIGHT = Identity("phone", "+551187654321")


async def changed(house: House, kind: str, old: object, new: object = (), **fields: object) -> None:
    """The provider says that an identity changed."""
    now = house.at()
    change = IdentityChange(kind=kind, old=old, new=new, at=moment(now), **fields)  # type: ignore[arg-type]
    await house.store.intake(Intake(sender="wa", changes=(change,)), {}, at=now)


async def known(house: House, identity: Identity) -> int | None:
    return await house.store.find(identity)


async def events(house: House, contact: int, name: str = "moved") -> list[tuple[str, str]]:
    about = await house.store.report("contact", id=contact)
    return [(one["topic"], one["source"]) for one in about["events"] if one["name"] == name]


# --- spellings --------------------------------------------------------------------------------------
async def test_another_spelling_is_the_same_person(house: House, store: Store) -> None:
    """The list writes nine digits, WhatsApp writes eight: the STOP finds the consent."""
    event = consent("confirmed", house.at())
    await store.accept(
        "crm", [], at=house.at(), people=[Person(identities=(NINE,), events=(event,))]
    )
    contact = await known(house, NINE)
    house.later()
    await house.says((EIGHT,), "stop", stop=True)
    assert contact is not None
    assert await known(house, EIGHT) == contact
    assert await house.consent_of(contact) == "withdrawn"


async def test_what_is_written_exactly_comes_first(house: House, engine: Sqlite) -> None:
    """Two that were known by the two spellings before the spellings were known stay two."""
    one, other = await house.confirmed(2)
    for contact, identity in ((one, NINE), (other, EIGHT)):
        engine.sql(
            "INSERT INTO identities (kind, value, contact_id, first_seen)"
            f" VALUES ('phone', '{identity.value}', {contact}, 1)"
        )
    assert (await known(house, NINE), await known(house, EIGHT)) == (one, other)


async def test_another_user_with_another_spelling_has_the_number_now(house: House) -> None:
    """A new user id doubts whoever had the number, in whatever spelling that was."""
    await house.says((NINE, U1), "hello")
    first = await known(house, U1)
    house.later()
    await house.says((U2,), "hello")
    await house.says((EIGHT, U2), "hello")
    assert await known(house, NINE) == await known(house, EIGHT) == await known(house, U2) != first


@pytest.mark.parametrize("kind", ["phone", "user_id"])
async def test_an_empty_value_merges_no_strangers(house: House, store: Store, kind: str) -> None:
    """A webhook without a number must not lead to whoever came without one before."""
    with pytest.raises(ValueError, match="is empty"):
        await house.says((Identity(kind, ""), U1), "hello")
    with pytest.raises(msgspec.ValidationError, match="is empty"):
        msgspec.json.decode(b'{"kind":"phone","value":""}', type=Identity)
    assert await store.report("find_contact", identity="") is None


# --- changes ----------------------------------------------------------------------------------------
async def test_an_alias_leads_to_the_same_person(house: House) -> None:
    """The provider's own number for somebody is one more name, and both stay."""
    (contact,) = await house.confirmed(1)
    alias = Identity("phone", "+4917130000001")
    await changed(house, "alias", phone(1), (alias,))
    assert await known(house, alias) == await known(house, phone(1)[0]) == contact
    assert await events(house, contact) == []


async def test_consent_moves_with_the_person(house: House, store: Store) -> None:
    """A new number: deliveries go there alone, and the chain says so."""
    (contact,) = await house.confirmed(1)
    await changed(house, "moved", phone(1), (*phone(2), U2))
    assert await house.consent_of(contact) == "confirmed"
    assert await events(house, contact) == [("*", "said by the provider of wa")]
    await house.started()
    (delivery,) = await house.lease()
    assert set(delivery.identities) == {*phone(2), U2}
    about = await store.contact(contact)
    assert about is not None
    assert phone(1)[0] not in about.identities


async def test_a_retired_number_still_tells_who_it_was(house: House, store: Store) -> None:
    """A list with the old number names the person who had it: it lifts no withdrawal."""
    (contact,) = await house.confirmed(1)
    await changed(house, "moved", phone(1), phone(2))
    house.later()
    await house.says(2, "stop", stop=True)
    await house.tell(1, "imported")
    assert await house.consent_of(contact) == "withdrawn"
    assert await house.contact(1) == contact


async def test_who_writes_from_a_retired_number_is_somebody_else(house: House) -> None:
    """The number's next owner takes it over; the consent stays with the person who moved."""
    (contact,) = await house.confirmed(1)
    await changed(house, "moved", phone(1), phone(2))
    await house.says((*phone(1), U3), "hello")
    stranger = await house.contact(1)
    assert stranger != contact
    assert await house.consent_of(stranger) is None
    assert await house.consent_of(contact) == "confirmed"


async def test_a_change_that_comes_twice_changes_nothing_more(house: House) -> None:
    """Also after somebody else took the old number over."""
    (contact,) = await house.confirmed(1)
    at = moment(house.at())
    change = IdentityChange(kind="moved", old=phone(1), new=phone(2), at=at)
    intake = Intake(sender="wa", changes=(change,))
    await house.store.intake(intake, {}, at=house.at())
    await house.store.intake(intake, {}, at=house.at())
    assert len(await events(house, contact)) == 1
    await house.says(1, "hello")
    stranger = await house.contact(1)
    await house.store.intake(intake, {}, at=house.at())
    assert (await house.contact(1), await house.contact(2)) == (stranger, contact)
    assert len(await events(house, contact)) == 1


async def test_a_change_of_nobody_makes_nobody(house: House, store: Store) -> None:
    """What nobody asked for is not collected."""
    await changed(house, "moved", phone(1), phone(2))
    await changed(house, "doubted", phone(1))
    assert (await store.report("people", since=0))["contacts"] == 0


async def test_a_change_comes_before_the_messages_beside_it(house: House) -> None:
    """In one webhook: moved, and a message from the new number."""
    (contact,) = await house.confirmed(1)
    now = house.at()
    await house.says(9, "x")  # something else in between
    change = IdentityChange(kind="moved", old=phone(1), new=phone(2), at=moment(now))
    hello = Inbound(
        provider_id="n", identities=phone(2), at=moment(now), kind="text", words="my new number"
    )
    await house.store.intake(
        Intake(sender="wa", changes=(change,), messages=(hello,)), {}, at=house.at()
    )
    assert await house.contact(2) == contact


async def test_a_retired_number_is_taken_over_in_every_spelling(house: House) -> None:
    """The new owner writes with eight digits; the nine of the old one lead there too."""
    await house.says((NINE, U1), "hello")
    first = await known(house, U1)
    await changed(house, "moved", (NINE,), (*phone(2), U3))
    await house.says((EIGHT, U2), "hello")
    assert await known(house, NINE) == await known(house, EIGHT) == await known(house, U2) != first
    assert await house.contact(2) == first


async def test_who_wrote_from_the_new_number_before_we_were_told(house: House) -> None:
    """The message overtook the change: both are one person, and the consent is there."""
    (contact,) = await house.confirmed(1)
    moved_at = house.at()
    await house.says((*phone(2), U2), "my new number")
    change = IdentityChange(kind="moved", old=phone(1), new=phone(2), at=moment(moved_at))
    await house.store.intake(Intake(sender="wa", changes=(change,)), {}, at=house.at())
    assert await house.contact(2) == await known(house, U2) == contact
    assert await house.consent_of(contact) == "confirmed"


async def test_the_new_number_was_somebody_elses(house: House) -> None:
    """A person moves to a number whose last owner is known to us by another user id: two people,
    and what the last owner agreed to goes nowhere."""
    first, last = await house.confirmed(2)
    await house.says((*phone(2), U1), "hello")
    house.later()
    await changed(house, "moved", phone(1), (*phone(2), U2))
    assert await house.contact(2) == first
    assert await known(house, U1) == last
    assert await house.consent_of(first) == "confirmed"
    assert await house.consent_of(last) == "unconfirmed"


async def test_with_the_number_the_old_user_id_ends(house: House) -> None:
    """WhatsApp makes a new user id with a new number: the next message doubts nothing."""
    (contact,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    await changed(house, "moved", phone(1), phone(2))
    house.later()
    await house.says((*phone(2), U2), "hello from my new number")
    assert await known(house, U2) == contact
    assert await house.consent_of(contact) == "confirmed"
