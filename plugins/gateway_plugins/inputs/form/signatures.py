"""One verifier for the signatures of form tools, CRMs and webhooks.

A profile says where a signature stands, what was signed and how.  It is computed over the raw bytes
and compared in constant time; a header that is missing, or there twice, is no signature.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec
from starlette.datastructures import Headers

from gateway.api import Secret

LONGEST = 4000
"""Characters of a signature header."""

Style = Literal["plain", "list", "versions", "jws", "named", "named_digest"]
Refusal = Literal["missing", "stale", "wrong"]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """How one sender signs.

    `signed` is what the digest covers, with {body} {time} {id} {method} {url} {secret}.  `style`
    is how the header's value is built: `plain` (`prefix` and the digest), `list`
    (`t=…,v1=…`), `versions` (Standard Webhooks: `v1,… v1,…`), `jws` (a JWS about the body's
    digest), `named` (base64 of `id:hex`), `named_digest` (base64 of `id:` and the raw digest).
    `keyed` false is a plain hash over text that holds the secret.
    """

    header: str
    signed: str = "{body}"
    style: Style = "plain"
    algorithm: str = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    prefix: str = ""
    keyed: bool = True
    time_header: str = ""
    unit: int = 1
    """Parts of a second that the time counts: 1, or 1000 for milliseconds."""
    tolerance: float = 300.0
    """Seconds that a time may lie in the past or in the future."""
    id_header: str = ""
    id_needed: bool = False
    """The settings have to give an id that is signed too (TYPO3: the webhook's UUID)."""


PROFILES = {
    "sha256": Profile(header="x-signature"),
    "typeform": Profile(header="typeform-signature", encoding="base64", prefix="sha256="),
    "tally": Profile(header="tally-signature", encoding="base64"),
    "formspree": Profile(header="formspree-signature", style="list", signed="{time}.{body}"),
    "typo3": Profile(header="webhook-signature", signed="{id}:{body}", id_needed=True),
    "netlify": Profile(header="x-webhook-signature", style="jws"),
    "webflow": Profile(
        header="x-webflow-signature",
        signed="{time}:{body}",
        time_header="x-webflow-timestamp",
        unit=1000,
    ),
    "hubspot": Profile(
        header="x-hubspot-signature-v3",
        signed="{method}{url}{body}{time}",
        encoding="base64",
        time_header="x-hubspot-request-timestamp",
        unit=1000,
    ),
    "hubspot-v2": Profile(
        header="x-hubspot-signature", signed="{secret}{method}{url}{body}", keyed=False
    ),
    "hubspot-v1": Profile(header="x-hubspot-signature", signed="{secret}{body}", keyed=False),
    "espocrm": Profile(header="signature", style="named", id_needed=True),
    "espocrm-old": Profile(header="x-signature", style="named_digest", id_needed=True),
    "twenty": Profile(
        header="x-twenty-webhook-signature",
        signed="{time}:{body}",
        time_header="x-twenty-webhook-timestamp",
    ),
    "github": Profile(header="x-hub-signature-256", prefix="sha256="),
    "websub": Profile(header="x-hub-signature", prefix="sha1=", algorithm="sha1"),
    "standard": Profile(
        header="webhook-signature",
        style="versions",
        signed="{id}.{time}.{body}",
        encoding="base64",
        time_header="webhook-timestamp",
        id_header="webhook-id",
    ),
}
"""By the name that settings use."""

# HubSpot, "Validating requests": of an address only these are decoded.
_DECODED = re.compile(r"%(3A|2F|3F|40|21|24|27|28|29|2A|2C|3B)", re.IGNORECASE)
_PLACE = re.compile(r"\{(body|time|id|method|url|secret)\}")


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came.  `url` is the public address that its sender knows, not what a proxy
    made of it."""

    body: bytes
    headers: Headers
    method: str = "POST"
    url: str = ""


def verify(
    profile: Profile, secrets: Sequence[Secret], request: Signed, now: datetime, *, id: str = ""
) -> Refusal | None:
    """Return why a request is not from who has one of the secrets; None: it is.

    `id` is the one that the settings give, for profiles that sign it or name it.
    """
    value = _only(request.headers, profile.header)
    time = _only(request.headers, profile.time_header) if profile.time_header else ""
    given = _only(request.headers, profile.id_header) if profile.id_header else id
    if value is None or time is None or given is None or len(value) > LONGEST:
        return "missing"
    claims = [value]
    if profile.style == "list":
        pairs = [part.strip().partition("=")[::2] for part in value.split(",")]
        times = [text for name, text in pairs if name == "t"]
        claims = [text for name, text in pairs if name == "v1"]
        time = times[0] if len(times) == 1 else ""
    elif profile.style == "versions":
        claims = [part[3:] for part in value.split(" ") if part.startswith("v1,")]
    if "{time}" in profile.signed and not _fresh(time, profile, now):
        return "stale"
    for secret in secrets:
        if not secret.reveal():
            continue
        if profile.style == "jws":
            right = _jws(value, secret, request.body)
        else:
            wanted = _expected(profile, secret, request, time, given)
            right = any(hmac.compare_digest(claim.encode(), wanted) for claim in claims)
        if right:
            return None
    return "wrong"


def _only(headers: Headers, name: str) -> str | None:
    """The header's one value; None if it is missing, empty, or there several times."""
    found = headers.getlist(name)
    return found[0].strip() or None if len(found) == 1 else None


def _fresh(time: str, profile: Profile, now: datetime) -> bool:
    if not re.fullmatch(r"\d{1,15}", time, re.ASCII):
        return False
    return abs(int(time) / profile.unit - now.timestamp()) <= profile.tolerance


def _expected(profile: Profile, secret: Secret, request: Signed, time: str, id: str) -> bytes:
    """Return what the header's value has to be."""
    parts = {
        "body": request.body,
        "time": time.encode(),
        "id": id.encode(),
        "method": request.method.encode(),
        "url": _DECODED.sub(lambda found: chr(int(found[1], 16)), request.url).encode(),
        "secret": secret.reveal().encode(),
    }
    text = b"".join(
        parts[piece] if at % 2 else piece.encode()
        for at, piece in enumerate(_PLACE.split(profile.signed))
    )
    if not profile.keyed:
        return hashlib.new(profile.algorithm, text).hexdigest().encode()
    digest = hmac.digest(_key(profile, secret), text, profile.algorithm)
    if profile.style == "named":
        return b64encode(f"{id}:{digest.hex()}".encode())
    if profile.style == "named_digest":
        return b64encode(f"{id}:".encode() + digest)
    if profile.encoding == "base64":
        return profile.prefix.encode() + b64encode(digest)
    return (profile.prefix + digest.hex()).encode()


def _key(profile: Profile, secret: Secret) -> bytes:
    """Standard Webhooks writes its keys as `whsec_` and base64."""
    text = secret.reveal()
    if profile.style != "versions" or not text.startswith("whsec_"):
        return text.encode()
    try:
        return b64decode(text.removeprefix("whsec_"), validate=True)
    except ValueError:
        return text.encode()


class _Head(msgspec.Struct):
    alg: str


class _Claims(msgspec.Struct):
    iss: str
    sha256: str


def _jws(value: str, secret: Secret, body: bytes) -> bool:
    """Netlify: a compact JWS, HS256 and nothing else, that names the body's SHA-256."""
    head, _, rest = value.partition(".")
    claims, _, tag = rest.partition(".")
    digest = hmac.digest(secret.reveal().encode(), f"{head}.{claims}".encode(), "sha256")
    own = urlsafe_b64encode(digest).rstrip(b"=")
    if not hmac.compare_digest(own, tag.encode()):
        return False
    try:
        read = msgspec.json.decode(_padded(head), type=_Head)
        said = msgspec.json.decode(_padded(claims), type=_Claims)
    except ValueError:  # msgspec's errors are ValueErrors too
        return False
    named = hashlib.sha256(body).hexdigest()
    return (
        read.alg == "HS256"
        and said.iss == "netlify"
        and hmac.compare_digest(said.sha256.encode(), named.encode())
    )


def _padded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
