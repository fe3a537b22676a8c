"""Between accept and the queue: each message is judged once, then made into deliveries.

Also the sweeps that a cancelled, paused, resumed or expired message leaves behind.  Everything
goes in chunks that hold the store for a few milliseconds, and starts again where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import trio

from gateway.clock import Clock
from gateway.errors import StoreError
from gateway.message import Message, Topic
from gateway.pipeline import Pipeline
from gateway.plugin import Output
from gateway.store.protocol import Screened, Store, micros
from gateway.verdicts import Drop

log = logging.getLogger("gateway.fan_out")

CHUNK = 400
"""Consents or deliveries looked at in one job; keeps a job well under 10 ms."""

IN_A_ROW = 8
"""Chunks before something else is looked for: a few hundredths of a second."""

DOUBTED = "doubted"
"""Code of the hold of a message that its input doubted."""

SOON = 5_000_000
"""Microseconds after which a message that was put off is judged again at the earliest."""

LOOK_EVERY = 5.0
"""Seconds after which holds that ended and messages that expired are looked for."""


class Preparing:
    """Screens what was accepted and fans it out, until cancelled."""

    def __init__(
        self,
        store: Store,
        pipeline: Pipeline,
        outputs: Mapping[str, Output],
        topics: Mapping[str, Topic],
        clock: Clock,
        counted: Callable[[Message, str], None] = lambda message, outcome: None,
        worked: Callable[[], None] = lambda: None,
    ) -> None:
        """`counted(message, outcome)` for metrics, `worked()` after every round."""
        self._store = store
        self._pipeline = pipeline
        self._outputs = outputs
        self._topics = topics
        self._clock = clock
        self._counted = counted
        self._worked = worked

    async def run(self) -> None:
        """Work until cancelled; a store that fails is tried again."""
        while True:
            seen = self._store.changes("messages")
            try:
                busy = await self.round()
            except StoreError as error:
                log.error("cannot prepare messages: %s", error)
                busy = False
                await trio.sleep(1.0)
            self._worked()
            if not busy:
                with trio.move_on_after(LOOK_EVERY):
                    await self._store.changed(seen, "messages")

    async def round(self) -> bool:
        """Do one chunk of everything that waits.  True if there may be more."""
        at = self._clock.micros()
        busy = False
        unjudged = await self._store.to_screen(self._pipeline.fingerprint, at=at, limit=20)
        for message in unjudged:
            verdict = await self.screen(message)
            await self._store.screened([verdict], at=self._clock.micros())
            self._counted(message, verdict.state)
            busy = True
        if len(unjudged) == 20:
            return True  # nothing starts while a message may still wait for this chain's verdict
        starting = await self._store.to_fan_out(limit=20)
        for message_id in starting:
            for _ in range(max(1, IN_A_ROW // len(starting))):
                now = self._clock.micros()
                if (await self._store.fan_out(message_id, at=now, limit=CHUNK)).done:
                    break
            busy = True
        for message_id in await self._store.to_sweep(at=at, limit=20):
            await self._store.sweep(message_id, at=self._clock.micros(), limit=CHUNK)
            busy = True
        return busy

    async def screen(self, message: Message) -> Screened:
        """Return the chain's verdict on a message."""
        chain = self._pipeline.fingerprint
        if message.expires_at is not None and micros(message.expires_at) <= self._clock.micros():
            return Screened(
                message=message,
                state="dropped",
                chain=chain,
                code="expired",
                reason="the message's time was over before it could start",
            )
        output = self._outputs.get(message.sender or "")
        if output is None:
            return Screened(
                message=message,
                state="held",
                chain=chain,
                code="no_sender",
                reason=f"there is no sender {message.sender!r} in the settings",
            )
        topic = self._topics.get(message.topic or "")
        if topic is None and message.to is None:
            return Screened(
                message=message,
                state="held",
                chain=chain,
                code="no_topic",
                reason=f"there is no topic {message.topic!r} in the settings",
            )
        if message.doubt and DOUBTED not in message.approved:
            return Screened(
                message=message, state="held", chain=chain, code=DOUBTED, reason=message.doubt
            )
        verdict = await self._pipeline.screen(message, output, topic)
        if isinstance(verdict, Message):
            reason = " · ".join(verdict.notes)
            return Screened(message=verdict, state="ready", chain=chain, reason=reason)
        if isinstance(verdict, Drop):
            return Screened(
                message=message,
                state="dropped",
                chain=chain,
                code=verdict.code,
                reason=verdict.text,
            )
        return Screened(
            message=message,
            state="held",
            chain=chain,
            code=verdict.code,
            reason=verdict.text,
            until=max(micros(verdict.until), self._clock.micros() + SOON)
            if verdict.until
            else None,
        )
