"""Who was erased does not come back by a list, in no spelling, and comes back by an own yes."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.inbound import Act, IdentityChange, Intake, Person
from gateway.message import Identity
from gateway.store.people import Terms
from gateway.store.protocol import Store, moment
from gateway.store.sqlite import SqliteStore
from gateway.store.sqlite.suppression import hashes
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import House, consent, phone

NINE, EIGHT = (Identity("phone", n) for n in ("+5511987654321", "+551187654321"))
USER = Identity("user_id", "DE.3001")


async def erased(house: House, contact: int) -> None:
    await house.store.withdraw([contact], source="erasure", at=house.at())
    done = await house.store.erase(contact, by="anna", reason="asked for it", at=house.at())
    assert done.refused == ""


async def listed(house: House, *identities: Identity) -> int | None:
    """A list names somebody, with a proof; returns the contact that came of it."""
    event = consent("imported", house.at())
    person = Person(identities=identities, events=(event,), name="Ada")
    await house.store.accept("list", [], at=house.at(), people=[person])
    return await house.store.find(identities[0])


@pytest.mark.parametrize("identity", [NINE, EIGHT, USER])
async def test_an_erased_person_does_not_come_back(
    house: House, store: Store, identity: Identity
) -> None:
    """Neither by the number, nor by another spelling of it, nor by the user id."""
    await house.says((NINE, USER), "hello")
    contact = await store.find(USER)
    assert contact is not None
    await erased(house, contact)
    assert await listed(house, identity) is None
    assert (await store.report("people", since=0))["contacts"] == 1


async def test_the_number_before_is_remembered_too(house: House, store: Store) -> None:
    """Who changed the number and is erased does not come back by the old one either."""
    (contact,) = await house.confirmed(1)
    change = IdentityChange(kind="moved", old=phone(1), new=phone(2), at=moment(house.at()))
    await store.intake(Intake(sender="wa", changes=(change,)), {}, at=house.at())
    await erased(house, contact)
    assert await listed(house, *phone(1)) is None
    assert await listed(house, *phone(2)) is None


async def test_only_a_yes_of_the_person_lifts_it(house: House, store: Store) -> None:
    """START is asked back; until the yes a list is still refused, then the person is back."""
    (contact,) = await house.confirmed(1)
    await erased(house, contact)
    house.later()
    start = Act(kind="start", topics=("news",))
    await house.says(1, "START news", act=start)
    assert await listed(house, *phone(1)) is not None  # a contact, by the person's own message …
    again = await house.contact(1)
    assert again != contact
    assert await house.consent_of(again) == "requested"  # … and the list changed nothing
    house.later()
    await house.says(1, "START news", act=start, terms=Terms(double_opt_in=False))
    assert await house.consent_of(again) == "confirmed"
    await store.withdraw([again], source="x", at=house.at())
    await store.accept("list", [], at=house.at(), people=[Person(identities=phone(1), name="B")])
    about = await store.contact(again)
    assert about is not None
    assert about.name == "B", "the list may name the person again"


async def test_the_hash_tells_nothing_without_the_key(house: House, engine: Sqlite) -> None:
    """Numbers can be guessed, so a plain hash would be the number."""
    (contact,) = await house.confirmed(1)
    await erased(house, contact)
    kept = {bytes(digest) for (digest,) in engine.sql("SELECT hash FROM suppressed")}
    assert kept == hashes(b"k" * 32, phone(1))
    assert not kept & hashes(b"", phone(1))


async def test_without_a_key_nobody_is_erased(tmp_path: Path) -> None:
    """Who is forgotten without a trace would come back with the next list."""
    async with SqliteStore(tmp_path / "store.db") as store:
        house = House(store)
        (contact,) = await house.confirmed(1)
        with pytest.raises(StoreError, match="no key"):
            await store.erase(contact, by="anna", reason="", at=house.at())
        assert await house.contact(1) == contact
