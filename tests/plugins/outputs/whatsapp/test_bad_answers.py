"""Every answer that the API should not give, at the wire: what it counts as, sent only once, and
the next send works."""

from __future__ import annotations

import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import trio

from gateway.api import DeliveryError, Rejected, Unknown
from gateway.http import Deadlines, open_client
from gateway_plugins.outputs.whatsapp.output import WhatsApp
from tests.gateway.loopback import serving

Make = Callable[..., Any]
ACCEPTED = json.dumps({"messages": [{"id": "wamid.OUT1"}]}).encode()
SOON = Deadlines(connect=5.0, write=5.0, read=0.4, total=0.8)


def http(
    status: int, body: bytes, *headers: str, kind: str = "application/json", length: bool = True
) -> bytes:
    """An answer as bytes."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", *headers]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def graph(code: Any, **more: Any) -> bytes:
    return json.dumps({"error": {"message": "x", "code": code, **more}}).encode()


def chunked(body: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + f"{len(body):x}\r\n".encode() + body + b"\r\n" + end


class Api:
    """Reads whole requests; answers the first as it is told, all others well."""

    def __init__(self, answer: bytes, then: str = "keep") -> None:
        self._answer: bytes | None = answer
        self._then = then
        self.requests = 0

    async def __call__(self, stream: trio.SocketStream) -> None:
        buffer = b""
        with trio.move_on_after(10):
            while True:
                while b"\r\n\r\n" not in buffer:
                    data = await stream.receive_some()
                    if not data:
                        return
                    buffer += data
                head, _, body = buffer.partition(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                while len(body) < length:
                    body += await stream.receive_some()
                buffer = body[length:]
                self.requests += 1
                answer, self._answer = self._answer, None
                if answer is None:
                    await stream.send_all(http(200, ACCEPTED))
                elif not await self._odd(stream, answer):
                    return

    async def _odd(self, stream: trio.SocketStream, answer: bytes) -> bool:
        try:
            if self._then != "drip":
                await stream.send_all(answer)
            for byte in answer if self._then == "drip" else b"":
                await stream.send_all(bytes([byte]))
                await trio.sleep(0.05)  # faster than a step may take, slower than all of it
            if self._then == "hang":
                await trio.sleep(10)
        except trio.BrokenResourceError:  # the client had enough
            return False
        if self._then == "close":
            await stream.aclose()
            return False
        return True


# answer, what the server does then, class, code, scope, whether waiting helps
ANSWERS: dict[str, tuple[bytes, str, type[DeliveryError], str, str, bool]] = {
    "no JSON": (http(200, b"hello"), "keep", Unknown, "no_message_id", "message", False),
    "empty": (http(200, b""), "keep", Unknown, "no_message_id", "message", False),
    "204": (http(204, b"", length=False), "keep", Unknown, "no_message_id", "message", False),
    "a page with 200": (
        http(200, b"<html>", kind="text/html"), "keep", Unknown, "no_message_id", "message", False),
    "a page with 500": (
        http(500, b"<html>", kind="text/html"), "keep", Unknown, "server_error", "message", False),
    "a page with 403": (
        http(403, b"<html>", kind="text/html"), "keep", Rejected, "no_graph_error", "sender", False),
    "another shape": (
        http(200, b'{"result": "ok"}'), "keep", Unknown, "no_message_id", "message", False),
    "messages as a table": (
        http(200, b'{"messages": {"id": "x"}}'), "keep", Unknown, "no_message_id", "message", False),
    "no messages": (
        http(200, b'{"messages": []}'), "keep", Unknown, "no_message_id", "message", False),
    "200 with an error": (
        http(200, graph(131026)), "keep", Rejected, "undeliverable", "contact", False),
    "200 with an error of nonsense": (
        http(200, b'{"error": "x"}'), "keep", Unknown, "no_message_id", "message", False),
    "a huge body": (
        http(200, b" " * (2 << 20)), "keep", Unknown, "too_large", "message", False),
    "a wrong charset": (
        http(400, graph(131047, error_data={"details": "ü"}).replace(b"\\u00fc", b"\xfc"),
             kind="application/json; charset=latin-1"),
        "keep", Rejected, "window_closed", "contact", True),
    "UTF-16": (
        http(200, ACCEPTED.decode().encode("utf-16")), "keep", Unknown, "no_message_id", "message",
        False),
    "another encoding": (
        http(200, ACCEPTED, "Content-Encoding: br"), "keep", Unknown, "encoding", "message", False),
    "broken gzip": (
        http(200, gzip.compress(ACCEPTED)[:-9], "Content-Encoding: gzip"), "keep", Unknown, "encoding",
        "message", False),
    "a code as text": (
        http(400, graph("131056")), "keep", Rejected, "pair_rate", "contact", True),
    "an unknown code": (
        http(400, graph(999999)), "keep", Rejected, "meta_other", "message", False),
    "an unknown code with 500": (
        http(500, graph(999999)), "keep", Unknown, "meta_other", "message", False),
    "a redirect": (
        http(307, b"", "Location: /elsewhere"), "keep", Rejected, "no_graph_error", "sender", False),
    "a redirect to nowhere": (http(302, b""), "keep", Rejected, "no_graph_error", "sender", False),
    "the token": (http(401, graph(190)), "keep", Rejected, "token_invalid", "sender", False),
    "the account": (http(403, graph(368)), "keep", Rejected, "policy_block", "portfolio", False),
    "429 with seconds": (
        http(429, b"", "Retry-After: 7"), "keep", Rejected, "throttled", "sender", True),
    "429 with a date": (
        http(429, b"", "Retry-After: Sat, 21 Nov 2026 12:00:07 GMT"), "keep", Rejected, "throttled",
        "sender", True),
    "429 with nonsense": (
        http(429, b"slow down", "Retry-After: soon"), "keep", Rejected, "throttled", "sender", True),
    "stopped by the person": (
        http(400, graph(131050)), "keep", Rejected, "marketing_stopped", "contact", False),
    "closed before the answer": (b"", "close", Unknown, "protocol", "message", False),
    "closed in the head": (
        http(200, ACCEPTED)[:30], "close", Unknown, "protocol", "message", False),
    "closed in the body": (
        http(200, ACCEPTED)[:-5], "close", Unknown, "protocol", "message", False),
    "chunks that break off": (
        chunked(ACCEPTED, b"")[:-4], "close", Unknown, "protocol", "message", False),
    "chunks without their end": (
        chunked(ACCEPTED, b""), "close", Unknown, "protocol", "message", False),
    "chunks of nonsense": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "keep", Unknown, "protocol",
        "message", False),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "keep", Unknown, "protocol", "message", False),
    "only 1xx": (
        b"HTTP/1.1 100 Continue\r\n\r\n" * 3, "close", Unknown, "protocol", "message", False),
    "no answer at all": (b"", "hang", Unknown, "read_timeout", "message", False),
    "half an answer": (
        http(200, ACCEPTED)[:-5], "hang", Unknown, "read_timeout", "message", False),
    "byte by byte, without an end": (
        http(200, ACCEPTED), "drip", Unknown, "deadline", "message", False),
}  # fmt: skip


@pytest.fixture
def sent(
    context: Any, settings: Make, delivery: Make
) -> Callable[[Api], Awaitable[tuple[DeliveryError | str, str]]]:
    """Send twice to an API; returns what became of the first, and the second's id."""

    async def send(api: Api) -> tuple[DeliveryError | str, str]:
        async with serving(api) as url, open_client(deadlines=SOON) as client:
            context.http = client
            output = WhatsApp(settings(base_url=url.rpartition("/v1")[0]), "main")
            async with output.lifespan(context):
                first: DeliveryError | str
                try:
                    first = await output.send(delivery())
                except DeliveryError as error:
                    first = error
                assert api.requests == 1
                return first, await output.send(delivery(id=7002))

    return send


@pytest.mark.parametrize(
    ("answer", "then", "kind", "code", "scope", "waits"), ANSWERS.values(), ids=list(ANSWERS)
)
async def test_an_answer(
    sent: Any, answer: bytes, then: str, kind: type, code: str, scope: str, waits: bool
) -> None:
    """Named, with its scope; only what surely did not go may be repeated."""
    api = Api(answer, then)
    error, after = await sent(api)
    assert (type(error), error.code, error.scope) == (kind, code, scope)
    assert (error.retry_after is not None) is waits
    assert error.withdraws is (code == "marketing_stopped")
    assert (after, api.requests) == ("wamid.OUT1", 2)


@pytest.mark.parametrize(
    "answer",
    [
        http(200, ACCEPTED),
        http(201, ACCEPTED, kind="text/html; charset=x"),
        http(200, b"\xef\xbb\xbf" + ACCEPTED),
        http(200, b" \n" + ACCEPTED + b"\n"),
        http(200, gzip.compress(ACCEPTED), "Content-Encoding: gzip"),
        http(200, json.dumps({"messages": [{"id": "wamid.OUT1", "new": 1}], "error": None}).encode()),
        chunked(ACCEPTED),
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + http(200, ACCEPTED),
    ],
)  # fmt: skip
async def test_what_is_an_answer_after_all(sent: Any, answer: bytes) -> None:
    """An odd form with the id of the message in it: accepted."""
    assert await sent(Api(answer)) == ("wamid.OUT1", "wamid.OUT1")
