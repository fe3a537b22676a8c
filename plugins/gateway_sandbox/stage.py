"""What happens in the demo, told in plain words, and checked at its end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import trio

from gateway_sandbox.blog import Blog
from gateway_sandbox.ledger import Ledger
from gateway_sandbox.serve import Sandbox, open_sandbox
from gateway_sandbox.server import Server
from gateway_sandbox.settings import Settings
from gateway_sandbox.talking import Said
from gateway_sandbox.telling import arrival, columns
from gateway_sandbox.visitor import NotOffered, sign_up
from gateway_sandbox.world import (
    JOINING,
    LEAVING,
    NUMBER,
    SIDE_BY_SIDE,
    TALKING,
    TEMPLATE,
    free_port,
    label,
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
        self._told = 0

    async def run(self) -> int:
        """Play.  0 if what should have arrived did, and nothing else."""
        ended = trio.Event()
        problem: str | None = None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._end, ended, nursery)
            try:
                problem = await self._play(ended)
            except* Failed as group:
                problem = why_of(group)
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
            delays=(0.2, 0.6, 1.4),
            verified_name="Beispiel GmbH",
            display_numbers=(NUMBER,),
        )
        async with open_sandbox(settings) as sandbox, trio.open_nursery() as nursery:
            listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
            self._blog.listens(listeners[0].socket.getsockname()[1])
            server = Server(self._blog.handle, time.time)
            await nursery.start(server.serve, listeners)
            self._blog.publish()
            self._blog.publish()
            write_settings(self._folder, public, metrics, sandbox.url, self._blog.base)
            ledger = Ledger(sandbox, self._blog.posts, self._say)
            set_table(sandbox)
            form = f"http://{public}/in/website/"
            self._introduce(sandbox, form, metrics)
            await self._command("contacts", "import", str(self._folder / "contacts.csv"))
            daemon = await nursery.start(self._daemon)
            nursery.start_soon(self._tell, sandbox, ledger)
            try:
                problem = await self._acts(sandbox, ledger, daemon, form, ended)
            finally:
                with trio.CancelScope(shield=True), trio.move_on_after(25):
                    await self._stop(daemon)
            await sandbox.settled()
            for line in ledger.table(columns()):
                self._print(line)
            right, sentence = ledger.verdict()
            self._print(f"\n{sentence}")
            if not right:
                problem = problem or "not everybody got what they should"
            if daemon.returncode != 0:
                problem = problem or f"the gateway ended with exit status {daemon.returncode}"
            nursery.cancel_scope.cancel()
        return problem

    async def _acts(
        self,
        sandbox: Sandbox,
        ledger: Ledger,
        daemon: trio.Process,
        form: str,
        ended: trio.Event,
    ) -> str | None:
        await self._until(
            lambda: self._blog.fetches >= 2, daemon, "the gateway never read the blog"
        )
        self._say("the blog had 2 posts already: the first look at a feed sends nothing")
        self._say(f"{masked(TALKING)} writes “Guten Morgen!”: for 24 hours free text may go there")
        heard(await ledger.act(TALKING, ["answer"], "Guten Morgen!"))
        await self._publish(ledger, daemon)
        ledger.leaves(LEAVING)
        heard(await ledger.act(LEAVING, ["goodbye"], "Stop!"))
        self._say(f"{masked(LEAVING)} writes “Stop!”: withdrawn before the webhook was answered")
        await self._settled(ledger, daemon, "the STOP was not confirmed")
        await self._sign_up(sandbox, ledger, daemon, form)
        await self._publish(ledger, daemon)
        if self._seconds is None:
            self._say("that was the whole story; a post follows every 30 s, Ctrl-C ends the demo")
            self._say(f"now you: write STOP on a phone, or switch on a fault: {sandbox.url}/")
            self._say(f"or sign up; the website types START into a phone: {form}")
        while not ended.is_set():
            with trio.move_on_after(30) as waited:
                await ended.wait()
            if waited.cancelled_caught and self._seconds is None:
                await self._publish(ledger, daemon)
        await trio.sleep(QUIET)
        return None

    async def _sign_up(
        self, sandbox: Sandbox, ledger: Ledger, daemon: trio.Process, form: str
    ) -> None:
        """Somebody new ticks a box on the website, sends what it says, and is asked once more."""
        try:
            offered = await sign_up(form)
        except NotOffered as error:
            raise Failed(str(error)) from error
        self._say("somebody ticks “Neue Beiträge” on the website: no number is typed in there")
        self._say(f"{masked(JOINING)} sends “{offered.text}”, as that page says: no yes yet")
        heard(await ledger.act(JOINING, ["question"], offered.text))
        await self._settled(ledger, daemon, "nobody was asked after a sign-up")
        self._say(f"{masked(JOINING)} taps “Ja”: that is the consent, with its proof")
        ledger.joins(JOINING)
        heard(await ledger.act(JOINING, ["welcome", "card"], button_reply={"title": "Ja"}))
        await self._settled(ledger, daemon, "nobody was welcomed after a yes")

    async def _publish(self, ledger: Ledger, daemon: trio.Process) -> None:
        post = self._blog.publish()
        self._say(f"the blog publishes “{post.title}”")
        ledger.expect(post)
        await self._settled(ledger, daemon, f"“{post.title}” did not reach everybody")

    async def _settled(self, ledger: Ledger, daemon: trio.Process, otherwise: str) -> None:
        """Wait until everybody got what they should, and it was told."""

        def done() -> bool:
            return not ledger.differences() and self._told >= len(ledger.labelled())

        await self._until(done, daemon, otherwise)

    async def _tell(self, sandbox: Sandbox, ledger: Ledger) -> None:
        """Say what arrives, a line each."""
        while True:
            lines = ledger.labelled()
            self._told = min(self._told, len(lines))  # the sandbox can be made to forget
            for line, kind in lines[self._told :]:
                self._told += 1
                self._say(arrival(line, kind, ledger.post_of(line), columns()))
            await trio.sleep(0.05)

    # --- its parts ------------------------------------------------------------------------------
    def _introduce(self, sandbox: Sandbox, form: str, metrics: str) -> None:
        self._print("Message gateway demo. All of it runs on this machine, nothing leaves it.\n")
        for name, where in (
            ("phones", f"{sandbox.url}/   <- open this in a browser"),
            ("sign up", f"{form}   <- and this: it types START into a phone"),
            ("blog", f"{self._blog.base}/feed.xml"),
            ("sandbox", f"{sandbox.url}/sandbox   (stands for Meta's servers)"),
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


def why_of(group: BaseExceptionGroup[Failed]) -> str:
    """What the first of them says; a nursery wraps them, one in the other."""
    first = group.exceptions[0]
    return why_of(first) if isinstance(first, BaseExceptionGroup) else str(first)


def heard(said: Said) -> None:
    """Raises Failed if the gateway did not take what a person said."""
    if said.status != 200:
        raise Failed(f"the webhook was answered with {said.status}")


def set_table(sandbox: Sandbox) -> None:
    """The template is approved, and the phones lie on the table."""
    sandbox.state.templates.add(TEMPLATE, status="APPROVED")
    for contact, tone in SIDE_BY_SIDE.items():
        sandbox.chats.introduce(contact, label(contact), tone)
