"""The page: complete at start, bounded for ever, and there whatever a plugin does."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from gateway.metrics import Metrics
from gateway.series import PLUGIN_CHILDREN, PluginMetrics

SERIES = {
    "messages": "input topic outcome",
    "deliveries": "topic kind sender outcome",
    "not_sent": "sender outcome code",
    "attempts": "sender outcome code",
    "resent": "sender",
    "statuses": "sender status",
    "failures_reported": "sender code",
    "inbound": "sender kind",
    "inbound_repeated": "sender",
    "withdrawals": "source",
    "people": "state",
    "webhooks": "sender result",
    "last_webhook_timestamp_seconds": "sender",
    "stage_seconds": "stage",
    "accept_to_wire_seconds": "",
    "send_seconds": "sender outcome",
    "limit_wait_seconds": "limit",
    "queue_depth": "sender priority state",
    "held": "what code",
    "cases_open": "kind",
    "cases_overdue": "kind",
    "oldest_question_timestamp_seconds": "",
    "purged": "what",
    "ledger_anchor_due_timestamp_seconds": "anchor",
    "ledger_broken": "",
    "sender_paused": "sender",
    "sender_trouble": "sender",
    "sender_deaf": "sender",
    "sent_twice": "sender",
    "sender_stopped": "sender code",
    "sender_breaker": "sender",
    "sender_pace_share": "sender",
    "tier_used": "portfolio",
    "tier_limit": "portfolio",
    "sender_marketing_stopped": "sender code",
    "messages_paused": "code",
    "oldest_due_seconds": "sender",
    "windows_open": "sender",
    "sending": "",
    "plugin_up": "plugin",
    "plugin_restarts": "plugin",
    "plugin_failures": "plugin moment reason",
    "input_last_success_timestamp_seconds": "input",
    "input_next_timestamp_seconds": "input",
    "store_commit_seconds": "",
    "store_jobs": "result",
    "store_queue": "lane",
    "store_bytes": "",
    "store_free_bytes": "",
    "store_damaged": "",
    "store_ailment": "ailment",
    "store_reserve_bytes": "",
    "clock_jump_seconds": "",
    "backup_timestamp_seconds": "",
    "marketing_held": "cause",
    "start_timestamp_seconds": "",
    "build_info": "version",
}


def made() -> Metrics:
    metrics = Metrics(CollectorRegistry())
    metrics.prepare(
        version="0.1.0",
        inputs=["blog", "crm"],
        topics=["news"],
        senders=["main"],
        plugins=["rss", "footer"],
        codes=["opted_out"],
        failures=["pair_rate"],
    )
    return metrics


def page(metrics: Metrics) -> dict[str, Metric]:
    data, kind = metrics.render()
    assert kind.startswith("text/plain")
    families = list(text_string_to_metric_families(data.decode()))
    found = {family.name: family for family in families}
    assert len(found) == len(families), "a family twice"
    samples = [(s.name, tuple(sorted(s.labels.items()))) for f in families for s in f.samples]
    assert len(set(samples)) == len(samples), "a series twice"
    return found


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    for family in page(metrics).values():
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def test_every_series_is_there_with_its_labels() -> None:
    metrics = made()
    metrics.last_webhook.labels("main").set(1)
    metrics.store_queue.labels("send").set(1)
    metrics.input_succeeded.labels("blog").set(1)
    metrics.input_next.labels("blog").set(1)
    metrics.ledger_due.labels("mail").set(1)
    metrics.tier_used.labels("main").set(1)
    metrics.tier_limit.labels("main").set(1)
    metrics.sender_pace.labels("main").set(1)
    metrics.store_ailment.labels("full").set(1)
    for stopped in (metrics.sender_stopped, metrics.marketing_stopped):
        stopped.labels("main", "x").set(1)
    found = page(metrics)
    assert {name.removeprefix("gateway_") for name in found} == set(SERIES)
    for name, labels in SERIES.items():
        sample = found[f"gateway_{name}"].samples[0]
        assert set(sample.labels) - {"le"} == set(labels.split()), name
        assert found[f"gateway_{name}"].documentation.endswith(".")


def test_rates_begin_at_zero() -> None:
    metrics = made()
    zero = [
        ("gateway_messages_total", {"input": "crm", "topic": "", "outcome": "ready"}),
        ("gateway_attempts_total", {"sender": "main", "outcome": "accepted", "code": ""}),
        ("gateway_attempts_total", {"sender": "main", "outcome": "unknown", "code": "pair_rate"}),
        ("gateway_not_sent_total", {"sender": "main", "outcome": "held", "code": "opted_out"}),
        ("gateway_queue_depth", {"sender": "main", "priority": "reply", "state": "queued"}),
        ("gateway_limit_wait_seconds_count", {"limit": "other"}),
        ("gateway_withdrawals_total", {"source": "command"}),
        ("gateway_stage_seconds_count", {"stage": "limits_wait"}),
        ("gateway_plugin_failures_total", {"plugin": "rss", "moment": "run", "reason": "raised"}),
        ("gateway_send_seconds_count", {"sender": "main", "outcome": "accepted"}),
        ("gateway_accept_to_wire_seconds_count", {}),
        ("gateway_held", {"what": "message", "code": "opted_out"}),
    ]
    for name, labels in zero:
        assert value(metrics, name, **labels) == 0, name
    assert value(metrics, "gateway_build_info", version="0.1.0") == 1
    assert b"_created" not in metrics.render()[0]


def test_values_that_were_not_declared_become_other() -> None:
    metrics = made()
    metrics.attempts.labels("main", "failed", "pair_rate").inc()
    for code in ("131000", "131001", "+4917139200033"):
        metrics.attempts.labels("main", "failed", code).inc()
    metrics.statuses.labels("elsewhere", status="warp").inc()
    assert value(
        metrics, "gateway_attempts_total", sender="main", outcome="failed", code="other"
    ) == 3  # fmt: skip
    assert value(metrics, "gateway_statuses_total", sender="other", status="other") == 1
    assert b"4917139200033" not in metrics.render()[0]
    metrics.prepare(version="0.1.0", failures=["131000"])
    metrics.attempts.labels("main", "failed", "131000").inc()
    labels = {"sender": "main", "outcome": "failed", "code": "131000"}
    assert value(metrics, "gateway_attempts_total", **labels) == 1
    with pytest.raises(ValueError, match="the labels are sender, outcome, code"):
        metrics.attempts.labels("main")


def test_a_free_label_has_an_end() -> None:
    metrics = made()
    for number in range(20_000):
        metrics.inbound.labels("main", f"kind{number}").inc()
    samples = page(metrics)["gateway_inbound"].samples
    assert len(samples) <= 5001
    assert sum(sample.value for sample in samples) == 20_000


def test_what_a_plugin_gets() -> None:
    metrics = made()
    mine = metrics.plugin("blog-2")
    assert metrics.plugin("blog-2") is mine
    fetched = mine.counter("fetched", "Fetches.", ["result"])
    assert mine.counter("fetched", "Fetches.", ["result"]) is fetched
    fetched.labels("ok").inc()
    fetched.labels(result="ok").inc()
    mine.gauge("entries", "Entries.").set(7)
    mine.histogram("seconds", "Time.", ["host"]).labels("a").observe(0.1)
    for number in range(300):
        fetched.labels(f"r{number}").inc()
    found = page(metrics)
    counts = found["gateway_plugin_blog_2_fetched"].samples
    assert len(counts) == PLUGIN_CHILDREN + 1
    assert {s.labels["result"]: s.value for s in counts}["ok"] == 2
    assert {s.labels["result"]: s.value for s in counts}["other"] == 300 - PLUGIN_CHILDREN + 1
    assert found["gateway_plugin_blog_2_entries"].samples[0].value == 7
    assert "gateway_plugin_blog_2_seconds" in found
    with pytest.raises(ValueError, match="another shape"):
        mine.gauge("fetched", "x")
    for name in ("Fetched", "a-b", "", "a\nb"):
        with pytest.raises(ValueError, match="cannot be called"):
            mine.counter(name, "x")


def family(name: str = "gateway_plugin_rss_x", *samples: Any) -> Metric:
    made = Metric(name, "x", "gauge")
    for sample in samples:
        made.add_sample(*sample)
    return made


class Liar:
    name = "gateway_plugin_rss_x"
    type = "gauge\ngateway_sending 7"
    documentation = ""
    samples: tuple[()] = ()


X = "gateway_plugin_rss_x"
BROKEN: dict[str, Any] = {
    "raises": lambda: 1 / 0,
    "no list": lambda: None,
    "garbage": lambda: ["x"],
    "a liar": lambda: [Liar()],
    "foreign name": lambda: [family("gateway_sending", ("gateway_sending", {}, 7))],
    "other plugin": lambda: [family("gateway_plugin_footer_x", ("gateway_plugin_footer_x", {}, 7))],
    "twice": lambda: [family(X, (X, {}, 1)), family(X, (X, {}, 2))],
    "name of a good one": lambda: [family("gateway_plugin_rss_good")],
    "total of a good one": lambda: [GaugeMetricFamily("gateway_plugin_rss_good_total", "x", 1)],
    "sample twice": lambda: [family(X, (X, {"a": "1"}, 1), (X, {"a": "1"}, 2))],
    "foreign sample": lambda: [family(X, ("gateway_sending", {}, 1))],
    "bad label": lambda: [family(X, (X, {'a"} 1\n#': "1"}, 1))],
    "reserved label": lambda: [family(X, (X, {"__name__": "up"}, 1))],
    "label no text": lambda: [family(X, (X, {"a": 1}, 1))],
    "no number": lambda: [family(X, (X, {}, "many"))],
    "no help": lambda: [GaugeMetricFamily(X, None, 1)],  # type: ignore[arg-type]
    "bad stamp": lambda: [family(X, (X, {}, 1, "yesterday"))],
    "too many": lambda: [family(X, *((X, {"a": str(n)}, 1) for n in range(20_000)))],
    "endless": lambda: iter(lambda: family(X), None),
}


class Collector:
    def __init__(self, kind: str) -> None:
        self._kind = kind

    def collect(self) -> Iterable[Metric]:
        return BROKEN[self._kind]()  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", BROKEN)
def test_what_a_plugin_breaks_is_left_out_and_counted(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = made()
    plugin = metrics.plugin("rss")
    plugin.counter("good", "x").inc()
    plugin.register(Collector(kind))
    metrics.plugin("footer").counter("fine", "x").inc()
    for _ in range(2):
        found = page(metrics)
    assert {name for name in found if "_rss_" in name or "_footer_" in name} == {
        "gateway_plugin_rss_good", "gateway_plugin_footer_fine",
    }  # fmt: skip
    assert found["gateway_sending"].samples[0].value == 0
    labels = {"plugin": "rss", "moment": "metrics", "reason": "raised"}
    assert value(metrics, "gateway_plugin_failures_total", **labels) == 3
    assert [record.levelno for record in caplog.records] == [logging.ERROR], "told once"


def test_a_callback_that_raises_is_left_out() -> None:
    metrics = made()
    metrics.plugin("rss").gauge("age", "x").set_function(lambda: 1 / 0)
    assert "gateway_plugin_rss_age" not in page(metrics)


def test_names_that_fall_together_break_nothing() -> None:
    metrics = made()
    metrics.plugin("a-b").counter("x", "x").inc()
    metrics.plugin("a_b").counter("x", "x").inc()
    assert page(metrics)["gateway_plugin_a_b_x"].samples[0].value == 1


def test_help_and_labels_are_escaped() -> None:
    metrics = made()
    mine: PluginMetrics = metrics.plugin("rss")
    mine.counter("odd", 'a\nb\\c"', ["label"]).labels('x"\n\\').inc()
    mine.register(Good())
    found = page(metrics)
    assert found["gateway_plugin_rss_odd"].samples[0].labels == {"label": 'x"\n\\'}
    assert found["gateway_plugin_rss_own"].samples[0].value == 4


class Good:
    def collect(self) -> Iterable[Metric]:
        yield CounterMetricFamily("gateway_plugin_rss_own", "x", 4)
