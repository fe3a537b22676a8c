"""begin: whatever the plugins did, nothing goes that must not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from gateway.message import Basis, Delivery
from gateway.store.protocol import QuotaUse, Store, moment
from tests.gateway.store.house import FORMS, HOUR, House

Change = Callable[[House, Delivery], Awaitable[Delivery]]


async def withdraw(house: House, delivery: Delivery) -> Delivery:
    await house.store.withdraw([delivery.contact], source="test", at=house.at())
    return delivery


async def withdraw_topic(house: House, delivery: Delivery) -> Delivery:
    await house.tell(1, "withdrawn")
    return delivery


async def no_basis(house: House, delivery: Delivery) -> Delivery:
    return delivery.replace(basis=None)


async def wrong_basis(house: House, delivery: Delivery) -> Delivery:
    return delivery.replace(basis=Basis(kind="declared", text="because"))


async def old_event(house: House, delivery: Delivery) -> Delivery:
    await house.tell(1, "refused")
    await house.tell(1, "confirmed")
    return delivery


async def invented_event(house: House, delivery: Delivery) -> Delivery:
    return delivery.replace(basis=Basis(kind="consent", event=None))


async def refused(house: House, delivery: Delivery) -> Delivery:
    await house.tell(1, "refused")
    return delivery


async def cancel(house: House, delivery: Delivery) -> Delivery:
    await house.store.set_message(delivery.message.id, "cancel", at=house.at())
    return delivery


async def pause(house: House, delivery: Delivery) -> Delivery:
    await house.store.set_message(delivery.message.id, "pause", at=house.at())
    return delivery


async def stop_sender(house: House, delivery: Delivery) -> Delivery:
    await house.store.stop("sender:wa", "why", at=house.at())
    return delivery


async def stop_all(house: House, delivery: Delivery) -> Delivery:
    await house.store.stop("all", "why", at=house.at())
    return delivery


async def other_attempt(house: House, delivery: Delivery) -> Delivery:
    return delivery.replace(attempt=2)


async def pretend(house: House, delivery: Delivery) -> Delivery:
    """A copy in memory that claims to be something that needs no consent."""
    other = (await house.confirmed(1, first=5))[0]
    await house.tell(1, "withdrawn")
    message = delivery.message.replace(kind="utility")
    return delivery.replace(message=message, contact=other, basis=Basis(kind="declared", text="x"))


@pytest.mark.parametrize(
    ("change", "code", "final", "state"),
    [
        (withdraw, "withdrawn", True, "dropped"),
        (withdraw_topic, "withdrawn", True, "dropped"),
        (no_basis, "no_basis", True, "dropped"),
        (wrong_basis, "no_consent", True, "dropped"),
        (old_event, "no_consent", True, "dropped"),
        (invented_event, "no_consent", True, "dropped"),
        (refused, "no_consent", True, "dropped"),
        (cancel, "cancelled", True, "dropped"),
        (pause, "paused", False, "paused"),
        (stop_sender, "stopped", False, "queued"),
        (stop_all, "stopped", False, "queued"),
        (other_attempt, "withdrawn", True, "leased"),
        (pretend, "withdrawn", True, "dropped"),
    ],
)
async def test_refusals_of_marketing(
    house: House, change: Change, code: str, final: bool, state: str
) -> None:
    """What changed between lease and begin refuses, names itself, and leaves the right state."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await change(house, await house.leased())
    refusal = await house.begin(delivery)
    assert refusal is not None
    assert (refusal.code, refusal.final) == (code, final)
    assert refusal.reason
    assert await house.state(message, contact) == state


async def test_expired(house: House) -> None:
    """At its expiry a message begins no more."""
    await house.confirmed(1)
    end = house.now + HOUR
    await house.started(expires_at=moment(end))
    delivery = await house.leased()
    refusal = await house.begin(delivery, at=end)
    assert refusal is not None
    assert refusal.code == "expired"


async def test_another_nodes_lease(house: House) -> None:
    """A node begins only what it leased itself; nobody begins what does not exist."""
    await house.confirmed(1)
    await house.started()
    delivery = await house.leased(node="n1")
    for wrong, node in ((delivery, "n2"), (delivery.replace(id=1), "n1")):
        refusal = await house.begin(wrong, node=node)
        assert refusal is not None
        assert refusal.code == "withdrawn"
    assert await house.begin(delivery, node="n1") is None


@pytest.mark.parametrize("outcome", ["accepted", "unknown"])
async def test_never_twice(house: House, outcome: str) -> None:
    """What was begun is not begun again, neither in the air nor after its outcome."""
    await house.confirmed(1)
    await house.started()
    delivery = await house.sending()
    again = await house.begin(delivery)
    assert again is not None
    await house.settle(delivery, outcome)
    for attempt in (1, 2):
        late = await house.begin(delivery.replace(attempt=attempt))
        assert late is not None
        assert late.final
    assert await house.lease() == []


async def test_leased_before_its_sender_was_replaced(house: House, store: Store) -> None:
    """The same node may have leased it again, for the new sender: the old one keeps its hands off."""
    (contact,) = await house.confirmed(1)
    message = await house.started(to=contact)
    old = await house.leased()
    position: tuple[int, int] | None = (0, 0)
    while position is not None:
        moved = await store.replace_sender(
            "wa", "wb", position, same_portfolio=True, at=house.at(), limit=9, really=True
        )
        position = moved.position
    new = await house.leased(sender="wb")
    assert (old.id, old.attempt) == (new.id, new.attempt)
    refusal = await house.begin(old)
    assert refusal is not None
    assert refusal.code == "withdrawn"
    assert await house.begin(new) is None
    assert await house.state(message, contact) == "sending"


async def test_several_at_once(house: House, store: Store) -> None:
    """begin answers each intent on its own."""
    await house.confirmed(2)
    await house.started()
    good, bad = await house.leased(), (await house.leased()).replace(basis=None)
    assert await house.begin(bad) is not None
    assert await house.begin(good) is None


async def test_service_needs_its_window(house: House) -> None:
    """Service goes while the person's window is open, and not one microsecond longer."""
    contact = await house.tell(1, "withdrawn", None)
    await house.says(1, "a question")
    until = house.now + 24 * HOUR
    for at, code in ((until, "window_closed"), (until - 1, None)):
        await house.started(to=contact, kind="service", topic=None, forms=FORMS)
        delivery = (await house.leased()).replace(basis=Basis(kind="window"))
        refusal = await house.begin(delivery, at=at)
        assert (refusal.code if refusal else None) == code
    await house.settle(delivery)
    await house.started(to=contact, kind="service", topic=None)
    refusal = await house.begin((await house.leased()).replace(basis=None))
    assert refusal is not None
    assert refusal.code == "no_basis"


async def test_a_question_is_asked_once(house: House) -> None:
    """One open request, one question: a second confirmation is refused, a repeat of the first
    one that never left is not."""
    contact = await house.tell(1, "requested")
    ask = {"to": contact, "kind": "confirmation"}
    await house.started(**ask)
    first = await house.leased()
    request = Basis(kind="request", event=first.permissions.request)
    first = first.replace(basis=request)
    assert await house.begin(first) is None
    await house.settle(first, "failed", retry_at=house.now)
    first = (await house.leased()).replace(basis=request)
    assert first.permissions.request == request.event
    assert await house.begin(first) is None
    await house.settle(first)
    await house.started(**ask)
    second = (await house.leased()).replace(basis=request)
    refusal = await house.begin(second)
    assert refusal is not None
    assert refusal.code == "no_request"


async def test_a_question_needs_a_request(house: House) -> None:
    """Nobody is asked who did not ask to be asked, nor who answered already."""
    contact = await house.tell(1, "confirmed")
    await house.started(to=contact, kind="confirmation")
    delivery = await house.leased()
    basis = Basis(kind="request", event=delivery.permissions.consent)
    refusal = await house.begin(delivery.replace(basis=basis))
    assert refusal is not None
    assert refusal.code == "no_request"


async def test_utility_needs_a_declared_basis(house: House) -> None:
    """Utility goes on a basis that somebody declared, by name."""
    contact = await house.tell(1, "requested", "other")
    for basis, code in (
        (Basis(kind="declared", text="order"), None),
        (Basis(kind="declared"), "no_basis"),
        (Basis(kind="consent", event=1), "no_basis"),
    ):
        message = await house.started(to=contact, kind="utility", topic=None)
        delivery = (await house.leased()).replace(basis=basis)
        refusal = await house.begin(delivery)
        assert (refusal.code if refusal else None) == code
        if refusal is None:
            row = await house.row(message, contact)
            assert row is not None
            assert row["basis"] == "order"
            await house.settle(delivery)


async def test_what_is_kept(house: House, store: Store) -> None:
    """The intent stands with its content, basis and quota uses before a byte leaves."""
    (contact,) = await house.confirmed(1)
    message = await house.started()
    delivery = await house.sending()
    story = await store.report("trace", number=1, contact_id=contact)
    (attempt,) = story["attempts"]
    assert (attempt["n"], attempt["state"], attempt["rendered"]) == (1, "sending", "hello")
    assert story["delivery"]["basis_event"] == delivery.permissions.consent
    assert await house.state(message, contact) == "sending"
    assert await store.sending([contact, 5]) == [contact]


async def test_quota_uses_survive_until_they_no_longer_count(house: House, store: Store) -> None:
    """What begin counted is there after a restart, as long as it counts; a refusal counts
    nothing."""
    await house.confirmed(2)
    await house.started()
    good, bad = await house.leased(), (await house.leased()).replace(basis=None)
    short, long = (
        QuotaUse(key="k", subject=name, at=n, until=until)
        for n, (name, until) in enumerate((("a", 100), ("b", 200)))
    )
    assert await house.begin(good, uses=(short, long)) is None
    assert await house.begin(bad, uses=(QuotaUse(key="k", subject="c", at=5, until=900),))
    assert {use.subject for use in await store.quota_uses(at=99)} == {"a", "b"}
    assert await store.quota_uses(at=100) == [long]
    assert await store.forget(at=100, limit=9) == 1
    assert await store.quota_uses(at=1) == [long]


async def test_a_use_of_the_future_counts_from_now(house: House, store: Store) -> None:
    """Noted by a clock that was ahead by days: neither forgiven nor counted until then."""
    await house.confirmed(1)
    await house.started()
    ahead = QuotaUse(key="k", subject="a", at=9_000, until=10_000)
    assert await house.begin(await house.leased(), uses=(ahead,)) is None
    assert [(use.at, use.until) for use in await store.quota_uses(at=100)] == [(100, 10_000)]
