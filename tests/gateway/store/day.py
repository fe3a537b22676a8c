"""A day in the life of a store, in which every verb is called once."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from gateway.inbound import Act
from gateway.message import Basis
from gateway.store.causes import TEMPLATE_GONE, TEMPLATE_PAUSED
from gateway.store.outcomes import Resolution
from gateway.store.planning import OwnCap
from gateway.store.protocol import moment
from gateway.store.rights import Purge
from gateway.store.sqlite import SqliteStore
from tests.gateway.store.house import HOUR, SECOND, House


async def work(path: Path) -> None:
    """Every verb that runs while messages are sent."""
    async with SqliteStore(path, suppression_key=b"k" * 32) as store:
        house = House(store)
        contacts = await house.confirmed(6)
        await house.tell(3, "withdrawn", "news")
        message = await house.started(expires_at=moment(house.now + HOUR))
        delivery = await house.sending()
        await house.settle(delivery, "failed", retry_at=1)
        again = await house.sending()
        await house.settle(again)
        for status in ("sent", "delivered", "read", "failed"):
            await house.status(again, status)  # type: ignore[arg-type]
            await house.status(again, status, by_id=True)  # type: ignore[arg-type]
        held = await house.leased()
        await house.give_back(held, to="held", code="x")
        await house.says(2, "hello")
        await house.says(4, "stop", stop=True)
        await house.says(7, "start", act=Act(kind="start", topics=("news",), code="K7F3"))
        await house.says(7, "yes", act=Act(kind="yes"))
        await house.says(7, "resume", act=Act(kind="resume"))
        await store.expire_requests(asked_before=house.now, at=house.at(), limit=5)
        await store.rebuild_consents()
        await store.withdraw([contacts[4]], source="x", at=house.at())
        await house.started(to=contacts[1], kind="service", topic=None)
        reply = (await house.leased()).replace(basis=Basis(kind="window"))
        assert await house.begin(reply) is None
        for action in ("pause", "resume", "approve", "cancel"):
            await store.set_message(message.id, action, at=house.at())  # type: ignore[arg-type]
            await house.sweep()
        await store.recover(at=house.at())
        await store.next_due("wa")
        await store.sending(contacts)
        await store.quota_uses(at=0)
        await store.forget(at=0, limit=5)
        await store.events_after("x", limit=5)
        await store.events_after("x", limit=5, names={"stop", "inbound"}, until=9)
        await store.noticed("x", await store.journal_end(), [], at=house.at())
        await store.put_state("x", {"a": b"1", "b": None})
        await store.get_state("x", "a")
        await store.to_screen("other", at=house.now + SECOND, limit=5)
        await store.stop("all", "x", at=house.at())
        await store.stops()
        await store.resume("all", at=house.at())
        await store.depths()
        await store.ledger_rows(after=0, limit=5)
        await store.heads(limit=1)
        await store.ledger_keys()
        await store.report("find_contact", identity="+49")
        await store.report("contact", id=contacts[0])
        await store.report("trace", number=1, contact_id=contacts[0])
        await outcomes(house)
        await causes(house)
        await watching(house)
        await plans(house)
        await keeping(house, contacts[5])


async def outcomes(house: House) -> None:
    """What nobody knows, and what failed."""
    store = house.store
    await house.confirmed(3, first=20)
    for how in get_args(Resolution):
        await house.started()
        sent = await house.sending()
        await house.settle(sent, "unknown", code="timeout")
        await store.unknown_since("marketing", before=house.at(), limit=5)
        assert await store.resolve([sent.id], how, at=house.at(), by="anna") == [""]
    for action in ("later", "count", "hold", "template"):
        await house.settle(await house.sending(), "failed", action=action)
    failed = await house.sending()
    await house.settle(failed, "failed")
    assert await store.retry([failed.id], at=house.at(), by="anna") == [""]


async def causes(house: House) -> None:
    """A template that is paused, comes back, and goes; a window that the provider says is closed."""
    store = house.store
    waits = await house.started()
    for code in (TEMPLATE_PAUSED, TEMPLATE_GONE):
        await store.pause_template("wa", "post", "", code, "x", at=house.at(), limit=5)
        await store.waiting_for_templates()
        await store.resume_template("wa", "post", "", at=house.at(), limit=5)
    assert await store.set_message(waits.id, "resume", at=house.at()) is None
    await house.sweep()
    (leased, *_) = await house.lease()
    await store.sent_as([leased.id])
    await store.close_windows("wa", [leased.id], at=house.at())
    await house.give_back(leased)


async def watching(house: House) -> None:
    """What is heard, what fails, and a sender in the place of another."""
    store = house.store
    await store.learn("wa", {"quality": "GREEN"}, at=house.at())
    await store.facts()
    await store.unheard(["wa"])
    await store.shares(at_least=0)
    message = await house.started()
    await store.failures(message.id, limit=5)
    assert await store.pause_message(message.id, "failures", "x", at=house.at())
    await store.paused_messages()
    await store.set_message(message.id, "resume", at=house.at())
    await store.set_back(HOUR, at=house.at(), limit=5)
    for really in (False, True):
        position: tuple[int, int] | None = (0, 0)
        while position is not None:
            step = await store.replace_sender(
                "wa", "new", position, same_portfolio=False, at=house.at(), limit=9, really=really
            )
            position = step.position


async def plans(house: House) -> None:
    """What is asked before a message starts."""
    store = house.store
    message = await house.ready()
    await store.audience(
        message, at=house.at(), windows=True, margin=0, kinds=("phone", "user_id"),
        quotas=("tier:x",), caps=(OwnCap("person:", ":week", 3, 7.0),),
    )  # fmt: skip
    await store.standing("tier:x", at=house.at())
    await house.fan_out(message)
    (leased, *_) = await house.lease()
    await store.peek(leased.id, at=house.at(), windows=True, margin=0)
    await house.give_back(leased)


async def keeping(house: House, contact: int) -> None:
    """What is kept of people and of the gateway itself, and goes."""
    store = house.store
    await store.mark({"alive": house.at(), "gone": None})
    await store.marks()
    await store.tend()
    await store.forget_replay(before=house.at())
    await store.looked("anna", "x", contact, at=house.at())
    await store.attach(contact, b"digest", "scan.pdf", at=house.at())
    await store.hold(contact, reason="", at=house.at())
    assert not (await store.erase(contact, by="anna", reason="x", at=house.at())).refused
    for what in get_args(Purge):
        await store.purge(
            what, before=house.at() + 99 * HOUR, after=0, limit=50, at=house.at(), observers=()
        )
    await store.report("waiting")
    await store.report("sending", sender="wa", since=house.now - HOUR)
    await store.outcome_report("chosen", state="unknown")
    await store.outcome_report("chosen", state="failed")
    await store.outcome_report("sent_twice")
    await store.outcome_report("troubles", contact=contact)
