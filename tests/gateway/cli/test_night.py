"""What whoever is woken reads on the pages: what is harmed, what to do in order, may it wait."""

import copy

import pytest

from gateway.cli import contact_page, queue
from gateway.cli.message_page import render as message_page
from gateway.cli.replacing import senders_page
from gateway.cli.status import judge
from tests.gateway.cli.test_causes import CAUSE, MESSAGE
from tests.gateway.cli.test_contact_page import PERSON
from tests.gateway.cli.test_status import FINE, HOUR, MINUTE, NOW, page, with_
from tests.gateway.cli.test_stops import SENDERS, ZONE, stop
from tests.gateway.cli.test_trace import STORY, WAITING
from tests.gateway.cli.test_trace import page as trace_page

NEWS = [{"priority": "marketing", "state": "queued", "n": 3856}]
TOKEN = {"sender:main": stop(("token_invalid", "The token expired. (Meta 190: x (trace y))"))}
FULL = {"ailment": "full", "reason": "the disk is full", "since": NOW - MINUTE}


def only_news(**changes):
    """The status of a gateway where nothing but news waits."""
    data = copy.deepcopy(with_(**changes))
    data["senders"]["main"]["depths"] = NEWS
    return data


def done(shown):
    """The lines under `do`."""
    start = [line[:2] for line in shown].index("do")
    found = [shown[start]]
    for line in shown[start + 1 :]:
        if not line.startswith(" "):
            break
        found.append(line)
    return [line[9:] for line in found]


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (only_news(stops=TOKEN), "yes"),
        (with_(stops=TOKEN), "no, people wait for an answer"),
        (with_(stops={"marketing:main": stop(("quality_red", "x"))}), "yes"),
        (only_news(stops={"marketing": stop(("damaged", "x"))}),
         "no, what is written now may be lost"),
        (only_news(live=FINE["live"] | {"storage": FULL}), "no"),
    ],
)  # fmt: skip
def test_may_it_wait(data, answer):
    assert judge(data, running=True).code == 2
    assert f"can wait until the morning: {answer}" in done(page(data))


def test_news_that_expires_before_somebody_looks_may_not_wait():
    data = only_news(stops=TOKEN)
    data["messages"][1]["expires_at"] = NOW + 3 * HOUR
    assert "can wait until the morning: if #412 may; it expires 21:41" in done(page(data))
    data["messages"][1]["expires_at"] = NOW + 30 * HOUR
    assert "can wait until the morning: yes" in done(page(data))


@pytest.mark.parametrize(
    ("stops", "do"),
    [
        (TOKEN, ["mend it (docs/alerts.md), then: gateway sender probe main",
                 "or, whatever the provider says: gateway sender resume main"]),
        ({"marketing:main": stop(("quality_red", "x"))},
         ["mend it (docs/alerts.md), then: gateway sender probe main",
          "or, whatever the provider says: gateway sender resume main"]),
        ({"marketing": stop(("restored", "x"))},
         ["what would go: gateway message list",
          "end what must not go: gateway message cancel NUMBER",
          "when it may go on: gateway resume"]),
        ({"sender:main": stop(("replaced", "by second"))},
         ["when it may go on: gateway sender resume main"]),
        ({"sender:main": stop(("person", "lunch"))},
         ["when it may go on: gateway sender resume main"]),
    ],
)  # fmt: skip
def test_what_to_do_stands_in_order_a_line_each(stops, do):
    assert done(page(only_news(stops=stops)))[:-1] == do
    data = {"now": NOW, "depths": [], "next": {}, "stops": stops, "groups": [], "examples": [],
            "messages": []}  # fmt: skip
    assert done(queue.render(data, ZONE, 80)) == do


def test_the_cause_is_named_and_a_bracket_ends_a_sentence():
    assert " ".join(" ".join(page(only_news(stops=TOKEN))).split()).startswith(
        "SENDING NO since 18:37. Sender main (token_invalid): The token expired."
        " (Meta 190: x (trace y)) message-gateway"
    )


def test_the_queue_of_a_full_disk_does_not_say_that_nothing_needs_you():
    data = {"now": NOW, "depths": [], "next": {}, "stops": {}, "groups": [], "examples": [],
            "messages": [], "storage": FULL}  # fmt: skip
    shown = queue.render(data, ZONE, 80)
    assert shown[:2] == [
        "QUEUE    nothing to send",
        "stopped  all sending since 18:40: the disk is full",
    ]
    assert done(shown) == ["what to do, and whether it can wait: gateway status"]


def test_a_limit_that_is_used_up():
    """It needs nobody, and the next try is no news; until when stands in the trace."""
    data = copy.deepcopy(FINE)
    data["senders"]["main"]["next"] = NOW + MINUTE
    data["live"]["senders"]["main"]["quota"] = {"used": 2000, "of": 2000, "s": 86400.0}
    text = " ".join(" ".join(page(data)).split())
    assert "LIMIT USED UP: 2,000 of 2,000 in 24 h · 3,860 wait" in text
    assert "next 18:42" not in text
    assert judge(data, running=True).code == judge(FINE, running=True).code
    listed = copy.deepcopy(SENDERS)
    listed["senders"]["main"]["live"] = data["live"]["senders"]["main"]
    assert "LIMIT USED UP: 2,000 of 2,000 people in 24 h" in "\n".join(
        senders_page(listed, ZONE, 100)
    )
    waits = [
        {"until": NOW + HOUR, "reason": "the pair"},
        {"until": NOW + 9 * HOUR, "reason": "tier"},
    ]
    story = STORY | WAITING | {"waits": waits, "now": NOW}
    assert " ".join(trace_page(story)[0].split()) == (
        "WAITING not before 2026-11-22 03:41:00, in 9 h · tier"
    )


@pytest.mark.parametrize(
    ("live", "words"),
    [({"last_webhook": None}, "no webhook since the start"),
     ({"last_webhook": NOW - 2_000_000}, "webhooks 2 s ago")],
)  # fmt: skip
def test_when_something_was_heard(live, words):
    data = copy.deepcopy(FINE)
    data["live"]["senders"]["main"] |= live
    assert words in " ".join(" ".join(page(data)).split())


# --- a template, a person, and what must never be -------------------------------------------------
PAUSED = CAUSE | {"pause_code": "template_paused", "pause_reason": "Meta paused the template"}
BY_ITSELF = "it goes on by itself once the template may be sent again"


def test_nobody_is_told_to_resume_what_meta_paused():
    shown = message_page(MESSAGE | PAUSED, ZONE, 80)
    assert done(shown)[0] == BY_ITSELF
    assert "gateway message resume" not in "\n".join(shown)
    data = copy.deepcopy(FINE)
    data["messages"] = [data["messages"][1] | {"paused": 1} | PAUSED]
    assert "stop it:" not in "\n".join(page(data)), "it stands still already"


TROUBLE = {"sender": "main", "code": "undeliverable", "n": 3, "last_at": NOW, "until": None,
           "sign": False}  # fmt: skip


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({}, "counted only; marketing still goes main: undeliverable, 3 times, the last time"),
        ({"sign": True, "until": 1 << 62}, "UNREACHABLE: gets no marketing until there is a sign"),
        ({"code": "marketing_cap", "n": 1, "until": NOW + HOUR},
         "gets no marketing before 2026-11-21 19:41:00: the provider lets none through"),
        ({"code": "marketing_cap", "until": NOW - 1}, "over; marketing goes again"),
    ],
)  # fmt: skip
def test_what_keeps_marketing_from_a_person(trouble, words):
    person = PERSON | {"troubles": [TROUBLE | trouble]}
    shown = contact_page.render(person, ZONE, NOW, 80)
    assert words in " ".join(" ".join(shown).split())
    assert max(map(len, shown)) <= 80


def test_what_went_out_twice_is_told():
    """For a day as something to look at, then as a figure beside the others."""
    twice = [{"id": 1, "at": NOW - HOUR, "sender": "main", "number": 412}]
    marks = {"alive": NOW, "backup": NOW}
    head = {"at": NOW - 40 * MINUTE, "number": 10}
    data = with_(twice=twice, marks=marks, head=head)
    (item,) = [item for item in judge(data, running=True).items if "twice" in item.what]
    assert item == ("1 person got a message twice", "gateway message report 412")
    (line,) = [line for line in page(data) if line.startswith("safety")]
    assert (
        line
        == "safety   sent twice 1, the last 17:41 · unknown 0 · backup 18:41 · ledger signed 18:01"
    )
    twice[0]["at"] = NOW - 25 * HOUR
    assert not [item for item in judge(data, running=True).items if "twice" in item.what]
    (line,) = [line for line in page(with_(twice=[], marks=marks)) if line.startswith("safety")]
    assert line == "safety   sent twice 0 · unknown 0 · backup 18:41"
