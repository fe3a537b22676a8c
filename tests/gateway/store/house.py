"""Short words for the store's verbs, so that a test reads as a story.  Uses the protocol only."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any

from gateway.ids import new_id
from gateway.inbound import Act, ConsentEvent, Inbound, Intake, Person, Status, StatusName
from gateway.message import Basis, Delivery, Identity, Message, Template, Text
from gateway.store.people import NO_TERMS, Terms
from gateway.store.protocol import (
    Decision,
    Intent,
    QuotaUse,
    Refusal,
    Screened,
    Settlement,
    Store,
    Taken,
    moment,
)

START = 1_800_000_000_000_000
SECOND = 1_000_000
HOUR = 3600 * SECOND
CHAIN = "chain-1"
FORMS = (
    Template(name="post", language="de", body="{{t}}", parameters={"t": "x"}),
    Text(body="hello"),
)
BODY = b'{"type":"text","body":"hello"}'


def consent(name: str, at: int, topic: str | None = "news", source: str = "form") -> ConsentEvent:
    """A consent event at a time."""
    return ConsentEvent(
        name=name, at=moment(at), topic=topic, source=source, evidence={"ip": "::1"}
    )


def phone(n: int) -> tuple[Identity, ...]:
    """The identities of person n."""
    return (Identity("phone", f"+49151{n:07d}"),)


class House:
    """A store with a clock that moves one microsecond per look."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.now = START

    def at(self) -> int:
        self.now += 1
        return self.now

    def later(self) -> None:
        """Let a second pass: what is said then is said after, also by a webhook's clock."""
        self.now += SECOND

    # --- people ---------------------------------------------------------------------------------
    async def tell(
        self, n: int, name: str, topic: str | None = "news", *, at: int | None = None
    ) -> int:
        """Hand in one consent event of person n; returns the contact."""
        now = self.at()
        event = consent(name, now if at is None else at, topic)
        await self.store.accept(
            "crm", [], at=now, people=[Person(identities=phone(n), events=(event,))]
        )
        return await self.contact(n)

    async def contact(self, n: int) -> int:
        found = await self.store.report("find_contact", identity=phone(n)[0].value)
        assert found is not None
        return int(found)

    async def confirmed(self, count: int, topic: str = "news", first: int = 1) -> list[int]:
        """Make people first … first+count-1 with a confirmed consent; returns the contacts."""
        now = self.at()
        people = [
            Person(identities=phone(n), events=(consent("confirmed", now, topic),))
            for n in range(first, first + count)
        ]
        await self.store.accept("crm", [], at=now, people=people)
        return [await self.contact(n) for n in range(first, first + count)]

    async def consent_of(self, contact: int, topic: str = "news") -> str | None:
        known = await self.store.report("contact", id=contact)
        return next((c["state"] for c in known["consents"] if c["topic"] == topic), None)

    # --- messages -------------------------------------------------------------------------------
    def new(self, external_id: str = "", **fields: Any) -> Message:
        """A message that is not accepted yet."""
        id = new_id()
        defaults: dict[str, Any] = {
            "topic": "news",
            "sender": "wa",
            "text": "hi",
            "forms": FORMS,
            "id": id,
            "external_id": external_id or f"e{id}",
        }
        return Message(**(defaults | fields))

    async def accepted(self, **fields: Any) -> Message:
        message = self.new(**fields)
        assert await self.store.accept("blog", [message], at=self.at()) == [message.id]
        return message

    async def ready(self, **fields: Any) -> Message:
        """Accept a message and let the chain pass it."""
        message = await self.accepted(**fields)
        verdict = Screened(message=message, state="ready", chain=CHAIN)
        await self.store.screened([verdict], at=self.at())
        return message

    async def started(self, **fields: Any) -> Message:
        """Accept, pass and fan out a message."""
        message = await self.ready(**fields)
        await self.fan_out(message)
        return message

    async def fan_out(self, message: Message, limit: int = 400) -> int:
        added = 0
        while True:
            chunk = await self.store.fan_out(message.id, at=self.at(), limit=limit)
            added += chunk.added
            if chunk.done:
                return added

    async def sweep(self, limit: int = 400) -> None:
        while found := await self.store.to_sweep(at=self.at(), limit=20):
            for message in found:
                await self.store.sweep(message, at=self.at(), limit=limit)

    async def row(self, message: Message, contact: int) -> dict[str, Any] | None:
        """The delivery as a trace shows it."""
        about = await self.store.report("message", id=message.id)
        story = await self.store.report("trace", number=about["number"], contact_id=contact)
        row: dict[str, Any] | None = story["delivery"]
        return row

    async def state(self, message: Message, contact: int) -> str | None:
        row = await self.row(message, contact)
        return None if row is None else str(row["state"])

    # --- deliveries -----------------------------------------------------------------------------
    async def lease(self, limit: int = 10, node: str = "n1", **fields: Any) -> list[Delivery]:
        defaults: dict[str, Any] = {"sender": "wa", "at": self.at(), "windows": True, "margin": 0}
        return await self.store.lease(node=node, limit=limit, **(defaults | fields))

    async def leased(self, **fields: Any) -> Delivery:
        (delivery,) = await self.lease(limit=1, **fields)
        return delivery.replace(basis=Basis(kind="consent", event=delivery.permissions.consent))

    async def begin(
        self,
        delivery: Delivery,
        node: str = "n1",
        at: int | None = None,
        uses: tuple[QuotaUse, ...] = (),
    ) -> Refusal | None:
        intent = Intent(
            delivery=delivery,
            at=at or self.at(),
            content=hashlib.sha256(BODY).digest(),
            body=BODY,
            uses=uses,
        )
        (refusal,) = await self.store.begin([intent], node)
        return refusal

    async def sending(self, **fields: Any) -> Delivery:
        """Lease one and begin it."""
        delivery = await self.leased(**fields)
        assert await self.begin(delivery) is None
        return delivery

    async def settle(self, delivery: Delivery, outcome: Any = "accepted", **fields: Any) -> None:
        defaults: dict[str, Any] = {"provider_id": f"w{delivery.id}"}
        if outcome != "accepted":
            defaults = {"code": "131026", "detail": "why"}
        await self.store.settle(
            [
                Settlement(
                    delivery=delivery.id,
                    n=delivery.attempt,
                    outcome=outcome,
                    at=self.at(),
                    **(defaults | fields),
                )
            ]
        )

    async def give_back(self, delivery: Delivery, to: Any = "queued", **fields: Any) -> None:
        await self.store.decide([Decision(delivery=delivery.id, to=to, **fields)], at=self.at())

    # --- back -----------------------------------------------------------------------------------
    async def status(
        self,
        delivery: Delivery,
        name: StatusName,
        *,
        by_id: bool = False,
        said_at: int = START + SECOND,
        **fields: Any,
    ) -> Taken:
        defaults: dict[str, Any] = {"provider_id": f"w{delivery.id}"}
        status = Status(
            status=name,
            at=moment(said_at),
            callback=None if by_id else delivery.callback,
            **(defaults | fields),
        )
        return await self.store.intake(Intake(sender="wa", statuses=(status,)), {}, at=self.at())

    async def says(
        self,
        n: int | tuple[Identity, ...],
        words: str,
        *,
        ago: timedelta = timedelta(0),
        key: str = "",
        stop: bool = False,
        act: Act | None = None,
        terms: Terms = NO_TERMS,
        **fields: Any,
    ) -> Taken:
        """Person n writes, which may be an act; with `stop` it withdraws."""
        now = self.at()
        inbound = Inbound(
            provider_id=key or f"in{now}",
            identities=phone(n) if isinstance(n, int) else n,
            at=moment(now) - ago,
            words=words,
            **({"kind": "text"} | fields),
        )
        act = Act(kind="stop") if stop else act
        return await self.store.intake(
            Intake(sender="wa", messages=(inbound,)),
            {inbound.provider_id: act} if act else {},
            at=now,
            terms=terms,
        )
