"""The server at the wire: addresses, bounds, crashes, and its end."""

from __future__ import annotations

import logging
import socket
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from gateway import peer, web
from gateway.errors import ConfigError
from gateway.web import Limits, serve

SMALL = Limits(body_bytes=1000, body_seconds=5, header_bytes=2000, connections=20)


class Silent:
    """An ASGI application that ends without an answer."""

    async def __call__(self, *_: object) -> None: ...


class App:
    """A Starlette app that counts what reaches it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.waiting = trio.Event()
        self.release = trio.Event()
        self.app = Starlette(
            routes=[
                Route("/echo", self.echo, methods=["GET", "POST"]),
                Route("/crash", self.crash, methods=["GET", "POST"]),
                Route("/group", self.group),
                Route("/half", self.half),
                Route("/500", self.own),
                Route("/wait", self.wait),
                Route("/huge", self.huge),
                Route("/parts", self.parts),
                Route("/nothing", self.nothing),
                Route("/injected", self.injected),
                Route("/silent", Silent()),
            ]
        )

    async def echo(self, request: Request) -> Response:
        self.bodies.append(await request.body())
        return PlainTextResponse(self.bodies[-1][:10])

    async def crash(self, request: Request) -> Response:
        await request.body()
        raise RuntimeError("a bug")

    async def group(self, request: Request) -> Response:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.crash, request)
            await trio.sleep_forever()
        raise AssertionError

    async def half(self, request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"half"
            raise RuntimeError("a bug")

        return StreamingResponse(parts(), headers={"content-length": "8"})

    async def parts(self, request: Request) -> Response:
        async def said() -> AsyncIterator[bytes]:
            yield b"one, "
            yield b"two"

        return StreamingResponse(said())

    async def nothing(self, request: Request) -> Response:
        return Response(status_code=204)

    async def injected(self, request: Request) -> Response:
        return Response(headers={"x-name": "a\r\nx-admin: yes"})

    async def own(self, request: Request) -> Response:
        return PlainTextResponse("sorry", status_code=500)

    async def huge(self, request: Request) -> Response:
        self.waiting.set()
        return Response(b"x" * 50_000_000)

    async def wait(self, request: Request) -> Response:
        self.waiting.set()
        await self.release.wait()
        return PlainTextResponse("done")


@asynccontextmanager
async def serving(
    app: App, *listeners: str, limits: Limits = SMALL
) -> AsyncIterator[tuple[list[str], trio.Event]]:
    stop = trio.Event()
    async with trio.open_nursery() as nursery:
        run = partial(serve, app.app, listeners or ["127.0.0.1:0"], stop=stop, limits=limits)
        addresses = await nursery.start(run)
        yield addresses, stop
        stop.set()


async def connect(address: str) -> trio.SocketStream:
    if address.startswith("unix:"):
        return await trio.open_unix_socket(address[5:])
    host, _, port = address.removeprefix("http://").rpartition(":")
    return await trio.open_tcp_stream(host.strip("[]"), int(port))


async def everything(stream: trio.SocketStream) -> bytes:
    data = b""
    try:
        async for part in stream:
            data += part
    except trio.BrokenResourceError:
        data += b"<reset>"
    return data


async def ask(address: str, data: bytes) -> bytes:
    """Send and read to the end.  Requests should close their connection."""
    async with await connect(address) as stream:
        await stream.send_all(data)
        return await everything(stream)


def request(path: str, body: bytes = b"", *lines: str, method: str = "POST") -> bytes:
    head = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close", *lines]
    if not lines:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def body(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


async def test_all_kinds_of_listeners(tmp_path: Path) -> None:
    app, path = App(), tmp_path / "admin.sock"
    with socket.create_server(("127.0.0.1", 0)) as given:
        asked = ["127.0.0.1:0", "[::1]:0", f"unix:{path}", f"fd://{given.fileno()}"]
        async with serving(app, *asked) as (addresses, _):
            assert [address.rsplit(":", 1)[0] for address in addresses] == [
                "http://127.0.0.1", "http://[::1]", "unix", "http://127.0.0.1",
            ]  # fmt: skip
            assert addresses[2:] == [f"unix:{path}", f"http://127.0.0.1:{given.getsockname()[1]}"]
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            for address in addresses:
                answer = await ask(address, request("/echo", b"hello"))
                assert (status(answer), body(answer)) == (200, b"hello")
                assert b"server:" not in answer.lower()
        assert not path.exists()
        given.getsockname()  # what was handed over stays open


async def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "admin.sock"
    old = socket.socket(socket.AF_UNIX)
    old.bind(str(path))
    old.close()
    async with serving(App(), f"unix:{path}") as (addresses, _):
        assert status(await ask(addresses[0], request("/echo"))) == 200
        with pytest.raises(ConfigError, match="another process uses this address"):
            await serve(App().app, [f"unix:{path}"], stop=trio.Event())
        assert status(await ask(addresses[0], request("/echo"))) == 200
    path.write_text("no socket")
    with pytest.raises(ConfigError, match="another process uses"):
        await serve(App().app, [f"unix:{path}"], stop=trio.Event())
    assert path.read_text() == "no socket"


async def test_addresses_that_cannot_be_used(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, (tmp_path / "f").open("w") as file:
        port = taken.getsockname()[1]
        cases = {
            f"127.0.0.1:{port}": "another process uses this address",
            "203.0.113.7:8080": "this machine has no such address",
            f"unix:{tmp_path}/no/folder": "the folder does not exist",
            f"unix:{tmp_path}/{'a' * 200}": "too long",
            "fd://999": "no such socket was handed over",
            f"fd://{file.fileno()}": "what was handed over is no socket",
            "127.0.0.1": "write 127.0.0.1:8080",
            "127.0.0.1:http://": "write 127.0.0.1:8080",
            ":80": "write 127.0.0.1:8080",
            "127.0.0.1:99999": "write 127.0.0.1:8080",
        }
        with pytest.raises(ConfigError) as caught:
            await serve(App().app, ["127.0.0.1:0", *cases], stop=trio.Event())
    assert len(caught.value.problems) == len(cases)
    for problem, (listener, words) in zip(caught.value.problems, cases.items(), strict=True):
        assert listener in problem
        assert words in problem


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (request("/echo", b"x" * 1000), 200),
        (request("/echo", b"x" * 1001), 413),
        (request("/echo", b"x" * 2000), 413),
        (request("/echo", b"", "Content-Length: 999999999"), 413),
        (request("/echo", b"3e9\r\n" + b"x" * 1001 + b"\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), 413),
        (request("/echo", b"1\r\nx\r\n0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 1"), 400),
        (request("/echo", b"", "X: " + "x" * 3000), 431),
        (request("/echo", b"", "Content-Length: x"), 400),
        (b"\x16\x03\x01 garbage\r\n\r\n", 400),
    ],
)  # fmt: skip
async def test_bounds(data: bytes, expected: int) -> None:
    app = App()
    async with serving(app) as (addresses, _):
        answer = await ask(addresses[0], data)
        assert status(answer) == expected
        assert len(app.bodies) == (expected == 200)
        if expected != 200:
            assert body(answer) == b""
            assert b"connection: close" in answer.lower()


async def test_a_flood_ends_with_its_connection() -> None:
    app = App()
    async with serving(app) as (addresses, _):
        async with await connect(addresses[0]) as stream:
            await stream.send_all(request("/echo", b"", "Transfer-Encoding: chunked"))
            with trio.fail_after(5), suppress(trio.BrokenResourceError):
                while True:
                    await stream.send_all(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        assert status(await ask(addresses[0], request("/echo"))) == 200


async def test_a_dripping_body_is_cut(autojump_clock: trio.testing.MockClock) -> None:
    app = App()
    async with serving(app) as (addresses, _), await connect(addresses[0]) as stream:
        await stream.send_all(request("/echo", b"x", "Content-Length: 500"))
        answer = b""
        with trio.move_on_after(20):
            while not answer:
                with trio.move_on_after(1):
                    answer = await stream.receive_some()
                await stream.send_all(b"x")
        assert status(answer) == 408
        assert trio.current_time() == pytest.approx(5, abs=1.1)
        assert app.bodies == []


@pytest.mark.parametrize("path", ["/crash", "/group"])
async def test_a_crash_is_an_empty_500_and_one_log_line(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    method = "POST" if path == "/crash" else "GET"
    async with serving(App()) as (addresses, _):
        answer = await ask(addresses[0], request(path, b"private words", method=method))
        assert (status(answer), body(answer)) == (500, b"")
        assert status(await ask(addresses[0], request("/echo"))) == 200
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "RuntimeError: a bug" in caplog.text
    assert "private words" not in caplog.text


async def test_a_crash_in_mid_answer_cuts_it(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(App()) as (addresses, _):
        answer = await ask(addresses[0], request("/half", method="GET"))
        assert body(answer).removesuffix(b"<reset>") == b"half"
        assert (await ask(addresses[0], request("/500", method="GET"))).endswith(b"sorry")
    assert [record.name for record in caplog.records] == ["gateway.web"]


async def test_what_is_no_http_1_ends_its_own_connection(caplog: pytest.LogCaptureFixture) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"
    async with serving(App()) as (addresses, _), await connect(addresses[0]) as other:
        assert status(await ask(addresses[0], preface)) == 505
        assert status(await ask(addresses[0], b"POST /\xff HTTP/1.1\r\nHost: x\r\n\r\n")) == 400
        await other.send_all(request("/echo", b"alive"))
        assert body(await everything(other)) == b"alive"
    assert caplog.records == []


async def test_no_websockets() -> None:
    lines = ["Upgrade: websocket", "Connection: upgrade, close", "Sec-WebSocket-Version: 13"]
    lines.append("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    async with serving(App()) as (addresses, _):
        data = "\r\n".join(["GET /echo HTTP/1.1", "Host: x", *lines, "", ""]).encode()
        assert status(await ask(addresses[0], data)) == 200, "who asks for an upgrade gets none"


async def test_requests_follow_each_other_on_a_connection() -> None:
    app = App()
    async with serving(app) as (addresses, _), await connect(addresses[0]) as stream:
        kept = request("/echo", b"one").replace(b"Connection: close\r\n", b"")
        await stream.send_all(kept + request("/echo", b"two", method="HEAD"))  # before an answer
        first, second = (await everything(stream)).split(b"HTTP/1.1 ")[1:]
        assert first.startswith(b"200")
        assert first.endswith(b"one")
        assert (status(b"HTTP/1.1 " + second), body(second)) == (200, b"")
    assert app.bodies == [b"one", b"two"]


async def test_plain_and_odd_requests_share_a_connection() -> None:
    """Whoever speaks for a request, the next one begins where it ended."""
    app = App()
    plain = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nplain"
    chunks = b"POST /echo HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n3\r\nodd\r\n0\r\n\r\n"
    parts = b"GET /parts HTTP/1.1\r\nHost: x\r\n\r\n"
    nothing = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n"
    said = [plain, chunks, parts, plain, nothing, chunks, plain, request("/echo", b"end")]
    async with serving(app) as (addresses, _):
        for size in (1, 2, 13, 100_000):
            app.bodies.clear()
            async with await connect(addresses[0]) as stream:
                whole = b"".join(said)
                for at in range(0, len(whole), size):
                    await stream.send_all(whole[at : at + size])
                answers = (await everything(stream)).split(b"HTTP/1.1 ")[1:]
            assert [answer[:3] for answer in answers] == [*[b"200"] * 4, b"204", *[b"200"] * 3]
            assert answers[2].endswith(b"5\r\none, \r\n3\r\ntwo\r\n0\r\n\r\n")
            assert app.bodies == [b"plain", b"odd", b"plain", b"odd", b"plain", b"end"]


async def test_a_body_that_ends_early_is_refused() -> None:
    app = App()
    async with serving(app) as (addresses, _), await connect(addresses[0]) as stream:
        await stream.send_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        await stream.send_eof()
        assert status(await everything(stream)) == 400
    assert app.bodies == []


async def test_what_an_app_says_cannot_become_a_field(caplog: pytest.LogCaptureFixture) -> None:
    """A line break in a value is a bug of the app, not an answer."""
    async with serving(App()) as (addresses, _):
        answer = await ask(addresses[0], request("/injected", method="GET"))
        assert status(answer) == 500
        assert b"x-admin" not in answer
        async with await connect(addresses[0]) as stream:
            plain = b"GET /injected HTTP/1.1\r\nHost: x\r\n\r\n"
            await stream.send_all(plain + request("/echo"))
            assert (await everything(stream)).startswith(b"HTTP/1.1 500 ")
    assert len(caplog.records) == 2


async def test_an_app_that_says_nothing_ends_the_connection() -> None:
    """Whoever asked would wait for ever."""
    async with serving(App()) as (addresses, _):
        with trio.fail_after(2):
            said = await ask(addresses[0], b"GET /silent HTTP/1.1\r\nHost: x\r\n\r\n")
    assert said == b""


async def test_every_answer_has_its_date() -> None:
    async with serving(App()) as (addresses, _):
        for path in ("/echo", "/parts", "/no-such-page"):
            answer = await ask(addresses[0], request(path, method="GET"))
            assert answer.lower().count(b"\r\ndate: ") == 1


async def test_who_asks_may_send_first(autojump_clock: trio.testing.MockClock) -> None:
    async with serving(App()) as (addresses, _), await connect(addresses[0]) as stream:
        await stream.send_all(request("/echo", b"", "Content-Length: 4", "Expect: 100-continue"))
        assert (await stream.receive_some()).startswith(b"HTTP/1.1 100 ")
        await stream.send_all(b"more")
        assert body(await everything(stream)) == b"more"


async def test_silence_is_not_waited_for(autojump_clock: trio.testing.MockClock) -> None:
    async with serving(App()) as (addresses, _):
        for said, seconds in ((b"", peer.IDLE), (b"POST /echo HT", peer.HEAD_SECONDS)):
            async with await connect(addresses[0]) as stream:
                start = trio.current_time()
                await stream.send_all(said)
                assert await everything(stream) == b""
                assert trio.current_time() - start == pytest.approx(seconds, abs=1)


async def test_a_begun_request_is_not_waited_for_like_a_silent_peer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with serving(App()) as (addresses, _), await connect(addresses[0]) as stream:
        kept = request("/echo", b"one").replace(b"Connection: close\r\n", b"")
        await stream.send_all(kept + b"POST /echo HT")
        await stream.receive_some()
        start = trio.current_time()
        assert await everything(stream) == b""
        assert trio.current_time() - start == pytest.approx(peer.HEAD_SECONDS, abs=1)


async def test_more_requests_than_allowed_at_once_are_not_taken() -> None:
    app = App()
    async with serving(app, limits=Limits(connections=1)) as (addresses, _):
        async with await connect(addresses[0]) as first:
            await first.send_all(request("/wait", method="GET"))
            await app.waiting.wait()
            async with await connect(addresses[0]) as second:
                assert await everything(second) == b""
            app.release.set()
            assert status(await everything(first)) == 200
        assert status(await ask(addresses[0], request("/echo"))) == 200


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"POST /echo HTTP/1.1\r\nHo",
        request("/echo", b"x", "Content-Length: 9"),
        request("/echo", method="GET").replace(b"Connection: close\r\n", b""),
    ],
    ids=["silent", "in its head", "in its body", "kept"],
)
async def test_who_hangs_on_keeps_nobody_out(said: bytes) -> None:
    app = App()
    async with serving(app, limits=Limits(connections=3)) as (addresses, _):
        hanging = [await connect(addresses[0]) for _ in range(3)]
        for stream in hanging:
            await stream.send_all(said)
            await trio.testing.wait_all_tasks_blocked(0.01)
        assert status(await ask(addresses[0], request("/echo"))) == 200
        with trio.fail_after(1):
            await everything(hanging[0])  # the longest waiting was given up, and it alone
        await hanging[2].send_all(b"")
        for stream in hanging:
            await stream.aclose()


async def test_bodies_on_their_way_hold_so_much_at_most() -> None:
    limits = Limits(body_bytes=500_000, held_bytes=1_000_000)
    app = App()
    async with serving(app, limits=limits) as (addresses, _):
        hanging = [await connect(addresses[0]) for _ in range(5)]
        small = await connect(addresses[0])
        await small.send_all(request("/echo", b"small", "Content-Length: 6"))
        for stream in hanging:
            await stream.send_all(request("/echo", b"x" * 300_000, "Content-Length: 300001"))
            await trio.testing.wait_all_tasks_blocked(0.01)
        with trio.fail_after(1):
            for stream in hanging[:2]:
                assert await everything(stream) in (b"", b"<reset>")
        for stream in (small, *hanging[2:]):
            await stream.send_all(b"!")
            assert status(await everything(stream)) == 200
        for stream in (small, *hanging):
            await stream.aclose()
    assert sorted(map(len, app.bodies)) == [6, *[300_001] * 3]


async def test_stop_lets_requests_finish_and_closes_idle_connections() -> None:
    app = App()
    async with serving(app) as (addresses, stop):
        idle, busy = await connect(addresses[0]), await connect(addresses[0])
        await busy.send_all(request("/wait", method="GET"))
        await app.waiting.wait()
        stop.set()
        with trio.fail_after(1):
            assert await everything(idle) == b""
        with pytest.raises(OSError, match="all attempts"):
            await connect(addresses[0])
        app.release.set()
        assert body(await everything(busy)) == b"done"
        await idle.aclose()
        await busy.aclose()


async def test_a_kept_connection_ends_with_the_answer_after_stop() -> None:
    app = App()
    async with serving(app) as (addresses, stop), await connect(addresses[0]) as kept:
        await kept.send_all(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
        await app.waiting.wait()
        stop.set()
        await trio.testing.wait_all_tasks_blocked(0.01)
        app.release.set()
        with trio.fail_after(1):
            answer = await everything(kept)
    assert b"connection: close" in answer.lower()
    assert body(answer) == b"done"


async def test_a_peer_that_does_not_read_cannot_hold_the_stop(
    autojump_clock: trio.testing.MockClock,
) -> None:
    app = App()
    async with serving(app) as (addresses, stop):
        stream = await connect(addresses[0])
        await stream.send_all(request("/huge", method="GET"))
        await app.waiting.wait()
        await trio.sleep(10)
        stop.set()
    assert trio.current_time() == pytest.approx(10 + web.GRACE)
    await stream.aclose()


async def test_a_peer_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.sockets.UNREAD_MS", 200)
    app = App()
    async with serving(app, limits=Limits(connections=1)) as (addresses, _):
        stream = await connect(addresses[0])
        await stream.send_all(request("/huge", method="GET"))
        await app.waiting.wait()
        with trio.fail_after(10):
            while not (answer := await ask(addresses[0], request("/echo"))):  # noqa: ASYNC110
                await trio.sleep(0.1)
        assert status(answer) == 200
        await stream.aclose()


async def test_stop_waits_no_longer_than_its_grace(autojump_clock: trio.testing.MockClock) -> None:
    app = App()
    async with serving(app) as (addresses, stop):
        stream = await connect(addresses[0])
        await stream.send_all(request("/wait", method="GET"))
        await app.waiting.wait()
        start = trio.current_time()
        stop.set()
        await everything(stream)
        await stream.aclose()
    assert trio.current_time() - start == pytest.approx(web.GRACE)


async def test_cancelling_serve_ends_it_and_removes_the_socket(tmp_path: Path) -> None:
    app, path = App(), tmp_path / "s"
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            start: Any = partial(serve, app.app, [f"unix:{path}"], stop=trio.Event())
            addresses = await nursery.start(start)
            stream = await connect(addresses[0])
            await stream.send_all(request("/wait", method="GET"))
            await app.waiting.wait()
            nursery.cancel_scope.cancel()
    await stream.aclose()
    assert not path.is_socket()
