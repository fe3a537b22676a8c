"""The page a lawyer reads: golden texts, and what is said when there is no delivery."""

import copy

import pytest

from gateway.cli.trace import hidden
from gateway.cli.trace_page import render

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE
AT = 1_795_277_884 * SECOND  # 2026-11-21 17:18:04 in Berlin
SIGNED = AT - 200 * DAY
TEMPLATE = {
    "type": "template", "name": "blog_post", "language": "de", "version": "v2",
    "footer": "Abmelden: antworte STOP",
}  # fmt: skip
STORY = {
    "now": AT + 60 * MINUTE,
    "time_zone": "Europe/Berlin",
    "message": {
        "id": 1, "number": 412, "input": "blog", "kind": "marketing", "topic": "blog",
        "sender": "main", "state": "started", "paused": 0, "code": "", "reason": "",
        "until": None, "accepted_at": AT, "expires_at": None, "started_at": AT + 21 * MINUTE,
        "spread": 7200.0, "title": "Neun Fragen zur Wärmepumpe",
        "journal": [
            {"at": AT, "name": "message.accepted", "code": "", "detail": "blog"},
            {"at": AT + SECOND, "name": "message.held", "code": "asked", "detail": "asked anna"},
            {
                "at": AT + 20 * MINUTE, "name": "message.approve", "code": "approval",
                "detail": "redaktion",
            },
            {
                "at": AT + 21 * MINUTE, "name": "message.ready", "code": "",
                "detail": "approved by redaktion 17:38 for 7,962 of 8,014",
            },
            {"at": AT + 21 * MINUTE, "name": "message.started", "code": "", "detail": "7962"},
        ],
    },
    "contact": {
        "id": 5521, "language": "de", "name": "Erika", "created_at": SIGNED,
        "identities": [{"kind": "phone", "value": "+491713920033", "first_seen": SIGNED}],
        "consents": [{"topic": "blog", "state": "confirmed", "event": 10233, "since": SIGNED}],
        "events": [
            {
                "number": 10231, "at": SIGNED, "topic": "blog", "name": "requested",
                "source": "form blog.example/whatsapp",
                "evidence": {"code": "K7F3", "phone": "+49 171 3920033", "wording": "blog-de v3"},
            },
            {
                "number": 10232, "at": SIGNED + 25 * SECOND, "topic": "other", "name": "requested",
                "source": "", "evidence": {},
            },
            {
                "number": 10233, "at": SIGNED + 55 * SECOND, "topic": "blog", "name": "confirmed",
                "source": "message:wamid.x", "evidence": {"words": "Ja", "sender": "main"},
            },
        ],
        "windows": [],
        "inbound": [],
    },
    "delivery": {
        "id": 99, "state": "read", "due_at": AT + 40 * MINUTE, "tries": 1, "code": "",
        "reason": "", "basis": "consent", "basis_event": 10233, "priority": 2,
    },
    "journal": [],
    "attempts": [
        {
            "n": 1, "state": "read", "form": "template", "began_at": AT + 40 * MINUTE,
            "first_byte": AT + 40 * MINUTE + 3000, "settled_at": AT + 40 * MINUTE + 87_000,
            "sent_at": None, "delivered_at": AT + 40 * MINUTE + 2 * SECOND,
            "read_at": AT + 40 * MINUTE + 9 * SECOND, "failed_at": None,
            "provider_id": "wamid.HBgNNDkxNzEzOTIwMDMzFQIAERgSMjQzOTU1Xb", "code": "",
            "detail": "", "notes": "", "content": TEMPLATE, "rendered": "Neu im Blog:\nHallo",
        }
    ],
}  # fmt: skip


def page(story=STORY, wide=100, **options):
    return render(hidden(copy.deepcopy(story)), wide, **options)


def test_read():
    assert page(text=True) == [
        "READ      2026-11-21 17:58:13",
        "          #412 “Neun Fragen zur Wärmepumpe” → c-5CH, +49 171 *** 033",
        "CONSENT   2026-05-05 18:18:04  asked to sign up: form blog.example/whatsapp · wording blog-de v3",
        "                               code K7F3 · phone +49 171 *** 033 · event 10,231",
        "                     18:18:59  confirmed: wrote “Ja” · event 10,233",
        "                               no stop since",
        "MESSAGE   2026-11-21 17:18:04  came from blog",
        "                     17:18:05  held: asked anna",
        "                     17:38:04  approved by redaktion",
        "                     17:39:04  passed all checks: approved by redaktion 17:38 for 7,962 of 8,014",
        "                     17:39:04  queued for 7,962 people",
        "DELIVERY  2026-11-21 17:39:04  queued as d-33, due 17:58:04, spread over 2 h",
        "                     17:58:04  attempt 1 of 1: intent stored · basis consent (event 10,233)",
        "                               template blog_post/de v2",
        "                     17:58:04  accepted by WhatsApp after 84 ms · wamid.HBgN…OTU1Xb",
        "                     17:58:06  delivered",
        "                     17:58:13  read",
        "TEXT      Neu im Blog:",
        "          Hallo",
        "          Abmelden: antworte STOP",
    ]


def test_stopped_before_it_was_due():
    story = copy.deepcopy(STORY)
    at = AT + 32 * MINUTE
    story["contact"]["events"].append(
        {
            "number": 88410, "at": at, "topic": "blog", "name": "withdrawn", "source": "message:w",
            "evidence": {"words": "Stop. Danke"},
        }
    )  # fmt: skip
    story["contact"]["consents"][0]["state"] = "withdrawn"
    story["attempts"] = []
    story["delivery"] |= {"state": "dropped", "code": "withdrawn", "reason": "the person withdrew"}
    story["journal"] = [
        {"at": at, "name": "delivery.dropped", "code": "withdrawn", "detail": "the person withdrew"}
    ]
    shown = page(story, 80)
    assert shown[:2] == [
        "NOT SENT  the person wrote “Stop. Danke”, 2026-11-21 17:50:04",
        "          dropped at once, 8 min before it was due",
    ]
    assert "                               no stop since" not in shown
    assert shown[-1] == "                     17:50:04  not sent: the person withdrew"


def test_the_buttons_stand_below_the_text():
    story = copy.deepcopy(STORY)
    story["attempts"][0]["below"] = "[Ja] [Nein]"
    assert page(story, 80, text=True)[-1] == "          [Ja] [Nein]"


@pytest.mark.parametrize("wide", [60, 80, 100])
def test_no_line_is_too_long(wide):
    story = copy.deepcopy(STORY)
    story["message"]["title"] = "日本 " * 60
    story["contact"]["events"][0]["source"] = "x" * 300
    story["attempts"][0]["rendered"] = "w " * 200 + "y" * 200
    assert max(map(len, page(story, wide, text=True))) <= wide


@pytest.mark.parametrize(
    ("state", "more", "answer"),
    [
        ("queued", {}, "WAITING   due 2026-11-21 17:58:04, its turn comes"),
        (
            "queued",
            {"due_at": AT + 3 * 60 * MINUTE, "code": "limit", "reason": "quiet: closed"},
            "WAITING   due 2026-11-21 20:18:04, in 2 h · limit: quiet: closed",
        ),
        ("sending", {}, "SENDING   on the wire at this moment"),
        ("paused", {}, "PAUSED    the message is paused · go on: gateway message resume 412"),
        (
            "held",
            {"code": "plugin_raised", "reason": "filter failed"},
            "HELD      plugin_raised: filter failed · when mended: gateway message approve 412",
        ),
        (
            "unknown",
            {"code": "timeout", "reason": "no answer"},
            "UNKNOWN   timeout: no answer · it is not sent again; a late status settles it",
        ),
        ("accepted", {}, "ACCEPTED  2026-11-21 17:58:04 · no status came yet"),
        (
            "delivered",
            {},
            "DELIVERED 2026-11-21 17:58:06 · not read, or the person does not show it",
        ),
        ("failed", {"code": "gone"}, "FAILED    gone · after 1 attempt"),
        ("dropped", {"code": "expired", "reason": "too late"}, "NOT SENT  too late"),
    ],
)
def test_answers(state, more, answer):
    story = copy.deepcopy(STORY)
    story["delivery"] |= {"state": state} | more
    assert page(story)[0] == answer


@pytest.mark.parametrize(
    ("message", "consents", "answer"),
    [
        ({"state": "accepted"}, None, "NOT YET   #412 was not looked at yet"),
        (
            {"state": "held", "reason": "a word"},
            None,
            "NOT YET   #412 is held: a word · gateway message approve 412",
        ),
        ({"state": "dropped", "reason": "a word"}, None, "NOT SENT  #412 goes to nobody: a word"),
        (
            {"state": "cancelled"},
            None,
            "NOT SENT  #412 was cancelled before it came to this person",
        ),
        ({"topic": None, "kind": "service"}, None, "NOT SENT  #412 went to somebody else alone"),
        ({"state": "ready"}, None, "NOT YET   #412 is being queued at this moment"),
        ({}, [], "NOT SENT  this person never agreed to blog"),
        (
            {"state": "held"},
            [("blog", "requested", SIGNED)],
            "NOT SENT  no consent to blog: this person asked for it and did not confirm,"
            " 2026-05-05 18:18:04",
        ),
        (
            {},
            [("blog", "confirmed", AT + MINUTE)],
            "NOT SENT  this person agreed to blog later, 2026-11-21 17:19:04; what came before is"
            " not sent",
        ),
        (
            {},
            [("blog", "confirmed", SIGNED), ("*", "withdrawn", SIGNED)],
            "NOT SENT  this person withdrew from everything, 2026-05-05 18:18:04",
        ),
    ],
)
def test_no_delivery(message, consents, answer):
    story = copy.deepcopy(STORY)
    story["message"] |= message
    story["delivery"] = None
    if consents is not None:
        story["contact"]["consents"] = [
            {"topic": topic, "state": state, "event": 1, "since": since}
            for topic, state, since in consents
        ]
    assert page(story)[0] == answer


def test_repeated_and_failed_attempts():
    story = copy.deepcopy(STORY)
    first = story["attempts"][0] | {
        "state": "failed", "provider_id": None, "delivered_at": None, "read_at": None,
        "code": "too_fast", "detail": "131056", "failed_at": AT + 40 * MINUTE + 87_000,
    }  # fmt: skip
    story["attempts"].insert(0, first)
    story["attempts"][1]["n"] = story["delivery"]["tries"] = 2
    shown = page(story)
    assert any(
        line.endswith("attempt 1 of 2: intent stored · template blog_post/de v2") for line in shown
    )
    assert any(line.endswith("refused after 84 ms: too_fast, 131056") for line in shown)


def test_erased_evidence_and_numbers_are_not_shown():
    story = copy.deepcopy(STORY)
    story["contact"]["events"][0]["evidence"] = None
    text = "\n".join(page(story))
    assert "asked to sign up (evidence erased) · event 10,231" in text
    assert "3920033" not in "\n".join(page())


WAITING = {"delivery": STORY["delivery"] | {"state": "queued"}, "attempts": []}
STOP = {"reason": "Wartung", "since": AT + 30 * MINUTE}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"stops": {"all": STOP}},
            "all sending is stopped since 2026-11-21 17:48:04: Wartung · when it may go on:"
            " gateway resume",
        ),
        (
            {"stops": {"sender:main": STOP | {"reason": ""}}},
            "sender main is stopped since 2026-11-21 17:48:04 · when it may go on: gateway sender"
            " resume main",
        ),
        ({"stops": {"sender:other": STOP}}, "due 2026-11-21 17:58:04, its turn comes"),
        (
            {"trouble": ["connect_refused", AT]},
            "the provider does not answer (connect_refused), since 2026-11-21 17:18:04 · tried"
            " again by itself",
        ),
        ({"running": False}, "the gateway is not running · systemctl start message-gateway"),
        (
            {"message": STORY["message"] | {"paused": 1}},
            "the message is paused · go on: gateway message resume 412",
        ),
    ],
)
def test_what_waits_says_why_nothing_goes(changes, said):
    """For a delivery, and for a message that has none yet."""
    assert one_line(page(STORY | WAITING | changes)).startswith(one_line(["WAITING", said, "#412"]))
    early = STORY["message"] | changes.get("message", {}) | {"state": "ready"}
    if "its turn" not in said:
        assert one_line([said]) in one_line(
            page(STORY | changes | {"message": early, "delivery": None})
        )


def one_line(shown):
    return " ".join(" ".join(shown).replace(" ·", "").split())


def test_an_answer_that_was_lost_was_not_an_acceptance():
    """The status said later that it arrived; the page keeps both."""
    story = copy.deepcopy(STORY)
    story["attempts"][0] |= {"code": "reset", "detail": "no complete answer"}
    story["journal"] = [
        {"at": AT, "name": "delivery.unknown", "code": "reset", "detail": "1"},
    ]
    shown = one_line(page(story))
    assert "no clear answer after 84 ms: reset, no complete answer wamid.HBgN…OTU1Xb" in shown
    assert "accepted by WhatsApp" not in shown
    assert shown.startswith("READ")
