"""The webhook's two routes: Meta's question whether we are it (GET), and what happened (POST)."""

from __future__ import annotations

import hmac
from contextlib import aclosing
from datetime import datetime, timedelta

from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

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
            Route("/", self.receive, methods=["POST"]),
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

    async def receive(self, request: Request) -> Response:
        """Verify, read and hand in one webhook."""
        try:
            raw = await _body(request)
        except ClientDisconnect:
            return self._answer("cut_off", 400)
        if raw is None:
            return self._answer("too_large", 413)
        # Before anything of it is parsed, and without saying which part did not fit.
        if not signed(raw, request.headers.get("x-hub-signature-256"), self._keys):
            return self._answer("signature", 401)
        try:
            intake = self._reader.read(raw, self._context.clock.now())
        except BROKEN:
            return self._answer("not_json", 400)
        failed = ""
        try:
            await self._context.intake(intake)
            if self._media is not None:
                await self._media.note(intake.messages)
        except* Exception as group:  # noqa: BLE001
            # Whatever it is: not on disk, so Meta must bring it again.
            failed = type(group.exceptions[0]).__name__
        if failed:
            self._context.log.error("a webhook could not be kept: %s", failed)
            return self._answer("not_kept", 503)
        for event in intake.events:
            if not event.understood:
                self._odd.labels(event.name).inc()
        return self._answer("ok", 200)

    def _answer(self, result: str, status: int) -> Response:
        self._count.labels(result).inc()
        return Response(status_code=status)


async def _body(request: Request) -> bytes | None:
    """Return the raw body, None if it has more than LONGEST bytes."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > LONGEST:
        return None
    chunks: list[bytes] = []
    size = 0
    async with aclosing(request.stream()) as stream:
        async for chunk in stream:
            size += len(chunk)
            if size > LONGEST:
                return None
            chunks.append(chunk)
    return b"".join(chunks)
