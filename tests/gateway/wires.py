"""Whether what went over the wire kept a limit; written without the limiter's own ways."""

from __future__ import annotations

from math import ceil

from gateway.verdicts import Closed, Limit, Quota

START = 1_795_000_000.0  # UTC of the steady time 0
TINY = 5e-6


def keeps(limit: Limit, sent: list[tuple[float, str]]) -> bool:
    """Whether first bytes (steady time, subject) keep a limit."""
    sent = sorted(sent)
    if isinstance(limit, Closed):
        return all(START + at >= limit.until.timestamp() for at, _ in sent)
    for index, (start, _) in enumerate(sent):
        later = sent[index:]
        if isinstance(limit, Quota):
            inside = [who for at, who in later if at - start < limit.window - TINY]
            n = len(inside if limit.distinct is None else set(inside))
            if n > limit.n:
                return False
        elif limit.per_second >= 1:
            n = ceil(limit.per_second)
            if sum(at - start <= n / limit.per_second for at, _ in later) > n:
                return False
        elif any(
            n > limit.burst + (at - start) * limit.per_second + TINY
            for n, (at, _) in enumerate(later, 1)
        ):
            return False
    return True
