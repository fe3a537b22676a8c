"""What a send may have done is named rightly at every byte, against a real server."""

from __future__ import annotations

import socket
import ssl
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

from gateway.errors import DeliveryError, NotSent, Unknown
from gateway.http import Client, Deadlines, Response, first_byte, open_client
from tests.gateway.loopback import BODY, LENGTH, Server, make_certificate, serving

HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer secret"}
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"
EARLY = b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 400 No\r\nContent-Length: 6\r\n\r\nabcdef"
GZIPPED = (
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 26\r\n\r\n"
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xffKLJNIM\x03\x00\xef9\x8eK\x06\x00\x00\x00"
)


async def outcome(client: Client, url: str, **more: Any) -> Response | DeliveryError:
    try:
        return await client.post(url, BODY, HEADERS, **more)
    except (NotSent, Unknown) as error:
        return discreet(error)


def discreet(error: DeliveryError) -> DeliveryError:
    assert "secret" not in "".join(traceback.format_exception(error))
    assert error.__cause__ is None
    assert error.__context__ is None
    return error


class Told:
    """Collects the calls of `first_byte`."""

    def __init__(self) -> None:
        self.calls: list[float] = []

    def __enter__(self) -> list[float]:
        self._token = first_byte.set(self.calls.append)
        return self.calls

    def __exit__(self, *_: object) -> None:
        first_byte.reset(self._token)


@pytest.mark.parametrize("reset", [False, True])
async def test_a_cut_at_every_byte_of_the_request_is_unknown(reset: bool) -> None:
    server = Server()
    async with serving(server) as url, open_client() as client:
        await outcome(client, url)
        whole = len(server.requests[0])
    server.reset = reset
    async with serving(server) as url, open_client() as client:
        for position in range(whole):
            server.requests.clear()
            server.take = position
            with Told() as calls:
                result = await outcome(client, url)
            # A reset that was there before the first byte: the system took none of them.
            nothing_left = position == 0 and isinstance(result, NotSent) and reset
            assert isinstance(result, Unknown) or nothing_left, position
            assert result.code in {"protocol", "reset"}
            assert [len(request) for request in server.requests] == ([position] if position else [])
            assert len(calls) == 1


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("answer", [LENGTH, CHUNKED, EARLY, GZIPPED])
async def test_a_cut_at_every_byte_of_the_answer_is_unknown(answer: bytes, reset: bool) -> None:
    server = Server(answer)
    server.reset = reset
    async with serving(server) as url, open_client() as client:
        for position in range(len(answer)):
            server.requests.clear()
            server.give = position
            result = await outcome(client, url)
            assert isinstance(result, Unknown), position
            assert result.code in {"protocol", "reset"}
            assert len(server.requests) == 1, "sent twice"
        server.give, server.reset = None, False
        result = await outcome(client, url)
        assert isinstance(result, Response)
        assert result.status == (400 if answer is EARLY else 200)
        assert result.body == b"abcdef"
        assert result.url == url
        assert "abcdef" not in repr(result)


async def test_headers_are_lower_case_and_joined() -> None:
    async with serving(Server()) as url, open_client() as client:
        result = await outcome(client, url)
    assert isinstance(result, Response)
    assert result.headers == {"content-length": "6", "x-a": "1, 2"}


async def test_a_send_says_what_it_is() -> None:
    server = Server()
    async with serving(server) as url, open_client(user_agent="tests/1") as client:
        await outcome(client, url)
        await client.post(url, BODY, {"user-agent": "mine", "ACCEPT": "text/plain"})
    first, second = (request.decode().lower() for request in server.requests)
    host = url.split("/")[2]
    assert first == (
        f"post /v1/messages http/1.1\r\nhost: {host}\r\nuser-agent: tests/1\r\naccept: */*\r\n"
        "accept-encoding: identity\r\ncontent-type: application/json\r\n"
        f"authorization: bearer secret\r\ncontent-length: {len(BODY)}\r\n\r\n{BODY.decode()}"
    )
    assert "\r\nuser-agent: mine\r\naccept: text/plain\r\n" in second
    assert server.connections == 1, "the connection is kept"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_of_a_post_is_an_answer(status: int) -> None:
    server = Server(f"HTTP/1.1 {status} X\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n".encode())
    async with serving(server) as url, open_client() as client:
        result = await outcome(client, url)
    assert isinstance(result, Response)
    assert result.status == status
    assert len(server.requests) == 1


async def test_an_answer_that_is_no_http_or_too_long_is_unknown() -> None:
    server = Server(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")
    async with serving(server) as url, open_client() as client:
        result = await outcome(client, url)
        assert (type(result), getattr(result, "code", "")) == (Unknown, "protocol")
        server.answer = LENGTH
        result = await outcome(client, url, max_bytes=5)
        assert (type(result), getattr(result, "code", "")) == (Unknown, "too_large")
        assert isinstance(await outcome(client, url, max_bytes=6), Response)
        # Far more than comes at once is not taken for whole either.
        server.answer = LENGTH.replace(b"abcdef", b"x" * 900_000).replace(b": 6", b": 900000")
        result = await outcome(client, url, max_bytes=800_000)
        assert (type(result), getattr(result, "code", "")) == (Unknown, "too_large")
        result = await outcome(client, url, max_bytes=900_000)
        assert isinstance(result, Response)
        assert result.body == b"x" * 900_000


async def test_a_stale_connection_is_not_used_and_a_race_is_unknown() -> None:
    server = Server()
    async with serving(server) as url, open_client(connections=1) as client:
        server.give = len(LENGTH)  # a complete answer, then closed while idle
        assert isinstance(await outcome(client, url), Response)
        await trio.sleep(0.01)
        assert isinstance(await outcome(client, url), Response)
        assert (len(server.requests), server.connections) == (2, 2)
        server.give = None
        await trio.sleep(0.01)
        assert isinstance(await outcome(client, url), Response)
        server.give = 0  # closed just when the next request comes in
        assert isinstance(await outcome(client, url), Unknown)
        assert (len(server.requests), server.connections) == (4, 3), "sent again by itself"


async def test_what_follows_an_answer_is_not_the_next_answer() -> None:
    server = Server(LENGTH + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nJUNK")
    async with serving(server) as url, open_client(connections=1) as client:
        for _ in range(3):
            result = await outcome(client, url)
            assert isinstance(result, Response)
            assert result.body == b"abcdef"
    assert server.connections == 3


class Resolver(trio.abc.HostnameResolver):
    """Knows no name, or never answers."""

    def __init__(self, hang: bool) -> None:
        self._hang = hang

    async def getaddrinfo(self, *_: object, **__: object) -> Any:
        if self._hang:
            await trio.sleep_forever()
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def getnameinfo(self, *_: object) -> Any:
        raise AssertionError("nobody asks for the name of an address")


def refused(url: str, code: str, told: list[float], result: object) -> None:
    assert isinstance(result, NotSent), (url, result)
    assert (result.code, result.outcome, told) == (code, "not_sent", [])
    assert (result.retry_after is None) == (code == "bad_request")


async def test_no_connection_is_not_sent() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        async with open_client() as client:
            for url, code in [
                (f"http://127.0.0.1:{port}/?access_token=secret", "connect"),
                (f"https://127.0.0.1:{port}/", "connect"),
                ("ftp://host/", "bad_request"),
                ("http://", "bad_request"),
                ("http://[::1", "bad_request"),
            ]:
                with Told() as calls:
                    refused(url, code, calls, await outcome(client, url))


@pytest.mark.parametrize(("hang", "code"), [(False, "dns"), (True, "connect_timeout")])
async def test_no_name_is_not_sent(
    hang: bool, code: str, autojump_clock: trio.testing.MockClock
) -> None:
    trio.socket.set_custom_hostname_resolver(Resolver(hang))
    async with open_client() as client:
        with Told() as calls:
            refused("", code, calls, await outcome(client, "https://graph.test/"))
    assert trio.current_time() == (5 if hang else 0)


@pytest.mark.parametrize(
    "headers", [{"A": "x\r\nB: y"}, {"A": " x"}, {"A b": "x"}, {"A": "ü"}, {"Host": "other"}]
)
async def test_a_header_that_cannot_be_sent_leaves_nothing(headers: dict[str, str]) -> None:
    server = Server()
    async with serving(server) as url, open_client() as client:
        with Told() as calls, pytest.raises(NotSent, match="bad_request"):
            await client.post(url, BODY, headers)
    assert (server.connections, calls) == (0, [])


async def test_deadlines(autojump_clock: trio.testing.MockClock) -> None:
    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async def drips(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        while True:
            await trio.sleep(1)
            await stream.send_all(b"x")

    async with serving(silent) as url, open_client(connections=1) as client:
        for url_, code, after, kind in [
            (url, "read_timeout", 30, Unknown),
            (url.replace("http:", "https:"), "connect_timeout", 5, NotSent),
        ]:
            start = trio.current_time()
            result = await outcome(client, url_)
            assert (type(result), result.code) == (kind, code)  # type: ignore[union-attr]
            assert trio.current_time() - start == pytest.approx(after)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(outcome, client, url)  # holds the only connection
            await trio.sleep(1)
            with Told() as calls:
                refused(
                    url, "deadline", calls, await outcome(client, url, deadlines=Deadlines(total=9))
                )
    async with serving(drips) as url, open_client() as client:
        start = trio.current_time()
        result = await outcome(client, url)
        assert (type(result), result.code) == (Unknown, "deadline")  # type: ignore[union-attr]
        assert trio.current_time() - start == pytest.approx(40)


async def test_cancelled_travels_on_and_first_byte_tells(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def silent(stream: trio.SocketStream) -> None:
        await trio.sleep_forever()

    async with serving(silent) as url, open_client(clock=lambda: 77.5) as client:
        with Told() as calls, trio.move_on_after(1) as scope:
            await client.post(url, BODY, HEADERS)
        assert scope.cancelled_caught
        assert calls == [77.5]
        with Told() as calls, trio.CancelScope() as scope:
            scope.cancel()
            await client.post(url, BODY, HEADERS)
        assert scope.cancelled_caught
        assert calls == []
        with Told() as calls, trio.move_on_after(1) as scope:  # in the middle of a handshake
            await client.post(url.replace("http:", "https:"), BODY, HEADERS)
        assert scope.cancelled_caught
        assert calls == []


class CancelAtStep(trio.abc.Instrument):
    """Cancels `scope` after so many steps of the current task."""

    def __init__(self, scope: trio.CancelScope, steps: int) -> None:
        self._scope, self._steps, self._task = scope, steps, trio.lowlevel.current_task()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if task is self._task:
            self._steps -= 1
            if self._steps == 0:
                self._scope.cancel()


@pytest.mark.parametrize("kept", [False, True])
async def test_a_send_cancelled_at_any_step_leaves_the_client_whole(kept: bool) -> None:
    server = Server()
    async with serving(server) as url:
        for steps in range(1, 100):
            async with open_client(connections=1) as client:
                if kept:
                    await outcome(client, url)
                server.requests.clear()
                with Told() as calls, trio.CancelScope() as scope:
                    instrument = CancelAtStep(scope, steps)
                    trio.lowlevel.add_instrument(instrument)
                    try:
                        await outcome(client, url)
                    finally:
                        trio.lowlevel.remove_instrument(instrument)
                if not scope.cancel_called:
                    break
                await trio.testing.wait_all_tasks_blocked()
                assert len(calls) >= len(server.requests), "a byte left unseen"
                with trio.fail_after(2):
                    assert isinstance(await outcome(client, url), Response)
        assert steps > (1 if kept else 2), "it was never cancelled in the middle"


async def test_many_at_once_and_half_of_them_cancelled() -> None:
    gate = trio.Event()
    server = Server()

    async def slow(stream: trio.SocketStream) -> None:
        await gate.wait()
        await server(stream)

    results: list[object] = []

    async def send(client: Client, url: str, scope: trio.CancelScope) -> None:
        with scope:
            results.append(await outcome(client, url))

    async with serving(slow) as url, open_client(connections=50) as client:
        scopes = [trio.CancelScope() for _ in range(200)]
        async with trio.open_nursery() as nursery:
            for scope in scopes:
                nursery.start_soon(send, client, url, scope)
            await trio.testing.wait_all_tasks_blocked(0.01)
            for scope in scopes[::2]:
                scope.cancel()
            await trio.testing.wait_all_tasks_blocked(0.01)
            gate.set()
        assert len(results) == 100
        assert all(isinstance(result, Response) for result in results)
        await trio.testing.wait_all_tasks_blocked(0.05)  # the server sees the cancelled ones end
        server.most_open = server.open
        results.clear()
        async with trio.open_nursery() as nursery:
            for _ in range(200):
                nursery.start_soon(send, client, url, trio.CancelScope())
        assert sum(isinstance(result, Response) for result in results) == 200
        assert server.most_open == 50


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("tls"))


async def test_tls(certificate: Path) -> None:
    server = Server()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)

    async def over_tls(stream: trio.SocketStream) -> None:
        tls = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        with suppress(trio.BrokenResourceError):
            while await server.receive(tls):
                await tls.send_all(LENGTH)

    async def garbage(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    trust = ssl.create_default_context(cafile=str(certificate))
    async with serving(over_tls) as url, open_client(trust=trust) as client:
        url = url.replace("http:", "https:")
        with Told() as calls:
            assert isinstance(await outcome(client, url), Response)
        assert len(calls) == 1
        with Told() as calls:  # the certificate names another host
            other = url.replace("127.0.0.1", "127.0.0.2")
            refused(url, "connect", calls, await outcome(client, other))
        async with open_client() as distrusting:
            with Told() as calls:
                refused(url, "tls", calls, await outcome(distrusting, url))
    async with serving(garbage) as url, open_client(trust=trust) as client:
        with Told() as calls:
            url = url.replace("http:", "https:")
            refused(url, "tls", calls, await outcome(client, url))


async def test_what_follows_an_answer_over_tls_is_not_the_next_answer(certificate: Path) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    server = Server()

    async def over_tls(stream: trio.SocketStream) -> None:
        server.connections += 1
        tls = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        with suppress(trio.BrokenResourceError):
            while await server.receive(tls):
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
                await tls.send_all(LENGTH)
                await tls.send_all(LENGTH.replace(b"abcdef", b"poison"))  # a record of its own
                stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    trust = ssl.create_default_context(cafile=str(certificate))
    async with serving(over_tls) as url, open_client(connections=1, trust=trust) as client:
        for _ in range(3):
            result = await outcome(client, url.replace("http:", "https:"))
            assert isinstance(result, Response)
            assert result.body == b"abcdef"
    assert server.connections == 3
