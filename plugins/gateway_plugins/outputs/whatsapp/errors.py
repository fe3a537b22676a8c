"""An answer of the Graph API, by name: the provider's id, or a DeliveryError.

    {"error": {"message": "(#131056) …", "type": "OAuthException", "code": 131056,
               "error_data": {"messaging_product": "whatsapp", "details": "…"},
               "fbtrace_id": "A1b2C3d4E5f6G7h8"}}

Only `code` counts: throttling comes with HTTP 400, 403 or 429 alike (Meta, "Error codes").
"""

from __future__ import annotations

import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from gateway.api import DeliveryError, Rejected, Unknown
from gateway_plugins.outputs.whatsapp.codes import (
    BAD_RECIPIENT,
    NO_ID,
    NOT_GRAPH,
    OTHER,
    PASSING,
    SERVER_ERROR,
    THROTTLED,
    rule_for,
)
from gateway_plugins.outputs.whatsapp.decoding import BROKEN, decoder
from gateway_plugins.outputs.whatsapp.rules import Rule

LONGEST = 86400.0  # seconds that a header may make us wait
DETAIL = 300  # characters
# Longest first: a token or id must not be cut into harmless looking parts.
_PERSONAL = re.compile(
    r"https?://\S+"
    r"|[\w.+-]+@[\w-]+\.[\w.]+"
    r"|\bwamid\.\S+"
    r"|\b[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{6,}"
    r"|\b(?=\w*[A-Z])[\w-]{20,}"  # tokens; names of templates have no capitals
    r"|\b[0-9a-f]{32,}\b"
    r"|\+?\d(?:[ ()./-]{0,2}\d){6,}"
)
# "The parameter to is required.", "Recipient phone number is not valid"
_RECIPIENT = re.compile(
    r"\brecipient\b|\bparameter:? ['\"]?to\b|\bphone[ _]number\b(?![ _]id)", re.IGNORECASE
)
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?")
_TRACE = re.compile(r"[\w-]{1,40}")


class _Sent(msgspec.Struct):
    id: str


class _Accepted(msgspec.Struct):
    messages: list[_Sent]


class _Refused(msgspec.Struct):
    error: Any = None


_accepted = msgspec.json.Decoder(_Accepted).decode
_refused = decoder(_Refused)  # a refusal is understood also if its text is not quite UTF-8


def provider_id(status: int, body: bytes) -> str | None:
    """Return the id of the accepted message, or None if the answer holds none."""
    if not 200 <= status < 300:
        return None
    try:
        sent = _accepted(body.removeprefix(BOM_UTF8)).messages
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return sent[0].id if sent and sent[0].id else None


class _Addressed(msgspec.Struct):
    contacts: Any = None


_addressed = msgspec.json.Decoder(_Addressed).decode


def other_number(body: bytes, phone: str) -> str | None:
    """Return `wa_id` of an accepting answer if it is not the number (E.164) written to.

    That it is the same, as nearly always, is seen without reading the answer.
    """
    digits = phone.removeprefix("+")
    if b'"wa_id":"%s"' % digits.encode() in body:
        return None
    try:
        contacts = _addressed(body.removeprefix(BOM_UTF8)).contacts
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    first = contacts[0] if isinstance(contacts, list) and len(contacts) == 1 else None
    wa_id = first.get("wa_id") if isinstance(first, dict) else None
    return wa_id if isinstance(wa_id, str) and wa_id.removeprefix("+") != digits else None


class Pauses:
    """How long to wait after a refusal; grows while the same refusal goes on."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[int, float]] = {}  # name → steps so far, end of the pause

    def succeeded(self) -> None:
        """Begin again with the shortest pause."""
        if self._steps:
            self._steps.clear()

    def next(self, rule: Rule, tries: int, now: float) -> float | None:
        """Return seconds to wait after a refusal; None: waiting does not help.

        A rule for one contact, message or template goes by `tries`: the refusals of this delivery
        itself so far, this one included, whatever else held it back.  One for all deliveries of a
        sender grows once per pause, however many fail at the same moment.
        `now` is in unix seconds.
        """
        pause = rule.pause
        if pause is None:
            return None
        if rule.scope in {"message", "contact", "template"}:
            return pause.after(tries)
        steps, until = self._steps.get(rule.name, (0, -math.inf))
        if now < until:
            return max(until - now, pause.start)
        seconds = pause.after(steps + 1) or pause.cap
        self._steps[rule.name] = (steps + 1, now + seconds)
        return seconds


class Failure(msgspec.Struct, frozen=True):
    """A refusal, read.  `detail` is safe to keep; `unknown`: it may have been sent."""

    rule: Rule
    detail: str
    unknown: bool = False

    def error(self, retry_after: float | None) -> DeliveryError:
        """As the core wants to hear it; `retry_after` in seconds."""
        if self.unknown:
            return Unknown(self.rule.name, self.detail, scope=self.rule.scope, action="fail")
        action, after = self.rule.follows(retry_after)
        return Rejected(
            self.rule.name, self.detail, retry_after=after, scope=self.rule.scope, action=action
        )


def failure(status: int, body: bytes, hidden: Iterable[str] = ()) -> Failure:
    """Read an answer without a message id.

    `hidden` are strings that must not appear in the detail, besides what looks like one.
    Unknown is whatever Meta may have sent: a 2xx without an id, 408 or 5xx without a Graph
    code, code 131000, and with a 5xx also code 1 and codes that are not in the table.
    """
    try:
        error = _refused(body).error
    except (*BROKEN, RecursionError):
        error = None
    code = number(error.get("code")) if isinstance(error, dict) else None
    if code is None:
        if 200 <= status < 300:
            detail = f"HTTP {status} without the id of a message"
            return Failure(NO_ID, detail, unknown=True)
        detail = f"HTTP {status} without an error code of Meta"
        if status >= 500 or status == 408:
            return Failure(SERVER_ERROR, detail, unknown=True)
        rule = THROTTLED if status == 429 else NOT_GRAPH
        return Failure(rule, detail)
    rule = of_error(error, code)
    unknown = rule.outcome == "unknown" or (status >= 500 and rule.name in _VAGUE)
    if rule is OTHER and status == 429:
        rule = THROTTLED
    elif rule is OTHER and error.get("is_transient") is True:
        rule = PASSING
    return Failure(rule, describe(error, code, hidden), unknown)


_VAGUE = {OTHER.name, rule_for(1).name}
_OF_FIELDS = {rule_for(code).name for code in (100, 131008, 131009)}


def of_error(error: Mapping[str, Any], code: int) -> Rule:
    """Return the rule of an error of an answer or of a webhook; what it says of a field counts."""
    rule = rule_for(code, number(error.get("error_subcode")) or 0)
    said = (_details(error), error.get("message"))
    if rule.name in _OF_FIELDS and any(
        isinstance(text, str) and _RECIPIENT.search(text) for text in said
    ):
        return BAD_RECIPIENT
    return rule


def retry_after(
    rule: Rule, headers: Mapping[str, str], seconds: float | None, now: datetime
) -> float | None:
    """Lengthen `seconds` to what the headers ask for; only throttling and passing trouble.

    `Retry-After` is in seconds or a date; `X-Business-Use-Case-Usage` gives minutes (Meta,
    "Graph API rate limits").
    """
    if seconds is None or rule.family not in {"THR", "TRN"}:
        return seconds
    asked = _seconds(headers.get("retry-after", ""), now)
    if rule.name in {"app_rate", "account_rate"}:
        asked = max(asked, _minutes(headers.get("x-business-use-case-usage", "")) * 60)
    return max(seconds, min(asked, LONGEST))


def _seconds(given: str, now: datetime) -> float:
    """`120`, or `Sat, 21 Nov 2026 12:02:00 GMT`; 0 for what cannot be read."""
    times = [part.strip() for part in given.split(",")]  # a header that came twice is joined
    if all(map(_NUMBER.fullmatch, times)):
        return max(map(float, times))
    try:
        at = parsedate_to_datetime(given)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()
    except (ValueError, TypeError, OverflowError):
        return 0.0


def _minutes(usage: str) -> float:
    """`{"ACCOUNT": [{"estimated_time_to_regain_access": 5, …}]}` → 5"""
    try:
        accounts = msgspec.json.decode(usage, type=dict[str, list[dict[str, Any]]])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return 0.0
    uses = [use.get("estimated_time_to_regain_access") for all in accounts.values() for use in all]
    return max((float(min(u, LONGEST)) for u in uses if isinstance(u, int | float)), default=0.0)


def describe(error: Mapping[str, Any], code: int, hidden: Iterable[str] = ()) -> str:
    """What Meta says about an error, of an answer or of a webhook, without personal data."""
    for text in (
        _details(error),
        error.get("error_user_msg"),
        error.get("message"),
        error.get("title"),
    ):
        if isinstance(text, str) and text.strip():
            break
    else:
        text = ""
    text = re.sub(r"^\(#\d+\)\s*", "", text)
    said = f"Meta {code}: {without_personal(text, hidden)}".rstrip(": ")
    trace = error.get("fbtrace_id")
    if isinstance(trace, str) and _TRACE.fullmatch(trace):
        said += f" (trace {trace})"
    return said


def _details(error: Mapping[str, Any]) -> object:
    data = error.get("error_data")
    return data.get("details") if isinstance(data, dict) else data


def without_personal(text: str, hidden: Iterable[str] = ()) -> str:
    """Return text with numbers of phones, ids, tokens, addresses and `hidden` as `…`."""
    for value in sorted({value for value in hidden if len(value) > 3}, key=len, reverse=True):
        text = text.replace(value, "…")
    text = " ".join(_PERSONAL.sub("…", text).split())
    return text if len(text) <= DETAIL else text[: DETAIL - 1] + "…"


def number(value: object) -> int | None:
    """Return an error code, which may come as text; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        return value if abs(value) < 10**10 else -1  # no code that anybody has, but one
    return int(value) if isinstance(value, str) and re.fullmatch(r"\d{1,9}", value) else None
