"""Every command, without a daemon: what it says, its exit status, its JSON."""

import json
import os
from datetime import UTC, datetime

import pytest
import trio

from gateway.cli.person import own_name
from gateway.config import load
from gateway.ids import new_id
from gateway.inbound import ConsentEvent, Person
from gateway.message import Identity, Message, Text
from gateway.store.protocol import Decision, Screened, micros
from gateway.store.sqlite import SqliteStore

ERIKA = "+491713920033"


@pytest.fixture
def filled(settings):
    """A database with a person, a started message (#1) held for the person, and a held one (#2)."""
    config, _ = load(settings)

    async def fill():
        now = datetime.now(UTC)
        at = micros(now)
        event = ConsentEvent(name="confirmed", at=now, topic="blog", evidence={"words": "Ja"})
        async with SqliteStore(config.database) as store:
            person = Person(identities=(Identity("phone", ERIKA),), name="Erika", events=(event,))
            await store.accept("website", (), at=at - 10, people=[person])
            for n, state in ((1, "ready"), (2, "held")):
                message = Message(
                    id=new_id(), external_id=str(n), topic="blog", title=f"Titel {n}", sender="main",
                    text="Wörter", accepted_at=now,
                )  # fmt: skip
                await store.accept("feed", [message], at=at)
                message = message.replace(number=n, input="feed", forms=(Text(body="Wörter"),))
                verdict = Screened(
                    message=message, state=state, chain="c", code="word", reason="a word",
                )  # fmt: skip
                await store.screened([verdict], at=at)
            (number,) = await store.to_fan_out(limit=5)
            while not (await store.fan_out(number, at=at, limit=10)).done:
                pass
            (delivery,) = await store.lease("main", "n", at=at, limit=1, windows=False, margin=0)
            hold = Decision(
                delivery=delivery.id, to="held", code="plugin_raised", reason="gate fell"
            )
            await store.decide([hold], at=at)

    trio.run(fill)
    return settings


READING = [
    ("status",),
    ("queue",),
    ("trace", "1", ERIKA),
    ("message", "list"),
    ("message", "show", "#1"),
    ("message", "show", "2"),
    ("contacts", "show", "0171 3920033"),
]
STEERING = [
    ("pause", "--reason", "lunch"),
    ("resume",),
    ("sender", "pause", "main"),
    ("sender", "resume", "main"),
    ("message", "approve", "2"),
    ("message", "pause", "1"),
    ("message", "cancel", "1"),
    ("contacts", "withdraw", ERIKA),
    ("send", "--topic", "blog", "--title", "Hallo"),
]
SETTINGS = [("check",), ("check", "--show"), ("order",), ("plugins",)]


@pytest.mark.parametrize("command", READING + STEERING + SETTINGS, ids=" ".join)
def test_json_parses_and_text_fits(gateway, filled, command):
    found = gateway(*command, "--json")
    json.loads(found.stdout)
    assert found.exit_code == (3 if command[0] == "status" else 0)
    again = gateway(*command)
    assert again.stdout or again.stderr
    assert max(map(len, again.stdout.splitlines() or [""])) <= 100


def test_numbers_are_masked_except_where_they_are_asked_for(gateway, filled):
    for command in READING:
        for extra in ((), ("--json",)):
            text = gateway(*command, *extra).stdout
            assert ("3920033" in text) == (command[0] == "contacts")


def test_status_without_a_daemon(gateway, filled):
    found = gateway("status")
    assert found.exit_code == 3
    assert found.stdout.startswith("SENDING  NO. The gateway is not running")
    assert "1 delivery held: plugin_raised: gate fell  → gateway queue" in found.stdout
    data = json.loads(gateway("status", "--json").stdout)
    assert (data["running"], data["exit"], len(data["needs"])) == (False, 3, 2)


@pytest.mark.parametrize("named", [("--by", "redaktion"), ()])
def test_who_decided_is_kept(gateway, filled, named):
    """By name, or by the user of this machine."""
    assert gateway("message", "pause", "1", *named).exit_code == 0
    found = json.loads(gateway("message", "show", "1", "--json").stdout)["journal"][-1]
    who = "redaktion" if named else own_name()
    assert (found["name"], found["detail"]) == ("message.pause", who)
    shown = gateway("message", "show", "1").stdout
    assert f"paused by {who}" in shown


def test_a_user_without_a_name_is_a_number(monkeypatch):
    """As in many containers."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    assert own_name() == f"uid {os.getuid()}"
    monkeypatch.setenv("SUDO_USER", "anna")
    assert own_name() == "anna"


def test_what_was_done_shows(gateway, filled):
    assert gateway("pause").stdout == (
        "Nothing is sent any more, from every sender.  Go on: gateway resume\n"
    )
    assert json.loads(gateway("status", "--json").stdout)["stops"].keys() == {"all"}
    assert gateway("resume").stdout == "Sending goes on.\n"
    assert gateway("resume").stdout.startswith("There was no stop")
    assert gateway("message", "cancel", "#1").stdout.startswith("#1 is cancelled")
    assert gateway("message", "pause", "1").exit_code == 1
    assert (
        "there is no topic 'blug'"
        in gateway("contacts", "withdraw", ERIKA, "--topic", "blug").stderr
    )
    assert (
        "withdrawn from blog; 1 open"
        in gateway("contacts", "withdraw", ERIKA, "--topic", "blog").stdout
    )
    assert "is withdrawn from everything; 0 open deliveries dropped" in (
        gateway("contacts", "withdraw", ERIKA).stdout
    )
    assert gateway("trace", "1", ERIKA).stdout.startswith("NOT SENT  ")


def test_the_queue_names_what_has_no_delivery_yet_and_every_stop(gateway, filled):
    """A post that is held for approval is what an editor looks for there."""
    gateway("pause", "--reason", "Wartung")
    gateway("sender", "pause", "main", "--reason", "")
    gateway("message", "pause", "1")
    shown = gateway("queue").stdout.splitlines()
    assert (
        shown[0]
        == "QUEUE    nothing to send · 1 delivery and 1 message for a person · 1 message paused"
    )
    assert any(line.startswith("stopped  all sending since") for line in shown)
    assert any(line.endswith(": Wartung") for line in shown)
    assert any(line.endswith(": no reason was given") for line in shown)
    assert "messages #1 “Titel 1” · paused by a person" in shown
    assert "         #2 “Titel 2” · held: a word" in shown
    assert [line[9:] for line in shown[-5:]] == [
        "when it may go on: gateway resume",
        "gateway sender resume main",
        "look: gateway message show 2",
        "when mended: gateway message approve 1",
        "go on: gateway message resume 1",
    ]


def test_what_is_through_is_not_cancelled(gateway, filled):
    gateway("contacts", "withdraw", ERIKA)  # the one delivery of #1 is dropped, so it is done
    for action in ("cancel", "pause"):
        found = gateway("message", action, "1")
        assert (found.exit_code, found.stdout) == (1, "")
        assert found.stderr == f"#1 is through: nothing of it waits, nothing to {action}\n"
    assert "message.cancel" not in gateway("message", "show", "1", "--json").stdout


def test_a_contact_shows_when_the_person_agreed(gateway, filled, tmp_path):
    """Not when we heard of it: that stands beside it."""
    table = tmp_path / "people.csv"
    table.write_text(
        "phone,topic,confirmed_at,source,wording\n"
        "+491713920044,blog,2025-03-02T10:15:02+01:00,form,Ja zu allem\n"
    )
    gateway("contacts", "import", str(table))
    shown = gateway("contacts", "show", "+491713920044").stdout
    assert "consent  blog: agreed, 2025-03-02 1" in shown
    assert "noted here 20" in shown
    assert "Ja zu allem" in shown


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("message", "show", "99"), "there is no message 99"),
        (("trace", "1", "+491713920099"), "no contact is known by that"),
        (("sender", "pause", "mian"), "there is no sender 'mian'"),
        (("message", "resume", "1"), "#1 is not paused"),
        (("send", "--topic", "none", "--title", "x"), "there is no topic 'none'"),
    ],
)
def test_a_refusal_is_a_sentence(gateway, filled, command, said):
    found = gateway(*command)
    assert (found.exit_code, found.stdout) == (1, "")
    assert said in found.stderr
    assert "Traceback" not in found.stderr


def test_send(gateway, filled):
    first = gateway("send", "--topic", "blog", "--title", "Hallo", "--text", "-", input="Text\n")
    assert first.stdout.startswith("#3 is accepted")
    assert "goes when it starts" in first.stdout
    again = gateway("send", "--topic", "blog", "--title", "Hallo", "--text", "Text")
    assert (again.exit_code, again.stderr) == (
        1, "exactly this was sent before; to send it again, give it an --id\n",
    )  # fmt: skip
    assert gateway("send", "--topic", "blog", "--title", "Hallo", "--id", "x").exit_code == 0
    assert (
        "'x' was accepted before"
        in gateway("send", "--topic", "blog", "--title", "y", "--id", "x").stderr
    )
    assert json.loads(gateway("message", "show", "3", "--json").stdout)["text"] == "Text"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--title", "x"),
        ("--to", ERIKA, "--title", "x"),
        ("--topic", "blog"),
        ("--topic", "blog", "--title", "x", "--kind", "confirmation"),
    ],
)
def test_send_needs_somebody_and_something(gateway, filled, arguments):
    assert gateway("send", *arguments).exit_code == 2


@pytest.mark.parametrize("command", [*READING, *STEERING[:-1]], ids=" ".join)
def test_before_it_ever_ran(gateway, settings, command):
    found = gateway(*command)
    assert (found.exit_code, found.stdout) == (3, "")
    assert "it never ran with these settings" in found.stderr
    assert not (settings.parent / "gateway.sqlite").exists()


# --- settings -----------------------------------------------------------------------------------
def test_check(gateway, settings):
    found = gateway("check")
    assert found.exit_code == 0
    assert found.stdout.splitlines()[:3] == [
        "gateway.toml is right.", "chain    gate", "senders  main (wire)",
    ]  # fmt: skip
    assert "a broken plugin, torn (others 2.0): importing torn failed" in found.stdout
    assert "\x1b" not in found.stdout


def test_check_show_masks_secrets(gateway, settings):
    import tomllib

    text = gateway("check", "--show").stdout
    assert tomllib.loads(text)["senders"]["main"]["token"] == "<secret>"
    assert "hush" not in text + gateway("check", "--show", "--json").stdout


def test_every_problem_is_said(gateway, settings):
    text = settings.read_text().replace('"feed"\n', '"fed"\n').replace("title =", "titel =")
    settings.write_text(text)
    found = gateway("check")
    assert (found.exit_code, found.stdout) == (2, "")
    assert "gateway.toml: [topics.blog] titel: unknown key" in found.stderr
    assert "gateway.toml: [topics.blog] title: is missing" in found.stderr
    assert "gateway.toml: [inputs.feed] plugin: there is no input 'fed'" in found.stderr
    data = json.loads(gateway("check", "--json").stdout)
    assert (data["ok"], len(data["problems"])) == (False, 3)


@pytest.mark.parametrize("wrong", ["chain = [", "", "[store]\npath = 3"])
def test_wrong_settings_are_no_stop(gateway, settings, wrong):
    """2 would mean that sending stopped; what it does is not known."""
    settings.write_text(wrong)
    assert gateway("status").exit_code == 3
    assert gateway("queue").exit_code == 2
    assert not (settings.parent / "gateway.sqlite").exists()


def test_order(gateway, settings):
    assert gateway("order").stdout.splitlines() == [
        "screen   once per message, before anybody is looked up",
        "         nobody",
        "process  once per delivery, just before it goes",
        "         1  gate         stubs 1.0",
        "limits   how fast and when a delivery may go",
        "         nobody",
        "send     the senders",
        "            main (wire)  stubs 1.0",
    ]


def test_plugins(gateway, settings):
    assert gateway("plugins").stdout.splitlines() == [
        "others 2.0",
        "  feed  input",
        "stubs 1.0",
        "  gate  middleware  Lets everything pass.",
        "  wire  output      Sends nowhere.",
        "broken",
        "  torn              (others 2.0) importing torn failed: �[31mImportError",
    ]


def test_where_the_settings_are(gateway, settings, monkeypatch, tmp_path):
    other = tmp_path / "other.toml"
    settings.rename(other)
    monkeypatch.setattr("gateway.cli.group.PLACES", (settings,))
    missing = gateway("check")
    assert missing.exit_code == 2
    assert "name the settings with --config FILE" in missing.stderr
    assert gateway("--config", str(other), "check").exit_code == 0
    assert gateway("check", "--config", str(other)).exit_code == 0
    assert gateway("message", "list", "--config", str(other)).exit_code == 3
    monkeypatch.setenv("GATEWAY_CONFIG", str(other))
    assert gateway("check").exit_code == 0
    assert gateway("check", "--config", "none.toml").exit_code == 2
