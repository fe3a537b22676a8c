"""A number has a new owner: nothing goes there until that person says yes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from gateway.inbound import DOUBTED, Act, Inbound, Intake, Person, Status, Wording
from gateway.store.people import Terms
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import House, consent, phone
from tests.gateway.store.test_identities import U1, U2, changed, events, known


async def doubted_by_change(house: House) -> None:
    await changed(house, "doubted", phone(1))


async def doubted_by_another_user(house: House) -> None:
    await house.says((*phone(1), U2), "hello", opens_window=False)


async def doubted_by_a_failure(house: House) -> None:
    now = house.at()
    status = Status(provider_id="w", status="failed", at=moment(now), identities=(*phone(1), U2))
    await house.store.intake(Intake(sender="wa", statuses=(status,)), {}, at=now)


async def doubted_by_a_delivery(house: House) -> None:
    await changed(house, "alias", phone(1), (U2,))


@pytest.mark.parametrize(
    "doubt",
    [doubted_by_change, doubted_by_another_user, doubted_by_a_failure, doubted_by_a_delivery],
)
async def test_nothing_goes_to_a_number_with_a_new_owner(
    house: House, doubt: Callable[[House], object]
) -> None:
    """Somebody else may have the number: no delivery begins until that person says yes."""
    (contact,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    await house.started()
    delivery = await house.leased()
    await doubt(house)  # type: ignore[misc]
    assert ("news", DOUBTED) in await events(house, contact)
    assert await house.consent_of(contact) in ("unconfirmed", "requested")
    refusal = await house.begin(delivery)
    assert refusal is not None
    assert refusal.code == "no_consent"


async def test_a_doubt_is_noted_once(house: House) -> None:
    """The second message of the new owner doubts nothing more, and repeats no question."""
    (contact,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    for words in ("who is this?", "hello?"):
        house.later()
        await house.says((*phone(1), U2), words)
    assert len(await events(house, contact)) == 1
    assert len(await events(house, contact, "requested")) == 1
    assert await house.consent_of(contact) == "requested"
    about = await house.store.contact(contact)
    assert about is not None
    assert U1 not in about.identities
    assert U2 in about.identities


async def test_a_doubted_person_is_asked_in_todays_words(house: House) -> None:
    """The request carries the wording, so that the yes to it proves something."""
    (contact,) = await house.confirmed(1)
    await changed(house, "doubted", phone(1))
    house.later()
    wording = Wording(text="News, thrice a week", language="en", version="2", purpose="news")
    await house.says(1, "hello", terms=Terms(wordings={"news": wording}))
    dossier = await house.store.people_report("dossier", id=contact)
    asked = [one for one in dossier["consent_events"] if one["name"] == "requested"]
    assert [one["wording"]["text"] for one in asked] == [wording.text]


async def test_a_stop_after_a_doubt_asks_nothing(house: House) -> None:
    """Who writes STOP wants no question."""
    (contact,) = await house.confirmed(1)
    await changed(house, "doubted", phone(1))
    house.later()
    await house.says(1, "stop", stop=True)
    assert await house.consent_of(contact) == "withdrawn"
    assert await events(house, contact, "requested") == []


async def test_the_start_of_a_new_owner_counts(house: House) -> None:
    """START from a recycled number asks for what it names, and the old consent is doubted."""
    (contact,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    house.later()
    act = Act(kind="start", topics=("news",))
    await house.says((*phone(1), U2), "start news", act=act)
    assert await house.consent_of(contact) == "requested"
    assert len(await events(house, contact, "requested")) == 1


async def test_two_portfolios_know_one_person_by_two_ids(house: House, store: Store) -> None:
    """A user id that another sender's provider gave says nothing about a new owner."""
    (contact,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    now = house.at()
    other = Inbound(
        provider_id="o", identities=(*phone(1), U2), at=moment(now), kind="text", words="hi"
    )
    await store.intake(Intake(sender="second", messages=(other,)), {}, at=now)
    assert await house.consent_of(contact) == "confirmed"
    assert await known(house, U1) == await known(house, U2) == contact


async def test_a_message_that_comes_late_doubts_nothing(house: House) -> None:
    """What was written before the user id was known says nothing about a new owner."""
    (contact,) = await house.confirmed(1)
    await house.says((*phone(1), U2), "hello")
    await house.says((*phone(1), U1), "long ago", ago=timedelta(hours=1))
    assert await house.consent_of(contact) == "confirmed"


async def test_a_number_that_another_known_person_has_now(house: House, engine: Sqlite) -> None:
    """The number of one becomes that of another whom we know by the user id: no merge."""
    (first,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    await house.says((U2,), "hello")
    second = await known(house, U2)
    house.later()
    await house.says((*phone(1), U2), "my new number")
    assert await house.contact(1) == second != first
    assert await house.consent_of(first) == "unconfirmed"
    assert await known(house, U1) == first
    assert engine.sql("SELECT count(*) FROM contacts WHERE merged_into IS NOT NULL") == [(0,)]


async def test_a_delivery_to_somebody_known_by_another_id_merges_nobody(house: House) -> None:
    """The status of a message shows the new owner, whom we know without a number."""
    (first,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    await house.says((U2,), "hello")
    second = await known(house, U2)
    house.later()
    await changed(house, "alias", phone(1), (U2,))
    assert await house.contact(1) == second != first
    assert await house.consent_of(first) == "unconfirmed"
    assert await known(house, U1) == first


async def test_two_known_by_two_ids_are_not_one_by_another_spelling(house: House) -> None:
    """WhatsApp answers with the number of somebody whom it knows by another id."""
    (first,) = await house.confirmed(1)
    await house.says((*phone(1), U1), "hello")
    await house.says((*phone(2), U2), "hello")
    second = await known(house, U2)
    house.later()
    await changed(house, "alias", phone(1), phone(2))
    assert await house.contact(1) == await house.contact(2) == second != first
    assert await house.consent_of(first) == "unconfirmed"
    assert await known(house, U1) == first


@pytest.mark.parametrize(
    "doubt", [doubted_by_change, doubted_by_another_user, doubted_by_a_delivery]
)
async def test_the_switch_in_other_hands(house: House, doubt: Callable[[House], object]) -> None:
    """Who stopped by WhatsApp's own switch loses the number; its next owner turns it on again."""
    (contact,) = await house.confirmed(1)
    switch = {"kind": "user_preferences", "opens_window": False}
    await house.says((*phone(1), U1), "hello")
    house.later()
    await house.says(1, "stop", stop=True, **switch)
    house.later()
    await doubt(house)  # type: ignore[misc]
    await doubt(house)  # type: ignore[misc]
    assert len([one for one in await events(house, contact) if one[1] == DOUBTED]) == 1
    house.later()
    await house.says(1, "resume", act=Act(kind="resume"), **switch)
    assert await house.consent_of(contact) == "unconfirmed"


async def test_an_old_list_confirms_nothing_for_the_next_owner(house: House, store: Store) -> None:
    """The list goes on naming the number, with the proof of whoever had it before."""
    proof = consent("imported", house.at())
    row = Person(identities=phone(1), events=(proof,))
    await store.accept("crm", [], at=house.at(), people=[row])
    await house.says((*phone(1), U1), "hello")
    await house.says((U2,), "hello")
    house.later()
    await house.says((*phone(1), U2), "my new number")
    second = await house.contact(1)
    assert second == await known(house, U2)
    await store.accept("crm", [], at=house.at(), people=[row])
    assert await house.consent_of(second) != "confirmed"
    house.later()
    await house.tell(1, "imported")  # proven since then
    await house.says((U2,), "start", act=Act(kind="start", topics=("news",)))
    assert await house.consent_of(second) == "requested", "asked, and not taken as agreed"
