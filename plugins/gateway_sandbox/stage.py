"""What happens in the demo, told in plain words, and checked at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from gateway_sandbox.blog import Blog, Post
from gateway_sandbox.serve import Sandbox, open_sandbox
from gateway_sandbox.server import Server
from gateway_sandbox.settings import Settings
from gateway_sandbox.world import (
    CONFIRMED,
    LEAVING,
    TALKING,
    USERNAME,
    WHO,
    free_port,
    masked,
    write_settings,
)

PATIENCE = 12.0  # seconds a post may take to reach everybody
QUIET = 1.0  # seconds in which nothing else may come


class Failed(Exception):
    """The demo could not go on; the text says why."""


class Stage:
    """One run of the demo."""

    def __init__(self, folder: Path, seconds: float | None, say: Callable[[str], None]) -> None:
        """`seconds`: end by itself after so long; None: when somebody presses Ctrl-C."""
        self._folder = folder
        self._seconds = seconds
        self._print = say
        self._blog = Blog()
        self._expected: Counter[tuple[str, str]] = Counter()  # (contact, link)
        self._left: set[str] = set()
        self._told = 0

    async def run(self) -> int:
        """Play.  0 if what should have arrived did, and nothing else."""
        ended = trio.Event()
        problem: str | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end, ended, nursery)
            try:
                problem = await self._play(ended)
            except Failed as error:
                problem = str(error)
            nursery.cancel_scope.cancel()
        if problem:
            self._print(f"\nThe demo failed: {problem}")
        return 1 if problem else 0

    async def _end(self, ended: trio.Event, nursery: trio.Nursery) -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
            if self._seconds is not None:
                nursery.start_soon(self._later, ended, self._seconds)
            async for _ in received:
                ended.set()

    @staticmethod
    async def _later(ended: trio.Event, seconds: float) -> None:
        await trio.sleep(seconds)
        ended.set()

    # --- the play -------------------------------------------------------------------------------
    async def _play(self, ended: trio.Event) -> str | None:
        public, metrics = free_port(), free_port()
        settings = Settings(
            token="demo-token",
            app_secret="demo-secret",
            webhook=f"http://{public}/hook/main/",
            delays=(0.1, 0.3, 0.8),
        )
        async with open_sandbox(settings) as sandbox, trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            self._blog.base = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
            server = Server(self._blog.handle, time.time)
            await nursery.start(server.serve, listeners)
            self._blog.publish()
            self._blog.publish()
            write_settings(self._folder, public, metrics, sandbox.url, self._blog.base)
            self._introduce(sandbox, metrics)
            await self._command("contacts", "import", str(self._folder / "contacts.csv"))
            daemon = await nursery.start(self._daemon)
            nursery.start_soon(self._tell, sandbox)
            try:
                problem = await self._acts(sandbox, daemon, ended)
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(25):
                    await self._stop(daemon)
            await sandbox.settled()
            problem = problem or self._summary(sandbox)
            if daemon.returncode != 0:
                problem = problem or f"the gateway ended with exit status {daemon.returncode}"
            nursery.cancel_scope.cancel()
        return problem

    async def _acts(self, sandbox: Sandbox, daemon: trio.Process, ended: trio.Event) -> str | None:
        await self._until(
            lambda: self._blog.fetches >= 2, daemon, "the gateway never read the blog"
        )
        self._say("the blog had 2 posts already: the first look at a feed sends nothing")
        said = await sandbox.say(TALKING, "Guten Morgen!")
        if said.status != 200:
            return f"the webhook was answered with {said.status}"
        self._say(f"{masked(TALKING)} writes “Guten Morgen!”: for 24 hours free text may go there")
        await self._publish(sandbox, daemon)
        said = await sandbox.say(LEAVING, "Stop!")
        self._left.add(LEAVING)
        self._say(f"{masked(LEAVING)} writes “Stop!”: withdrawn before the webhook was answered")
        if said.status != 200:
            return f"the webhook was answered with {said.status}"
        await self._publish(sandbox, daemon)
        if self._seconds is None:
            self._say("that was the whole story; a post follows every 30 s, Ctrl-C ends the demo")
        while not ended.is_set():
            with trio.move_on_after(30) as waited:
                await ended.wait()
            if waited.cancelled_caught and self._seconds is None:
                await self._publish(sandbox, daemon)
        await trio.sleep(QUIET)
        return None

    async def _publish(self, sandbox: Sandbox, daemon: trio.Process) -> None:
        post = self._blog.publish()
        self._say(f"the blog publishes “{post.title}”")
        for contact in (*CONFIRMED, TALKING, LEAVING, USERNAME):
            if contact not in self._left:
                self._expected[contact, post.link] += 1
        await self._until(
            lambda: sum(self._arrived(sandbox).values()) >= sum(self._expected.values()),
            daemon,
            f"“{post.title}” did not reach everybody",
        )

    def _arrived(self, sandbox: Sandbox) -> Counter[tuple[str, str]]:
        links = [post.link for post in self._blog.posts]
        return Counter(
            (
                line.contact,
                next((link for link in reversed(links) if link in (line.text or "")), "?"),
            )
            for line in sandbox.received()
        )

    async def _tell(self, sandbox: Sandbox) -> None:
        """Say what arrives, a line each."""
        while True:
            for line in sandbox.received()[self._told :]:
                self._told += 1
                how = (
                    f"template, footer “{line.footer}”"
                    if line.template
                    else "free text, ends with “" + (line.text or "").splitlines()[-1] + "”"
                )
                post = next(
                    (p for p in reversed(self._blog.posts) if p.link in (line.text or "")), None
                )
                title = f"“{post.title}”, " if post else ""
                self._say(f"  → {masked(line.contact):<19} {title}{how}")
            await trio.sleep(0.05)

    # --- its parts ------------------------------------------------------------------------------
    def _introduce(self, sandbox: Sandbox, metrics: str) -> None:
        self._print("Message gateway demo. All of it runs on this machine, nothing leaves it.\n")
        for name, where in (
            ("blog", f"{self._blog.base}/feed.xml"),
            ("sandbox", f"{sandbox.url}/sandbox/received   (stands for Meta's servers)"),
            ("metrics", f"http://{metrics}/metrics"),
            ("settings", str(self._folder / "gateway.toml")),
            ("look", f".venv/bin/gateway --config {self._folder}/gateway.toml status"),
        ):
            self._print(f"  {name:<9} {where}")
        self._print("")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "GATEWAY_CONFIG": str(self._folder / "gateway.toml")}

    async def _command(self, *arguments: str) -> None:
        done = await trio.run_process(
            [sys.executable, "-m", "gateway", *arguments],
            env=self._environment(),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        if done.returncode != 0:
            raise Failed(done.stderr.decode(errors="replace").strip() or "a command failed")

    async def _daemon(self, task_status: trio.TaskStatus[trio.Process]) -> None:
        with (self._folder / "gateway.log").open("wb") as log:
            start = partial(
                trio.run_process,
                [sys.executable, "-m", "gateway", "run"],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops the daemon
            )
            async with trio.open_nursery() as nursery:
                process: trio.Process = await nursery.start(start)
                task_status.started(process)

    async def _stop(self, daemon: trio.Process) -> None:
        if daemon.returncode is None:
            daemon.terminate()
            await daemon.wait()

    async def _until(self, done: Callable[[], bool], daemon: trio.Process, otherwise: str) -> None:
        with trio.move_on_after(PATIENCE) as waited:
            while not done():
                if daemon.returncode is not None:
                    break
                await trio.sleep(0.05)
        if waited.cancelled_caught or daemon.returncode is not None:
            log = (self._folder / "gateway.log").read_text(errors="replace").strip()
            raise Failed(f"{otherwise}\n{log[-2000:]}")

    def _say(self, text: str) -> None:
        self._print(f"{time.strftime('%H:%M:%S')}  {text}")

    # --- the end --------------------------------------------------------------------------------
    def _summary(self, sandbox: Sandbox) -> str | None:
        """Print who got what.  Returns what is wrong, if anything."""
        arrived = self._arrived(sandbox)
        posts: list[Post] = self._blog.posts[2:]
        heads = "".join(f"  {f'post {n}':<8}" for n in range(1, len(posts) + 1))
        self._print(f"\n  {'person':<19} {'consent':<27}{heads}")
        for contact, state in WHO.items():
            marks = ""
            for post in posts:
                got, due = arrived[contact, post.link], self._expected[contact, post.link]
                mark = "got it" if got == 1 else "–" if got == 0 else f"{got} times"
                marks += f"  {mark if got == due else f'{mark} (!)':<8}"
            self._print(f"  {masked(contact):<19} {state:<27}{marks}".rstrip())
        read = sandbox.stats()["statuses"].get("read", 0)
        wrong = (arrived - self._expected) + (self._expected - arrived)
        without = [
            line for line in sandbox.received() if "STOP" not in f"{line.text} {line.footer}"
        ]
        self._print(
            f"\n{sum(arrived.values())} messages for {sum(self._expected.values())} expected,"
            f" {read} read · nobody twice, nobody without consent, a way out in each"
            if not wrong and not without
            else f"\n{len(wrong)} differ from what was expected, {len(without)} without a way out"
        )
        return "not everybody got what they should" if wrong or without else None
