"""What Meta tells about templates, numbers and the account: every field of section 6.7."""

from __future__ import annotations

import datetime
from typing import Any

import msgspec

from gateway_sandbox.leaving import Change
from gateway_sandbox.limits import TIERS
from gateway_sandbox.people import parse_person
from gateway_sandbox.state import State
from gateway_sandbox.templates import Template
from gateway_sandbox.webhooks import PERSONAL

Json = dict[str, Any]

STATUSES = (
    "APPROVED", "PENDING", "REJECTED", "PAUSED", "DISABLED", "IN_APPEAL", "FLAGGED", "LOCKED",
    "LIMIT_EXCEEDED", "PENDING_DELETION", "ARCHIVED",
)  # fmt: skip
QUALITIES = ("GREEN", "YELLOW", "RED", "UNKNOWN")
CATEGORIES = ("MARKETING", "UTILITY", "AUTHENTICATION")
RESTRICTIONS = (368, 131031, 131042)
_PAUSES = ("FIRST_PAUSE", "SECOND_PAUSE")
_NUMBER_EVENTS = (
    "ONBOARDING", "UPGRADE", "DOWNGRADE", "FLAGGED", "UNFLAGGED", "THROUGHPUT_UPGRADE",
)  # fmt: skip


class TemplateChange(msgspec.Struct, forbid_unknown_fields=True):
    """Meta changes its mind about a template: at least one of status, quality and category.

    `reason`: why it was rejected (section 6.7).
    """

    name: str
    language: str
    status: str | None = None
    quality: str | None = None
    category: str | None = None
    reason: str = "NONE"


class Alert(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One `account_alerts`."""

    alert_type: str
    alert_description: str
    alert_severity: str = "WARNING"
    alert_status: str = "ACTIVE"
    entity_type: str = "BUSINESS"


class AccountChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Something happens to the account.  Any of these, each told by its own webhook.

    `messaging_limit`: the portfolio's tier.  `number_event`, `quality`: of a business number
    (`phone_number_id`, else the first).  `event`: an `account_update`; `info`: what stands beside
    it (`ban_info`, `violation_info`, `restriction_info` …), made up for the known ones.  `alert`.
    `field`, `value`: any other change, word for word.

    Told by nobody, at Meta neither: `restriction`: the code that sends are refused with from now
    on, 0: no more.  `allowed`: whom a test number may write to, [] for everyone again.
    """

    messaging_limit: str | None = None
    number_event: str | None = None
    quality: str | None = None
    event: str | None = None
    info: Json | None = None
    alert: Alert | None = None
    field: str | None = None
    value: Json | None = None
    restriction: int | None = None
    allowed: tuple[str, ...] | None = None
    phone_number_id: str | None = None


def change_template(state: State, change: TemplateChange) -> list[Change]:
    """Change it, and return what the business hears of it.  LookupError if it does not exist."""
    template = state.templates.get(change.name, change.language)
    if template is None:
        raise LookupError(f"there is no template {change.name} in {change.language}")
    _one_of("status", change.status, STATUSES)
    _one_of("quality", change.quality, QUALITIES)
    _one_of("category", change.category, CATEGORIES)
    if change.status is None and change.quality is None and change.category is None:
        raise ValueError("a template changes its status, its quality or its category")
    found = []
    head: Json = {
        "message_template_id": int(template.id),
        "message_template_name": template.name,
        "message_template_language": template.language,
    }
    if change.status is not None:
        found.append(_status(template, change, head))
    if change.quality is not None:
        before, template.quality = template.quality, change.quality
        value = {"previous_quality_score": before, "new_quality_score": change.quality, **head}
        found.append(Change("message_template_quality_update", value))
    if change.category is not None:
        old, template.category = template.category, change.category
        template.previous_category = old
        value = {**head, "previous_category": old, "new_category": change.category}
        found.append(Change("template_category_update", value))
    return found


def _status(template: Template, change: TemplateChange, head: Json) -> Change:
    """`message_template_status_update`; the third pause is for good (section 2.5)."""
    before, template.status = template.status, str(change.status)
    event = template.status
    if event == "APPROVED" and before == "PAUSED":
        event = "UNPAUSED"
    value: Json = {
        "event": event,
        **head,
        "message_template_category": template.category,
        "reason": change.reason,
    }
    if event == "PAUSED":
        template.pauses += 1
        title = _PAUSES[min(template.pauses, len(_PAUSES)) - 1]
        value["other_info"] = {"title": title, "description": "People reacted badly to it."}
    if event == "DISABLED":
        value["disable_info"] = {"disable_date": "1795000000"}
    if event == "REJECTED":
        template.rejected_reason = change.reason
        value["rejection_info"] = {"reason": change.reason, "recommendation": "Edit it."}
    return Change("message_template_status_update", value)


def change_account(state: State, change: AccountChange) -> list[Change]:
    """Change it, and return what the business hears of it.  ValueError, and nothing is changed,
    for what makes no sense."""
    _check(state, change)
    number = state.numbers[change.phone_number_id or next(iter(state.numbers))]
    found = []
    if change.restriction is not None:
        state.account.restriction = change.restriction or None
    if change.allowed is not None:
        state.account.allowed = None
        if change.allowed:
            state.account.allow(change.allowed)
    if change.messaging_limit is not None:
        state.reach.tier = change.messaging_limit
        limit = state.reach.limit
        people: int | str = change.messaging_limit if limit is None else limit
        value: Json = {
            "max_daily_conversations_per_business": people,
            "max_phone_numbers_per_business": 25,
            "max_phone_numbers_per_waba": 25,
        }
        found.append(Change("business_capability_update", value))
    if change.quality is not None:
        number.quality = change.quality
    if change.quality is not None or change.number_event is not None:
        event = change.number_event or ("UNFLAGGED" if change.quality == "GREEN" else "FLAGGED")
        value = {
            "display_phone_number": number.digits,
            "event": event,
            "current_limit": state.reach.tier,
            "max_daily_conversations_per_business": state.reach.tier,
        }
        found.append(Change("phone_number_quality_update", value))
    if change.event is not None:
        info = _known_info(change.event, state) if change.info is None else change.info
        found.append(Change("account_update", {"event": change.event, **info}))
    if change.alert is not None:
        alert = msgspec.to_builtins(change.alert)
        entity = alert.pop("entity_type")
        value = {"entity_type": entity, "entity_id": state.settings.account_id}
        found.append(Change("account_alerts", value | {"alert_info": alert}))
    if change.field is not None:
        found.append(Change(change.field, change.value or {}))
    return found


def _check(state: State, change: AccountChange) -> None:
    given = msgspec.structs.asdict(change)
    if all(value is None for key, value in given.items() if key != "phone_number_id"):
        raise ValueError(f"nothing changes; there are {', '.join(given)}")
    _one_of("messaging_limit", change.messaging_limit, tuple(TIERS))
    _one_of("quality", change.quality, QUALITIES)
    _one_of("number_event", change.number_event, _NUMBER_EVENTS)
    if change.restriction not in (None, 0, *RESTRICTIONS):
        raise ValueError(f"restriction is 0 or one of {', '.join(map(str, RESTRICTIONS))}")
    if change.phone_number_id is not None and change.phone_number_id not in state.numbers:
        raise ValueError(f"there is no number {change.phone_number_id}")
    if any(parse_person(one) is None for one in change.allowed or ()):
        raise ValueError("allowed: phone numbers and user ids")
    if (change.field is None) != (change.value is None):
        raise ValueError("field and value come together")
    if change.field in PERSONAL:
        raise ValueError(f"{change.field} is about people: POST phones/…/say")
    if change.info is not None and change.event is None:
        raise ValueError("info stands beside an event")


def _known_info(event: str, state: State) -> Json:
    """What stands beside the events whose shape is documented."""
    now = state.clock()
    match event:
        case "ACCOUNT_VIOLATION":
            return {"violation_info": {"violation_type": "SPAM"}}
        case "ACCOUNT_RESTRICTION":
            kind = "RESTRICTED_BIZ_INITIATED_MESSAGING"
            until = int(now + 24 * 3600)
            return {"restriction_info": [{"restriction_type": kind, "expiration": until}]}
        case "DISABLED_UPDATE":
            day = datetime.datetime.fromtimestamp(now, datetime.UTC).strftime("%B %d, %Y")
            return {"ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": day}}
        case "VOLUME_BASED_PRICING_TIER_UPDATE":
            tier = {"tier_update_time": int(now), "pricing_category": "MARKETING", "tier": "1:10"}
            return {"volume_tier_info": tier}
    return {}


def _one_of(name: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ValueError(f"{name} is one of {', '.join(known)}")
