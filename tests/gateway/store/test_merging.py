"""Two contacts turn out to be one person: nothing is lost, nothing goes out twice."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.inbound import Case, IdentityChange, Intake, Person, Preference
from gateway.message import Basis, Delivery, Identity, Message
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, House, phone

USER = Identity("user_id", "DE.2001")


async def two(house: House, *, first: bool = True, second: bool = True) -> tuple[int, int]:
    """Person 1 by number, person 2 by another number, each with a consent if asked for."""
    for n, agreed in ((1, first), (2, second)):
        if agreed:
            await house.confirmed(1, first=n)
        else:
            await house.says(n, "hello", opens_window=False)
    return await house.contact(1), await house.contact(2)


async def shown(house: House) -> int:
    """The provider says that both are one; returns the contact that stays."""
    now = house.at()
    change = IdentityChange(kind="alias", old=phone(2), new=phone(1), at=moment(now))
    await house.store.intake(Intake(sender="wa", changes=(change,)), {}, at=now)
    one, other = await house.contact(1), await house.contact(2)
    assert one == other
    return one


def based(delivery: Delivery) -> Delivery:
    return delivery.replace(basis=Basis(kind="consent", event=delivery.permissions.consent))


async def counts(house: House, message: Message) -> dict[str, int]:
    found: dict[str, int] = (await house.store.report("message", id=message.id))["counts"]
    return found


async def test_one_message_with_both_identities_merges(house: House, store: Store) -> None:
    """A message that shows number and user id makes one contact, the older one."""
    (contact,) = await house.confirmed(1)
    await house.says((USER,), "hello")
    absorbed = await store.find(USER)
    await house.says((*phone(1), USER), "hello again")
    assert await store.find(USER) == contact
    about = await store.report("contact", id=absorbed)
    assert about["id"] == contact, "an old id leads to the contact that it became"
    assert about["merged"] == [absorbed]
    assert len(about["inbound"]) == 2
    assert [one["name"] for one in about["events"]] == ["confirmed", "moved"]


async def test_an_import_merges_nobody(house: House, store: Store) -> None:
    """A row that names two people's identities proves nothing about who writes from them."""
    one, other = await two(house)
    await store.accept(
        "list", [], at=house.at(), people=[Person(identities=(*phone(1), *phone(2)))]
    )
    assert (await house.contact(1), await house.contact(2)) == (one, other)


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        ([("confirmed", 1)], [("withdrawn", 3)], "withdrawn"),
        ([("withdrawn", 3)], [("confirmed", 1)], "withdrawn"),
        ([("confirmed", 2)], [("withdrawn", 2)], "withdrawn"),  # a tie means STOP
        ([("confirmed", 5)], [("withdrawn", 3)], "confirmed"),  # the person's own later act
        ([("withdrawn", 3)], [("imported", 5)], "withdrawn"),  # no act of the person
        ([("confirmed", 1)], [], "confirmed"),
        ([], [("confirmed", 1)], "confirmed"),
        ([("requested", 1)], [("confirmed", 2)], "confirmed"),
    ],
)
async def test_consents_of_both_become_one(
    house: House,
    store: Store,
    first: list[tuple[str, int]],
    second: list[tuple[str, int]],
    state: str,
) -> None:
    """Derived over the events of both, in the order in which they were said."""
    for n, told in ((1, first), (2, second)):
        await house.says(n, "hello", opens_window=False)
        for name, hours in told:
            await house.tell(n, name, at=house.now - 10 * HOUR + hours * HOUR)
    assert await house.consent_of(await shown(house)) == state


async def test_what_hangs_on_a_contact_goes_along(house: House, store: Store) -> None:
    """Window, preferences (the stricter), name, open case: all are the survivor's."""
    one, other = await two(house)
    await house.says(2, "hello")
    now = house.at()
    prefer = [
        Preference(contact=one, per_week=5, paused_until=moment(now + HOUR)),
        Preference(contact=other, per_week=2),
    ]
    case = Case(kind="question", external_id="q", contact=other, text="?")
    await store.accept("x", [], at=now, cases=[case], preferences=prefer)
    kept = await shown(house)
    about = await store.contact(kept)
    assert about is not None
    assert "wa" in about.windows
    assert (about.per_week, about.paused_until) == (2, moment(now + HOUR))
    assert [one.contact for one in await store.cases(kind="question")] == [kept]


async def test_a_message_that_both_wait_for_goes_once(house: House) -> None:
    """The younger contact's delivery is dropped, with its reason."""
    kept, _ = await two(house)
    message = await house.started()
    for delivery in await house.lease():
        if delivery.contact == kept:
            await house.give_back(delivery)
    await shown(house)
    (delivery,) = await house.lease()
    assert (delivery.contact, delivery.permissions.consent is not None) == (kept, True)
    assert await counts(house, message) == {"leased": 1, "dropped": 1}
    names = [event.name for event in await house.store.events_after("test", limit=100)]
    assert names.count("contact.merged") == names.count("delivery.dropped") == 1


@pytest.mark.parametrize("reached", ["first", "second"])
async def test_who_got_it_as_one_does_not_get_it_as_the_other(house: House, reached: str) -> None:
    """One contact has the message already: the other's delivery is dropped."""
    one, other = await two(house)
    message = await house.started()
    mine = {delivery.contact: delivery for delivery in await house.lease()}
    first, second = (one, other) if reached == "first" else (other, one)
    assert await house.begin(based(mine[first])) is None
    await house.settle(mine[first])
    await house.give_back(mine[second])
    await shown(house)
    assert await house.lease() == []
    assert await counts(house, message) == {"accepted": 1, "dropped": 1}


@pytest.mark.parametrize("flying", ["first", "second"])
async def test_what_is_being_sent_stays_and_is_not_repeated(house: House, flying: str) -> None:
    """A delivery in the air lands where it began; nothing of that message follows."""
    one, other = await two(house)
    message = await house.started()
    mine = {delivery.contact: delivery for delivery in await house.lease()}
    first, second = (one, other) if flying == "first" else (other, one)
    assert await house.begin(based(mine[first])) is None
    await house.give_back(mine[second])
    await shown(house)
    assert await house.lease() == []
    await house.settle(mine[first])
    assert await counts(house, message) == {"accepted": 1, "dropped": 1}


async def test_both_in_the_air_land_both(house: House) -> None:
    """Two requests that are out already cannot be called back; neither is tried again."""
    await two(house)
    message = await house.started()
    mine = await house.lease()
    for delivery in mine:
        assert await house.begin(based(delivery)) is None
    await shown(house)
    await house.settle(mine[0], "failed", retry_at=1)
    await house.settle(mine[1])
    assert await house.lease() == []
    assert await counts(house, message) == {"accepted": 1, "dropped": 1}


async def test_a_stop_waits_for_both_in_the_air(house: House, store: Store) -> None:
    """Also for what goes to the contact that the person was before; and so does a command."""
    one, other = await two(house)
    await house.started()
    for delivery in await house.lease():
        assert await house.begin(based(delivery)) is None
    await shown(house)
    house.later()
    assert set((await house.says(1, "stop", stop=True)).sending) == {one, other}
    assert set((await store.withdraw([one], source="x", at=house.at())).sending) == {one, other}


async def test_other_messages_of_the_absorbed_contact_still_go(house: House) -> None:
    """What only the younger contact waits for reaches the person as the older one."""
    await two(house, first=False)
    message = await house.started()
    kept = await shown(house)
    (delivery,) = await house.lease()
    assert delivery.contact == kept
    assert set(delivery.identities) == {*phone(1), *phone(2)}
    assert await house.begin(based(delivery)) is None
    await house.settle(delivery)
    assert await counts(house, message) == {"accepted": 1}


async def test_a_contact_that_was_merged_twice_is_one(house: House, store: Store) -> None:
    """Chains of merges lead straight to the survivor, with all events."""
    contacts = await house.confirmed(3)
    for n in (3, 2):
        now = house.at()
        change = IdentityChange(kind="alias", old=phone(n), new=phone(n - 1), at=moment(now))
        await store.intake(Intake(sender="wa", changes=(change,)), {}, at=now)
    for contact in contacts:
        about = await store.report("contact", id=contact)
        assert about["id"] == contacts[0]
        assert len([one for one in about["events"] if one["name"] == "confirmed"]) == 3


async def test_withdrawing_an_old_id_withdraws_the_person(house: House, store: Store) -> None:
    """A command or plugin that still holds the absorbed contact's id means the person."""
    _, other = await two(house)
    kept = await shown(house)
    await house.started()
    house.later()
    taken = await store.withdraw([other], source="command", at=house.at())
    assert taken.dropped == 1
    assert await house.consent_of(kept) == "withdrawn"
    assert (await store.contact(other)) == (await store.contact(kept))


async def test_a_late_stop_of_the_absorbed_contact_counts(house: House, engine: Sqlite) -> None:
    """And nothing of what hangs together is torn apart by the merge."""
    await two(house)
    kept = await shown(house)
    house.later()
    await house.says(2, "stop", stop=True, ago=timedelta(milliseconds=1))
    assert await house.consent_of(kept) == "withdrawn"
    orphans = (
        "SELECT count(*) FROM consents c JOIN contacts p ON p.id = c.contact_id"
        " WHERE p.merged_into IS NOT NULL"
    )
    assert engine.sql(orphans) == [(0,)]


async def test_what_is_wrong_with_one_is_wrong_with_both(house: House, store: Store) -> None:
    """Undeliverable thrice as the one, once as the other: no marketing before a sign of life, and
    nothing stays behind of who is gone."""
    one, other = await two(house)
    for contact, times in ((one, 1), (other, 3)):
        for _ in range(times):
            await house.started(kind="utility", to=contact, topic=None)
            delivery = (await house.leased()).replace(basis=Basis(kind="declared", text="order"))
            assert await house.begin(delivery) is None
            await house.settle(delivery, "failed", action="count")
    await shown(house)
    (told,) = await store.outcome_report("troubles", contact=one)
    assert (told["n"], told["sign"]) == (4, True)
    assert await store.outcome_report("troubles", contact=other) == []
    await house.started()
    assert await house.lease() == []


async def test_one_scan_that_proves_both(house: House, engine: Sqlite, store: Store) -> None:
    """A list with many signatures lies with each of them; who turns out to be one has it once."""
    one, other = await two(house)
    for contact in (one, other):
        await store.attach(contact, b"digest", "list.pdf", at=house.at())
    assert await shown(house) == one
    assert engine.sql("SELECT contact_id, name FROM proof_files") == [(one, "list.pdf")]
