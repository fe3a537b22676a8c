"""Series whose number stays bounded, and what plugins get for their own.

Label values come from declared sets; whatever else turns up counts as `other`, so that neither a
provider nor a plugin can make the number of series grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Protocol

import msgspec
from prometheus_client import Counter, Gauge, Histogram, Metric

OTHER = "other"
PLUGIN_CHILDREN = 100
PLUGIN_SAMPLES = 10_000  # of one collector

FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

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


def base(name: str) -> str:
    """Return what a family's samples are named by."""
    return name.removesuffix("_total")  # a counter `x` and a gauge `x_total` print the same name


class Page(msgspec.Struct):
    """Families as prometheus_client wants them handed over."""

    families: Iterable[Metric]

    def collect(self) -> Iterable[Metric]:
        return self.families


def shown(family: Metric) -> Metric:
    """Return the family without what the page leaves out."""
    # When a series was made is of no use to Prometheus here, and doubles the page.
    family.samples = [one for one in family.samples if not one.name.endswith("_created")]
    return family


def checked(collector: _Collects, prefix: str, taken: set[str]) -> Iterator[Metric]:
    """The collector's families.  Raises on whatever Prometheus would not read."""
    seen: set[str] = set()
    count = 0
    for family in islice(collector.collect(), PLUGIN_SAMPLES):
        name = family.name
        if not isinstance(family, Metric) or not _NAME.fullmatch(name):
            raise ValueError("no metric family")
        if not name.startswith(prefix) or base(name) in taken | seen:
            raise ValueError("a name that is another's")
        seen.add(base(name))
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
        yield shown(family)
