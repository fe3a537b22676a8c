"""A stopped sender is looked at by itself, less and less often, until what stopped it is gone.

The output asks its provider without sending (Output.probe).  What it says is mended goes on; if
that was wrong, the next refusal stops it again, and the time between two probes goes on growing.
A stop whose end the provider named goes on then, and nobody is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence

import msgspec
import trio

from gateway.clock import Clock
from gateway.consequences import Consequences
from gateway.ending import lift_ended
from gateway.errors import DeliveryError, StoreError
from gateway.http import FetchError
from gateway.inbound import Effect
from gateway.isolation import Crash, guarded
from gateway.plugin import Output
from gateway.stopping import Stop
from gateway.store.causes import TEMPLATE_PAUSED
from gateway.store.protocol import Store

log = logging.getLogger("gateway.probing")

LOOK_EVERY = 5.0
DEADLINE = 60.0
"""Seconds for all questions of one probe."""


class Probed(msgspec.Struct, frozen=True):
    """What a probe found: causes that are gone, stops that are left, and why nothing is known."""

    mended: tuple[str, ...] = ()
    left: tuple[Stop, ...] = ()
    trouble: str = ""


class Schedule:
    """When each cause of one sender is probed: first after `first` seconds, then after twice as
    many each time, `longest` at most.  Pure; times are UTC microseconds."""

    def __init__(self, probed: Mapping[str, tuple[float, float]], factor: float) -> None:
        self._probed = probed
        self._factor = factor
        self._next: dict[str, tuple[int, int]] = {}  # code → steps, when

    def due(self, stopped: Mapping[str, int], now: int) -> list[str]:
        """Return the causes to be probed now; `stopped` is since when each one stops."""
        found = []
        for code, since in stopped.items():
            if code not in self._probed:
                continue
            first = since + self._micros(self._probed[code][0])
            _, at = self._next.setdefault(code, (0, first))
            if max(at, first) <= now:
                found.append(code)
        # A cause that has been gone for as long as the longest pause begins anew.
        for code, (_, at) in list(self._next.items()):
            if code not in stopped and at + self._micros(self._probed[code][1]) < now:
                del self._next[code]
        return found

    def probed(self, codes: Collection[str], now: int) -> None:
        """These were probed: they come again later."""
        for code in codes:
            first, longest = self._probed[code]
            steps = self._next.get(code, (0, 0))[0] + 1
            wait = min(first * 2.0 ** min(steps, 30), longest)
            self._next[code] = (steps, now + self._micros(wait))

    def _micros(self, seconds: float) -> int:
        return int(seconds * self._factor * 1e6)


class Probing:
    """Probes the senders of one gateway that are stopped, or wait for a template."""

    def __init__(
        self,
        outputs: Mapping[str, Output],
        store: Store,
        clock: Clock,
        consequences: Consequences,
    ) -> None:
        self._outputs = outputs
        self._store = store
        self._clock = clock
        self._consequences = consequences
        self._schedules = {
            name: Schedule(type(output).probed, consequences.backoff)
            for name, output in outputs.items()
        }
        self._waiting: dict[str, int] = {}  # sender → since when it waits for a template
        self._asking = trio.Lock()

    async def run(self) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            try:
                await self.look()
            except StoreError as error:
                log.error("cannot look which sender is stopped: %s", error)
            await trio.sleep(LOOK_EVERY)

    async def look(self) -> None:
        """Lift what is over, and probe what is due.  Raises StoreError."""
        now = self._clock.micros()
        stops = await lift_ended(self._store, await self._store.stops(), now)
        waiting = await self._store.waiting_for_templates()
        self._waiting = {name: self._waiting.get(name, now) for name in waiting}
        for name, schedule in self._schedules.items():
            stopped = {one.code: one.since for one in stops if one.sender == name}
            if name in self._waiting:
                stopped[TEMPLATE_PAUSED] = self._waiting[name]
            due = schedule.due(stopped, now)
            if due:
                schedule.probed(due, now)
                found = await self.probe(name, due)
                log.info("sender %s: probed for %s: %s", name, ", ".join(due), _told(found))

    async def probe(self, sender: str, only: Collection[str] | None = None) -> Probed:
        """Ask once, and let go on what is mended; of the stops that a probe can lift, `only` these.

        Raises StoreError.
        """
        output = self._outputs[sender]
        trouble, effects = "", list[Effect]()
        async with self._asking:
            before = await self._of(sender)
            asked = self._clock.micros()  # what stops it from here on is not in the answer
            try:
                answer = await guarded(
                    output.label, output.probe, timeout=DEADLINE, let=(DeliveryError, FetchError)
                )
            except (DeliveryError, FetchError) as error:
                trouble = str(error)
            else:
                if isinstance(answer, Crash):
                    trouble = f"the output could not ask: {answer.error}"
                else:
                    effects = self._allowed(answer, type(output).probed, only)
            await self._consequences.apply(sender, effects, told_at=asked)
            left = await self._of(sender)
        kept = {(one.scope, one.code) for one in left}
        gone = [one.code for one in before if (one.scope, one.code) not in kept]
        return Probed(tuple(dict.fromkeys(gone)), tuple(left), trouble)

    def _allowed(
        self,
        effects: Sequence[Effect],
        probed: Mapping[str, tuple[float, float]],
        only: Collection[str] | None,
    ) -> list[Effect]:
        if only is None:
            return list(effects)
        return [
            effect
            for effect in effects
            if effect.what not in ("resume", "template_back")
            or _cause(effect) in only
            or _cause(effect) not in probed
        ]

    async def _of(self, sender: str) -> list[Stop]:
        return [one for one in await self._store.stops() if one.sender == sender]


def _cause(effect: Effect) -> str:
    return TEMPLATE_PAUSED if effect.what == "template_back" else effect.code


def _told(found: Probed) -> str:
    if found.trouble:
        return found.trouble
    return f"{', '.join(found.mended)} over" if found.mended else "nothing is mended yet"
