"""One attempt: begin, send, settle, and what its outcome means for the whole sender.

The intent is on disk before a byte leaves, the one outcome is written down afterwards, again and
again if the disk refuses.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Protocol

import msgspec
import trio

from gateway.errors import DeliveryError, NotSent, Rejected, StoreError
from gateway.http import first_byte
from gateway.isolation import Crash, guarded
from gateway.limiter import Grant
from gateway.message import Delivery
from gateway.pipeline import encode_content
from gateway.plugin import Output
from gateway.store.protocol import Intent, Settlement, Store

log = logging.getLogger("gateway.delivery")

TRIES = 8
"""After so many attempts that were refused, a person has to look."""

FAILING = 3
"""From so many attempts in a row on without an answer, only one at a time is made."""

LONGEST_PAUSE = 60.0
"""Seconds; cap of the pause after attempts that failed one after another."""


class Clock(Protocol):
    """What delivery needs of the clock."""

    def micros(self) -> int: ...


class Report(Protocol):
    """Where the sender's figures go; implemented on the metrics."""

    def decided(self, delivery: Delivery, outcome: str, code: str) -> None: ...
    def attempted(self, delivery: Delivery, outcome: str, code: str, seconds: float) -> None: ...
    def ended(self, delivery: Delivery, outcome: str) -> None: ...
    def first_byte(self, delivery: Delivery, at: int) -> None: ...
    def stage(self, name: str, seconds: float) -> None: ...
    def waited(self, limit: str, seconds: float) -> None: ...
    def stopped(self, sender: str, reason: str) -> None: ...


class Attempts:
    """Makes the attempts of one sender."""

    def __init__(
        self,
        sender: str,
        output: Output,
        store: Store,
        clock: Clock,
        report: Report,
        node: str,
        pause: Callable[[float], None],
        chance: Callable[[], float] = random.random,
    ) -> None:
        """`pause(seconds)` holds the whole sender back."""
        self._sender = sender
        self._output = output
        self._store = store
        self._clock = clock
        self._report = report
        self._node = node
        self._pause = pause
        self._chance = chance
        self._failures = 0  # attempts without an answer, in a row
        self.trouble: tuple[str, int] | None = None
        """While the provider does not answer: the code of the failure, and since when."""
        self.unwritten = 0
        """Facts that the store refused so far; nothing more is sent until there are none."""

    @property
    def failing(self) -> bool:
        """Whether the provider cannot be reached, or does not answer."""
        return self._failures >= FAILING

    async def begin(self, delivery: Delivery, grant: Grant) -> bool | None:
        """Store the intent.  False if it may not be sent, None if the store did not take it."""
        digest, body = encode_content(delivery.content)
        intent = Intent(
            delivery=delivery, at=self._clock.micros(), content=digest, body=body, uses=grant.uses
        )
        started = time.perf_counter()
        try:
            (refusal,) = await self._store.begin([intent], self._node)
        except StoreError as error:
            log.error("sender %s: cannot store an intent: %s", self._sender, error)
            return None
        self._report.stage("begin", time.perf_counter() - started)
        if refusal is not None:
            self._report.decided(
                delivery, "dropped" if refusal.final else "given_back", refusal.code
            )
        return refusal is None

    async def send(self, delivery: Delivery, grant: Grant) -> None:
        """Send what has begun, and write its outcome down."""
        sent_at: int | None = None

        def on_first_byte(_: float) -> None:
            nonlocal sent_at
            sent_at = self._clock.micros()
            grant.sent(trio.current_time())
            self._report.first_byte(delivery, sent_at)

        token = first_byte.set(on_first_byte)
        started = time.perf_counter()
        answer = await guarded(
            self._output.label,
            lambda: self._call(delivery),
            timeout=self._output.send_deadline,
        )
        first_byte.reset(token)
        seconds = time.perf_counter() - started
        if not isinstance(answer, NotSent):
            grant.sent(trio.current_time())  # an output that did not say when counts as just now
        settlement = self._settlement(delivery, answer, sent_at)
        self._report.attempted(delivery, settlement.outcome, settlement.code, seconds)
        if settlement.retry_at is None:
            self._report.ended(delivery, "held" if settlement.hold else settlement.outcome)
        started = time.perf_counter()
        await self.persist(lambda: self._store.settle([settlement]))
        self._report.stage("settle", time.perf_counter() - started)
        await self._consequences(answer)

    async def _call(self, delivery: Delivery) -> str | DeliveryError:
        try:
            return await self._output.send(delivery)
        except DeliveryError as error:
            return error

    def _settlement(
        self, delivery: Delivery, answer: str | DeliveryError | Crash, sent_at: int | None
    ) -> Settlement:
        now = self._clock.micros()
        done = Settlement(
            delivery=delivery.id, n=delivery.attempt, outcome="unknown", at=now, first_byte=sent_at
        )
        change = msgspec.structs.replace
        if isinstance(answer, str):
            if answer:
                return change(done, outcome="accepted", provider_id=answer)
            return change(done, code="no_id", detail="the output returned no id")
        if isinstance(answer, Crash):
            # Nobody knows how far it came: as unknown as an answer that got lost.
            return change(done, code=_code(answer), detail=answer.error)
        done = change(done, code=answer.code, detail=answer.detail, action=answer.action)
        if answer.outcome == "unknown":
            return done
        done = change(done, outcome="failed")
        again = self._again(delivery, answer)
        # A network that is down for hours needs patience, not a person.
        if again is not None and (isinstance(answer, NotSent) or delivery.attempt < TRIES):
            return change(done, retry_at=now + int(again * 1e6))
        return change(done, hold=again is not None)

    def _again(self, delivery: Delivery, error: DeliveryError) -> float | None:
        """Return after how many seconds an attempt that reached nobody may be repeated."""
        if delivery.message.kind == "confirmation" and not isinstance(error, NotSent):
            return None  # a question is asked once
        if isinstance(error, NotSent):
            return float(min(2.0 ** min(delivery.attempt - 1, 10), LONGEST_PAUSE)) * (
                0.5 + self._chance()
            )
        if error.scope in ("sender", "portfolio", "app") and error.retry_after is None:
            return 0.0  # the sender stops; this one stays first in its queue
        return error.retry_after

    async def _consequences(self, answer: str | DeliveryError | Crash) -> None:
        """What an outcome means for the whole sender."""
        if isinstance(answer, str | Rejected):
            if self.failing:
                log.info("sender %s: the provider answers again", self._sender)
            self._failures = 0
            self.trouble = None
        if isinstance(answer, str):
            return
        if not isinstance(answer, Rejected):
            # Nothing was reached, or nobody knows: more of the same would only pile up.
            self._failures += 1
            if self.failing:
                if self.trouble is None:
                    log.warning("sender %s gets no answer (%s)", self._sender, _code(answer))
                    self.trouble = (_code(answer), self._clock.micros())
                longest = min(2.0 ** min(self._failures - FAILING, 10), LONGEST_PAUSE)
                self._pause(longest * (0.5 + self._chance() / 2))
            return
        if answer.scope in ("sender", "portfolio", "app"):
            if answer.retry_after is not None:
                self._pause(answer.retry_after)
                return
            reason = f"{answer.code}: {answer.detail}" if answer.detail else answer.code
            log.error("sender %s stopped: %s", self._sender, reason)
            self._report.stopped(self._sender, reason)
            await self.persist(
                lambda: self._store.stop(f"sender:{self._sender}", reason, at=self._clock.micros())
            )

    async def persist(self, write: Callable[[], object]) -> None:
        """Write what happened, again and again if the disk refuses: it must not be forgotten."""
        pause = 0.2
        while True:
            try:
                await write()  # type: ignore[misc]
                return
            except StoreError as error:
                log.error("sender %s: cannot write down what happened: %s", self._sender, error)
            self.unwritten += 1
            try:
                await trio.sleep(pause)
            finally:
                self.unwritten -= 1
            pause = min(pause * 2, 10.0)


def _code(answer: DeliveryError | Crash) -> str:
    return answer.code if isinstance(answer, DeliveryError) else f"output_{answer.reason}"
