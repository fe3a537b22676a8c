"""What an error code of Meta's means for us: the shape of one rule of the table in codes.py."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway.api import Action

Family = Literal["THR", "TRN", "RCP", "MSG", "ACC", "INB", "AMBIGUOUS"]
Scope = Literal["message", "contact", "template", "sender", "portfolio", "app"]
Lifted = Literal["", "webhook", "probe", "person"]


class Pause(msgspec.Struct, frozen=True):
    """Seconds to wait: `start`, then times `factor` up to `cap`; `tries` in all, None: no end."""

    start: float
    factor: float
    cap: float
    tries: int | None = None

    def after(self, attempt: int) -> float | None:
        """Return how long to wait after attempt `attempt` (from 1); None: no more tries."""
        if self.tries is not None and attempt >= self.tries:
            return None
        return min(self.cap, self.start * self.factor ** min(max(attempt - 1, 0), 30))


class Rule(msgspec.Struct, frozen=True):
    """What an error code means.  `name` is a metric label, `advice` one sentence to act on.

    `pause` is that of the delivery; of a stop it is the time between two probes.  `then` is the
    action once the tries are used up.  `lifted` says how a stop ends before a person resumes.
    """

    code: int
    name: str
    family: Family
    scope: Scope
    action: Action
    pause: Pause | None
    advice: str
    then: Action = "fail"
    lifted: Lifted = ""

    @property
    def outcome(self) -> Literal["rejected", "unknown"]:
        """What an answer with this code says of the attempt; in a status it surely failed."""
        return "unknown" if self.family == "AMBIGUOUS" else "rejected"

    def after(self, attempt: int) -> float | None:
        """Return how many seconds to wait after an attempt (from 1); None: not by waiting."""
        return self.pause.after(attempt) if self.pause is not None else None

    def follows(self, wait: float | None) -> tuple[Action, float | None]:
        """Return what follows from a refusal: the action, and after how many seconds.

        `wait`: how long the pause is at this moment; None: its tries are used up, or it has none.
        """
        if self.action in WAITING:
            return (self.action, wait) if wait is not None else (self.then, None)
        return self.action, wait if self.action == "template" else None


WAITING = ("retry", "later", "slow")
"""Actions that are no end: the delivery goes again after its pause."""


def rules(
    family: Family,
    scope: Scope,
    action: Action,
    pause: Pause | None,
    codes: dict[int, tuple[str, str]],
    *,
    then: Action = "fail",
    lifted: Lifted = "",
) -> list[Rule]:
    """Return the rules of codes that mean the same to us; `codes`: code → name and advice."""
    return [
        Rule(code, name, family, scope, action, pause, advice, then, lifted)
        for code, (name, advice) in codes.items()
    ]


def rule(
    name: str,
    family: Family,
    scope: Scope,
    action: Action,
    advice: str,
    pause: Pause | None = None,
    lifted: Lifted = "",
) -> Rule:
    """Return the rule of what comes without a code, or with one of which more has to be looked at."""
    return Rule(-1, name, family, scope, action, pause, advice, lifted=lifted)
