"""Who may call: the bearer token, and the proof that goes with it (section 1.2)."""

from __future__ import annotations

import hashlib
import hmac

from gateway_sandbox.graph import GraphError
from gateway_sandbox.server import Request

DENIED = ("WWW-Authenticate", 'OAuth "Facebook Platform" "invalid_token" "Invalid OAuth token"')


class Access:
    """One token and one app secret."""

    def __init__(self, token: str, app_secret: str) -> None:
        self._token = token.encode()
        proof = hmac.digest(app_secret.encode(), self._token, hashlib.sha256)
        self._proof = proof.hex().encode()

    def check_token(self, request: Request) -> None:
        """2500 without a token, 190 with a wrong one."""
        scheme, _, given = (request.header(b"authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not given.strip():
            raise GraphError(
                2500,
                message=(
                    "An active access token must be used to query information about the "
                    "current user."
                ),
            )
        if not hmac.compare_digest(given.strip().encode(), self._token):
            raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")

    def check_proof(self, given: dict[str, object]) -> None:
        """`appsecret_proof`, which nobody has to give; a wrong one is refused."""
        proof = given.get("appsecret_proof", "")
        if "appsecret_proof" in given and not (
            isinstance(proof, str) and hmac.compare_digest(proof.encode(), self._proof)
        ):
            raise GraphError(100, message="Invalid appsecret_proof provided in the API argument")
