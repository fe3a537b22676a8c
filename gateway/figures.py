"""From what happens to the metrics, with labels that stay bounded."""

from __future__ import annotations

from gateway.inbound import Intake
from gateway.message import Delivery, Message
from gateway.metrics import Metrics
from gateway.store.protocol import Taken, micros


class Figures:
    """Implements delivery.Report and the callbacks of the other parts."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics

    # --- delivery.Report ------------------------------------------------------------------------
    def decided(self, delivery: Delivery, outcome: str, code: str) -> None:
        self._delivery(delivery, outcome, code)

    def attempted(self, delivery: Delivery, outcome: str, code: str, seconds: float) -> None:
        # What the API answered; "rejected" is its refusal, "not_sent" one that never left.
        self.metrics.attempts.labels(delivery.sender, outcome, code).inc()
        self.metrics.send_seconds.labels(delivery.sender, outcome).observe(seconds)
        self._delivery(delivery, outcome, code)

    def first_byte(self, delivery: Delivery, at: int) -> None:
        accepted_at = delivery.message.accepted_at
        if delivery.attempt == 1 and accepted_at is not None:
            self.metrics.accept_to_wire.observe(max(0.0, (at - micros(accepted_at)) / 1e6))

    def stage(self, name: str, seconds: float) -> None:
        self.metrics.stage.labels(name).observe(seconds)

    def waited(self, limit: str, seconds: float) -> None:
        # Keys hold a contact behind the last colon ("pair:main:…"): only their kind is a label.
        self.metrics.limit_wait.labels(limit.split(":")[0]).observe(seconds)

    def stopped(self, sender: str, reason: str) -> None:
        self.metrics.sender_paused.labels(sender).set(1)

    def _delivery(self, delivery: Delivery, outcome: str, code: str) -> None:
        message = delivery.message
        self.metrics.deliveries.labels(
            message.topic or "", message.kind, delivery.sender, outcome, code
        ).inc()

    # --- the other parts ------------------------------------------------------------------------
    def screened(self, message: Message, outcome: str) -> None:
        """A message got its verdict."""
        self.metrics.messages.labels(message.input, message.topic or "", outcome).inc()

    def plugin_failed(self, label: str, moment: str, reason: str) -> None:
        """A plugin crashed, hung or answered nonsense."""
        self.metrics.plugin_failures.labels(label, moment, reason).inc()

    def supervised(self, label: str, state: str) -> None:
        """An input's task changed its state."""
        self.metrics.plugin_up.labels(label).set(1 if state in ("running", "ended") else 0)
        if state == "pausing":
            self.metrics.plugin_restarts.labels(label).inc()

    def taken(self, intake: Intake, taken: Taken) -> None:
        """A webhook was applied."""
        for inbound in intake.messages:
            self.metrics.inbound.labels(intake.sender, inbound.kind).inc()
        for status, n in taken.statuses.items():
            self.metrics.statuses.labels(intake.sender, status).inc(n)
        for _ in taken.withdrawn:
            self.metrics.withdrawals.labels("message").inc()
        self.metrics.webhooks.labels(intake.sender, "accepted").inc()
        self.metrics.last_webhook.labels(intake.sender).set_to_current_time()
