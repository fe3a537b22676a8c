"""Signed tokens for pages of people without a password.

A token is base64url(subject, end, extra) and HMAC-SHA256 over it and its purpose, cut to 128
bits: one made to withdraw is worth nothing to answer with.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime

import msgspec

TAG = 16
LONGEST = 400


class _Claim(msgspec.Struct, array_like=True):
    subject: int
    until: int
    extra: str = ""


_decode = msgspec.json.Decoder(_Claim).decode


class SignedLinks:
    """Makes and reads tokens.  Implements gateway.given.Links."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def token(
        self, purpose: str, subject: int, *, until: datetime | None = None, extra: str = ""
    ) -> str:
        """See Links.token."""
        end = int(until.timestamp()) if until else 0
        body = msgspec.json.encode(_Claim(subject, end, extra))
        return urlsafe_b64encode(self._tag(purpose, body) + body).decode().rstrip("=")

    def read(self, purpose: str, token: str, now: datetime) -> tuple[int, str] | None:
        """See Links.read."""
        if len(token) > LONGEST:
            return None
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError:
            return None
        tag, body = raw[:TAG], raw[TAG:]
        if not hmac.compare_digest(tag, self._tag(purpose, body)):
            return None
        claim = _decode(body)
        if claim.until and claim.until <= now.timestamp():
            return None
        return claim.subject, claim.extra

    def _tag(self, purpose: str, body: bytes) -> bytes:
        return hmac.digest(self._key, purpose.encode() + b"\0" + body, "sha256")[:TAG]
