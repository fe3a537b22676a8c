"""Two editors, a post that waits for them, and the plugin between: what the tests of the approval
work with.  What it hands in is kept once per external id, as the core does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from gateway.api import (
    Button,
    Contact,
    Drop,
    Event,
    Hold,
    Identity,
    Message,
    MessageView,
    Plan,
    Preview,
    Received,
    Standing,
    Template,
)
from gateway.testing import NOW, FakeContext, judged, make, message, started
from gateway_plugins.middleware.approval import Approval

POST, NUMBER = 41, 413
ANNA, BERT, STRANGER = 1, 2, 9
PEOPLE = {
    "redaktion": Identity("phone", "+4917139200001"),
    "vertretung": Identity("phone", "+4917139200002"),
}
TEMPLATE = Template(
    name="blog_post",
    language="de",
    header="Neu: {{topic}}",
    header_parameters={"topic": "Blog"},
    body="*{{title}}*\n\n{{teaser}}",
    parameters={"title": "Ein Beitrag", "teaser": "Ein Satz."},
    footer="Abmelden: antworte STOP",
    buttons=(Button(kind="url", text="Lesen"),),
)


def contact(id: int, identity: Identity, **changes: Any) -> Contact:
    """Somebody whose window at `main` is open for a day."""
    values: dict[str, Any] = {
        "identities": (identity,), "language": "de", "name": "", "consents": (),
        "windows": {"main": NOW + timedelta(days=1)},
    }  # fmt: skip
    return Contact(id=id, **(values | changes))


class Desk:
    """The editors' side of one post."""

    def __init__(self, plugin: Approval, context: FakeContext) -> None:
        self.plugin = plugin
        self.context = context
        self.kept: dict[str, Message] = {}
        self.events = 0
        post = message(id=POST, number=NUMBER)
        self.post = post.replace(forms=(*post.forms, TEMPLATE))
        self.view(state="held", code="approval")

    def view(self, **changes: Any) -> None:
        """Change how the post stands."""
        values: dict[str, Any] = {
            "message": self.post, "state": "held", "paused": False, "code": "", "reason": "",
            "audience": 7962, "left_out": {"paused": 40, "later": 12, "withdrawn": 1206},
            "counts": {},
        }  # fmt: skip
        self.context.views[POST] = MessageView(**(values | changes))

    def preview(self, **changes: Any) -> None:
        """Change how it would go out."""
        values: dict[str, Any] = {"message": self.post, "contents": self.post.forms}
        self.context.previews[POST] = Preview(**(values | changes))

    def plan(self, **changes: Any) -> None:
        """Change what it would do."""
        view, now = self.context.views[POST], self.context.clock.now()
        values: dict[str, Any] = {
            "at": now, "begins": now, "reached": view.audience, "left_out": view.left_out,
        }  # fmt: skip
        self.context.plans[POST] = Plan(**(values | changes))

    def person(self, id: int, **changes: Any) -> None:
        """Change who an editor is."""
        identity = PEOPLE["redaktion" if id == ANNA else "vertretung"]
        self.context.contacts[id] = contact(id, identity, **changes)

    async def screened(self, **changes: Any) -> Message | Drop | Hold:
        return await judged(self.plugin, self.post.replace(**changes))

    async def event(self, name: str, **changes: Any) -> list[Message]:
        """Notice an event of the journal; returns what was new, in order."""
        self.events += 1
        values: dict[str, Any] = {"id": self.events, "at": self.context.clock.now()}
        return await self.notice(Event(name=name, **(values | {"message": POST} | changes)))

    async def notice(self, event: Event) -> list[Message]:
        fresh = []
        for outcome in await self.plugin.notice(event):
            assert isinstance(outcome, Message)
            if outcome.external_id not in self.kept:
                self.kept[outcome.external_id] = outcome
                fresh.append(outcome)
        return fresh

    async def held(self) -> list[Message]:
        """The post is held for the editors."""
        return await self.event("message.held", code="approval")

    async def press(self, who: int, action: str, version: int = 1, **changes: Any) -> list[Message]:
        """Somebody presses a button of the card."""
        payload = f"{action}:{POST}" + (f":{version}" if version else "")
        return await self.inbound(who, words=payload, button=True, **changes)

    async def inbound(self, who: int, **changes: Any) -> list[Message]:
        """Somebody writes or presses."""
        id = 1000 + len(self.context.inbound)
        values: dict[str, Any] = {
            "sender": "main", "provider_id": f"wamid.{id}", "kind": "text", "words": "",
            "caption": "", "button": False, "quoted": None, "at": self.context.clock.now(),
            "act": "", "raw": b"",
        }  # fmt: skip
        self.context.inbound[id] = Received(id=id, contact=who, **(values | changes))
        return await self.event("inbound", message=None, contact=who, inbound=id)

    async def quote(self, who: int, words: str, key: str = "card") -> list[Message]:
        """Somebody answers the preview or card with words."""
        sent = next(m for name, m in self.kept.items() if name.startswith(f"{key}:{POST}:"))
        self.context.provider_ids["wamid.sent"] = 77
        held = sent.replace(input="approval", id=77)
        self.context.views[77] = MessageView(
            message=held, state="started", paused=False, code="", reason="", audience=1,
            left_out={}, counts={},
        )  # fmt: skip
        return await self.inbound(who, words=words, quoted="wamid.sent")


@asynccontextmanager
async def desk(**settings: Any) -> AsyncIterator[Desk]:
    """Open one; `context` is that of a gateway that ran before."""
    context: FakeContext = settings.pop("context", None) or FakeContext("approval")
    context.people = PEOPLE
    plugin = make(Approval, **({"ask": ["redaktion", "vertretung"]} | settings))
    async with started(plugin, context):
        opened = Desk(plugin, context)
        if not context.contacts:
            opened.person(ANNA)
            opened.person(BERT)
        yield opened


def confirmed(topic: str) -> tuple[Standing, ...]:
    return (Standing(topic=topic, state="confirmed", event=1, since=NOW),)


def said(messages: list[Message]) -> list[tuple[int | None, str]]:
    """Return (to, first line) of messages."""
    return [(one.to, one.text.partition("\n")[0]) for one in messages]


def at(clock: str) -> datetime:
    """A time of the first day, on the company's clock."""
    hours, minutes = map(int, clock.split(":"))
    return NOW.replace(hour=hours - 1, minute=minutes)
