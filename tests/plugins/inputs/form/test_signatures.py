"""Signatures: the known value of every profile, and everything that must not pass."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta

import pytest
from starlette.datastructures import Headers

from gateway.api import Secret
from gateway_plugins.inputs.form.signatures import PROFILES, Signed, verify

BODY = '{"event":"lead","phone":"+491713920001","name":"Testkäufer Süd"}'.encode()
SECRET = Secret("test-secret-01")
OTHER = Secret("another-secret")
NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
AT = str(int(NOW.timestamp()))
UUID = "5f0c7b0e-0000-4000-8000-000000000001"
ESPO = "5f0c7b0e000000001"
URL = "https://gw.example.org/in/crm"

# profile → (the header's value, the other headers, the id of the settings, the secret)
KNOWN: dict[str, tuple[str, dict[str, str], str, str]] = {
    "sha256": ("8fd8032ed90f7b1ceed02ecc7ea0c972f6fa98f8cb8d4649b801e538a7a22bc8", {}, "", ""),
    "typeform": ("sha256=j9gDLtkPexzu0C7MfqDJcvb6mPjLjUZJuAHlOKeiK8g=", {}, "", ""),
    "tally": ("j9gDLtkPexzu0C7MfqDJcvb6mPjLjUZJuAHlOKeiK8g=", {}, "", ""),
    "formspree": (
        f"t={AT},v1=01bb52d0b3169f04badea66d762fe35971031590207ec99790d011b73cb85eee",
        {},
        "",
        "",
    ),
    "typo3": ("fa567a7c3e3ebca6b4e2fa3ff5d1628c6dd9468ad1267775411f010dbe19c0fe", {}, UUID, ""),
    "hubspot": (
        "no5E+gvF2DxSRaQMQh3CoF1FGYqzEKmry0kbZV9iy6k=",
        {"x-hubspot-request-timestamp": f"{AT}000"},
        "",
        "",
    ),
    "hubspot-v2": ("001915058b660317c182bd874591665e77982b2262cf454d358435998ebe7464", {}, "", ""),
    "hubspot-v1": ("5712334e2567e9d5bcb0f8091a1944f4a48647d0eb1ae1f915d05a60935f72dd", {}, "", ""),
    "espocrm": (
        "NWYwYzdiMGUwMDAwMDAwMDE6OGZkODAzMmVkOTBmN2IxY2VlZDAyZWNjN2VhMGM5NzJm"
        "NmZhOThmOGNiOGQ0NjQ5YjgwMWU1MzhhN2EyMmJjOA==",
        {},
        ESPO,
        "",
    ),
    "espocrm-old": (
        "NWYwYzdiMGUwMDAwMDAwMDE6j9gDLtkPexzu0C7MfqDJcvb6mPjLjUZJuAHlOKeiK8g=",
        {},
        ESPO,
        "",
    ),
    "twenty": (
        "ecf7bac111884ad8aff3b7aadf09db249d9c8c3154d8c19fb3e333c82739feee",
        {"x-twenty-webhook-timestamp": AT},
        "",
        "",
    ),
    "github": (
        "sha256=8fd8032ed90f7b1ceed02ecc7ea0c972f6fa98f8cb8d4649b801e538a7a22bc8",
        {},
        "",
        "",
    ),
    "websub": ("sha1=3619b3fa76e2a8f153f18c1c4ef805dce0784c6a", {}, "", ""),
    "standard": (
        "v1,iCiVann4XeqDO0nm4Qtb/xVK7axOki53o+wRvCtQzOs=",
        {"webhook-timestamp": AT, "webhook-id": "msg_1"},
        "",
        "whsec_dGVzdC1zZWNyZXQtMDE=",
    ),
    "netlify": (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJuZXRsaWZ5Iiwic2hhMjU2IjoiZjkwNDYxZjFjYWQx"
        "NmQzNGM5MmJlODYwZmU4MDNlZjRiZjUxN2VlMTM4NWE2NDU1N2RkYzgwNTE1ZDY0YzNjMiJ9"
        ".TQlsnsMq9zkr3BuCiUu5gutGnbuv_aQ-7e0CO6dIKcQ",
        {},
        "",
        "",
    ),
}


def check(
    name: str,
    value: str | None = None,
    more: dict[str, str] | None = None,
    *,
    body: bytes = BODY,
    secrets: tuple[Secret, ...] = (),
    now: datetime = NOW,
    extra: tuple[tuple[bytes, bytes], ...] = (),
    id: str | None = None,
    url: str = URL,
    method: str = "POST",
) -> str | None:
    """Verify a request of the profile, as it should be but for what is given."""
    known, headers, known_id, secret = KNOWN[name]
    fields = {PROFILES[name].header: known if value is None else value, **headers, **(more or {})}
    raw = [(k.encode(), v.encode("latin-1")) for k, v in fields.items() if v]
    return verify(
        PROFILES[name],
        secrets or (Secret(secret) if secret else SECRET,),
        Signed(body=body, headers=Headers(raw=[*raw, *extra]), method=method, url=url),
        now,
        id=known_id if id is None else id,
    )


def test_every_profile_has_a_known_value() -> None:
    assert PROFILES.keys() - KNOWN.keys() == {"webflow"}, "the same shape as twenty, in ms"


@pytest.mark.parametrize("name", KNOWN)
def test_the_known_value_passes_with_any_of_the_secrets(name: str) -> None:
    assert check(name) is None
    own = Secret(KNOWN[name][3]) if KNOWN[name][3] else SECRET
    assert check(name, secrets=(OTHER, own)) is None


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"body": BODY + b" "}, "wrong"),
        ({"body": b""}, "wrong"),
        ({"secrets": (OTHER,)}, "wrong"),
        ({"secrets": (Secret(""),)}, "wrong"),
        ({"value": ""}, "missing"),
        ({"value": "x" * 5000}, "missing"),
    ],
)
def test_anything_else_does_not(name: str, change: dict[str, object], why: str) -> None:
    found = check(name, **change)  # type: ignore[arg-type]
    assert found == why or (found == "stale" and name == "formspree"), "no value, no time in it"


@pytest.mark.parametrize("name", KNOWN)
@pytest.mark.parametrize("value", ["x", "é", "=", ",", "v1,", "a.b.c", "..", "sha256=", "t=,v1="])
def test_rubbish_is_refused(name: str, value: str) -> None:
    assert check(name, value) in ("wrong", "stale")


@pytest.mark.parametrize("name", KNOWN)
def test_a_header_that_is_there_twice_is_none(name: str) -> None:
    again = ((PROFILES[name].header.encode(), KNOWN[name][0].encode()),)
    assert check(name, extra=again) == "missing"


TIMED = [name for name in KNOWN if "{time}" in PROFILES[name].signed]


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize(
    ("seconds", "found"), [(-301, "stale"), (-299, None), (299, None), (301, "stale")]
)
def test_times_too_old_or_too_far_ahead(name: str, seconds: int, found: str | None) -> None:
    assert check(name, now=NOW + timedelta(seconds=seconds)) == found


@pytest.mark.parametrize("time", ["0", "-1", "1e9", "١٧", "9" * 30, "NaN"])
def test_a_time_that_is_none(time: str) -> None:
    fields = {"x-twenty-webhook-timestamp": time} if time.isascii() else {}
    more = () if time.isascii() else ((b"x-twenty-webhook-timestamp", time.encode()),)
    assert check("twenty", more=fields, extra=more) in ("stale", "missing")


def test_what_is_signed_beside_the_body_counts() -> None:
    assert check("hubspot", url="https://gw.example.org/in/other") == "wrong"
    assert check("hubspot", method="PUT") == "wrong"
    assert check("typo3", id="") == "wrong"
    assert check("typo3", id="5f0c7b0e-0000-4000-8000-000000000002") == "wrong"
    assert check("standard", more={"webhook-id": "msg_2"}) == "wrong"
    assert check("standard", more={"webhook-id": ""}) == "missing"


def test_hubspot_decodes_a_few_characters_of_the_address() -> None:
    """HubSpot, "Validating requests": only these; a %20 stays."""
    plain = "https://gw.example.org/in/crm?a=b:c%20d"
    text = f"POST{plain}".encode() + BODY + f"{AT}000".encode()
    value = b64encode(hmac.digest(SECRET.reveal().encode(), text, "sha256")).decode()
    assert check("hubspot", value, url=plain.replace("b:c", "b%3Ac")) is None


def test_several_signatures_of_a_rotation() -> None:
    right = KNOWN["standard"][0]
    assert check("standard", f"v1,AAAA {right} v2,BBBB") is None
    assert check("formspree", KNOWN["formspree"][0] + ",v1=00") is None
    assert check("formspree", f"t={AT}," + KNOWN["formspree"][0]) == "stale", "two times are none"


@pytest.mark.parametrize("alg", ["none", "HS512", "RS256", ""])
def test_a_jws_of_another_algorithm_is_none(alg: str) -> None:
    def part(value: object) -> str:
        return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    claims = part({"iss": "netlify", "sha256": hashlib.sha256(BODY).hexdigest()})
    text = f"{part({'alg': alg})}.{claims}"
    tag = hmac.digest(SECRET.reveal().encode(), text.encode(), "sha256")
    value = f"{text}.{urlsafe_b64encode(tag).rstrip(b'=').decode()}"
    assert check("netlify", value) == "wrong"
    assert check("netlify", text + ".") == "wrong"
