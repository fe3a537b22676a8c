"""Real webhooks, if SAMPLES names their folder: each is understood."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.api import Identity, Intake
from gateway_plugins.outputs.whatsapp.webhook import Reader

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FOLDER = os.environ.get("SAMPLES", "")
SENDER = [("phone", "+972987654321"), ("user_id", "US.13491208655302741918"),
          ("parent_user_id", "US.ENT.11815799212886844830")]  # fmt: skip

# file → kind of item, its fields
EXPECTED: dict[str, tuple[str, dict[str, Any]]] = {
    "01-message-text": ("messages", {"kind": "text", "words": "Body Text"}),
    "02-message-image": ("messages", {"kind": "image", "words": ""}),
    "03-message-reply-context": (
        "messages",
        {"kind": "text", "words": "replied text", "quoted": "wamid.xyzxyz=="},
    ),
    "04-message-unsupported-131051": ("messages", {"kind": "unsupported", "words": ""}),
    "05-template-quick-reply-button": (
        "messages",
        {"kind": "button", "words": "callback_data", "button": True},
    ),
    "06-status-sent-with-callback-data": (
        "statuses",
        {"status": "sent", "callback": None, "billable": True, "category": "service"},
    ),
    "07-status-read": ("statuses", {"status": "read", "provider_id": "wamid.xyzxyz"}),
    "08-status-failed-130472": ("statuses", {"status": "failed", "code": "experiment"}),
    "09-system-phone-number-change": (
        "events",
        {"name": "system_user_changed_number", "understood": True},
    ),
    "10-user-preferences-resume": (
        "events",
        {
            "name": "user_preferences_resume",
            "understood": True,
            "at": datetime.fromtimestamp(1731705721, UTC),
        },
    ),
}


# file → changes, and messages beside an event
CHANGES = {
    "09-system-phone-number-change": [
        ("moved", [("phone", "+972987654321")], [("phone", "+972912345678")])
    ],
}
SAID = {"10-user-preferences-resume": [("resume", [("phone", "+16505551234")], False)]}


def pairs(identities: Iterable[Identity]) -> list[tuple[str, str]]:
    return [(one.kind, one.value) for one in identities]


@pytest.mark.skipif(not FOLDER, reason="SAMPLES names no folder")
@pytest.mark.parametrize("name", EXPECTED)
def test_sample(name: str) -> None:
    raw = (Path(FOLDER) / "webhooks" / f"{name}.json").read_bytes()
    value = json.loads(raw)["entry"][0]["changes"][0]["value"]
    number = value["metadata"]["phone_number_id"]
    intake = Reader("main", number, "1", lambda *_: None).read(raw, NOW)
    kind, fields = EXPECTED[name]
    (item,) = getattr(intake, kind)
    if kind == "events":
        said = [(one.words, pairs(one.identities), one.opens_window) for one in intake.messages]
        assert said == SAID.get(name, [])
    else:
        assert len(intake.messages) + len(intake.statuses) + len(intake.events) == 1
    changes = [(one.kind, pairs(one.old), pairs(one.new)) for one in intake.changes]
    assert changes == CHANGES.get(name, [])
    assert intake.echoes == ()
    assert {field: getattr(item, field) for field in fields} == fields
    if kind == "messages":
        assert pairs(item.identities) == SENDER


@pytest.mark.skipif(not FOLDER, reason="SAMPLES names no folder")
@pytest.mark.parametrize("name", [name for name in EXPECTED if EXPECTED[name][0] == "messages"])
def test_a_sample_as_the_companys_own_phone_would_echo_it(name: str) -> None:
    """The same message the other way round: only that it was written is kept."""
    raw = json.loads((Path(FOLDER) / "webhooks" / f"{name}.json").read_bytes())
    (change,) = raw["entry"][0]["changes"]
    (message,) = change["value"].pop("messages")
    message["to"] = message.pop("from")
    change["value"]["message_echoes"] = [message]
    change["field"] = "smb_message_echoes"
    intake = Reader("main", "1", "1", lambda *_: None).read(json.dumps(raw).encode(), NOW)
    (echo,) = intake.echoes
    assert (echo.provider_id, pairs(echo.identities)) == (message["id"], SENDER[:1])
    assert intake == Intake(sender="main", echoes=(echo,))


@pytest.mark.skipif(not FOLDER, reason="SAMPLES names no folder")
def test_all_samples_are_looked_at() -> None:
    assert {path.stem for path in (Path(FOLDER) / "webhooks").glob("*.json")} == set(EXPECTED)
