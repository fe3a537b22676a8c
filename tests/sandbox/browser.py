"""A browser for tests: headless Chromium, spoken to through two pipes (DevTools protocol).

Pipes instead of a port: nothing listens, nothing has to be found, and no WebSocket is needed.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


_NEXT_FRAME = "new Promise((done) => requestAnimationFrame(done))"
_VALUE = "(found) => (found instanceof Node ? true : found)"


class PageError(Exception):
    """JavaScript raised, or the browser refused a command; the text says what."""


class Tab:
    """One page.  `problems`: exceptions and errors of its console, so far."""

    def __init__(self, to: trio.abc.SendStream, read: trio.abc.ReceiveStream) -> None:
        self._to = to
        self._read = read
        self._sent = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._news = trio.Event()
        self._session: str | None = None
        self.problems: list[str] = []
        self.requested: list[str] = []

    async def listen(self) -> None:
        """Take in what the browser says, until it ends."""
        rest = b""
        async for data in self._read:
            *whole, rest = (rest + data).split(b"\0")
            for raw in whole:
                self._heard(json.loads(raw))
            self._news.set()
            self._news = trio.Event()

    def _heard(self, told: dict[str, Any]) -> None:
        if "id" in told:
            self._answers[told["id"]] = told
            return
        params = told.get("params", {})
        match told.get("method"):
            case "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                self.problems.append(
                    details.get("exception", {}).get("description", details["text"])
                )
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                self.problems.append(params["entry"]["text"])
            case "Network.requestWillBeSent":
                self.requested.append(params["request"]["url"])

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """One command and its answer."""
        self._sent += 1
        number = self._sent
        message: dict[str, Any] = {"id": number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        await self._to.send_all(json.dumps(message).encode() + b"\0")
        while number not in self._answers:
            await self._news.wait()
        answer = self._answers.pop(number)
        if "error" in answer:
            raise PageError(f"{method}: {answer['error']['message']}")
        return answer.get("result", {})

    async def open(
        self, url: str, width: int = 1400, height: int = 900, dark: bool = False, ahead: str = ""
    ) -> None:
        """Load a page; `ahead`: JavaScript that runs before its own."""
        if self._session is None:
            target = await self.command("Target.createTarget", url="about:blank")
            attached = await self.command(
                "Target.attachToTarget", targetId=target["targetId"], flatten=True
            )
            self._session = attached["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                await self.command(f"{domain}.enable")
        await self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.command("Emulation.setEmulatedMedia", features=[scheme])
        if ahead:
            await self.command("Page.addScriptToEvaluateOnNewDocument", source=ahead)
        await self.command("Page.navigate", url=url)

    async def evaluate(self, script: str) -> Any:
        """The value of an expression (a promise is waited for).  Raises PageError."""
        result = await self.command(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise PageError(details.get("exception", {}).get("description", details["text"]))
        return result["result"].get("value")

    async def until(self, script: str, seconds: float = 5.0) -> Any:
        """Wait until an expression is true, and return its value (an element's is True)."""
        value = None
        with trio.move_on_after(seconds):
            while not (
                value := await self.evaluate(f"{_NEXT_FRAME}.then(() => ({script})).then({_VALUE})")
            ):
                pass
        assert value, f"never true: {script}\nproblems: {self.problems}"
        return value

    async def click(self, selector: str) -> None:
        """Press the middle of the first such element, as a mouse does."""
        found = json.dumps(selector)
        x, y = await self.until(
            f"(() => {{ const one = document.querySelector({found}); if (!one) return null;"
            " one.scrollIntoView({block: 'nearest', inline: 'nearest', behavior: 'instant'});"
            " const box = one.getBoundingClientRect();"
            " return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            await self.command(
                "Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1
            )

    async def write(self, text: str) -> None:
        """Put text where the cursor is, and press Enter."""
        await self.command("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            await self.command(
                "Input.dispatchKeyEvent",
                type=kind,
                key="Enter",
                code="Enter",
                text="\r" if kind == "keyDown" else "",
                windowsVirtualKeyCode=13,
            )


@asynccontextmanager
async def chromium(program: str, folder: Path, language: str = "en-GB") -> AsyncIterator[Tab]:
    """A browser for the time of a block; its profile goes into `folder`."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    to, read = trio.lowlevel.FdStream(ours_out), trio.lowlevel.FdStream(ours_in)
    high = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)]

    def as_3_and_4() -> None:  # what the browser expects
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    process = await trio.lowlevel.open_process(
        [program, *FLAGS, f"--user-data-dir={folder}", f"--accept-lang={language}"],
        pass_fds=(3, 4),
        preexec_fn=as_3_and_4,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (theirs_in, theirs_out, *high):
        os.close(end)
    try:
        async with trio.open_nursery() as nursery:
            tab = Tab(to, read)
            nursery.start_soon(tab.listen)
            yield tab
            nursery.cancel_scope.cancel()
    finally:
        process.terminate()
        with trio.CancelScope(shield=True), trio.move_on_after(5):
            await process.wait()
        if process.returncode is None:
            process.kill()
        await to.aclose()
        await read.aclose()
