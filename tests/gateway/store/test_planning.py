"""The audience in figures, what stands in a quota, what the month cost, one delivery as it waits."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import apsw
import pytest

from gateway.inbound import Identity, Person, Preference
from gateway.message import Message
from gateway.store.planning import OwnCap
from gateway.store.protocol import QuotaUse, moment
from gateway.store.sqlite import plumbing
from gateway.store.sqlite.connection import open_reader
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, SECOND, START, House, consent, phone
from tests.gateway.store.test_query_plans import SCAN, plan

DAY = 24 * HOUR
KINDS = ("phone", "user_id")


async def audience(house: House, message: Message, **changes: Any) -> Counter[tuple[Any, ...]]:
    """(left out, open window, quotas it stands in, prefix) → people."""
    asked: dict[str, Any] = {
        "at": house.at(), "windows": True, "margin": 0, "kinds": KINDS, "quotas": (), "caps": (),
    }  # fmt: skip
    found = await house.store.audience(message, **(asked | changes))
    counted: Counter[tuple[Any, ...]] = Counter()
    for group in found:
        counted[group.left_out, group.open, group.counted, group.prefix] += group.n
    return counted


HERE = ("", False, frozenset(), "+4915")


async def test_whom_a_message_reaches_and_whom_not(house: House) -> None:
    """By consent, by the person's own pause, by how the person is known."""
    contacts = await house.confirmed(5)
    await house.tell(20, "requested")
    await house.tell(21, "withdrawn")
    message = await house.accepted()
    house.later()
    await house.confirmed(1, first=30)
    pause = Preference(contact=contacts[0], paused_until=moment(house.now + DAY))
    await house.store.accept("x", [], at=house.at(), preferences=[pause])
    assert await audience(house, message) == {
        HERE: 4,
        ("paused", False, frozenset(), "+4915"): 1,
        ("requested", False, frozenset(), ""): 1,
        ("withdrawn", False, frozenset(), ""): 1,
        ("later", False, frozenset(), ""): 1,
    }
    utility = await house.accepted(kind="utility")
    assert (await audience(house, utility))[HERE] == 6, "a pause is about news"


async def test_the_country_and_who_cannot_be_reached(house: House) -> None:
    """The first kind that the sender reaches tells the country."""
    now = house.at()
    known = [
        (Identity("phone", "+436641234567"), Identity("user_id", "AT.1")),
        (Identity("user_id", "CH.22"),),
        (Identity("mail", "somebody"),),
    ]
    people = [Person(identities=one, events=(consent("confirmed", now),)) for one in known]
    await house.store.accept("crm", [], at=now, people=people)
    message = await house.accepted()
    found = await audience(house, message)
    assert {(why, prefix): n for (why, _, _, prefix), n in found.items()} == {
        ("", "+4366"): 1, ("", "CH."): 1, ("unreachable", ""): 1,
    }  # fmt: skip
    found = await audience(house, message, kinds=("phone",))
    assert sum(n for (why, *_), n in found.items() if why == "unreachable") == 2


async def test_open_windows(house: House) -> None:
    """Those who wrote within a day; without windows that is no question."""
    await house.confirmed(3)
    await house.says(1, "hallo")
    message = await house.accepted()
    assert (await audience(house, message))["", True, frozenset(), "+4915"] == 1
    assert (await audience(house, message, margin=DAY))[HERE] == 3
    assert (await audience(house, message, windows=False))[HERE] == 3


async def test_who_stands_in_a_quota_already(house: House) -> None:
    """Of each quota that is asked about; until its use is over."""
    contacts = await house.confirmed(3)
    await house.started()
    for contact, key in ((contacts[0], "tier:wa"), (contacts[1], "tier:wa"), (contacts[1], "warm")):
        await use(house, key, str(contact), 10 * SECOND)
    message = await house.accepted()
    quotas = ("tier:wa", "warm")
    found = await audience(house, message, quotas=quotas)
    assert {counted: n for (_, _, counted, _), n in found.items()} == {
        frozenset(): 1, frozenset({"tier:wa"}): 1, frozenset(quotas): 1,
    }  # fmt: skip
    standing = await house.store.standing("tier:wa", at=house.at())
    assert len(standing) == 2
    assert standing == sorted(standing)
    house.now += 11 * SECOND
    assert await house.store.standing("tier:wa", at=house.at()) == []
    assert (await audience(house, message, quotas=quotas))[HERE] == 3


async def use(house: House, key: str, subject: str, lasts: int, times: int = 1) -> None:
    """One delivery that counts against a quota."""
    leased = await house.leased()
    now = house.at()
    uses = tuple(
        QuotaUse(key=key, subject=subject, at=now + n, until=now + lasts) for n in range(times)
    )
    assert await house.begin(leased, uses=uses) is None
    await house.settle(leased)


@pytest.mark.parametrize(("n", "capped"), [(1, 1), (2, 1), (3, 0)])
async def test_who_got_as_much_as_a_person_gets(house: House, n: int, capped: int) -> None:
    """By the uses within the window, of this topic and not of another that begins like it."""
    contacts = await house.confirmed(3)
    await house.started()
    await use(house, f"topic:{contacts[0]}:news", "", 7 * DAY, times=2)
    await use(house, f"topic:{contacts[1]}:bignews", "", 7 * DAY, times=5)
    message = await house.accepted()
    cap = OwnCap("topic:", ":news", n, 3600.0)
    found = await audience(house, message, caps=[cap])
    assert found["capped", False, frozenset(), "+4915"] == capped
    house.now += 2 * HOUR
    assert (await audience(house, message, caps=[cap]))[HERE] == 3


async def test_a_message_to_one(house: House) -> None:
    (contact,) = await house.confirmed(1)
    message = await house.accepted(topic=None, to=contact, kind="utility")
    assert await audience(house, message) == {HERE: 1}


async def test_what_was_sent_since_and_what_waits(house: House) -> None:
    """By category as the provider says, else by kind; what is free or failed costs nothing."""
    await house.confirmed(6)
    first = await house.started()
    for billable, category in ((True, "marketing"), (True, "utility"), (False, "marketing")):
        sent = await house.sending()
        await house.settle(sent)
        await house.status(sent, "delivered", billable=billable, category=category)
    await house.settle(await house.sending())
    await house.settle(await house.sending(), "failed")
    since = START - 60 * DAY  # ids tell the time of this machine, which lies before the house's
    found = await house.store.spending(since=since, besides=0)
    assert found.sent == {("marketing", "+4915"): 2, ("utility", "+4915"): 1}
    assert found.open == {"marketing": 1}
    found = await house.store.spending(since=since, besides=first.id)
    assert (found.sent, found.open) == ({}, {})
    assert (await house.store.spending(since=house.now + HOUR, besides=0)).sent == {}


async def test_a_delivery_as_it_would_be_leased(house: House) -> None:
    """Looking takes nothing; what does not wait is not shown."""
    await house.confirmed(1)
    await house.started()
    leased = await house.leased()
    await house.give_back(leased)
    asked: dict[str, Any] = {"at": house.at(), "windows": True, "margin": 0}
    for _ in range(2):
        assert await house.store.peek(leased.id, **asked) == leased.replace(basis=None)
    again = await house.leased()
    assert again.attempt == leased.attempt
    await house.says(1, "hallo")
    looked = await house.store.peek(leased.id, **(asked | {"at": house.at()}))
    assert looked is not None
    assert looked.content.form == "text"
    assert looked.identities == phone(1)
    assert await house.begin(again) is None
    assert await house.store.peek(leased.id, **asked) is None
    assert await house.store.peek(1, **asked) is None


async def test_a_plan_looks_at_no_whole_table(
    house: House, engine: Sqlite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But at one topic's consents and at the month's attempts, however many others there are."""
    await house.confirmed(1)
    await house.started()
    executed: set[str] = set()

    def traced(path: Path) -> apsw.Connection:
        connection = open_reader(path)

        def note(cursor: object, sql: str, bindings: object) -> bool:
            executed.add(sql)
            return True

        connection.exec_trace = note
        return connection

    monkeypatch.setattr(plumbing, "open_reader", traced)
    async with engine.open() as store:
        again = House(store)
        message = await again.accepted()
        cap = OwnCap("topic:", ":news", 1, 60.0)
        await audience(again, message, quotas=("tier:wa",), caps=[cap])
        await store.standing("tier:wa", at=again.at())
        await store.spending(since=START, besides=0)
        await store.peek(1, at=again.at(), windows=True, margin=0)
    looked = [sql for sql in executed if sql.lstrip().startswith("SELECT")]
    assert len(looked) >= 6
    connection = open_reader(engine.path)
    for sql in looked:
        how = plan(connection, sql)
        assert not SCAN.search(how), f"{sql}\n{how}"
    connection.close()
