"""Statuses of what we sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.api import AccountEvent, Identity, Status
from gateway_plugins.outputs.whatsapp.webhook import Reader

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
AT = datetime(2026, 11, 18, 11, 6, 40, tzinfo=UTC)  # 1795000000
PHONE = "4917139200011"
SENT = {
    "id": "wamid.OUT1",
    "status": "sent",
    "timestamp": "1795000000",
    "recipient_id": PHONE,
    "biz_opaque_callback_data": "7001:1",
}


def read(status: Any) -> Any:
    """Return the one item of a webhook with this status."""
    value = {
        "metadata": {"phone_number_id": "200000000000002"},
        "contacts": [{"wa_id": PHONE}],
        "statuses": [status],
    }
    changes = [{"field": "messages", "value": value}]
    raw = json.dumps({"entry": [{"id": "1", "changes": changes}]}).encode()
    intake = Reader("main", "200000000000002", "1", lambda *_: None).read(raw, NOW)
    (one,) = (*intake.messages, *intake.statuses, *intake.events)
    return one


PRICING = {"billable": True, "pricing_model": "PMP", "type": "regular", "category": "marketing"}
STATUSES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "sent": ({}, {"status": "sent", "callback": "7001:1", "code": "", "billable": None}),
    "delivered": (
        {"status": "delivered", "pricing": PRICING},
        {"status": "delivered", "billable": True, "category": "marketing"},
    ),
    "read": (
        {"status": "read", "pricing": {"type": "free_customer_service", "category": "service"}},
        {"status": "read", "billable": False, "category": "service"},
    ),
    "played": ({"status": "played"}, {"status": "read"}),
    "regular": ({"pricing": {"type": "regular"}}, {"billable": True, "category": ""}),
    "new pricing": (
        {"pricing": {"type": "new", "category": "With Blanks", "billable": "yes"}},
        {"billable": None, "category": ""},
    ),
    "failed": (
        {
            "status": "failed",
            "errors": [
                {
                    "code": 131049,
                    "title": "Not delivered",
                    "error_data": {"details": f"Held back for {PHONE} to keep it healthy."},
                }
            ],
        },
        {
            "status": "failed",
            "code": "marketing_cap",
            "detail": "Meta 131049: Held back for … to keep it healthy.",
        },
    ),
    "failed for a new reason": (
        {"status": "failed", "errors": [{"code": 999999, "title": "New"}]},
        {"code": "meta_other", "detail": "Meta 999999: New"},
    ),
    "failed without a reason": (
        {"status": "failed", "errors": []},
        {"code": "meta_other", "detail": "Meta gives no reason"},
    ),
    "failed oddly": ({"status": "failed", "errors": {"code": 1}}, {"code": "meta_other"}),
    "callback of another program": (
        {"biz_opaque_callback_data": "out:7f3a:attempt1"},
        {"callback": None},
    ),
    "callback with a line break": ({"biz_opaque_callback_data": "7001:1\n"}, {"callback": None}),
    "no callback": ({"biz_opaque_callback_data": None}, {"callback": None}),
    "callback alone": ({"id": None}, {"callback": "7001:1", "provider_id": ""}),
    "group": ({"recipient_type": "group", "conversation": []}, {"status": "sent"}),
}


@pytest.mark.parametrize(("changes", "fields"), STATUSES.values(), ids=STATUSES)
def test_status(changes: dict[str, Any], fields: dict[str, Any]) -> None:
    found = read({**SENT, **changes})
    assert isinstance(found, Status)
    expected = {"provider_id": "wamid.OUT1", "at": AT, **fields}
    assert {name: getattr(found, name) for name in expected} == expected


STOPPED = {"code": 131050, "title": "User has stopped marketing"}
BY_PHONE = Identity("phone", "+" + PHONE)
BY_USER = Identity("user_id", "DE.10000000000000000042")


@pytest.mark.parametrize(
    ("changes", "withdraws", "identities"),
    [
        ({"errors": [STOPPED]}, True, (BY_PHONE,)),
        ({"errors": [{"code": "131050"}]}, True, (BY_PHONE,)),
        ({"errors": [{"code": 131049}, STOPPED]}, True, (BY_PHONE,)),
        ({"errors": [STOPPED], "recipient_user_id": BY_USER.value}, True, (BY_PHONE, BY_USER)),
        ({"errors": [STOPPED], "recipient_id": "", "recipient_user_id": BY_USER.value}, True,
         (BY_USER,)),
        ({"errors": [STOPPED], "recipient_id": int(PHONE)}, True, (BY_PHONE,)),
        ({"errors": [STOPPED], "recipient_id": {"x": 1}}, True, ()),
        ({"errors": [{"code": 131049}]}, False, ()),
        ({"errors": [None, 7, "131050"]}, False, ()),
        ({"errors": "131050"}, False, ()),
        ({"errors": [STOPPED], "status": "sent"}, False, ()),
    ],
)  # fmt: skip
def test_a_person_who_stopped_in_whatsapp(
    changes: dict[str, Any], withdraws: bool, identities: tuple[Identity, ...]
) -> None:
    """131050 in a failed status is a withdrawal, of whoever the message was for."""
    found = read({**SENT, "status": "failed", **changes})
    assert (found.withdraws, found.identities) == (withdraws, identities)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "deleted"},
        {"status": "warning"},
        {"status": None},
        {"status": ["sent"]},
        {"id": None, "biz_opaque_callback_data": "x"},
    ],
)
def test_status_that_is_not_understood(changes: dict[str, Any]) -> None:
    one = {**SENT, **changes}
    found = read(one)
    assert isinstance(found, AccountEvent)
    assert (found.name, found.understood) == ("status_other", False)
    assert json.loads(found.raw) == one
