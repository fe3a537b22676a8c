"""The proxies let in what is meant to come in, and nothing else."""

from __future__ import annotations

import http.client
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.config.shipped import CONFIG
from tests.needs import need
from tests.wire.world import free_port

TOKEN = "c2lnbmVk"
WEBHOOK = 3 * 1024 * 1024  # bytes; Meta sends no more
NGINX = """
daemon off; {user} pid {folder}/pid; error_log {folder}/error;
events {{}}
http {{
    client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
    uwsgi_temp_path {folder}; scgi_temp_path {folder};
{site}
}}
"""


@contextmanager
def gateway() -> Iterator[tuple[int, list[tuple[str, int]]]]:
    """A server in the gateway's place; yields its port and what came: (path, bytes)."""
    came: list[tuple[str, int]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((self.path, len(body)))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_address[1], came
    finally:
        server.shutdown()
        server.server_close()


def nginx(folder: Path, port: int, behind: int) -> list[str]:
    program = need("nginx")
    text = (CONFIG / "proxy" / "nginx.conf").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if "ssl_" not in line and "[::]" not in line]
    site = "\n".join(lines).replace("443 ssl http2", f"127.0.0.1:{port}")
    site = site.replace("127.0.0.1:8080", f"127.0.0.1:{behind}").replace(
        "/var/log/nginx", f"{folder}"
    )
    user = "user root;" if os.geteuid() == 0 else ""  # pytest's folders are ours alone
    file = folder / "nginx.conf"
    file.write_text(NGINX.format(folder=folder, site=site, user=user), encoding="utf-8")
    return [program, "-c", str(file), "-e", f"{folder}/error"]


def caddy(folder: Path, port: int, behind: int) -> list[str]:
    program = need("caddy")
    text = (CONFIG / "proxy" / "Caddyfile").read_text(encoding="utf-8")
    text = text.replace("\n{\n", "\n{\n\tadmin off\n", 1)
    text = text.replace("wa.blog.example {", f"http://127.0.0.1:{port} {{")
    file = folder / "Caddyfile"
    file.write_text(text.replace("127.0.0.1:8080", f"127.0.0.1:{behind}"), encoding="utf-8")
    return [program, "run", "--config", str(file), "--adapter", "caddyfile"]


def post(port: int, path: str, size: int = 2) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", path, b"x" * size)
        return connection.getresponse().status
    except BrokenPipeError:  # refused before all of it was sent
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("proxy", [nginx, caddy], ids=lambda proxy: proxy.__name__)
def test_what_a_proxy_lets_in(proxy: object, tmp_path: Path) -> None:
    port = free_port()
    with gateway() as (behind, came):
        command = proxy(tmp_path, port, behind)  # type: ignore[operator]
        environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        try:
            deadline = time.monotonic() + 10
            while True:
                try:
                    assert post(port, "/hook/main/") == 200
                    break
                except ConnectionRefusedError:
                    assert process.poll() is None, (tmp_path / "log").read_text()
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            assert post(port, "/in/website/sign-up") == 200
            assert post(port, f"/on/forward/answer/{TOKEN}") == 200
            assert post(port, "/hook/main/", WEBHOOK) == 200
            inside = [
                ("/hook/main/", 2),
                ("/in/website/sign-up", 2),
                (f"/on/forward/answer/{TOKEN}", 2),
                ("/hook/main/", WEBHOOK),
            ]
            assert came == inside
            assert post(port, "/hook/main/", WEBHOOK + 1_000_000) in (413, 502)
            for path in (
                "/",
                "/metrics",
                "/op/status",
                "/health",
                "/hooks/main/",
                "/hook/../metrics",
            ):
                assert post(port, path) == 404, path
            assert [path for path, size in came if size == 2] == [
                path for path, n in inside if n == 2
            ]
        finally:
            process.terminate()
            process.wait(10)
    logged = "".join(file.read_text(errors="replace") for file in tmp_path.glob("*log"))
    assert TOKEN not in logged, "whoever reads the log could answer in the company's name"
    assert proxy is not nginx or " /on/forward/ 200 " in logged
