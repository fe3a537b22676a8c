"""The people of a campaign: who stops, asks or signs up, in which way, and at which event."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

import trio

from gateway_sandbox.serve import Sandbox
from tests.chaos.plan import SENDERS, TITLES, TOPICS, Plan
from tests.chaos.wire import Sent, Wire
from tests.wire.world import numbers

WAYS = ("word", "button", "switch")
WORDS = ("STOP", "Stopp!", "abmelden bitte", "Stop. Danke", "unsubscribe")
PATIENCE = 20.0
"""Seconds after which somebody who signed up waits for no question any more."""
LOOK = 0.25
"""Seconds between looks at what happens in another process."""

Act = Callable[[str], Awaitable[None]]


async def until(true: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere."""
    while not true():  # noqa: ASYNC110 - in another process, which tells nobody
        await trio.sleep(LOOK)


class People:
    """All of them.  `stops`: phone → id of the message with which that person stopped, "" by the
    switch; `order`: hands in that a person's order is on its way; `busy`: so many are at it."""

    def __init__(
        self,
        plan: Plan,
        phones: list[str],
        wire: Wire,
        sandboxes: Mapping[str, Sandbox],
        order: Callable[[str, int], Awaitable[None]],
    ) -> None:
        self._plan, self._wire, self._sandboxes, self._order = plan, wire, sandboxes, order
        self._places = {phone: place for place, phone in enumerate(phones)}
        self._waiting: dict[tuple[str, int], list[tuple[Act, str]]] = defaultdict(list)
        self._crowd = trio.CapacityLimiter(32)
        self.stops: dict[str, str] = {}
        self.busy = 0
        self._plan_all()

    def _plan_all(self) -> None:
        """Who does what, when which message is sent to whom: all by the seed."""
        plan, last = self._plan, len(self._places) - 1
        for phone, place in self._places.items():
            if plan.draw("stops", phone) < plan.stopping:
                nth = 1 + int(plan.draw("when", phone) * plan.messages)
                before = int(plan.draw("before", phone) * (plan.ahead + 1))
                mark = plan.mark(plan.one_of(tuple(TOPICS), "topic", phone), nth)
                self._waiting[mark, max(0, place - before)].append((self._stops, phone))
            elif plan.draw("talks", phone) < plan.talking:
                self._waiting[plan.mark("blog", 1), min(last, place + 5)].append(
                    (self._talks, phone)
                )
        for place, phone in enumerate(numbers(int(plan.people * plan.joining), 500_000)):
            self._waiting[plan.mark("blog", 1), min(last, place * 7)].append((self._joins, phone))

    def happened(self, sent: Sent, nursery: trio.Nursery) -> None:
        """A send arrived: let those act who waited for it."""
        place = self._places.get(sent.contact)
        if place is not None:
            for act, phone in self._waiting.pop((sent.what, place), ()):
                nursery.start_soon(self._acts, act, phone)

    async def _acts(self, act: Act, phone: str) -> None:
        self.busy += 1
        await act(phone)
        self.busy -= 1

    async def _stops(self, phone: str) -> None:
        sandbox = self._sandboxes[self._plan.one_of(tuple(SENDERS), "sender", phone)]
        way = self._plan.one_of(WAYS, "way", phone)
        async with self._crowd:
            if way == "switch":
                self.stops[phone] = ""
                await sandbox.say(phone, preferences="stop")
            elif way == "button":
                self.stops[phone] = (await sandbox.say(phone, button=("STOP", "Abmelden"))).wamid
            else:
                word = self._plan.one_of(WORDS, "word", phone)
                self.stops[phone] = (await sandbox.say(phone, word)).wamid

    async def _talks(self, phone: str) -> None:
        """Ask something; later an order is told about, in the window that this opened."""
        async with self._crowd:
            said = await self._sandboxes["main"].say(phone, "Wann habt ihr offen?")
        await until(lambda: self._wire.inbound.get(said.wamid) is not None)
        await self._order(phone, self._places[phone])

    async def _joins(self, phone: str) -> None:
        """Sign up, and say yes as soon as the question is there."""
        async with self._crowd:
            await self._sandboxes["main"].say(phone, f"START {TITLES['blog']}")
        with trio.move_on_after(PATIENCE):
            await until(lambda: self._got_something(phone))
            async with self._crowd:
                await self._sandboxes["main"].say(phone, button_reply={"title": "Ja"})

    def _got_something(self, phone: str) -> bool:
        latest = itertools.islice(reversed(self._wire.sends), 3000)
        return any(sent.contact == phone and sent.wamid for sent in latest)
