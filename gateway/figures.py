"""From what happens to the metrics, with labels that stay bounded."""

from __future__ import annotations

import os
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from gateway.breaker import STATES, State
from gateway.inbound import Intake
from gateway.logs import masked
from gateway.message import PRIORITY_NAMES, Delivery, Message
from gateway.metrics import OPEN, Metrics
from gateway.stopping import ALL, MARKETING, Stop, sender_scope
from gateway.store.protocol import Store, Taken, micros

OUTPUT = "output_"
"""What the codes of attempts begin with whose output failed: raised, timeout."""

RECENT = 10_000_000
"""Microseconds that the rate of `gateway status` looks back."""

NEVER = 1 << 62
"""Microseconds; changes since then are none, and are not counted."""


class Figures:
    """Implements delivery.Report and the callbacks of the other parts."""

    def __init__(
        self, metrics: Metrics, accepted: Callable[[str], None] = lambda sender: None
    ) -> None:
        """`accepted` hears of the sender of each send that a provider accepted."""
        self.metrics = metrics
        self._accepted = accepted
        self._twice: int | None = None
        """The last line of the journal about what went out twice; None: not looked yet."""
        self._shown: dict[Any, set[tuple[str, ...]]] = {}
        self._recent: defaultdict[str, deque[int]] = defaultdict(deque)
        """First bytes of each sender within RECENT, UTC microseconds."""
        # Of what happens to each delivery: to look one up costs as much as to count in it.
        self._attempts = cache(metrics.attempts.labels)
        self._send_seconds = cache(metrics.send_seconds.labels)
        self._deliveries = cache(metrics.deliveries.labels)
        self._stages = cache(metrics.stage.labels)

    # --- delivery.Report ------------------------------------------------------------------------
    def decided(self, delivery: Delivery, outcome: str, code: str) -> None:
        self.metrics.not_sent.labels(delivery.sender, outcome, code).inc()
        if outcome != "given_back":
            self.ended(delivery, outcome)

    def attempted(self, delivery: Delivery, outcome: str, code: str, seconds: float) -> None:
        self._attempts(delivery.sender, outcome, code).inc()
        self._send_seconds(delivery.sender, outcome).observe(seconds)
        if outcome == "accepted":
            self._accepted(delivery.sender)
        if code.startswith(OUTPUT):
            self.plugin_failed(delivery.sender, "send", code.removeprefix(OUTPUT))

    def ended(self, delivery: Delivery, outcome: str) -> None:
        """A delivery is through here: no further try of its own comes."""
        message = delivery.message
        self._deliveries(message.topic or "", message.kind, delivery.sender, outcome).inc()

    def first_byte(self, delivery: Delivery, at: int) -> None:
        self._since(delivery.sender, at).append(at)
        accepted_at = delivery.message.accepted_at
        if delivery.attempt == 1 and accepted_at is not None:
            self.metrics.accept_to_wire.observe(max(0.0, (at - micros(accepted_at)) / 1e6))

    def rate(self, sender: str, now: int) -> float:
        """Return how many a second left lately; `now` in UTC microseconds."""
        return len(self._since(sender, now)) / (RECENT / 1e6)

    def _since(self, sender: str, now: int) -> deque[int]:
        recent = self._recent[sender]
        while recent and recent[0] <= now - RECENT:
            recent.popleft()
        return recent

    def stage(self, name: str, seconds: float) -> None:
        self._stages(name).observe(seconds)

    def waited(self, limit: str, seconds: float) -> None:
        """A delivery comes back later; `limit` is the kind of its limit, such as `tier`."""
        self.metrics.limit_wait.labels(limit).observe(seconds)

    def stopped(self, sender: str, code: str) -> None:
        """A sender was stopped; `look` sees when that is over."""
        self.metrics.sender_paused.labels(sender).set(1)
        self.metrics.sender_stopped.labels(sender, code).set(1)
        self._shown.setdefault(self.metrics.sender_stopped, set()).add((sender, code))

    def breaker(self, sender: str, state: State) -> None:
        """The circuit breaker of a sender changed."""
        self.metrics.sender_breaker.labels(sender).set(STATES.index(state))

    # --- the other parts ------------------------------------------------------------------------
    def screened(self, message: Message, outcome: str) -> None:
        """A message got its verdict."""
        self.metrics.messages.labels(message.input, message.topic or "", outcome).inc()

    def plugin_failed(self, label: str, moment: str, reason: str) -> None:
        """A plugin raised, hung or answered nonsense."""
        self.metrics.plugin_failures.labels(label, moment, reason).inc()

    def supervised(self, label: str, state: str) -> None:
        """An input's task changed its state."""
        self.metrics.plugin_up.labels(label).set(1 if state in ("running", "ended") else 0)
        if state == "pausing":
            self.metrics.plugin_restarts.labels(label).inc()
            self.plugin_failed(label, "run", "raised")

    def taken(self, intake: Intake, taken: Taken) -> None:
        """A webhook was applied."""
        for inbound in intake.messages:
            self.metrics.inbound.labels(intake.sender, inbound.kind).inc()
        if taken.duplicates:
            self.metrics.repeated.labels(intake.sender).inc(taken.duplicates)
        if taken.unmatched:
            self.metrics.statuses.labels(intake.sender, "unmatched").inc(taken.unmatched)
        for status, n in taken.statuses.items():
            self.metrics.statuses.labels(intake.sender, status).inc(n)
        for reported in intake.statuses:
            if reported.status == "failed":
                self.metrics.failures.labels(intake.sender, reported.code).inc()
        for _ in taken.withdrawn:
            self.metrics.withdrawals.labels("message").inc()

    def webhook(self, sender: str, result: str, seconds: float) -> None:
        """A webhook that was understood is on disk (`accepted`), or could not be kept."""
        self.metrics.webhooks.labels(sender, result).inc()
        self.metrics.last_webhook.labels(sender).set_to_current_time()
        self.stage("webhook", seconds)

    def withdrawn_by_command(self) -> None:
        """Somebody withdrew by another way, and a person typed it in."""
        self.metrics.withdrawals.labels("command").inc()

    # --- what lies in the store -----------------------------------------------------------------
    async def look(
        self, store: Store, senders: Iterable[str], *, at: int, people: bool
    ) -> list[Stop]:
        """Read the levels anew, as of `at` (UTC microseconds); `people` too, which takes longer.

        Returns what is stopped.  Raises StoreError.
        """
        self._depths(await store.depths())
        senders = list(senders)
        stops = [stop for stop in await store.stops() if stop.sender in ("", *senders)]
        stopped = {stop.scope for stop in stops}
        for gauge, marketing in (
            (self.metrics.sender_stopped, False),
            (self.metrics.marketing_stopped, True),
        ):
            causes: dict[tuple[str, ...], int] = {
                (sender, stop.code): 1
                for sender in senders
                for stop in stops
                if stop.scope == sender_scope(sender, marketing=marketing)
            }
            self._levels(gauge, causes)
        await self._sent_twice(store)
        paused = await store.paused_messages()
        self._levels(
            self.metrics.messages_paused, {(code,): n for code, n in paused.items() if code}
        )
        self.metrics.sending.set(ALL not in stopped)
        held: dict[tuple[str, ...], int] = {
            (stop.code,): 1 for stop in stops if stop.scope == MARKETING
        }
        self._levels(self.metrics.marketing_held, held)
        for sender in senders:
            self.metrics.sender_paused.labels(sender).set(sender_scope(sender) in stopped)
            due = await store.next_due(sender)
            self.metrics.overdue.labels(sender).set(max(0, at - (due or at)) / 1e6)
        self._held(await store.report("waiting", limit=0))
        self._cases(await store.people_report("cases_open", at=at))
        if people:
            states = (await store.report("people", since=NEVER))["states"]
            self._levels(self.metrics.people, {(state,): n for state, n in states.items()})
            opened = await store.report("windows", at=at)
            self._levels(self.metrics.windows, {(sender,): n for sender, n in opened.items()})
        return stops

    async def _sent_twice(self, store: Store) -> None:
        """Count what is new; what stood there at the start was counted before it."""
        found = await store.outcome_report("sent_twice", after=self._twice or 0)
        if self._twice is not None:
            for one in found:
                self.metrics.twice.labels(one["sender"]).inc()
        self._twice = found[-1]["id"] if found else self._twice or 0

    def _depths(self, depths: Mapping[tuple[str, int, str], int]) -> None:
        levels: dict[tuple[str, ...], int] = {
            (sender, PRIORITY_NAMES[priority], state): n
            for (sender, priority, state), n in depths.items()
            if state in OPEN
        }
        self._levels(self.metrics.queue_depth, levels)

    def _held(self, waiting: Mapping[str, Any]) -> None:
        levels: Counter[tuple[str, ...]] = Counter()
        for group in waiting["groups"]:
            if group["state"] == "held":
                levels["delivery", group["code"]] += group["n"]
        for code, n in waiting["messages_by_code"].items():
            levels["message", code] += n
        self._levels(self.metrics.held, levels)

    def _cases(self, cases: Mapping[str, Mapping[str, int]]) -> None:
        for gauge, name in (
            (self.metrics.cases_open, "open"),
            (self.metrics.cases_overdue, "overdue"),
        ):
            self._levels(gauge, {(kind,): found[name] for kind, found in cases.items()})
        oldest = cases["question"]["oldest"] if "question" in cases else 0
        self.metrics.oldest_question.set(oldest / 1e6)

    def _levels(self, gauge: Any, levels: Mapping[tuple[str, ...], int]) -> None:
        """Set a gauge's series, and to 0 what was shown before and is no more."""
        for key in self._shown.get(gauge, set()) - levels.keys():
            gauge.labels(*key).set(0)
        for key, n in levels.items():
            gauge.labels(*key).set(n)
        self._shown[gauge] = set(levels)


def said(stops: Iterable[Stop]) -> str:
    """Return one line for `systemctl status`."""
    lines = [
        f"no{' marketing' if stop.marketing_only else 'thing'}"
        f"{f' from {stop.sender}' if stop.sender else ''} is sent: {masked(stop.reason)}"
        for stop in stops
    ]
    return "; ".join(lines) or "sending"


def watch(
    metrics: Metrics,
    waiting: Callable[[], Mapping[str, int]],
    database: Path,
    reserve: Callable[[], int] = lambda: 0,
) -> None:
    """Show what a store says of itself: read when Prometheus asks, so always of this moment."""
    metrics.store_reserve.set_function(reserve)
    for lane in waiting():
        metrics.store_queue.labels(lane).set_function(partial(_lane, waiting, lane))
    metrics.store_bytes.set_function(partial(_size, database))
    metrics.store_free.set_function(partial(_free, database))


def _lane(waiting: Callable[[], Mapping[str, int]], lane: str) -> int:
    return waiting()[lane]


def _size(database: Path) -> int:
    log = database.with_name(f"{database.name}-wal")
    return sum(path.stat().st_size for path in (database, log) if path.exists())


def _free(database: Path) -> int:
    disk = os.statvfs(database.parent)
    return disk.f_bavail * disk.f_frsize
