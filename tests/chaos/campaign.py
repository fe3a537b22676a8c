"""One campaign: messages go out, people talk and stop, things go wrong, the gateway is killed."""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import trio

from gateway_sandbox.serve import Sandbox, open_sandbox
from gateway_sandbox.settings import Settings
from tests.chaos.duty import Duty
from tests.chaos.gateway import Gateway
from tests.chaos.people import People, until
from tests.chaos.plan import SENDERS, TOPICS, Fault, Plan, faults, settings
from tests.chaos.rest import waits
from tests.chaos.wire import Sent, Wire
from tests.wire.client import open_client
from tests.wire.world import free_port, numbers

QUIET = 0.5
"""Seconds between looks at how far it is."""
SETTLED = 1.5
"""Seconds without any news before the end."""
STUCK = 45.0
"""Seconds without any news after which what is left is judged as it is."""
LAST_KILL = 0.8
"""Share of the deliveries after which the kills are over, about: what follows shows the harm."""
BACKUP, RESTORE = 0.3, 0.4
"""Shares of the deliveries at which the database is copied, and the copy put back."""
ENDS = 3
"""Times that it may end by itself before the campaign is given up; one is trouble already."""
REDELIVERY = (0.0, 0.2, *(0.5,) * 6, *(1.0,) * 10, *(2.0,) * 30)
"""Seconds between the POSTs of a webhook that failed: a gateway that starts misses none."""


@dataclass
class Done:
    """What was done, beside what went over the wire."""

    phones: list[str] = field(default_factory=list)
    handed_in: list[str] = field(default_factory=list)
    """Marks of the messages that were answered with 2xx."""
    stops: dict[str, str] = field(default_factory=dict)
    """As People.stops."""
    kills: Counter[str] = field(default_factory=Counter)
    """At which event, how often."""
    resumed: int = 0
    stood_still: float = 0.0
    """The longest that the harness had no turn, in seconds: of ten, deadlines run out."""
    trouble: list[str] = field(default_factory=list)
    """What went wrong with the campaign itself."""
    seconds: float = 0.0


class Campaign:
    """Runs a plan in a folder.  Afterwards `wire` and `done` tell what happened."""

    def __init__(self, plan: Plan, folder: Path, guard: str | None = None) -> None:
        self.plan = plan
        self.wire = Wire()
        self.done = Done(phones=numbers(plan.people))
        self.public = free_port()
        self.gateway = Gateway(folder, self.public, guard)
        self.sandboxes: dict[str, Sandbox] = {}
        self._random = random.Random(plan.seed)
        self._alive = False
        self._fatal: tuple[str, int] | None = None  # the event of the next kill, and its number
        self._seen: Counter[str] = Counter()
        self._last_news = self._started = time.monotonic()
        self._messages: dict[str, dict[str, object]] = {}
        self._backup: Path | None = None
        self._restoring = False
        self._known: list[str] = []  # handed in before the backup
        self._owed: set[str] = set()  # to be handed in again after the restore
        self._people = People(plan, self.done.phones, self.wire, self.sandboxes, self._order)
        self.done.stops = self._people.stops

    async def run(self) -> None:
        """All of it; raises nothing that belongs to the gateway: `done.trouble` says that."""
        began = time.monotonic()
        async with AsyncExitStack() as stack, open_client() as self._client:
            for name in SENDERS:
                self.sandboxes[name] = await stack.enter_async_context(
                    open_sandbox(self._settings(name))
                )
                self.wire.tap(name, self.sandboxes[name])
                for fault in faults(self.plan):
                    self.sandboxes[name].fault(fault["fault"], **_members(fault))
            urls = {name: sandbox.url for name, sandbox in self.sandboxes.items()}
            (self.gateway.folder / "gateway.toml").write_text(
                settings(self.plan, self.public, urls), encoding="utf-8"
            )
            await self.gateway.subscribe(self.done.phones)
            self.wire.happened = self._happened
            left = self.plan.seconds - (time.monotonic() - began)
            with trio.move_on_after(left) as limit:
                async with trio.open_nursery() as self._nursery:
                    self._nursery.start_soon(self._keep_alive)
                    self._nursery.start_soon(self._operator)
                    if self.plan.restore:
                        self._nursery.start_soon(self._restoring_once)
                    await self._hand_in_all()
                    await self._quiet()
                    await self._answers()
                    self._nursery.cancel_scope.cancel()
            if limit.cancelled_caught:
                self.done.trouble.append(f"not done after {self.plan.seconds:g} seconds")
            self._alive = False
            self.wire.happened = lambda event, sent: None
            status = await self.gateway.stop()
            if status != 0:
                self.done.trouble.append(f"it ended with {status}: {self.gateway.log()}")
        self.done.seconds = time.monotonic() - began

    def _settings(self, sender: str) -> Settings:
        return Settings(
            token=self.gateway.token,
            app_secret=self.gateway.secret,
            webhook=f"http://127.0.0.1:{self.public}/hook/{sender}/",
            phone_number_ids=(SENDERS[sender],),
            rate=self.plan.rate + 2,
            batch=40,
            delays=(0.05, 0.15, 0.4),
            redelivery=REDELIVERY,
            redelivery_factor=1.0,
            webhook_timeout=8.0,
            keep=10 * self.plan.deliveries,
            seed=f"{self.plan.seed}/{sender}",
        )

    # --- the gateway's life -----------------------------------------------------------------------
    async def _keep_alive(self) -> None:
        """Start it, and again whenever it was killed; with a backup put back if it is time."""
        while True:
            if self._backup is not None and self._restoring:
                await self._restore(self._backup)
            self._seen.clear()
            self._fatal = self._next_kill()
            self.gateway.start()
            self._started = time.monotonic()
            self._alive = True
            await self.gateway.ended()
            self.wire.deaths.append(time.time())  # what it sent while it died is from before
            if self._alive:
                self.done.trouble.append(f"it ended by itself: {self.gateway.log()}")
                self._alive = False
                if len(self.done.trouble) >= ENDS:
                    self._nursery.cancel_scope.cancel()
                await trio.sleep(1.0)

    async def _restoring_once(self) -> None:
        """A backup in the midst of it all; some time later it is put back."""
        plan, backup = self.plan, self.gateway.folder / "backup.sqlite"
        goal = plan.deliveries * BACKUP
        await until(lambda: self._sent(goal) and self._alive)
        self._fatal = None  # a kill now would hit the command, which is a process of its own
        while await self.gateway.operate("resume") is None:  # noqa: ASYNC110 - another process
            await trio.sleep(0.1)
        self.wire.backed_up = time.time()
        self._known = list(self.done.handed_in)
        await self.gateway.run("backup", str(backup))
        self._seen.clear()
        self._fatal = self._next_kill()
        goal = plan.deliveries * RESTORE
        await until(lambda: self._sent(goal) and self._alive)
        self._backup, self._restoring, self._alive = backup, True, False
        self.gateway.kill()

    async def _restore(self, backup: Path) -> None:
        """Put it back, and hand in again what came after it: to the gateway that is new."""
        self._restoring = False
        await self.gateway.run("restore", str(backup))
        self.wire.restored = time.time()
        for mark in self.done.handed_in:
            if mark not in self._known:
                self._owed.add(mark)
                self._nursery.start_soon(self._hand_in_again, mark)

    async def _hand_in_again(self, mark: str) -> None:
        await self.gateway.hand_in(self._client, self._messages[mark])
        self._owed.discard(mark)

    def _next_kill(self) -> tuple[str, int] | None:
        left = self.plan.kills - self.done.kills.total()
        if left <= 0:
            return None
        sends = max(0, self.plan.deliveries * LAST_KILL - len(self.wire.sends))
        event = self._random.choice(("arrived", "accepted", "answering", "posting", "posted"))
        most = max(2.0, min(sends, 1.8 * sends / left))
        if event in ("posting", "posted"):
            most = max(2.0, most / 10)
        return event, 1 + int(self._random.random() * most)

    def _happened(self, event: str, sent: Sent | None) -> None:
        """Something went over the wire: is it what the gateway has to die of, or what somebody
        was waiting for?"""
        self._last_news = time.monotonic()
        if self._alive:
            self._seen[event] += 1
            if self._fatal == (event, self._seen[event]):
                self._alive = False
                self.done.kills[event] += 1
                self.gateway.kill()
        if event == "arrived" and sent is not None and sent.marketing:
            self._people.happened(sent, self._nursery)

    async def _operator(self) -> None:
        """Once a second somebody looks after the gateway."""
        duty = Duty(self.gateway, self._look)
        while True:
            due = time.monotonic() + 1.0
            await trio.sleep(1.0)
            self.done.stood_still = max(self.done.stood_still, time.monotonic() - due)
            if self._alive:
                await duty.round()
                self.done.resumed = duty.resumed

    async def _look(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the database; nothing while it is being replaced."""
        if self._restoring:
            return []
        return await trio.to_thread.run_sync(self.gateway.rows, sql)

    # --- messages ---------------------------------------------------------------------------------
    async def _hand_in_all(self) -> None:
        """Some messages of each topic at a time: people have more than one on its way."""
        for nth in range(1, self.plan.messages + 1):
            for topic in TOPICS:
                mark = self.plan.mark(topic, nth)
                link = f"https://blog.example/{topic}/{nth}"
                await self._hand_in(mark, topic=topic, title=mark, text="Ein Satz.", link=link)
            goal = self.plan.people * len(TOPICS) * (nth + 1 - self.plan.together)
            await until(partial(self._sent, 0.9 * goal))

    def _sent(self, goal: float) -> bool:
        return len(self.wire.sends) >= goal

    async def _order(self, phone: str, number: int) -> None:
        mark = f"Bestellung {number}"
        await self._hand_in(
            mark, kind="utility", to={"phone": phone}, basis="order", sender="main",
            text=f"{mark} ist unterwegs.",
        )  # fmt: skip

    async def _hand_in(self, mark: str, **members: object) -> None:
        self._messages[mark] = {"external_id": mark, **members}
        await self.gateway.hand_in(self._client, self._messages[mark])
        self.done.handed_in.append(mark)

    async def _quiet(self) -> None:
        """Wait until everything is over, or nothing happens any more."""
        while True:
            await trio.sleep(QUIET)
            restored = self.wire.restored is not None or not self.plan.restore
            kills = restored and self.done.kills.total() >= self.plan.kills
            pending = sum(sandbox.outbox.pending for sandbox in self.sandboxes.values())
            if time.monotonic() - self._last_news > STUCK:
                some = "no" if await self._still() else "some"
                self.done.trouble.append(
                    f"nothing happened for {STUCK:g} s: {pending} webhooks, {some} deliveries waited"
                )
                return
            settled = time.monotonic() - self._last_news > SETTLED
            if self._alive and not pending and await self._still() and settled:
                if not kills:
                    self.done.trouble.append("it was over before all was done that was planned")
                return

    async def _answers(self) -> None:
        """Wait until it is up: what is only starting does not know yet how to end."""
        while await self.gateway.operate("nothing") is None:  # noqa: ASYNC110 - another process
            await trio.sleep(QUIET)

    async def _still(self) -> bool:
        """Return whether the gateway is done with everything, and so are the people."""
        if self._restoring or self._owed or self._people.busy:
            return False
        running = time.monotonic() - self._started
        return not await trio.to_thread.run_sync(waits, self.gateway, running)


def _members(fault: Fault) -> Fault:
    return {name: value for name, value in fault.items() if name != "fault"}
