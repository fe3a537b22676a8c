"""The page of one message: as it came, as it was judged, and the very words that went out."""

import copy

import pytest

from gateway.cli.message_page import render

AT = 1_795_277_884 * 1_000_000  # 2026-11-21 17:18:04 in Berlin
TEMPLATE = {
    "type": "template", "name": "blog_post", "language": "de", "image": None,
    "rendered": "Neuer Beitrag: *Titel*", "footer": "Abmelden: antworte STOP",
}  # fmt: skip
TEXT = {"type": "text", "rendered": "*Titel*\n\nWörter", "image": None, "footer": ""}
SENT = TEXT | {
    "rendered": "*Titel*\n\nWörter\n\nAbmelden: antworte STOP", "footer": "Abmelden: antworte STOP",
}  # fmt: skip
MESSAGE = {
    "id": 1, "number": 412, "input": "blog", "kind": "marketing", "topic": "blog",
    "sender": "main", "state": "started", "paused": 0, "code": "", "reason": "", "until": None,
    "accepted_at": AT, "expires_at": None, "started_at": AT, "spread": 0.0, "title": "Titel",
    "text": "Wörter", "link": "", "image": None, "language": "de", "counts": {"read": 2},
    "reached": 2, "reasons": [], "forms": [TEXT, TEMPLATE], "sent": [],
    "notes": ["filter passed, score 0 of 5", "free text ends with “Abmelden: antworte STOP”"],
    "came": {"title": "Titel", "text": "Wörter", "link": "", "image": None},
    "journal": [
        {"at": AT, "name": "message.accepted", "code": "", "detail": "blog"},
        {"at": AT, "name": "message.ready", "code": "", "detail": "filter passed, score 0 of 5"},
        {"at": AT, "name": "message.started", "code": "", "detail": "2"},
    ],
}  # fmt: skip


def page(wide=100, **changes):
    return render(copy.deepcopy(MESSAGE) | changes, "Europe/Berlin", wide)


def words(shown):
    start = next(i for i, line in enumerate(shown) if line.startswith("words"))
    return [line[9:] for line in shown[start:]]


def test_before_it_goes_both_forms_and_what_the_checks_said():
    assert words(page()) == [
        "as free text:",
        "│ *Titel*",
        "│",
        "│ Wörter",
        "as template blog_post/de:",
        "│ Neuer Beitrag: *Titel*",
        "│ Abmelden: antworte STOP",
        "filter passed, score 0 of 5 · free text ends with “Abmelden: antworte STOP”",
    ]


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        (TEXT | {"below": "[Ja] [Nein]"}, ["│ *Titel*", "│", "│ Wörter", "│ [Ja] [Nein]"]),
        (TEXT | {"rendered": "", "below": "[Beispiel GmbH]"}, ["│ [Beispiel GmbH]"]),
        (TEMPLATE | {"below": "[Stopp]"},
         ["│ Neuer Beitrag: *Titel*", "│ Abmelden: antworte STOP", "│ [Stopp]"]),
        (SENT | {"below": "[Mehr]"},
         ["│ *Titel*", "│", "│ Wörter", "│", "│ Abmelden: antworte STOP", "│ [Mehr]"]),
    ],
)  # fmt: skip
def test_what_can_be_tapped_stands_below(form, shown):
    assert words(page(sent=[form]))[1 : 1 + len(shown)] == shown


def test_what_went_out_stands_as_it_went_out():
    """With the line that the chain appended to this form."""
    assert words(page(sent=[SENT]))[:6] == [
        "as free text, as it went out:",
        "│ *Titel*",
        "│",
        "│ Wörter",
        "│",
        "│ Abmelden: antworte STOP",
    ]
    assert "as template blog_post/de:" in words(page(sent=[SENT]))


@pytest.mark.parametrize(
    "came",
    [{"text": "Ganz andere Wörter"}, {"title": "Ein anderer Titel"}, {"link": "https://x.example"}],
)
def test_what_the_chain_changed_is_shown_beside_the_original(came):
    shown = words(page(came=MESSAGE["came"] | came))
    assert shown[0] == "as it came:"
    assert f"│ {next(iter(came.values()))}" in shown
    assert "as free text:" in shown


def test_a_message_nobody_looked_at_yet_stands_as_it_came():
    shown = words(page(state="accepted", forms=[], notes=[]))
    assert shown[:3] == ["as it came:", "│ Titel", "│ Wörter"]
    assert "as it came:" not in words(page())


@pytest.mark.parametrize("wide", [60, 80, 100])
def test_no_line_is_too_long(wide):
    long = page(wide, state="held", reason="template " * 30, code="template_parameter", until=None)
    assert max(map(len, long)) <= wide
    assert long[1].startswith("state    held · template_parameter: template")
