"""Real processes on loopback: a sandbox, a gateway, a blog.  What the wire tests stand on."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

SETTINGS = """
chain = {chain}
[company]
name = "Beispiel GmbH"
[server]
public  = "127.0.0.1:{public}"
metrics = "127.0.0.1:{metrics}"
[senders.main]
output          = "whatsapp"
base_url        = "{sandbox}"
phone_number_id = "100000000000001"
account_id      = "100000000000002"
token           = {{ secret = "whatsapp-token" }}
app_secret      = {{ secret = "whatsapp-app-secret" }}
[topics.blog]
title    = "Neue Beiträge"
purpose  = "Hinweise auf neue Blogbeiträge"
template = "blog_post"
{more}
"""
BLOG = """
[inputs.blog]
plugin = "rss"
url = "{url}/feed.xml"
topic = "blog"
every = "1s"
private = true
"""
"""Further settings: the test's own website is read each second."""


def free_port() -> int:
    """Return a port that nobody uses, and that no outgoing connection is given meanwhile.

    The kernel takes the ports of connections from /proc/sys/net/ipv4/ip_local_port_range; what
    lies below stays free until it is bound.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Site:
    """A web server of the test: documents by path, which may be functions, with an ETag."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes | Callable[[], bytes]] = {}
        self.fetches: dict[str, int] = {}
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                document = site.documents.get(self.path)
                site.fetches[self.path] = site.fetches.get(self.path, 0) + 1
                body = document() if callable(document) else document
                self.send_response(404 if body is None else 200)
                self.send_header("Content-Type", "application/rss+xml")
                self.send_header("Content-Length", str(len(body or b"")))
                self.end_headers()
                self.wfile.write(body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class World:
    """A folder with settings, a sandbox process and a gateway process that can be killed."""

    def __init__(self, folder: Path, **extra: str) -> None:
        self.folder = folder
        self.extra = extra
        self.public = free_port()
        self.metrics = free_port()
        self.sandbox_port = free_port()
        self.site = Site()
        self.sandbox: subprocess.Popen[bytes] | None = None
        self.gateway: subprocess.Popen[bytes] | None = None

    @property
    def config(self) -> Path:
        return self.folder / "gateway.toml"

    def write_settings(
        self,
        more: str = "",
        chain: tuple[str, ...] = ("consent", "filter", "ratelimit", "footer"),
    ) -> None:
        secrets = self.folder / "secrets"
        secrets.mkdir(exist_ok=True)
        (secrets / "whatsapp-token").write_text("test-token\n")
        (secrets / "whatsapp-app-secret").write_text("test-app-secret\n")
        self.config.write_text(
            SETTINGS.format(
                chain=json.dumps(list(chain)),
                public=self.public,
                metrics=self.metrics,
                sandbox=f"http://127.0.0.1:{self.sandbox_port}",
                more=more,
            ),
            encoding="utf-8",
        )

    # --- processes ------------------------------------------------------------------------------
    def _spawn(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "gateway", *arguments],
                env={**os.environ, "GATEWAY_CONFIG": str(self.config), **self.extra},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def start_sandbox(self, *options: str) -> None:
        self.sandbox = self._spawn(
            "sandbox", "sandbox", "--listen", f"127.0.0.1:{self.sandbox_port}",
            "--webhook", f"http://127.0.0.1:{self.public}/hook/main/",
            "--app-secret", "test-app-secret", "--token", "test-token", *options,
        )  # fmt: skip
        self.until(lambda: self.ask("GET", "/sandbox/stats")[0] == 200, "the sandbox starts")

    def start_gateway(self, *, wait: bool = True) -> None:
        self.gateway = self._spawn("gateway", "run")
        if wait:
            self.until(self.is_up, "the gateway starts")

    def is_up(self) -> bool:
        assert self.gateway is not None
        if self.gateway.poll() is not None:
            pytest.fail("the gateway ended: " + self.log()[-3000:])
        return self.get(self.metrics, "/health") == 200

    def kill_gateway(self) -> None:
        assert self.gateway is not None
        self.gateway.send_signal(signal.SIGKILL)
        self.gateway.wait()

    def stop_gateway(self) -> int:
        assert self.gateway is not None
        self.gateway.terminate()
        return self.gateway.wait(40)

    def log(self) -> str:
        return (self.folder / "gateway.log").read_text(errors="replace")

    def close(self) -> None:
        for process in (self.gateway, self.sandbox):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        self.site.close()

    # --- talking to them ------------------------------------------------------------------------
    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the gateway."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env={**os.environ, "GATEWAY_CONFIG": str(self.config), **self.extra},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if check and done.returncode != 0:
            pytest.fail(f"gateway {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done

    def data(self, *arguments: str) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.run(*arguments, "--json", check=False).stdout)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, bytes]:
        """Ask the sandbox; (0, b"") while it cannot be reached."""
        connection = http.client.HTTPConnection("127.0.0.1", self.sandbox_port, timeout=30)
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            connection.close()

    def get(self, port: int, path: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except OSError:
            return 0
        finally:
            connection.close()

    def received(self) -> list[dict[str, Any]]:
        """Return every send that the sandbox accepted."""
        return [json.loads(line) for line in self.ask("GET", "/sandbox/received")[1].splitlines()]

    def say(self, phone: str, text: str) -> dict[str, Any]:
        status, body = self.ask("POST", f"/sandbox/phones/{phone}/say", {"text": text})
        assert status == 200, body
        return dict(json.loads(body))

    def until(self, done: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait for something that happens in another process."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                pytest.fail(f"this did not happen in {seconds:g} s: {what}\n{self.log()[-3000:]}")
            time.sleep(0.05)

    # --- contacts and posts ---------------------------------------------------------------------
    def import_contacts(self, confirmed: list[str], claimed: list[str] = []) -> None:  # noqa: B006
        rows = ["phone,topic,confirmed_at,source,wording"]
        proof = "blog,2025-03-02 10:15:02,blog.example/whatsapp,Ja: neue Beiträge per WhatsApp"
        rows += [f"{phone},{proof}" for phone in confirmed]
        rows += [f"{phone},blog,,," for phone in claimed]
        file = self.folder / "contacts.csv"
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        self.run("contacts", "import", str(file))


def numbers(n: int, start: int = 0) -> list[str]:
    """Return n valid German mobile numbers that nobody has."""
    return [f"+49171{3000000 + start + i}" for i in range(n)]


def query(world: World, sql: str) -> list[tuple[Any, ...]]:
    """Read the gateway's database."""
    with closing(
        sqlite3.connect(f"file:{world.folder / 'gateway.sqlite'}?mode=ro", uri=True)
    ) as it:
        return it.execute(sql).fetchall()


def worst_window(times: list[float], seconds: float = 1.0) -> int:
    """Return the most events in any window of that length."""
    ordered = sorted(times)
    worst = first = 0
    for last, at in enumerate(ordered):
        while at - ordered[first] >= seconds:
            first += 1
        worst = max(worst, last - first + 1)
    return worst


def feed(posts: list[tuple[str, str]], language: str = "de", pad: int = 0) -> bytes:
    """Return an RSS feed with (id, title) items, newest first; `pad` bytes of text in each."""
    items = "".join(
        f"<item><title>{title}</title><link>https://blog.example/{key}</link>"
        f'<guid isPermaLink="false">https://blog.example/?p={key}</guid>'
        f"<description><![CDATA[<p>Über {title}. {'Lorem ipsum. ' * (pad // 13)}</p>]]></description>"
        "</item>"
        for key, title in posts
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>Blog</title>'
        f"<link>https://blog.example/</link><description>d</description>"
        f"<language>{language}</language>{items}</channel></rss>"
    ).encode()
