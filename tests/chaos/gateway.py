"""The gateway under test: a real process with settings, secrets and people; killed, and restarted."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import httpx
import trio

from tests.chaos.plan import TOPICS
from tests.chaos.weakened import WHOLE
from tests.wire.client import open_client

ROOT = Path(__file__).parents[2]
PROOF = "2025-03-02 10:15:02,blog.example/whatsapp,Ja: Neues per WhatsApp"


class Gateway:
    """One gateway in a folder.  `guard`: runs with this guard taken out (weakened.py)."""

    def __init__(self, folder: Path, public: int, guard: str | None) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{public}"
        self._guard = guard
        self.process: subprocess.Popen[bytes] | None = None
        # Of this campaign alone: what is left of another one may meet its ports.
        self.token, self.secret, self._api = (secrets.token_hex(16) for _ in range(3))
        for name, text in (("token", self.token), ("secret", self.secret), ("api", self._api)):
            (folder / name).write_text(text)

    @property
    def database(self) -> Path:
        return self.folder / "gateway.sqlite"

    def command(self, *arguments: str) -> list[str]:
        """The command line of the gateway's own commands; the daemon is on a leash."""
        module = ["gateway"]
        if arguments[0] == "run":
            module = ["tests.chaos.weakened", self._guard or WHOLE]
        config = ["--config", str(self.folder / "gateway.toml")]
        return [sys.executable, "-m", *module, *config, *arguments]

    def start(self) -> None:
        """Start the daemon; it is up some time later."""
        with (self.folder / "gateway.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command("run"), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """kill -9, at once."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)

    async def ended(self) -> int:
        """Wait until it has ended, and return its exit status."""
        assert self.process is not None
        while (status := self.process.poll()) is None:  # noqa: ASYNC110 - another process
            await trio.sleep(0.01)
        return status

    async def stop(self) -> int:
        """End it as systemd does, and return its exit status."""
        assert self.process is not None
        self.process.terminate()
        return await trio.to_thread.run_sync(self.process.wait, 40)

    def close(self) -> None:
        """Leave no process behind."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
            self.process.wait()

    def log(self, characters: int = 3000) -> str:
        """The end of its log."""
        return (self.folder / "gateway.log").read_text(errors="replace")[-characters:]

    # --- talking to it ----------------------------------------------------------------------------
    async def run(self, *arguments: str) -> None:
        """Run one of its commands, to its end."""
        done = await trio.run_process(
            self.command(*arguments),
            cwd=ROOT,
            check=False,
            capture_stdout=True,
            capture_stderr=True,
        )
        if done.returncode != 0:
            raise RuntimeError(f"gateway {arguments[0]}: {(done.stdout + done.stderr).decode()}")

    async def subscribe(self, phones: Sequence[str]) -> None:
        """Import people with a proof for every topic, before the daemon first starts."""
        rows = ["phone,topic,confirmed_at,source,wording"]
        rows += [f"{phone},{topic},{PROOF}" for phone in phones for topic in TOPICS]
        file = self.folder / "contacts.csv"
        file.write_text("\n".join(rows) + "\n", encoding="utf-8")
        await self.run("contacts", "import", str(file))

    async def hand_in(self, client: httpx.AsyncClient, message: dict[str, Any]) -> None:
        """Hand in a message, again and again until it is answered with 2xx."""
        headers = {"authorization": f"Bearer {self._api}"}
        while True:
            try:
                answer = await client.post(
                    f"{self.url}/in/shop/messages", json=message, headers=headers
                )
                if answer.status_code in (200, 201):
                    return
                if answer.status_code < 500:
                    raise RuntimeError(f"a message was refused: {answer.text}")
            except httpx.TransportError:
                pass
            await trio.sleep(0.1)

    async def operate(self, name: str, **arguments: Any) -> Any:
        """What a command does through the admin socket; None while nobody answers there."""
        socket = str(self.folder / "admin.sock")
        try:
            async with open_client(uds=socket, timeout=20) as client:
                answer = await client.post(f"http://gateway/op/{name}", json=arguments)
                return answer.json()
        except (httpx.HTTPError, ValueError):
            return None

    # --- looking at it ----------------------------------------------------------------------------
    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Read its database.

        With the library that the gateway uses, also for those tests that run one in this process:
        another copy of SQLite would drop its locks (https://sqlite.org/howtocorrupt.html, 2.2.1).
        """
        database = apsw.Connection(str(self.database), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            database.set_busy_timeout(5000)
            return list(database.execute(sql, values))
        finally:
            database.close()
