"""The label values that this installation's metrics may have."""

from __future__ import annotations

from typing import get_args

from gateway import __version__
from gateway.assembly import Parts
from gateway.metrics import PAUSES, Metrics
from gateway.pipeline import CRASH_CODES
from gateway.stopping import DEAF, PERSON, REPLACED
from gateway.store.causes import TEMPLATE_GONE, TEMPLATE_PAUSED
from gateway.wire import Reason

DECISIONS = (
    "withdrawn", "cancelled", "expired", "paused", "stopped", "already_sent", "no_basis",
    "no_consent", "no_request", "window_closed", "unreachable", "no_sender", "no_topic", "doubted",
    "twice", "paused_by_person", "sent_before", "capped",
)  # fmt: skip
"""Why the core does not send; a middleware declares its own codes."""

FAILURES = ("no_id", "output_raised", "output_timeout", *get_args(Reason))
"""Why the core calls an attempt failed or unknown; an output declares its own codes."""


def declare(metrics: Metrics, parts: Parts) -> None:
    """Declare them, so that every series exists from the start and none can be added."""
    codes = set(DECISIONS) | CRASH_CODES
    for middleware in parts.chain:
        codes |= type(middleware).codes
    failures = set(FAILURES)
    codes |= {*PAUSES, PERSON, DEAF, REPLACED, TEMPLATE_PAUSED, TEMPLATE_GONE}
    for output in parts.senders.values():
        failures |= type(output).codes
    metrics.prepare(
        version=__version__,
        inputs=[*parts.inputs, *parts.observers, "send"],
        topics=parts.config.topics,
        senders=parts.senders,
        plugins=[plugin.label for plugin in parts.plugins()],
        codes=codes,
        failures=failures,
    )
    metrics.started.set_to_current_time()
    metrics.sending.set(1)
