"""Signed webhooks, both ways, as standardwebhooks.com describes them."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

from gateway.api import (
    Case,
    ConfigError,
    Context,
    Later,
    NotSent,
    Secret,
    Unknown,
)
from gateway_plugins.observers.forward.settings import WebhookConfig

TOLERANCE = 300
"""Seconds that the clock of the other side may differ (Standard Webhooks' usual five minutes)."""
PREFIX = "whsec_"
SHORTEST = 16
"""Bytes of a secret."""
LATER = 60.0
LATEST = 3600.0
PASSING = frozenset({408, 409, 425, 429})


class Signer:
    """Signs and checks with one secret."""

    def __init__(self, secret: Secret) -> None:
        """Raises ConfigError for a secret that protects nothing."""
        value = secret.reveal()
        try:
            key = b64decode(value.removeprefix(PREFIX), validate=True)
        except ValueError:
            key = b""
        self._key = key if value.startswith(PREFIX) else value.encode()
        if len(self._key) < SHORTEST:
            raise ConfigError(f"webhook.secret has fewer than {SHORTEST} bytes; make a longer one")

    def sign(self, id: str, at: int, body: bytes) -> str:
        """Return `v1,…` over id, time (Unix seconds) and body."""
        text = b".".join((id.encode(), str(at).encode(), body))
        return f"v1,{b64encode(hmac.digest(self._key, text, hashlib.sha256)).decode()}"

    def check(self, headers: Mapping[str, str], body: bytes, now: float) -> str:
        """Return why a request is not believed, "" if it is."""
        id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        if not id or not (stamp.isascii() and stamp.isdecimal() and len(stamp) < 12):
            return "webhook-id and webhook-timestamp have to be there"
        if abs(int(stamp) - now) > TOLERANCE:
            return f"webhook-timestamp is more than {TOLERANCE} seconds away from now"
        expected = self.sign(id, int(stamp), body).encode()
        given = headers.get("webhook-signature", "").encode().split()
        # All are compared, so that the time says nothing.
        if not any([hmac.compare_digest(one, expected) for one in given]):  # noqa: C419
            return "webhook-signature does not fit"
        return ""


class Hook:
    """Tells the company's system."""

    def __init__(self, config: WebhookConfig, context: Context) -> None:
        """Raises ConfigError."""
        self.signer = Signer(config.secret)
        self._config = config
        self._context = context

    async def tell(self, id: str, data: Mapping[str, Any]) -> None:
        """POST `case.opened`.  Raises Later for what may pass, ConfigError for what will not.

        Nothing is followed: a redirect would take a signed question elsewhere.
        """
        now = self._context.clock.now()
        content = {"type": "case.opened", "timestamp": now.isoformat(), "data": data}
        body = msgspec.json.encode(content)
        stamp = int(now.timestamp())
        headers = {
            "content-type": "application/json",
            "webhook-id": id,
            "webhook-timestamp": str(stamp),
            "webhook-signature": self.signer.sign(id, stamp, body),
        }
        try:
            answer = await self._context.http.post(
                self._config.url, body, headers, public_only=self._config.public_only
            )
        except (NotSent, Unknown) as error:  # known by its id if it comes again
            if error.code == "private_address":
                raise ConfigError(
                    "the webhook's name leads to a private address; webhook.private = true lets it"
                ) from None
            raise Later(LATER, f"the webhook cannot be reached ({error.code})") from None
        if 200 <= answer.status < 300:
            return
        if answer.status >= 500 or answer.status in PASSING:
            wait = _seconds(answer.headers.get("retry-after", ""))
            raise Later(wait, f"the webhook answers {answer.status}")
        hint = {
            410: "it is gone for good; remove it or name another url",
            401: "it does not believe the signature; compare the secrets",
            403: "it does not believe the signature; compare the secrets",
        }.get(answer.status, "it refuses what it gets")
        if 300 <= answer.status < 400:
            hint = "redirects are not followed; name the final url"
        raise ConfigError(f"the webhook answers {answer.status}: {hint}")


def payload(case: Case, *, topics: list[str], answer_until: str | None) -> dict[str, Any]:
    """Return what is told of a case: ids as text, since JSON readers round 63 bits."""
    return {
        "case": str(case.id),
        "number": case.number,
        "kind": case.kind,
        "text": case.text,
        "fields": case.fields,
        "contact": str(case.contact) if case.contact is not None else None,
        "language": case.language,
        "topics": topics,
        "opened_at": case.opened_at.isoformat() if case.opened_at else None,
        "due_at": case.due_at.isoformat() if case.due_at else None,
        "answer_until": answer_until,
    }


def _seconds(text: str) -> float:
    if text.isascii() and text.isdecimal() and len(text) < 8:
        return min(max(float(text), 1.0), LATEST)
    return LATER
