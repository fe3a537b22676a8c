"""A website's input with a browser before it, for the tests of forms."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import unescape
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.api import Contact, Identity, Standing, Topic
from gateway.testing import NOW, FakeContext, make, started
from gateway_plugins.inputs.forms import Forms

BLOG = Topic(
    name="blog",
    title="Neue Beiträge",
    purpose="Hinweise auf neue Blogbeiträge",
    frequency="höchstens dreimal pro Woche",
)
EVENTS = Topic(name="termine", title="Termine", purpose="Einladungen")
CLOSED = Topic(name="intern", title="Intern", purpose="Freigaben", closed=True)
NUMBER = "+4917139200033"
HTML = {"accept": "text/html,application/xhtml+xml"}


class Visit:
    """A browser that visits the input; `context` is what the input did."""

    def __init__(self, plugin: Forms, context: FakeContext, client: httpx.AsyncClient) -> None:
        self.plugin = plugin
        self.context = context
        self.client = client

    async def get(self, path: str = "", **headers: str) -> httpx.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.get(f"/in/website/{path}", headers=fields)

    async def post(self, path: str = "", data: Any = None, **options: Any) -> httpx.Response:
        return await self.client.post(f"/in/website/{path}", data=data, **options)

    async def sign_up(self, *topics: str, wait: float = 10, **fields: Any) -> httpx.Response:
        """Fill in the page's form as a person does, and follow where it leads."""
        page = await self.get()
        self.context.clock.forward(wait)
        data = {"token": hidden(page.text, "token"), "lang": "de", "topics": list(topics), **fields}
        return await self.post(data=data, headers=HTML)

    def refused(self, reason: str) -> float | None:
        return self.context.figure("refused_total", reason=reason)

    def taken(self, result: str) -> float | None:
        return self.context.figure("sign_ups_total", result=result)

    @property
    def kept(self) -> int:
        """How many things were kept for any person."""
        context = self.context
        return len(context.sign_ups) + len(context.new_people) + len(context.cases)


@asynccontextmanager
async def visiting(
    *,
    peer: tuple[str, int] = ("192.0.2.7", 40000),
    headers: Mapping[str, str] | None = None,
    **settings: Any,
) -> AsyncIterator[Visit]:
    """Start the input with settings, and open a browser at `peer`."""
    context = FakeContext("website", topics=[BLOG, EVENTS, CLOSED])
    async with started(make(Forms, "website", **settings), context) as plugin:
        app = Starlette(routes=[Mount("/in/website", routes=list(plugin.routes()))])
        transport = httpx.ASGITransport(app, client=peer)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://wa.blog.example", headers=headers
        ) as client:
            yield Visit(plugin, context, client)


def hidden(page: str, name: str) -> str:
    """Return the value of a hidden field."""
    found = re.search(rf'<input type="hidden" name="{name}" value="([^"]*)"', page)
    assert found, f"the page has no {name}"
    return unescape(found[1])


def words(page: str) -> str:
    """Return a page as it is read, without tags."""
    page = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", page, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page)).split())


def person(id: int = 7, *consents: tuple[str, str], number: str = NUMBER) -> Contact:
    """Return a contact with (topic, state) as its consents."""
    standings = tuple(
        Standing(topic=topic, state=state, event=at, since=NOW)
        for at, (topic, state) in enumerate(consents, 1)
    )
    return Contact(
        id=id, identities=(Identity("phone", number),), language="de", name="", consents=standings,
        windows={},
    )  # fmt: skip
