"""What people attach: fetched only if wanted, after it was noted, and only what it says it is."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from starlette.applications import Starlette
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.api import ConfigError, FetchError, Secret
from gateway.http import open_client
from gateway.testing import make
from gateway_plugins.outputs.whatsapp.media import KEY, PAUSES, RESULTS, TIDY, WAITING
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from gateway_plugins.outputs.whatsapp.settings import MediaConfig
from gateway_sandbox.serve import serve
from gateway_sandbox.settings import Settings

Make = Callable[..., Any]
PICTURE = b"\xff\xd8 a picture"
HEX = hashlib.sha256(PICTURE).hexdigest()
ADDRESS = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1"
LOCATED = {"url": ADDRESS, "mime_type": "image/jpeg", "sha256": HEX, "file_size": 12, "id": "4001"}
GRAPH = "https://graph.facebook.com/v25.0/4001?phone_number_id=200000000000002"


def message(content: bytes = PICTURE, kind: str = "image", **changes: Any) -> dict[str, Any]:
    digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
    file = {"id": "4001", "mime_type": "image/jpeg", "sha256": digest}
    return {
        "from": "4917139200011",
        "id": "wamid.IN1",
        "timestamp": "1795000000",
        "type": kind,
        kind: {**file, **changes},
    }


def webhook(*messages: Any, number: str = "200000000000002") -> bytes:
    value = {"metadata": {"phone_number_id": number}, "messages": messages}
    change = {"field": "messages", "value": value}
    return json.dumps({"entry": [{"id": "1", "changes": [change]}]}).encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "media"


Post = Callable[..., Awaitable[int]]


@pytest.fixture
def running(context: Any, settings: Make, sign: Make, folder: Path) -> Any:
    """Open an output that fetches; yields a function that sends it a webhook."""

    @asynccontextmanager
    async def run(**changes: Any) -> AsyncIterator[Post]:
        media = MediaConfig(**{"kinds": ("image", "document"), "folder": str(folder), **changes})
        output = WhatsApp(settings(media=media), "main")
        async with output.lifespan(context):
            transport = httpx.ASGITransport(Starlette(routes=list(output.routes())))
            async with httpx.AsyncClient(transport=transport, base_url="https://wa") as client:

                async def post(*messages: Any, **more: Any) -> int:
                    body = webhook(*messages, **more)
                    return (await client.post("/", content=body, headers=sign(body))).status_code

                yield post

    return run


def counted(context: Any) -> dict[str, float]:
    found = {result: context.figure("media_total", result=result) for result in RESULTS}
    return {result: count for result, count in found.items() if count}


async def until(ready: Callable[[], bool]) -> None:
    """Wait for what a thread does too; an autojump clock would not wait for that."""
    for _ in range(1000):
        if ready():
            await wait_all_tasks_blocked()
            return
        await wait_all_tasks_blocked(0.005)
    raise AssertionError("never so")


async def done(context: Any) -> None:
    """Wait until nothing is left to fetch."""
    await until(lambda: KEY not in context.state.values)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def test_a_picture_is_kept_under_its_hash(running: Any, context: Any, folder: Path) -> None:
    context.http.answer(200, LOCATED)
    context.http.answer(200, PICTURE, content_type="image/jpeg")
    async with running() as post:
        assert await post(message()) == 200
        await done(context)
        assert names(folder) == [f"{HEX}.jpg"]
        assert (folder / f"{HEX}.jpg").read_bytes() == PICTURE
        assert mode(folder / f"{HEX}.jpg") == 0o600
        assert mode(folder) == 0o700
        assert [asked.url for asked in context.http.asked] == [GRAPH, ADDRESS]
        token = {"Authorization": "Bearer EAAG0secret0token0of0the0tests"}
        assert [asked.headers for asked in context.http.asked] == [token, token]
        assert b'"id":"4001"' in context.intakes[0].messages[0].raw.replace(b" ", b"")
        # Meta brings it again, or somebody sends the same picture: it is there.
        assert await post(message(), message(id="4002")) == 200
        await done(context)
    assert len(context.http.asked) == 2
    assert counted(context) == {"kept": 3}


async def test_without_the_setting_nothing_is_fetched(
    output: WhatsApp, context: Any, sign: Make, tmp_path: Path
) -> None:
    transport = httpx.ASGITransport(Starlette(routes=list(output.routes())))
    async with httpx.AsyncClient(transport=transport, base_url="https://wa") as client:
        body = webhook(message())
        assert (await client.post("/", content=body, headers=sign(body))).status_code == 200
    await wait_all_tasks_blocked()
    assert len(context.intakes) == 1
    assert (context.http.asked, context.state.values, names(tmp_path)) == ([], {}, [])


@pytest.mark.parametrize(
    ("one", "number", "result"),
    [
        (message(kind="audio"), "200000000000002", None),
        ({**message(), "group_id": "g"}, "200000000000002", None),
        (message(), "200000000000099", None),
        (message(mime_type="application/x-msdownload"), "200000000000002", "type"),
        (message(kind="document", mime_type="image/jpeg"), "200000000000002", "type"),
        (message(mime_type=None), "200000000000002", "type"),
        (message(id="../me"), "200000000000002", "failed"),
        (message(id=None), "200000000000002", "failed"),
        (message(sha256="AAAA"), "200000000000002", "failed"),
        (message(sha256="%%"), "200000000000002", "failed"),
        ({**message(), "image": ["x"]}, "200000000000002", "type"),
    ],
)
async def test_what_is_not_even_asked_for(
    running: Any, context: Any, one: Any, number: str, result: str | None
) -> None:
    async with running() as post:
        assert await post(one, number=number) == 200
        await wait_all_tasks_blocked()
    assert (context.http.asked, context.state.values) == ([], {})
    assert counted(context) == ({result: 1} if result else {})


REFUSED: dict[str, tuple[Any, Any, str, int]] = {
    # what locating and fetching answer → result, how many are asked
    "larger than wanted, as told": ({**LOCATED, "file_size": "101"}, None, "too_large", 1),
    "larger than wanted, as it comes": (LOCATED, (200, b"x" * 101, "image/jpeg"), "too_large", 2),
    "another file": (LOCATED, (200, PICTURE + b"!", "image/jpeg"), "hash", 2),
    "another type": (LOCATED, (200, PICTURE, "text/html"), "type", 2),
    "no type": (LOCATED, (200, PICTURE, ""), "type", 2),
    "a foreign host": ({"url": "https://fbsbx.com.evil.example/x"}, None, "host", 1),
    "a host that only ends so": ({"url": "https://evilfbsbx.com/x"}, None, "host", 1),
    "no TLS": ({"url": ADDRESS.replace("https", "http")}, None, "host", 1),
    "base_url on another port": ({"url": "https://graph.facebook.com.x:1/"}, None, "host", 1),
}


@pytest.mark.parametrize(("located", "fetched", "result", "asked"), REFUSED.values(), ids=REFUSED)
async def test_refused(
    running: Any, context: Any, folder: Path, located: Any, fetched: Any, result: str, asked: int
) -> None:
    context.http.answer(200, located)
    if fetched is not None:
        context.http.answer(fetched[0], fetched[1], content_type=fetched[2])
    async with running(max_bytes=100) as post:
        assert await post(message()) == 200
        await done(context)
    assert counted(context) == {result: 1}
    assert len(context.http.asked) == asked
    assert names(folder) == []


async def test_trouble_is_tried_again_and_then_given_up(
    running: Any, context: Any, folder: Path, mock_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    failures: list[Any] = [
        FetchError("dns", "graph.facebook.com"), (500, b"oops"), (404, {"error": {"code": 100}}),
        (200, {"id": "4001"}),
    ]  # fmt: skip
    assert len(failures) == len(PAUSES) + 1
    for failure in failures:
        if isinstance(failure, Exception):
            context.http.script.append(failure)
        else:
            context.http.answer(*failure)
    with caplog.at_level(logging.WARNING):
        async with running() as post:
            await post(message())
            for tries, pause in enumerate(PAUSES, 1):
                await until(lambda tries=tries: counted(context) == {"failed": tries})
                mock_clock.jump(pause - 1)
                await wait_all_tasks_blocked(0.01)
                assert len(context.http.asked) == tries
                mock_clock.jump(1)
            await done(context)
    assert counted(context) == {"failed": len(PAUSES), "given_up": 1}
    assert KEY not in context.state.values
    assert caplog.text.count("given_up") == 1
    for secret in ("4001", "EAAG", "4917139200011", HEX):
        assert secret not in caplog.text


async def test_the_address_is_asked_for_anew_with_each_try(
    running: Any, context: Any, folder: Path, mock_clock: MockClock
) -> None:
    for _ in range(2):
        context.http.answer(200, LOCATED)
        context.http.answer(404, b"")  # it was good for five minutes
    context.http.answer(200, LOCATED)
    context.http.answer(200, PICTURE, content_type="image/jpeg; charset=x")
    async with running() as post:
        await post(message())
        for tries, pause in enumerate(PAUSES[:2], 1):
            await until(lambda tries=tries: counted(context) == {"failed": tries})
            mock_clock.jump(pause)
        await done(context)
    assert names(folder) == [f"{HEX}.jpg"]
    assert counted(context) == {"failed": 2, "kept": 1}


async def test_what_was_noted_is_fetched_after_a_restart(
    running: Any, context: Any, folder: Path
) -> None:
    context.http.script.append(trio.sleep_forever)
    async with running() as post:
        assert await post(message()) == 200
        await until(lambda: len(context.http.asked) == 1)
        assert KEY in context.state.values
    context.http.answer(200, LOCATED)
    context.http.answer(200, PICTURE, content_type="image/jpeg")
    async with running():
        await done(context)
    assert names(folder) == [f"{HEX}.jpg"]


async def test_what_cannot_be_noted_is_not_answered(running: Any, context: Any) -> None:
    put = context.state.put

    async def refuse(values: Any) -> None:
        raise RuntimeError

    context.state.put = refuse
    context.http.answer(200, LOCATED)
    context.http.answer(200, PICTURE, content_type="image/jpeg")
    async with running() as post:
        assert await post(message()) == 503
        context.state.put = put
        assert await post(message()) == 200
        await done(context)
    assert counted(context) == {"kept": 1}


async def test_what_comes_while_the_list_is_written_is_not_lost(
    running: Any, context: Any, folder: Path
) -> None:
    put, writing, go_on = context.state.put, trio.Event(), trio.Event()

    async def slow(values: Any) -> None:
        if values == {KEY: None}:
            writing.set()
            await go_on.wait()
        await put(values)

    context.state.put = slow
    other = b"another picture"
    for content in (PICTURE, other):
        context.http.answer(200, LOCATED)
        context.http.answer(200, content, content_type="image/jpeg")
    async with running() as post, trio.open_nursery() as nursery:
        await post(message())
        with trio.fail_after(5):
            await writing.wait()  # the first is being taken off the list
        nursery.start_soon(post, message(other, id="4002"))
        await wait_all_tasks_blocked()
        go_on.set()
        await until(lambda: len(names(folder)) == 2)
        await done(context)
    assert counted(context) == {"kept": 2}


async def test_a_crash_of_the_disk_stops_nothing(
    running: Any, context: Any, folder: Path, mock_clock: MockClock,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    for _ in range(2):
        context.http.answer(200, LOCATED)
        context.http.answer(200, PICTURE, content_type="image/jpeg")
    async with running() as post:
        (folder / f".{HEX}.jpg.part").mkdir()
        await post(message())
        await until(lambda: "IsADirectoryError" in caplog.text)
        (folder / f".{HEX}.jpg.part").rmdir()
        mock_clock.jump(PAUSES[0])
        await done(context)
    assert "media were not fetched: IsADirectoryError" in caplog.text
    assert counted(context) == {"kept": 1}


async def test_a_flood_is_bounded(running: Any, context: Any) -> None:
    context.http.script.append(trio.sleep_forever)
    async with running() as post:
        await post(*(message(id=str(n), sha256=message(b"%d" % n)["image"]["sha256"])
                     for n in range(4000, 4000 + WAITING + 3)))  # fmt: skip
        assert len(json.loads(context.state.values[KEY])) == WAITING
    assert counted(context) == {"full": 3}


async def test_a_list_that_cannot_be_read_begins_anew(
    running: Any, context: Any, caplog: pytest.LogCaptureFixture
) -> None:
    context.state.values[KEY] = b"{"
    async with running():
        await wait_all_tasks_blocked()
    assert "begins anew" in caplog.text


def lay(folder: Path, files: dict[str, float]) -> None:
    folder.mkdir(parents=True)
    for name, at in files.items():
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (at, at))


async def test_old_files_are_removed(
    running: Any, context: Any, folder: Path, mock_clock: MockClock
) -> None:
    now = context.clock.now().timestamp()
    lay(folder, {"old.jpg": now - 8 * 86400, "young.jpg": now - 6 * 86400})
    async with running(keep=7 * 86400.0):
        await until(lambda: names(folder) == ["young.jpg"])
        context.clock.forward(2 * 86400)
        mock_clock.jump(TIDY)
        await until(lambda: names(folder) == [])


async def test_fetched_from_a_stand_in_over_the_wire(
    running: Any, context: Any, settings: Make, folder: Path
) -> None:
    """The whole way: the sandbox stores a picture, tells of it, and gives it to the token only."""
    async with trio.open_nursery() as nursery, open_client() as client:
        sandbox = await nursery.start(
            serve,
            Settings(token="EAAG0secret0token0of0the0tests", app_secret="s",
                     phone_number_ids=("200000000000002",)),
        )  # fmt: skip
        context.http = client
        said: list[Any] = []
        sandbox.state.listeners.append(said.append)
        data = base64.b64encode(PICTURE).decode()
        await sandbox.say("+4917139200011", image={"data": data, "mime_type": "image/jpeg"})
        (heard,) = (event.message for event in said if hasattr(event, "message"))
        media = MediaConfig(kinds=("image",), folder=str(folder))
        output = WhatsApp(settings(base_url=sandbox.url, media=media), "main")
        async with output.lifespan(context):
            await output._endpoint._media.note(  # type: ignore[union-attr]
                output._endpoint._reader.read(webhook(heard), context.clock.now()).messages
            )
            await done(context)
        nursery.cancel_scope.cancel()
    assert (folder / f"{HEX}.jpg").read_bytes() == PICTURE


@pytest.mark.parametrize(
    ("media", "words"),
    [
        ({}, "kinds"),
        ({"kinds": ["hologram"]}, "hologram"),
        ({"kinds": ["image"], "max_bytes": 0}, "max_bytes"),
        ({"kinds": ["image"], "max_bytes": 200_000_000}, "max_bytes"),
        ({"kinds": ["image"], "folder": " "}, "folder"),
        ({"kinds": ["image"], "keep": "soon"}, "soon"),
        ({"kinds": ["image"], "size": 1}, "size"),
    ],
)
def test_settings_that_cannot_be(media: Any, words: str) -> None:
    given = {"phone_number_id": "200000000000002", "account_id": "100000000000001",
             "token": Secret("t"), "app_secret": Secret("s")}  # fmt: skip
    with pytest.raises(ConfigError, match=words):
        make(WhatsApp, **given, media=media)
    assert make(WhatsApp, **given, media={"kinds": ["image"], "keep": "7d"}).config.media
