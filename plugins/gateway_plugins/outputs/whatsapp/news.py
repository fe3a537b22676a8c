"""What Meta's news of account, number and templates change: webhooks as Effects.

    {"field": "phone_number_quality_update", "value": {"display_phone_number": "…",
     "event": "FLAGGED", "current_limit": "TIER_10K"}}
    {"field": "account_update", "value": {"event": "ACCOUNT_RESTRICTION", "restriction_info":
     [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": 1795000000}]}}

Shapes: Meta, "Webhooks reference" (each field has a page), "Messaging limits", "Template
quality".  News that are not named here change nothing and are kept as they came.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.api import Effect, cut
from gateway_plugins.outputs.whatsapp.codes import LIFTED_BY_NEWS
from gateway_plugins.outputs.whatsapp.decoding import BROKEN, decoder
from gateway_plugins.outputs.whatsapp.incoming import inside, string

QUALITY_RED = "quality_red"
RESTRICTED = "restricted"
VIOLATION = "account_violation"
DISABLED = "account_disabled"
GONE = "account_gone"
ALERT = "account_alert"
STOPS = frozenset({QUALITY_RED, RESTRICTED, VIOLATION, DISABLED, GONE, ALERT})
"""Why a number or account stops because of news."""

STANDARD, HIGH, WITH_APP = 80.0, 1000.0, 20.0
"""Messages a second, inbound included (Meta, "Throughput"); with the app: coexistence."""

_PEOPLE = re.compile(r"([0-9]{1,9})([KM]?)")
_UNITS = {"": 1, "K": 1_000, "M": 1_000_000}
_BACK = {"APPROVED", "UNPAUSED", "REINSTATED", "UNARCHIVED"}
_AWAY = {"PAUSED": "paused", "LIMIT_EXCEEDED": "holds back (too many templates)"}
_GONE = {
    "DISABLED": "disabled",
    "REJECTED": "rejected",
    "DELETED": "deleted",
    "PENDING_DELETION": "is deleting",
    "ARCHIVED": "archived",
}
_FORBIDDEN = {
    "RESTRICTED_BIZ_INITIATED_MESSAGING": ("it may not begin conversations", True),
    "RESTRICTED_CUSTOMER_INITIATED_MESSAGING": ("it may not even answer people", False),
}
"""What a restriction forbids, and whether that is its marketing only."""
LONGEST = 160
"""Characters of Meta's own words in a reason."""


class _Value(msgspec.Struct):
    event: Any = None
    display_phone_number: Any = None
    current_limit: Any = None
    max_daily_conversations_per_business: Any = None
    max_daily_conversation_per_phone: Any = None
    message_template_name: Any = None
    message_template_language: Any = None
    new_quality_score: Any = None
    reason: Any = None
    other_info: Any = None
    violation_info: Any = None
    restriction_info: Any = None
    ban_info: Any = None
    alert_info: Any = None


_value = decoder(_Value)


def effects(
    field: str, raw: msgspec.Raw | bytes, at: datetime, own: str = ""
) -> tuple[Effect, ...]:
    """Return what a change means.  `own` is our number in digits, "" if it is not known yet: what
    is about another number of the account says so."""
    try:
        value = _value(raw)
    except BROKEN:
        return ()
    event = string(value.event).upper()
    match field:
        case "phone_number_quality_update":
            told = digits(string(value.display_phone_number))
            return tuple(
                msgspec.structs.replace(
                    one, about="" if one.scope == "portfolio" or told == own else told
                )
                for one in _number(value, event, at)
            )
        case "business_capability_update":
            return _tier(value)
        case "message_template_status_update":
            return _template(value, event, at)
        case "message_template_quality_update":
            return _template_quality(value, at)
        case "account_update":
            return _account(value, event, at)
        case "account_alerts":
            return _alert(value, at)
    return ()


def digits(number: str) -> str:
    """Return the digits of a number, however it is written."""
    return "".join(one for one in number if one.isdecimal())


def quality(rating: str, at: datetime, *, known: str = "") -> tuple[Effect, ...]:
    """Return what a number's quality means: RED stops its marketing, YELLOW slows it down.

    `known` is what was known before: one that stays YELLOW is not slowed down once more.
    """
    if rating not in ("GREEN", "YELLOW", "RED"):
        return ()
    now = Effect(what="quality", name=rating)
    if rating == "RED":
        reason = (
            f"{_on(at)} Meta rates the number's quality low (RED): people block or report it."
            " Send less, and only what they asked for; it goes on by itself when Meta rates it better"
        )
        return (now, Effect(what="stop", code=QUALITY_RED, marketing=True, reason=reason))
    back = Effect(
        what="resume", code=QUALITY_RED, marketing=True,
        reason=f"{_on(at)} Meta rates the number's quality {rating}",
    )  # fmt: skip
    if rating == "YELLOW" and known != "YELLOW":
        reason = f"{_on(at)} Meta rates the number's quality YELLOW"
        return (now, back, Effect(what="slow", code="quality_yellow", reason=reason))
    return (now, back)


def limit(value: Any) -> tuple[Effect, ...]:
    """Return the portfolio's tier: `TIER_10K`, a number of people, `TIER_UNLIMITED` or -1."""
    text = string(value).strip().upper().removeprefix("TIER_")
    if text in ("UNLIMITED", "-1"):
        return (Effect(what="tier", scope="portfolio", value=None),)
    found = _PEOPLE.fullmatch(text)
    people = int(found[1]) * _UNITS[found[2]] if found else 0
    return (Effect(what="tier", scope="portfolio", value=float(people)),) if people else ()


def _tier(value: _Value) -> tuple[Effect, ...]:
    told = (
        value.max_daily_conversations_per_business,
        value.current_limit,
        value.max_daily_conversation_per_phone,
    )
    return next((found for one in told if (found := limit(one))), ())


def _number(value: _Value, event: str, at: datetime) -> tuple[Effect, ...]:
    match event:
        case "FLAGGED":
            return quality("RED", at)
        case "UNFLAGGED":
            return (*quality("GREEN", at), *_tier(value))
        case "THROUGHPUT_UPGRADE":
            return (Effect(what="pace", value=HIGH),)
        case "ONBOARDING" | "UPGRADE" | "DOWNGRADE":
            return _tier(value)
    return ()


def _template(value: _Value, event: str, at: datetime) -> tuple[Effect, ...]:
    name, language = string(value.message_template_name), string(value.message_template_language)
    if not name:
        return ()
    if event in _BACK:
        reason = f"{_on(at)} Meta lets the template {name} ({language}) go again"
        return (Effect(what="template_back", scope="template", name=name, language=language,
                       reason=reason),)  # fmt: skip
    verb = _AWAY.get(event) or _GONE.get(event)
    if verb is None:
        return ()
    reason = f"{_on(at)} Meta {verb} the template {name} ({language})"
    why = [string(value.reason), string(inside(value.other_info, "title")),
           string(inside(value.other_info, "description"))]  # fmt: skip
    reason += _quoted(*(one for one in why if one not in ("", "NONE")))
    what = Effect(
        what="template_paused" if event in _AWAY else "template_gone", scope="template",
        code=f"template_{'paused' if event in _AWAY else 'gone'}", name=name, language=language,
        reason=reason,
    )  # fmt: skip
    return (what,)


def _template_quality(value: _Value, at: datetime) -> tuple[Effect, ...]:
    """A template rated RED is paused next: what still goes, goes slower."""
    if string(value.new_quality_score).upper() != "RED":
        return ()
    name, language = string(value.message_template_name), string(value.message_template_language)
    reason = f"{_on(at)} Meta rates the template {name} ({language}) low (RED)"
    return (Effect(what="slow", code="template_red", name=name, language=language, reason=reason),)


def _account(value: _Value, event: str, at: datetime) -> tuple[Effect, ...]:
    match event:
        case "ACCOUNT_VIOLATION":
            kind = string(inside(value.violation_info, "violation_type"))
            reason = f"{_on(at)} Meta reports a violation of its policy{_quoted(kind)}"
            return (_stop(VIOLATION, f"{reason}. Look at the account's quality at Meta", True),)
        case "ACCOUNT_RESTRICTION":
            return _restriction(value, at)
        case "DISABLED_UPDATE":
            return _ban(value, at)
        case "ACCOUNT_DELETED":
            return (_stop(GONE, f"{_on(at)} the account was deleted at Meta"),)
        case "ACCOUNT_OFFBOARDED":
            return (_stop(GONE, f"{_on(at)} the number was taken from the Cloud API"),)
        case "ACCOUNT_RECONNECTED":
            return (_resume(GONE, f"{_on(at)} the number is at the Cloud API again"),)
    return ()


def _restriction(value: _Value, at: datetime) -> tuple[Effect, ...]:
    found = []
    listed = value.restriction_info if isinstance(value.restriction_info, list) else []
    for info in listed:
        kind = string(inside(info, "restriction_type"))
        if kind not in _FORBIDDEN:
            continue
        what, marketing = _FORBIDDEN[kind]
        until = _until(info)
        reason = f"{_on(at)} Meta restricted the account: {what}"
        if until is not None:
            reason += f" until {until:%d %b %Y %H:%M} UTC"
        remedy = string(inside(info, "remediation"))
        found.append(_stop(RESTRICTED, reason + _quoted(remedy), marketing, until))
    return tuple(found)


def _ban(value: _Value, at: datetime) -> tuple[Effect, ...]:
    state = string(inside(value.ban_info, "waba_ban_state")).upper()
    day = cut(string(inside(value.ban_info, "waba_ban_date")), 40)
    match state:
        case "SCHEDULE_FOR_DISABLE":
            reason = f"{_on(at)} Meta says that it will disable the account"
            return (_stop(DISABLED, f"{reason}{f', on {day}' if day else ''}", True),)
        case "DISABLE":
            return (_stop(DISABLED, f"{_on(at)} Meta disabled the account"),)
        case "REINSTATE":
            reason = f"{_on(at)} Meta reinstated the account"
            return tuple(
                _resume(code, reason, marketing)
                for code in (DISABLED, RESTRICTED, VIOLATION, *sorted(LIFTED_BY_NEWS))
                for marketing in (False, True)
            )
    return ()


def _alert(value: _Value, at: datetime) -> tuple[Effect, ...]:
    """Only a critical one stops; the others are advice, such as how to get a higher limit."""
    info = value.alert_info
    if string(inside(info, "alert_severity")).upper() != "CRITICAL":
        return ()
    kind = string(inside(info, "alert_type"))
    if string(inside(info, "alert_status")).upper() not in ("ACTIVE", ""):
        return (_resume(ALERT, f"{_on(at)} Meta's alert {kind} is over", True),)
    words = _quoted(string(inside(info, "alert_description")))
    return (_stop(ALERT, f"{_on(at)} Meta alerts: {kind or 'critical'}{words}", True),)


def _stop(code: str, reason: str, marketing: bool = False, until: datetime | None = None) -> Effect:
    return Effect(
        what="stop", scope="portfolio", code=code, reason=reason, marketing=marketing, until=until
    )


def _resume(code: str, reason: str, marketing: bool = False) -> Effect:
    return Effect(what="resume", scope="portfolio", code=code, reason=reason, marketing=marketing)


def _on(at: datetime) -> str:
    return f"{at.astimezone(UTC):%d %b %Y}:"


def _until(info: Any) -> datetime | None:
    try:
        at = datetime.fromtimestamp(float(inside(info, "expiration")), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return at if at.year > 2000 else None


def _quoted(*words: str) -> str:
    """Meta's own words, on one line and not too long."""
    said = cut(" ".join(" ".join(words).split()), LONGEST)
    return f" ({said})" if said else ""
