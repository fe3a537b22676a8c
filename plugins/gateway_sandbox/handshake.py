"""The GET with which Meta asks whether a callback address belongs to who entered it (6.1)."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

import h11
import msgspec
import trio

from gateway_sandbox.client import Target

_BODY_LIMIT = 10_000


class Handshake(msgspec.Struct, kw_only=True):
    """How it went.  `ok`: the address may be used; if not, `problem` says what to look at.
    `status`, `answer`: what came, the first 200 characters of it; None if nothing came."""

    ok: bool
    problem: str | None
    url: str
    challenge: str
    status: int | None = None
    answer: str | None = None


async def shake(url: str, verify_token: str, timeout: float = 10.0) -> Handshake:
    """Ask the callback.  Raises ValueError for an address that is none (`http://…`)."""
    target = Target(url)
    challenge = str(secrets.randbelow(9 * 10**9) + 10**9)
    query = urlencode(
        {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
    )
    told = Handshake(ok=False, problem=None, url=url, challenge=challenge)
    try:
        with trio.fail_after(timeout):
            status, body = await _get(target, query)
    except trio.TooSlowError:
        told.problem = f"no answer within {timeout:g} seconds"
        return told
    except (h11.RemoteProtocolError, trio.BrokenResourceError, OSError) as error:
        told.problem = f"it could not be reached: {error}"
        return told
    told.status, told.answer = status, body.decode(errors="replace")[:200]
    told.problem = _wrong(status, body, challenge)
    told.ok = told.problem is None
    return told


def _wrong(status: int, body: bytes, challenge: str) -> str | None:
    if status == 403:
        return "it refused: the verify token is not the one that the receiver knows"
    if status != 200:
        return f"it answered {status} where Meta expects 200"
    if body != challenge.encode():
        return "its answer is not the challenge alone, as plain text"
    return None


async def _get(target: Target, query: str) -> tuple[int, bytes]:
    """One GET on a connection of its own: status and body."""
    http = h11.Connection(h11.CLIENT)
    joint = "&" if "?" in target.path else "?"
    request = h11.Request(
        method="GET",
        target=f"{target.path}{joint}{query}",
        headers=[
            ("Host", target.netloc),
            ("User-Agent", "facebookplatform/1.0"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ],
    )
    async with await trio.open_tcp_stream(target.host, target.port) as stream:
        await stream.send_all((http.send(request) or b"") + (http.send(h11.EndOfMessage()) or b""))
        status, body = 0, b""
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                http.receive_data(await stream.receive_some(65536))
            elif isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > _BODY_LIMIT:
                    return status, body
            elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
                return status, body
