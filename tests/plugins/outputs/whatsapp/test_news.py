"""What each of Meta's news changes: every field of the webhooks' reference, and every event."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.api import Effect
from gateway_plugins.outputs.whatsapp import news
from gateway_plugins.outputs.whatsapp.codes import LIFTED_BY_NEWS
from gateway_plugins.outputs.whatsapp.webhook import FIELDS, Reader
from gateway_sandbox.account_news import (
    AccountChange,
    TemplateChange,
    change_account,
    change_template,
)
from gateway_sandbox.settings import Settings
from gateway_sandbox.state import State

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
ON = "22 Nov 2026:"
NUMBER, ACCOUNT = "200000000000002", "100000000000001"
TEMPLATE = {
    "message_template_id": 12,
    "message_template_name": "blog_post",
    "message_template_language": "de",
}

Short = tuple[Any, ...]


def short(effects: tuple[Effect, ...]) -> list[Short]:
    """An effect in a few words: what, and whom it concerns."""
    found: list[Short] = []
    for one in effects:
        if one.what in ("stop", "resume"):
            found.append((one.what, one.scope, one.code, one.marketing))
        elif one.what in ("tier", "pace"):
            found.append((one.what, one.value))
        elif one.what == "quality":
            found.append((one.what, one.name))
        elif one.what == "slow":
            found.append((one.what, one.code))
        else:
            found.append((one.what, one.name, one.language))
    return found


RED = [("quality", "RED"), ("stop", "sender", "quality_red", True)]
GREEN = [("quality", "GREEN"), ("resume", "sender", "quality_red", True)]
PAUSED = [("template_paused", "blog_post", "de")]
GONE = [("template_gone", "blog_post", "de")]
BACK = [("template_back", "blog_post", "de")]
ACCOUNT_STOPS = "stop", "portfolio"
REINSTATED = [
    ("resume", "portfolio", code, marketing)
    for code in ("account_disabled", "restricted", "account_violation", *sorted(LIFTED_BY_NEWS))
    for marketing in (False, True)
]


def template(event: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "message_template_status_update", {"event": event, **TEMPLATE, **more}


def account(event: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "account_update", {"event": event, **more}


def restricted(*kinds: str, **more: Any) -> tuple[str, dict[str, Any]]:
    info = [{"restriction_type": kind, "expiration": 1795000000, **more} for kind in kinds]
    return account("ACCOUNT_RESTRICTION", restriction_info=info)


def number(event: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "phone_number_quality_update", {"event": event, **more}


def alert(severity: str, status: str = "ACTIVE") -> tuple[str, dict[str, Any]]:
    info = {
        "alert_severity": severity, "alert_status": status, "alert_type": "X",
        "alert_description": "Y",
    }  # fmt: skip
    return "account_alerts", {"entity_type": "BUSINESS", "entity_id": "1", "alert_info": info}


BIZ, CUSTOMER = "RESTRICTED_BIZ_INITIATED_MESSAGING", "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"

EVENTS: list[tuple[tuple[str, Any], list[Short]]] = [
    (template("APPROVED"), BACK),
    (template("UNPAUSED"), BACK),
    (template("REINSTATED"), BACK),
    (template("UNARCHIVED"), BACK),
    (template("PAUSED"), PAUSED),
    (template("LIMIT_EXCEEDED"), PAUSED),
    (template("DISABLED"), GONE),
    (template("REJECTED"), GONE),
    (template("DELETED"), GONE),
    (template("PENDING_DELETION"), GONE),
    (template("ARCHIVED"), GONE),
    (template("PENDING"), []),
    (template("IN_APPEAL"), []),
    (template("FLAGGED"), []),
    (template("LOCKED"), []),
    (template("SOMETHING_NEW"), []),
    (("message_template_status_update", {"event": "PAUSED"}), []),
    (("message_template_quality_update", {"new_quality_score": "RED", **TEMPLATE}),
     [("slow", "template_red")]),
    (("message_template_quality_update", {"new_quality_score": "YELLOW", **TEMPLATE}), []),
    (number("FLAGGED", current_limit="TIER_1K"), RED),
    (number("UNFLAGGED"), GREEN),
    (number("UNFLAGGED", current_limit="TIER_1K"), [*GREEN, ("tier", 1000.0)]),
    (number("ONBOARDING", current_limit="TIER_250"), [("tier", 250.0)]),
    (number("UPGRADE", current_limit="TIER_10K"), [("tier", 10_000.0)]),
    (number("DOWNGRADE", max_daily_conversations_per_business="TIER_2K"), [("tier", 2000.0)]),
    (number("THROUGHPUT_UPGRADE"), [("pace", 1000.0)]),
    (number("SOMETHING_NEW", current_limit="TIER_10K"), []),
    (("business_capability_update", {"max_daily_conversations_per_business": 100_000}),
     [("tier", 100_000.0)]),
    (("business_capability_update", {"max_daily_conversations_per_business": "TIER_UNLIMITED"}),
     [("tier", None)]),
    (("business_capability_update", {"max_daily_conversation_per_phone": 1000}),
     [("tier", 1000.0)]),
    (("business_capability_update", {"max_daily_conversation_per_phone": -1}), [("tier", None)]),
    (("business_capability_update", {"max_daily_conversations_per_business": "TIER_NOT_SET"}), []),
    (("business_capability_update", {"max_phone_numbers_per_waba": 25}), []),
    (account("ACCOUNT_VIOLATION", violation_info={"violation_type": "SPAM"}),
     [(*ACCOUNT_STOPS, "account_violation", True)]),
    (restricted(BIZ), [(*ACCOUNT_STOPS, "restricted", True)]),
    (restricted(CUSTOMER), [(*ACCOUNT_STOPS, "restricted", False)]),
    (restricted(BIZ, CUSTOMER),
     [(*ACCOUNT_STOPS, "restricted", True), (*ACCOUNT_STOPS, "restricted", False)]),
    (restricted("RESTRICTED_UTILITY_TEMPLATES"), []),
    (restricted("RESTRICTED_ADD_PHONE_NUMBER_ACTION"), []),
    (account("ACCOUNT_RESTRICTION"), []),
    (account("DISABLED_UPDATE", ban_info={"waba_ban_state": "SCHEDULE_FOR_DISABLE"}),
     [(*ACCOUNT_STOPS, "account_disabled", True)]),
    (account("DISABLED_UPDATE", ban_info={"waba_ban_state": "DISABLE"}),
     [(*ACCOUNT_STOPS, "account_disabled", False)]),
    (account("DISABLED_UPDATE", ban_info={"waba_ban_state": "REINSTATE"}), REINSTATED),
    (account("DISABLED_UPDATE"), []),
    (account("ACCOUNT_DELETED"), [(*ACCOUNT_STOPS, "account_gone", False)]),
    (account("ACCOUNT_OFFBOARDED"), [(*ACCOUNT_STOPS, "account_gone", False)]),
    (account("ACCOUNT_RECONNECTED"), [("resume", "portfolio", "account_gone", False)]),
    (account("VOLUME_BASED_PRICING_TIER_UPDATE", volume_tier_info={"tier": "1:10"}), []),
    (account("AUTH_INTL_PRICE_ELIGIBILITY_UPDATE"), []),
    (account("MM_LITE_TERMS_SIGNED"), []),
    (account("AD_ACCOUNT_LINKED"), []),
    *((account(f"PARTNER_{what}"), [])
      for what in ("ADDED", "REMOVED", "APP_INSTALLED", "APP_UNINSTALLED")),
    (account("SOMETHING_NEW"), []),
    (alert("CRITICAL"), [(*ACCOUNT_STOPS, "account_alert", True)]),
    (alert("CRITICAL", "RESOLVED"), [("resume", "portfolio", "account_alert", True)]),
    (alert("WARNING"), []),
    (alert("INFORMATIONAL"), []),
    (("account_review_update", {"decision": "REJECTED"}), []),
    (("security", {"event": "PIN_CHANGED"}), []),
    (("phone_number_name_update", {"decision": "REJECTED"}), []),
    (("template_category_update", {"new_category": "MARKETING", **TEMPLATE}), []),
    (("message_template_components_update", TEMPLATE), []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    EVENTS,
    ids=[f"{field} {value.get('event', '')}" for (field, value), _ in EVENTS],
)
def test_every_event(change: tuple[str, Any], expected: list[Short]) -> None:
    field, value = change
    assert short(news.effects(field, json.dumps(value).encode(), AT)) == expected


def test_no_field_is_forgotten() -> None:
    """A field that nothing is said about here changes nothing, whatever stands in it."""
    silent = FIELDS - {field for (field, _), expected in EVENTS if expected}
    for field in silent:
        assert news.effects(field, b'{"event": "PAUSED", "alert_info": {}}', AT) == ()


WORDS = [
    (template("PAUSED", reason="NONE", other_info={"title": "FIRST_PAUSE", "description": "Bad."}),
     f"{ON} Meta paused the template blog_post (de) (FIRST_PAUSE Bad.)"),
    (template("REJECTED", reason="PROMOTIONAL"),
     f"{ON} Meta rejected the template blog_post (de) (PROMOTIONAL)"),
    (restricted(BIZ, remediation="Appeal"),
     f"{ON} Meta restricted the account: it may not begin conversations"
     " until 18 Nov 2026 11:06 UTC (Appeal)"),
    (account("DISABLED_UPDATE", ban_info={"waba_ban_state": "SCHEDULE_FOR_DISABLE",
                                          "waba_ban_date": "December 1, 2026"}),
     f"{ON} Meta says that it will disable the account, on December 1, 2026"),
    (account("ACCOUNT_VIOLATION", violation_info={"violation_type": "SPAM"}),
     f"{ON} Meta reports a violation of its policy (SPAM). Look at the account's quality at Meta"),
    (alert("CRITICAL"), f"{ON} Meta alerts: X (Y)"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), WORDS)
def test_the_operator_is_told_when_and_what(change: tuple[str, Any], reason: str) -> None:
    field, value = change
    (effect,) = news.effects(field, json.dumps(value).encode(), AT)
    assert effect.reason == reason


def test_every_stop_has_a_dated_reason_and_a_code_that_is_declared() -> None:
    for (field, value), _ in EVENTS:
        for effect in news.effects(field, json.dumps(value).encode(), AT):
            if effect.what in ("stop", "slow") or effect.what.startswith("template"):
                assert effect.reason.startswith(ON), effect
            if effect.what == "stop":
                assert effect.code in news.STOPS


@pytest.mark.parametrize(
    "value",
    [
        b"[]", b"7", b"null", b'{"event": {"a": 1}}', b'{"event": "PAUSED", "other_info": [1]}',
        b'{"event": "ACCOUNT_RESTRICTION", "restriction_info": "x"}',
        b'{"event": "ACCOUNT_RESTRICTION", "restriction_info": [7, {}, {"restriction_type": []}]}',
        b'{"event": "DISABLED_UPDATE", "ban_info": "DISABLE"}',
        b'{"alert_info": "CRITICAL"}', b'{"max_daily_conversations_per_business": {"a": 1}}',
        b'{"max_daily_conversations_per_business": "TIER_K"}',
        b'{"max_daily_conversations_per_business": "TIER_9999999999K"}',
        b'{"max_daily_conversations_per_business": 0}', b'{"current_limit": true}',
        b'{"max_daily_conversations_per_business": "%s"}' % (b"9" * 5000),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", sorted(FIELDS))
def test_odd_values_change_nothing(field: str, value: bytes) -> None:
    assert news.effects(field, value, AT) == ()


@pytest.mark.parametrize(
    ("expiration", "shown"),
    [("1795000000", " until 18 Nov 2026"), (None, ""), ("x", ""), (1e30, ""), (0, "")],
)
def test_until_when(expiration: Any, shown: str) -> None:
    """Said to the operator, and to the core, which lifts it then."""
    info = [{"restriction_type": BIZ, "expiration": expiration}]
    field, value = account("ACCOUNT_RESTRICTION", restriction_info=info)
    (effect,) = news.effects(field, json.dumps(value).encode(), AT)
    assert ("until" in effect.reason) == bool(shown)
    assert shown in effect.reason
    assert effect.until == (datetime.fromtimestamp(1795000000, UTC) if shown else None)


def test_long_words_of_meta_are_cut() -> None:
    field, value = template("PAUSED", other_info={"title": "a\n" * 500})
    (effect,) = news.effects(field, json.dumps(value).encode(), AT)
    assert len(effect.reason) < 250
    assert "\n" not in effect.reason


# --- whose news, and in which order -----------------------------------------------------------------
def reader(told: list[str] | None = None) -> Reader:
    heard = told if told is not None else []
    return Reader("main", NUMBER, ACCOUNT, lambda *_: None, heard.append)


def posted(field: str, value: Any, at: datetime | None = None, account: str = ACCOUNT) -> bytes:
    entry = {"id": account, "changes": [{"field": field, "value": value}]}
    if at is not None:
        entry["time"] = int(at.timestamp())
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def told(reading: Reader, raw: bytes, now: datetime = AT) -> list[Short]:
    (event,) = reading.read(raw, now).events
    return short(event.effects)


def test_another_account_changes_nothing() -> None:
    assert told(reader(), posted(*number("FLAGGED"))) == RED
    assert told(reader(), posted(*number("FLAGGED"), account="777")) == []


@pytest.mark.parametrize(
    ("ours", "theirs", "about"),
    [
        ("+49 30 1234567", "49301234567", ""),
        ("49301234567", "+49 30 765 4321", "49307654321"),
        ("", "49307654321", "49307654321"),
        ("49301234567", "", ""),
    ],
    ids=["ours", "another number", "ours is not known", "it is not said"],
)
def test_another_number_of_the_account(ours: str, theirs: str, about: str) -> None:
    """Two numbers may share one address: the core knows which sender the other one is."""
    reading = reader()
    reading.name(ours)
    raw = posted(*number("FLAGGED", display_phone_number=theirs))
    (event,) = reading.read(raw, AT).events
    assert short(event.effects) == RED
    assert {effect.about for effect in event.effects} == {about}


def test_news_of_one_number_make_those_of_another_no_older() -> None:
    reading, now = reader(), AT + timedelta(days=3)
    reading.name("49301234567")
    later, theirs = AT + timedelta(days=1), {"display_phone_number": "49307654321"}
    assert told(reading, posted(*number("UNFLAGGED", **theirs), later), now) == GREEN
    assert told(reading, posted(*number("FLAGGED"), AT), now) == RED


def test_the_tier_is_the_portfolios_whichever_number_is_named() -> None:
    field, value = number("UPGRADE", current_limit="TIER_10K", display_phone_number="49307654321")
    (effect,) = news.effects(field, json.dumps(value).encode(), AT, "49301234567")
    assert (effect.what, effect.value, effect.about) == ("tier", 10_000.0, "")


def test_what_is_repeated_for_days_is_older() -> None:
    """Meta brings a webhook again for up to seven days: an old FLAGGED must not stop anew."""
    reading, now = reader(), AT + timedelta(days=3)
    assert told(reading, posted(*number("UNFLAGGED"), AT + timedelta(days=1)), now) == GREEN
    assert told(reading, posted(*number("FLAGGED"), AT), now) == []
    assert told(reading, posted(*template("APPROVED"), AT + timedelta(days=1)), now) == BACK
    assert told(reading, posted(*template("PAUSED"), AT), now) == []
    violation = account("ACCOUNT_VIOLATION")
    assert told(reading, posted(*violation, AT), now), "it is about something else"
    later = posted(*number("FLAGGED"), AT + timedelta(days=2))
    assert told(reading, later, now) == RED


def test_the_sandbox_makes_no_news_that_are_not_read() -> None:
    """All that the stand-in can tell of account and templates, as it words it."""
    state = State(Settings(token="t", app_secret="s"))
    changes = [
        (AccountChange(messaging_limit="TIER_2K"), [("tier", 2000.0)]),
        (AccountChange(messaging_limit="TIER_UNLIMITED"), [("tier", None)]),
        (AccountChange(quality="RED"), RED),
        (AccountChange(quality="GREEN"), [*GREEN, ("tier", None)]),
        (AccountChange(number_event="THROUGHPUT_UPGRADE"), [("pace", 1000.0)]),
        (AccountChange(event="ACCOUNT_VIOLATION"), [(*ACCOUNT_STOPS, "account_violation", True)]),
        (AccountChange(event="ACCOUNT_RESTRICTION"), [(*ACCOUNT_STOPS, "restricted", True)]),
        (AccountChange(event="DISABLED_UPDATE"), [(*ACCOUNT_STOPS, "account_disabled", False)]),
    ]
    for change, expected in changes:
        (made,) = change_account(state, change)
        assert short(news.effects(made.field, json.dumps(made.value).encode(), AT)) == expected
    name, language = "blog_post", "de"
    for status, what in (
        ("PAUSED", "template_paused"), ("APPROVED", "template_back"), ("DISABLED", "template_gone"),
    ):  # fmt: skip
        (made,) = change_template(state, TemplateChange(name, language, status=status))
        (effect,) = news.effects(made.field, json.dumps(made.value).encode(), AT)
        assert (effect.what, effect.name, effect.language) == (what, name, language)
