"""Unknown outcomes: nothing is repeated blindly, a person or the settings decide, statuses count."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.message import Basis, Delivery, Message
from gateway.store.outcomes import Resolution
from gateway.store.protocol import Store, moment
from tests.gateway.store.house import HOUR, SECOND, House


async def unknown(house: House, **fields: Any) -> tuple[Message, Delivery, int]:
    """Send a message of which nobody knows what became."""
    (contact,) = await house.confirmed(1)
    await house.says(1, "hello")
    message = await house.started(**({"to": contact} | fields))
    bases = {"utility": Basis(kind="declared", text="order"), "service": Basis(kind="window")}
    delivery = await house.leased()
    delivery = delivery.replace(basis=bases.get(message.kind, delivery.basis))
    assert await house.begin(delivery) is None
    await house.settle(delivery, "unknown", code="reset")
    assert await house.state(message, contact) == "unknown"
    return message, delivery, contact


async def resolve(house: House, delivery: Delivery, how: Resolution, by: str = "anna") -> str:
    (why,) = await house.store.resolve([delivery.id], how, at=house.at(), by=by)
    return why


async def lines(house: House, message: Message, contact: int) -> list[tuple[str, str, str]]:
    """What the journal says of the delivery: name, code, detail."""
    about = await house.store.report("message", id=message.id)
    story = await house.store.report("trace", number=about["number"], contact_id=contact)
    return [(line["name"], line["code"], line["detail"]) for line in story["journal"]]


RESOLVED: list[tuple[Resolution, str, str]] = [
    ("sent", "marketing", "accepted"),
    ("sent", "utility", "accepted"),
    ("not_sent", "marketing", "queued"),
    ("not_sent", "utility", "queued"),
    ("resend", "marketing", "queued"),
    ("resend", "utility", "queued"),
    ("resend", "service", "queued"),
]


@pytest.mark.parametrize(("how", "kind", "state"), RESOLVED)
async def test_a_person_decides(house: House, how: Resolution, kind: str, state: str) -> None:
    """Each answer leads to its state, once, with a line that says who; what is queued goes as a
    fresh attempt, and its delivery has two then."""
    topic = "news" if kind == "marketing" else None
    message, delivery, contact = await unknown(house, kind=kind, topic=topic)
    assert await resolve(house, delivery, how) == ""
    assert await house.state(message, contact) == state
    name = "delivery.superseded" if how == "resend" else "delivery.resolved"
    code = "reset" if how == "resend" else how
    assert (name, code, "anna") in await lines(house, message, contact)
    assert await resolve(house, delivery, how) == "not_unknown"
    if state == "queued":
        again = (await house.leased()).replace(basis=delivery.basis)
        assert again.attempt == 2
        assert await house.begin(again) is None
        await house.settle(again, provider_id="second")
        assert await house.state(message, contact) == "accepted"


@pytest.mark.parametrize(("how", "why"), [("resend", "question"), ("not_sent", "")])
async def test_a_question_is_never_asked_again(house: House, how: Resolution, why: str) -> None:
    """Whoever says what: an unknown question stays, or has failed."""
    contact = await house.tell(1, "requested")
    message = await house.started(kind="confirmation", to=contact)
    delivery = await house.leased()
    delivery = delivery.replace(basis=Basis(kind="request", event=delivery.permissions.request))
    assert await house.begin(delivery) is None
    await house.settle(delivery, "unknown")
    assert await resolve(house, delivery, how) == why
    assert await house.state(message, contact) == ("unknown" if why else "failed")
    assert await house.lease() == []


@pytest.mark.parametrize(
    ("why", "ends"), [("expired", "queued"), ("cancelled", "dropped"), ("withdrawn", "dropped")]
)
async def test_what_is_over_is_not_sent_again(
    house: House, store: Store, why: str, ends: str
) -> None:
    """Expired, cancelled or withdrawn since: it stays unknown, with the reason; "not sent" ends
    it, at the latest when it would begin."""
    soon = moment(house.now + HOUR) if why == "expired" else None
    message, delivery, contact = await unknown(house, expires_at=soon)
    if why == "expired":
        house.now += HOUR
    elif why == "cancelled":
        await store.set_message(message.id, "cancel", at=house.at())
    else:
        await house.says(1, "stop", stop=True)
    await house.sweep()
    assert await resolve(house, delivery, "resend") == why
    assert await house.state(message, contact) == "unknown"
    assert await resolve(house, delivery, "not_sent") == ""
    assert await house.state(message, contact) == ends
    for leased in await house.lease():
        refusal = await house.begin(leased.replace(basis=delivery.basis))
        assert refusal is not None
        assert refusal.code == why == "expired"


async def test_who_withdrew_in_the_air_is_not_sent_it_again(house: House) -> None:
    """STOP while the request is on its way, and no answer comes: nothing of it is repeated."""
    await house.confirmed(1)
    await house.started()
    delivery = await house.sending()
    await house.says(1, "stop", stop=True)
    await house.settle(delivery, "unknown")
    assert await resolve(house, delivery, "resend") == "withdrawn"


@pytest.mark.parametrize("status", ["sent", "delivered", "read"])
@pytest.mark.parametrize("when", ["queued", "leased", "sending", "settled"])
async def test_a_status_of_an_attempt_that_was_given_up(
    house: House, status: Any, when: str
) -> None:
    """It is recorded on the same delivery: before the second attempt begins it keeps that one from
    going, afterwards it is plain that there were two."""
    message, delivery, contact = await unknown(house)
    await resolve(house, delivery, "resend")
    again = None
    if when != "queued":
        again = (await house.leased()).replace(basis=delivery.basis)
    if when in ("sending", "settled"):
        assert again is not None
        assert await house.begin(again) is None
    if when == "settled":
        assert again is not None
        await house.settle(again, provider_id="second")
    await house.status(delivery, status)
    if when == "leased":
        assert again is not None
        assert await house.begin(again) is not None
    if when == "sending":
        assert again is not None
        await house.settle(again, provider_id="second")
    about = await house.store.report("message", id=message.id)
    story = await house.store.report("trace", number=about["number"], contact_id=contact)
    assert story["delivery"]["state"] == status
    ids = [attempt["provider_id"] for attempt in story["attempts"]]
    told = await house.store.outcome_report("message", number=about["number"])
    twice = [line for line in await lines(house, message, contact) if line[0] == "delivery.twice"]
    if when in ("queued", "leased"):
        assert (ids, told["twice"], twice) == ([f"w{delivery.id}"], 0, [])
        assert await house.lease() == []
    else:
        assert ids == [f"w{delivery.id}", "second"]
        assert (told["twice"], len(twice)) == (1, 1)
        (found,) = await house.store.outcome_report("sent_twice")
        assert (found["number"], found["sender"]) == (about["number"], "wa")
        assert await house.store.outcome_report("sent_twice", after=found["id"]) == []
    assert told["again"] == 1


async def test_the_first_failed_after_all(house: House) -> None:
    """A failure of the attempt that was given up changes nothing for the one that goes."""
    message, delivery, contact = await unknown(house)
    await resolve(house, delivery, "resend")
    await house.status(delivery, "failed", code="131026", action="count")
    assert await house.state(message, contact) == "queued"
    again = (await house.leased()).replace(basis=delivery.basis)
    assert await house.begin(again) is None
    await house.settle(again)
    assert await house.state(message, contact) == "accepted"


async def test_both_failed_and_the_first_arrived(house: House) -> None:
    """The second attempt failed, and later it shows that the first had arrived."""
    message, delivery, contact = await unknown(house)
    await resolve(house, delivery, "resend")
    again = (await house.leased()).replace(basis=delivery.basis)
    assert await house.begin(again) is None
    await house.settle(again, "failed")
    assert await house.state(message, contact) == "failed"
    assert await house.store.retry([delivery.id], at=house.at(), by="anna") == ["maybe_sent"]
    await house.status(delivery, "delivered")
    assert await house.state(message, contact) == "delivered"


async def test_who_waits_how_long(house: House, store: Store) -> None:
    """The oldest come first, of one kind, in pages; what was resolved is not among them."""
    made = []
    for n in range(5):
        kind = "utility" if n != 2 else "marketing"
        contact = await house.tell(n, "confirmed")
        await house.started(kind=kind, to=contact, topic="news" if n == 2 else None)
        delivery = await house.leased()
        if n != 2:
            delivery = delivery.replace(basis=Basis(kind="declared", text="order"))
        assert await house.begin(delivery) is None
        await house.settle(delivery, "unknown")
        made.append((house.now, delivery.id, "wa"))
    utility = [made[0], made[1], made[3], made[4]]
    far = house.now + SECOND
    assert await store.unknown_since("utility", before=far, limit=9) == utility
    assert await store.unknown_since("utility", before=made[3][0], limit=9) == utility[:3]
    first = await store.unknown_since("utility", before=far, limit=2)
    rest = await store.unknown_since("utility", before=far, after=first[-1][:2], limit=9)
    assert first + rest == utility
    await store.resolve([made[0][1]], "sent", at=house.at(), by="anna")
    assert await store.unknown_since("utility", before=far, limit=9) == utility[1:]
    assert await store.unknown_since("service", before=far, limit=9) == []
    assert await store.unknown_since("marketing", before=far, limit=9) == [made[2]]
