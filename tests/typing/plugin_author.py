"""What a type checker tells the author of a plugin.  Never run: mypy reads it.

A line with `type: ignore[…]` is a misuse that has to be an error; a needless one is an error too.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, ClassVar, assert_type

from gateway.api import (
    Basis,
    Button,
    Case,
    Close,
    Closed,
    Concern,
    ConsentEvent,
    Contact,
    Content,
    Context,
    Delivery,
    Drop,
    Duration,
    Event,
    Hold,
    Identity,
    Inbound,
    Input,
    Intake,
    Limit,
    Message,
    Middleware,
    NotSent,
    Observer,
    Outcome,
    Output,
    Person,
    Plugin,
    PluginConfig,
    Preference,
    Quota,
    Rate,
    Received,
    Rejected,
    Secret,
    SignUp,
    Status,
    Template,
    Text,
    Topic,
    Unknown,
    hookimpl,
)
from gateway.testing import Answer, FakeContext, delivery, judged, limits, make, message, started


class AllConfig(PluginConfig):
    token: Secret
    every: Duration = Duration(60)
    words: tuple[str, ...] = ()


# --- correct ------------------------------------------------------------------------------------
class Gate(Middleware):
    name = "gate"
    config: AllConfig
    codes: ClassVar[frozenset[str]] = frozenset({"no", "later"})
    approvable: ClassVar[frozenset[str]] = frozenset({"later"})
    timeout: ClassVar[float] = 1.0

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        self._context = context
        self._seen = context.metrics.counter("seen", "Seen.", ["kind"])
        assert_type(await context.state.get("key"), bytes | None)
        await context.state.put({"key": b"1", "old": None})
        yield

    async def screen(self, message: Message) -> Message | Drop | Hold:
        if any(word in message.title for word in self.config.words):
            return Drop("no", "it is not to be said")
        if message.published_at is None:
            now = self._context.clock.now()
            return Hold("later", "not yet", now + timedelta(seconds=self.config.every))
        return message.replace(title="Neu")

    async def process(self, delivery: Delivery) -> Delivery:
        content = delivery.content
        if isinstance(content, Text):
            assert_type(content, Text)
            content = content.replace(body=f"{content.body}.")
        else:
            assert_type(content, Template)
        return delivery.replace(content=content, basis=Basis(kind="consent", event=1))

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        until = self._context.clock.now()
        return [Rate("gate:all", 5, 1), Quota("gate:day", 100, 86_400), Closed(until, "night")]


class Crm(Input, Observer):
    name = "crm"
    config: AllConfig
    replayable: ClassVar[bool] = False
    max_age: ClassVar[float] = 3600.0

    async def run(self, context: Context) -> None:
        answer = await context.http.get("https://crm.example/", {"accept": "*/*"}, max_bytes=1000)
        assert_type(answer.status, int)
        assert_type(answer.body, bytes)
        event = ConsentEvent(name="imported", at=context.clock.now(), topic="blog")
        person = Person(identities=(Identity("phone", "+4917139200001"),), events=(event,))
        taken = await context.accept(
            [Message(external_id="1", topic="blog")], state={"at": b"1"}, people=[person]
        )
        assert_type(taken, list[int | None])
        context.succeeded()

    async def notice(self, event: Event) -> Sequence[Message]:
        return [Message(external_id=f"crm-{event.id}", kind="service", to=event.contact)]

    async def command(self, name: str, arguments: Mapping[str, Any]) -> Any:
        return {"name": name}


class Clerk(Middleware, Observer):
    name = "clerk"
    config: AllConfig
    always: ClassVar[bool] = True
    context: Context

    async def concerns(self) -> Sequence[Concern]:
        return [] if self.context.has_mail else [Concern("advice", "No mail.", "[mail] host")]

    async def notice(self, event: Event) -> Sequence[Outcome]:
        if event.inbound is None or event.contact is None:
            return [Close(case=event.case, by="clerk")] if event.case else ()
        assert_type(await self.context.received(event.inbound), Received | None)
        assert_type(await self.context.contact(event.contact), Contact | None)
        yes = Button(kind="quick_reply", text="Ja", payload="clerk:yes")
        return [
            Message(external_id=f"clerk-{event.id}", to=event.contact, buttons=(yes,)),
            Case(kind="question", external_id=f"clerk-{event.id}", inbound=event.inbound),
            Preference(contact=event.contact, per_week=1),
        ]


class Wire(Output):
    name = "wire"
    config: AllConfig
    identity_kinds: ClassVar[tuple[str, ...]] = ("phone", "user_id")
    windows: ClassVar[bool] = True
    codes: ClassVar[frozenset[str]] = frozenset({"refused"})
    send_deadline: ClassVar[float] = 10.0
    context: Context

    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content] | Hold:
        return [Text(body=message.text)] if topic else Hold("no_topic", "of what?")

    async def send(self, delivery: Delivery) -> str:
        identity = delivery.identity(*self.identity_kinds)
        if identity is None:
            raise Rejected("refused", scope="contact")
        token = self.config.token.reveal()
        assert_type(token, str)
        try:
            await self.context.http.post("https://wire.example/", b"{}", {"authorization": token})
        except (NotSent, Unknown):
            raise
        now = self.context.clock.now()
        said = Inbound(provider_id="1", identities=(identity,), at=now, kind="text")
        status = Status(provider_id="2", status="read", at=now, callback=delivery.callback)
        await self.context.intake(Intake(sender="main", messages=(said,), statuses=(status,)))
        return "id"


@hookimpl
def register() -> Iterable[type[Plugin]]:
    return [Gate, Crm, Clerk, Wire]


async def tested() -> None:
    context = FakeContext("gate")
    context.http.answers["GET https://blog.example/"] = [Answer(503), OSError()]
    gate = make(Gate, label="gate", token=Secret("x"))
    assert_type(gate, Gate)
    async with started(gate, context) as same:
        assert_type(same, Gate)
        assert_type(await judged(gate, message()), Message | Drop | Hold)
        assert_type(await judged(gate, delivery()), Delivery | Drop | Hold)
        assert_type(limits(gate, delivery()), list[Limit] | Hold)


# --- misuse that is an error --------------------------------------------------------------------
class NotAsync(Middleware):
    name = "not_async"

    def process(self, delivery: Delivery) -> Delivery:  # type: ignore[override]
        return delivery


class AsyncLimits(Middleware):
    name = "async_limits"

    async def limits(self, delivery: Delivery) -> Sequence[Limit]:  # type: ignore[override]
        return ()


class Says(Middleware):
    name = "says"
    codes: ClassVar[frozenset[str]] = {"no"}  # type: ignore[assignment]

    async def screen(self, message: Message) -> str:  # type: ignore[override]
        return message.title

    async def process(self, delivery: Delivery) -> Delivery | Drop | Hold:
        delivery.contact = 5  # type: ignore[misc]
        if delivery.message.topic is None:
            return Hold("later", "not yet", 5.0)  # type: ignore[arg-type]
        if delivery.message.to is None:
            return None  # type: ignore[return-value]
        return Drop("no")  # type: ignore[call-arg]


class Misspelt(Middleware):
    name = "misspelt"
    config: AllConfig

    async def screen(self, message: Message) -> Message:
        print(self.config.evry)  # type: ignore[attr-defined]
        return message

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        return [Rate("fast", "5")]  # type: ignore[arg-type]


class Ordered(Input):
    name = "ordered"

    async def run(self, context: Context) -> None:
        await context.accept(Message(external_id="1"))  # type: ignore[arg-type]
        await context.state.put({"at": "1"})  # type: ignore[dict-item]
        await context.accept([Message(external_id="1", kind="news")])  # type: ignore[arg-type]
        context.sent()  # type: ignore[attr-defined]
        context.label = "other"  # type: ignore[misc]


class Follows(Observer):
    name = "follows"

    async def notice(self, event: Event) -> Sequence[Outcome]:
        case = Case(kind="complaint", external_id="1")  # type: ignore[arg-type]
        sign_up = SignUp(code="K7F3", topics=("blog",), source="page", at=event.at)
        return [case, sign_up]  # type: ignore[list-item]


class Half(Output):
    name = "half"

    async def send(self, delivery: Delivery) -> str:
        raise Rejected("refused", scope="world")  # type: ignore[arg-type]


Half(None, "half")  # type: ignore[abstract]
Message(title="Ohne Kennung")  # type: ignore[call-arg]
make(str)  # type: ignore[type-var]
