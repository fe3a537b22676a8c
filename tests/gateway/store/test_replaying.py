"""A database that is older than its replay file: nobody who withdrew is forgotten, nothing goes twice."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import apsw
import pytest

from gateway.inbound import Person, StatusName
from gateway.message import Basis, Delivery, Identity, Message
from gateway.replay import Withdrawn, replay_folder
from gateway.replay_file import ReplayFile
from gateway.stopping import MARKETING, RESTORED
from gateway.store.copying import copy
from gateway.store.outcomes import Resolution
from gateway.store.protocol import QuotaUse
from gateway.store.sqlite import SqliteStore, replaying
from tests.gateway.store.house import HOUR, SECOND, House, consent, phone

KEY = b"k" * 32


class Life:
    """A database that is lost and restored."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "store.db"
        self.kept = folder / "kept.db"
        self.now = 0

    @asynccontextmanager
    async def opened(self, key: bytes = KEY) -> AsyncIterator[House]:
        async with SqliteStore(self.path, suppression_key=key) as store:
            house = House(store)
            house.now = max(house.now, self.now)
            yield house
            self.now = house.now

    def back_up(self) -> None:
        connection = apsw.Connection(str(self.path))
        copy(connection, self.kept, pause=0.0)
        connection.close()

    def restore(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        shutil.copy(self.kept, self.path)

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        connection = apsw.Connection(str(self.path))
        try:
            return list(connection.execute(statement))
        finally:
            connection.close()


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


async def reason(house: House) -> str:
    """Return why marketing is held; "" if it is not."""
    stops = await house.store.stops()
    assert all((stop.scope, stop.code) == (MARKETING, RESTORED) for stop in stops)
    return stops[0].reason if stops else ""


async def send_all(house: House, seen: list[tuple[int, int]]) -> None:
    """Send what is due, and note the message and contact of each."""
    await house.store.recover(at=house.at())
    while found := await house.lease(limit=1):
        basis = Basis(kind="consent", event=found[0].permissions.consent)
        delivery = found[0].replace(basis=basis)
        if await house.begin(delivery) is None:
            seen.append((delivery.message.id, delivery.contact))
            await house.settle(delivery)


async def test_a_start_like_every_other_holds_nothing(life: Life) -> None:
    """Whatever was sent and withdrawn; also when the end comes between file and commit."""
    async with life.opened() as house:
        await house.confirmed(3)
        await house.started()
        await house.settle(await house.sending())
        await house.says(2, "STOP", stop=True)
    async with life.opened() as house:
        assert await reason(house) == ""
    last = life.sql("SELECT value FROM marks WHERE name = 'replay'")[0][0]
    file = ReplayFile(replay_folder(life.path), KEY)
    file.go_on(int(str(last)))
    file.append([Withdrawn(1, 1, "*", False, "wa", (b"x" * 32,))])
    file.close()
    async with life.opened() as house:
        assert await reason(house) == ""
        await house.says(3, "STOP", stop=True)
    async with life.opened() as house:
        assert await reason(house) == ""
    assert life.sql("SELECT * FROM suppressed") == []


async def test_who_withdrew_after_the_backup_stays_withdrawn(life: Life) -> None:
    """By a word, by the provider's switch, from one topic; and marketing is held."""
    async with life.opened() as house:
        for topic in ("news", "jobs"):
            await house.confirmed(3, topic=topic)
        one, two, three = [await house.contact(n) for n in (1, 2, 3)]
        message = await house.started()
        life.back_up()
        house.later()
        await house.says(1, "STOP", stop=True)
        await house.tell(2, "withdrawn", "news")
        life.now = house.now
    life.restore()
    async with life.opened() as house:
        told = await reason(house)
        assert "2 withdrawals and 0 sends" in told
        assert [await house.consent_of(c) for c in (one, two, three)] == [
            "withdrawn", "withdrawn", "confirmed",
        ]  # fmt: skip
        assert [await house.consent_of(c, "jobs") for c in (one, two)] == ["withdrawn", "confirmed"]
        assert [await house.state(message, c) for c in (one, two, three)] == [
            "dropped", "dropped", "queued",
        ]  # fmt: skip
        assert await house.lease() == [], "marketing is held"
        known = await house.store.report("contact", id=one)
        assert known["events"][-1]["source"] == replaying.SOURCE
        assert await house.store.resume(MARKETING, at=house.at())
        assert [d.contact for d in await house.lease()] == [three]
    async with life.opened() as house:
        assert await reason(house) == "", "once"


async def test_nothing_goes_a_second_time(life: Life) -> None:
    """Neither what waited in the backup, nor what was accepted after it and is handed in again."""
    seen: list[tuple[int, int]] = []
    async with life.opened() as house:
        await house.confirmed(5)
        before = await house.started(external_id="before")
        first = await house.sending()
        await house.settle(first)
        seen.append((before.id, first.contact))
        in_the_air = await house.sending()
        life.back_up()
        await house.settle(in_the_air)
        failed = await house.sending()
        await house.settle(failed, "failed", retry_at=house.at())
        again = await house.sending()
        await house.settle(again)
        after = await house.started(external_id="after")
        told = []
        while len([one for one in told if one.message.id == after.id]) < 2:
            told.append(await house.sending())
            await house.settle(told[-1])
        life.now = house.now
    life.restore()
    async with life.opened() as house:
        assert "0 withdrawals and" in await reason(house)
        told_before = [one for one in told if one.message.id == before.id]
        for delivery in (failed, again, *told_before):
            assert await house.state(before, delivery.contact) == "unknown"
        row = await house.row(before, again.contact)
        assert row is not None
        await house.status(again, "delivered")
        assert await house.state(before, again.contact) == "delivered", "a late status finds it"
        await house.store.resume(MARKETING, at=house.at())
        once_more = await house.started(external_id="after")
        assert once_more.id != after.id
        await send_all(house, seen)
        gone = {delivery.contact for delivery in told if delivery.message.id == after.id}
        assert gone
        for contact in gone:
            row = await house.row(once_more, contact)
            assert row is not None
            assert (row["state"], row["code"]) == ("dropped", "sent_before")
        assert not {contact for message, contact in seen if message == once_more.id} & gone
        assert len(seen) == len(set(seen))
        both = {contact for _, contact in seen} | gone
        assert len(both) == 5, "everybody else gets it"


async def test_what_only_the_file_knows_goes_again_for_a_person_alone(life: Life) -> None:
    """The policy for unknown outcomes does not see it, also beside an attempt that it would."""
    async with life.opened() as house:
        one, two = await house.confirmed(2)
        messages = {}
        for contact in (one, two):
            messages[contact] = await house.started(kind="utility", to=contact, topic=None)
        found = await house.lease()
        sent = {d.contact: d.replace(basis=Basis(kind="declared", text="order")) for d in found}
        assert await house.begin(sent[one]) is None
        await house.settle(sent[one], "unknown")
        life.back_up()
        await house.store.resolve([sent[one].id], "resend", at=house.at(), by="anna")
        again = (await house.leased()).replace(basis=sent[one].basis)
        for delivery in (again, sent[two]):
            assert await house.begin(delivery) is None
    life.restore()
    async with life.opened() as house:
        for contact in (one, two):
            assert await house.state(messages[contact], contact) == "unknown"
        far = house.at() + 1
        assert await house.store.unknown_since("utility", before=far, limit=9) == []
        ids = [sent[one].id, sent[two].id]
        told = await house.store.resolve(ids, "resend", at=house.at(), by="anna")
        assert told == ["", ""], "a person may"
        for contact in (one, two):
            assert await house.state(messages[contact], contact) == "queued"


class Two(NamedTuple):
    """A delivery of which two attempts are unknown: the one that was in the air at the moment of the
    backup, and one that was begun after it."""

    house: House
    message: Message
    contact: int
    first: Delivery
    second: Delivery

    async def state(self) -> str | None:
        return await self.house.state(self.message, self.contact)

    async def resolve(self, how: Resolution) -> str:
        at = self.house.at()
        (why,) = await self.house.store.resolve([self.second.id], how, at=at, by="anna")
        return why


@asynccontextmanager
async def two_unknown(life: Life) -> AsyncIterator[Two]:
    async with life.opened() as house:
        (contact,) = await house.confirmed(1)
        message = await house.started()
        first = await house.sending()
        life.back_up()
        await house.settle(first, "failed", action="retry", retry_at=house.now)
        second = await house.sending()
        life.now = house.now
    life.restore()
    async with life.opened() as house:
        await house.store.recover(at=house.at())
        yield Two(house, message, contact, first, second)


async def test_a_backup_of_the_moment_of_a_send(life: Life) -> None:
    """The attempt that was in the air then failed, and another one was begun: nobody knows of
    both, and the delivery is not in the air for ever."""
    async with two_unknown(life) as two:
        store = two.house.store
        assert await two.state() == "unknown"
        assert await store.sending([two.contact]) == []
        assert await two.resolve("not_sent") == ""
        assert await two.state() == "queued"
        await store.resume(MARKETING, at=two.house.at())
        assert await two.house.begin(await two.house.leased()) is None


@pytest.mark.parametrize(
    "told",
    [
        [("second", "failed", "unknown"), ("anna", "sent", "accepted")],
        [("second", "sent", "sent"), ("second", "failed", "unknown"), ("first", "sent", "sent")],
        [("anna", "sent", "accepted"), ("second", "failed", "unknown"), ("anna", "sent", "accepted")],
        [
            ("anna", "sent", "accepted"), ("first", "sent", "sent"), ("first", "failed", "accepted"),
            ("second", "failed", "failed"),
        ],
    ],
)  # fmt: skip
async def test_what_is_told_of_one_of_two(
    life: Life, told: list[tuple[str, StatusName, str]]
) -> None:
    """By statuses, and by a person, who speaks of the one that nobody knows of: if the better one
    fails, it is what the other one makes of it, and no webhook is refused."""
    async with two_unknown(life) as two:
        for of, name, state in told:
            if of == "anna":
                assert await two.resolve("sent") == ""
            else:
                attempt = two.first if of == "first" else two.second
                await two.house.status(attempt, name, provider_id=of)
            assert await two.state() == state
            if state == "unknown":  # why it is, says the one that is
                why = life.sql("SELECT code, detail FROM attempts WHERE state = 1")
                assert life.sql("SELECT code, reason FROM deliveries") == why
        assert await two.resolve("sent") == "not_unknown"


async def test_what_was_used_of_the_limits_is_used_up(life: Life) -> None:
    """The provider has counted it, and the person was written to: also by a message of which the
    backup knows nothing.  What is over by now counts no more."""
    async with life.opened() as house:
        (one,) = await house.confirmed(1)
        life.back_up()
        await house.started()
        now = house.now
        day = QuotaUse("tier:ours", str(one), now, now + 24 * HOUR)
        over = QuotaUse("person", str(one), now, 1)
        assert await house.begin(await house.leased(), uses=(day, over)) is None
    life.restore()
    async with life.opened() as house:
        assert await house.store.quota_uses(at=now) == [day]
        assert life.sql("SELECT count(*) FROM quota_uses") == [(1,)]


async def test_a_stranger_who_withdrew_is_not_brought_back_by_a_list(life: Life) -> None:
    """Signed up and gone after the backup: a list does nothing, the person's own act does."""
    async with life.opened() as house:
        await house.confirmed(1)
        life.back_up()
        house.later()
        await house.confirmed(1, first=2)
        house.later()
        await house.says(2, "STOP", stop=True)
        life.now = house.now
    life.restore()
    async with life.opened() as house:
        assert "1 withdrawal " in await reason(house)
        person = Person(identities=phone(2), events=(consent("imported", house.at() - 9 * SECOND),))
        await house.store.accept("crm", [], at=house.at(), people=[person])
        assert await house.store.report("find_contact", identity=phone(2)[0].value) is None
        assert await house.store.erased_since(phone(2)[0]) is None, "nobody was erased"
        house.later()
        await house.says(2, "hello")
        assert await house.consent_of(await house.contact(2)) is None


async def test_who_was_erased_is_erased_again(life: Life) -> None:
    """What the backup brought back of a person goes; nothing is sent, no list brings them back."""
    async with life.opened() as house:
        (one,) = await house.confirmed(1)
        life.back_up()
        house.later()
        assert not (await house.store.erase(one, by="me", reason="asked", at=house.at())).refused
        life.now = house.now
    life.restore()
    async with life.opened() as house:
        assert "1 withdrawal " in await reason(house)
        assert await house.store.report("find_contact", identity=phone(1)[0].value) is None
        assert await house.store.erased_since(phone(1)[0]) is not None
        assert await house.consent_of(one) != "confirmed"


async def test_every_spelling_of_a_number(life: Life) -> None:
    """WhatsApp knew the phone by another number than the list has."""
    listed, shown = Identity("phone", "+5511987654321"), Identity("phone", "+551187654321")
    async with life.opened() as house:
        person = Person(identities=(listed,), events=(consent("confirmed", house.at()),))
        await house.store.accept("crm", [], at=house.at(), people=[person])
        life.back_up()
        house.later()
        await house.says((shown,), "STOP", stop=True)
        life.now = house.now
    life.restore()
    async with life.opened() as house:
        contact = await house.store.find(listed)
        assert contact is not None
        assert await house.consent_of(contact) == "withdrawn"


async def test_killed_in_the_midst_it_goes_on(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """After each transaction of the replay the end comes once: all is done, each thing once."""
    async with life.opened() as house:
        await house.confirmed(9)
        message = await house.started()
        life.back_up()
        house.later()
        for n in (1, 2, 3):
            await house.says(n, "STOP", stop=True)
        for _ in range(4):
            await house.settle(await house.sending())
        life.now = house.now
    life.restore()
    monkeypatch.setattr(replaying, "CHUNK", 1)
    real = replaying._again
    budget = 0

    class Killed(BaseException):
        pass

    def again(*arguments: object) -> None:
        nonlocal budget
        if budget == 0:
            raise Killed
        budget -= 1
        real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(replaying, "_again", again)
    for _ in range(6):
        budget = 1
        with pytest.raises(Killed):
            async with life.opened():
                pass
    budget = 1
    async with life.opened() as house:
        assert "3 withdrawals and 4 sends" in await reason(house)
        states = [await house.state(message, await house.contact(n)) for n in range(1, 10)]
        assert sorted(filter(None, states)) == (["dropped"] * 3 + ["queued"] * 2 + ["unknown"] * 4)
    events = "SELECT count(*) FROM consent_events WHERE name = 'withdrawn'"
    assert life.sql(events) == [(3,)]


async def test_restored_twice(life: Life) -> None:
    """What was said after the first restore counts as well after the second."""
    async with life.opened() as house:
        one, two = await house.confirmed(2)
        life.back_up()
        house.later()
        await house.says(1, "STOP", stop=True)
        life.now = house.now
    for _ in range(2):
        life.restore()
        async with life.opened() as house:
            assert await house.consent_of(one) == "withdrawn"
            house.later()
            await house.says(2, "STOP", stop=True)
    life.restore()
    async with life.opened() as house:
        assert "3 withdrawals" in await reason(house)
        assert await house.consent_of(two) == "withdrawn"


@pytest.mark.parametrize(
    ("harm", "told"),
    [("damaged", "1 lines of it cannot be read"), ("key", "1 files (another key)"),
     ("gone", "its end is missing")],
)  # fmt: skip
async def test_what_cannot_be_told_is_said(life: Life, harm: str, told: str) -> None:
    """Marketing is held, and the reason says that withdrawals may be missing; once."""
    async with life.opened() as house:
        await house.confirmed(2)
        life.back_up()
        await house.says(1, "STOP", stop=True)
        await house.says(2, "STOP", stop=True)
    (path,) = replay_folder(life.path).iterdir()
    content = path.read_bytes()
    if harm == "damaged":
        life.restore()
        path.write_bytes(content.replace(b'["W",', b'["V",', 1))
    elif harm == "key":
        life.restore()
        path.write_bytes(content.replace(content[17:33], b"0" * 16, 1))
    else:
        path.unlink()
    async with life.opened() as house:
        assert told in await reason(house)
        assert "withdrawals may be missing" in await reason(house)
        await house.store.resume(MARKETING, at=house.at())
    async with life.opened() as house:
        assert await reason(house) == ""


async def test_a_backup_that_is_older_than_the_replay_says_so(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of the days after it were deleted: who stopped then is not known."""
    monkeypatch.setattr("gateway.replay_file.FILE_BYTES", 1)
    async with life.opened() as house:
        await house.confirmed(3)
        life.back_up()
        for n in (1, 2, 3):
            house.later()
            await house.says(n, "STOP", stop=True)
        life.now = house.now
    for missing in (0, 1):
        if missing:
            first, *_ = sorted(replay_folder(life.path).iterdir())
            first.unlink()
        life.restore()
        async with life.opened() as house:
            told = await reason(house)
            assert f"{3 - missing} withdrawals" in told
            assert ("withdrawals may be missing" in told) is bool(missing)


async def test_a_restored_database_is_held_though_nothing_is_missing(life: Life) -> None:
    """`gateway restore` says so in the database itself."""
    async with life.opened() as house:
        await house.confirmed(1)
    life.sql("INSERT INTO marks VALUES ('restored', 1)")
    async with life.opened() as house:
        assert "0 withdrawals and 0 sends" in await reason(house)


async def test_without_a_replay_nobody_would_know(
    life: Life, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard taken out: this is what it is for."""
    async with life.opened() as house:
        (one,) = await house.confirmed(1)
        life.back_up()
        house.later()
        await house.says(1, "STOP", stop=True)
    life.restore()
    monkeypatch.setattr(
        "gateway.store.sqlite.plumbing.replay_after_restore", lambda tx, file, at: None
    )
    async with life.opened() as house:
        assert await house.consent_of(one) == "confirmed"
