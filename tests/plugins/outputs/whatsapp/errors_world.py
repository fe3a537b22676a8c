"""Two numbers of one account on a real store, and Meta's refusals at both places where they come."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec
from prometheus_client import CollectorRegistry

from gateway.attempt import Attempts
from gateway.consequences import Consequences
from gateway.figures import Figures
from gateway.inbox import Inbox
from gateway.limiter import Grant
from gateway.message import Basis, Delivery, Message
from gateway.metrics import Metrics
from gateway.senders import Senders
from gateway.store.outcomes import Patience
from gateway.store.protocol import moment
from gateway.store.sqlite import SqliteStore
from gateway.words import Words
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from gateway_plugins.outputs.whatsapp.webhook import Reader
from tests.gateway.store.house import SECOND, House
from tests.plugins.outputs.whatsapp.conftest import Context

NUMBER, ACCOUNT = "200000000000002", "100000000000001"
ACCEPTED = {"messages": [{"id": "wamid.OUT1", "message_status": "accepted"}]}
NAMES = ("wa", "wb")


class Found(msgspec.Struct):
    """What one refusal led to.  Times are seconds from the refusal on."""

    state: str
    due: float
    other: str
    """State of the other delivery of the message."""
    stops: list[tuple[str, str]]
    pauses: dict[str, list[float]]
    """Sender → for how long all of it is held back."""
    cause: str
    """Why the message is paused."""
    rate: float | None
    consent: str
    troubles: list[tuple[str, int]]
    window: bool


class World:
    """One message for two people, sent by `wa`; `wb` is the account's other number."""

    def __init__(self, store: SqliteStore, outputs: dict[str, WhatsApp], backoff: float) -> None:
        self.store = store
        self.house = House(store)
        self.output = outputs["wa"]
        self.metrics = Metrics(CollectorRegistry())
        self.figures = Figures(self.metrics)
        self.pauses: dict[str, list[float]] = {name: [] for name in NAMES}
        self.consequences = Consequences(
            outputs, Senders(outputs, store), store, self,
            backoff=backoff, stopped=self.figures.stopped,
        )  # fmt: skip
        for name, pauses in self.pauses.items():
            self.consequences.join(name, pauses.append)
        self.attempts = Attempts(
            "wa", self.output, store, self, self.figures, "n1", self.pauses["wa"].append,
            self.consequences, lambda: 0.0,
        )  # fmt: skip
        self.inbox = Inbox(store, Words(), self, self.figures.taken)
        self._context: Any = self.output._context
        self.told_at = 0
        """When the gateway heard of the refusal."""

    def micros(self) -> int:
        """The time of the story."""
        return self.house.now

    async def begin(self, **fields: Any) -> None:
        """Two people, one message, and its first delivery in the air."""
        self.first, self.second = await self.house.confirmed(2)
        await self.house.says(1, "hello", opens_window=bool(fields.pop("window", False)))
        self.message: Message = await self.house.started(**fields)
        self.delivery: Delivery = await self.house.sending()

    async def again(self, leased: Delivery) -> Delivery:
        """Begin the next attempt of what was leased."""
        ready = leased.replace(basis=Basis(kind="consent", event=leased.permissions.consent))
        assert await self.house.begin(ready) is None
        return ready

    async def refused(self, code: int, details: str = "why", status: int = 400) -> None:
        """Meta answers with this code."""
        self.told_at = self.house.now
        self._context.http.answer(status, error(code, details))
        await self.attempts.send(self.delivery, Grant({}, [], 0.0, 0.0))

    async def reported(self, code: int, details: str = "why") -> None:
        """Meta accepts, and says the code in the status of a webhook."""
        self._context.http.answer(200, ACCEPTED)
        await self.attempts.send(self.delivery, Grant({}, [], 0.0, 0.0))
        await self.webhook(code, details)

    async def webhook(self, code: int, details: str = "why", late: int = 0) -> None:
        """The webhook alone, which may come late (seconds)."""
        self.house.now += SECOND
        self.told_at = self.house.now
        status = {
            "id": "wamid.OUT1",
            "status": "failed",
            "timestamp": str(self.house.now // SECOND - late),
            "biz_opaque_callback_data": self.delivery.callback,
            "errors": [error(code, details)["error"]],
        }
        value = {"metadata": {"phone_number_id": NUMBER}, "statuses": [status]}
        changes = [{"field": "messages", "value": value}]
        raw = json.dumps({"entry": [{"id": ACCOUNT, "changes": changes}]}).encode()
        intake = Reader("wa", NUMBER, ACCOUNT, lambda *_: None).read(raw, moment(self.house.now))
        await self.inbox.take(intake)  # as the daemon does, before it answers 200
        await self.consequences.reported(intake)

    async def found(self) -> Found:
        """Look at everything that a refusal can change."""
        await self.house.sweep()
        row = await self.house.row(self.message, self.first)
        assert row is not None
        stops = await self.store.stops()
        rate = self.consequences.slowing["wa"].rate(0.0)
        return Found(
            state=row["state"],
            due=round((row["due_at"] - self.told_at) / SECOND, 3),
            other=str(await self.house.state(self.message, self.second)),
            stops=[(stop.scope, stop.code) for stop in stops],
            pauses={name: pauses for name, pauses in self.pauses.items() if pauses},
            cause=str(self.sql("SELECT pause_code FROM messages WHERE paused = 1", "")),
            rate=rate,
            consent=str(await self.house.consent_of(self.first)),
            troubles=[(str(code), int(n)) for code, n in self.rows("SELECT code, n FROM troubles")],
            window=bool(self.sql(f"SELECT 1 FROM windows WHERE until > {self.house.now}", 0)),
        )

    def value(self, metric: Any, *labels: str) -> float:
        """The figure of one series."""
        return float(metric.labels(*labels)._value.get())

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        connection = apsw.Connection(str(self.store.path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return list(connection.execute(statement))
        finally:
            connection.close()

    def sql(self, statement: str, default: Any) -> Any:
        rows = self.rows(statement)
        return rows[0][0] if rows else default


def error(code: int, details: str) -> dict[str, Any]:
    """An error as Meta writes it, in an answer or a webhook."""
    return {"error": {"code": code, "message": "x", "error_data": {"details": details}}}


@asynccontextmanager
async def open_world(folder: Path, settings: Any, backoff: float = 1.0) -> AsyncIterator[World]:
    """Open the store and both numbers."""
    outputs = {name: WhatsApp(settings(), name) for name in NAMES}
    async with SqliteStore(folder / "store.db", patience=Patience(backoff=backoff)) as store:
        contexts = {name: Context() for name in NAMES}
        async with outputs["wa"].lifespan(contexts["wa"]), outputs["wb"].lifespan(contexts["wb"]):
            yield World(store, outputs, backoff)
