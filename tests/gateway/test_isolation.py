"""A plugin's crash is a value; a cancellation is not."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from math import inf

import pytest
import trio
from trio.testing import MockClock

from gateway.errors import ConfigError, NotSent
from gateway.isolation import Crash, guarded, where

NUMBER = "+491713920001"


async def fine() -> str:
    return "fine"


async def hangs() -> str:
    await trio.sleep_forever()
    return ""


async def crashes() -> str:
    raise ValueError(NUMBER)


async def crashes_in_a_task() -> str:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(crashes)
        await trio.sleep_forever()
    return ""


async def crashes_in_clean_up() -> str:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.sleep_forever)
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError(NUMBER)
    return ""


async def own_deadline() -> str:
    with trio.fail_after(1):
        await trio.sleep_forever()
    return ""


async def cancels_itself() -> str:
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio.sleep_forever()
    return "went on"


def not_async() -> str:
    return "fine"


class Awkward(Exception):
    """Cannot be made a second time."""

    def __init__(self, *, needed: str) -> None:
        if needed != "yes":
            raise KeyError(needed)
        super().__init__(NUMBER)


async def awkward() -> str:
    raise Awkward(needed="yes")


@pytest.mark.parametrize("timeout", [5.0, inf])
@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (fine, "fine"),
        (cancels_itself, "went on"),
        (crashes, "ValueError in crashes"),
        (crashes_in_a_task, "ValueError in crashes"),
        (own_deadline, "TooSlowError"),
        (not_async, "TypeError"),
        (awkward, "Awkward in awkward"),
    ],
)
async def test_an_answer_or_a_crash(
    call: Callable[[], Awaitable[str]],
    expected: str,
    timeout: float,
    autojump_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What was answered comes back, what was raised becomes a Crash with its place, no words."""
    answer = await guarded("x", call, timeout=timeout)
    if isinstance(answer, Crash):
        assert (answer.label, answer.reason) == ("x", "raised")
        assert answer.error.startswith(expected)
        assert "plugin x crashed" in caplog.text
        assert "Traceback" in caplog.text
        assert "3920001" not in caplog.text + answer.error
    else:
        assert answer == expected


async def test_silence_is_a_crash(autojump_clock: MockClock) -> None:
    """No answer in time ends the call and says so."""
    assert await guarded("x", hangs, timeout=5) == Crash("x", "timeout", "no answer within 5 s")
    assert trio.current_time() == 5


async def test_a_crash_while_time_is_up_is_a_crash(autojump_clock: MockClock) -> None:
    """A clean-up that raises when its time is over does not get out."""
    answer = await guarded("x", crashes_in_clean_up, timeout=5)
    assert isinstance(answer, Crash)
    assert answer.reason == "raised"


@pytest.mark.parametrize("call", [hangs, crashes_in_clean_up])
@pytest.mark.parametrize("timeout", [60.0, inf])
async def test_a_cancellation_from_outside_travels_on(
    call: Callable[[], Awaitable[str]], timeout: float, autojump_clock: MockClock
) -> None:
    """A clean stop stays one, also if the plugin's clean-up raises meanwhile."""
    answers = []
    with trio.move_on_after(1) as scope:
        answers.append(await guarded("x", call, timeout=timeout))
    assert scope.cancelled_caught
    assert answers == []


@pytest.mark.parametrize(
    "error",
    [
        ConfigError("wrong"),
        ExceptionGroup("g", [ConfigError("wrong")]),
        ExceptionGroup("g", [ValueError(), ExceptionGroup("h", [ConfigError("wrong")])]),
    ],
)
async def test_expected_errors_travel_on_alone(error: Exception) -> None:
    """What the caller expects comes out by itself, however it was wrapped."""

    async def call() -> None:
        raise error

    with pytest.raises(ConfigError, match="wrong"):
        await guarded("x", call, timeout=5, let=(ConfigError, NotSent))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)])
async def test_the_end_of_the_process_is_no_crash(error: BaseException) -> None:
    """Ctrl-C is not swallowed."""

    async def call() -> None:
        raise error

    with pytest.raises(type(error)):
        await guarded("x", call)


def test_where_names_type_and_place() -> None:
    """An error is described without its own text."""
    try:
        int("+49 171 3920001")
    except ValueError as error:
        said = where(error)
    assert said.startswith("ValueError in test_where_names_type_and_place, line ")
    assert "3920001" not in said


async def test_nothing_is_logged_about_what_went_well(caplog: pytest.LogCaptureFixture) -> None:
    """The log stays empty while nothing happens."""
    with caplog.at_level(logging.DEBUG):
        await guarded("x", fine, timeout=5)
    assert caplog.records == []
