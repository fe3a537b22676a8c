"""What comes back: messages, windows, withdrawals, statuses, account events."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.errors import StoreError
from gateway.inbound import AccountEvent, Act, Inbound, Intake, Status
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, House, phone


async def window(house: House, contact: int) -> int | None:
    known = await house.store.report("contact", id=contact)
    return next((w["until"] for w in known["windows"]), None)


async def test_an_inbound_message_counts_once(house: House, store: Store) -> None:
    """A webhook that comes again is a duplicate, per sender."""
    first = await house.says(1, "hello", key="x")
    assert (first.inbound, first.duplicates) == (1, 0)
    again = await house.says(1, "hello", key="x")
    assert (again.inbound, again.duplicates) == (0, 1)
    known = await store.report("contact", id=await house.contact(1))
    assert [line["words"] for line in known["inbound"]] == ["hello"]


async def test_a_repeated_stop_does_not_undo_a_later_yes(house: House) -> None:
    """The provider repeats webhooks: an old STOP that comes again withdraws nothing new."""
    contact = await house.tell(1, "confirmed")
    await house.says(1, "stop", key="x", stop=True)
    house.later()
    await house.tell(1, "confirmed")
    assert (await house.says(1, "stop", key="x", stop=True)).withdrawn == ()
    assert await house.consent_of(contact) == "confirmed"


async def test_windows_go_by_the_providers_time(house: House) -> None:
    """24 hours from when the person wrote; never shortened, never from the future."""
    await house.says(1, "late webhook", ago=timedelta(hours=5))
    contact = await house.contact(1)
    assert await window(house, contact) == house.now + 19 * HOUR
    await house.says(1, "now")
    now = house.now
    assert await window(house, contact) == now + 24 * HOUR
    await house.says(1, "older", ago=timedelta(hours=9))
    assert await window(house, contact) == now + 24 * HOUR
    await house.says(1, "a clock ahead", ago=timedelta(hours=-3))
    assert await window(house, contact) == house.now + 24 * HOUR


async def test_not_everything_opens_a_window(house: House) -> None:
    """What the output says opens none opens none."""
    await house.says(1, "reaction", opens_window=False)
    assert await window(house, await house.contact(1)) is None


async def test_stop_drops_what_is_open_of_that_person_alone(house: House, store: Store) -> None:
    """Queued, held, leased and paused rows of the contact end; sent ones and other people's do
    not."""
    mine, other = await house.confirmed(2)
    done = await house.started()
    for _ in range(2):
        await house.settle(await house.sending())
    held, paused, leased, queued = [await house.started(to=mine) for _ in range(4)]
    await house.give_back(await house.leased(), to="held", code="x")
    await house.give_back(await house.leased(), to="paused", code="x")
    delivery = await house.leased()
    for_other = await house.started(to=other)
    taken = await house.says(1, "stop", stop=True)
    assert (taken.withdrawn, taken.sending, taken.dropped) == ((mine,), (), 4)
    for message in (held, paused, leased, queued):
        row = await house.row(message, mine)
        assert row is not None
        assert (row["state"], row["code"]) == ("dropped", "withdrawn")
    assert await house.state(done, mine) == "accepted"
    assert await house.state(for_other, other) == "queued"
    assert await house.consent_of(other) == "confirmed"
    refusal = await house.begin(delivery)
    assert refusal is not None
    assert refusal.final
    assert (await house.leased()).contact == other


async def test_stop_of_a_stranger_is_remembered(house: House) -> None:
    """STOP from a number that nobody knew suppresses it in later imports."""
    taken = await house.says(7, "stop", stop=True)
    contact = await house.contact(7)
    assert taken.withdrawn == (contact,)
    await house.tell(7, "imported")
    assert await house.consent_of(contact) is None
    assert await house.consent_of(contact, "*") == "withdrawn"
    message = await house.started()
    assert await house.state(message, contact) is None


async def test_stop_reaches_every_contact_of_the_person(house: House) -> None:
    """Two identities that led to two contacts turn out to be one person, who withdraws as both."""
    first = await house.tell(1, "confirmed")
    await house.tell(2, "confirmed", "other")
    taken = await house.says((*phone(1), *phone(2)), "stop", stop=True)
    assert taken.withdrawn == (first,)
    assert await house.contact(2) == first
    for topic in ("news", "other"):
        assert await house.consent_of(first, topic) == "withdrawn"


async def test_withdraw_by_topic(house: House) -> None:
    """A withdrawal of one topic drops that topic's rows and leaves the others."""
    contact = await house.tell(1, "confirmed", "a")
    await house.tell(1, "confirmed", "b")
    first, second = await house.started(topic="a"), await house.started(topic="b")
    await house.tell(1, "withdrawn", "a")
    assert await house.state(first, contact) == "dropped"
    assert await house.state(second, contact) == "queued"


async def test_the_verb_withdraw(house: House, store: Store) -> None:
    """Several contacts at once, what is in the air is named, others stay."""
    contacts = await house.confirmed(3)
    message = await house.started()
    flying = await house.sending()
    taken = await store.withdraw(contacts[:2], source="command", at=house.at())
    assert (taken.withdrawn, taken.sending) == (tuple(contacts[:2]), (flying.contact,))
    assert taken.dropped == 1
    assert [await house.state(message, c) for c in contacts] == ["sending", "dropped", "queued"]
    await house.settle(flying)
    assert await store.sending(contacts) == []


async def test_statuses_find_their_attempt(house: House) -> None:
    """By callback, also before the settle; else by the provider's id."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.sending()
    taken = await house.status(delivery, "sent")
    assert (dict(taken.statuses), taken.unmatched) == ({"sent": 1}, 0)
    assert await house.state(message, contact) == "sending"
    await house.settle(delivery)
    assert await house.state(message, contact) == "sent"
    await house.status(delivery, "delivered", by_id=True)
    assert await house.state(message, contact) == "delivered"


@pytest.mark.parametrize(
    "callback",
    ["1:1", "x", "", "9223372036854775809:1", f"{'9' * 5000}:1", "1:99999999999999999999", "-1:1"],
)
async def test_statuses_of_others_are_counted(house: House, store: Store, callback: str) -> None:
    """A status that is about nothing of ours changes nothing and is no error."""
    status = Status(provider_id="foreign", status="read", at=moment(house.at()), callback=callback)
    taken = await store.intake(Intake(sender="wa", statuses=(status,)), {}, at=house.at())
    assert (dict(taken.statuses), taken.unmatched) == ({}, 1)


async def test_an_intake_is_all_or_nothing(house: House, store: Store) -> None:
    """If one part cannot be stored nothing is, so that the provider sends it again."""
    at = moment(house.at())
    good = Inbound(provider_id="a", identities=phone(1), at=at, kind="text", words="stop")
    bad = good.replace(provider_id="b", raw="not bytes")
    with pytest.raises(StoreError):
        await store.intake(
            Intake(sender="wa", messages=(good, bad)), {"a": Act(kind="stop")}, at=house.at()
        )
    assert await store.report("find_contact", identity=phone(1)[0].value) is None
    assert (await house.says(1, "stop", key="a", stop=True)).inbound == 1


async def test_account_events_are_kept(engine: Sqlite, house: House, store: Store) -> None:
    """What the provider says about the account stands in the journal."""
    event = AccountEvent(name="quality", at=moment(1), understood=False, raw=b"{}")
    await store.intake(Intake(sender="wa", events=(event,)), {}, at=house.at())
    (line,) = await store.events_after("x", limit=10)
    assert (line.name, line.code, line.detail) == ("account", "quality", "not understood")


async def test_no_identity_outside_its_tables(engine: Sqlite, house: House) -> None:
    """Journal and chain hold no provider's id of a person's message: it holds the number."""
    await house.says(1, "stop", key="wamid.SECRET", stop=True)
    for table in ("journal", "consent_events"):
        assert "SECRET" not in str(engine.sql(f"SELECT * FROM {table}"))
