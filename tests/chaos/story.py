"""The two histories of an attempt, side by side: what the wire saw, and what the gateway wrote down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from tests.chaos.books import STATES
from tests.chaos.gateway import Gateway
from tests.chaos.seen import Seen
from tests.chaos.wire import Wire

CALLBACK = re.compile(r"\b([0-9]{6,}):([0-9]+)\b")
TIMES = ("began_at", "first_byte", "settled_at", "sent_at", "delivered_at", "read_at", "failed_at")
ATTEMPT = f"""
SELECT a.state, a.code, a.detail, a.provider_id, d.state, d.tries, d.code,
       {", ".join(f"a.{name}" for name in TIMES)}
FROM attempts a JOIN deliveries d ON d.id = a.delivery_id WHERE a.delivery_id = ? AND a.n = ?
"""
JOURNAL = "SELECT at, name, code, detail FROM journal WHERE delivery_id = ? ORDER BY id"


def stories(findings: Sequence[str], wire: Wire, seen: Seen, gateway: Gateway) -> dict[str, Any]:
    """Both histories of each attempt that findings name, by what its request carried.

    Times are seconds after the campaign's first request; so are the gateway's deaths beside them.
    """
    callbacks = dict.fromkeys(match[0] for text in findings for match in CALLBACK.finditer(text))
    start = min((sent.first_byte for sent in wire.sends), default=0.0)
    return {
        callback: {
            "wire": _seen(callback, wire, seen, start),
            "gateway": _written(callback, gateway, start),
        }
        for callback in callbacks
    }


def _seen(callback: str, wire: Wire, seen: Seen, start: float) -> list[dict[str, Any]]:
    found = []
    for sent in seen.by_callback.get(callback, ()):
        life = wire.life(sent)
        lives = [0.0, *(at - start for at in wire.deaths)]
        statuses = {
            name: {
                "left": _at(told.left, start),
                "heard": _at(told.heard, start),
                "code": told.code,
            }
            for name in ("sent", "delivered", "read", "failed")
            if (told := seen.told(sent, name)) is not None
        }
        found.append({
            **asdict(sent),
            "first_byte": _at(sent.first_byte, start),
            "ended": _at(sent.ended, start),
            "life": [round(at, 4) for at in lives[life : life + 2]],
            "forgotten": wire.forgotten(sent.first_byte),
            "statuses": statuses,
        })  # fmt: skip
    return found


def _written(callback: str, gateway: Gateway, start: float) -> dict[str, Any]:
    delivery, n = (int(part) for part in callback.split(":"))
    journal = [[_at(at / 1e6, start), *rest] for at, *rest in gateway.rows(JOURNAL, delivery)]
    rows = gateway.rows(ATTEMPT, delivery, n)
    if not rows:
        return {"attempt": None, "journal": journal}
    state, code, detail, provider_id, became, tries, why, *times = rows[0]
    at = {
        name: _at(time / 1e6, start)
        for name, time in zip(TIMES, times, strict=True)
        if time is not None
    }
    attempt = {"state": state, "code": code, "detail": detail, "wamid": provider_id, **at}
    row = {"state": STATES[became], "tries": tries, "code": why}
    return {"attempt": attempt, "delivery": row, "journal": journal}


def _at(time: float | None, start: float) -> float | None:
    return None if time is None or time == float("inf") else round(time - start, 4)
