"""Cases: opened once, closed once, answered once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import trio

from gateway.inbound import Case, Close
from gateway.store.protocol import Store, moment
from tests.gateway.store.house import HOUR, House, phone


def case(key: str = "a", **fields: Any) -> Case:
    return Case(**{"kind": "question", "external_id": key, "text": "Wann?", **fields})


async def opened(house: House, *cases: Case, source: str = "answers") -> list[Case]:
    await house.store.accept(source, [], at=house.at(), cases=cases)
    return await house.store.cases()


async def events(house: House, start: str) -> list[tuple[str, str, str]]:
    found = await house.store.events_after("x", limit=999)
    return [(e.name, e.code, e.detail) for e in found if e.name.startswith(start)]


async def test_a_case_is_opened_once(house: House) -> None:
    """Per opener and external id, also after it was closed; numbers go up."""
    (first,) = await opened(house, case(), case())
    assert (first.number, first.source, first.opened_at) == (1, "answers", moment(house.now))
    await house.store.accept("x", [], at=house.at(), closes=[Close(case=first.id, by="anna")])
    assert await opened(house, case()) == []
    found = await opened(house, case(), source="forms")
    assert [one.number for one in found] == [2]
    assert await events(house, "case.") == [
        ("case.opened", "question", ""),
        ("case.closed", "question", "anna"),
        ("case.opened", "question", ""),
    ]


async def test_identities_make_the_contact(house: House, store: Store) -> None:
    """A form knows a number; whoever has it is the one who asked."""
    contact = await house.tell(1, "confirmed")
    (one,) = await opened(house, case(identities=phone(1), kind="callback"))
    assert one.contact == contact
    found = await opened(house, case("b", identities=phone(2)))
    assert found[1].contact == await house.contact(2)


async def test_lists(house: House, store: Store) -> None:
    """Open ones the oldest first, closed ones the newest first, by kind and person."""
    one, two = await house.confirmed(2)
    await opened(house, case("a", contact=one), case("b", contact=two, kind="access"))
    late = case("c", contact=one, opened_at=moment(house.now - HOUR))
    found = await opened(house, late)
    assert [c.number for c in found] == [3, 1, 2]
    assert [c.number for c in await store.cases(contact=one)] == [3, 1]
    assert [c.number for c in await store.cases(kind="access")] == [2]
    for c in found:
        await store.accept("x", [], at=house.at(), closes=[Close(case=c.id, by="anna")])
    assert [c.number for c in await store.cases(closed=True, limit=2)] == [2, 1]
    by_number = await store.people_report("case_by_number", number=3)
    assert by_number.id == found[0].id
    assert await store.people_report("case_by_number", number=9) is None


async def test_figures(house: House, store: Store) -> None:
    now = house.now
    due = {"due_at": moment(now + HOUR)}
    await opened(house, case("a"), case("b"), case("c", kind="access", **due))
    figures = await store.people_report("cases_open", at=now + 2 * HOUR)
    assert figures["question"] == {"open": 2, "overdue": 0, "oldest": now + 1, "due": None}
    assert figures["access"]["overdue"] == 1
    assert figures["access"]["due"] == now + HOUR
    assert (await store.people_report("cases_open", at=now))["access"]["overdue"] == 0


# --- answers ------------------------------------------------------------------------------------
async def test_an_answer_closes_its_case(house: House, store: Store) -> None:
    await house.says(1, "Wann?")
    contact = await house.contact(1)
    (asked,) = await opened(house, case(contact=contact))
    message = house.new("answer:1", to=contact, topic=None, kind="service", text="Um neun.")
    assert await store.answer(asked.id, message, by="anna", at=house.at())
    found = await store.case(asked.id)
    assert found is not None
    assert (found.closed_by, found.answer, found.closed_at) == (
        "anna",
        "Um neun.",
        moment(house.now),
    )
    assert [m.text for m in await store.to_screen("c", at=house.at(), limit=9)] == ["Um neun."]


async def test_two_who_answer_at_once_send_one_answer(house: House, store: Store) -> None:
    await house.says(1, "Wann?")
    contact = await house.contact(1)
    (asked,) = await opened(house, case(contact=contact))
    won: list[bool] = []

    async def answers(text: str) -> None:
        message = house.new(text, to=contact, topic=None, kind="service", text=text)
        won.append(await store.answer(asked.id, message, by=text, at=house.at()))

    async with trio.open_nursery() as nursery:
        for name in ("anna", "bernd", "carla"):
            nursery.start_soon(answers, name)
    assert sorted(won) == [False, False, True]
    (sent,) = await store.to_screen("c", at=house.at(), limit=9)
    found = await store.case(asked.id)
    assert found is not None
    assert found.closed_by == found.answer == sent.text


# --- what was said ------------------------------------------------------------------------------
async def test_a_conversation(house: House, store: Store) -> None:
    """Theirs and ours in the order of time, ours with what became of it; nobody else's."""
    await house.says(1, "Wann?")
    await house.says(2, "Und ich?")
    contact = await house.contact(1)
    await house.started(to=contact, topic=None, kind="service", text="Um neun.")
    await house.says(1, "", caption="Danke")
    lines = await store.people_report("conversation", contact=contact, limit=10)
    assert [(line.ours, line.text) for line in lines][::2] == [(False, "Wann?"), (False, "Danke")]
    assert (lines[1].ours, lines[1].kind, lines[1].state) == (True, "service", "queued")
    short = await store.people_report("conversation", contact=contact, limit=1)
    assert [line.text for line in short] == ["Danke"]


async def test_what_was_said_in_one_second_keeps_its_order(house: House, store: Store) -> None:
    """Webhooks tell whole seconds: of several in one the first to come was said first."""
    for n, words in enumerate(("Hallo", "Seid ihr da?", "Ich hätte eine Frage")):
        await house.says(1, words, ago=timedelta(microseconds=n))
    contact = await house.contact(1)
    lines = await store.people_report("conversation", contact=contact, limit=10)
    assert len({line.at for line in lines}) == 1
    assert [line.text for line in lines] == ["Hallo", "Seid ihr da?", "Ich hätte eine Frage"]
