"""Requests that nobody answered expire by themselves."""

from __future__ import annotations

from typing import Any

import trio

from gateway.duties import Consent
from gateway.errors import StoreError
from gateway.expiring import AT_ONCE, EVERY, expire_requests
from gateway.values import Duration

HOUR = 3600.0


class Store:
    """Counts what is asked of it."""

    def __init__(self, *answers: int | StoreError) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[int, int]] = []

    async def expire_requests(self, *, asked_before: int, at: int, limit: int) -> int:
        self.asked.append((asked_before, at))
        answer = self.answers.pop(0) if self.answers else 0
        if isinstance(answer, StoreError):
            raise answer
        return min(answer, limit)


class Clock:
    """The test's own clock."""

    def micros(self) -> int:
        return int(trio.current_time() * 1e6)


async def test_all_that_is_over_at_once_then_every_minute(autojump_clock: Any) -> None:
    """Full portions are followed by the next one without a pause; a store that fails is asked
    again."""
    store: Any = Store(AT_ONCE, AT_ONCE, 3, StoreError("disk full"), 1)
    settings = Consent(request_valid=Duration(HOUR))
    with trio.move_on_after(2.5 * EVERY):
        await expire_requests(store, Clock(), settings)
    times = [at for _, at in store.asked]
    assert len(times) == 5
    assert times[0] == times[2]
    assert [round((at - times[0]) / 1e6) for at in times[3:]] == [EVERY, 2 * EVERY]
    assert all(at - before == HOUR * 1e6 for before, at in store.asked)
