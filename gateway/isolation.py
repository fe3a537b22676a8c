"""The one place that catches broadly: a plugin that crashes or hangs becomes a value.

A plugin whose clean-up raises while the daemon stops shares a group with Cancelled; `except*`
takes the error out and lets Cancelled go on, where `except Exception` would turn a clean stop
into a crash.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from math import inf
from typing import TypeVar

import msgspec
import trio

T = TypeVar("T")

log = logging.getLogger("gateway.isolation")


class Crash(msgspec.Struct, frozen=True):
    """What went wrong in a plugin: `reason` is `raised`, `timeout` or `nonsense`."""

    label: str
    reason: str
    error: str


class HiddenText(Exception):
    """Stands in a logged traceback for an error whose own text is left out."""


async def guarded(
    label: str,
    call: Callable[[], Awaitable[T]],
    *,
    timeout: float = inf,
    let: tuple[type[Exception], ...] = (),
) -> T | Crash:
    """Await `call()`; a crash or silence (seconds) becomes a Crash.

    Errors of the types in `let` are expected and travel on, alone.
    """
    crash: Crash | None = None
    expected: Exception | None = None
    try:
        # Not fail_after: a third of what all this costs, and every delivery passes here.
        with trio.CancelScope(relative_deadline=timeout):
            return await call()
        if timeout != inf:
            crash = Crash(label, "timeout", f"no answer within {timeout:g} s")
            log.error("plugin %s gave no answer in time", label)
    except* let as group:  # type: ignore[misc, unused-ignore]
        expected = _first(group)
    except* Exception as group:  # noqa: BLE001 - the one broad except, see above
        crash = raised(label, _first(group))
    if expected is not None:
        raise expected
    return crash or Crash(label, "timeout", "was cancelled from inside")


def raised(label: str, error: BaseException) -> Crash:
    """Log a crash with its traceback and return it as a value.

    The error's own text is left out: it may hold a number or a message.
    """
    log.error(
        "plugin %s crashed with %s",
        label,
        type(error).__name__,
        exc_info=(HiddenText, HiddenText(type(error).__name__), error.__traceback__),
    )
    return Crash(label, "raised", where(error))


def where(error: BaseException) -> str:
    """Name an error by type and place, without its text."""
    place = ""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        place = f" in {code.co_name}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return f"{type(error).__name__}{place}"


def _first(group: BaseExceptionGroup[BaseException]) -> Exception:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Exception)
    return error
