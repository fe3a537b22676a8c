"""News in the order in which Meta told them, whatever the order in which they come."""

from __future__ import annotations

from datetime import datetime

from gateway.api import Effect


class Order:
    """Leaves out what is older than what is known already: Meta repeats webhooks for days."""

    def __init__(self) -> None:
        self._newest: dict[tuple[object, ...], datetime] = {}

    def newer(self, found: tuple[Effect, ...], at: datetime) -> tuple[Effect, ...]:
        """Return those effects that no later news were about; `at` is when Meta told them."""
        kept = []
        for effect in found:
            key = _about(effect)
            if at >= self._newest.get(key, at):
                self._newest[key] = at
                kept.append(effect)
        return tuple(kept)


def _about(effect: Effect) -> tuple[object, ...]:
    if effect.what in ("stop", "resume"):
        return ("stop", effect.code, effect.marketing, effect.about)
    if effect.what.startswith("template"):
        return ("template", effect.name, effect.language)
    return (effect.what, effect.code, effect.about)
