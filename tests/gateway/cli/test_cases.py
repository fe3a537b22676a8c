"""`gateway cases`, `requests` and `observers`, without a daemon."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import trio

from gateway.api import Observer, PluginConfig
from gateway.cli import case_page
from gateway.cli.words import Times
from gateway.config import load
from gateway.discovery import Catalogue, Found
from gateway.inbound import Case, Inbound, Intake, Person
from gateway.message import Identity
from gateway.store.protocol import micros
from gateway.store.sqlite import SqliteStore
from tests.gateway.cli.conftest import SETTINGS, catalogue

ERIKA = "+491713920033"
NOW = 1_795_282_860 * 1_000_000  # 2026-11-21 18:41 in Berlin
MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 1440 * MINUTE


class Crm(Observer):
    """Takes nothing."""

    name = "crm"

    async def notice(self, event):
        raise AssertionError("nobody runs it here")


class Answering(Crm):
    name = "answering"
    replayable = False


@pytest.fixture
def filled(settings, monkeypatch):
    """Four cases: #1 a question of somebody who wrote just now, #2 of one who wrote long ago,
    #3 a request that is overdue, #4 a call; and three dead letters."""
    config, _ = load(settings)
    own = catalogue()
    more = {
        kind.name: Found(kind.name, kind, ("observer",), PluginConfig, "stubs 1.0")
        for kind in (Crm, Answering)
    }
    monkeypatch.setattr(
        "gateway.discovery.discover", lambda: Catalogue({**own.plugins, **more}, own.broken)
    )
    settings.write_text(SETTINGS + "[observers.crm]\n[observers.answering]\n")

    async def fill():
        now = datetime.now(UTC)
        async with SqliteStore(config.database) as store:
            for number, ago in (("33", 1), ("44", 25 * 60)):
                inbound = Inbound(
                    provider_id=number, identities=(Identity("phone", f"+4917139200{number}"),),
                    at=now - timedelta(minutes=ago), kind="text", words="Habt ihr offen?",
                )  # fmt: skip
                intake = Intake(sender="main", messages=(inbound,))
                await store.intake(intake, {}, at=micros(now) - ago * MINUTE)
            erika = await store.find(Identity("phone", ERIKA))
            other = await store.find(Identity("phone", "+491713920044"))
            await store.accept(
                "answers", (), at=micros(now),
                people=[Person(identities=(Identity("phone", ERIKA),), name="Erika")],
                cases=[
                    Case(kind="question", external_id="1", text="Habt ihr offen? Tel. " + ERIKA,
                         contact=erika, opened_at=now - timedelta(minutes=52)),
                    Case(kind="question", external_id="2", text="Und ich?", contact=other,
                         sender="main", opened_at=now - timedelta(hours=25)),
                    Case(kind="access", external_id="3", contact=other,
                         due_at=now - timedelta(days=1)),
                    Case(kind="callback", external_id="4", fields={"Wann": "abends"},
                         text="\x1b[31mBitte", due_at=now + timedelta(days=2)),
                ],
            )  # fmt: skip
            await store.noticed(
                "crm", 3, (), at=micros(now), dead=[(1, "the server refuses it"), (99, "x")]
            )
            await store.noticed("answering", 3, (), at=micros(now), dead=[(2, "a bug")])

    trio.run(fill)
    return settings


def numbers(gateway, *command):
    return [case["number"] for case in json.loads(gateway(*command, "--json").stdout)["cases"]]


def test_what_is_overdue_stands_first(gateway, filled):
    assert numbers(gateway, "cases") == [3, 2, 1, 4]
    page = gateway("cases").stdout
    assert page.startswith("CASES    4 open · 1 OVERDUE\n")
    assert "+49 171 *** 033" in page
    assert ERIKA not in page
    assert "\x1b[31m" not in page
    assert max(map(len, page.splitlines())) <= 100


def test_kinds_and_the_register(gateway, filled):
    assert numbers(gateway, "cases", "--kind", "question") == [2, 1]
    assert numbers(gateway, "cases", "--kind", "access, callback") == [3, 4]
    assert numbers(gateway, "requests") == [3]
    assert numbers(gateway, "cases", "--limit", "1") == [3]
    assert "and 3 more: --limit" in gateway("cases", "--limit", "1").stdout
    wrong = gateway("cases", "--kind", "joke")
    assert wrong.exit_code == 1
    assert "there is no kind 'joke'; known: question, callback" in wrong.stderr


def test_one_case(gateway, filled):
    """Whoever answers needs the number; what was said and until when stands there too."""
    page = gateway("cases", "show", "#1").stdout
    for part in (ERIKA, "Erika", "an answer may go until", "they: “Habt ihr offen?”", "answer 1"):
        assert part in page
    known = json.loads(gateway("contacts", "show", ERIKA, "--json").stdout)
    assert "cases show #1" in [look["what"] for look in known["lookups"]]
    other = gateway("cases", "show", "2").stdout
    assert "over since" in other
    assert "cases answer" not in other
    assert "never wrote" not in other
    call = gateway("cases", "show", "4").stdout
    assert "nobody is known" in call
    assert "Wann: abends" in call
    wanted = json.loads(gateway("cases", "show", "3", "--json").stdout)
    assert wanted["overdue"] is True
    export = f"gateway contacts export {wanted['who']['contact']} --out FILE"
    assert export in gateway("cases", "show", "3").stdout


@pytest.mark.parametrize(("kind", "due"), [("callback", "due 14:35"), ("access", "due 22 Nov")])
def test_a_call_is_due_by_the_hour_and_a_request_by_the_day(kind, due):
    noon = micros(datetime(2026, 11, 22, 11, tzinfo=UTC))
    case = {
        "number": 4, "kind": kind, "text": "", "overdue": False, "opened_at": noon,
        "due_at": noon + 155 * MINUTE,
    }  # fmt: skip
    page = case_page.listed(
        {"now": noon, "cases": [case], "left_out": 0}, "Europe/Berlin", 80, closed=False
    )
    assert page[1].split("  ")[-1].strip() == due
    figures = {kind: {"open": 1, "overdue": 0, "oldest": noon, "due": case["due_at"]}}
    (told,) = case_page.counted(figures, Times("Europe/Berlin", noon))
    assert told.endswith(due)


def test_an_answer_goes_out_once(gateway, filled):
    done = gateway("cases", "answer", "1", "Ja, bis 20 Uhr.", "--by", "anna")
    assert (done.exit_code, done.stdout) == (
        0, "#1 is answered and closed; the answer goes out now.\n",
    )  # fmt: skip
    again = gateway("cases", "answer", "#1", "-", input="Ja, bis 20 Uhr.\n")
    assert again.stdout == "#1 has this answer already; nothing was sent again.\n"
    other = gateway("cases", "answer", "1", "Nein.")
    assert other.exit_code == 1
    assert "closed already, nothing was sent" in other.stderr
    assert numbers(gateway, "cases", "--closed") == [1]
    assert "answered" in gateway("cases", "--closed").stdout
    shown = gateway("cases", "show", "1").stdout
    assert "by anna" in shown
    assert "answer   Ja, bis 20 Uhr." in shown
    (message,) = json.loads(gateway("message", "list", "--json").stdout)
    assert (message["kind"], message["input"]) == ("service", "answers of people")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("answer", "2", "Ja."), "#2: the 24 hours for a free text are over"),
        (("answer", "4", "Ja."), "#4: nobody is known"),
        (("answer", "1", " "), "the answer is empty"),
        (("answer", "1", "x" * 3501), "more than 3500 characters"),
        (("answer", "99", "Ja."), "there is no case 99; `gateway cases` shows them"),
        (("show", "x"), "there is no case x"),
        (("close", "²"), "there is no case ²"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(gateway, filled, arguments, says):
    found = gateway("cases", *arguments)
    assert found.exit_code in (1, 2)
    assert says in found.stderr
    assert numbers(gateway, "cases", "--closed") == []


def test_closing_sends_nothing(gateway, filled):
    assert (
        gateway("cases", "close", "3", "--by", "anna").stdout == "#3 is closed; nothing was sent.\n"
    )
    assert "by anna" in gateway("cases", "close", "3").stderr
    assert numbers(gateway, "requests", "--closed") == [3]
    assert json.loads(gateway("message", "list", "--json").stdout) == []


def test_nothing_is_open(gateway, filled):
    assert gateway("cases", "--kind", "enquiry").stdout == "CASES    nothing is open\n"
    assert gateway("requests", "--closed").stdout == "CASES    nothing closed yet\n"


def test_the_status_counts_them(gateway, filled):
    found = gateway("status")
    assert "2 questions open, oldest 25 h · 1 call wanted" in " ".join(found.stdout.split())
    assert "1 request for data overdue  → gateway requests" in found.stdout
    assert "a question has waited 25 h for its answer" in found.stdout
    assert "crm could not take 2 events" in found.stdout


def test_how_cases_are_counted():
    """The line of `gateway status`."""
    times = Times("Europe/Berlin", NOW)
    figures = {
        "question": {"open": 2, "overdue": 0, "oldest": NOW - 52 * MINUTE, "due": None},
        "access": {"open": 1, "overdue": 0, "oldest": NOW - 18 * DAY, "due": NOW + 12 * DAY},
        "erasure": {"open": 2, "overdue": 1, "oldest": NOW - 40 * DAY, "due": NOW - DAY},
        "enquiry": {"open": 3, "overdue": 0, "oldest": NOW - DAY, "due": None},
    }
    assert case_page.counted(figures, times) == [
        "2 questions open, oldest 52 min",
        "3 enquiries open",
        "1 request for data due 3 Dec",
        "2 requests for erasure open, 1 OVERDUE",
    ]


# --- observers ----------------------------------------------------------------------------------
def test_observers(gateway, filled):
    page = gateway("observers").stdout
    assert "crm · " in page
    assert "2 dead letters" in page
    assert "gateway observers retry crm --all" in page
    known = json.loads(gateway("observers", "--json").stdout)["observers"]
    assert known["crm"]["dead"] == 2
    assert known["crm"]["behind"] > 0


def test_dead_letters(gateway, filled):
    page = gateway("observers", "dead-letters", "crm").stdout
    assert "the server refuses it" in page
    assert "purged" in page
    assert "a bug" not in page
    assert "a bug" in gateway("observers", "dead-letters").stdout
    assert "there is no observer 'x'" in gateway("observers", "dead-letters", "x").stderr


def test_retry(gateway, filled):
    assert gateway("observers", "retry", "crm", "1").stdout == "crm is given 1 event again.\n"
    found = gateway("observers", "retry", "crm", "--all").stdout
    assert found.startswith("crm is given 1 event again.\n1 event cannot be given")
    assert "crm has no dead letter 7" in gateway("observers", "retry", "crm", "7").stderr
    for wrong in ((), ("1", "--all")):
        assert gateway("observers", "retry", "crm", *wrong).exit_code == 2
    assert gateway("observers", "retry", "answering", "2").exit_code == 0


def test_replay(gateway, filled):
    assert gateway("observers", "replay", "crm", "--since", "2d").stdout.endswith(
        "3 events again.\n"
    )
    for since, says in (
        ("soon", "cannot read the time 'soon'"),
        ("2099-01-01", "has not been given anything since then"),
    ):
        found = gateway("observers", "replay", "crm", "--since", since)
        assert found.exit_code == 1
        assert says in found.stderr
    found = gateway("observers", "replay", "answering", "--since", "2d")
    assert "answers people" in found.stderr
