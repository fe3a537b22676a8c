"""The page somebody reads at three in the morning, and its exit status."""

import copy

import pytest

from gateway.cli import status_page
from gateway.cli.status import judge

MINUTE = 60_000_000
HOUR = 60 * MINUTE
NOW = 1_795_282_860 * 1_000_000  # 2026-11-21 18:41 in Berlin

FINE = {
    "version": "1.2.0",
    "now": NOW,
    "time_zone": "Europe/Berlin",
    "stops": {},
    "senders": {
        "main": {
            "accepted": 5250,
            "last": NOW - 2_000_000,
            "depths": [
                {"priority": "marketing", "state": "queued", "n": 3856},
                {"priority": "reply", "state": "queued", "n": 4},
                {"priority": "marketing", "state": "read", "n": 2204},
            ],
        }
    },
    "messages": [
        {
            "number": 413, "title": "Förderung ab Januar", "state": "held", "paused": 0,
            "code": "asked", "reason": "redaktion was asked 17:20", "until": NOW + 79 * MINUTE,
            "accepted_at": NOW - 90 * MINUTE, "started_at": None, "spread": 0.0,
            "expires_at": None, "counts": {}, "reached": 0,
        },
        {
            "number": 412, "title": "Neun Fragen zur Wärmepumpe", "state": "started", "paused": 0,
            "code": "", "reason": "", "until": None, "accepted_at": NOW - 80 * MINUTE,
            "started_at": NOW - 62 * MINUTE, "spread": 7200.0, "expires_at": None,
            "reached": 7962,
            "counts": {
                "queued": 3856, "delivered": 1747, "read": 2204, "accepted": 140, "failed": 9,
                "dropped": 6,
            },
        },
    ],
    "people": {
        "states": {"confirmed": 8014, "requested": 41, "withdrawn": 1206},
        "changes": {"confirmed": 9, "withdrawn": 6},
        "contacts": 9302,
    },
    "waiting": [],
    "inputs": {"blog": {"plugin": "rss"}, "website": {"plugin": "forms"}},
    "live": {
        "up_since": NOW - 7 * 24 * HOUR,
        "inputs": {
            "blog": {
                "state": "running", "last_success": NOW - 5 * MINUTE, "note": "unchanged",
                "trouble": "", "failing_since": None, "needs_person": False,
                "next_at": NOW + 10 * MINUTE,
            },
            "website": {"state": "ended", "last_success": None, "next_at": None},
        },
        "senders": {
            "main": {"rate": 1.1, "display": "+49 30 1234412", "last_webhook": NOW - 2_000_000}
        },
        "store": {"lanes": {"send": 0, "bulk": 3}},
    },
}  # fmt: skip


def with_(**changes):
    return copy.deepcopy(FINE) | changes


def page(data, wide=100, running=True):
    return status_page.render(data, judge(data, running=running), wide)


def test_a_quiet_evening():
    assert page(FINE) == [
        "SENDING  yes. Nothing needs you.                 "
        "   message-gateway 1.2.0, up 7 d · 21 Nov 18:41 CET",
        "main     +49 301 *** 412 · 1.1/s · 24 h: 5,250 accepted, last 18:40 · 3,860 wait"
        " · webhooks 2 s ago",
        "now      #412  “Neun Fragen zur Wärmepumpe”  4,106 of 7,962  last due 19:39",
        "         delivered 3,951  read 2,204  on the way 140  failed 9  not sent 6",
        "waiting  #413 “Förderung ab Januar” · redaktion was asked 17:20 · until 20:00",
        "people   8,014 confirmed (+9 −6 today) · 41 asked · 1,206 stopped · 9,302 known",
        "inputs   blog ok 18:36 (unchanged), next 18:51 · website ready",
    ]


def test_a_sender_shows_its_limits_and_what_comes_next():
    data = with_()
    data["senders"]["main"]["next"] = NOW + 79 * MINUTE
    data["live"]["senders"]["main"] |= {
        "allowed": 80.0, "quota": {"used": 5250, "of": 10_000, "s": 86400.0},
    }  # fmt: skip
    assert page(data)[1:3] == [
        "main     +49 301 *** 412 · 1.1/s of 80/s · 24 h: 5,250 accepted, last 18:40",
        "         limit: 5,250 of 10,000 in 24 h · 3,860 wait, next 20:00 · webhooks 2 s ago",
    ]


STOP = {"sender:main": {"reason": "token: session invalidated (190)", "since": NOW - 4 * MINUTE}}


def test_a_sender_is_stopped():
    data = with_(stops=STOP)
    assert page(data, 80)[:7] == [
        "SENDING  NO since 18:37. Sender main: token: session invalidated (190).",
        "         message-gateway 1.2.0, up 7 d · 21 Nov 18:41 CET",
        "harm     4 replies and questions, 3,856 marketing deliveries wait",
        "         STOPs still count",
        "do       when it may go on: gateway sender resume main",
        "         can wait until the morning: no, people wait for an answer",
        "main     +49 301 *** 412 · STOPPED · 1.1/s · 24 h: 5,250 accepted, last 18:40",
    ]


def test_one_of_two_senders_is_stopped():
    data = with_(stops=STOP, senders=FINE["senders"] | {"second": {"accepted": 0, "last": None}})
    assert page(data)[0].startswith("SENDING  only in part since 18:37. Sender main: token")


def test_a_person_paused_everything():
    data = with_(stops={"all": {"reason": "paused by a person", "since": NOW - 40 * HOUR}})
    assert page(data)[0].startswith("SENDING  NO since 20 Nov 02:41: paused by a person.")
    assert "do       when it may go on: gateway resume" in page(data)


@pytest.mark.parametrize(
    ("ailment", "do"),
    [
        ("full", "do       df -h"),
        ("readonly", "do       journalctl -k"),
        ("locked", "do       fuser -v gateway.sqlite"),
        ("failing", "do       journalctl -k"),
        ("damaged", "do       systemctl stop message-gateway"),
    ],
)
def test_the_store_cannot_write(ailment, do):
    data = with_()
    data["live"]["storage"] = {
        "ailment": ailment, "reason": "the disk with the database is full", "since": NOW - 4 * MINUTE,
    }  # fmt: skip
    assert judge(data, running=True).code == 2
    shown = page(data)
    assert shown[0].startswith("SENDING  NO since 18:37: the disk with the database is full.")
    assert any("STOPs still count, nothing new is taken" in line for line in shown)
    assert any(line.startswith(do) for line in shown)
    assert any("can wait until the morning: no" in line for line in shown)


def test_no_daemon():
    data = with_(live=None)
    shown = page(data, 80, running=False)
    assert shown[0] == "SENDING  NO. The gateway is not running; this is what its disk says."
    assert "         what people write is not received" in shown
    assert "do       systemctl start message-gateway" in shown
    assert not any(line.startswith("inputs") for line in shown)


def test_things_to_look_at():
    data = with_(
        waiting=[
            {"state": "held", "code": "plugin_raised", "n": 2, "reason": "filter failed"},
            {"state": "unknown", "code": "read_timeout", "n": 1, "reason": "no answer"},
        ]
    )
    data["messages"][0]["until"] = None
    data["live"]["inputs"]["blog"] = {"state": "parked"}
    shown = page(data)
    assert shown[0].startswith("SENDING  yes. 4 things to look at today.  ")
    assert shown[1:7] == [
        "look     2 deliveries held: plugin_raised: filter failed  → gateway queue",
        "         1 delivery without a clear answer (read_timeout: no answer)",
        "         → nothing is sent twice; a late status settles it: gateway queue unknown",
        "         #413 “Förderung ab Januar” is held for a person: redaktion was asked 17:20",
        "         → gateway message show 413",
        "         input blog is parked: only other settings can help  → gateway check",
    ]
    assert not any(line.startswith("waiting") for line in shown)  # said above


def test_a_time_is_told_once():
    data = with_()
    data["messages"][0]["reason"] = "skipped 20:00 without an answer"
    assert "waiting  #413 “Förderung ab Januar” · skipped 20:00 without an answer" in page(data)


def test_messages_that_wait_for_one_reason_are_one_thing():
    data = copy.deepcopy(FINE)
    held = data["messages"][0] | {"until": None, "reason": "20 of 24 posts look new"}
    data["messages"][:1] = [held | {"number": n} for n in range(440, 420, -1)]
    data["messages"].append(held | {"number": 411, "reason": "a word"})
    shown = page(data)
    assert shown[0].startswith("SENDING  yes. 2 things to look at today.  ")
    assert shown[1:4] == [
        "look     20 messages from #421 to #440 are held for a person: 20 of 24 posts look new",
        "         → gateway message show 440",
        "         #411 “Förderung ab Januar” is held for a person: a word"
        "  → gateway message show 411",
    ]
    assert any(line.startswith("now      #412") for line in shown)


def _input(**state):
    data = copy.deepcopy(FINE)
    data["live"]["inputs"]["blog"] = state
    return data


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ({"trouble": "HTTP 404", "failing_since": NOW - 100 * MINUTE, "next_at": NOW + 19 * MINUTE},
         "blog fails since 17:01: HTTP 404, next try 19:00"),
        ({"trouble": "gone", "failing_since": NOW, "needs_person": True},
         "blog fails since 18:41: gone"),
        ({"note": "1 new, 2 wait", "last_success": NOW, "next_at": NOW - 1},
         "blog ok 18:41 (1 new, 2 wait)"),
        ({"state": "parked", "last_success": NOW}, "blog PARKED, last ok 18:41"),
        ({"state": "pausing", "last_success": NOW}, "blog failing, tries again, last ok 18:41"),
        ({}, "blog no success yet"),
    ],
)  # fmt: skip
def test_how_an_input_fares(state, shown):
    data = _input(**{"state": "running", **state})
    assert f"inputs   {shown} · website ready" in page(data)


def test_many_inputs_that_just_work_are_counted():
    data = copy.deepcopy(FINE)
    one = data["live"]["inputs"]["blog"]
    names = [f"feed{n}" for n in range(30)]
    data["inputs"] = {name: {"plugin": "rss"} for name in names}
    data["live"]["inputs"] = dict.fromkeys(names, one)
    data["live"]["inputs"]["feed7"] = {"state": "running", "trouble": "x", "failing_since": NOW}
    assert "inputs   feed7 fails since 18:41: x · 29 ok" in page(data)


def test_an_input_that_needs_a_person():
    data = _input(state="running", trouble="HTTP 410", failing_since=NOW, needs_person=True)
    assert "look     input blog: HTTP 410  → mend [inputs.blog] in the settings" in page(data)


@pytest.mark.parametrize(
    ("data", "running", "code"),
    [
        (FINE, True, 0),
        (with_(live={}), True, 0),
        (with_(live=None), False, 3),
        (with_(stops=STOP), True, 2),
        (with_(stops=STOP), False, 3),
        (with_(waiting=[{"state": "held", "code": "x", "n": 1, "reason": ""}]), True, 1),
        (with_(waiting=[{"state": "unknown", "code": "x", "n": 1, "reason": ""}]), True, 1),
        (_input(state="parked"), True, 1),
        (_input(state="running", last_success=NOW - 5 * HOUR), True, 0),
        (_input(state="running", last_success=NOW - 7 * HOUR), True, 1),
        (_input(state="pausing", last_success=None), True, 1),
        (_input(state="ended", last_success=NOW - 700 * HOUR), True, 0),
        (_input(state="starting"), True, 0),
        (_input(state="running", last_success=NOW - 20 * HOUR, next_at=NOW + 4 * HOUR), True, 0),
        (_input(state="running", last_success=NOW - 40 * HOUR, next_at=NOW - 7 * HOUR), True, 1),
        (
            _input(
                state="running",
                trouble="x",
                failing_since=NOW - 5 * HOUR,
                last_success=NOW - 20 * HOUR,
                next_at=NOW + HOUR,
            ),
            True,
            0,
        ),
        (_input(state="running", trouble="x", failing_since=NOW - 7 * HOUR, next_at=NOW), True, 1),
        (_input(state="running", trouble="x", failing_since=NOW, needs_person=True), True, 1),
    ],
)
def test_exit_status(data, running, code):
    assert judge(data, running=running).code == code


@pytest.mark.parametrize("wide", [60, 80, 100])
def test_no_line_is_too_long_whatever_the_data(wide):
    data = with_(
        stops={"sender:main": {"reason": "word " * 60, "since": NOW}},
        waiting=[{"state": "held", "code": "c" * 150, "n": 10**9, "reason": "why " * 50}],
        senders={"a-very-long-name-of-a-sender": FINE["senders"]["main"]},
    )
    data["messages"][0]["title"] = "日本語" * 40
    data["messages"][1]["title"] = "x" * 300
    assert max(map(len, page(data, wide))) <= max(wide, 80)


def test_an_empty_gateway():
    data = {
        "version": "1", "now": NOW, "time_zone": "Europe/Berlin", "stops": {}, "live": {},
        "senders": {"main": {"accepted": 0, "last": None, "depths": []}}, "messages": [],
        "people": {"states": {}, "changes": {}, "contacts": 0}, "waiting": [], "inputs": {},
    }  # fmt: skip
    assert page(data, 80)[1:] == ["main     24 h: 0 accepted", "people   nobody yet"]


def test_numbers_of_people_do_not_appear():
    data = with_(stops={"all": {"reason": "call +49 171 3920033", "since": NOW}})
    assert "3920033" not in "\n".join(page(data))


@pytest.mark.parametrize(
    ("marks", "line"),
    [
        ({}, None),
        ({"alive": NOW}, "safety   no backup yet: gateway backup FILE"),
        ({"alive": NOW, "backup": NOW - 60_000_000}, "safety   backup 18:40"),
        (
            {"alive": NOW, "checked": NOW, "damages": 0},
            "safety   no backup yet: gateway backup FILE · database whole (checked 18:41)",
        ),
    ],
)
def test_what_lies_between_you_and_a_loss(marks, line):
    found = [one for one in page(with_(marks=marks)) if one.startswith("safety")]
    assert found == ([line] if line else [])


def test_a_damaged_database_is_said():
    shown = page(with_(marks={"alive": NOW, "backup": NOW, "checked": NOW, "damages": 2}))
    assert "DAMAGED: gateway restore, from the last backup" in "\n".join(shown)
