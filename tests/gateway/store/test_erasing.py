"""Erasing a person: everything personal is gone from the file, the chain holds, others keep theirs."""

from __future__ import annotations

import hashlib

import pytest

from gateway.consent_chain import COLUMNS, Row, row_digest
from gateway.inbound import Case, Inbound, Intake, Person, Preference, SignUp, Status
from gateway.message import Basis, Identity, Message, Text
from gateway.store.protocol import Intent, Store, moment
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import HOUR, House, consent, phone

NUMBER = "+4917130001234"
USER = Identity("user_id", "DE.4001")
SECRETS = ("17130001234", "DE.4001", "Ada Lovelace", "my secret", "answer to Ada", "2001:db8")


async def lived(house: House) -> int:
    """A person who left traces everywhere; returns the contact."""
    store = house.store
    event = consent("confirmed", house.at()).replace(evidence={"ip": "2001:db8::7"})
    person = Person(identities=(Identity("phone", NUMBER),), events=(event,), name="Ada Lovelace")
    sign_up = SignUp(
        code="K7F3", topics=("news",), source="form", at=moment(house.at()),
        evidence={"ip": "2001:db8::7"},
    )  # fmt: skip
    await store.accept("crm", [], at=house.at(), people=[person], sign_ups=[sign_up])
    contact = await store.find(person.identities[0])
    assert contact is not None
    message = Inbound(
        provider_id="wamid.17130001234", identities=(*person.identities, USER),
        at=moment(house.at()), kind="text", words="my secret", caption="my secret",
        quoted="wamid.17130001234", raw=b'{"from": "17130001234"}',
    )  # fmt: skip
    await store.intake(Intake(sender="wa", messages=(message,)), {}, at=house.at())
    case = Case(
        kind="erasure", external_id="e", contact=contact, text="my secret",
        fields={"name": "Ada Lovelace"},
    )  # fmt: skip
    wish = Preference(contact=contact, paused_until=moment(house.at() + HOUR), per_week=1)
    await store.accept("x", [], at=house.at(), cases=[case], preferences=[wish])
    await store.attach(contact, b"f" * 32, "ada.pdf", at=house.at())
    await store.looked("anna", "contacts show", contact, at=house.at())
    return contact


async def answered(house: House, contact: int, body: str) -> Message:
    """A service message to one person goes out."""
    message = await house.started(
        to=contact, kind="service", topic=None, text=body, title=body, forms=(Text(body=body),)
    )
    (delivery,) = await house.lease()
    content = f'{{"type":"text","body":"{body}"}}'.encode()
    intent = Intent(
        delivery=delivery.replace(basis=Basis(kind="window")), at=house.at(),
        content=hashlib.sha256(content).digest(), body=content,
    )  # fmt: skip
    assert await house.store.begin([intent], "n1") == [None]
    await house.settle(delivery, provider_id="wamid.17130001234.out")
    return message


async def erase(house: House, contact: int) -> None:
    await house.store.withdraw([contact], source="erasure", at=house.at())
    done = await house.store.erase(contact, by="anna", reason="asked for it", at=house.at())
    assert done.refused == ""


def everything(engine: Sqlite) -> str:
    """Every value of every row of every table, as text."""
    found = []
    for (table,) in engine.sql("SELECT name FROM sqlite_schema WHERE type = 'table'"):
        for row in engine.sql(f'SELECT * FROM "{table}"'):
            found += [
                value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                for value in row
            ]
    return "\n".join(found)


async def test_nothing_of_the_person_is_left(house: House, engine: Sqlite) -> None:
    """Every value of every table is looked at, for every piece that was personal."""
    contact = await lived(house)
    await answered(house, contact, "answer to Ada")
    before = everything(engine)
    assert [secret for secret in SECRETS if secret not in before] == []
    engine.sql(f"UPDATE sign_ups SET contact_id = {contact}")  # the person's START bound it
    await erase(house, contact)
    after = everything(engine)
    assert [secret for secret in SECRETS if secret in after] == []


@pytest.mark.parametrize("stops", [False, True])
async def test_a_late_status_brings_nothing_back(house: House, engine: Sqlite, stops: bool) -> None:
    """The message is read after the erasure, or stopped at the provider: the provider's id holds
    the number, and so does what it shows of the person."""
    contact = await lived(house)
    await answered(house, contact, "answer to Ada")
    (delivery,) = engine.sql("SELECT id FROM deliveries")[0]
    engine.sql(f"UPDATE sign_ups SET contact_id = {contact}")  # the person's START bound it
    await erase(house, contact)
    status = Status(
        status="failed" if stops else "read", at=moment(house.at()), callback=f"{delivery}:1",
        provider_id="wamid.17130001234.out", identities=(Identity("phone", NUMBER), USER),
        action="withdraw" if stops else "fail",
    )  # fmt: skip
    taken = await house.store.intake(Intake(sender="wa", statuses=(status,)), {}, at=house.at())
    assert taken.unmatched == 0
    assert engine.sql("SELECT max(read_at IS NULL) FROM attempts") == [(int(stops),)]
    after = everything(engine)
    assert [secret for secret in SECRETS if secret in after] == []


async def test_the_chain_still_holds(house: House, engine: Sqlite) -> None:
    """What is personal lies beside the chain, so that no link breaks."""
    contact = await lived(house)
    await house.confirmed(3)
    await erase(house, contact)
    previous, count = bytes(32), 0
    for values in engine.sql(f"SELECT {COLUMNS} FROM consent_events ORDER BY number"):
        row = Row._make(values)
        assert (row.previous, row_digest(row)) == (previous, row.hash)
        previous, count = row.hash, count + 1
    assert count == 5  # three of others; confirmed and withdrawn of the one who is gone
    evidence = "SELECT count(*) FROM consent_evidence"
    assert engine.sql(evidence) == [(3,)]


async def test_what_others_got_too_stays(house: House, engine: Sqlite) -> None:
    """A campaign's content is the proof of what others got; only own answers are emptied."""
    contact = await lived(house)
    await house.confirmed(2)
    message = await house.started()
    for delivery in await house.lease():
        delivery = delivery.replace(basis=Basis(kind="consent", event=delivery.permissions.consent))
        if await house.begin(delivery) is None:
            await house.settle(delivery)
    await erase(house, contact)
    assert engine.sql("SELECT count(*) FROM contents") == [(1,)]
    assert (await house.store.report("message", id=message.id))["text"] == "hi"


async def test_a_text_that_several_got_stays_until_the_last(house: House, engine: Sqlite) -> None:
    """The same welcome went to two people: erasing one leaves it for the other."""
    contact = await lived(house)
    await answered(house, contact, "welcome")
    await house.says(2, "hello")
    other = await house.contact(2)
    await answered(house, other, "welcome")
    await erase(house, contact)
    assert engine.sql("SELECT count(*) FROM contents") == [(1,)]
    await erase(house, other)
    assert engine.sql("SELECT count(*) FROM contents") == [(0,)]
    await house.says(3, "hello")
    await answered(house, await house.contact(3), "welcome")
    assert engine.sql("SELECT count(*) FROM contents") == [(1,)], "it is written again when used"


async def test_open_cases_are_closed(house: House, store: Store) -> None:
    """The request to be erased is done; nobody is left to answer the others."""
    contact = await lived(house)
    await erase(house, contact)
    assert await store.cases() == []
    (case,) = await store.cases(closed=True)
    assert (case.closed_by, case.text, case.fields) == ("anna", "", {})


async def test_proof_files_are_named_for_deletion(house: House, store: Store) -> None:
    """A scan that proves two people's consent stays until both are gone."""
    contact = await lived(house)
    (other,) = await house.confirmed(1)
    for who in (contact, other):
        await store.attach(who, b"s" * 32, "list.pdf", at=house.at())
    first = await store.erase(contact, by="a", reason="", at=house.at())
    second = await store.erase(other, by="a", reason="", at=house.at())
    assert (first.files, second.files) == ((b"f" * 32,), (b"s" * 32,))


async def test_a_held_contact_is_not_erased(house: House, store: Store) -> None:
    """Until the hold is lifted; the sentence says why."""
    contact = await lived(house)
    await store.hold(contact, reason="lawsuit 7 O 12/26", at=house.at())
    done = await store.erase(contact, by="a", reason="", at=house.at())
    assert "lawsuit 7 O 12/26" in done.refused
    await store.hold(contact, reason="", at=house.at())
    assert (await store.erase(contact, by="a", reason="", at=house.at())).refused == ""


async def test_what_is_in_the_air_lands_first(house: House, store: Store) -> None:
    """An attempt that is out could not be settled for somebody who is gone."""
    (contact,) = await house.confirmed(1)
    await house.started()
    delivery = await house.sending()
    await store.withdraw([contact], source="erasure", at=house.at())
    assert "is being sent" in (await store.erase(contact, by="", reason="", at=house.at())).refused
    await house.settle(delivery)
    assert (await store.erase(contact, by="", reason="", at=house.at())).refused == ""


@pytest.mark.parametrize("again", [True, False])
async def test_erased_is_erased(house: House, store: Store, again: bool) -> None:
    """Twice, or nobody at all: a sentence."""
    contact = await lived(house)
    await erase(house, contact)
    done = await store.erase(contact if again else 77, by="", reason="", at=house.at())
    assert done.refused == (
        "this contact was erased already" if again else "there is no such contact"
    )


async def test_both_halves_of_a_merged_person_go(house: House, engine: Sqlite) -> None:
    """The absorbed contact's events and words are the same person's."""
    await house.says((USER,), "my secret")
    await house.confirmed(1)
    await house.says((*phone(1), USER), "hello")
    contact = await house.contact(1)
    await erase(house, contact)
    assert "my secret" not in everything(engine)
    assert engine.sql("SELECT count(*) FROM consent_evidence") == [(0,)]
    assert engine.sql("SELECT count(*) FROM contacts WHERE erased_at IS NULL") == [(0,)]
