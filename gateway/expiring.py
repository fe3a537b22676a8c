"""Requests that nobody answered: after `[consent] request_valid` the question is over."""

from __future__ import annotations

import logging

import trio

from gateway.clock import Clock
from gateway.duties import Consent
from gateway.errors import StoreError
from gateway.store.protocol import Store

log = logging.getLogger("gateway.expiring")

EVERY = 60.0
AT_ONCE = 100
"""Requests that expire in one transaction: it has to stay short."""


async def expire_requests(store: Store, clock: Clock, settings: Consent) -> None:
    """Let requests expire for ever.

    An answer that was given in time still counts when it comes after this.
    """
    while True:
        try:
            while True:
                now = clock.micros()
                expired = await store.expire_requests(
                    asked_before=now - int(settings.request_valid * 1e6), at=now, limit=AT_ONCE
                )
                if expired:
                    log.info("%d requests expired without an answer", expired)
                if expired < AT_ONCE:
                    break
        except StoreError as error:
            log.warning("requests cannot expire now, tried again in a minute: %s", error)
        await trio.sleep(EVERY)
