"""A gateway and a sandbox in the test's own process: real sockets, and hooks for timing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import trio

from gateway.daemon import Daemon
from gateway.discovery import Catalogue, Found, discover
from gateway.foreground import serve_gateway
from gateway.plugin import Input, Middleware, Observer, Output, Plugin, PluginConfig
from gateway_sandbox.received import Received
from gateway_sandbox.serve import Sandbox, open_sandbox
from gateway_sandbox.settings import Settings
from tests.wire.world import free_port

SETTINGS = """
chain = [{chain}]
[company]
name = "Beispiel GmbH"
[server]
public  = "127.0.0.1:{public}"
metrics = "127.0.0.1:0"
[service]
grace = "5s"
[senders.main]
output          = "whatsapp"
base_url        = "{sandbox}"
phone_number_id = "100000000000001"
account_id      = "100000000000002"
token           = {{ file = "token" }}
app_secret      = {{ file = "secret" }}
[topics.blog]
title    = "Neue Beiträge"
purpose  = "Hinweise auf neue Blogbeiträge"
template = "blog_post"
{more}
"""
KINDS = (("input", Input), ("middleware", Middleware), ("output", Output), ("observer", Observer))


def with_plugins(classes: Iterable[type[Plugin]], replace: bool = False) -> Catalogue:
    """Return the installed plugins and some of the test's own; with `replace` they win."""
    found = dict(discover().plugins)
    for cls in classes:
        assert replace or cls.name not in found
        kinds = tuple(kind for kind, base in KINDS if issubclass(cls, base))
        found[cls.name] = Found(cls.name, cls, kinds, PluginConfig, "this test 1")
    return Catalogue(found)


class Running:
    """What a test works with."""

    def __init__(self, daemon: Daemon, sandbox: Sandbox, folder: Path) -> None:
        self.daemon = daemon
        self.sandbox = sandbox
        self.folder = folder

    async def call(self, name: str, **arguments: Any) -> Any:
        return await self.daemon.operations.call(name, arguments)

    async def import_confirmed(self, phones: Sequence[str], topic: str = "blog") -> None:
        rows = [
            {
                "phone": phone,
                "topic": topic,
                "confirmed_at": "2025-03-02 10:15:02",
                "source": "blog.example/whatsapp",
                "wording": "Ja: neue Beiträge per WhatsApp",
            }
            for phone in phones
        ]
        verdicts = await self.call("contacts_import", rows=rows)
        assert {verdict["verdict"] for verdict in verdicts} == {"consent"}

    async def send(self, key: str, **changes: Any) -> int:
        values = {
            "title": f"Titel {key}",
            "text": "Ein Satz.",
            "link": f"https://blog.example/{key}",
        }
        values |= {"topic": "blog", **changes}
        answer = await self.call("send", external_id=key, **values)
        return int(answer["message"])

    async def until(self, done: Any, seconds: float = 20.0) -> None:
        """Wait until `done()` (plain or async) is true."""
        with trio.fail_after(seconds):
            while True:
                answer = done()
                if hasattr(answer, "__await__"):
                    answer = await answer
                if answer:
                    return
                await trio.sleep(0.01)

    async def counts(self, number: int) -> dict[str, int]:
        """Return how many deliveries of a message are in which state."""
        shown = await self.call("message_show", message=str(number))
        return dict(shown["counts"])

    def received(self) -> tuple[list[Received], list[Received]]:
        """Return what the sandbox accepted: what is marketing, and what else."""
        with closing(read_only(self.folder)) as db:
            rows = db.execute(
                "SELECT d.id FROM deliveries d JOIN messages m ON m.id = d.message_id"
                " WHERE m.kind = 'marketing'"
            )
            campaign = {str(id) for (id,) in rows}
        found: tuple[list[Received], list[Received]] = ([], [])
        for line in self.sandbox.received():
            found[str(line.callback_data).partition(":")[0] not in campaign].append(line)
        return found


def read_only(folder: Path) -> apsw.Connection:
    """Open the gateway's database beside the gateway.

    With the store's own library: another copy of SQLite in one process drops its locks, and with
    them the file (https://sqlite.org/howtocorrupt.html, 2.2.1).
    """
    return apsw.Connection(str(folder / "gateway.sqlite"), flags=apsw.SQLITE_OPEN_READONLY)


@asynccontextmanager
async def running(
    folder: Path,
    *,
    chain: Sequence[str] = ("consent", "filter", "ratelimit", "footer"),
    plugins: Iterable[type[Plugin]] = (),
    replace: bool = False,
    more: str = "",
    **sandbox_settings: Any,
) -> AsyncIterator[Running]:
    """Run a sandbox and a gateway for the time of a block; the gateway is stopped cleanly."""
    (folder / "token").write_text("test-token")
    (folder / "secret").write_text("test-app-secret")
    public = free_port()
    settings = Settings(
        token="test-token",
        app_secret="test-app-secret",
        webhook=f"http://127.0.0.1:{public}/hook/main/",
        **sandbox_settings,
    )
    file = folder / "gateway.toml"
    async with open_sandbox(settings) as sandbox, trio.open_nursery() as nursery:
        names = ", ".join(f'"{name}"' for name in chain)
        file.write_text(
            SETTINGS.format(chain=names, public=public, sandbox=sandbox.url, more=more),
            encoding="utf-8",
        )
        start = partial(
            serve_gateway, file, catalogue=with_plugins(plugins, replace), signals=False
        )
        daemon: Daemon = await nursery.start(start)
        yield Running(daemon, sandbox, folder)
        daemon.stop.set()
