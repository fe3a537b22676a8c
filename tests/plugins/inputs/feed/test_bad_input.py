"""Whatever a server sends: a clear sentence, counted, nothing half-applied, and the rest goes on.

With the gateway's own client, a server on loopback and the parser process, in real time.
"""

from __future__ import annotations

import gzip
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from unittest.mock import patch

import pytest
import trio
import trio.testing

from gateway.api import Duration
from gateway.http import Deadlines, open_client
from gateway_plugins.inputs import rss
from gateway_plugins.inputs.feed.wire import Answer as Parsed
from gateway_plugins.inputs.feed.wire import Document
from tests.plugins.inputs.feed.scripted import Context, feed, item, key, running

Answer = bytes | Callable[[trio.SocketStream], Awaitable[None]]
LINK = '<link rel="alternate" type="application/rss+xml" href="/feed.xml">'


def answer(
    body: bytes, kind: str = "application/rss+xml", status: str = "200 OK", more: str = ""
) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


def redirect(where: str) -> bytes:
    return answer(b"", status="302 Found", more=f"Location: {where}\r\n")


async def endless(stream: trio.SocketStream) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\n\r\n<rss>")
    for _ in range(500):
        await stream.send_all(b" " * 100_000)


async def byte_by_byte(stream: trio.SocketStream) -> None:
    for byte in answer(feed(2, 1)):
        await stream.send_all(bytes([byte]))
        await trio.sleep(0.05)


async def reset(stream: trio.SocketStream) -> None:
    await stream.send_all(answer(feed(2, 1))[:400])
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def closed(stream: trio.SocketStream) -> None:
    await stream.send_all(answer(feed(2, 1))[:400])


async def says_more(stream: trio.SocketStream) -> None:
    await stream.send_all(answer(feed(2, 1)).replace(b"Content-Length: ", b"Content-Length: 9"))


async def silent(stream: trio.SocketStream) -> None:
    await trio.sleep(5)


class Server:
    """Gives one answer, whatever it is asked, until the test sets another."""

    def __init__(self) -> None:
        self.answer: Answer = b""
        self.asked = b""

    async def __call__(self, stream: trio.SocketStream) -> None:
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            self.asked = await stream.receive_some()
            if isinstance(self.answer, bytes):
                await stream.send_all(self.answer)
            else:
                await self.answer(stream)


@asynccontextmanager
async def reading(
    server: Server, context: Context, *, private: bool = True, child: bool = False
) -> AsyncIterator[rss.Rss]:
    """A feed that runs against the server; the deadlines are short.

    `child`: parse in the process that it is parsed in, which takes a moment to start.
    """
    deadlines = Deadlines(connect=1, read=1, total=1.5)
    async with open_client(deadlines=deadlines) as client, trio.open_nursery() as nursery:
        context.http = client  # type: ignore[assignment]
        listen = partial(trio.serve_tcp, server, 0, host="127.0.0.1")
        (listener,) = await nursery.start(listen)
        url = f"http://127.0.0.1:{listener.socket.getsockname()[1]}/feed.xml"
        settings = {"url": url, "private": private, "every": Duration(3600)}
        async with running(context, child=child, **settings) as plugin:
            await trio.testing.wait_all_tasks_blocked()
            yield plugin
        nursery.cancel_scope.cancel()


GZIP = "Content-Encoding: gzip\r\n"
BOMB = gzip.compress(b" " * 50_000_000)
LOL = "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' if n else '<!ENTITY l0 "lol">' for n in range(9)
)

ROWS: dict[str, tuple[Answer, str, str]] = {
    "empty": (answer(b""), "bad_document", "it is no feed"),
    "whitespace": (answer(b" \r\n\t " * 99), "bad_document", "it is no feed"),
    "truncated": (answer(feed(1)[:-60]), "bad_document", "it breaks off in the middle"),
    "before any post": (answer(feed()[:50]), "bad_document", "it breaks off in the middle"),
    "50 MB": (endless, "not_fetched", "it is larger than 2 MB"),
    "gzip bomb": (answer(BOMB, more=GZIP), "not_fetched", "it is larger than 2 MB"),
    "no gzip": (answer(feed(2), more=GZIP), "not_fetched", "its compression is damaged"),
    "half gzip": (
        answer(gzip.compress(feed(2))[:-9], more=GZIP), "not_fetched", "its compression is damaged",
    ),
    "brotli": (
        answer(b"x", more="Content-Encoding: br\r\n"), "not_fetched", "compression is damaged or",
    ),
    "binary": (answer(os.urandom(500_000)), "bad_document", "it is no feed"),
    "picture": (answer(b"\x89PNG\r\n\x1a\n" + b"\0" * 999, "image/png"), "bad_document", "no feed"),
    "name of a file": (answer(b"/etc/passwd"), "bad_document", "it is no feed"),
    "circle": (redirect("/feed.xml"), "not_fetched", "redirects lead in a circle"),
    "to loopback": (redirect("http://localhost:1/"), "not_fetched", "network, which is refused"),
    "to metadata": (redirect("http://169.254.169.254/"), "not_fetched", "network, which is refused"),
    "to a private net": (redirect("http://[fd00::1]/"), "not_fetched", "network, which is refused"),
    "to a file": (redirect("file:///etc/passwd"), "not_fetched", "its address cannot be asked"),
    "to nowhere": (redirect(""), "bad_status", "HTTP 302"),
    "byte by byte": (byte_by_byte, "not_fetched", "it took too long"),
    "silent": (silent, "not_fetched", "its server is silent"),
    "reset": (reset, "not_fetched", "broke off"),
    "closed": (closed, "not_fetched", "the answer broke off"),
    "length lies": (says_more, "not_fetched", "the answer broke off"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n", "not_fetched", "is no HTTP"),
    "web page": (
        answer(f"<!doctype html><html><head>{LINK}</head>".encode(), "text/html"), "bad_document",
        "it is no feed (a web page, whose feed is http://127.0.0.1:",
    ),
    "error page": (
        answer(b"<html><body>Wartungsarbeiten", "text/html"), "bad_document", "it is no feed",
    ),
    "JSON": (answer(b'{"error": "no"}'), "bad_document", "JSON, but no JSON Feed"),
    "deep JSON": (answer(b'{"items":' + b"[" * 100_000), "bad_document", "JSON, but no JSON Feed"),
    "deep XML": (
        answer(b'<rss version="2.0"><channel><item>' + b"<a>" * 20_000), "bad_document",
        "it breaks off in the middle",
    ),
    "entities": (
        answer(f"<!DOCTYPE r [{LOL}]>".encode() + feed(2).replace(b"Text", b"&l8;")),
        "bad_document", "declares XML entities",
    ),
    "outer entity": (
        answer(b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + feed(2)),
        "bad_document", "declares XML entities",
    ),
    "entities in UTF-16": (
        answer((b'<!DOCTYPE r [<!ENTITY x "y">]>' + feed(2)).decode().encode("utf-16")),
        "bad_document", "declares XML entities",
    ),
    "400": (answer(b"", status="400 Bad Request"), "bad_status", "HTTP 400"),
    "401": (answer(b"", status="401 No"), "bad_status", "it asks for a password; often a bot"),
    "403": (answer(b"", status="403 No"), "bad_status", "it refuses us; often a bot filter"),
    "404": (answer(b"", status="404 No"), "bad_status", "there is nothing at its address"),
    "429": (answer(b"", status="429 Slow"), "bad_status", "we ask too often"),
    "500": (answer(feed(9), status="500 Oops"), "bad_status", "HTTP 500"),
    "503": (answer(feed(9), status="503 Busy"), "bad_status", "overloaded or in repair"),
    "206": (answer(feed(9)[:200], status="206 Part"), "bad_status", "HTTP 206"),
}  # fmt: skip


OF_THE_CHILD = ("binary", "deep XML", "entities", "JSON")


@pytest.mark.parametrize("name", ROWS)
async def test_what_cannot_be_read(name: str) -> None:
    bad, result, sentence = ROWS[name]
    server, context = Server(), Context()
    server.answer = answer(feed(1))
    async with reading(server, context, child=name in OF_THE_CHILD) as plugin:
        assert (await plugin.command("poll", {}))["state"] == "ok"
        kept = dict(context.state)
        server.answer = bad
        with trio.fail_after(10):
            row = await plugin.command("poll", {})
        assert row["state"] == "fails"
        assert sentence in row["trouble"]
        assert len(row["trouble"]) <= 300
        assert row["trouble"] == context.health[-1].trouble
        assert context.metrics.counts[f"polls {result}"] == 1
        assert context.metrics.counts["failing"] == 1
        assert context.accepted == []
        assert {k: v for k, v in context.state.items() if k != "feed"} == {
            k: v for k, v in kept.items() if k != "feed"
        }
        server.answer = answer(feed(2, 1))
        assert (await plugin.command("poll", {}))["state"] == "ok"
    assert [message.external_id for message in context.accepted] == [key(2)]
    assert context.metrics.counts["failing"] == 0


async def test_a_private_address_needs_a_word() -> None:
    server, context = Server(), Context()
    server.answer = answer(feed(1))
    async with reading(server, context, private=False) as plugin:
        row = await plugin.command("poll", {})
    assert row["trouble"].startswith(
        "its address lies in a private network, which private = true allows"
    )
    assert "known" not in context.state


async def test_redirects_of_a_private_host_to_itself() -> None:
    """They are followed, and a lasting one is told apart."""
    server, context = Server(), Context()

    async def moved(stream: trio.SocketStream) -> None:
        status = "301 Moved Permanently"
        away = answer(b"", status=status, more="Location: /neu.xml\r\nConnection: close\r\n")
        here = answer(feed(1), more="Connection: close\r\n")
        await stream.send_all(here if server.asked.startswith(b"GET /neu.xml ") else away)

    server.answer = moved
    async with reading(server, context) as plugin:
        row = await plugin.command("poll", {})
    assert (row["state"], row["found"]) == ("ok", 1)
    assert "/neu.xml since " in row["whereabouts"]


GOOD = item(1)
PARTLY: dict[str, tuple[bytes | str, dict[str, object]]] = {
    "title of 1 MB": (item(2, title="x " * 500_000), {"title": ("x " * 100)[:-1] + "…"}),
    "huge id": (item(2, guid="y" * 100_000), {"link": "https://blog.example/2/"}),
    "no date": (item(2, pubDate="gestern"), {"published_at": None}),
    "no day": (item(2, pubDate="Tue, 30 Feb 2026 00:00:00 GMT"), {"published_at": None}),
    "javascript": (item(2, link="javascript:alert(1)"), {"link": ""}),
    "data": (item(2, link="data:text/html,x"), {"link": ""}),
    "spaces in the link": (item(2, link="https://blog.ex ample/2"), {}),
    "NUL": (item(2, title="Nu\0ll"), {}),
    "controls": (item(2, title="\x1b[31mRot\x07"), {}),
    "open tag": (item(2).replace("</title>", ""), {}),
    "no end": (item(2)[:-7], {}),
}


@pytest.mark.parametrize("name", PARTLY)
async def test_what_can_be_read_in_part(name: str) -> None:
    """The post comes with what is usable, or not at all; never a control character or a bad link."""
    bad, expected = PARTLY[name]
    server, context = Server(), Context()
    server.answer = answer(feed(GOOD))
    async with reading(server, context) as plugin:
        await plugin.command("poll", {})
        server.answer = answer(feed(bad if isinstance(bad, str) else bad.decode(), GOOD))
        await plugin.command("poll", {})
        server.answer = answer(feed(3, GOOD))
        assert (await plugin.command("poll", {}))["state"] == "ok"
    assert context.accepted[-1].external_id == key(3)
    assert key(1) not in [message.external_id for message in context.accepted]
    for message in context.accepted:
        assert (message.title + message.text + message.link).isprintable()
        assert message.link == "" or message.link.startswith("https://blog.ex")
        assert len(message.external_id) <= 300
    if expected:
        assert {name: getattr(context.accepted[0], name) for name in expected} == expected


@pytest.mark.parametrize(
    ("declared", "real", "kind"),
    [
        ("utf-16", "utf-8", "text/xml; charset=utf-16"),
        ("utf-8", "latin-1", "text/xml; charset=us-ascii"),
        ("klingon", "utf-8", "text/xml; charset=klingon"),
        ("iso-8859-1", "utf-8", "text/xml; charset=utf-8"),
        ("utf-16", "utf-16-le", "application/xml"),
        ("utf-8", "utf-16", "application/xml"),
        ("windows-1252", "cp1252", "application/xml; charset=ISO-8859-1"),
    ],
)
async def test_charsets_that_lie(declared: str, real: str, kind: str) -> None:
    server, context = Server(), Context()
    server.answer = answer(feed(1))
    head = f'<?xml version="1.0" encoding="{declared}"?>'
    body = (head + feed(item(2, title="Grüße aus Köln"), 1).decode()).encode(real)
    async with reading(server, context) as plugin:
        await plugin.command("poll", {})
        server.answer = answer(body, kind)
        await plugin.command("poll", {})
    assert [message.title for message in context.accepted] == ["Grüße aus Köln"]


async def test_100_000_items() -> None:
    """The newest 500 are looked at; whatever is new in them waits for a person."""
    server, context = Server(), Context()
    server.answer = answer(feed(1))
    many = "".join(f"<item><guid>g{n}</guid></item>" for n in range(2_000, 0, -1))
    async with reading(server, context, child=True) as plugin:
        await plugin.command("poll", {})
        server.answer = answer(feed(many, "<item/>" * 98_000, 1))
        row = await plugin.command("poll", {})
    assert (row["state"], row["found"], len(context.accepted)) == ("ok", 2_001, 500)
    assert all(message.doubt for message in context.accepted)


async def test_the_parser_is_killed_in_the_middle() -> None:
    server, context = Server(), Context()
    server.answer = answer(feed(1))
    heavy = feed(*(item(n, description="<![CDATA[" + "<p>x</p>" * 400 + "]]>") for n in range(300)))
    async with reading(server, context, child=True) as plugin:
        await plugin.command("poll", {})
        worker = plugin._shared.worker
        ask = worker._ask

        async def kill() -> None:
            await trio.sleep(0.02)
            assert worker.pid is not None
            os.kill(worker.pid, 9)

        async def killed(document: Document) -> Parsed:
            trio.lowlevel.spawn_system_task(kill)
            return await ask(document)

        server.answer = answer(heavy)
        with patch.object(worker, "_ask", killed):
            row = await plugin.command("poll", {})
        assert row["trouble"] == "the parser died over it"
        server.answer = answer(feed(2, 1))
        assert (await plugin.command("poll", {}))["state"] == "ok"
    assert [message.external_id for message in context.accepted] == [key(2)]
