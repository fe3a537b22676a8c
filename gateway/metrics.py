"""Every metric of the gateway, and the page that shows them.  No personal data, ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from itertools import product
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from gateway.errors import Ailment
from gateway.inbound import CaseKind
from gateway.message import PRIORITY_NAMES
from gateway.series import FAST, OTHER, Bounded, Page, PluginMetrics, base, checked, shown

log = logging.getLogger("gateway.metrics")

CHILDREN = 5000  # label combinations of one metric

# Label values that are the same everywhere; `prepare` declares the rest.
STAGES = ("screen", "process", "limits_wait", "begin", "settle", "webhook")
KINDS = ("marketing", "utility", "service", "confirmation")
OPEN = ("queued", "leased", "sending", "held", "paused", "unknown")
STATUSES = ("sent", "delivered", "read", "failed", "unmatched")
ATTEMPTS = ("accepted", "failed", "unknown")
DECISIONS = ("held", "dropped", "given_back")
ENDS = (*ATTEMPTS, "held", "dropped")
MESSAGES = ("ready", "held", "dropped")
INBOUND = ("text", "button", "interactive", "reaction")
WEBHOOKS = ("accepted", "failed")
WITHDRAWALS = ("message", "command")
LIMITS = (
    "sender", "pair", "tier", "person", "topic", "wish", "warm_up", "first", "slowed", "closed", OTHER,
)  # fmt: skip
PEOPLE = ("requested", "confirmed", "refused", "withdrawn", "expired", "unconfirmed")
HELD = ("message", "delivery")
PURGED = (
    "raw", "account", "conversation", "windows", "echoes", "cases", "sign_ups", "sent", "contents",
    "proof", "unconfirmed", "contacts", "journal", "lookups",
)  # fmt: skip
HOLDS = ("restored", "gap", "clock", "clock_behind", "damaged")
PAUSES = ("failures", "withdrawals")
ANCHORS = ("log", "mail", "timestamp")
JOBS = ("done", "failed")
AILMENTS: tuple[Ailment, ...] = get_args(Ailment)
MOMENTS = ("run", "compose", "screen", "process", "limits", "send", "notice", "metrics")
REASONS = ("raised", "timeout", "nonsense")

SENDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 40)
WAITS = (0.05, 0.2, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600)


class Metrics:
    """The gateway's series, one attribute each: `metrics.messages.labels(…).inc()`.

    Durations are seconds, timestamps unix seconds.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._plugins: dict[str, PluginMetrics] = {}
        self._declared: dict[str, set[str]] = {
            "stage": set(STAGES), "status": set(STATUSES), "moment": set(MOMENTS),
            "reason": set(REASONS), "limit": set(LIMITS), "source": set(WITHDRAWALS),
            "anchor": set(ANCHORS), "ailment": set(AILMENTS), "cause": set(HOLDS), "what": {*HELD, *PURGED},
        }  # fmt: skip
        counter, gauge = self._make(Counter), self._make(Gauge)
        waits, fast, sends = (self._make(Histogram, buckets=b) for b in (WAITS, FAST, SENDS))

        self.messages = counter("messages", "Verdicts on messages", "input topic outcome")
        self.deliveries = counter(
            "deliveries",
            "Deliveries by how they ended here; a try that is repeated is none, see attempts",
            "topic kind sender outcome",
        )
        self.not_sent = counter("not_sent", "Decisions not to send", "sender outcome code")
        self.attempts = counter(
            "attempts", "Tries at a provider; a delivery may take several", "sender outcome code"
        )
        self.resent = counter(
            "resent", "Deliveries sent again though nobody knows what became of them", "sender"
        )
        self.twice = counter("sent_twice", "Deliveries that went out twice", "sender")
        self.statuses = counter("statuses", "Statuses that providers reported", "sender status")
        self.failures = counter("failures_reported", "Failures reported later", "sender code")
        self.inbound = counter("inbound", "Messages that people sent", "sender kind")
        self.repeated = counter("inbound_repeated", "Of them, those that came again", "sender")
        self.withdrawals = counter("withdrawals", "Consents withdrawn", "source")
        self.people = gauge("people", "Contacts by their consent, each minute", "state")
        self.webhooks = counter("webhooks", "Webhooks that could be read", "sender result")
        self.last_webhook = gauge("last_webhook_timestamp_seconds", "Last webhook", "sender")
        self.stage = fast("stage_seconds", "Time spent in one stage", "stage")
        self.accept_to_wire = waits("accept_to_wire_seconds", "From accept to the first byte sent")
        self.send_seconds = sends("send_seconds", "Time of one try at a provider", "sender outcome")
        self.limit_wait = waits("limit_wait_seconds", "Waiting for a limit", "limit")
        self.tier_used = gauge(
            "tier_used", "People reached outside windows within a day, by business account",
            "portfolio",
        )  # fmt: skip
        self.tier_limit = gauge("tier_limit", "How many of them may be reached", "portfolio")
        self.queue_depth = gauge("queue_depth", "Deliveries in work", "sender priority state")
        self.overdue = gauge("oldest_due_seconds", "How long what is due waits", "sender")
        self.windows = gauge("windows_open", "People who may get free text, each minute", "sender")
        self.cases_open = gauge("cases_open", "Questions and requests of people", "kind")
        self.cases_overdue = gauge("cases_overdue", "Of them, those past their day", "kind")
        self.oldest_question = gauge(
            "oldest_question_timestamp_seconds", "Since when the oldest question waits, 0: none"
        )
        self.held = gauge("held", "What waits for a person", "what code")
        self.sender_paused = gauge("sender_paused", "1 while a sender is paused", "sender")
        self.sender_trouble = gauge(
            "sender_trouble", "1 while the provider does not answer", "sender"
        )
        self.sender_deaf = gauge(
            "sender_deaf", "1 while no status comes, and marketing holds", "sender"
        )
        self.marketing_stopped = gauge(
            "sender_marketing_stopped", "1 while a sender's marketing is stopped, by each cause",
            "sender code",
        )  # fmt: skip
        self.messages_paused = gauge(
            "messages_paused", "Messages that are paused for a cause of the gateway's own", "code"
        )
        self.sender_stopped = gauge(
            "sender_stopped", "1 while a sender is stopped, by each cause", "sender code"
        )
        self.sender_breaker = gauge(
            "sender_breaker", "Circuit breaker: 0 closed, 1 half open, 2 open", "sender"
        )
        self.sender_pace = gauge(
            "sender_pace_share", "Part of its rate that a sender is slowed down to", "sender"
        )
        self.sending = gauge("sending", "1 while sending, 0 while stopped")
        self.plugin_up = gauge("plugin_up", "1 while a plugin works", "plugin")
        self.plugin_restarts = counter("plugin_restarts", "Restarts of an input", "plugin")
        self.plugin_failures = counter("plugin_failures", "Failures", "plugin moment reason")
        self.input_succeeded = gauge("input_last_success_timestamp_seconds", "Success", "input")
        self.input_next = gauge(
            "input_next_timestamp_seconds", "When an input that fares well reads next", "input"
        )
        self.store_commit = fast("store_commit_seconds", "Time of one commit")
        self.store_jobs = counter("store_jobs", "Jobs of the store", "result")
        self.store_queue = gauge("store_queue", "Jobs that wait for the store", "lane")
        self.store_bytes = gauge("store_bytes", "Size of the database and its log")
        self.store_ailment = gauge(
            "store_ailment", "1 while that keeps the store from writing", "ailment"
        )
        self.store_reserve = gauge("store_reserve_bytes", "Room that is held back on its disk")
        self.store_free = gauge("store_free_bytes", "Free space where the database lies")
        self.store_damaged = gauge(
            "store_damaged", "1 if the last check found the database damaged"
        )
        self.backup = gauge("backup_timestamp_seconds", "Last `gateway backup`, 0: none yet")
        self.marketing_held = gauge(
            "marketing_held", "1 while all marketing waits for a person", "cause"
        )
        self.purged = counter("purged", "Rows whose time of retention was over", "what")
        self.ledger_due = gauge(
            "ledger_anchor_due_timestamp_seconds",
            "When the ledger's signed head has to be kept there next", "anchor",
        )  # fmt: skip
        self.ledger_broken = gauge("ledger_broken", "1 if the consent ledger does not fit itself")
        self.clock_jump = gauge(
            "clock_jump_seconds", "How far the machine's clock is from what it should show, 0: fits"
        )
        self.started = gauge("start_timestamp_seconds", "Start of the daemon")
        self.build_info = gauge("build_info", "1, labelled with the version", "version")

    def _make(self, kind: Any, **options: Any) -> Callable[..., Any]:
        def make(name: str, text: str, labels: str = "") -> Any:
            names = labels.split()
            metric = kind(f"gateway_{name}", f"{text}.", names, registry=self._registry, **options)
            return Bounded(metric, names, self._declared, CHILDREN) if names else metric

        return make

    def prepare(
        self,
        *,
        version: str,
        inputs: Iterable[str] = (),
        topics: Iterable[str] = (),
        senders: Iterable[str] = (),
        plugins: Iterable[str] = (),
        codes: Iterable[str] = (),
        failures: Iterable[str] = (),
    ) -> None:
        """Declare this installation's label values, and make series so that rates begin at 0.

        `codes`: why a delivery is not sent; `failures`: why an attempt did not succeed.
        A label of which nothing is declared stays free.  May be called again with more.
        """
        given = {
            "input": inputs, "topic": topics, "sender": senders, "plugin": plugins,
            "version": [version], "code": codes, "failure": failures,
        }  # fmt: skip
        given = {label: sorted(set(values)) for label, values in given.items()}
        for label, known in given.items():
            if known:
                name = "code" if label == "failure" else label
                self._declared.setdefault(name, set()).update(known)
        everywhere = [*given["topic"], ""]  # a message may have no topic
        senders, failures = given["sender"], given["failure"]
        for series, *values in (
            (self.messages, given["input"], everywhere, MESSAGES),
            (self.deliveries, everywhere, KINDS, senders, ENDS),
            (self.not_sent, senders, DECISIONS, given["code"]),
            (self.attempts, senders, ["accepted"], [""]),
            (self.attempts, senders, ["failed", "unknown"], failures),
            (self.send_seconds, senders, ATTEMPTS),
            (self.resent, senders),
            (self.twice, senders),
            (self.statuses, senders, STATUSES),
            (self.failures, senders, failures),
            (self.inbound, senders, INBOUND),
            (self.repeated, senders),
            (self.webhooks, senders, WEBHOOKS),
            (self.queue_depth, senders, PRIORITY_NAMES, OPEN),
            (self.sender_paused, senders),
            (self.sender_trouble, senders),
            (self.sender_breaker, senders),
            (self.sender_deaf, senders),
            (self.overdue, senders),
            (self.windows, senders),
            (self.withdrawals, WITHDRAWALS),
            (self.people, PEOPLE),
            (self.plugin_up, given["plugin"]),
            (self.plugin_restarts, given["plugin"]),
            (self.plugin_failures, given["plugin"], MOMENTS, REASONS),
            (self.stage, STAGES),
            (self.held, HELD, given["code"]),
            (self.messages_paused, PAUSES),
            (self.marketing_held, HOLDS),
            (self.cases_open, get_args(CaseKind)),
            (self.cases_overdue, get_args(CaseKind)),
            (self.limit_wait, LIMITS),
            (self.purged, PURGED),
            (self.store_jobs, JOBS),
        ):
            for combination in product(*values):
                series.labels(*combination)
        self.build_info.labels(version).set(1)

    def plugin(self, name: str) -> PluginMetrics:
        """What the plugin instance `name` gets as `context.metrics`; the same on every call."""
        return self._plugins.setdefault(name, PluginMetrics(name))

    def render(self) -> tuple[bytes, str]:
        """The page in Prometheus' text format, and its content type.

        What a plugin breaks is left out and counted in gateway_plugin_failures_total.
        """
        pages: list[bytes] = []
        taken = {base(family.name) for family in self._registry.collect()}
        for name, plugin in self._plugins.items():
            for collector in plugin.collectors:
                try:
                    families = list(checked(collector, plugin.prefix, taken))
                    pages.append(generate_latest(Page(families)))
                    taken.update(base(family.name) for family in families)
                # A plugin's code runs here, and the page must come whatever it does.
                except Exception as error:
                    self.plugin_failures.labels(name, "metrics", "raised").inc()
                    if not plugin.broken:  # once, not on every scrape
                        log.error("metrics of plugin %s are left out", name, exc_info=error)
                    plugin.broken = True
        core = generate_latest(Page(map(shown, self._registry.collect())))
        return b"".join([core, *pages]), CONTENT_TYPE_PLAIN_0_0_4
