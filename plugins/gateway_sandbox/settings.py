"""What one sandbox is told at its start."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

DEFAULT_NUMBER_ID = "100000000000001"
DEFAULT_ACCOUNT_ID = "100000000000002"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One business account with its numbers, its webhook and its limits.

    All durations are seconds.  `now` gives unix seconds and is used for time stamps, windows
    and limits; delays of statuses and faults run on trio's clock.
    """

    token: str = field(repr=False)
    app_secret: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    webhook: str | None = None
    """Where events go, `http://…`.  None: nowhere, and no statuses are made."""
    account_id: str = DEFAULT_ACCOUNT_ID
    phone_number_ids: tuple[str, ...] = (DEFAULT_NUMBER_ID,)
    display_numbers: tuple[str, ...] = ("+49 171 3920099", "+49 171 3920098", "+49 171 3920097")
    """The business numbers' own phone numbers, in the order of `phone_number_ids`."""
    verified_name: str = "Sandbox"
    quality_rating: str = "GREEN"
    messaging_limit: str = "TIER_UNLIMITED"

    rate: float = 80.0
    """Messages per second and number, inbound and outbound together (section 4.1)."""
    rate_burst: float | None = None
    """How many may come at once; None: what one second allows, at least 1."""
    pair_burst: float = 45.0
    pair_seconds: float = 6.0
    """One message in so many seconds to one person, after the burst (section 4.2)."""
    window: float = 24 * 3600.0

    delays: tuple[float, float, float] = (0.02, 0.06, 0.15)
    """From acceptance to `sent`, `delivered`, `read`."""
    statuses: bool = True
    batch: int = 1
    """Statuses that are due within one `batch_tick` share a POST, at most so many."""
    batch_tick: float = 0.02
    connections: int = 8
    """Webhooks under way at once, statuses only; `say` has connections of its own."""
    webhook_timeout: float = 10.0
    redelivery: tuple[float, ...] = (0.05, 0.2, 1.0, 5.0, 15.0)
    """Pauses before each repeated POST after an answer other than 200; then it is given up."""
    pending_limit: int = 200_000
    """Events that wait to be posted; more are thrown away and counted."""

    template_status: str = "APPROVED"
    """What a template is as soon as it is submitted."""
    keep: int = 100_000
    """How many accepted sends stay readable; older ones are forgotten, the counts go on."""
    lean: bool = False
    """For measuring: no access to what only people look at, statuses only if asked for."""
    seed: str | None = None
    """Fixes ids and random faults.  None: ids differ from run to run."""
    now: Callable[[], float] = time.time

    @property
    def burst(self) -> float:
        return self.rate_burst if self.rate_burst is not None else max(1.0, self.rate)
