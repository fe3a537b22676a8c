"""Several causes, and stops of marketing alone: on every page that tells of them."""

import copy

import pytest
import trio

from gateway.cli import queue, stops
from gateway.cli.replacing import replaced_page, senders_page
from gateway.cli.status import judge
from gateway.cli.words import Times
from gateway.columns import width
from gateway.config import load
from gateway.store.sqlite import SqliteStore
from tests.gateway.cli.test_status import FINE, HOUR, MINUTE, NOW, page, with_
from tests.gateway.cli.test_trace import STORY
from tests.gateway.cli.test_trace import page as trace_page

DEAF = "no status came for 20 messages that the provider accepted since 18:31; a STOP would be lost too"
ZONE = "Europe/Berlin"


def stop(*causes):
    """A stop as the gateway tells it: (code, reason) each."""
    told = [{"code": code, "reason": reason, "since": NOW - 4 * MINUTE} for code, reason in causes]
    return {"reason": told[0]["reason"], "since": NOW - 4 * MINUTE, "causes": told}


MARKETING = {"marketing:main": stop(("deaf", DEAF))}
BOTH = {
    "marketing:main": stop(("deaf", DEAF), ("quality_red", "The quality is low")),
    "sender:main": stop(("token_invalid", "The token expired."), ("person", "lunch")),
}


@pytest.mark.parametrize(
    ("scope", "what", "lift", "marketing"),
    [
        ("all", "all sending", "gateway resume", False),
        ("marketing", "all marketing", "gateway resume", True),
        ("sender:main", "sender main", "gateway sender resume main", False),
        ("marketing:main", "marketing of main", "gateway sender resume main", True),
    ],
)
def test_a_scope_in_words(scope, what, lift, marketing):
    assert (stops.what(scope), stops.lift(scope), stops.marketing_only(scope)) == (
        what, lift, marketing,
    )  # fmt: skip


def test_marketing_waits():
    shown = page(with_(stops=MARKETING))
    assert judge(with_(stops=MARKETING), running=True).code == 2
    text = " ".join(" ".join(shown).split())
    assert f"SENDING only in part since 18:37. Marketing of main (deaf): {DEAF}." in text
    assert "wait · what people write may not arrive, STOPs neither" in text
    assert "it goes on by itself as soon as a webhook comes" in text
    assert "when it may go on: gateway sender resume main" in text
    (line,) = [line for line in shown if line.startswith("main")]
    assert "MARKETING WAITS" in line
    assert "STOPPED" not in text


def test_all_causes_are_told_and_each_command_once():
    text = " ".join(" ".join(page(with_(stops=BOTH))).split())
    for reason in (DEAF, "The quality is low.", "The token expired. lunch."):
        assert reason in text
    assert "SENDING NO since" in text
    assert text.count("gateway sender resume main") == 1
    assert "4 replies and questions, 3,856 marketing deliveries wait" in text


def test_facts_of_a_sender_are_shown():
    data = with_()
    data["live"]["senders"]["main"]["facts"] = {
        "quality": "YELLOW", "tier": 2000, "tier_known": True, "per_second": 80.0,
    }  # fmt: skip
    text = " ".join(" ".join(page(data)).split())
    assert "quality YELLOW · tier: 2,000 people a day · at most 80/s" in text


def test_a_message_that_paused_itself():
    data = copy.deepcopy(FINE)
    data["messages"][1] |= {
        "paused": 1, "pause_code": "failures", "pause_reason": "14 of 60 failed: undeliverable 9",
    }  # fmt: skip
    verdict = judge(data, running=True)
    (item,) = [item for item in verdict.items if "#412" in item.what]
    assert item.what.endswith("14 of 60 failed: undeliverable 9")
    assert item.do == "when it may go on: gateway message resume 412"
    assert verdict.code == 1


def test_the_queue_tells_it():
    data = {
        "now": NOW, "depths": [], "next": {}, "stops": BOTH, "groups": [], "examples": [],
        "messages": [
            {"number": 7, "title": "T", "state": "started", "paused": 1, "reason": "", "code": "",
             "until": None, "accepted_at": NOW, "pause_code": "withdrawals",
             "pause_reason": "6 of the 100 whom it reached withdrew within two days"},
        ],
    }  # fmt: skip
    text = " ".join(" ".join(queue.render(data, ZONE, 100)).split())
    assert f"marketing of main since 18:37: {DEAF}; The quality is low" in text
    assert "sender main since 18:37: The token expired; lunch" in text
    assert (
        "#7 “T” · paused (withdrawals): 6 of the 100 whom it reached withdrew within two days"
        in text
    )


@pytest.mark.parametrize(
    ("found", "kind", "words"),
    [
        (MARKETING, "marketing", "marketing of main is stopped since 2026-11-21 18:37:00"),
        (MARKETING, "service", "its turn comes"),
        ({"marketing": stop(("restored", "x"))}, "marketing", "when it may go on: gateway resume"),
        (
            BOTH,
            "marketing",
            "sender main is stopped since 2026-11-21 18:37:00: The token expired; lunch",
        ),
        ({"marketing:other": stop(("deaf", "x"))}, "marketing", "its turn comes"),
    ],
)
def test_the_trace_tells_what_concerns_the_message(found, kind, words):
    story = copy.deepcopy(STORY) | {"stops": found}
    story["delivery"] |= {"state": "queued", "due_at": NOW - HOUR, "code": "", "reason": ""}
    story["message"] = story["message"] | {"kind": kind, "sender": "main", "paused": 0}
    assert words in " ".join(" ".join(trace_page(story)).split())


def test_the_trace_tells_what_the_gateway_did_by_itself():
    story = copy.deepcopy(STORY)
    at = story["message"]["journal"][-1]["at"]
    story["message"]["journal"] += [
        {"at": at, "name": "message.pause", "code": "failures", "detail": "14 of 60 failed"},
        {"at": at, "name": "message.resume", "code": "", "detail": "anna"},
        {"at": at, "name": "message.sender", "code": "", "detail": "main → second"},
    ]
    story["journal"] = [
        *story.get("journal", ()),
        {"at": at, "name": "delivery.moved", "code": "second", "detail": "main → second"},
    ]
    text = " ".join(" ".join(trace_page(story)).split())
    assert "paused by itself (failures): 14 of 60 failed" in text
    assert "resumed by anna" in text
    assert text.count("another sender took over: main → second") == 2


# --- the list, and a replacement --------------------------------------------------------------------
SENDERS = {
    "now": NOW,
    "senders": {
        "main": {
            "display": "+49 30 1234412", "portfolio": "p", "sharing": ["second"], "tier": 2000,
            "tier_known": True, "per_second": 80.0, "quality": "RED", "reports": True,
            "topics": ["blog", "news"], "live": None,
            "stops": [
                {"marketing": True, "code": "deaf", "reason": DEAF, "since": NOW - 4 * MINUTE},
                {"marketing": False, "code": "person", "reason": "lunch", "since": NOW},
            ],
        },
        "second": {
            "display": "", "portfolio": "p", "sharing": ["main"], "tier": None, "tier_known": True,
            "per_second": None, "quality": "", "reports": True, "topics": [], "stops": [],
            "live": None,
        },
    },
}  # fmt: skip


def test_the_list_of_senders():
    shown = senders_page(SENDERS, ZONE, 100)
    text = " ".join(" ".join(shown).split())
    assert text.startswith("SENDERS main · +49 301 *** 412 · quality")
    assert "quality RED · tier: 2,000 people a day · at most 80/s" in text
    assert "shares its limit with second" in text
    assert "topics: blog, news" in text
    assert f"MARKETING WAITS since 18:37 (deaf): {DEAF}" in text
    assert "STOPPED since 18:41: lunch" in text
    assert "second · tier: no limit" in text
    do = [line[9:] for line in shown[[line[:2] for line in shown].index("do") :]]
    assert do == [
        "it goes on by itself as soon as a webhook comes: can the public address be reached?",
        "when it may go on: gateway sender resume main",
    ], "no provider knows of these causes, so none is asked"


REPLACED = {
    "old": "main", "new": "second", "really": False, "same_portfolio": False, "topics": ["blog"],
    "people": {"phone": 8000, "user_id": 14, "lost": 14}, "moved": 3856, "dropped": 14, "stay": 2,
}  # fmt: skip


def test_a_replacement_is_counted_first():
    text = " ".join(" ".join(replaced_page(REPLACED, 100)).split())
    assert text.startswith("REPLACE 3,856 deliveries would go from main to second")
    assert "14 deliveries would be dropped" in text
    assert "2 deliveries stay with main" in text
    assert "8,000 by their number · 14 by a user id alone, another portfolio: NOT reached" in text
    assert "nobody has to sign up again" in text
    assert "the templates have to exist in the account of second" in text
    assert "gateway sender replace main second --really" in text
    assert '[topics.blog] sender = "second"' in text


def test_a_replacement_that_was_done():
    found = REPLACED | {"really": True, "same_portfolio": True, "dropped": 0, "stay": 0}
    found["people"] = {"phone": 8000, "user_id": 14, "lost": 0}
    text = " ".join(" ".join(replaced_page(found, 100)).split())
    assert text.startswith("REPLACED 3,856 deliveries go from main to second")
    assert "NOT reached" not in text
    assert "dropped" not in text
    assert "templates" not in text
    assert "--really" not in text
    assert "gateway check; then start the gateway again" in text


@pytest.mark.parametrize("wide", [60, 80, 100])
def test_no_line_is_too_long(wide):
    pages = (
        senders_page(SENDERS, ZONE, wide), replaced_page(REPLACED, wide),
        page(with_(stops=BOTH, messages=[]), wide),
    )  # fmt: skip
    for shown in pages:
        assert max(map(width, shown)) <= wide


def test_the_commands_find_the_gateway(gateway, settings):
    config, _ = load(settings)

    async def make():
        async with SqliteStore(config.database):
            pass

    trio.run(make)
    shown = gateway("sender", "list")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("SENDERS  main")
    refused = gateway("sender", "replace", "main", "gone")
    assert refused.exit_code == 1
    assert "there is no sender 'gone'" in refused.stderr


def test_times_of_a_stop_are_those_of_the_company():
    assert stops.answer(MARKETING, ["main"], Times("UTC", NOW)).startswith(
        "only in part since 17:37."
    )
