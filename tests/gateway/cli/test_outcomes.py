"""`gateway queue unknown|resolve|failed|retry` and `gateway message report`."""

import csv
import json
from datetime import UTC, datetime, timedelta

import pytest
import trio

from gateway.cli.outcome_page import failed, refused, report, unknown
from gateway.config import load
from gateway.ids import new_id, show
from gateway.inbound import ConsentEvent, Intake, Person, Status
from gateway.message import Basis, Identity, Message, Text
from gateway.pipeline import encode_content
from gateway.store.protocol import Intent, Screened, Settlement, micros, moment
from gateway.store.sqlite import SqliteStore

NOW = 1_795_282_860 * 1_000_000  # 2026-11-21 18:41 in Berlin
SECOND = 1_000_000

ENDS = {
    # the last digits of the number → the outcome of the attempt, and its code
    "01": ("accepted", ""),
    "02": ("accepted", ""),
    "03": ("unknown", "reset"),
    "04": ("unknown", "reset"),
    "05": ("failed", "132012"),
    "06": ("failed", "132012"),
    "07": ("failed", "131026"),
}


@pytest.fixture
def sent(settings):
    """A message that went to seven people, with all kinds of ends; returns their deliveries."""
    config, _ = load(settings)

    async def fill():
        now = datetime.now(UTC) - timedelta(hours=1)
        at = micros(now)
        event = ConsentEvent(name="confirmed", at=now, topic="blog", evidence={"words": "Ja"})
        deliveries = {}
        async with SqliteStore(config.database) as store:
            people = [
                Person(identities=(Identity("phone", f"+491713920{end:0>3}"),), events=(event,))
                for end in ENDS
            ]
            await store.accept("website", (), at=at - 10, people=people)
            message = Message(
                id=new_id(), external_id="1", topic="blog", title="Drei Dächer", sender="main",
                text="Wörter", accepted_at=now,
            )  # fmt: skip
            await store.accept("feed", [message], at=at)
            message = message.replace(number=1, input="feed", forms=(Text(body="Wörter"),))
            await store.screened([Screened(message=message, state="ready", chain="c")], at=at)
            while not (await store.fan_out(message.id, at=at, limit=10)).done:
                pass
            leased = await store.lease("main", "n", at=at, limit=9, windows=False, margin=0)
            for delivery in leased:
                end = delivery.identities[0].value[-2:]
                outcome, code = ENDS[end]
                deliveries[end] = show("d", delivery.id)
                basis = Basis(kind="consent", event=delivery.permissions.consent)
                digest, body = encode_content(delivery.content)
                intent = Intent(
                    delivery=delivery.replace(basis=basis), at=at, content=digest, body=body
                )
                assert await store.begin([intent], "n") == [None]
                await store.settle(
                    [
                        Settlement(
                            delivery=delivery.id, n=1, outcome=outcome, at=at + 9 * SECOND,
                            provider_id=end if outcome == "accepted" else None, code=code,
                            detail="=what the API said" if code else "",
                        )
                    ]
                )  # fmt: skip
            status = Status(
                provider_id="01", status="read", at=moment(at + 9 * SECOND), billable=True,
                category="marketing",
            )  # fmt: skip
            await store.intake(Intake(sender="main", statuses=(status,)), {}, at=at)
        return deliveries

    return trio.run(fill)


def test_what_is_unknown(gateway, sent):
    """The list says how many, why, since when, and how to decide; filters leave out others."""
    found = gateway("queue", "unknown")
    assert found.exit_code == 0
    assert found.stdout.startswith("UNKNOWN  2 deliveries without a clear answer\n")
    assert "2 marketing of main · reset" in found.stdout
    assert sent["03"] in found.stdout
    assert "gateway queue resolve" in found.stdout
    assert "3920" not in found.stdout
    assert gateway("queue", "unknown", "--kind", "utility").stdout.startswith("UNKNOWN  nothing")
    data = json.loads(gateway("queue", "unknown", "--json").stdout)
    assert [row["code"] for row in data["rows"]] == ["reset", "reset"]


@pytest.mark.parametrize("how", ["--sent", "--not-sent", "--resend"])
def test_a_person_decides_about_one(gateway, sent, how):
    """It is told what was done, who did it stands in the trace, a second time it is refused."""
    found = gateway("queue", "resolve", sent["03"], how, "--by", "anna")
    word = "counted as sent" if how == "--sent" else "queued again"
    assert (found.exit_code, found.stdout) == (0, f"1 delivery {word}.\n")
    again = gateway("queue", "resolve", sent["03"], how)
    assert (again.exit_code, again.stdout.strip()) == (1, "1 stays as it is: settled meanwhile.")
    left = json.loads(gateway("queue", "unknown", "--json").stdout)
    assert len(left["rows"]) == 1


@pytest.mark.parametrize(
    ("others", "said"), [(("d-1",), "1 delivery is"), (("d-1", "d-2"), "2 deliveries are")]
)
def test_a_delivery_that_never_was(gateway, sent, others, said):
    """A slip of the pen is told as one; what was meant rightly is decided."""
    found = gateway("queue", "resolve", *others, sent["03"], "--sent")
    assert found.exit_code == 1
    assert found.stdout == (
        f"1 delivery counted as sent.\n{said} not there; see: gateway queue unknown\n"
    )


def test_the_trace_tells_who_decided(gateway, sent):
    """Sent again, and why; and by whom."""
    gateway("queue", "resolve", sent["03"], "--resend", "--by", "anna")
    text = gateway("trace", "1", "+491713920003").stdout
    assert "sent again, first outcome unknown: decided by anna" in text


def test_all_of_a_message(gateway, sent):
    """In bulk, as JSON too."""
    found = gateway("queue", "resolve", "--message", "1", "--sent", "--json")
    assert json.loads(found.stdout) == {"done": 2, "refused": {}}
    assert json.loads(gateway("queue", "resolve", "--all", "--sent", "--json").stdout)["done"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("resolve", "d-1"), "Say what became of it"),
        (("resolve", "--sent"), "Say which"),
        (("resolve", "d-1", "--all", "--sent"), "Say which"),
        (("resolve", "x-1", "--sent"), "is no delivery"),
        (("retry",), "Say which"),
        (("retry", "--all", "--sender", "nobody"), "there is no sender"),
        (("unknown", "--kind", "nonsense"), "there is no kind"),
        (("failed", "--message", "99"), "there is no message"),
        (("failed", "--since", "soon"), "cannot read the time"),
        (("failed", "--export", "failed.xls"), "ends in .csv or .json"),
    ],
)
def test_what_cannot_be_meant(gateway, sent, arguments, says):
    """A sentence; wrong arguments are 2, what the gateway does not know is 1."""
    found = gateway("queue", *arguments)
    assert found.exit_code == (2 if "Usage" in found.output else 1)
    assert says in found.output


def test_what_failed_for_good(gateway, sent):
    """Grouped by the provider's answer; filters as everywhere."""
    found = gateway("queue", "failed")
    assert found.stdout.startswith("FAILED   3 deliveries\n")
    assert "2 marketing of main · 132012: =what the API said" in found.stdout
    assert "gateway queue retry --code 132012" in found.stdout
    for filters, n in (
        (("--code", "131026"), 1), (("--message", "1"), 3), (("--since", "30min"), 0),
        (("--since", "2h"), 3), (("--sender", "main"), 3),
    ):  # fmt: skip
        data = json.loads(gateway("queue", "failed", *filters, "--json").stdout)
        assert len(data["rows"]) == n, filters
        assert sum(group["n"] for group in data["groups"]) == n, filters


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_export(gateway, sent, folder, suffix):
    """All of them, without a number, safe to open as a sheet; an old file is not written over."""
    file = folder / f"failed.{suffix}"
    found = gateway("queue", "failed", "--code", "132012", "--export", str(file))
    assert found.stdout == f"2 deliveries written to {file}.\n"
    text = file.read_text(encoding="utf-8")
    assert "3920" not in text
    rows = list(csv.DictReader(text.splitlines())) if suffix == "csv" else json.loads(text)
    assert {row["delivery"] for row in rows} == {sent["05"], sent["06"]}
    mark = "'" if suffix == "csv" else ""
    assert {row["reason"] for row in rows} == {f"{mark}=what the API said"}
    again = gateway("queue", "failed", "--export", str(file))
    assert (again.exit_code, "exists already" in again.stderr) == (1, True)
    other = folder / f"other.{suffix}"
    told = gateway("queue", "failed", "--export", str(other), "--json")
    assert json.loads(told.stdout) == {"file": str(other), "rows": 3}


@pytest.mark.parametrize("command", [("queue",), ("queue", "failed"), ("message", "list")])
def test_a_limit_below_zero_is_no_limit_to_ask_for(gateway, sent, command):
    """SQLite takes it for "all of them", and there may be a million."""
    found = gateway(*command, "--limit", "-1")
    assert (found.exit_code, "--limit" in found.stderr) == (2, True)


def test_retry_after_a_fix(gateway, sent):
    """Those of one code are queued again, once; the rest stays."""
    found = gateway("queue", "retry", "--code", "132012", "--by", "anna")
    assert (found.exit_code, found.stdout.strip()) == (0, "2 deliveries queued again.")
    assert json.loads(gateway("queue", "failed", "--json").stdout)["groups"][0]["code"] == "131026"
    text = gateway("trace", "1", "+491713920005").stdout
    assert "sent again after it failed: decided by anna" in text
    gateway("message", "cancel", "1")
    last = gateway("queue", "retry", "--all")
    assert (last.exit_code, last.stdout.strip()) == (1, "1 stays as it is: of a cancelled message.")


def test_the_report_of_a_message(gateway, sent):
    """Every figure of the page, and the same as JSON."""
    data = json.loads(gateway("message", "report", "1", "--json").stdout)
    assert (data["reached"], data["read"], data["twice"], data["again"]) == (1, 1, 0, 0)
    assert data["counts"] == {"read": 1, "accepted": 1, "unknown": 2, "failed": 3}
    assert data["cost"] == {"billed": {"marketing": 1}, "free": 0, "not_told": 1}
    page = gateway("message", "report", "1").stdout.splitlines()
    assert page[:8] == [
        "#1       “Drei Dächer”",
        "reached  1 of 7 people · 14.3 %",
        "read     at least 1 · who hides it is not among them",
        "no news  1 accepted, and no status came",
        "failed   3:",
        "         2 =what the API said",
        "         1 =what the API said",
        "unknown  2 =what the API said",
    ]
    assert "twice    nobody" in page
    assert "withdrew 0 people after it" in page
    assert page[-1].startswith("took     9 s · ")


def test_a_message_that_did_not_start(gateway, settings):
    """There is nothing to report, and that is said."""
    gateway("send", "--topic", "blog", "--title", "Hallo")
    page = gateway("message", "report", "1").stdout
    assert "nobody yet: it did not start" in page


def test_pages_fit_and_say_nothing_twice():
    """With many reasons, at 60 columns."""
    groups = [
        {"sender": "main", "kind": "marketing", "code": f"c{n}", "reason": "why " * 30, "n": n,
         "oldest": NOW}
        for n in (1200, 3)
    ]  # fmt: skip
    rows = [
        {"id": n, "number": 4, "kind": "marketing", "contact": n, "sender": "main", "code": "c",
         "reason": "", "since": NOW, "tries": 1}
        for n in (1, 2)
    ]  # fmt: skip
    data = {"now": NOW, "groups": groups, "rows": rows, "after": 300.0, "resend": ["utility"]}
    for page in (unknown(data, "Europe/Berlin", 60), failed(data, "Europe/Berlin", 60)):
        assert max(map(len, page)) <= 60
        assert "1,203 deliveries" in page[0]
    assert "utility goes again after 5 min" in " ".join(unknown(data, "Europe/Berlin", 100))
    assert refused({"expired": 2, "withdrawn": 5, "odd": 1}) == [
        "5 stay as they are: to people who withdrew.",
        "2 stay as they are: past their time.",
        "1 stays as it is: odd.",
    ]


def test_the_amount_stands_first():
    """With a table of prices, and what it does not name."""
    data = {
        "number": 7, "title": "T", "audience": 10, "counts": {"delivered": 10}, "reached": 10,
        "read": 0, "reasons": {"failed": [], "unknown": [], "dropped": [], "held": []},
        "twice": 1, "withdrew": 1, "first": NOW, "last": NOW, "now": NOW,
        "time_zone": "Europe/Berlin",
        "cost": {"billed": {"marketing": 9}, "free": 1, "not_told": 0, "amount": 1.016,
                 "currency": "EUR", "rates_of": "2026-10-01", "unpriced": {"AT": 2}},
    }  # fmt: skip
    page = report(data, 100)
    assert (
        "cost     1.02 EUR · 9 billed as marketing · 1 free · prices of 2026-10-01"
        " · no price for 2 in AT"
    ) in page
    assert "twice    1 person, after an unknown outcome" in page
    assert "withdrew 1 person after it" in page
