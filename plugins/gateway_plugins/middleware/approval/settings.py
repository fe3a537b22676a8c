"""The settings of the approval."""

from __future__ import annotations

from typing import Literal

from gateway.api import Duration, PluginConfig


class ApprovalConfig(PluginConfig):
    """`[middleware.approval]`."""

    ask: tuple[str, ...]
    """Roles of [people]; nobody (`[]`) lets every post go out by itself."""
    silence: Literal["skip", "send"] = "skip"
    """What becomes of a post that nobody decided about in time."""
    expires: Duration = Duration(12 * 3600)
    """How long a post waits for an answer, if it has no expiry of its own that is shorter."""
    four_eyes_above: int = 0
    """With an audience above this, two different people have to say yes; 0: one is enough."""
    topic: str | None = None
    """A closed topic that the editors confirmed: its template tells those whose window is closed
    that a post waits."""

    def __post_init__(self) -> None:
        if self.expires < 60:
            raise ValueError("expires: nobody decides in less than a minute")
        if self.four_eyes_above < 0:
            raise ValueError("four_eyes_above has to be positive, or 0")
        if len(set(self.ask)) != len(self.ask):
            raise ValueError("ask: names somebody twice")
        if self.four_eyes_above and len(self.ask) == 1:
            raise ValueError("four_eyes_above: needs two people in ask, or nothing is ever sent")
        if self.four_eyes_above and self.silence == "send":
            raise ValueError(
                'silence = "send" lets a post go without any yes; take out one of both'
            )
