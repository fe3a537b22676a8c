"""`make bench`: every figure as a line of JSON on stdout, what goes on on stderr.

python -m tests.benchmarks                        all of them, below ten minutes
python -m tests.benchmarks help_cpu_ms chain_per_httpx
python -m tests.benchmarks > figures; python -m tests.benchmarks.table < figures
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from tests.benchmarks import (
    accept_to_wire,
    cpu_by_part,
    empty_middleware,
    fan_out,
    held,
    help_cpu,
    million,
    status_posts,
    through_the_chain,
)

BENCHMARKS = (
    through_the_chain,
    cpu_by_part,
    empty_middleware,
    accept_to_wire,
    help_cpu,
    fan_out,
    status_posts,
    held,
    million,
)


def main(wanted: Sequence[str]) -> int:
    """Run the benchmarks that have the wanted figures, or all.  2: there is no such figure."""
    known = {name for benchmark in BENCHMARKS for name in benchmark.NAMES}
    if unknown := set(wanted) - known:
        print(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(sorted(known))}",
              file=sys.stderr)  # fmt: skip
        return 2
    for benchmark in BENCHMARKS:
        if not wanted or set(wanted) & set(benchmark.NAMES):
            for figure in benchmark.measure():
                if not wanted or figure.figure in wanted:
                    print(figure.line(), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
