"""The webhook's two routes: Meta's question whether we are it (GET), and what happened (POST)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from gateway.api import Context, Secret
from gateway_plugins.outputs.whatsapp.batch import ODD
from gateway_plugins.outputs.whatsapp.decoding import BROKEN
from gateway_plugins.outputs.whatsapp.media import Media
from gateway_plugins.outputs.whatsapp.webhook import Reader, signed

LONGEST = 3 * 1024 * 1024  # bytes (Meta, "Webhooks overview": up to 3 MB)
CHALLENGE = 1000  # characters
REFUSED_EVERY = timedelta(seconds=10)  # between two lines about refused checks
RESULTS = (
    "ok",
    "signature",
    "too_large",
    "not_json",
    "not_kept",
    "cut_off",
    "check_refused",
)


class Endpoint:
    """Answers 200 only after the content is on disk; everything else makes Meta repeat it.

    401: not signed by an app secret, 413: too large, 400: no JSON, 503: could not be kept.
    """

    def __init__(
        self,
        context: Context,
        reader: Reader,
        keys: tuple[bytes, ...],
        asked: Secret | None,
        media: Media | None = None,
    ) -> None:
        self._context = context
        self._reader = reader
        self._keys = keys
        self._asked = asked
        self._media = media
        self._refused_at: datetime | None = None
        self._count = context.metrics.counter(
            "webhook_requests", "Webhooks: ok, or why they were refused", ("result",)
        )
        for result in RESULTS:
            self._count.labels(result)
        self._odd = context.metrics.counter(
            "not_understood", "Parts of webhooks that were kept as they came", ("part",)
        )
        for part in ODD:
            self._odd.labels(part)

    def routes(self) -> list[Route]:
        return [
            Route("/", self.handshake, methods=["GET"]),
            Route("/", self, methods=["POST"]),
        ]

    async def handshake(self, request: Request) -> Response:
        """Answer the challenge if the verify token fits (it is not signed), else 403.

        Meta, "Create a webhook endpoint": 200 with the challenge as the whole body.
        """
        query = request.query_params
        if self._asked is None:
            return self._refused("verify_token is not set")
        given = query.get("hub.verify_token", "").encode("utf-8", "replace")
        fits = hmac.compare_digest(given, self._asked.reveal().encode())
        challenge = query.get("hub.challenge", "")
        if not fits or query.get("hub.mode") != "subscribe" or not 0 < len(challenge) <= CHALLENGE:
            return self._refused("its verify_token is another one, or it is no check at all")
        self._context.log.info("a webhook check was answered")
        return PlainTextResponse(challenge)

    def _refused(self, why: str) -> Response:
        now = self._context.clock.now()
        # Anybody may ask: not a line for each.
        if self._refused_at is None or now - self._refused_at > REFUSED_EVERY:
            self._refused_at = now
            self._context.log.warning("a webhook check was refused: %s", why)
        return self._answer("check_refused", 403)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take one webhook (ASGI: thousands come in a second, and a Request for each costs)."""
        status = await self._receive(dict(scope["headers"]), receive)
        fields = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": fields})
        await send({"type": "http.response.body", "body": b""})

    async def _receive(self, headers: Mapping[bytes, bytes], receive: Receive) -> int:
        """Verify, read and hand in one webhook."""
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > LONGEST:
            return self._result("too_large", 413)
        raw = await _body(receive)
        if isinstance(raw, str):
            return self._result(raw, 413 if raw == "too_large" else 400)
        # Before anything of it is parsed, and without saying which part did not fit.
        signature = headers.get(b"x-hub-signature-256", b"").decode("latin-1")
        if not signed(raw, signature, self._keys):
            return self._result("signature", 401)
        try:
            intake = self._reader.read(raw, self._context.clock.now())
        except BROKEN:
            return self._result("not_json", 400)
        failed = ""
        try:
            await self._context.intake(intake)
            if self._media is not None and intake.messages:
                await self._media.note(intake.messages)
        except* Exception as group:  # noqa: BLE001
            # Whatever it is: not on disk, so Meta must bring it again.
            failed = type(group.exceptions[0]).__name__
        if failed:
            self._context.log.error("a webhook could not be kept: %s", failed)
            return self._result("not_kept", 503)
        for event in intake.events:
            if not event.understood:
                self._odd.labels(event.name).inc()
        return self._result("ok", 200)

    def _answer(self, result: str, status: int) -> Response:
        return Response(status_code=self._result(result, status))

    def _result(self, result: str, status: int) -> int:
        self._count.labels(result).inc()
        return status


async def _body(receive: Receive) -> bytes | str:
    """Return the raw body, or why there is none: `too_large`, `cut_off`."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return "cut_off"
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LONGEST:
            return "too_large"
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)
