"""What waits, and for what."""

from gateway.cli.queue import render

NOW = 1_795_282_860 * 1_000_000  # 2026-11-21 18:41 in Berlin
HELD = {
    "state": "held", "paused": 0, "code": "doubted", "until": None, "accepted_at": NOW,
}  # fmt: skip


def test_a_reason_that_many_messages_share_is_said_once():
    reasons = {4: "a word", 3: "20 of 24 posts look new", 2: "20 of 24 posts look new"}
    data = {
        "now": NOW, "depths": [], "next": {}, "stops": {}, "groups": [], "examples": [],
        "messages": [
            HELD | {"number": number, "title": "Titel", "reason": reason}
            for number, reason in reasons.items()
        ],
    }  # fmt: skip
    assert render(data, "Europe/Berlin", 80) == [
        "QUEUE    nothing to send · 3 messages for a person",
        "messages #2 “Titel” · held: 20 of 24 posts look new",
        "         #3 “Titel” · the same",
        "         #4 “Titel” · held: a word",
        "do       look: gateway message show 4",
    ]
