"""Reads end in bounds, whatever the other side sends."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
import trio
import trio.testing

from gateway.errors import NotSent
from gateway.http import Client, FetchError, Response, open_client
from tests.gateway.loopback import serving


class Pages:
    """Answers by path; keeps the headers that came, by path."""

    def __init__(self, **pages: bytes) -> None:
        self.pages = {f"/{name}": page for name, page in pages.items()}
        self.seen: dict[str, dict[str, str]] = {}

    async def __call__(self, stream: trio.SocketStream) -> None:
        data = b""
        async for part in stream:
            data += part
            if not data.endswith(b"\r\n\r\n"):
                continue
            first, *lines = data.decode().split("\r\n")[:-2]
            path = first.split(" ")[1]
            self.seen[path] = dict(line.split(": ", 1) for line in lines)
            data = b""
            try:
                await stream.send_all(self.pages[path])
            except trio.BrokenResourceError:
                return


def page(body: bytes, *headers: str, status: int = 200, chunked: bool = False) -> bytes:
    size = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    if chunked:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    return "\r\n".join([f"HTTP/1.1 {status} X", size, *headers, "", ""]).encode() + body


def moved(where: str, status: int = 302) -> bytes:
    return page(b"", f"Location: {where}", status=status)


async def fetched(client: Client, url: str, **more: Any) -> Response | str:
    try:
        return await client.get(
            url, {"Authorization": "Bearer secret", "If-None-Match": "e"}, **more
        )
    except FetchError as error:
        return f"{error.code} {error.retryable}"


GZIP = "Content-Encoding: gzip"
PACKED = gzip.compress(b"x" * 1000, mtime=0)
BOMB = gzip.compress(b"\0" * 50_000_000, mtime=0)


@pytest.mark.parametrize(
    ("answer", "limit", "result"),
    [
        (page(b"x" * 100), 100, 100),
        (page(b"x" * 101), 100, "too_large False"),
        (page(b"x" * 5_000_000), 100, "too_large False"),
        (page(b"x" * 100, chunked=True), 100, 100),
        (page(b"x" * 101, chunked=True), 100, "too_large False"),
        (page(b"x" * 5_000_000, chunked=True), 100, "too_large False"),
        (b"HTTP/1.1 200 X\r\n\r\n" + b"x" * 300_000, 100_000, "too_large False"),
        (page(PACKED, GZIP), 1000, 1000),
        (page(PACKED, "content-encoding: X-GZIP", chunked=True), 1000, 1000),
        (page(PACKED + b"trailing", GZIP), 1000, 1000),
        (page(PACKED, GZIP), 999, "too_large False"),
        (page(BOMB, GZIP), 1_000_000, "too_large False"),
        (page(PACKED[:-1], GZIP), 1000, "encoding False"),
        (page(b"plain", GZIP), 1000, "encoding False"),
        (page(b"", GZIP), 1000, 0),
        (page(zlib.compress(b"x"), "Content-Encoding: deflate"), 1000, "encoding False"),
        (page(b"x", "Content-Encoding: br"), 1000, "encoding False"),
        (b"HTTP/1.1 304 X\r\nContent-Length: 99\r\n\r\n", 10, 0),
        (b"nonsense\r\n\r\n", 10, "protocol True"),
        (page(b"x" * 50)[:-1] + b"", 100, "read_timeout True"),
    ],
)
async def test_a_body_has_a_cap(
    answer: bytes, limit: int, result: object, autojump_clock: trio.testing.MockClock
) -> None:
    async with serving(Pages(a=answer)) as url, open_client() as client:
        url = url.replace("/v1/messages", "/a")
        got = await fetched(client, url, max_bytes=limit)
        assert (len(got.body) if isinstance(got, Response) else got) == result


async def test_a_client_stays_whole_after_cutting_answers_off() -> None:
    pages = Pages(big=page(b"x" * 3_000_000), small=page(b"x"), bomb=page(BOMB, GZIP))
    async with serving(pages) as url, open_client() as client:
        url = url.removesuffix("/v1/messages")
        for _ in range(15):  # more than there are connections for reads
            assert await fetched(client, f"{url}/big", max_bytes=1000) == "too_large False"
            assert await fetched(client, f"{url}/bomb", max_bytes=10_000) == "too_large False"
            assert isinstance(await fetched(client, f"{url}/small"), Response)


async def test_a_dripping_body_is_cut_by_the_total_deadline(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def drips(stream: trio.SocketStream) -> None:
        await stream.send_all(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
        while True:
            await trio.sleep(1)
            try:
                await stream.send_all(b"x")
            except trio.BrokenResourceError:
                return

    async with serving(drips) as url, open_client() as client:
        assert await fetched(client, url) == "deadline True"
        assert trio.current_time() == pytest.approx(40)


async def test_redirects() -> None:
    pages = Pages(
        a=moved("/b", 301), b=moved("c?token=secret", 308), c=moved("/d", 302), d=moved("/e", 301),
        e=page(b"here"), loop=moved("/loop"), file=moved("file:///etc/passwd"), none=moved(""),
    )  # fmt: skip
    pages.pages["/c?token=secret"] = pages.pages["/c"]
    async with serving(pages) as url, open_client() as client:
        url = url.removesuffix("/v1/messages")
        got = await fetched(client, f"{url}/a", follow_redirects=4)
        assert isinstance(got, Response)
        assert (got.body, got.url) == (b"here", f"{url}/e")
        assert got.moved == f"{url}/c?token=secret", "permanent as far as that, not further"
        assert pages.seen["/e"]["authorization"] == "Bearer secret"
        assert await fetched(client, f"{url}/a", follow_redirects=3) == "redirects False"
        assert await fetched(client, f"{url}/loop", follow_redirects=5) == "redirects False"
        assert await fetched(client, f"{url}/file", follow_redirects=5) == "bad_request False"
        for name, follow, status in [("a", 0, 301), ("none", 5, 302)]:
            got = await fetched(client, f"{url}/{name}", follow_redirects=follow)
            assert isinstance(got, Response)
            assert (got.status, got.moved) == (status, None)


async def test_another_origin_sees_no_secrets() -> None:
    target = Pages(x=page(b"x"))
    async with serving(target) as there, open_client() as client:
        there = there.removesuffix("/v1/messages")
        source = Pages(a=moved(f"{there}/x"))
        async with serving(source) as here:
            here = here.removesuffix("/v1/messages")
            assert isinstance(await fetched(client, f"{here}/a", follow_redirects=1), Response)
    assert source.seen["/a"]["authorization"] == "Bearer secret"
    assert source.seen["/a"]["accept-encoding"] == "gzip"
    assert target.seen["/x"] == {
        "host": there.removeprefix("http://"),
        "user-agent": "message-gateway",
        "accept": "*/*",
        "accept-encoding": "gzip",
        "if-none-match": "e",
    }


class Names(trio.abc.HostnameResolver):
    """Knows what it is told."""

    def __init__(self, **names: str) -> None:
        self._names = names

    async def getaddrinfo(self, host: Any, port: Any, *_: object, **__: object) -> Any:
        address = self._names[host.decode() if isinstance(host, bytes) else host]
        return [(2, 1, 6, "", (address, port))]

    async def getnameinfo(self, *_: object) -> Any:
        raise AssertionError("nobody asks for the name of an address")


async def test_public_only(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = Pages(a=moved("http://inside/b"), b=page(b"b"))
    async with serving(pages) as url, open_client() as client:
        for address in [
            *("127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fe80::1]", "0.0.0.0"),
            *("[::ffff:10.0.0.1]", "[2002:7f00:1::]", "224.0.0.1", "100.64.0.1"),
            *("[64:ff9b::10.0.0.1]", "[64:ff9b:1::1]", "[::127.0.0.1]", "[fec0::1]"),
            *("2130706433", "0x7f000001", "127.1", "0"),
        ]:
            got = await fetched(client, f"http://{address}/", public_only=True)
            assert got == "private_address False", address
        # A public name is sent to the address that was checked, under its own name.
        port = url.split(":")[2].split("/")[0]
        names = Names(outside="127.0.0.1", inside="10.0.0.1")
        trio.socket.set_custom_hostname_resolver(names)
        monkeypatch.setattr("gateway.http._public", lambda address: str(address)[:3] == "127")
        got = await fetched(client, f"http://outside:{port}/b", public_only=True)
        assert isinstance(got, Response)
        assert got.url == f"http://outside:{port}/b"
        assert pages.seen["/b"]["host"] == f"outside:{port}"
        got = await fetched(
            client, f"http://outside:{port}/a", public_only=True, follow_redirects=5
        )
        assert got == "private_address False"


async def test_a_post_to_public_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the settings name may be private; a name that leads inside without saying so is not."""
    pages = Pages(a=page(b"a"))
    async with serving(pages) as url, open_client() as client:
        port = url.split(":")[2].split("/")[0]
        trio.socket.set_custom_hostname_resolver(Names(outside="127.0.0.1", inside="10.0.0.1"))
        assert (await client.post(f"http://outside:{port}/a", b"", {})).status == 200
        for host in ("outside", "127.0.0.1", "inside"):  # also with a connection kept from before
            with pytest.raises(NotSent) as caught:
                await client.post(f"http://{host}:{port}/a", b"", {}, public_only=True)
            assert (caught.value.code, caught.value.retry_after) == ("private_address", None)
        monkeypatch.setattr("gateway.http._public", lambda address: str(address)[:3] == "127")
        got = await client.post(f"http://outside:{port}/a", b"", {}, public_only=True)
        assert got.status == 200
        assert pages.seen["/a"]["host"] == f"outside:{port}"
