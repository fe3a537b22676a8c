"""The parts of a delivery, each alone: coroutines that return seconds of CPU time per delivery."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import trio

from gateway.clock import SystemClock
from gateway.fan_out import CHUNK
from gateway.http import open_client
from gateway.ids import new_id
from gateway.inbound import ConsentEvent, Person
from gateway.limiter import Grant, Limiter
from gateway.message import Basis, Delivery, Identity, Message, Template
from gateway.pipeline import Pipeline, encode_content
from gateway.store.protocol import Intent, Screened, Settlement, moment
from gateway.store.sqlite import SqliteStore
from gateway.testing import delivery, make, message, started
from gateway.verdicts import Rate
from gateway_plugins.middleware.consent import Consent
from gateway_plugins.middleware.filter import Filter
from gateway_plugins.middleware.footer import Footer
from gateway_plugins.middleware.ratelimit import RateLimit

AT_ONCE = 64
"""Deliveries in the air, as the daemon has at most."""

TEMPLATE = Template(
    name="blog_post", language="de", body="*{{title}}*\n\n{{text}}\n\n{{link}}",
    parameters={
        "title": "Neun Fragen zur Wärmepumpe",
        "text": "Was sie kostet, was sie spart und wann sie sich nicht lohnt.",
        "link": "https://blog.example/waermepumpe",
    },
    footer="Abmelden: antworte STOP",
)  # fmt: skip


async def chain(calls: int) -> float:
    """The shipped chain on one delivery after the other."""
    plugins = [make(Consent), make(Filter), make(RateLimit), make(Footer)]
    pipeline = Pipeline(plugins)
    one = delivery(message=message(forms=(TEMPLATE,)))
    async with AsyncExitStack() as stack:
        for plugin in plugins:
            await stack.enter_async_context(started(plugin))
        begun = time.process_time()
        for _ in range(calls):
            ready = await pipeline.process(one)
            assert isinstance(ready, Delivery)
            pipeline.limits(ready)
        return (time.process_time() - begun) / calls


async def limits(calls: int) -> float:
    """The limits of a delivery taken, and its first byte reported; another person each time."""
    limiter = Limiter(-10.0)
    sender = Rate("sender:main", 1000.0, 3)
    pairs = [Rate(f"pair:main:{n}", 1 / 6, 45) for n in range(calls)]
    begun = time.process_time()
    for n, pair in enumerate(pairs):
        now = n * 0.002
        grant = limiter.take([sender, pair], now, 1.8e9 + now, str(n))
        assert isinstance(grant, Grant)
        grant.sent(now)
    return (time.process_time() - begun) / calls


async def begin_and_settle(deliveries: int) -> float:
    """Lease, begin and settle in a store of its own, everything awaited until it is on disk."""
    with TemporaryDirectory(prefix="bench-") as folder:
        async with SqliteStore(Path(folder) / "store.sqlite") as store:
            await _queue(store, deliveries)
            begun = time.process_time()
            async with trio.open_nursery() as nursery:
                left = trio.CapacityLimiter(AT_ONCE)
                done = 0
                while done < deliveries:
                    leased = await store.lease(
                        "main", "n", at=_now(), limit=AT_ONCE, windows=True, margin=0
                    )
                    done += len(leased)
                    for one in leased:
                        nursery.start_soon(_deliver, store, one, left)
            return (time.process_time() - begun) / deliveries


async def _deliver(store: SqliteStore, one: Delivery, left: trio.CapacityLimiter) -> None:
    async with left:
        event = one.permissions.consent
        one = one.replace(basis=Basis(kind="consent", event=event))
        digest, body = encode_content(one.content)
        intent = Intent(delivery=one, at=_now(), content=digest, body=body)
        assert await store.begin([intent], "n") == [None]
        outcome = Settlement(
            delivery=one.id, n=1, outcome="accepted", at=_now(), provider_id=f"wamid.{one.id}"
        )
        await store.settle([outcome])


async def _queue(store: SqliteStore, deliveries: int) -> None:
    """Fill a store with people who agreed, and one message for all of them."""
    at = _now()
    agreed = ConsentEvent(name="confirmed", at=moment(at), topic="blog", source="bench")
    people = [
        Person(identities=(Identity("phone", f"+49171{3_000_000 + n}"),), events=(agreed,))
        for n in range(deliveries)
    ]
    post = Message(external_id="1", id=new_id(), topic="blog", sender="main", forms=(TEMPLATE,))
    await store.accept("bench", [], at=at, people=people)
    await store.accept("bench", [post], at=_now())
    await store.screened([Screened(message=post, state="ready", chain="c")], at=_now())
    while not (await store.fan_out(post.id, at=_now(), limit=CHUNK)).done:
        pass


async def client(url: str, bodies: list[bytes]) -> float:
    """Posts to a sandbox, ten at a time."""
    headers = {"authorization": "Bearer test-token", "content-type": "application/json"}
    left = iter(bodies)
    async with open_client() as http:

        async def work() -> None:
            for body in left:
                answer = await http.post(url, body, headers)
                assert answer.status == 200, answer.body

        await _together(work, 10)  # not counted: connections open
        left = iter(bodies)
        begun = time.process_time()
        await _together(work, 10)
        return (time.process_time() - begun) / len(bodies)


async def _together(work: Callable[[], Awaitable[None]], tasks: int) -> None:
    async with trio.open_nursery() as nursery:
        for _ in range(tasks):
            nursery.start_soon(work)


def _now() -> int:
    return SystemClock().micros()
