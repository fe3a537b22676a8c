"""What the company writes in the phone app: known, counted once, and an answer to what was asked."""

from __future__ import annotations

from datetime import timedelta

from gateway.inbound import Case, Echo, Intake
from gateway.message import Identity
from gateway.store.protocol import Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, SECOND, House, phone


async def echo(
    house: House, n: int, key: str = "e1", *, ago: int = 0, who: tuple[Identity, ...] = ()
) -> None:
    """The company writes to person n, so many microseconds ago, by the provider's clock."""
    at = (house.at() - ago) // SECOND * SECOND
    one = Echo(provider_id=key, identities=who or phone(n), at=moment(at))
    await house.store.intake(Intake(sender="wa", echoes=(one,)), {}, at=house.at())


async def asks(house: House, n: int, key: str, kind: str = "question", ago: int = 0) -> Case:
    """Person n writes, and an observer opens a case of it."""
    await house.says(n, "Habt ihr offen?", key=key, ago=timedelta(microseconds=ago))
    contact = await house.contact(n)
    found = [e for e in await house.store.events_after("x", limit=999) if e.name == "inbound"][-1]
    case = Case(
        kind=kind,  # type: ignore[arg-type]
        external_id=key, text="Habt ihr offen?", contact=contact, inbound=found.inbound, sender="wa",
    )  # fmt: skip
    await house.store.accept("answers", [], at=house.at(), cases=[case])
    known = await house.store.cases(contact=contact)
    known += await house.store.cases(contact=contact, closed=True)
    return next(one for one in known if one.inbound == found.inbound)


async def names(house: House) -> list[tuple[str, int | None]]:
    events = await house.store.events_after("x", limit=999)
    return [(e.name, e.contact) for e in events if e.name in ("echo", "case.closed")]


async def test_an_echo_closes_what_that_person_asked(house: House, store: Store) -> None:
    """Of this person alone, and only what is a question."""
    mine = await asks(house, 1, "a")
    again = await asks(house, 1, "b")
    call = await asks(house, 1, "c", kind="callback")
    other = await asks(house, 2, "d")
    house.now += HOUR
    await echo(house, 1)
    closed = [await store.case(one.id) for one in (mine, again)]
    assert [(c.closed_by, c.answer) for c in closed if c] == [("phone app", "")] * 2
    assert {c.id for c in await store.cases()} == {call.id, other.id}
    contact = await house.contact(1)
    assert await names(house) == [("echo", contact), *[("case.closed", contact)] * 2]


async def test_an_echo_that_comes_again_is_none(house: House, store: Store) -> None:
    """Webhooks are repeated: a question that came after the echo stays open."""
    await house.says(1, "Hallo")
    await echo(house, 1, "e1")
    house.now += HOUR
    case = await asks(house, 1, "a")
    await echo(house, 1, "e1")
    found = await store.case(case.id)
    assert found is not None
    assert found.closed_at is None
    assert len(await names(house)) == 1


async def test_an_old_echo_answers_no_later_question(house: House, store: Store) -> None:
    """Webhooks can be hours late; what counts is when the company wrote."""
    case = await asks(house, 1, "a")
    await echo(house, 1, ago=2 * HOUR)
    found = await store.case(case.id)
    assert found is not None
    assert found.closed_at is None
    house.now += HOUR
    await echo(house, 1, "e2", ago=-5 * HOUR)  # a clock that is ahead is not believed
    contact = await store.contact(await house.contact(1))
    assert contact is not None
    assert contact.echoed_at is not None
    assert contact.echoed_at <= moment(house.now)


async def test_an_echo_in_the_second_of_the_question_answers_it(house: House, store: Store) -> None:
    """The provider's times are whole seconds."""
    house.now = house.now // SECOND * SECOND + SECOND // 2
    case = await asks(house, 1, "a")
    await echo(house, 1)
    found = await store.case(case.id)
    assert found is not None
    assert found.closed_by == "phone app"


async def test_a_question_that_was_answered_before_its_case_is_closed_at_once(house: House) -> None:
    """The observer opens cases after the webhook; the person at the phone may be faster."""
    await house.says(1, "Habt ihr offen?", key="a")
    contact = await house.contact(1)
    house.now += SECOND
    await echo(house, 1)
    events = await house.store.events_after("x", limit=999)
    inbound = next(e.inbound for e in events if e.name == "inbound")
    case = Case(kind="question", external_id="a", contact=contact, inbound=inbound)
    await house.store.accept("answers", [], at=house.at(), cases=[case])
    assert await house.store.cases() == []
    (closed,) = await house.store.cases(closed=True)
    assert closed.closed_by == "phone app"


async def test_somebody_new_is_known_by_an_echo(house: House, store: Store, engine: Sqlite) -> None:
    """The company wrote first: whoever that is has no consent and no window."""
    await echo(house, 7)
    contact = await store.contact(await house.contact(7))
    assert contact is not None
    assert (contact.consents, contact.windows) == ((), {})
    assert engine.sql("SELECT sender, provider_id FROM echoes") == [("wa", "e1")]


async def test_an_echo_to_nobody_is_left_out(house: House, engine: Sqlite) -> None:
    """A group, say."""
    one = Echo(provider_id="e1", identities=(), at=moment(house.now))
    await house.store.intake(Intake(sender="wa", echoes=(one,)), {}, at=house.at())
    assert engine.sql("SELECT * FROM echoes") == []
