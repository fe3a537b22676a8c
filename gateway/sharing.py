"""What the contexts of all plugins of one gateway share, made from its parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gateway.assembly import Parts
from gateway.clock import SystemClock
from gateway.consequences import Consequences
from gateway.context import Shared
from gateway.inbound import Intake
from gateway.keys import Keys
from gateway.links import SignedLinks
from gateway.pipeline import Pipeline
from gateway.planning import Planning
from gateway.previewing import Previews
from gateway.senders import Senders
from gateway.services import Http
from gateway.store.protocol import Store


def shared_by(
    parts: Parts,
    store: Store,
    clock: SystemClock,
    http: Http,
    *,
    take: Callable[[Intake], Awaitable[object]],
    landed: Callable[[tuple[int, ...]], Awaitable[None]],
    senders: Senders,
    consequences: Consequences,
) -> Shared:
    """Return what the contexts of the parts share.  Raises ConfigError if a key cannot be had."""
    config, pipeline = parts.config, Pipeline(parts.chain, salt=parts.salt)
    company = config.company
    return Shared(
        config=parts.config,
        store=store,
        http=http,
        clock=clock,
        stop_words=parts.words.stop.words,
        texts=parts.texts,
        links=SignedLinks(Keys(parts.config.keys).secret("links")),
        complete=parts.complete,
        take=take,
        landed=landed,
        preview=Previews(pipeline, parts.senders, parts.config.topics).of,
        plan=Planning(
            store,
            pipeline,
            parts.senders,
            clock,
            company.time_zone,
            company.region,
            config.cost,
            config.rates,
        ).of,
        address=parts.address,
        senders=senders,
        learned=consequences.apply,
    )
