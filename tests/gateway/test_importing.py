"""A row is a person; it proves a consent only if it says for what, when, where and how."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.config import Company, Consent, GatewayConfig, Server, Service, Storage
from gateway.importing import LONGEST, against, attached, read_row
from gateway.message import Identity, Topic

CONFIG = GatewayConfig(
    file=Path("gateway.toml"),
    company=Company(name="Muster GmbH"),
    server=Server(),
    storage=Storage(),
    consent=Consent(),
    service=Service(),
    chain=(),
    topics={"blog": Topic(name="blog", title="Blog", purpose="Beiträge")},
    senders={},
    inputs={},
    middleware={},
    observers={},
    people={},
)
PROOF = {
    "phone": "0171 3920001",
    "topic": "blog",
    "confirmed_at": "2025-03-02 10:15:02",
    "source": "https://example.org/anmeldung",
    "wording": "Ja, ich möchte Beiträge bekommen",
}


def test_a_row_with_all_four_proves_a_consent() -> None:
    """The event has the company's time, and keeps what the row said as evidence."""
    row = {
        **PROOF, " Name ": " Anna ", "Language": "de", "user_id": "DE.1234", "ip": "192.0.2.7",
        "empty": " ",
    }  # fmt: skip
    person, verdict = read_row(row, CONFIG, file="people.csv", default_topic=None)
    assert verdict == {"verdict": "consent", "reason": "", "topic": "blog"}
    assert person is not None
    assert person.identities == (
        Identity("phone", "+491713920001"),
        Identity("user_id", "DE.1234"),
    )
    assert (person.name, person.language) == ("Anna", "de")
    (event,) = person.events
    assert (event.name, event.topic, event.source) == ("imported", "blog", "import people.csv")
    assert event.at == datetime(2025, 3, 2, 9, 15, 2, tzinfo=UTC)
    assert event.evidence == {
        "confirmed_at": "2025-03-02 10:15:02",
        "source": PROOF["source"],
        "wording": PROOF["wording"],
        "ip": "192.0.2.7",
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"topic": ""}, "no proof: topic missing"),
        ({"topic": "news"}, "there is no topic 'news' in the settings"),
        ({"confirmed_at": ""}, "no proof: confirmed_at missing"),
        ({"source": " ", "wording": ""}, "no proof: source, wording missing"),
        ({"confirmed_at": "02.03.2025"}, "confirmed_at is no time; write it as"),
        ({"confirmed_at": "0001-01-01 00:00"}, "confirmed_at is no time; write it as"),
        ({"confirmed_at": "2999-01-01 00:00"}, "confirmed_at lies in the future"),
        ({"confirmed_at": "", "requested_at": "2025-03-02"}, "signed up and never confirmed"),
        ({"topic": "Blog"}, "there is no topic 'Blog' in the settings; did you mean 'blog'?"),
        ({"topic": "x" * 5000}, f"there is no topic '{'x' * 40}' in the settings"),
        ({"confirmed_at": "2025-02-30 10:00"}, "confirmed_at is no time; write it as"),
        ({"confirmed_at": "45718.427"}, "confirmed_at is no time; write it as"),
        ({"confirmed_at": "1740906902"}, "confirmed_at is no time; write it as"),
        ({"confirmed_at": "gestern"}, "confirmed_at is no time; write it as"),
        ({"confirmed_at": "0000-00-00 00:00:00"}, "confirmed_at is no time; write it as"),
        # proofs that contradict themselves
        ({"requested_at": "2025-03-02 10:15:03"}, "requested_at is later than confirmed_at"),
        ({"withdrawn_at": "yes"}, "withdrawn_at is filled in, and is no time"),
    ],
)
def test_a_claim_is_no_proof(change: dict[str, str], reason: str) -> None:
    """Without all four the person is kept, and nothing is confirmed."""
    person, verdict = read_row(PROOF | change, CONFIG, file="x", default_topic=None)
    assert verdict["verdict"] == "no_consent"
    assert verdict["reason"].startswith(reason)
    assert person is not None
    assert [event.name for event in person.events if event.name != "requested"] == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"phone": ""}, "neither phone nor user_id is filled in"),
        ({"phone": "0171"}, "phone: no"),
        ({"phone": "anna"}, "phone: holds letters"),
        ({"phone": "0171 39ABCDE"}, "phone: holds letters; write it as +49 171 …"),
        ({"phone": "+49 171 3920001, 0171 3920002"}, "phone: no"),
        ({"phone": "+49 171 39200011111"}, "phone: no valid phone number; write it as"),
    ],
)
def test_a_row_without_a_person_is_refused(change: dict[str, str], reason: str) -> None:
    """A row that names nobody is refused, without repeating a number."""
    person, verdict = read_row(PROOF | change, CONFIG, file="x", default_topic=None)
    assert person is None
    assert verdict["verdict"] == "refused"
    assert verdict["reason"].startswith(reason)


@pytest.mark.parametrize(
    "change",
    [
        {"withdrawn_at": "2025-03-02 10:15:02"},
        {"withdrawn_at": "2025-06-01"},
        {"withdrawn_at": "2025-06-01", "confirmed_at": "", "wording": ""},
        {"withdrawn_at": "2025-06-01", "confirmed_at": "", "requested_at": "2025-03-02"},
    ],
)
def test_a_list_withdraws(change: dict[str, str]) -> None:
    """Who withdrew elsewhere, after all that the row proves, has withdrawn here."""
    person, verdict = read_row(PROOF | change, CONFIG, file="x", default_topic=None)
    assert verdict["verdict"] == "no_consent"
    assert "taken as a withdrawal" in verdict["reason"]
    assert person is not None
    assert [(event.name, event.topic) for event in person.events] == [("withdrawn", "blog")]


@pytest.mark.parametrize(
    "change", [{"withdrawn_at": "2024-01-01"}, {"requested_at": "2025-03-02 10:14"}]
)
def test_who_came_back_has_agreed(change: dict[str, str]) -> None:
    """A withdrawal before the proof, or a request before it, does not contradict it."""
    _, verdict = read_row(PROOF | change, CONFIG, file="x", default_topic=None)
    assert verdict["verdict"] == "consent"


@pytest.mark.parametrize(
    ("written", "hour"),
    [("2025-07-02 10:15", 8), ("2025-07-02T10:15+00:00", 10), ("2025-07-02T10:15Z", 10)],
)
def test_a_time_is_the_company_s_unless_it_says_so(written: str, hour: int) -> None:
    """Local times are of the company's zone, summer and winter."""
    person, _ = read_row(PROOF | {"confirmed_at": written}, CONFIG, file="x", default_topic=None)
    assert person is not None
    assert person.events[0].at == datetime(2025, 7, 2, hour, 15, tzinfo=UTC)


def test_the_default_topic_and_odd_rows() -> None:
    """A file about one topic need not repeat it; what csv makes of short and long rows is no error."""
    row: dict[object, object] = {k: v for k, v in PROOF.items() if k != "topic"}
    row |= {None: ["left", "over"], "short": None, "wording": "x" * (LONGEST + 5)}
    person, verdict = read_row(row, CONFIG, file="x", default_topic="blog")  # type: ignore[arg-type]
    assert verdict["verdict"] == "consent"
    assert person is not None
    assert len(person.events[0].evidence["wording"]) == LONGEST


@pytest.mark.parametrize(
    ("consents", "verdict", "said"),
    [
        ([], "consent", ""),
        ([("blog", "expired")], "consent", ""),
        ([("blog", "confirmed")], "kept", "known already"),
        ([("blog", "withdrawn")], "kept", "withdrew"),
        ([("*", "withdrawn")], "kept", "withdrew"),
        ([("blog", "refused")], "kept", "said no"),
        ([("blog", "unconfirmed")], "kept", "may have a new owner"),
        ([("other", "withdrawn")], "consent", ""),
    ],
)
def test_what_is_known_here_wins(consents: list[tuple[str, str]], verdict: str, said: str) -> None:
    """A list lifts nothing that a person did, and says so row by row."""
    known = [{"topic": topic, "state": state} for topic, state in consents]
    found = against(known, {"verdict": "consent", "reason": "", "topic": "blog"})
    assert found["verdict"] == verdict
    assert said in found["reason"]


def test_a_file_goes_with_its_person() -> None:
    """The hash of a scan names the person whose row it stood in."""
    row = {**PROOF, "file": "scan.pdf", "file_sha256": "ab" * 32}
    person, _ = read_row(row, CONFIG, file="people.csv", default_topic=None)
    assert person is not None
    without, _ = read_row(PROOF, CONFIG, file="people.csv", default_topic=None)
    assert without is not None
    assert list(attached([person, without])) == [
        (Identity("phone", "+491713920001"), b"\xab" * 32, "scan.pdf")
    ]
