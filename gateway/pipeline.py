"""The chain: one message through `screen`, one delivery through `process` and `limits`.

Fails closed: a middleware that raises, hangs past its limit, answers nonsense or changes what is
not its own holds what it was asked about, with the reason, and never lets it pass.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from math import inf
from typing import Any

import msgspec
import trio

from gateway.isolation import Crash, guarded, raised
from gateway.message import Basis, Content, Delivery, Message, Topic
from gateway.plugin import Middleware, Output
from gateway.verdicts import Closed, Drop, Hold, Limit, Quota, Rate

CRASH_CODES = frozenset({"plugin_raised", "plugin_timeout", "plugin_nonsense", "unreachable"})
"""Codes of the core's own verdicts; the others are declared by the middleware."""

CONTENT = ("title", "text", "link", "image", "language")
OWN = (*CONTENT, "spread", "expires_at", "notes")
"""What a middleware may change of a message; the composed forms depend on the first of it."""

MOST_LIMITS = 100  # of one delivery; a generator that never ends must not stop the gateway
LONGEST = 400 * 86_400.0  # seconds that a limit may look back

Failed = Callable[[str, str, str], None]
"""Told of every crash: (plugin, moment, reason)."""


NOTHING = 0.001
"""Seconds by which a middleware may have less or more time than its setting says."""


class Pipeline:
    """The middleware in the order of the settings."""

    def __init__(
        self,
        chain: Sequence[Middleware],
        *,
        salt: str = "",
        failed: Failed = lambda plugin, moment, reason: None,
        timed: Callable[[str, float], None] = lambda stage, seconds: None,
    ) -> None:
        """`salt` is what else the verdicts depend on (the settings); it enters the fingerprint."""
        self.chain = tuple(chain)
        self._process = tuple(m for m in chain if _overrides(m, "process"))
        self._limits = tuple(m for m in chain if _overrides(m, "limits"))
        self._screen = tuple(m for m in chain if _overrides(m, "screen"))
        self._failed = failed
        self._timed = timed
        names = [f"{type(m).__module__}.{type(m).__qualname__}:{m.label}" for m in chain]
        digest = hashlib.sha256("\n".join([salt, *names]).encode())
        self.fingerprint = digest.hexdigest()[:16]

    def moments(self) -> dict[str, list[Middleware]]:
        """Return who acts at which moment, in order (`gateway order`)."""
        return {
            "screen": list(self._screen),
            "process": list(self._process),
            "limits": list(self._limits),
        }

    # --- once per message -----------------------------------------------------------------------
    async def screen(
        self, message: Message, output: Output, topic: Topic | None
    ) -> Message | Drop | Hold:
        """Judge a message.  Each middleware sees it composed, exactly as it would be sent."""
        started = time.perf_counter()
        composed = await self._compose(message, output, topic)
        for middleware in self._screen:
            if not isinstance(composed, Message):
                break
            verdict = await guarded(
                middleware.label,
                lambda m=middleware, v=composed: m.screen(v),  # type: ignore[misc]
                timeout=middleware.timeout,
            )
            checked = self._checked_message(middleware, composed, verdict)
            if (
                isinstance(checked, Hold)
                and checked is verdict  # never the core's own hold after a crash
                and checked.code in composed.approved
                and checked.code in type(middleware).approvable
            ):
                continue  # a person looked at exactly this and released it
            if isinstance(checked, Message) and any(
                getattr(checked, field) != getattr(composed, field) for field in CONTENT
            ):
                composed = await self._compose(checked, output, topic)
            else:
                composed = checked
        self._timed("screen", time.perf_counter() - started)
        return composed

    async def _compose(
        self, message: Message, output: Output, topic: Topic | None
    ) -> Message | Drop | Hold:
        answer = await guarded(
            output.label, lambda: output.compose(message, topic), timeout=output.send_deadline
        )
        if isinstance(answer, Crash):
            return self._crashed(output.label, "compose", answer)
        if isinstance(answer, Hold) and _sound_verdict(answer):
            return answer
        if isinstance(answer, list | tuple) and answer and all(_fits(c, Content) for c in answer):
            return message.replace(forms=tuple(answer))
        crash = Crash(output.label, "nonsense", f"answered {_named(answer)}")
        return self._crashed(output.label, "compose", crash)

    def _checked_message(
        self, middleware: Middleware, before: Message, verdict: object
    ) -> Message | Drop | Hold:
        if isinstance(verdict, Message):
            for field in before.__struct_fields__:
                if field not in OWN and getattr(before, field) != getattr(verdict, field):
                    return self._nonsense(middleware, "screen", f"changed the message's {field}")
            if not _sound_message(verdict):
                return self._nonsense(middleware, "screen", "answered an unusable message")
            if verdict.notes[: len(before.notes)] != before.notes:
                return self._nonsense(middleware, "screen", "took away a note of another one")
            return verdict
        return self._verdict(middleware, "screen", verdict)

    # --- one delivery ---------------------------------------------------------------------------
    async def process(self, delivery: Delivery) -> Delivery | Drop | Hold:
        """Take one delivery through the chain.

        One cancel scope for the whole chain, its deadline moved only where it matters: a scope
        per call costs three times as much, and each move sorts trio's deadlines anew.
        """
        started = time.perf_counter()
        now = trio.current_time()
        first = self._process[0].timeout if self._process else inf
        result: Delivery | Drop | Hold | None = None
        middleware = None
        value = delivery
        try:
            with trio.CancelScope(deadline=now + first) as scope:
                for middleware in self._process:
                    until = trio.current_time() + middleware.timeout
                    if abs(until - scope.deadline) > NOTHING:
                        scope.deadline = until
                    answer = await middleware.process(value)
                    if scope.cancel_called:  # also if it swallowed that, or blocked the thread
                        break
                    if type(answer) is Delivery:
                        if not _same(value, answer):
                            result = self._nonsense(
                                middleware, "process", "changed id, contact, sender or message"
                            )
                            break
                        value = answer
                        continue
                    result = self._verdict(middleware, "process", answer)
                    break
                else:
                    result = value
        except* Exception as group:  # noqa: BLE001 - isolation.guarded costs a scope per call
            assert middleware is not None
            error: BaseException = group
            while isinstance(error, BaseExceptionGroup):
                error = error.exceptions[0]
            crash = raised(middleware.label, error)
            result = self._crashed(middleware.label, "process", crash)
        if result is None:
            assert middleware is not None
            result = self._crashed(
                middleware.label,
                "process",
                Crash(middleware.label, "timeout", f"no answer within {middleware.timeout:g} s"),
            )
        self._timed("process", time.perf_counter() - started)
        return result

    def limits(self, delivery: Delivery) -> list[Limit] | Hold:
        """Collect the limits that the chain declares for a delivery."""
        declared: list[Limit] = []
        for middleware in self._limits:
            try:
                answer: Any = middleware.limits(delivery)
                if isinstance(answer, Coroutine):
                    answer.close()
                    return self._nonsense(middleware, "limits", "has an async limits()")
                for limit in answer:
                    if not _sound_limit(limit):
                        return self._nonsense(middleware, "limits", "declared an unusable limit")
                    declared.append(limit)
                    if len(declared) > MOST_LIMITS:
                        return self._nonsense(middleware, "limits", "declared too many limits")
            except Exception as error:  # noqa: BLE001 - plain call of a plugin; fails closed
                crash = raised(middleware.label, error)
                return self._crashed(middleware.label, "limits", crash)
        return declared

    # --- verdicts -------------------------------------------------------------------------------
    def _verdict(self, middleware: Middleware, moment: str, answer: object) -> Drop | Hold:
        if isinstance(answer, Crash):
            return self._crashed(middleware.label, moment, answer)
        if isinstance(answer, Drop | Hold) and _sound_verdict(answer):
            if answer.code in type(middleware).codes:
                return answer
            return self._nonsense(
                middleware,
                moment,
                f"answered the code {answer.code[:40]!r}, which it does not declare",
            )
        return self._nonsense(middleware, moment, f"answered {_named(answer)}")

    def _nonsense(self, middleware: Middleware, moment: str, what: str) -> Hold:
        return self._crashed(middleware.label, moment, Crash(middleware.label, "nonsense", what))

    def _crashed(self, label: str, moment: str, crash: Crash) -> Hold:
        self._failed(label, moment, crash.reason)
        return Hold(
            f"plugin_{crash.reason}",
            f"{label} failed in {moment} ({crash.error}); mend it, then release what is held",
        )


def _overrides(middleware: Middleware, method: str) -> bool:
    return getattr(type(middleware), method) is not getattr(Middleware, method)


def _same(before: Delivery, after: Delivery) -> bool:
    """True if only content and basis differ, and the content is of the same form."""
    return (
        after.id == before.id
        and after.contact == before.contact
        and after.sender == before.sender
        and after.message is before.message
        and after.identities == before.identities
        and after.permissions is before.permissions
        and after.attempt == before.attempt
        and after.priority == before.priority
        and (after.basis is None or _fits(after.basis, Basis))
        and (
            after.content is before.content
            or (_fits(after.content, Content) and after.content.form == before.content.form)
        )
    )


# msgspec checks types when it decodes, not when a plugin makes a value: what goes on from here to
# the store or the limiter must not fail there.


def _fits(value: object, type_: Any) -> bool:
    try:
        return type(msgspec.json.decode(msgspec.json.encode(value), type=type_)) is type(value)
    except (msgspec.ValidationError, TypeError, ValueError):  # also text that is no Unicode
        return False


def _sound_message(message: Message) -> bool:
    return _fits(message, Message) and message.spread >= 0 and _aware(message.expires_at)


def _sound_verdict(answer: Drop | Hold) -> bool:
    return _fits(answer, type(answer)) and (isinstance(answer, Drop) or _aware(answer.until))


def _sound_limit(limit: object) -> bool:
    if isinstance(limit, Rate):
        fast, burst = limit.per_second, limit.burst
        named = isinstance(limit.key, str) and isinstance(limit.words, str)
        return named and 1 / LONGEST <= fast < inf and 1 <= burst < inf
    if isinstance(limit, Quota):
        return (
            isinstance(limit.key, str)
            and isinstance(limit.n, int)
            and 0 < limit.window <= LONGEST
            and isinstance(limit.distinct, str | None)
            and isinstance(limit.words, str)
            and not (limit.once and limit.distinct is not None)
        )
    return isinstance(limit, Closed) and limit.until is not None and _aware(limit.until)


def _aware(at: datetime | None) -> bool:
    return at is None or at.utcoffset() is not None


def _named(answer: object) -> str:
    kind = type(answer).__name__
    return f"an unusable {kind}" if isinstance(answer, Drop | Hold | list | tuple) else kind


def encode_content(content: Content) -> tuple[bytes, bytes]:
    """Return (SHA-256, body) of content, as it is kept for the proof of what was sent."""
    body = msgspec.json.encode(content)
    return hashlib.sha256(body).digest(), body
