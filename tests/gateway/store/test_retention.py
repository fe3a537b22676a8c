"""What is kept for a time and goes, in short steps; what stands, or is held, stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from gateway.inbound import (
    AccountEvent,
    Case,
    Close,
    Echo,
    Intake,
    Person,
    SignUp,
)
from gateway.message import Basis
from gateway.store.protocol import Store, moment
from gateway.store.rights import Purge
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, SECOND, House, consent, phone

DAY = 24 * HOUR
YEAR = 365 * DAY


async def purge(
    house: House, *kinds: Purge, before: int, limit: int = 3, observers: Iterable[str] = ()
) -> int:
    """Run every step of some kinds; returns how much went."""
    gone = 0
    for what in kinds:
        after: int | None = 0
        steps = 0
        while after is not None:
            done = await house.store.purge(
                what, before=before, after=after, limit=limit, at=house.at(),
                observers=tuple(observers),
            )  # fmt: skip
            gone, after, steps = gone + done.gone, done.after, steps + 1
            assert steps < 200, "it never ends"
    return gone


async def writes(house: House, n: int, key: str, raw: bytes = b"{}") -> None:
    await house.says(n, "words", key=key, raw=raw)


async def test_raw_webhooks_go_first(house: House, engine: Sqlite) -> None:
    """The words stay; so do the raw bytes of who is held and of what is young."""
    for n in range(1, 8):
        await writes(house, n, f"k{n}")
    await house.store.hold(await house.contact(2), reason="x", at=house.at())
    now = house.at()
    event = AccountEvent(name="x", at=moment(now), raw=b"{}")
    await house.store.intake(Intake(sender="wa", events=(event,)), {}, at=now)
    border = house.at()
    await writes(house, 9, "young")
    assert await purge(house, "raw", "account", before=border) == 7
    left = engine.sql("SELECT provider_id FROM inbound WHERE raw <> x'' ORDER BY id")
    assert left == [("k2",), ("young",)]
    assert engine.sql("SELECT DISTINCT words FROM inbound") == [("words",)]
    assert await purge(house, "raw", "account", before=border) == 0


async def test_a_conversation_goes(house: House, engine: Sqlite, store: Store) -> None:
    """Messages, closed cases and echoes; an open case stays, however old."""
    await writes(house, 1, "old")
    contact = await house.contact(1)
    cases = [
        Case(kind="callback", external_id=name, contact=contact, text=name, id=id)
        for id, name in ((5, "open"), (6, "closed"))
    ]
    await store.accept("x", [], at=house.at(), cases=cases)
    await store.accept("x", [], at=house.at(), closes=[Close(case=6, by="anna")])
    echo = Echo(provider_id="e", identities=phone(1), at=moment(house.at()))
    await store.intake(Intake(sender="wa", echoes=(echo,)), {}, at=house.at())
    assert await purge(house, "conversation", "cases", "echoes", before=house.at()) == 3
    assert engine.sql("SELECT text FROM cases") == [("open",)]
    assert engine.sql("SELECT count(*) FROM inbound") == [(0,)]


async def sent(house: House) -> None:
    """Everybody gets a message."""
    await house.started()
    while leased := await house.lease():
        for delivery in leased:
            basis = Basis(kind="consent", event=delivery.permissions.consent)
            assert await house.begin(delivery.replace(basis=basis)) is None
            await house.settle(delivery)


async def test_what_was_sent_goes_in_chunks(house: House, engine: Sqlite, store: Store) -> None:
    """Deliveries and attempts in steps, then the message; it is never accepted again."""
    await house.confirmed(8)
    await sent(house)
    border = house.at()
    await sent(house)
    assert await purge(house, "sent", before=border) == 9
    assert engine.sql("SELECT count(*) FROM messages") == [(1,)]
    assert engine.sql("SELECT count(*) FROM deliveries") == [(8,)]
    assert engine.sql("SELECT count(*) FROM attempts") == [(8,)]
    assert engine.sql("SELECT count(*) FROM external_ids") == [(2,)]
    assert await purge(house, "sent", before=border) == 0


async def test_a_message_that_still_waits_stays(house: House) -> None:
    """Held by the chain, or with open deliveries: that is no history."""
    await house.confirmed(2)
    await house.accepted()
    await house.started()
    await house.leased()
    assert await purge(house, "sent", before=house.at()) == 0


async def test_what_was_sent_to_a_held_contact_stays(house: House, engine: Sqlite) -> None:
    """And with it the message, until the hold is lifted."""
    contacts = await house.confirmed(3)
    await sent(house)
    await house.store.hold(contacts[1], reason="x", at=house.at())
    assert await purge(house, "sent", before=house.at()) == 2
    assert engine.sql("SELECT contact_id FROM deliveries") == [(contacts[1],)]
    await house.store.hold(contacts[1], reason="", at=house.at())
    assert await purge(house, "sent", before=house.at()) == 2
    assert engine.sql("SELECT count(*) FROM messages") == [(0,)]


async def test_contents_go_when_they_are_no_longer_used(house: House, engine: Sqlite) -> None:
    """The time is noted again while a content is in use."""
    await house.confirmed(2)
    await sent(house)
    border = house.at()
    house.now += 2 * HOUR
    await sent(house)
    assert await purge(house, "contents", before=border) == 0
    assert await purge(house, "contents", before=house.at()) == 1
    assert engine.sql("SELECT count(*) FROM contents") == [(0,)]


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ([("confirmed", 1)], 1),  # a standing consent: for ever
        ([("requested", 1)], 1),
        ([("confirmed", 1), ("withdrawn", 2)], 0),
        ([("requested", 1), ("refused", 2)], 0),
        ([("confirmed", 1), ("withdrawn", 9)], 2),  # it ended lately
        ([("confirmed", 1), ("withdrawn", 2), ("confirmed", 3)], 3),
    ],
)
async def test_evidence_goes_after_the_end_of_its_consent(
    house: House, engine: Sqlite, told: list[tuple[str, int]], kept: int
) -> None:
    """Nothing else ends the time for which a consent has to be proved."""
    start = house.now
    for name, years in told:
        house.now = start + years * YEAR
        await house.tell(1, name)
    await purge(house, "proof", before=start + 5 * YEAR)
    assert engine.sql("SELECT count(*) FROM consent_evidence") == [(kept,)]


async def test_with_the_last_evidence_the_person_goes(house: House, engine: Sqlite) -> None:
    """Only the keyed hash stays, so that the withdrawal still holds against every list."""
    (contact,) = await house.confirmed(1)
    await house.store.attach(contact, b"f" * 32, "scan.pdf", at=house.at())
    house.later()
    await house.tell(1, "withdrawn", None)
    done = await house.store.purge(
        "proof", before=house.at(), after=0, limit=9, at=house.at(), observers=()
    )
    assert done.files == (b"f" * 32,)
    assert engine.sql("SELECT count(*) FROM identities") == [(0,)]
    assert await house.store.find(phone(1)[0]) is None
    proof = consent("imported", house.at())
    person = Person(identities=phone(1), events=(proof,))
    await house.store.accept("list", [], at=house.at(), people=[person])
    assert await house.store.find(phone(1)[0]) is None


async def test_evidence_of_a_held_contact_stays(house: House, engine: Sqlite) -> None:
    """A lawsuit may need it."""
    (contact,) = await house.confirmed(1)
    house.later()
    await house.tell(1, "withdrawn", None)
    await house.store.hold(contact, reason="x", at=house.at())
    assert await purge(house, "proof", before=house.at()) == 0
    assert engine.sql("SELECT count(*) FROM consent_evidence") == [(2,)]


async def test_who_never_confirmed_goes(house: House, engine: Sqlite, store: Store) -> None:
    """With all that they wrote; who said yes, who wrote lately and who waits for us stays."""
    for n in (1, 2, 3, 4):
        await house.says(n, "START", key=f"s{n}")
        await house.tell(n, "requested")
    house.later()
    await house.tell(2, "confirmed")
    waiting = Case(kind="question", external_id="q", contact=await house.contact(3))
    await store.accept("x", [], at=house.at(), cases=[waiting])
    border = house.at()
    await house.says(4, "still here", key="late")
    assert await purge(house, "unconfirmed", before=border) == 1
    assert [await store.find(phone(n)[0]) is None for n in (1, 2, 3, 4)] == [
        True, False, False, False,
    ]  # fmt: skip
    assert engine.sql("SELECT words FROM inbound WHERE provider_id LIKE 'erased:%'") == [("",)]
    assert engine.sql("SELECT count(*) FROM suppressed") == [(0,)], "they may sign up again"


async def test_who_is_known_for_nothing_goes(house: House, store: Store) -> None:
    """Stored from a list without consent, and nothing ever came of it."""
    people = [Person(identities=phone(n)) for n in range(1, 6)]
    await store.accept("list", [], at=house.at(), people=people)
    await house.tell(2, "confirmed")
    await house.says(3, "hello")
    await store.hold(await house.contact(4), reason="x", at=house.at())
    assert await purge(house, "contacts", before=house.at()) == 2
    assert [await store.find(phone(n)[0]) is None for n in range(1, 6)] == [
        True, False, False, False, True,
    ]  # fmt: skip


async def test_the_journal_waits_for_its_readers(
    house: House, engine: Sqlite, store: Store
) -> None:
    """An observer that was away for long still gets every event."""
    await house.confirmed(9)
    end = await store.journal_end()
    await store.noticed("signup", end - 4, [], at=house.at())
    later = house.now + SECOND
    assert await purge(house, "journal", before=later, observers=("signup", "new")) == 0
    assert await purge(house, "journal", before=later, observers=("signup",)) == end - 4
    assert len(await store.events_after("signup", limit=50)) == 4
    assert await purge(house, "journal", before=later) == 4


async def test_windows_go_once_they_are_over(house: House, engine: Sqlite, store: Store) -> None:
    """Not one that is open, and not that of somebody who is held."""
    over = house.now + DAY
    for n in (1, 2, 3, 4):
        await writes(house, n, f"k{n}")
        house.later()
    await store.hold(await house.contact(2), reason="x", at=house.at())
    assert await purge(house, "windows", before=over, limit=1) == 0, "they are open"
    assert await purge(house, "windows", before=over + 3 * SECOND, limit=1) == 2
    left = engine.sql("SELECT contact_id FROM windows ORDER BY until")
    assert left == [(await house.contact(2),), (await house.contact(4),)]


async def test_sign_ups_and_lookups_go(house: House, engine: Sqlite, store: Store) -> None:
    """Links and QR codes are there for good; a form that nobody bound is not."""
    made = moment(house.at())
    sign_ups = [
        SignUp(code=code, topics=("news",), source="form", at=made, reusable=code == "LINK")
        for code in ("A", "B", "LINK")
    ]
    await store.accept("x", [], at=house.at(), sign_ups=sign_ups)
    await store.looked("anna", "contacts show", 1, at=house.at())
    assert await purge(house, "sign_ups", "lookups", before=house.at()) == 3
    assert engine.sql("SELECT code FROM sign_ups") == [("LINK",)]


async def test_what_is_kept_can_be_asked(house: House, store: Store) -> None:
    """How much, since when, and how much is over its time."""
    await house.confirmed(2)
    await sent(house)
    border = house.at()
    await writes(house, 1, "young")
    kept = await store.people_report("kept", before={"sent": border, "raw": border})
    about: dict[str, Any] = {one["what"]: one for one in kept}
    assert (about["sent"]["kept"], about["sent"]["old"]) == (1, 1)
    assert (about["raw"]["kept"], about["raw"]["old"]) == (1, 0)
    assert (about["journal"]["kept"] > 5, about["journal"]["old"]) == (True, 0)


async def test_what_was_done_is_journalled(store: Store, engine: Sqlite) -> None:
    """Counts, and nothing about anybody."""
    await store.purged({"raw": 3, "sent": 9}, at=5)
    row = engine.sql("SELECT at, detail FROM journal WHERE name = 'retention.purged'")
    assert row == [(5, '{"raw":3,"sent":9}')]
