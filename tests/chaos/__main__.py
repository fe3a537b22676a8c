"""`make chaos`: the whole campaign, its report as JSON on stdout; exit 1 if a promise was broken.

python -m tests.chaos                                 100,000 deliveries, 100 kills
python -m tests.chaos --small --seed abc              what the tests run
python -m tests.chaos --small --without conditions    the same with a guard taken out: has to fail
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from tests.chaos import plan
from tests.chaos.campaign import Campaign
from tests.chaos.report import Report, judged
from tests.chaos.weakened import GUARDS


def main(arguments: list[str]) -> int:
    """Run one campaign.  0: every promise held; 1: one was broken; 2: wrong arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", default="", help="fixes every fault; default: a new one")
    parser.add_argument("--deliveries", type=int, default=100_000)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--small", action="store_true", help="the size that the tests run")
    parser.add_argument("--without", choices=sorted(GUARDS), help="take this guard out")
    parser.add_argument("--brief", action="store_true", help="only what shows that a guard is out")
    parser.add_argument(
        "--keep", type=Path, help="a new folder for settings, logs, wire and database"
    )
    given = parser.parse_args(arguments)
    seed = given.seed or secrets.token_hex(4)
    chosen = plan.small(seed) if given.small else plan.full(seed, given.deliveries, given.kills)
    if given.brief:
        chosen = plan.revealing(given.without or "replay", seed)
    with TemporaryDirectory(prefix="chaos-") as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(exist_ok=True)
        report = run(chosen, folder, given.without)
    print(json.dumps(report.document, ensure_ascii=False, indent=2))
    return 1 if report.broken else 0


def run(chosen: plan.Plan, folder: Path, without: str | None = None) -> Report:
    """Run a plan in a folder, and judge it."""
    print(f"chaos: seed {chosen.seed}, {chosen.deliveries} deliveries, {chosen.kills} kills"
          f"{f', without {without}' if without else ''}", file=sys.stderr)  # fmt: skip
    campaign = Campaign(chosen, folder, without)
    try:
        trio.run(campaign.run)
    finally:
        campaign.gateway.close()
    campaign.wire.write(folder / "wire.jsonl")
    return judged(campaign)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
