"""Graph API errors: the codes of section 5.4, and the shape of section 5.1."""

from __future__ import annotations

from typing import Any

import msgspec

ERROR_PAGE = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"

# code: (HTTP status, title)
CODES: dict[int, tuple[int, str]] = {
    0: (401, "AuthException"),
    1: (400, "API Unknown"),
    2: (503, "API Service"),
    3: (500, "API Method"),
    4: (400, "API Too Many Calls"),
    10: (403, "Permission Denied"),
    33: (400, "Parameter value is not valid"),
    100: (400, "Invalid parameter"),
    190: (401, "Access token has expired"),
    200: (403, "API Permission"),
    368: (403, "Temporarily blocked for policies violations"),
    2200: (400, "Callback verification failed"),
    2500: (400, "An active access token must be used to query information"),
    80007: (400, "Rate limit issues"),
    130403: (403, "Business has blocked this user"),
    130429: (400, "Rate limit hit"),
    130472: (400, "User's number is part of an experiment"),
    130497: (403, "Business account is restricted from messaging users in this country"),
    131000: (500, "Something went wrong"),
    131005: (403, "Access denied"),
    131008: (400, "Required parameter is missing"),
    131009: (400, "Parameter value is not valid"),
    131014: (400, "Request for media link failed"),
    131016: (500, "Service unavailable"),
    131020: (400, "Group has only one member"),
    131021: (400, "Recipient cannot be sender"),
    131026: (400, "Message undeliverable"),
    131030: (400, "Recipient phone number not in allowed list"),
    131031: (403, "Account has been locked"),
    131037: (400, "Display name needs to be approved"),
    131041: (400, "Unknown group"),
    131042: (400, "Business eligibility payment issue"),
    131045: (500, "Incorrect certificate"),
    131047: (400, "Re-engagement message"),
    131048: (400, "Spam rate limit hit"),
    131049: (400, "Not delivered to maintain healthy ecosystem engagement"),
    131050: (400, "User has stopped receiving marketing messages"),
    131051: (400, "Unsupported message type"),
    131052: (400, "Media download error"),
    131053: (400, "Media upload error"),
    131055: (400, "Method not allowed"),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: (500, "Account in maintenance mode"),
    131059: (400, "Cursor expired"),
    131062: (400, "Business-scoped user id not allowed here"),
    131063: (400, "Marketing templates are disabled on Cloud API"),
    131064: (400, "Restricted for template classification violations"),
    131202: (400, "Duplicate participants"),
    131204: (400, "Participant limit exceeded"),
    131207: (403, "Group suspended"),
    131208: (429, "Group rate limit hit"),
    131214: (400, "Group creation disabled"),
    131215: (400, "Number not eligible for groups"),
    132000: (400, "Number of parameters does not match the expected number of params"),
    132001: (404, "Template name does not exist in the translation"),
    132005: (400, "Translated text too long"),
    132007: (400, "Template format character policy violated"),
    132008: (400, "Template parameter value invalid"),
    132012: (400, "Parameter format does not match format in the created template"),
    132015: (400, "Template is paused"),
    132016: (400, "Template is disabled"),
    132018: (400, "Template parameter validation failed"),
    132068: (400, "Flow is blocked"),
    132069: (400, "Flow is throttled"),
    133005: (400, "Two-step verification PIN mismatch"),
    133010: (400, "Phone number not registered"),
    133016: (400, "Too many registrations"),
    134011: (400, "Payments terms not accepted"),
    134100: (400, "Not eligible for marketing messages"),
    134101: (400, "Template is not synced"),
    134102: (500, "Template is unavailable for use"),
    135000: (400, "Generic user error"),
    137000: (400, "User identity hash mismatch"),
    139100: (400, "Failed to block or unblock some users"),
    139101: (400, "Limit of blocked users reached"),
    139200: (400, "Direct send blocked"),
    2388019: (400, "Message template limit reached"),
    2388040: (400, "Field is too long"),
    2388047: (400, "Header or body format is not valid"),
    2388073: (400, "Footer format is not valid"),
    2388299: (400, "Variable at the start or the end"),
}


RATES = (4, 80007, 130429, 131056)
"""Codes whose HTTP status was seen as 400, 403 and 429 (section 5.2)."""


class GraphError(Exception):
    """A request that the API refuses.

    `details` says what is wrong with this request; `http` overrides the status of the table, and
    then it is not the `usual` one.
    """

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        message: str | None = None,
        subcode: int | None = None,
        http: int | None = None,
    ) -> None:
        status, title = CODES.get(code, (400, "Unknown error"))
        super().__init__(f"(#{code}) {details or title}")
        self.code = code
        self.details = details
        self.message = message if message is not None else f"(#{code}) {title}"
        self.subcode = subcode
        self.http = http if http is not None else status
        self.usual = http is None

    def body(self, trace: str) -> dict[str, Any]:
        """The answer's body (section 5.1); `trace` becomes `fbtrace_id`."""
        error: dict[str, Any] = {
            "message": self.message,
            "type": "GraphMethodException" if self.subcode == 33 else "OAuthException",
            "code": self.code,
        }
        if self.details:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        error["fbtrace_id"] = trace
        return {"error": error}


def parse_object(raw: bytes) -> dict[str, Any]:
    """The body of a request, which has to be a JSON object."""
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise GraphError(100, "The request body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise GraphError(100, "The request body is not a JSON object.")
    return body


def unknown_object(method: str, name: str) -> GraphError:
    """A path that starts with an id nobody knows (section 1.2)."""
    return GraphError(
        100,
        message=(
            f"Unsupported {method.lower()} request. Object with ID '{name}' does not exist, "
            "cannot be loaded due to missing permissions, or does not support this operation"
        ),
        subcode=33,
    )


def webhook_error(code: int, details: str) -> dict[str, Any]:
    """One element of `statuses[].errors[]` (section 5.1)."""
    title = CODES[code][1]
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details},
        "href": ERROR_PAGE,
    }
