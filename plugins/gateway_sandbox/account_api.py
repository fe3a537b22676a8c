"""What an account and its numbers tell about themselves (sections 9.2 and 6.2)."""

from __future__ import annotations

from typing import Any

from gateway_sandbox.state import Number, State
from gateway_sandbox.template_api import nonexisting

Json = dict[str, Any]

_NUMBER_FIELDS = (
    "verified_name",
    "code_verification_status",
    "display_phone_number",
    "quality_rating",
    "platform_type",
    "throughput",
)
_ACCOUNT_FIELDS = ("name", "timezone_id", "message_template_namespace")
_APP = {"id": "400000000000004", "name": "Sandbox", "link": "https://www.facebook.com/games/"}


def number(state: State, number: Number, fields: str | None) -> Json:
    """`GET /{phone_number_id}?fields=…`"""
    settings = state.settings
    entity: Json = {"entity_type": "PHONE_NUMBER", "id": number.id, "can_send_message": "AVAILABLE"}
    account: Json = {"entity_type": "WABA", "id": settings.account_id}
    known: Json = {
        "id": number.id,
        "verified_name": settings.verified_name,
        "display_phone_number": number.display,
        "quality_rating": settings.quality_rating,
        "code_verification_status": "VERIFIED",
        "name_status": "APPROVED",
        "platform_type": "CLOUD_API",
        "throughput": {"level": "HIGH" if settings.rate > 80 else "STANDARD"},
        "status": "CONNECTED",
        "webhook_configuration": {"application": settings.webhook or ""},
        "whatsapp_business_manager_messaging_limit": settings.messaging_limit,
        "health_status": {
            "can_send_message": "AVAILABLE",
            "entities": [entity, account | {"can_send_message": "AVAILABLE"}],
        },
    }
    return _select(known, fields, _NUMBER_FIELDS, "WhatsAppBusinessPhoneNumber")


def account(state: State, fields: str | None) -> Json:
    """`GET /{account_id}?fields=…`"""
    settings = state.settings
    known: Json = {
        "id": settings.account_id,
        "name": settings.verified_name,
        "timezone_id": "1",
        "message_template_namespace": "sandbox",
        "whatsapp_business_manager_messaging_limit": settings.messaging_limit,
        "health_status": {"can_send_message": "AVAILABLE", "entities": []},
    }
    return _select(known, fields, _ACCOUNT_FIELDS, "WhatsAppBusinessAccount")


def numbers(state: State, fields: str | None) -> Json:
    """`GET /{account_id}/phone_numbers`"""
    return {"data": [number(state, one, fields) for one in state.numbers.values()]}


def subscribed_apps() -> Json:
    """`GET /{account_id}/subscribed_apps`: the own app, always."""
    return {"data": [{"whatsapp_business_api_data": _APP}]}


def _select(known: Json, fields: str | None, usual: tuple[str, ...], node: str) -> Json:
    wanted = [part.strip() for part in fields.split(",")] if fields else list(usual)
    for field in wanted:
        if field not in known:
            raise nonexisting(field, node)
    return {key: known[key] for key in dict.fromkeys((*wanted, "id"))}
