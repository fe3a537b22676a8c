"""Whatever Meta may post, the real daemon answers it, and goes on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from gateway_sandbox.events import Event, WebhookTried
from gateway_sandbox.people import with_phone
from tests.wire.inprocess import Running, running
from tests.wire.world import numbers

SAYINGS: dict[str, Any] = {
    "text": "Hallo", "button": ("JA", "Ja"), "button_reply": {"title": "Ja"},
    "list_reply": {"title": "Ja"}, "flow_reply": {"response": {}}, "image": {}, "video": {},
    "audio": {}, "document": {}, "sticker": {}, "order": {},
    "location": {"latitude": 52, "longitude": 8}, "unsupported": {},
    "contacts": [{"name": {"formatted_name": "B"}}],
    "reaction": {"emoji": "👍", "message_id": "wamid.OLD"},
    "edit": {"text": "Doch", "original_message_id": "wamid.OLD"},
    "revoke": {"original_message_id": "wamid.OLD"},
    "system": {"type": "user_changed_user_id"}, "preferences": "stop", "echo": {"text": "Ja"},
}  # fmt: skip
NEWS: tuple[dict[str, Any], ...] = (
    {"messaging_limit": "TIER_2K"},
    {"quality": "RED"},
    {"quality": "GREEN"},
    {"event": "ACCOUNT_VIOLATION"},
    {"event": "ACCOUNT_RESTRICTION"},
    {"event": "DISABLED_UPDATE"},
    {"alert": {"alert_type": "X", "alert_description": "Y"}},
    {"field": "account_review_update", "value": {"decision": "APPROVED"}},
    {"field": "security", "value": {"event": "PIN_CHANGED"}},
    {"field": "standby", "value": {}},
    {"field": "something_new", "value": {"what": [1, None]}},
)


def answers(gateway: Running) -> list[int | None]:
    """The statuses that the gateway will answer webhooks with, as they come."""
    found: list[int | None] = []

    def note(event: Event) -> None:
        if isinstance(event, WebhookTried):
            found.append(event.posted.tries[-1].status)

    gateway.sandbox.state.listeners.append(note)
    return found


async def test_everything_that_people_do(tmp_path: Path) -> None:
    """Each type of message, from a person with a number and from one without."""
    async with running(tmp_path) as gateway:
        for person in ("+491713920001", "DE.10000000000000000042"):
            for kind, content in SAYINGS.items():
                said = await gateway.sandbox.say(person, **{kind: content})
                assert (kind, said.status) == (kind, 200)


@pytest.mark.parametrize("how", ["missing", "empty", "user_id"])
async def test_people_with_usernames_are_not_mixed_up(tmp_path: Path, how: str) -> None:
    """Two people whose number is hidden in any of three ways stay two people."""
    one, other = numbers(2)
    async with running(tmp_path) as gateway:
        gateway.sandbox.fault("username_user", how=how)
        said_by = {}
        for person in (one, other):
            said = await gateway.sandbox.say(person, f"von {person}")
            assert said.status == 200
            said_by[person] = said.wamid
        for person in (one, other):
            known = with_phone(person[1:]).user_id
            shown = await gateway.call("contacts_show", who=known)
            assert [heard["provider_id"] for heard in shown["inbound"]] == [said_by[person]]


async def test_everything_that_happens_to_an_account(tmp_path: Path) -> None:
    async with running(tmp_path) as gateway:
        statuses = answers(gateway)
        for news in NEWS:
            gateway.sandbox.account(**news)
        for status in ("PAUSED", "APPROVED", "DISABLED"):
            gateway.sandbox.template_status("blog_post", "de", status)
        await gateway.sandbox.settled()
        assert Counter(statuses) == {200: len(NEWS) + 3}


@pytest.mark.parametrize(
    "fault",
    [
        {"name": "webhook_double", "how": "sequential"},
        {"name": "webhook_double", "how": "parallel"},
        {"name": "webhook_shuffle", "seconds": 0.3},
        {"name": "webhook_mix", "size": 25, "seconds": 0.2},
        {"name": "webhook_unknown", "how": "field"},
        {"name": "webhook_unknown", "how": "type"},
        {"name": "webhook_unknown", "how": "status"},
        {"name": "webhook_unknown", "how": "errors"},
        {"name": "webhook_large"},
        {"name": "no_contacts"},
        {"name": "ms_timestamps"},
        {"name": "bad_signature", "how": "wrong", "times": 20},
        {"name": "bad_signature", "how": "missing", "times": 20},
        {"name": "bad_signature", "how": "reserialised", "times": 20},
        {"name": "status_first"},
        {"name": "status_reorder"},
        {"name": "status_double"},
    ],
    ids=lambda fault: "-".join(str(part) for part in fault.values()),
)
async def test_a_campaign_on_a_bad_day(tmp_path: Path, fault: dict[str, Any]) -> None:
    """Everybody gets it once and every delivery is known as read, whatever the webhooks do."""
    people = numbers(20)
    async with running(tmp_path) as gateway:
        await gateway.import_confirmed(people)
        gateway.sandbox.fault(**fault)
        number = await gateway.send("1")

        async def read() -> bool:
            return (await gateway.counts(number)).get("read", 0) == len(people)

        await gateway.until(read)
        await gateway.sandbox.settled()
        got = Counter(line.contact for line in gateway.sandbox.received())
        assert got == dict.fromkeys(people, 1)
        assert gateway.sandbox.stats()["webhooks"]["given_up"] == 0
