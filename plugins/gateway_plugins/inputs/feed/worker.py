"""The daemon's side of the parser process: one for all feeds, started when first needed.

Parsing in a thread would hold the interpreter lock against every send, and a hostile document
could take the daemon's memory or time.  Here it takes the child's, and the child is replaced.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from math import inf

import msgspec
import trio

from .wire import HEAD, LARGEST, Answer, Document, Refusal, answers, frame

MEMORY = 1 << 30  # bytes of address space
DEADLINE = 20.0  # seconds for one document, the start of the process included
DOCUMENTS = 200  # after which the process is replaced: memory that it never gives back
HEAVY = 500_000  # bytes of a document after which it is replaced too
MODULE = "gateway_plugins.inputs.feed.child"


class Worker:
    """Parses documents, one at a time, in a process of its own.

    `command` and the limits are for tests.
    """

    def __init__(
        self, *, memory: int = MEMORY, deadline: float = DEADLINE, command: Sequence[str] = ()
    ) -> None:
        own = (
            sys.executable,
            "-P",
            "-W",
            "ignore",
            "-m",
            MODULE,
            str(memory),
            str(int(deadline) + 5),
        )
        self._command = command or own
        self._deadline = deadline
        self._turn = trio.Lock()
        self._process: trio.Process | None = None
        self._served = 0

    @property
    def pid(self) -> int | None:
        """The process's id, None while there is none."""
        return self._process.pid if self._process is not None else None

    async def parse(self, document: Document) -> Answer:
        """Parse; a Refusal says what went wrong.  Waits its turn."""
        async with self._turn:
            process = self._process
            if process is not None and process.poll() is not None:
                await self._stop()  # it died while idle, which is nobody's fault here
            answer: Answer = Refusal("timeout")
            whole = False
            try:
                with trio.move_on_after(self._deadline):
                    answer = await self._ask(document)
                    whole = True
            except (
                trio.BrokenResourceError,
                trio.ClosedResourceError,
                msgspec.DecodeError,
                EOFError,
            ):
                answer = Refusal("crashed")
            finally:
                self._served += 1
                if not whole or self._served >= DOCUMENTS or len(document.body) > HEAVY:
                    await self._stop()
            return answer

    async def _ask(self, document: Document) -> Answer:
        if self._process is None:
            self._process = await trio.lowlevel.open_process(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environment()
            )
            self._served = 0
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        await stdin.send_all(frame(document))
        buffer = bytearray()
        length: float = inf
        while len(buffer) < HEAD + length:
            chunk = await stdout.receive_some(65536)
            if not chunk:
                raise EOFError
            buffer += chunk
            if length == inf and len(buffer) >= HEAD:
                length = int.from_bytes(buffer[:HEAD], "big")
                if length > LARGEST:
                    raise EOFError
        answer: Answer = answers.decode(memoryview(buffer)[HEAD:])
        return answer

    async def aclose(self) -> None:
        """End the process."""
        async with self._turn:
            await self._stop()

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # It keeps nothing, so there is nothing to end gently.
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    await stream.aclose()


def _environment() -> dict[str, str]:
    # The same modules as here, and none of the daemon's variables: they may hold secrets.
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path if entry)
    return {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
