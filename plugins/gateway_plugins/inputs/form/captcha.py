"""A proof of work for browsers (ALTCHA), made and checked here: no third party sees the visitor.

The signing key lives as long as the process.  A solution counts once: used ones are remembered until
they expire, and after a restart none of the old ones counts.
"""

from __future__ import annotations

import secrets
from base64 import b64decode
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import altcha
import msgspec

VALID = timedelta(minutes=20)
ALGORITHM = "PBKDF2/SHA-256"
COST = 5000
"""Iterations; with the prefix of one byte some 256 tries, about a second on a phone."""
LONGEST = 3000
"""Characters of a solution."""
REMEMBERED = 50_000

Refusal = Literal["missing", "wrong", "expired", "used"]


class _Solution(msgspec.Struct):
    counter: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]
    derivedKey: Annotated[str, msgspec.Meta(max_length=200)]


class _Payload(msgspec.Struct):
    challenge: dict[str, Any]
    solution: _Solution


_decode = msgspec.json.Decoder(_Payload).decode


class Captcha:
    """Makes challenges and checks solutions."""

    def __init__(self, cost: int = COST) -> None:
        self._cost = cost
        self._key = secrets.token_bytes(32)
        self._used: dict[str, float] = {}

    def challenge(self, now: datetime) -> dict[str, Any]:
        """Return a challenge as the ALTCHA widget (v2 of its protocol) reads it."""
        made = altcha.create_challenge(
            ALGORITHM, self._cost, expires_at=int((now + VALID).timestamp()), hmac_secret=self._key
        )
        return dict(made.to_dict())

    def check(self, payload: str, now: datetime) -> Refusal | None:
        """Return why a solution does not count; None: it did, once."""
        if not payload:
            return "missing"
        try:
            if len(payload) > LONGEST:
                return "wrong"
            read = _decode(b64decode(payload, validate=True))
            challenge = altcha.Challenge.from_dict(read.challenge)
            solution = altcha.Solution(read.solution.counter, read.solution.derivedKey)
            found = altcha.verify_solution(altcha.Payload(challenge, solution), self._key)
        except (ValueError, KeyError, TypeError, AttributeError):
            return "wrong"
        until = challenge.parameters.expires_at
        if found.expired or (isinstance(until, int) and until <= now.timestamp()):
            return "expired"
        if not found.verified or not isinstance(until, int):
            return "wrong"
        nonce = challenge.parameters.nonce
        self._forget(now.timestamp())
        if nonce in self._used or len(self._used) >= REMEMBERED:
            return "used"
        self._used[nonce] = until
        return None

    def _forget(self, now: float) -> None:
        while self._used and self._used[first := next(iter(self._used))] <= now:
            del self._used[first]
