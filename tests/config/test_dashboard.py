"""The dashboard and the alerts, asked of a real Prometheus that scraped a real gateway."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
from prometheus_client.parser import text_string_to_metric_families

from tests.config.shipped import CONFIG
from tests.needs import need
from tests.wire.inprocess import Running, running
from tests.wire.world import BLOG, Site, feed, free_port, numbers

DASHBOARD = CONFIG / "grafana" / "message-gateway.json"
RULES = CONFIG / "prometheus" / "alerts.yml"
SCRAPED = 8  # seconds of samples; rates look back 10
PACE = """
[middleware.ratelimit]
per_second = 4
"""
PROMETHEUS = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [alerts.yml]
scrape_configs:
  - job_name: message-gateway
    static_configs: [{{targets: ["{target}"]}}]
"""


def dashboard() -> dict[str, Any]:
    return dict(json.loads(DASHBOARD.read_text(encoding="utf-8")))


def expressions() -> Iterator[tuple[str, str]]:
    """Yield (panel, expression) as Grafana would ask it."""
    for panel in dashboard()["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "10s")


def test_the_dashboard_is_sound() -> None:
    shown = dashboard()
    assert shown["uid"] == "message-gateway"
    assert shown["schemaVersion"] == 39
    panels = shown["panels"]
    ids = [panel["id"] for panel in panels]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert not cells & taken, f"{panel['title']} lies on another"
        taken |= cells
        targets = panel.get("targets", [])
        assert bool(targets) == (panel["type"] != "row")
        assert len({target["refId"] for target in targets}) == len(targets)
        for part in (panel, *targets) if targets else ():
            assert part["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == [
        "Is it sending?", "Is it heard?", "How fast, and why not?", "Campaigns", "Inputs", "People",
        "Store",
    ]  # fmt: skip


def test_promtool_takes_the_files() -> None:
    for command in (
        ["check", "config", str(CONFIG / "prometheus" / "prometheus.yml")],
        ["check", "rules", str(RULES)],
        ["test", "rules", str(Path(__file__).with_name("alerts.test.yml"))],
    ):
        done = subprocess.run(
            [need("promtool"), *command], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


def started(folder: Path, target: str, address: str) -> subprocess.Popen[bytes]:
    """Start a Prometheus that scrapes the target each second."""
    shutil.copy(RULES, folder)
    file = folder / "prometheus.yml"
    file.write_text(PROMETHEUS.format(target=target))
    options = (f"--config.file={file}", f"--storage.tsdb.path={folder}/data")
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [need("prometheus"), *options, f"--web.listen-address={address}"],
            stdout=log,
            stderr=log,
        )


@asynccontextmanager
async def prometheus(folder: Path, target: str) -> AsyncIterator[httpx.AsyncClient]:
    """A Prometheus for the time of a block; yields a client for its API."""
    address = f"127.0.0.1:{free_port()}"
    process = started(folder, target, address)
    try:
        async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as client:
            yield client
    finally:
        process.terminate()
        process.wait(10)


async def ask(client: httpx.AsyncClient, query: str) -> list[dict[str, Any]]:
    answer = (await client.get("/api/v1/query", params={"query": query})).json()
    assert answer["status"] == "success", f"{query}: {answer}"
    return list(answer["data"]["result"])


async def something_of_everything(gateway: Running, site: Site) -> None:
    """Stop, post, send, write, withdraw; in the end every kind of event happened at least once."""
    people = numbers(12)
    await gateway.import_confirmed(people)
    await stopped_for_a_moment(gateway)
    site.documents["/feed.xml"] = feed([("2", "Neuer Beitrag"), ("1", "Alter Beitrag")])
    for key in range(SCRAPED):
        await gateway.send(f"{key}")
        await gateway.sandbox.say(people[key], "STOP" if key % 3 == 0 else "Guten Tag")
        await trio.sleep(1)
    await gateway.call("contacts_withdraw", who=people[-1])
    await trio.sleep(1.5)


async def stopped_for_a_moment(gateway: Running) -> None:
    """The provider refuses the number and rates it low; the gauges are looked at, and it is over."""
    store, now = gateway.daemon.store, gateway.daemon.clock.micros()
    for scope, code in (("sender:main", "payment"), ("marketing:main", "quality_red")):
        await store.stop(scope, "x", at=now, code=code)

    def shown() -> bool:
        page = gateway.daemon.metrics.render()[0].decode()
        return 'marketing_stopped{code="quality_red"' in page and "tier_limit{" in page

    await gateway.until(shown)
    await gateway.call("sender_resume", sender="main")


async def test_every_expression_has_an_answer(tmp_path: Path) -> None:
    """Of the dashboard: data.  Of the alerts: no error, and no alarm where all is well."""
    need("prometheus")
    site = Site()
    site.documents["/feed.xml"] = feed([("1", "Alter Beitrag")])
    (tmp_path / "gateway").mkdir()
    (tmp_path / "prometheus").mkdir()
    try:
        async with running(
            tmp_path / "gateway",
            more=BLOG.format(url=site.url) + PACE,
            messaging_limit="TIER_2K",
        ) as gateway:
            (url,) = gateway.daemon.addresses["metrics"]
            target = url.removeprefix("http://")
            async with prometheus(tmp_path / "prometheus", target) as client:
                await something_of_everything(gateway, site)
                empty = [
                    f"{panel}: {query}"
                    for panel, query in expressions()
                    if not await ask(client, query)
                ]
                rules = (await client.get("/api/v1/rules")).json()["data"]["groups"]
                page = gateway.daemon.metrics.render()[0].decode()
    finally:
        site.close()
    assert empty == []
    alerts = [rule for group in rules for rule in group["rules"]]
    assert len(alerts) > 10
    for alert in alerts:
        assert alert["health"] == "ok", alert
        assert alert["state"] != "firing", alert
    others = [
        sample
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.value and "other" in sample.labels.values()
    ]
    assert others == [], "something that really happens has no name"


# --- what the pages of the manual say of them ---------------------------------------------------
DOCS = CONFIG.parent / "docs"
PART = re.compile(r"^### (\w+)\n\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
RULE = re.compile(r"- alert: (\w+)\n(.*?)(?=^      - alert:|\Z)", re.MULTILINE | re.DOTALL)


def test_every_alert_is_explained() -> None:
    """Each rule has its part in docs/alerts.md and each part its rule, in one order: how urgent it
    is, what it means, what to do, may it wait; the rule says where that stands."""
    rules = dict(RULE.findall(RULES.read_text(encoding="utf-8")))
    parts = dict(PART.findall((DOCS / "alerts.md").read_text(encoding="utf-8")))
    assert len(rules) > 30
    assert set(parts) == set(rules)
    for name, rule in rules.items():
        (severity,) = re.findall(r"labels: \{severity: (page|day)\}", rule)
        meaning, do, wait = re.split(
            r"^\*\*Do\*\* |^\*\*May it wait\?\*\* ", parts[name], flags=re.M
        )
        assert meaning.startswith(f"`{severity}` · "), name
        assert min(len(meaning), len(do)) > 20, name
        assert wait.strip().endswith("."), name
        assert f"runbook_url: docs/alerts.md#{name.lower()}\n" in rule, name
        assert rule.count("summary: ") == rule.count(" do: ") == 1, name


def test_what_is_named_of_the_dashboard_is_there() -> None:
    """Alerts and manuals send people to rows and panels by their names."""
    titles = {panel["title"] for panel in dashboard()["panels"]}
    named = set()
    for page in (RULES, *DOCS.glob("*.md")):
        text = " ".join(page.read_text(encoding="utf-8").split())
        for names in re.findall(r'(?:row|panel|panels) ("[^"]+"(?: and "[^"]+")?)', text):
            named |= set(re.findall(r'"([^"]+)"', names))
    assert {"Store", "Campaigns", "Webhook requests per hour"} <= named
    assert named <= titles
