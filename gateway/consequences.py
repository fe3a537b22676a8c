"""What a refusal, a failed status or a provider's news change for more than one delivery.

The one place where effects are applied: stops and their end, slower sending, messages that wait
for their template, what is known of a sender.  What the delivery itself becomes is the store's.
All of it may be applied twice: a webhook that was not answered comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

import trio

from gateway.clock import Clock
from gateway.ending import ends
from gateway.errors import WIDE, Action, DeliveryError, Scope
from gateway.inbound import Effect, Intake, Status
from gateway.message import Delivery, Template
from gateway.plugin import Output
from gateway.senders import Senders
from gateway.slowing import Slowing
from gateway.stopping import OURS, sender_scope
from gateway.store.causes import TEMPLATE_GONE, TEMPLATE_PAUSED, Sent
from gateway.store.protocol import Store, micros

log = logging.getLogger("gateway.consequences")

WINDOW_CLOSED = "window_closed"
"""Code by which an output says that free text may not go to a person."""

STALE = 3600.0
"""Seconds after which a failure that is told late says nothing about now: it stops nobody."""

SECOND = 1_000_000
"""Microseconds; providers tell the time in seconds."""

CHUNK = 200
"""Messages looked at in one job of the store; keeps it under 10 ms."""

AGAIN = 1.0
"""Seconds in which more refusals of one template are of what was in the air when it was paused."""

FULL_PACE = 80.0
"""Messages a second that are halved if nothing limits a sender (Meta's default)."""


class Consequences:
    """Applies effects, for all senders of one gateway."""

    def __init__(
        self,
        outputs: Mapping[str, Output],
        senders: Senders,
        store: Store,
        clock: Clock,
        *,
        backoff: float = 1.0,
        stopped: Callable[[str, str], None] = lambda sender, code: None,
    ) -> None:
        """`backoff` multiplies every pause; `stopped(sender, code)` for metrics."""
        self._outputs = outputs
        self._senders = senders
        self._store = store
        self._clock = clock
        self._stopped = stopped
        self.backoff = backoff
        self.slowing = {name: Slowing(name, backoff) for name in outputs}
        self._pauses: dict[str, Callable[[float], None]] = {}
        self._paces: dict[str, Callable[[], float | None]] = {}
        self._paused: dict[tuple[str, str, str, str], float] = {}  # template → when, steady

    def join(
        self,
        sender: str,
        pause: Callable[[float], None],
        pace: Callable[[], float | None] = lambda: None,
    ) -> None:
        """`pause(seconds)` holds a whole sender back; `pace` is how many a second it may send."""
        self._pauses[sender] = pause
        self._paces[sender] = pace

    # --- where they come from -------------------------------------------------------------------
    async def refused(self, delivery: Delivery, error: DeliveryError) -> None:
        """Apply what follows from a refusal for others than this delivery.  Raises StoreError."""
        form = delivery.content
        if not isinstance(form, Template):
            form = delivery.message.form("template") or form
        names = (form.name, form.language) if isinstance(form, Template) else ("", "")
        made_of = Sent(delivery.id, delivery.message.id, *names)
        if error.code == WINDOW_CLOSED:
            at = self._clock.micros()
            await self._store.close_windows(delivery.sender, [delivery.id], at=at)
        await self._follow(
            delivery.sender, error.action, error.scope, error.code, error.detail,
            error.retry_after, made_of,
        )  # fmt: skip

    async def reported(self, intake: Intake) -> None:
        """Apply what follows from a webhook, before it is answered.  Raises StoreError."""
        for event in intake.events:
            await self.apply(intake.sender, event.effects, told_at=micros(event.at))
        for status in intake.statuses:
            if status.status == "failed":
                await self._failed(intake.sender, status)

    async def _failed(self, sender: str, status: Status) -> None:
        wide = status.action in ("stop", "slow") or status.scope in WIDE
        closed = status.code == WINDOW_CLOSED
        beyond = wide or status.action in ("template", "hold")
        if not (beyond or closed):
            return
        delivery, _ = status.attempt or (None, 0)
        if closed and delivery is not None:
            await self._store.close_windows(sender, [delivery], at=micros(status.at))
        if beyond and self._clock.micros() - micros(status.at) > STALE * 1e6:
            return
        known = await self._store.sent_as([delivery]) if delivery is not None else []
        await self._follow(
            sender, status.action, status.scope, status.code, status.detail, status.retry_after,
            known[0] if known else None,
        )  # fmt: skip

    async def _follow(
        self,
        sender: str,
        action: Action,
        scope: Scope,
        code: str,
        detail: str,
        retry_after: float | None,
        made_of: Sent | None,
    ) -> None:
        why = self._why(sender, code, detail)
        if retry_after is not None and scope in WIDE and action in ("retry", "slow"):
            for name in self._concerned(sender, scope):
                self._pauses.get(name, _nobody)(retry_after * self.backoff)
        if action == "stop":
            await self.apply(sender, [Effect(what="stop", scope=scope, code=code, reason=why)])
        elif action == "slow":
            await self.apply(sender, [Effect(what="slow", scope=scope, code=code)])
        elif action == "hold" and made_of is not None:
            await self._pause_message(made_of.message, code, why)
        elif action == "template" and made_of is not None:
            if not made_of.template:
                await self._pause_message(made_of.message, code, why)
                return
            # Without a time to wait for it does not come back.
            gone = retry_after is None
            effect = Effect(
                what="template_gone" if gone else "template_paused",
                name=made_of.template,
                language=made_of.language,
                code=code,
                reason=why,
            )
            await self.apply(sender, [effect])

    def _why(self, sender: str, code: str, detail: str) -> str:
        """One sentence on what to do, then what the provider said."""
        advice = self._outputs[sender].advice.get(code, "") if sender in self._outputs else ""
        if not advice:
            return f"{code}: {detail}" if detail else code
        return f"{advice} ({detail})" if detail else advice

    # --- applying -------------------------------------------------------------------------------
    async def apply(
        self, sender: str, effects: Sequence[Effect], told_at: int | None = None
    ) -> None:
        """Apply what was told of a sender, at a time (UTC microseconds; None: just now).

        Raises StoreError, and then it has to be told again.
        """
        now = self._clock.micros()
        at = now if told_at is None else min(told_at, now)
        waiting: set[str] | None = None
        for effect in effects:
            meant = self._senders.meant(sender, effect.about)
            if meant is None:
                continue
            match effect.what:
                case "stop":
                    for name in self._concerned(meant, effect.scope):
                        await self._stop(name, effect, at)
                case "resume":
                    for name in self._concerned(meant, effect.scope):
                        await self._resume(name, effect, at)
                case "slow":
                    for name in self._concerned(meant, effect.scope):
                        self._slow(name, effect.code)
                case "template_paused":
                    await self._template(sender, effect, TEMPLATE_PAUSED)
                case "template_gone":
                    await self._template(sender, effect, TEMPLATE_GONE)
                case "template_back":
                    self._paused.clear()
                    if waiting is None:
                        waiting = await self._store.waiting_for_templates()
                    await self._template_back(
                        waiting.intersection(self._senders.sharing(sender)), effect
                    )
                case "tier" | "pace" | "quality":
                    await self._senders.learned(meant, [effect], at=at)

    def _concerned(self, sender: str, scope: Scope) -> list[str]:
        """Return the senders that a scope is about, as far as they are known to share it."""
        return self._senders.sharing(sender) if scope in ("portfolio", "app") else [sender]

    async def _stop(self, sender: str, effect: Effect, at: int) -> None:
        until = None if effect.until is None else micros(effect.until)
        if until is not None and until <= self._clock.micros():
            return  # told again, and over by now
        scope = sender_scope(sender, marketing=effect.marketing)
        stops = await self._store.stops()
        if not any((one.scope, one.code) == (scope, effect.code) for one in stops):
            await self._store.stop(scope, effect.reason, at=at, code=effect.code)
            what = "marketing of sender" if effect.marketing else "sender"
            log.error("%s %s stopped: %s: %s", what, sender, effect.code, effect.reason)
            if not effect.marketing:
                self._stopped(sender, effect.code)
        if until is not None:
            await ends(self._store, scope, effect.code, until)

    async def _resume(self, sender: str, effect: Effect, at: int) -> None:
        """Lift a provider's own stop, unless it began after this was told: webhooks come again for
        days (https://developers.facebook.com/docs/graph-api/webhooks/getting-started)."""
        scope = sender_scope(sender, marketing=effect.marketing)
        if effect.code in OURS or any(
            (one.scope, one.code) == (scope, effect.code) and one.since // SECOND > at // SECOND
            for one in await self._store.stops()
        ):
            log.warning("sender %s: news that %s is over do not count", sender, effect.code)
            return
        if await self._store.resume(scope, at=self._clock.micros(), code=effect.code):
            log.info("sender %s: %s is over", sender, effect.code)

    def _slow(self, sender: str, code: str) -> None:
        slowing = self.slowing.get(sender)
        if slowing is None:
            return
        now = trio.current_time()
        if slowing.slow(now, self._paces.get(sender, _no_pace)() or FULL_PACE):
            log.warning("sender %s: %s: %g per second now", sender, code, slowing.rate(now) or 0)

    # --- messages -------------------------------------------------------------------------------
    async def _pause_message(self, message: int, code: str, why: str) -> None:
        if await self._store.pause_message(message, code, why, at=self._clock.micros()):
            log.error("a message is paused: %s: %s", code, why)

    async def _template(self, sender: str, effect: Effect, code: str) -> None:
        key = (sender, effect.name, effect.language, code)
        now = trio.current_time()
        if self._paused.get(key, -AGAIN) + AGAIN > now:
            return
        reason = effect.reason or f'the provider says so of the template "{effect.name}"'
        for name in self._senders.sharing(sender):
            about = (name, effect.name, effect.language, code, reason)
            await self._through(partial(self._store.pause_template, *about))
        self._paused = {key: at for key, at in self._paused.items() if at + AGAIN > now}
        self._paused[key] = trio.current_time()
        log.error("what uses the template %s waits: %s: %s", effect.name, code, reason)

    async def _template_back(self, waiting: set[str], effect: Effect) -> None:
        for name in waiting:
            about = (name, effect.name, effect.language)
            await self._through(partial(self._store.resume_template, *about))

    async def _through(self, page: Callable[..., Awaitable[int | None]]) -> None:
        """Go through all messages that a verb of the store looks at."""
        after: int | None = 0
        while after is not None:
            after = await page(at=self._clock.micros(), after=after, limit=CHUNK)


def _nobody(seconds: float) -> None:
    """A sender that does not run pauses by itself."""


def _no_pace() -> float | None:
    return None
