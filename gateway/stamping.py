"""Time stamps of a trusted third party (RFC 3161): asked for, and looked at again later."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import (
    Certificate,
    InvalidVersion,
    load_der_x509_certificate,
    load_pem_x509_certificates,
)
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    TimeStampResponse,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)
from rfc3161_client.tsp import PKIStatus

from gateway.errors import GatewayError, NotSent, Unknown
from gateway.services import Http

HEADERS = {
    "content-type": "application/timestamp-query",
    "accept": "application/timestamp-reply",
}


class StampError(GatewayError):
    """There is no usable time stamp; the text says why."""


class Stamp(NamedTuple):
    """A time stamp that belongs to what was stamped.

    `trusted`: its signature leads to one of the given root certificates.  Without any it is not
    looked at, and `by` is only what the answer says of itself.
    """

    at: datetime
    by: str
    trusted: bool


async def stamp(
    http: Http, url: str, message: bytes, roots: Sequence[Certificate] = ()
) -> tuple[bytes, Stamp]:
    """Ask a service to stamp a message; only its SHA-256 leaves.  Returns the answer as it came.

    Raises StampError.
    """
    asked = TimestampRequestBuilder().data(message).hash_algorithm(HashAlgorithm.SHA256).build()
    try:
        response = await http.post(url, asked.as_bytes(), HEADERS)
    except (NotSent, Unknown) as error:
        raise StampError(f"the time-stamping service does not answer: {error}") from None
    if response.status != 200:
        raise StampError(f"the time-stamping service answers with status {response.status}")
    return response.body, read_stamp(response.body, message, roots, nonce=asked.nonce)


def read_stamp(
    answer: bytes,
    message: bytes,
    roots: Sequence[Certificate] = (),
    *,
    nonce: int | None = None,
) -> Stamp:
    """Check an answer of a time-stamping service.  Raises StampError."""
    try:
        response = decode_timestamp_response(answer)
    except ValueError:
        raise StampError("the answer of the time-stamping service is no time stamp") from None
    try:
        if PKIStatus(response.status) != PKIStatus.GRANTED:
            said = ", ".join(response.status_string) or f"status {response.status}"
            raise StampError(f"the time-stamping service refuses: {said}")
        if nonce is not None and response.tst_info.nonce != nonce:
            raise StampError("the time stamp answers another request")
        _check(response, message, roots)
        at = response.tst_info.gen_time
        return Stamp(at.replace(tzinfo=at.tzinfo or UTC), _signer(response), bool(roots))
    except VerificationError as error:
        why = str(error).partition(": ErrorStack")[0]  # OpenSSL's own words help nobody
        raise StampError(f"the time stamp does not hold: {why}") from None
    except (ValueError, UnsupportedAlgorithm, InvalidVersion):
        raise StampError("the time stamp cannot be read as a whole") from None


def _check(response: TimeStampResponse, message: bytes, roots: Sequence[Certificate]) -> None:
    """Compare the stamp with the message, and its signature with the roots if there are any."""
    if roots:
        builder = VerifierBuilder()
        # Certificates that come with the answer must not be added: the library trusts all it gets.
        for root in roots:
            builder = builder.add_root_certificate(root)
        builder.build().verify_message(response, message)
    elif response.tst_info.message_imprint.message != hashlib.sha256(message).digest():
        raise StampError("the time stamp is of something else")


def _signer(response: TimeStampResponse) -> str:
    signers = {(info.issuer, info.serial_number) for info in response.signed_data.signer_infos}
    for raw in response.signed_data.certificates:
        certificate = load_der_x509_certificate(raw)
        if (certificate.issuer, certificate.serial_number) in signers:
            return certificate.subject.rfc4514_string()
    return "a certificate that is not in the answer"


def read_roots(pem: bytes) -> list[Certificate]:
    """Read root certificates from a PEM file.  Raises StampError if there are none."""
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise StampError("holds no certificates in PEM form") from None
