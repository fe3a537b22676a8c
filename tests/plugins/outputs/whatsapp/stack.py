"""All that a webhook goes through, from the listener's socket to the disk."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import httpx
import trio
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from gateway.admin import public_app
from gateway.clock import SystemClock
from gateway.consent import StopWords
from gateway.consequences import Consequences
from gateway.context import PluginContext, Shared
from gateway.duties import Mail
from gateway.figures import Figures
from gateway.inbox import Inbox
from gateway.links import SignedLinks
from gateway.metrics import Metrics
from gateway.sections import Company, Server
from gateway.senders import Senders
from gateway.store.sqlite import SqliteStore
from gateway.texts import TextFiles
from gateway.web import Limits, serve
from gateway.words import Words
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from gateway_plugins.outputs.whatsapp.settings import WhatsAppConfig
from tests.gateway.store.house import House

SECRET = "sandbox-app-secret"
NUMBER, ACCOUNT = "200000000000002", "100000000000001"
TABLES = ("inbound", "account_events", "contacts", "identities", "windows", "consents")
WATCHED = (
    "webhook_requests",
    "not_understood",
    "inbound",
    "inbound_repeated",
    "statuses",
    "failures_reported",
    "withdrawals",
)


def signature(body: bytes, secret: str = SECRET) -> str:
    """The header's value for a body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def envelope(*values: Any, field: str = "messages", number: Any = NUMBER) -> dict[str, Any]:
    """A webhook with one change for each value."""
    changes = [
        {"field": field, "value": {"metadata": {"phone_number_id": number}, **value}}
        for value in values
    ]
    return {"object": "whatsapp_business_account", "entry": [{"id": ACCOUNT, "changes": changes}]}


class Stack:
    """What a test works with."""

    def __init__(self, store: SqliteStore, metrics: Metrics, client: httpx.AsyncClient) -> None:
        self.store = store
        self.house = House(store)
        self.house.now = 1_780_000_000_000_000  # before the webhooks' timestamps
        self._metrics = metrics
        self._client = client

    async def post(self, body: Any, headers: dict[str, str] | None = None) -> int:
        """Send a webhook, signed unless `headers` say otherwise; returns the HTTP status."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"x-hub-signature-256": signature(raw), "content-type": "application/json"}
        answer = await self._client.post("/hook/wa", content=raw, headers=given | (headers or {}))
        assert answer.content == b""
        return answer.status_code

    async def get(self, **query: str) -> tuple[int, str]:
        """Ask as Meta does when the address is entered."""
        params = {f"hub.{name}": value for name, value in query.items()}
        answer = await self._client.get("/hook/wa", params=params)
        return answer.status_code, answer.text

    def counted(self) -> dict[str, float]:
        """Series that are not 0: `inbound{kind=text}`; the sender is always the same."""
        found = {}
        for family in text_string_to_metric_families(self._metrics.render()[0].decode()):
            name = family.name.removeprefix("gateway_").removeprefix("plugin_wa_")
            for sample in family.samples if name in WATCHED else ():
                if sample.value and not sample.name.endswith("_created"):
                    labels = ",".join(
                        value for label, value in sample.labels.items() if label != "sender"
                    )
                    found[f"{name}{{{labels}}}" if labels else name] = sample.value
        return found

    def rows(self) -> dict[str, int]:
        """How many rows lie where a webhook may leave some."""
        return {table: int(self.sql(f"SELECT count(*) FROM {table}")[0][0]) for table in TABLES}

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        connection = apsw.Connection(str(self.store.path), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return list(connection.execute(statement))
        finally:
            connection.close()


@asynccontextmanager
async def open_stack(folder: Path, settings: Callable[..., WhatsAppConfig]) -> AsyncIterator[Stack]:
    """Open all of it on a new database."""
    metrics, clock = Metrics(CollectorRegistry()), SystemClock()
    async with SqliteStore(folder / "store.db") as store:
        output = WhatsApp(settings(), "wa")
        inbox = Inbox(store, Words(), clock, Figures(metrics).taken)
        nobody = SimpleNamespace(
            topics={},
            people={},
            company=Company(name="Beispiel GmbH"),
            server=Server(),
            mail=Mail(),
        )
        shared: Any = Shared(
            config=nobody, store=store, http=None, clock=clock, stop_words=StopWords(()).words,
            texts=TextFiles(), links=SignedLinks(b"test"), complete=lambda message: message,
            take=inbox.take, landed=inbox.landed, preview=None, plan=None,
            senders=(senders := Senders({}, store)), learned=Consequences({}, senders, store, clock).apply,
        )  # type: ignore[arg-type]  # fmt: skip
        context = PluginContext("wa", shared, metrics=metrics.plugin("wa"))
        async with output.lifespan(context), trio.open_nursery() as nursery:
            app, stop = public_app({"/hook/wa": output.routes()}), trio.Event()
            limits = Limits(body_bytes=(3 << 20) + 1)  # as the daemon's
            (url,) = await nursery.start(
                partial(serve, app, ["127.0.0.1:0"], stop=stop, limits=limits)
            )
            async with httpx.AsyncClient(base_url=url) as client:
                yield Stack(store, metrics, client)
            stop.set()
