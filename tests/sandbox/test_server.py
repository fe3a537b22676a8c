"""The HTTP server by itself: connections, garbage, limits, and when bytes came."""

import json
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway_sandbox import connection
from gateway_sandbox.server import Response, Server, Stream


@asynccontextmanager
async def serving(nursery, now=trio.current_time, **members):
    """A server that echoes what it got; yields (requests, connect)."""
    requests = []

    async def echo(request):
        requests.append(request)
        return Response(body=request.body)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    running = Server(echo, now, **members)
    nursery.start_soon(running.serve, listeners)
    streams = []

    async def connect():
        streams.append(await trio.open_tcp_stream("127.0.0.1", port))
        return streams[-1]

    yield requests, connect
    for stream in streams:
        await stream.aclose()


async def read_until(stream, ending):
    data = b""
    while not data.endswith(ending):
        chunk = await stream.receive_some(65536)
        assert chunk, data
        data += chunk
    return data


async def read_all(stream):
    data = b""
    while chunk := await stream.receive_some(65536):
        data += chunk
    return data


def post(body, extra=""):
    return (
        f"POST /a?b=c HTTP/1.1\r\nHost: x\r\n{extra}Content-Length: {len(body)}\r\n\r\n".encode()
        + body
    )


async def test_a_connection_serves_many_requests(nursery):
    async with serving(nursery) as (requests, connect):
        stream = await connect()
        for n in range(3):
            await stream.send_all(post(b"body%d" % n))
            await read_until(stream, b"body%d" % n)
    assert [(r.path, r.query, r.nth, r.body) for r in requests] == [
        ("/a", "b=c", n, b"body%d" % n) for n in range(3)
    ]


async def test_requests_may_come_before_the_answer(nursery):
    async with serving(nursery) as (requests, connect):
        stream = await connect()
        await stream.send_all(post(b"one") + post(b"two") + post(b"three"))
        data = await read_until(stream, b"three")
    assert data.count(b"HTTP/1.1 200") == 3
    assert all(request.first_byte > 0 for request in requests)


async def test_chunks_and_single_bytes(nursery):
    async with serving(nursery) as (requests, connect):
        stream = await connect()
        head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        for byte in head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n":
            await stream.send_all(bytes([byte]))
        await read_until(stream, b"abcde")
    assert requests[0].body == b"abcde"


async def test_first_byte_and_arrival_are_the_times_of_reading(nursery):
    times = iter(range(1, 100))
    async with serving(nursery, now=lambda: float(next(times))) as (requests, connect):
        stream = await connect()
        raw = post(b"0123456789")
        for part in (raw[:1], raw[1:20], raw[20:-1], raw[-1:]):
            await stream.send_all(part)
            await trio.sleep(0.01)
        await read_until(stream, b"0123456789")
        await stream.send_all(raw)
        await read_until(stream, b"0123456789")
    assert [(r.first_byte, r.arrival) for r in requests] == [(1.0, 4.0), (5.0, 5.0)]


async def test_expect_100_continue(nursery):
    async with serving(nursery) as (_, connect):
        stream = await connect()
        raw = post(b"late", "Expect: 100-continue\r\n")
        await stream.send_all(raw[:-4])
        await read_until(stream, b"\r\n\r\n")
        await stream.send_all(b"late")
        assert b"200" in await read_until(stream, b"late")


async def test_head_and_http_1_0(nursery):
    async with serving(nursery) as (_, connect):
        stream = await connect()
        await stream.send_all(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
        await read_until(stream, b"\r\n\r\n")
        await stream.send_all(b"GET / HTTP/1.0\r\n\r\n")
        assert (await read_all(stream)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"\x00\x01\x02\x03\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5_000\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 40_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 20_000, 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5000001\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            + (b"100000\r\n" + b"a" * 0x100000 + b"\r\n") * 5,
            413,
        ),
    ],
)
async def test_garbage_is_answered_and_ends_the_connection(nursery, raw, status):
    async with serving(nursery) as (requests, connect):
        stream = await connect()
        await stream.send_all(raw)
        answer = await read_all(stream)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == 100
        again = await connect()
        await again.send_all(post(b"fine"))
        await read_until(again, b"fine")
    assert len(requests) == 1


async def test_a_client_that_leaves_harms_nobody(nursery):
    async with serving(nursery) as (requests, connect):
        for raw in (b"", b"PO", post(b"whole"), post(b"half")[:-2]):
            stream = await connect()
            await stream.send_all(raw)
            connection.reset(stream)
        stream = await connect()
        await stream.send_all(post(b"fine"))
        await read_until(stream, b"fine")
    assert requests[-1].body == b"fine"


async def test_half_a_request_is_refused_when_the_client_stops(nursery):
    async with serving(nursery) as (requests, connect):
        stream = await connect()
        await stream.send_all(post(b"half")[:-2])
        await stream.send_eof()
        assert (await read_all(stream)).startswith(b"HTTP/1.1 400")
    assert requests == []


async def test_silence_ends_a_connection(nursery, monkeypatch):
    monkeypatch.setattr(connection, "IDLE", 0.02)
    monkeypatch.setattr(connection, "READING", 0.02)
    async with serving(nursery) as (_, connect):
        for raw in (b"", b"POST / HT"):
            stream = await connect()
            if raw:
                await stream.send_all(raw)
            assert await read_all(stream) == b""


async def test_connections_are_bounded(nursery):
    async with serving(nursery, max_connections=2) as (_, connect):
        streams = [await connect() for _ in range(3)]
        for stream in streams[:2]:
            await stream.send_all(post(b"fine"))
            await read_until(stream, b"fine")
        assert await streams[2].receive_some(1) == b""


@asynccontextmanager
async def streaming(nursery, run, **members):
    """A server that answers everything with this stream; yields (server, connect)."""

    async def handle(request):
        return Stream(run, "text/plain", **members)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    running = Server(handle, trio.current_time)
    nursery.start_soon(running.serve, listeners)

    streams = []

    async def connect():
        streams.append(await trio.open_tcp_stream(*listeners[0].socket.getsockname()))
        await streams[-1].send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        return streams[-1]

    yield running, connect
    for stream in streams:
        await stream.aclose()


async def test_a_stream_leaves_part_by_part_and_ends_the_connection(nursery):
    released = trio.Event()

    async def run(send):
        await send(b"one")
        await released.wait()
        await send(b"two")

    async with streaming(nursery, run) as (_, connect):
        stream = await connect()
        assert b"Transfer-Encoding: chunked" in await read_until(stream, b"3\r\none\r\n")
        released.set()
        assert await read_all(stream) == b"3\r\ntwo\r\n0\r\n\r\n"


async def test_a_stream_ends_when_the_client_leaves(nursery):
    ended = trio.Event()

    async def run(send):
        try:
            await send(b"one")
            await trio.sleep_forever()
        finally:
            ended.set()

    async with streaming(nursery, run) as (_, connect):
        stream = await connect()
        await read_until(stream, b"one\r\n")
        await stream.aclose()
        await ended.wait()


async def test_a_stream_waits_for_nobody_who_stands_still(nursery):
    sent = 0

    async def run(send):
        nonlocal sent
        while True:
            await send(b"x" * 100_000)
            sent += 1

    async with streaming(nursery, run, patience=0.05) as (server, connect):
        await connect()
        with trio.fail_after(5):
            while not sent or server.open:
                await wait_all_tasks_blocked(0.01)
