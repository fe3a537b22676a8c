"""The states of deliveries and of their attempts."""

from __future__ import annotations

from enum import IntEnum


class DeliveryState(IntEnum):
    """State of a delivery.  Below 5 it is open; from 6 on it is derived from its attempts."""

    QUEUED = 0
    LEASED = 1
    SENDING = 2
    HELD = 3
    PAUSED = 4
    UNKNOWN = 5
    ACCEPTED = 6
    SENT = 7
    DELIVERED = 8
    READ = 9
    FAILED = 10
    DROPPED = 11


class AttemptState(IntEnum):
    """A lattice: news about an attempt only ever moves it up, so statuses may come in any order.

    `failed` lies below `delivered`: a provider that says both did deliver.
    """

    SENDING = 0
    UNKNOWN = 1
    ACCEPTED = 2
    SENT = 3
    FAILED = 4
    DELIVERED = 5
    READ = 6


DERIVED = {state: DeliveryState[state.name] for state in AttemptState}
"""What a delivery is, by the best of its attempts."""
