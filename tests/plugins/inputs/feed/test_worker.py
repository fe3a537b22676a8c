"""The parser process: hostile documents, and its own deaths."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from gateway_plugins.inputs.feed.settings import RssConfig
from gateway_plugins.inputs.feed.sharing import shared
from gateway_plugins.inputs.feed.wire import Document, Feed, Refusal
from gateway_plugins.inputs.feed.worker import MODULE, Worker

GOOD = b'<rss version="2.0"><channel><item><title>Da</title></item></channel></rss>'
SLOW = b'<rss version="2.0"><channel><item>' + b"<a>" * 600_000


def document(body: bytes) -> Document:
    return Document(body, "https://blog.example/feed/", "application/rss+xml", 300)


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker()
    yield worker
    await worker.aclose()


async def works(worker: Worker) -> bool:
    answer = await worker.parse(document(GOOD))
    return isinstance(answer, Feed) and [entry.title for entry in answer.entries] == ["Da"]


async def test_one_process_serves_many(worker: Worker) -> None:
    assert worker.pid is None
    assert await works(worker)
    first = worker.pid
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(works, worker)
    assert worker.pid == first is not None
    await worker.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"<" * 1_000_000, Refusal("not_a_feed")),
        (b'<rss version="2.0"><channel><item>' + b"<a>" * 200_000, Refusal("truncated")),
        (b'<!DOCTYPE x [<!ENTITY a "b">]><rss/>', Refusal("entities")),
        (b"/etc/passwd", Refusal("not_a_feed")),
        (os.urandom(1_000_000), Refusal("not_a_feed")),
    ],
    ids=["open", "nested", "bomb", "file", "garbage"],
)
async def test_hostile_documents(worker: Worker, body: bytes, answer: Refusal) -> None:
    assert await worker.parse(document(body)) == answer
    assert await works(worker)


async def test_heavy_document_gets_a_fresh_process_afterwards(worker: Worker) -> None:
    assert await works(worker)
    assert isinstance(await worker.parse(document(GOOD + b" " * 600_000)), Feed)
    assert worker.pid is None
    assert await works(worker)


async def test_killed_in_mid_document(worker: Worker) -> None:
    assert await works(worker)
    first = worker.pid
    assert first is not None

    async def kill() -> None:
        await trio.sleep(0.3)
        os.kill(first, signal.SIGKILL)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(kill)
        assert await worker.parse(document(SLOW)) == Refusal("crashed")
    assert await works(worker)
    assert worker.pid != first


async def test_killed_while_idle(worker: Worker) -> None:
    assert await works(worker)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    await trio.sleep(0.1)
    assert await works(worker)


async def test_too_much_memory() -> None:
    worker = Worker(memory=90_000_000)
    try:
        many = b"<item><guid>x</guid><title>y</title></item>" * 45_000
        body = b'<rss version="2.0"><channel>' + many + b"</channel></rss>"
        answer = await worker.parse(document(body))
        assert isinstance(answer, Refusal)
        assert answer.reason in {"memory", "crashed", "parser"}
        assert await works(worker)
    finally:
        await worker.aclose()


async def test_hanging_process_is_replaced(tmp_path: Path) -> None:
    flag = tmp_path / "was here"
    child = f"{sys.executable} -P -m {MODULE} {1 << 30} 60"
    script = f"if [ -e '{flag}' ]; then exec {child}; fi; touch '{flag}'; exec sleep 60"
    worker = Worker(deadline=2, command=["sh", "-c", script])
    try:
        start = time.monotonic()
        assert await worker.parse(document(GOOD)) == Refusal("timeout")
        assert 1.9 < time.monotonic() - start < 4
        assert await works(worker)
    finally:
        await worker.aclose()


@pytest.mark.parametrize(
    "program",
    [
        "raise SystemExit",
        "print('no answer')",
        "import sys; sys.stdout.buffer.write(bytes([255]) * 9); sys.stdout.flush(); input()",
        "import sys; sys.stdout.buffer.write(bytes([0, 0, 0, 1, 9])); sys.stdout.flush(); input()",
    ],
)
async def test_nonsense_from_the_process(program: str) -> None:
    worker = Worker(deadline=5, command=[sys.executable, "-c", program])
    assert await worker.parse(document(GOOD)) == Refusal("crashed")
    assert worker.pid is None


async def test_cancelled_in_mid_document(worker: Worker) -> None:
    assert await works(worker)
    first = worker.pid
    with trio.move_on_after(0.2) as scope:
        await worker.parse(document(SLOW))
    assert scope.cancelled_caught
    assert await works(worker)
    assert worker.pid != first


async def test_process_ends_with_its_parent() -> None:
    command = [sys.executable, "-P", "-m", MODULE, str(1 << 30), "5"]
    process = await trio.lowlevel.open_process(command, stdin=-1, stdout=-1)
    assert process.stdin is not None
    await process.stdin.aclose()
    with trio.fail_after(10):
        assert await process.wait() == 0
    assert process.stdout is not None
    await process.stdout.aclose()


async def test_limits_and_environment(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "secret")
    assert await works(worker)
    here = trio.Path(f"/proc/{worker.pid}")
    limits = await (here / "limits").read_text()
    for line in ("Max file size             0 ", "Max open files            32 "):
        assert line in limits
    assert f"Max address space         {1 << 30} " in limits
    assert b"A_TOKEN" not in await (here / "environ").read_bytes()
    assert os.getpriority(os.PRIO_PROCESS, worker.pid or 0) >= 10


async def test_all_feeds_share_it() -> None:
    config = RssConfig(url="https://blog.example/feed/", topic="blog")
    async with shared("one", config) as one:
        async with shared("two", config) as two:
            assert one is two
            assert await works(two.worker)
        assert one.worker.pid is not None
    assert one.worker.pid is None
