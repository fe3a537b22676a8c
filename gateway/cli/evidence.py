"""What proves a consent event, in one line: the words, where they came from, what was shown.

Digests and browsers stand in the proof (`gateway consent proof`), not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.cli.words import Times, quoted, short
from gateway.logs import masked

CAME_BY = {"form", "link"}
"""Sources that say how somebody came to write."""

IN_THE_PROOF = {"words", "caption", "sender", "raw", "content", "user_agent", "question", "answer"}
"""Keys that are told in other words, or only in the proof."""


def evidence(event: Mapping[str, Any], times: Times) -> str:
    """Return `: wrote “START blog K7F3” by form website · wording de 1 (7c1e…) · …`."""
    found = event.get("evidence")
    source = short(masked(str(event.get("source") or "")), 60)
    if found is None:
        return " (evidence erased)"
    words, caption = str(found.get("words") or ""), str(found.get("caption") or "")
    told = f" by {source}" if source.partition(" ")[0] in CAME_BY else ""
    if caption:
        said = f": pressed {quoted(caption, 40)}{told}"
    elif words:
        said = f": wrote {quoted(words, 80)}{told}"
    else:
        said = f": {source}" if source else ""
    shown = str(event.get("wording") or "")
    pieces = [f"wording {shown}"] if shown else []
    pieces += [
        _piece(key, str(value))
        for key, value in sorted(found.items(), key=lambda item: item[0] != "wording")
        if key not in IN_THE_PROOF and value and value != times.stamp(event["at"])
    ]
    message = str(found.get("answer") or found.get("question") or "")
    pieces += [shortened(message)] if message else []
    return said + "".join(f" · {piece}" for piece in pieces)


def shortened(provider: str) -> str:
    """The ends of a provider's id, by which it is found again; `--json` has all of it."""
    return provider if len(provider) <= 24 else f"{provider[:10]}…{provider[-6:]}"


def _piece(key: str, value: str) -> str:
    """One piece of evidence; a wording that is a sentence is quoted, its name is not."""
    if key == "provider_id":
        return shortened(value)
    said = quoted(value) if key == "wording" and len(value.split()) > 2 else short(value, 60)
    return f"{key.replace('_', ' ')} {said}"
