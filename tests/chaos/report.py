"""The report of a campaign: figures that have to be 0, counts that have to agree, what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway_sandbox.serve import Sandbox
from tests.chaos.books import read
from tests.chaos.campaign import Campaign
from tests.chaos.oracle import Oracle
from tests.chaos.story import stories

SHOWN = 5
"""Of each figure, so many are told in full."""


@dataclass(frozen=True)
class Report:
    """`document` is what is printed; `broken`: the figures that are not 0."""

    document: dict[str, Any]
    broken: tuple[str, ...]


def judged(campaign: Campaign) -> Report:
    """Judge a campaign that is over."""
    plan, wire, done = campaign.plan, campaign.wire, campaign.done
    done.trouble += _unheard(campaign.sandboxes)
    oracle = Oracle(plan, wire, done, read(campaign.gateway))
    oracle.judge()
    found = oracle.findings
    struck: Counter[str] = Counter()
    for sandbox in campaign.sandboxes.values():
        struck.update(sandbox.state.faults.struck)
    broken = tuple(name for name, all in found.items() if all)
    details = {name: found[name][:SHOWN] for name in broken}
    named = [text for texts in details.values() for text in texts]
    document = {
        "ok": not broken,
        **{name: len(all) for name, all in found.items()},
        "unknown_never_received": oracle.unknown_never_received,
        "unknown_allowed": oracle.unknown_allowed,
        "worst_windows": oracle.seen.windows(),
        "worst_windows_as_told": oracle.windows_as_told,
        "limit": plan.rate,
        "counts": oracle.counts,
        "ends": oracle.ends,
        "done": {
            "seed": plan.seed,
            "deliveries": plan.deliveries,
            "kills": done.kills.total(),
            "killed_at": dict(done.kills),
            "sends": len(wire.sends),
            "webhooks_answered": wire.posts,
            "strangers": wire.strangers,
            "stops": len(done.stops),
            "resumed_by_operator": done.resumed,
            "stood_still": round(done.stood_still, 1),
            "clock_moved": round(wire.clock_moved, 4),
            "seconds": round(done.seconds, 1),
        },
        "faults": dict(sorted(struck.items())),
        "details": details,
        "stories": stories(named, wire, oracle.seen, campaign.gateway),
    }
    return Report(document, broken)


def _unheard(sandboxes: Mapping[str, Sandbox]) -> list[str]:
    """Webhooks that the gateway would not take, however often they came."""
    return [
        f"{count} webhooks of {name} were {what}"
        for name, sandbox in sandboxes.items()
        for what, count in (
            ("never answered with 200", sandbox.outbox.counts.given_up),
            ("never sent", sandbox.outbox.counts.dropped),
        )
        if count
    ]
