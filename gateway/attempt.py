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

from gateway.breaker import Breaker, State
from gateway.clock import Clock
from gateway.consequences import Consequences
from gateway.errors import WIDE, DeliveryError, NotSent, Rejected, StoreError, StoreFault
from gateway.http import first_byte
from gateway.isolation import Crash, guarded
from gateway.limiter import Grant
from gateway.message import Content, Delivery
from gateway.pipeline import encode_content
from gateway.plugin import Output
from gateway.store.outcomes import MOST_TRIES as TRIES
from gateway.store.protocol import Intent, Settlement, Store

log = logging.getLogger("gateway.delivery")

LONGEST_PAUSE = 60.0
"""Seconds; cap of the pause of a delivery of which no byte left."""

JITTER = 0.1
"""Part that a pause may be longer, so that what failed together does not come together again."""

SOON = 1_000_000
"""Microseconds after which what waits for its sender or template is due again: by then that waits."""


class Report(Protocol):
    """Where the sender's figures go; implemented on the metrics."""

    def decided(self, delivery: Delivery, outcome: str, code: str) -> None: ...
    def attempted(self, delivery: Delivery, outcome: str, code: str, seconds: float) -> None: ...
    def ended(self, delivery: Delivery, outcome: str) -> None: ...
    def first_byte(self, delivery: Delivery, at: int) -> None: ...
    def stage(self, name: str, seconds: float) -> None: ...
    def waited(self, limit: str, seconds: float) -> None: ...
    def breaker(self, sender: str, state: State) -> None: ...


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
        consequences: Consequences,
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
        self._consequences = consequences
        self._chance = chance
        self._content: Content | None = None  # of the last intent
        self._encoded = (b"", b"")
        self._breaker = Breaker(chance, consequences.backoff)
        self.trouble: tuple[str, int] | None = None
        """While the provider does not answer: the code of the failure, and since when."""
        self.unwritten = 0
        """Facts that the store refused so far; nothing more is sent until there are none."""

    @property
    def failing(self) -> bool:
        """Whether the provider cannot be reached, or does not answer."""
        return self._breaker.failing

    @property
    def breaker(self) -> State:
        """What the circuit breaker is at this moment."""
        return self._breaker.state(trio.current_time())

    async def begin(self, delivery: Delivery, grant: Grant) -> bool | None:
        """Store the intent.  False if it may not be sent, None if the store did not take it."""
        if delivery.content is not self._content:  # a template is the same for all
            self._content, self._encoded = delivery.content, encode_content(delivery.content)
        digest, body = self._encoded
        intent = Intent(
            delivery=delivery, at=self._clock.micros(), content=digest, body=body, uses=grant.uses
        )
        started = time.perf_counter()
        try:
            (refusal,) = await self._store.begin([intent], self._node)
        except StoreError as error:
            if not isinstance(error, StoreFault):  # which storage_watch.py tells once
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
        await self._follow(delivery, answer)

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
        own = not isinstance(answer, NotSent) and answer.scope not in WIDE
        done = change(done, outcome="failed", alone=own)
        if delivery.message.kind == "confirmation" and not isinstance(answer, NotSent):
            return done  # a question is asked once
        again = self._again(delivery, answer)
        return change(
            done,
            retry_at=None if again is None else now + again,
            hold=answer.action == "hold" or (answer.action == "retry" and again is None),
        )

    def _again(self, delivery: Delivery, error: DeliveryError) -> int | None:
        """Return after how many microseconds what reached nobody goes again; None: not by itself.

        A network that is down for hours, or a sender that is stopped, needs patience; what is
        refused by itself again and again needs a person.
        """
        if isinstance(error, NotSent):
            seconds = min(2.0 ** min(delivery.attempt - 1, 10), LONGEST_PAUSE)
            return self._micros(seconds * (0.5 + self._chance()))
        if error.action in ("stop", "template"):
            return SOON
        if error.action not in ("retry", "later", "slow"):
            return None
        if error.retry_after is None:
            return SOON if error.action == "slow" else None
        own = error.scope not in WIDE
        if error.action == "retry" and own and delivery.failures + 1 >= TRIES:
            return None
        return self._micros(error.retry_after * (1 + JITTER * self._chance()))

    def _micros(self, seconds: float) -> int:
        return int(seconds * self._consequences.backoff * 1e6)

    async def _follow(self, delivery: Delivery, answer: str | DeliveryError | Crash) -> None:
        """What an outcome means for others than this delivery."""
        if isinstance(answer, str | Rejected):
            if self._breaker.answered():
                log.info("sender %s: the provider answers again", self._sender)
                self._report.breaker(self._sender, "closed")
            self.trouble = None
        else:
            self._failed(_code(answer))
        if isinstance(answer, Rejected):
            refused = answer
            await self.persist(lambda: self._consequences.refused(delivery, refused))

    def _failed(self, code: str) -> None:
        """Nothing was reached, or nobody knows: more of the same would only pile up."""
        pause = self._breaker.failed(trio.current_time())
        if pause is None:
            return
        if self.trouble is None:
            log.warning("sender %s gets no answer (%s)", self._sender, code)
            self.trouble = (code, self._clock.micros())
        self._report.breaker(self._sender, "open")
        self._pause(pause)

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
