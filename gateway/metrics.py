"""Every metric of the gateway, and what plugins get for their own.  No personal data, ever.

Label values come from declared sets; whatever else turns up counts as `other`, so that neither a
provider nor a plugin can make the number of series grow.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import Any, Protocol

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

log = logging.getLogger("gateway.metrics")

OTHER = "other"
CORE_CHILDREN = 5000  # label combinations of one metric
PLUGIN_CHILDREN = 100
PLUGIN_SAMPLES = 10_000  # of one collector

# Label values that are the same everywhere; `prepare` declares the rest.
STAGES = ("screen", "process", "limits_wait", "begin", "send", "settle", "webhook")
KINDS = ("marketing", "utility", "service", "confirmation")
STATUSES = ("sent", "delivered", "read", "failed")
ATTEMPTS = ("accepted", "not_sent", "rejected", "unknown")
MESSAGES = ("accepted", "duplicate", "dropped", "held")
WEBHOOKS = ("accepted", "refused", "failed")
ENTRIES = ("accepted", "duplicate", "refused")
JOBS = ("done", "failed", "full")
MOMENTS = ("lifespan", "run", "routes", "screen", "process", "limits", "send", "notice", "metrics")
REASONS = ("crash", "timeout", "nonsense")

FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)
SENDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 40)
WAITS = (0.05, 0.2, 1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 72 * 3600)

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LABEL = re.compile(r"(?!__)[a-zA-Z_][a-zA-Z0-9_]*")
_SUFFIXES = ("", "_total", "_bucket", "_sum", "_count", "_info", "_created", "_gsum", "_gcount")


class Bounded:
    """A labelled metric whose children stay few.

    `declared` maps a label to its allowed values, others become `other`; a label that is not in
    it takes any value until the metric has `limit` children.  "" is always allowed.
    """

    def __init__(
        self, metric: Any, labels: Sequence[str], declared: Mapping[str, set[str]], limit: int
    ) -> None:
        self._metric = metric
        self._names = tuple(labels)
        self._declared = declared
        self._limit = limit
        self._children: dict[tuple[str, ...], Any] = {}

    def labels(self, *values: str, **named: str) -> Any:
        """The Counter, Gauge or Histogram for these label values."""
        if named:
            values = (*values, *(named.pop(name) for name in self._names[len(values) :]))
        child = self._children.get(values)
        if child is not None:
            return child
        if named or len(values) != len(self._names):
            raise ValueError(f"the labels are {', '.join(self._names)}")
        key = tuple(map(self._bound, self._names, values))
        if key not in self._children:
            if len(self._children) >= self._limit:
                key = (OTHER,) * len(key)
            self._children[key] = self._metric.labels(*key)
        return self._children[key]

    def _bound(self, name: str, value: object) -> str:
        text = str(value)
        allowed = self._declared.get(name)
        return text if not text or allowed is None or text in allowed else OTHER


class Metrics:
    """The gateway's series, one attribute each: `metrics.messages.labels(…).inc()`.

    Durations are seconds, timestamps unix seconds.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._plugins: dict[str, PluginMetrics] = {}
        self._declared = {"stage": set(STAGES), "status": set(STATUSES), "moment": set(MOMENTS)}
        counter, gauge = self._make(Counter), self._make(Gauge)
        waits, fast, sends = (self._make(Histogram, buckets=b) for b in (WAITS, FAST, SENDS))

        self.messages = counter("messages", "Messages by outcome", "input topic outcome")
        self.deliveries = counter("deliveries", "Deliveries", "topic kind sender outcome code")
        self.attempts = counter("attempts", "Tries at a provider", "sender outcome code")
        self.statuses = counter("statuses", "Statuses that providers reported", "sender status")
        self.inbound = counter("inbound", "Messages that people sent", "sender kind")
        self.withdrawals = counter("withdrawals", "Consents withdrawn", "source")
        self.webhooks = counter("webhooks", "Webhook requests", "sender result")
        self.last_webhook = gauge("last_webhook_timestamp_seconds", "Last webhook", "sender")
        self.stage = fast("stage_seconds", "Time spent in one stage", "stage")
        self.accept_to_wire = waits("accept_to_wire_seconds", "From accept to the first byte sent")
        self.send_seconds = sends("send_seconds", "Time of one try at a provider", "sender outcome")
        self.limit_wait = waits("limit_wait_seconds", "Waiting for a limit", "limit")
        self.queue_depth = gauge("queue_depth", "Deliveries in work", "sender priority state")
        self.held = gauge("held", "Deliveries and messages held", "code")
        self.sender_paused = gauge("sender_paused", "1 while a sender is paused", "sender")
        self.sending = gauge("sending", "1 while sending, 0 while stopped")
        self.plugin_up = gauge("plugin_up", "1 while a plugin works", "plugin")
        self.plugin_restarts = counter("plugin_restarts", "Restarts of an input", "plugin")
        self.plugin_failures = counter("plugin_failures", "Failures", "plugin moment reason")
        self.input_succeeded = gauge("input_last_success_timestamp_seconds", "Success", "input")
        self.input_entries = counter("input_entries", "What inputs found", "input result")
        self.store_commit = fast("store_commit_seconds", "Time of one commit")
        self.store_jobs = counter("store_jobs", "Jobs of the store", "lane result")
        self.store_queue = gauge("store_queue", "Jobs that wait for the store", "lane")
        self.build_info = gauge("build_info", "1, labelled with the version", "version")

    def _make(self, kind: Any, **options: Any) -> Callable[..., Any]:
        def make(name: str, text: str, labels: str = "") -> Any:
            names = labels.split()
            metric = kind(f"gateway_{name}", f"{text}.", names, registry=self._registry, **options)
            return Bounded(metric, names, self._declared, CORE_CHILDREN) if names else metric

        return make

    def prepare(
        self,
        *,
        version: str,
        inputs: Iterable[str] = (),
        topics: Iterable[str] = (),
        senders: Iterable[str] = (),
        plugins: Iterable[str] = (),
        lanes: Iterable[str] = (),
        codes: Iterable[str] = (),
        limits: Iterable[str] = (),
        sources: Iterable[str] = (),
    ) -> None:
        """Declare this installation's label values, and make series so that rates begin at 0.

        A label of which nothing is declared stays free.  May be called again with more.
        """
        given = {
            "input": inputs, "topic": topics, "sender": senders, "plugin": plugins, "lane": lanes,
            "code": codes, "limit": limits, "source": sources, "version": [version],
        }  # fmt: skip
        given = {label: sorted(set(values)) for label, values in given.items()}
        for label, known in given.items():
            if known:
                self._declared.setdefault(label, set()).update(known)
        everywhere = [*given["topic"], ""]  # a message may have no topic
        for series, *values in (
            (self.messages, given["input"], everywhere, MESSAGES),
            (self.deliveries, everywhere, KINDS, given["sender"], ATTEMPTS[:1], [""]),
            (self.attempts, given["sender"], ATTEMPTS, [""]),
            (self.attempts, given["sender"], ["rejected"], given["code"]),
            (self.send_seconds, given["sender"], ATTEMPTS),
            (self.statuses, given["sender"], STATUSES),
            (self.webhooks, given["sender"], WEBHOOKS),
            (self.sender_paused, given["sender"]),
            (self.withdrawals, given["source"]),
            (self.plugin_up, given["plugin"]),
            (self.plugin_restarts, given["plugin"]),
            (self.plugin_failures, given["plugin"], MOMENTS, REASONS),
            (self.input_entries, given["input"], ENTRIES),
            (self.stage, STAGES),
            (self.held, given["code"]),
            (self.limit_wait, given["limit"]),
            (self.store_jobs, given["lane"], JOBS),
            (self.store_queue, given["lane"]),
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
        taken = {_base(family.name) for family in self._registry.collect()}
        for name, plugin in self._plugins.items():
            for collector in plugin.collectors:
                try:
                    families = list(_checked(collector, plugin.prefix, taken))
                    pages.append(generate_latest(_Page(families)))
                    taken.update(_base(family.name) for family in families)
                # A plugin's code runs here, and the page must come whatever it does.
                except Exception as error:
                    self.plugin_failures.labels(name, "metrics", "crash").inc()
                    if not plugin.broken:  # once, not on every scrape
                        log.error("metrics of plugin %s are left out", name, exc_info=error)
                    plugin.broken = True
        core = generate_latest(_Page(map(_without_created, self._registry.collect())))
        return b"".join([core, *pages]), CONTENT_TYPE_PLAIN_0_0_4


class _Collects(Protocol):
    def collect(self) -> Iterable[Metric]: ...


class PluginMetrics:
    """What `context.metrics` gives a plugin: series named `gateway_plugin_INSTANCE_…`.

    Each has at most 100 combinations of label values, the rest counts as `other`.  Asking twice
    for the same name gives the same metric.
    """

    def __init__(self, name: str) -> None:
        self.prefix = f"gateway_plugin_{re.sub(r'[^a-z0-9_]', '_', name.lower())}_"
        self.collectors: list[_Collects] = []
        self.broken = False
        self._made: dict[str, tuple[object, tuple[str, ...], Any]] = {}

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Any:
        """A number that only grows."""
        return self._make(Counter, name, help, labels)

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Any:
        """A number that goes up and down."""
        return self._make(Gauge, name, help, labels)

    def histogram(self, name: str, help: str, labels: Sequence[str] = ()) -> Any:
        """How often what was measured lay in which range; in seconds if it is a time."""
        return self._make(Histogram, name, help, labels, buckets=FAST)

    def register(self, collector: _Collects) -> None:
        """Add a collector of your own; its families' names begin with `prefix`."""
        self.collectors.append(collector)

    def _make(self, kind: Any, name: str, text: str, labels: Sequence[str], **options: Any) -> Any:
        shape = (kind, tuple(labels))
        if name in self._made:
            *before, made = self._made[name]
            if tuple(before) != shape:
                raise ValueError(f"the metric {name} was made before, in another shape")
            return made
        if not _NAME.fullmatch(name):
            raise ValueError(f"a metric cannot be called {name!r}")
        metric = kind(self.prefix + name, text, labels, registry=None, **options)
        made = Bounded(metric, labels, {}, PLUGIN_CHILDREN) if labels else metric
        self._made[name] = (*shape, made)
        self.collectors.append(metric)
        return made


def _base(name: str) -> str:
    return name.removesuffix("_total")  # a counter `x` and a gauge `x_total` print the same name


class _Page(msgspec.Struct):
    families: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


def _without_created(family: Metric) -> Metric:
    # When a series was made is of no use to Prometheus here, and doubles the page.
    family.samples = [one for one in family.samples if not one.name.endswith("_created")]
    return family


def _checked(collector: _Collects, prefix: str, taken: set[str]) -> Iterator[Metric]:
    """The collector's families.  Raises on whatever Prometheus would not read."""
    seen: set[str] = set()
    count = 0
    for family in islice(collector.collect(), PLUGIN_SAMPLES):
        name = family.name
        if not isinstance(family, Metric) or not _NAME.fullmatch(name):
            raise ValueError("no metric family")
        if not name.startswith(prefix) or _base(name) in taken | seen:
            raise ValueError("a name that is another's")
        seen.add(_base(name))
        series: set[tuple[str, tuple[tuple[str, str], ...]]] = set()
        for sample in family.samples:
            if sample.name.removeprefix(name) not in _SUFFIXES or not sample.name.startswith(name):
                raise ValueError("a sample that is another's")
            if not all(_LABEL.fullmatch(label) for label in sample.labels):
                raise ValueError("no label")
            float(sample.value)
            key = (sample.name, tuple(sorted(sample.labels.items())))
            count += 1
            if key in series or count > PLUGIN_SAMPLES:
                raise ValueError("samples twice, or too many")
            series.add(key)
        yield _without_created(family)
