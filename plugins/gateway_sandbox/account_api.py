"""What an account and its numbers tell about themselves, and its subscription (9.2 and 6.2)."""

from __future__ import annotations

from typing import Any

from gateway_sandbox.account import Number
from gateway_sandbox.checks import required
from gateway_sandbox.graph import CODES, GraphError
from gateway_sandbox.handshake import shake
from gateway_sandbox.outbox import Outbox
from gateway_sandbox.paging import page, select
from gateway_sandbox.state import State

Json = dict[str, Any]

_NUMBER_FIELDS = (
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
)
# Fields that Meta knows and the sandbox has no value for: they are left out of the answer.
_NUMBER_EMPTY = (
    "certificate",
    "conversational_automation",
    "eligibility_for_api_business_global_search",
    "last_onboarded_time",
    "new_certificate",
    "new_name_status",
    "search_visibility",
)
_ACCOUNT_FIELDS = ("name", "timezone_id", "message_template_namespace")
_ACCOUNT_EMPTY = (
    "business_verification_status",
    "is_enabled_for_insights",
    "on_behalf_of_business_info",
    "owner_business_info",
    "primary_funding_id",
)
APP = {"id": "400000000000004", "name": "Sandbox", "link": "https://www.facebook.com/games/"}


def me(state: State) -> Json:
    """`GET /me`: the system user of the token."""
    return {"id": "400000000000005", "name": state.settings.verified_name}


def number(state: State, number: Number, fields: str | None) -> Json:
    """`GET /{phone_number_id}?fields=…`"""
    settings = state.settings
    health = _health(state, number)
    known: Json = {
        "id": number.id,
        "verified_name": settings.verified_name,
        "display_phone_number": number.display,
        "quality_rating": number.quality,
        "quality_score": {"score": number.quality},
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API" if number.registered else "NOT_APPLICABLE",
        "throughput": {"level": "HIGH" if state.throughput.per_second > 80 else "STANDARD"},
        "status": "CONNECTED" if number.registered else "DISCONNECTED",
        "account_mode": "LIVE" if state.account.allowed is None else "SANDBOX",
        "is_official_business_account": False,
        "is_on_biz_app": False,
        "is_pin_enabled": number.pin is not None,
        "is_preverified_number": False,
        "country_dial_code": number.digits[:2],
        "country_code": "DE" if number.digits.startswith("49") else "ZZ",
        "webhook_configuration": _webhook(state),
        "whatsapp_business_manager_messaging_limit": state.reach.tier,
        "health_status": health,
    }
    return select(known, fields, _NUMBER_FIELDS, "WhatsAppBusinessPhoneNumber", _NUMBER_EMPTY)


def _webhook(state: State) -> Json:
    found = {"application": state.settings.webhook or ""}
    if state.account.override is not None:
        found["whatsapp_business_account"] = state.account.override
    return found


def _health(state: State, number: Number) -> Json:
    """`health_status`: may messages be sent, and what stands in the way."""
    account: Json = {"entity_type": "WABA", "id": state.settings.account_id}
    phone: Json = {"entity_type": "PHONE_NUMBER", "id": number.id}
    account |= _entity(state.account.restriction)
    phone |= _entity(None if number.registered else 133010)
    entities = [phone, account]
    blocked = any(entity["can_send_message"] == "BLOCKED" for entity in entities)
    return {"can_send_message": "BLOCKED" if blocked else "AVAILABLE", "entities": entities}


def _entity(code: int | None) -> Json:
    if code is None:
        return {"can_send_message": "AVAILABLE"}
    title = CODES.get(code, (400, "Unknown error"))[1]
    error = {"error_code": code, "error_description": title, "possible_solution": "See the code."}
    return {"can_send_message": "BLOCKED", "errors": [error]}


def account(state: State, fields: str | None) -> Json:
    """`GET /{account_id}?fields=…`"""
    settings = state.settings
    onboarded = "ONBOARDED" if state.account.onboarded else "ELIGIBLE"
    health = [_health(state, one) for one in state.numbers.values()]
    available = any(one["can_send_message"] == "AVAILABLE" for one in health)
    known: Json = {
        "id": settings.account_id,
        "name": settings.verified_name,
        "timezone_id": "1",
        "currency": "EUR",
        "country": "DE",
        "status": "ACTIVE",
        "account_review_status": "APPROVED",
        "ownership_type": "SELF",
        "message_template_namespace": "sandbox",
        "marketing_messages_lite_api_status": onboarded,
        "marketing_messages_onboarding_status": onboarded,
        "disable_marketing_messages_on_cloud_api": not state.account.marketing_on_messages,
        "subscribed_apps": subscribed_apps(state),
        "whatsapp_business_manager_messaging_limit": state.reach.tier,
        "health_status": {
            "can_send_message": "AVAILABLE" if available else "BLOCKED",
            "entities": health[0]["entities"] if health else [],
        },
    }
    return select(known, fields, _ACCOUNT_FIELDS, "WhatsAppBusinessAccount", _ACCOUNT_EMPTY)


def numbers(state: State, query: dict[str, str], base: str) -> Json:
    """`GET /{account_id}/phone_numbers`"""
    found = [number(state, one, query.get("fields")) for one in state.numbers.values()]
    return page(found, query, base)


def subscribed_apps(state: State) -> Json:
    """`GET /{account_id}/subscribed_apps`: the own app, if it is subscribed."""
    if not state.account.subscribed:
        return {"data": []}
    app: Json = {"whatsapp_business_api_data": APP}
    if state.account.override is not None:
        app["override_callback_uri"] = state.account.override
    return {"data": [app]}


async def subscribe(state: State, outbox: Outbox, given: Json) -> Json:
    """`POST …`: webhooks come from now on, to another address if one is given and proves itself.

    Without `override_callback_uri`, or with an empty one, they go to the app's own address.
    """
    address = given.get("override_callback_uri")
    if address:
        address = required(given, "body", "override_callback_uri")
        token = required(given, "body", "verify_token")
        try:
            told = await shake(address, token)
        except ValueError as error:
            raise GraphError(100, f"Param override_callback_uri: {error}") from None
        if not told.ok:
            raise GraphError(
                2200, f"(#2200) Callback verification failed: {told.problem}.", http=400
            )
    outbox.point(address or None)
    state.account.override = address or None
    state.account.subscribed = True
    return {"success": True}


def unsubscribe(state: State, outbox: Outbox) -> Json:
    """`DELETE …`: no webhook comes any more."""
    outbox.point(None)
    state.account.override = None
    state.account.subscribed = False
    return {"success": True}
