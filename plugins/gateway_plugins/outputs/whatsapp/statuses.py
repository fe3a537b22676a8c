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
from gateway_plugins.outputs.whatsapp.codes import OTHER, STOPPED, rule_for
from gateway_plugins.outputs.whatsapp.errors import describe, number
from gateway_plugins.outputs.whatsapp.incoming import identities_of, inside, moment, string

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
            code, detail = why(reported.errors)
            withdraws = _stopped(reported.errors)
            to = (reported.recipient_id, reported.recipient_user_id)
            return Status(
                provider_id=provider_id,
                status="failed",
                at=at,
                callback=callback,
                code=code,
                detail=detail,
                billable=billable,
                category=known,
                action="withdraw" if withdraws else "fail",
                identities=identities_of(*to) if withdraws else (),
            )
    return None


def why(errors: Any) -> tuple[str, str]:
    """Return short name and safe detail of the first of `errors`."""
    first = errors[0] if isinstance(errors, list) and errors else None
    code = number(inside(first, "code"))
    if not isinstance(first, dict) or code is None:
        return OTHER.name, "Meta gives no reason"
    return rule_for(code).name, describe(first, code)


def _stopped(errors: Any) -> bool:
    """Whether the person's own "stop marketing" is among `errors`, at whichever place."""
    found = errors if isinstance(errors, list) else ()
    return any(number(inside(error, "code")) == STOPPED.code for error in found)


def _billable(pricing: Any) -> bool | None:
    """`billable`, else by `type`, which is to replace it."""
    given = inside(pricing, "billable")
    if isinstance(given, bool):
        return given
    kind = string(inside(pricing, "type"))
    return kind == "regular" if kind == "regular" or kind.startswith("free_") else None
