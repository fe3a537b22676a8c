"""The chain fails closed: whatever a middleware does, nothing passes that it did not let pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.message import Basis, Delivery, Identity, Permissions, Text
from gateway.pipeline import Pipeline
from gateway.verdicts import Drop, Hold
from tests.gateway.chains import (
    AWARE,
    DELIVERY,
    MESSAGE,
    NAIVE,
    TEMPLATE,
    Does,
    Failures,
    adds,
    held,
    raises,
)


async def test_the_order_is_that_of_the_list() -> None:
    """Each middleware sees what the one before it answered."""
    passed = await Pipeline([adds("a"), adds("b"), adds("c")]).process(DELIVERY)
    assert isinstance(passed, Delivery)
    assert passed.content == Text(body="Halloabc")


@pytest.mark.parametrize("verdict", [Drop("no", "so it is"), Hold("no", "wait", AWARE)])
async def test_a_verdict_ends_the_chain(verdict: Drop | Hold) -> None:
    """After a Drop or Hold nobody else is asked."""
    later = []
    chain = [Does(lambda d: verdict), Does(later.append)]
    assert await Pipeline(chain).process(DELIVERY) is verdict
    assert later == []


async def test_the_basis_may_change() -> None:
    """A middleware may name the basis."""
    basis = Basis(kind="consent", event=5)
    passed = await Pipeline([Does(lambda d: d.replace(basis=basis))]).process(DELIVERY)
    assert isinstance(passed, Delivery)
    assert passed.basis == basis


async def in_nursery(delivery: Delivery) -> Delivery:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep, 100)
        raise ValueError
    return delivery


async def in_clean_up(delivery: Delivery) -> Delivery:
    try:
        await trio.sleep_forever()
    finally:
        raise ValueError
    return delivery


async def in_clean_up_of_a_task(delivery: Delivery) -> Delivery:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(in_clean_up, delivery)
        await trio.sleep_forever()
    return delivery


async def hangs(delivery: Delivery) -> None:
    await trio.sleep_forever()


async def swallows(delivery: Delivery) -> Delivery:
    try:
        await trio.sleep_forever()
    except BaseException:  # noqa: BLE001 - what a plugin must not do
        return delivery
    return delivery


async def too_slow_itself(delivery: Delivery) -> Delivery:
    with trio.fail_after(1):
        await trio.sleep_forever()
    return delivery


class Awkward(Exception):
    def __init__(self, *, needed: str) -> None:
        raise RuntimeError(needed)


def awkward(delivery: Delivery) -> Any:
    raise Awkward.__new__(Awkward)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (raises(ValueError("private words")), "raised"),
        (raises(ExceptionGroup("x", [ExceptionGroup("y", [KeyError(1)])])), "raised"),
        (raises(StopIteration()), "raised"),
        (raises(RecursionError()), "raised"),
        (raises(trio.TooSlowError()), "raised"),
        (awkward, "raised"),
        (in_nursery, "raised"),
        (in_clean_up, "raised"),
        (in_clean_up_of_a_task, "raised"),
        (too_slow_itself, "raised"),
        (hangs, "timeout"),
        (swallows, "timeout"),
        (lambda d: None, "nonsense"),
        (lambda d: "ok", "nonsense"),
        (lambda d: True, "nonsense"),
        (lambda d: d.message, "nonsense"),
        (lambda d: d.replace(id=9), "nonsense"),
        (lambda d: d.replace(contact=9), "nonsense"),
        (lambda d: d.replace(sender="other"), "nonsense"),
        (lambda d: d.replace(attempt=2), "nonsense"),
        (lambda d: d.replace(priority=1), "nonsense"),
        (lambda d: d.replace(identities=(Identity("phone", "+491713920099"),)), "nonsense"),
        (lambda d: d.replace(permissions=Permissions(consent=6)), "nonsense"),
        (lambda d: d.replace(message=MESSAGE.replace(id=8)), "nonsense"),
        (lambda d: d.replace(message=MESSAGE.replace(kind="service")), "nonsense"),
        (lambda d: d.replace(content=TEMPLATE), "nonsense"),
        (lambda d: d.replace(content="Hallo"), "nonsense"),
        (lambda d: d.replace(content=Text(body=None)), "nonsense"),  # type: ignore[arg-type]
        (lambda d: d.replace(content=Text(body="half a \ud83d")), "nonsense"),
        (lambda d: d.replace(basis="consent"), "nonsense"),
        (lambda d: Drop("undeclared", "so"), "nonsense"),
        (lambda d: Hold("plugin_raised", "so"), "nonsense"),
        (lambda d: Drop(["no"], "so"), "nonsense"),  # type: ignore[arg-type]
        (lambda d: Drop("no", None), "nonsense"),  # type: ignore[arg-type]
        (lambda d: Hold("no", "until when?", NAIVE), "nonsense"),
        (lambda d: Hold("no", "until when?", 5.0), "nonsense"),  # type: ignore[arg-type]
        (lambda d: Drop, "nonsense"),
    ],
)
async def test_what_is_wrong_is_held(
    act: Callable[[Delivery], Any], reason: str, autojump_clock: MockClock
) -> None:
    """Crash, silence and nonsense hold the delivery with a sentence, wherever in the chain."""
    failures = Failures()
    for before, after in (((), ()), ((adds("a"),), (adds("b"),))):
        chain = Pipeline([*before, Does(act), *after], failed=failures)
        verdict = await chain.process(DELIVERY)
        held(verdict, reason)
        assert isinstance(verdict, Hold)
        assert "private" not in verdict.text
    assert failures == [("does", "process", reason)] * 2


async def test_an_error_text_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The log names type and place of a crash; its words may be a person's."""
    await Pipeline([Does(raises(ValueError("+491713920001")))]).process(DELIVERY)
    assert "ValueError" in caplog.text
    assert "in act" in caplog.text
    assert "3920001" not in caplog.text


async def test_each_middleware_has_its_own_time(autojump_clock: MockClock) -> None:
    """The deadline moves on: five that take 4 of 5 seconds each pass together."""

    async def slow(delivery: Delivery) -> Delivery:
        await trio.sleep(4)
        return delivery

    assert await Pipeline([Does(slow) for _ in range(5)]).process(DELIVERY) == DELIVERY
    assert trio.current_time() >= 20


async def test_the_one_that_hangs_is_the_one_that_is_named(autojump_clock: MockClock) -> None:
    """After slow ones the blame falls on the one that gave no answer."""

    async def slow(delivery: Delivery) -> Delivery:
        await trio.sleep(4)
        return delivery

    chain = [Does(slow, "slow"), Does(swallows, "hangs"), Does(slow, "later")]
    held(await Pipeline(chain).process(DELIVERY), "timeout", "hangs")


@pytest.mark.parametrize("act", [hangs, in_clean_up_of_a_task])
async def test_a_cancellation_from_outside_travels_on(
    act: Callable[[Delivery], Any], autojump_clock: MockClock
) -> None:
    """Stopping the gateway is no crash of a plugin: nothing is held, nothing passes."""
    failures = Failures()
    answers = []
    with trio.move_on_after(1) as scope:
        answers.append(await Pipeline([Does(act)], failed=failures).process(DELIVERY))
    assert scope.cancelled_caught
    assert answers == []
    assert [f for f in failures if f[2] == "timeout"] == []
