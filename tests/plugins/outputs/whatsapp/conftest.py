"""A context without a gateway, whose HTTP answers in the order of a script."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api import (
    Delivery,
    Duration,
    FetchError,
    Identity,
    Intake,
    Message,
    Secret,
    Text,
    Topic,
)
from gateway.testing import Answer, Asked, FakeClock, FakeContext, FakeHttp
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from gateway_plugins.outputs.whatsapp.settings import WhatsAppConfig

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TOKEN = "EAAG0secret0token0of0the0tests"
APP_SECRET = "sandbox-app-secret"
PHONE = "+4917139200011"


class ScriptedHttp(FakeHttp):
    """Gives the scripted answers in order; an exception is raised, a function called."""

    def __init__(self) -> None:
        super().__init__()
        self.script: list[Any] = []

    def answer(self, status: int, value: Any = None, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        names = {name.replace("_", "-"): text for name, text in headers.items()}
        self.script.append(Answer(status, body, names))

    async def _next(self, asked: Asked) -> Any:
        self.asked.append(asked)
        assert self.script, "nothing more was to be asked"
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return await step() if callable(step) else step

    async def post(
        self, url: str, content: bytes, headers: Mapping[str, str], *, public_only: bool = False
    ) -> Any:
        return await self._next(Asked("POST", url, dict(headers), content))

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        max_bytes: int = 2_000_000,
        follow_redirects: int = 0,
        public_only: bool = False,
    ) -> Any:
        assert follow_redirects == 0, "the token goes to no other host"
        answer = await self._next(Asked("GET", url, dict(headers or {})))
        if len(answer.body) > max_bytes:
            raise FetchError("too_large", "")
        return answer


class Context(FakeContext):
    """What `lifespan` gets.  `refuse` makes the next intakes fail."""

    http: ScriptedHttp

    def __init__(self) -> None:
        super().__init__("main", stop_words=["stop", "stopp", "abmelden", "ende"])
        self.http = ScriptedHttp()
        self.clock = FakeClock(NOW)
        self.refuse: Exception | None = None

    async def intake(self, intake: Intake) -> None:
        if self.refuse is not None:
            raise self.refuse
        await super().intake(intake)

    def requests(self, result: str) -> float | None:
        """How many webhooks ended so."""
        return self.figure("webhook_requests_total", result=result)


@pytest.fixture
def context() -> Context:
    return Context()


@pytest.fixture
def settings() -> Callable[..., WhatsAppConfig]:
    """Make settings, with changes."""

    def make(**changes: Any) -> WhatsAppConfig:
        given: dict[str, Any] = {
            "phone_number_id": "200000000000002",
            "account_id": "100000000000001",
            "token": Secret(TOKEN),
            "app_secret": Secret(APP_SECRET),
            "verify_token": Secret("hello-meta"),
            "number_every": Duration(0),
        }
        return WhatsAppConfig(**{**given, **changes})

    return make


@pytest.fixture
async def output(
    context: Context, settings: Callable[..., WhatsAppConfig]
) -> AsyncIterator[WhatsApp]:
    """The output, open."""
    whatsapp = WhatsApp(settings(), "main")
    async with whatsapp.lifespan(context):
        yield whatsapp


@pytest.fixture
def delivery() -> Callable[..., Delivery]:
    """Make a delivery of a text to a phone number, with changes."""

    def make(**changes: Any) -> Delivery:
        given: dict[str, Any] = {
            "id": 7001,
            "message": Message(external_id="1", topic="blog"),
            "contact": 11,
            "sender": "main",
            "attempt": 1,
            "content": Text(body="Hallo"),
            "identities": (Identity("phone", PHONE),),
        }
        return Delivery(**{**given, **changes})

    return make


@pytest.fixture
def sign() -> Callable[..., dict[str, str]]:
    """Return the header of a signed body."""

    def make(body: bytes, secret: str = APP_SECRET) -> dict[str, str]:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return {"X-Hub-Signature-256": f"sha256={digest}"}

    return make


@pytest.fixture
def listed() -> Callable[..., dict[str, Any]]:
    """Make a template as the API lists it."""

    def make(
        name: str = "blog_post",
        language: str = "de",
        status: str = "APPROVED",
        body: str = "Neu: *{{title}}*\n\n{{teaser}}\n\n{{link}}",
        header: dict[str, Any] | None = None,
        footer: str | None = "Abmelden: antworte STOP",
        buttons: list[dict[str, Any]] | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        components: list[dict[str, Any]] = [{"type": "BODY", "text": body}]
        if header is not None:
            components.insert(0, {"type": "HEADER", **header})
        if footer is not None:
            components.append({"type": "FOOTER", "text": footer})
        if buttons:
            components.append({"type": "BUTTONS", "buttons": buttons})
        return {
            "id": "300000000000003",
            "name": name,
            "language": language,
            "status": status,
            "category": "MARKETING",
            "parameter_format": "NAMED",
            "components": components,
            **more,
        }

    return make


@pytest.fixture
def message() -> Callable[..., Message]:
    def make(**changes: Any) -> Message:
        given: dict[str, Any] = {
            "external_id": "post-1",
            "topic": "blog",
            "language": "de",
            "title": "Neun Fragen zur Wärmepumpe",
            "text": "Was sie kostet. Was sie kann.",
            "link": "https://blog.example/2026/waermepumpe?utm=wa",
        }
        return Message(**{**given, **changes})

    return make


@pytest.fixture
def topic() -> Callable[..., Topic]:
    def make(**changes: Any) -> Topic:
        given: dict[str, Any] = {
            "name": "blog",
            "title": "Neue Beiträge",
            "purpose": "Hinweise",
            "template": "blog_post",
        }
        return Topic(**{**given, **changes})

    return make
