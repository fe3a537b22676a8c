"""What a provider paused or stopped, on the pages, and `gateway sender probe`."""

import copy
import json

import pytest

from gateway.cli import message_page
from gateway.cli.group import Target
from gateway.cli.queue import render
from tests.gateway.cli.test_message_page import MESSAGE
from tests.gateway.cli.test_status import FINE, NOW, page, with_

WHY = "The template changed; look at its parameters. (Meta 132000: body: 2, expected 1)"
CAUSE = {"paused": 1, "pause_code": "template_parameter_count", "pause_reason": WHY}
WAITS = {"paused": 1, "pause_code": "template_paused", "pause_reason": "Meta paused it"}


def messages(*changes):
    """The newest first, each a copy of one that is sent, with changes."""
    sent = FINE["messages"][1]
    return [copy.deepcopy(sent) | {"number": 420 - n} | one for n, one in enumerate(changes)]


def said(data):
    return " ".join(" ".join(page(data)).split())


def test_status_says_why_a_message_is_paused():
    shown = said(with_(messages=messages(CAUSE, {"paused": 1, "pause_code": ""})))
    assert "yes. 1 thing to look at today." in shown
    assert f"is paused (template_parameter_count): {WHY} → gateway message show 420" in shown


def test_messages_that_wait_for_one_template_are_one_thing():
    shown = said(with_(messages=messages(WAITS, WAITS, WAITS)))
    assert "yes. 1 thing to look at today." in shown
    assert "3 messages from #418 to #420 are paused (template_paused): Meta paused it" in shown
    assert "it goes on by itself once the template may be sent again" in shown


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({"slowed": 40.0}, "slowed down to 40/s, the provider asked for less"),
        ({"breaker": "open"}, "no answer: one at a time is tried"),
        ({"breaker": "half_open"}, "no answer: one at a time is tried"),
        ({"breaker": "closed", "slowed": None}, ""),
    ],
)
def test_status_shows_how_a_sender_is_held_back(live, words):
    data = with_()
    data["live"] = copy.deepcopy(FINE["live"])
    data["live"]["senders"]["main"] |= live
    shown = said(data)
    assert words in shown
    assert bool(words) is ("slowed" in shown or "no answer" in shown)


def test_queue_says_why_a_message_is_paused():
    data = {
        "now": NOW, "depths": [], "next": {}, "stops": {}, "groups": [], "examples": [],
        "messages": messages(CAUSE),
    }  # fmt: skip
    shown = " ".join(" ".join(render(data, "Europe/Berlin", 100)).split())
    assert f"paused (template_parameter_count): {WHY}" in shown
    assert "go on: gateway message resume 420" in shown


def test_a_message_says_why_it_is_paused():
    shown = " ".join(" ".join(message_page.render(MESSAGE | CAUSE, "Europe/Berlin", 100)).split())
    assert f"template_parameter_count: {WHY}" in shown


FOUND = {"sender": "main", "mended": [], "left": [], "trouble": ""}
LEFT = {"code": "payment", "reason": "Meta could not charge the account", "since": NOW}


@pytest.mark.parametrize(
    ("found", "lines", "code"),
    [
        ({"mended": ["token_invalid"]}, ["Mended: token_invalid.", "main may send."], 0),
        ({}, ["main may send."], 0),
        (
            {"left": [LEFT]},
            ["Still stopped (payment): Meta could not charge the account",
             "To go on whatever the provider says: gateway sender resume main"],
            1,
        ),
        ({"trouble": "connect: no way"}, ["The provider did not say that it is mended: connect: no way"], 1),
    ],
)  # fmt: skip
def test_a_probe(gateway, settings, monkeypatch, found, lines, code):
    asked = []

    def call(self, operation, **arguments):
        asked.append((operation, arguments))
        return FOUND | found

    monkeypatch.setattr(Target, "call", call)
    shown = gateway("sender", "probe", "main")
    assert (shown.stdout.splitlines(), shown.exit_code) == (lines, code)
    assert asked == [("sender_probe", {"sender": "main"})]
    told = gateway("sender", "probe", "main", "--json")
    assert (json.loads(told.stdout), told.exit_code) == (FOUND | found, code)


@pytest.mark.parametrize(
    ("causes", "text"),
    [
        (["person"], "main goes on."),
        (["payment", "person"], "main goes on.  Lifted: payment; if a cause is still there,"),
        ([], "main was not stopped."),
    ],
)
def test_a_resume(gateway, settings, monkeypatch, causes, text):
    done = {"resumed": bool(causes), "causes": causes}
    monkeypatch.setattr(Target, "call", lambda self, operation, **arguments: done)
    assert gateway("sender", "resume", "main").stdout.startswith(text)
