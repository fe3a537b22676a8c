"""One status of a message that we sent.

    {"id": "wamid.…", "status": "delivered", "timestamp": "1795000003",
     "biz_opaque_callback_data": "DELIVERY:ATTEMPT",
     "pricing": {"billable": true, "type": "regular", "category": "marketing"},
     "errors": [{"code": 131049, "title": "…", "error_data": {"details": "…"}}]}

Shapes: Meta, "status messages webhook".
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from gateway.api import Status
from gateway_plugins.outputs.whatsapp.codes import OTHER, STOPPED
from gateway_plugins.outputs.whatsapp.errors import describe, number, of_error
from gateway_plugins.outputs.whatsapp.incoming import identities_of, inside, moment, string
from gateway_plugins.outputs.whatsapp.rules import Rule

_CALLBACK = re.compile(r"[0-9]{1,19}:[0-9]{1,9}")
_CATEGORY = re.compile(r"[a-z_-]{1,40}")


class Reported(msgspec.Struct):
    """One entry of `statuses[]`.  Nothing about the fields' types is relied on."""

    id: Any = None
    status: Any = None
    timestamp: Any = None
    biz_opaque_callback_data: Any = None
    pricing: Any = None
    errors: Any = None
    recipient_id: Any = None
    recipient_user_id: Any = None


def read(reported: Reported, now: datetime) -> Status | None:
    """Return the status; None for one that is not known (`deleted`, a new one) or of nothing.

    A callback that is not ours (another program on the same number) counts as none.
    """
    provider_id = string(reported.id)
    given = string(reported.biz_opaque_callback_data)
    callback = given if _CALLBACK.fullmatch(given) else None
    if not provider_id and callback is None:
        return None
    at = moment(reported.timestamp, now)
    category = string(inside(reported.pricing, "category"))
    known = category if _CATEGORY.fullmatch(category) else ""
    billable = _billable(reported.pricing)
    match reported.status:
        case "sent" | "delivered" | "read" as name:
            return Status(
                provider_id=provider_id,
                status=name,
                at=at,
                callback=callback,
                billable=billable,
                category=known,
            )
        case "played":  # a voice message was heard, so it was read
            return Status(provider_id=provider_id, status="read", at=at, callback=callback)
        case "failed":
            rule, detail = why(reported.errors)
            attempt = int(callback.partition(":")[2]) if callback else 1
            action, after = rule.follows(rule.after(attempt))
            to = (reported.recipient_id, reported.recipient_user_id)
            return Status(
                provider_id=provider_id,
                status="failed",
                at=at,
                callback=callback,
                code=rule.name,
                detail=detail,
                billable=billable,
                category=known,
                action=action,
                scope=rule.scope,
                retry_after=after,
                identities=identities_of(*to) if action == "withdraw" else (),
            )
    return None


def why(errors: Any) -> tuple[Rule, str]:
    """Return the rule and the safe detail of the first of `errors` that can be read.

    The person's own "stop marketing" counts at whichever place it stands.
    """
    found = [
        (code, error)
        for error in (errors if isinstance(errors, list) else ())
        if isinstance(error, dict) and (code := number(error.get("code"))) is not None
    ]
    if not found:
        return OTHER, "Meta gives no reason"
    code, error = next((one for one in found if one[0] == STOPPED.code), found[0])
    return of_error(error, code), describe(error, code)


def _billable(pricing: Any) -> bool | None:
    """`billable`, else by `type`, which is to replace it."""
    given = inside(pricing, "billable")
    if isinstance(given, bool):
        return given
    kind = string(inside(pricing, "type"))
    return kind == "regular" if kind == "regular" or kind.startswith("free_") else None
