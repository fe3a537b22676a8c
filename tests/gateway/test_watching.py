"""A message pauses itself: by which figures, in which words, and how it goes on."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from gateway.errors import StoreError
from gateway.message import Message
from gateway.safety import DeliverySettings
from gateway.store.watching import Share
from gateway.watching import LOOK_EVERY, Watching
from tests.gateway.conftest import HouseClock
from tests.gateway.store.house import HOUR, House

SETTINGS = DeliverySettings(failure_share=0.2, withdrawal_share=0.05, share_after=10)


def watching(house: House) -> Watching:
    return Watching(house.store, SETTINGS, HouseClock(house), {"undeliverable", "country"})


async def sent(house: House, *outcomes: str) -> None:
    """Settle the next deliveries: "" is accepted, all else is the code of a failure."""
    for code in outcomes:
        delivery = await house.sending()
        if code:
            await house.settle(delivery, "failed", code=code)
        else:
            await house.settle(delivery)


async def shown(house: House, message: Message) -> dict[str, Any]:
    found: dict[str, Any] = await house.store.report("message", id=message.id)
    return found


@pytest.mark.parametrize(
    ("share", "code", "reason"),
    [
        (Share(1, 7, 60, 12, 0), None, ""),
        (Share(1, 7, 60, 14, 0), "failures",
         "14 of 60 failed: undeliverable 9, media_upload 3, a 1, b 1"
         " (9 of them are about the person: not reachable, or not willing)"),
        (Share(1, 7, 100, 0, 5), None, ""),
        (Share(1, 7, 100, 0, 6), "withdrawals",
         "6 of the 100 whom it reached withdrew within two days"),
        (Share(1, 7, 100, 10, 5), "withdrawals",
         "5 of the 90 whom it reached withdrew within two days"),
    ],
)  # fmt: skip
async def test_what_passes_a_limit(share: Share, code: str | None, reason: str) -> None:
    class Store:
        paused: tuple[Any, ...] | None = None

        async def shares(self, *, at_least: int) -> list[Share]:
            assert at_least == SETTINGS.share_after
            return [share]

        async def failures(self, message: int, *, limit: int) -> dict[str, int]:
            return {"undeliverable": 9, "media_upload": 3, "a": 1, "b": 1}

        async def pause_message(self, message: int, code: str, reason: str, *, at: int) -> bool:
            self.paused = (code, reason)
            return True

    class Now:
        def micros(self) -> int:
            return 1

    store: Any = Store()
    await Watching(store, SETTINGS, Now(), {"undeliverable"}).look()
    assert store.paused == (None if code is None else (code, reason))


async def test_many_reasons_are_counted_together(house: House) -> None:
    said = watching(house)._failed(
        Share(1, 7, 60, 15, 0), {"a": 5, "b": 4, "c": 3, "d": 1, "e": 1, "f": 1}
    )
    assert said == "15 of 60 failed: a 5, b 4, c 3, d 1, others 2"


async def test_it_pauses_itself_and_goes_on_when_a_person_says_so(house: House) -> None:
    await house.confirmed(60)
    message = await house.started()
    looking = watching(house)
    await sent(house, *["undeliverable"] * 3, *[""] * 6)
    await looking.look()
    assert not (await shown(house, message))["paused"], "too few were sent to judge"
    await sent(house, "media_upload")
    await looking.look()
    found = await shown(house, message)
    assert found["paused"]
    assert found["pause_code"] == "failures"
    assert await house.store.paused_messages() == {"failures": 1}
    assert found["pause_reason"].startswith("4 of 10 failed: undeliverable 3, media_upload 1 (3 of")
    assert [(line["name"], line["code"]) for line in found["journal"]][-1] == (
        "message.pause", "failures",
    )  # fmt: skip
    await house.sweep()
    assert await house.lease() == []

    assert await house.store.set_message(message.id, "resume", at=house.at()) is None
    await house.sweep()
    found = await shown(house, message)
    assert (found["paused"], found["pause_code"], found["pause_reason"]) == (0, "", "")
    await looking.look()
    assert await house.store.paused_messages() == {}
    await sent(house, *["undeliverable"] * 9)
    await looking.look()
    assert not (await shown(house, message))["paused"], "the same share does not pause it again"
    await sent(house, "undeliverable")
    await looking.look()
    found = await shown(house, message)
    assert found["pause_reason"].startswith("10 of 10 failed"), "what came since counts alone"


async def test_a_delivery_that_was_tried_often_failed_once(house: House) -> None:
    await house.confirmed(10)
    message = await house.started()
    delivery = await house.sending()
    await house.settle(delivery, "failed", code="pair_rate", retry_at=1)
    await sent(house, *["media_upload"] * 3, *[""] * 7)
    assert await house.store.failures(message.id, limit=1000) == {"media_upload": 3}


@pytest.mark.parametrize(
    ("later", "topic", "counts"),
    [(HOUR, None, True), (47 * HOUR, None, True), (49 * HOUR, None, False),
     (HOUR, "news", True), (HOUR, "other", False)],
)  # fmt: skip
async def test_whose_fault_a_withdrawal_is(
    house: House, later: int, topic: str | None, counts: bool
) -> None:
    """The last message that the person got of what was withdrawn from, up to two days before."""
    await house.confirmed(2)
    first = await house.started()
    await sent(house, "", "")
    house.now += HOUR
    second = await house.started()
    await sent(house, "", "")
    await house.started()  # waits, and nobody got it
    house.now += later
    if topic == "other":
        await house.tell(1, "confirmed", "other")
    await house.tell(1, "withdrawn", topic)
    kept = await withdrew(house)
    assert kept == ([(second.id, 1)] if counts else [])
    watched = [share.message for share in await house.store.shares(at_least=0)]
    assert first.id not in watched, "it is through"
    await house.tell(1, "withdrawn", topic)
    assert await withdrew(house) == kept, "said twice is one"


async def withdrew(house: House) -> list[tuple[int, int]]:
    store: Any = house.store
    found: list[tuple[int, int]] = await store._read(
        lambda tx: list(tx.rows("SELECT message_id, withdrew FROM shares WHERE withdrew > 0"))
    )
    return found


async def test_too_many_withdraw(house: House) -> None:
    await house.confirmed(30)
    message = await house.started()
    await sent(house, *[""] * 12)
    for n in (1, 2):
        await house.says(n, "stop", stop=True)
    (share,) = await house.store.shares(at_least=10)
    assert (share.sent, share.withdrew) == (12, 2)
    await watching(house).look()
    found = await shown(house, message)
    assert (found["paused"], found["pause_code"]) == (1, "withdrawals")
    assert await house.store.set_message(message.id, "resume", at=house.at()) is None
    assert [one.withdrew for one in await house.store.shares(at_least=0)] == [0]


async def test_messages_to_one_person_and_paused_ones_are_not_watched(house: House) -> None:
    (contact, *_) = await house.confirmed(20)
    await house.started(to=contact, kind="utility", basis="declared")
    assert await house.store.shares(at_least=0) == []
    message = await house.started()
    assert [share.message for share in await house.store.shares(at_least=0)] == [message.id]
    assert await house.store.set_message(message.id, "pause", at=house.at()) is None
    assert await house.store.shares(at_least=0) == []
    assert not await house.store.pause_message(message.id, "failures", "x", at=house.at())
    assert await house.store.paused_messages() == {}


async def test_a_person_s_pause_begins_no_new_count(house: House) -> None:
    await house.confirmed(20)
    message = await house.started()
    await sent(house, *["x"] * 4, *[""] * 6)
    for action in ("pause", "resume"):
        assert await house.store.set_message(message.id, action, at=house.at()) is None  # type: ignore[arg-type]
    (share,) = await house.store.shares(at_least=0)
    assert (share.sent, share.failed) == (10, 4)


async def test_a_store_that_fails_is_asked_again(house: House, autojump_clock: Any) -> None:
    class Store:
        asked = 0

        async def shares(self, *, at_least: int) -> list[Share]:
            self.asked += 1
            raise StoreError("disk full")

    store: Any = Store()
    with trio.move_on_after(3.5 * LOOK_EVERY):
        await Watching(store, SETTINGS, HouseClock(house)).run()
    assert store.asked == 4
