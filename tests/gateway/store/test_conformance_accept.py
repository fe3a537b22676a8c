"""Taking in: messages, state, people, consents, verdicts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.errors import StoreError
from gateway.inbound import Person
from gateway.store.protocol import Screened, Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import CHAIN, HOUR, SECOND, House, consent, phone


async def test_a_message_is_accepted_once(house: House, store: Store) -> None:
    """(input, external id) is taken once, within a call and across calls, per input."""
    one, again, other = house.new("a"), house.new("a"), house.new("b")
    assert await store.accept("blog", [one, again, other], at=1) == [one.id, None, other.id]
    assert await store.accept("blog", [house.new("b")], at=2) == [None]
    same_words = house.new("b")
    assert await store.accept("crm", [same_words], at=3) == [same_words.id]


async def test_numbers_are_given_in_order(house: House, store: Store) -> None:
    """People call messages by a number that counts up."""
    messages = [await house.accepted() for _ in range(3)]
    found = [(await store.report("message", id=m.id))["number"] for m in messages]
    assert found == [1, 2, 3]


async def test_state_goes_with_the_messages(house: House, store: Store) -> None:
    """The input's state is stored with what it handed in, and None deletes."""
    await store.accept("blog", [house.new()], at=1, state={"etag": b"1", "old": b"x"})
    assert await store.get_state("blog", "etag") == b"1"
    await store.accept("blog", [], at=2, state={"old": None, "etag": b"2"})
    assert await store.get_state("blog", "old") is None
    assert await store.get_state("blog", "etag") == b"2"
    assert await store.get_state("crm", "etag") is None
    await store.put_state("crm", {"etag": b"3"})
    assert await store.get_state("crm", "etag") == b"3"


async def test_accept_is_all_or_nothing(house: House, store: Store) -> None:
    """One message that cannot be stored keeps the whole call out: messages, state, people."""
    good, bad = house.new("a"), house.new("b", sender=None)
    person = Person(identities=phone(1), events=(consent("confirmed", 1),))
    with pytest.raises(StoreError):
        await store.accept("blog", [good, bad], at=1, state={"k": b"v"}, people=[person])
    assert await store.get_state("blog", "k") is None
    assert await store.report("message", id=good.id) is None
    assert await store.report("find_contact", identity=phone(1)[0].value) is None
    assert await store.accept("blog", [good], at=2) == [good.id]


async def test_dedupe_outlives_a_purge(engine: Sqlite, house: House, store: Store) -> None:
    """What was accepted once is known after its message was purged."""
    await store.accept("blog", [house.new("a")], at=1)
    engine.purge_messages()
    assert await store.accept("blog", [house.new("a")], at=2) == [None]


async def test_a_number_is_never_given_twice(engine: Sqlite, house: House, store: Store) -> None:
    """A number that somebody wrote down means one message for ever, also after a purge; what
    could not be stored takes none."""
    for _ in range(3):
        await house.accepted()
    engine.purge_messages()
    with pytest.raises(StoreError):
        await store.accept("blog", [house.new(sender=None)], at=house.at())
    later = await house.accepted()
    assert (await store.report("message", id=later.id))["number"] == 4


# --- people ---------------------------------------------------------------------------------------
async def test_identities_lead_to_one_contact(house: House, store: Store) -> None:
    """A person known by one identity is not made again, and learns the others."""
    contact = await house.tell(1, "confirmed")
    both = Person(identities=(*phone(99), *phone(1)), language="de", name="Ada")
    await store.accept("crm", [], at=house.at(), people=[both])
    known = await store.report("contact", id=contact)
    assert len(known["identities"]) == 2
    assert (known["language"], known["name"]) == ("de", "Ada")


@pytest.mark.parametrize("topic", ["news", None, "*"])
async def test_an_import_never_lifts_a_withdrawal(house: House, topic: str | None) -> None:
    """After a withdrawal of the topic or of everything, an import changes nothing."""
    contact = await house.tell(1, "confirmed")
    await house.tell(1, "withdrawn", topic)
    await house.tell(1, "imported")
    assert await house.consent_of(contact) == "withdrawn"


async def test_an_import_does_not_lift_a_refusal(house: House) -> None:
    """Who said no to the question is not subscribed by a list."""
    contact = await house.tell(1, "requested")
    await house.tell(1, "refused")
    await house.tell(1, "imported")
    assert await house.consent_of(contact) == "refused"


async def test_a_withdrawal_of_everything_covers_topics_to_come(house: House) -> None:
    """`*` holds for topics that the contact had no consent for."""
    contact = await house.tell(1, "withdrawn", None)
    await house.tell(1, "imported", "other")
    assert await house.consent_of(contact, "other") is None


async def test_a_withdrawal_of_one_topic_leaves_the_others(house: House) -> None:
    """Other topics go on."""
    contact = await house.tell(1, "confirmed", "a")
    await house.tell(1, "confirmed", "b")
    await house.tell(1, "withdrawn", "a")
    assert await house.consent_of(contact, "a") == "withdrawn"
    assert await house.consent_of(contact, "b") == "confirmed"


async def test_a_person_may_come_back(house: House) -> None:
    """The person's own later act lifts the own withdrawal, and messages go again."""
    contact = await house.tell(1, "confirmed")
    await house.says(1, "stop", stop=True)
    house.later()
    await house.tell(1, "requested")
    await house.tell(1, "confirmed")
    assert await house.consent_of(contact) == "confirmed"
    await house.started()
    assert await house.begin(await house.leased()) is None


@pytest.mark.parametrize("withdrawals", [1, 2])
async def test_what_was_said_before_the_stop_does_not_lift_it(
    house: House, withdrawals: int
) -> None:
    """A yes that we are told after the STOP, but was said before, changes nothing."""
    early = house.at()
    contact = await house.tell(1, "requested")
    for _ in range(withdrawals):
        early = max(early, house.now)
        house.now += SECOND
        await house.says(1, "stop", stop=True)
    await house.tell(1, "confirmed", at=early)
    await house.tell(1, "confirmed", "never-asked", at=early)
    assert await house.consent_of(contact) == "withdrawn"
    assert await house.consent_of(contact, "never-asked") == "withdrawn"


async def test_a_form_sent_twice_suspends_nothing(house: House, store: Store) -> None:
    """A request for a topic that is confirmed, or asked for already, leaves the state alone."""
    contact = await house.tell(1, "confirmed")
    before = (await store.report("contact", id=contact))["consents"]
    await house.tell(1, "requested")
    await house.tell(1, "confirmed")
    await house.tell(1, "imported")
    after = await store.report("contact", id=contact)
    assert after["consents"] == before
    assert [event["name"] for event in after["events"]] == ["confirmed", "requested", "confirmed"]


# --- screening ------------------------------------------------------------------------------------
async def test_a_verdict_is_asked_once(house: House, store: Store) -> None:
    """A message waits for its verdict, and no longer once it has one of this chain."""
    message = await house.accepted()
    (found,) = await store.to_screen(CHAIN, at=house.at(), limit=10)
    assert (found.id, found.number, found.input) == (message.id, 1, "blog")
    await store.screened([Screened(message=found, state="ready", chain=CHAIN)], at=house.at())
    assert await store.to_screen(CHAIN, at=house.at(), limit=10) == []
    assert await store.to_fan_out(limit=10) == [message.id]


async def test_a_hold_ends(house: House, store: Store) -> None:
    """A message held until a time comes back at that time; one held for a person does not."""
    until, person = await house.accepted(), await house.accepted()
    held = Screened(message=until, state="held", chain=CHAIN, code="late", until=house.now + 100)
    await store.screened([held], at=house.at())
    by_person = Screened(message=person, state="held", chain=CHAIN, code="look")
    await store.screened([by_person], at=house.at())
    assert await store.to_screen(CHAIN, at=house.now, limit=10) == []
    assert [m.id for m in await store.to_screen(CHAIN, at=house.now + 100, limit=10)] == [until.id]


async def test_a_changed_chain_judges_again(house: House, store: Store) -> None:
    """Ready and held messages are judged by the new chain; those that started are not."""
    await house.confirmed(1)
    ready, started, dropped, held = [await house.ready() for _ in range(2)] + [
        await house.accepted() for _ in range(2)
    ]
    await store.fan_out(started.id, at=house.at(), limit=1)  # in the middle of its fan-out
    verdicts = [
        Screened(message=dropped, state="dropped", chain=CHAIN, code="x"),
        Screened(message=held, state="held", chain=CHAIN, code="x"),
    ]
    await store.screened(verdicts, at=house.at())
    found = await store.to_screen("chain-2", at=house.at(), limit=10)
    assert {m.id for m in found} == {ready.id, held.id}


async def test_a_cancelled_message_keeps_that(house: House, store: Store) -> None:
    """A verdict that comes after a person cancelled is void."""
    message = await house.accepted()
    assert await store.set_message(message.id, "cancel", at=house.at()) is None
    await store.screened([Screened(message=message, state="ready", chain=CHAIN)], at=house.at())
    assert (await store.report("message", id=message.id))["state"] == "cancelled"
    assert await store.to_fan_out(limit=10) == []


async def test_approval_reaches_the_chain(house: House, store: Store) -> None:
    """Approving sends the message through the chain again with the code that was released, also
    if the chain looks at it at that moment."""
    message = await house.accepted()
    held = Screened(message=message, state="held", chain=CHAIN, code="words")
    await store.screened([held], at=house.at())
    assert await store.set_message(message.id, "approve", at=house.at()) is None
    await store.screened([held], at=house.at())  # looked at before the approval
    (again,) = await store.to_screen(CHAIN, at=house.at(), limit=10)
    assert again.approved == ("words",)


@pytest.mark.parametrize(
    ("action", "text", "approved"), [("revise", "Besser.", ()), ("screen", "Ein Satz.", ("words",))]
)
async def test_a_message_can_be_sent_back_to_the_checks(
    house: House, store: Store, action: Any, text: str, approved: tuple[str, ...]
) -> None:
    """With another text, to which no approval belongs, or as it is; also while the chain looks."""
    message = await house.accepted(text="Ein Satz.")
    until = house.now + HOUR
    held = Screened(message=message, state="held", chain=CHAIN, code="words", until=until)
    assert "not held" in str(await store.set_message(message.id, action, at=house.at(), text="x"))
    await store.screened([held], at=house.at())
    await store.set_message(message.id, "approve", at=house.at(), by="anna")
    (before,) = await store.to_screen(CHAIN, at=house.at(), limit=10)
    assert await store.set_message(message.id, action, at=house.at(), by="bert", text=text) is None
    stale = msgspec.structs.replace(held, message=before)
    await store.screened([stale], at=house.at())
    (again,) = await store.to_screen(CHAIN, at=house.at(), limit=10)
    assert (again.text, again.approved) == (text, approved)
    await store.screened([msgspec.structs.replace(held, message=again)], at=house.at())
    assert await store.to_screen(CHAIN, at=house.at(), limit=10) == []
    journal = (await store.report("message", id=message.id))["journal"]
    told = [(e["name"], e["code"], e["detail"]) for e in journal if e["detail"] in ("anna", "bert")]
    assert told == [("message.approve", "words", "anna"), (f"message.{action}", "", "bert")]


async def test_the_time_of_a_message_can_change_in_the_chain(house: House, store: Store) -> None:
    """What the chain changed is what counts: here the expiry."""
    await house.confirmed(1)
    message = await house.accepted()
    short = message.replace(expires_at=moment(house.now + SECOND))
    await store.screened([Screened(message=short, state="ready", chain=CHAIN)], at=house.at())
    await house.fan_out(message)
    refusal = await house.begin(await house.leased(), at=house.now + SECOND)
    assert refusal is not None
    assert refusal.code == "expired"
