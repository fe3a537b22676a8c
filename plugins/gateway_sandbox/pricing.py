"""What a message costs under the rules of October 2026, as statuses tell it (sections 2.2, 6.6).

Marketing, utility and authentication are billed, whether a window is open or not; a number's
service messages are free up to a monthly quota, and billed above it.  Windows of 72 hours after a
click on an advertisement are not modelled.
"""

from __future__ import annotations

import time
from typing import Any


class Pricing:
    """Counts the service messages of each number in the running month (UTC)."""

    def __init__(self, free_service_messages: int) -> None:
        self._free = free_service_messages
        self._month = ""
        self.service: dict[str, int] = {}
        """Service messages of this month by number id."""

    def clear(self) -> None:
        self.service.clear()

    def price(self, number_id: str, category: str | None, now: float) -> dict[str, Any]:
        """`pricing` of a message that is delivered; `category`: None for a service message."""
        free = category is None and self._count(number_id, now) <= self._free
        return {
            "billable": not free,
            "pricing_model": "PMP",
            "type": "free_customer_service" if free else "regular",
            "category": "service" if category is None else category.lower(),
        }

    def _count(self, number_id: str, now: float) -> int:
        month = time.strftime("%Y-%m", time.gmtime(now))
        if month != self._month:
            self._month = month
            self.service.clear()
        count = self.service.get(number_id, 0) + 1
        self.service[number_id] = count
        return count
