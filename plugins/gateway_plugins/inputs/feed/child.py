"""The parser process: reads documents from stdin, answers on stdout, ends when stdin does.

Started by worker.py as `python -m gateway_plugins.inputs.feed.child MEMORY SECONDS`: bytes of
address space, and the time after which it ends itself in the middle of a document (in case the
daemon, which would do that earlier, is gone).
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

from .parse import parse
from .wire import HEAD, LARGEST, Answer, Refusal, documents, frame

NICE = 10  # a feed may wait, a message may not


def main() -> None:
    """Serve until stdin ends."""
    memory, seconds = int(sys.argv[1]), int(sys.argv[2])
    # What a library prints must not get between the answers.
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _limit(memory)
    while True:
        body = _read(sys.stdin.buffer)
        if body is None:
            return
        signal.alarm(seconds)
        answer = _answer(body)
        output.write(frame(answer))
        output.flush()
        signal.alarm(0)
        if isinstance(answer, Refusal) and answer.reason == "memory":
            return  # whatever is left in here, a new process is cleaner


def _limit(memory: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the daemon's; this ends with stdin
    os.nice(NICE)
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(HEAD)
    length = int.from_bytes(head, "big")
    if len(head) < HEAD or length > LARGEST:
        return None
    body = stream.read(length)
    return body if len(body) == length else None


def _answer(body: bytes) -> Answer:
    try:
        return parse(documents.decode(body))
    except MemoryError:
        return Refusal("memory")
    except Exception as error:  # noqa: BLE001  the boundary: any stumble is this document's fault
        return Refusal("parser", type(error).__name__)


if __name__ == "__main__":
    main()
