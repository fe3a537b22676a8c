"""Export, erase, hold: what a person may demand, from the command line."""

import json
import stat

import pytest

ADA = "+491713920055"
HEAD = "phone;name;topic;confirmed_at;source;wording;file"
ROW = f"{ADA};Ada;blog;2025-03-02 10:15:02;stand at the fair;blog-de v3;scans/ada.png"


@pytest.fixture
def ada(gateway, folder):
    """One person, imported with a scan of the signed list."""
    (folder / "scans").mkdir()
    (folder / "scans" / "ada.png").write_bytes(b"\x89PNG a signed list")
    (folder / "people.csv").write_text(f"{HEAD}\n{ROW}\n")
    found = gateway("contacts", "import", "people.csv", "--proof-files", ".")
    assert found.exit_code == 0, found.output
    return folder


def test_export_is_all_there_is(gateway, ada):
    found = gateway("contacts", "export", ADA, "--out", "ada.json")
    assert found.exit_code == 0
    assert "1 identity, 1 consent event, 0 messages sent" in found.stdout
    assert stat.S_IMODE((ada / "ada.json").stat().st_mode) == 0o600
    told = json.loads((ada / "ada.json").read_text())
    assert told["name"] == "Ada"
    assert [(one["kind"], one["value"]) for one in told["identities"]] == [("phone", ADA)]
    (event,) = told["consent_events"]
    assert event["at"] == "2025-03-02T09:15:02+00:00"
    assert event["evidence"]["source"] == "stand at the fair"
    assert [one["name"] for one in told["proof_files"]] == ["scans/ada.png"]
    assert [one["what"] for one in told["looked_up"]] == ["contacts export"]


def test_export_overwrites_nothing(gateway, ada):
    (ada / "mine.txt").write_text("mine")
    found = gateway("contacts", "export", ADA, "--out", "mine.txt")
    assert found.exit_code == 1
    assert "mine.txt is there already" in found.stderr
    assert (ada / "mine.txt").read_text() == "mine"


def test_a_readable_export_is_a_page(gateway, ada):
    gateway("contacts", "export", ADA, "--out", "ada.html", "--readable")
    page = (ada / "ada.html").read_text()
    assert "Deine gespeicherten Daten" in page
    assert "Neue Beiträge" in page
    assert "stand at the fair" in page
    assert "<script" not in page


def test_a_proof_file_is_kept_and_named_by_its_hash(gateway, ada):
    told = json.loads(gateway("contacts", "show", ADA, "--json").stdout)
    digest = told["events"][0]["evidence"]["file_sha256"]
    kept = ada / "proofs" / digest[:2] / digest
    assert kept.read_bytes() == b"\x89PNG a signed list"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("gone.png", "file 'gone.png': No such file or directory"),
        ("../../etc/hosts", "lies outside the folder of --proof-files"),
    ],
)
def test_a_proof_file_that_is_not_there(gateway, folder, name, problem):
    (folder / "people.csv").write_text(f"{HEAD}\n{ROW.replace('scans/ada.png', name)}\n")
    found = gateway("contacts", "import", "people.csv", "--proof-files", ".")
    assert found.exit_code == 1
    assert problem in found.stdout


def test_a_hash_without_its_file_is_no_proof(gateway, folder):
    row = ROW.replace("scans/ada.png", "ab" * 32)
    (folder / "people.csv").write_text(f"{HEAD.replace('file', 'file_sha256')}\n{row}\n")
    gateway("contacts", "import", "people.csv")
    told = json.loads(gateway("contacts", "show", ADA, "--json").stdout)
    assert "file_sha256" not in told["events"][0]["evidence"]


def test_erase(gateway, ada):
    asked = gateway("contacts", "erase", ADA, input="n\n")
    assert asked.exit_code == 1
    found = gateway("contacts", "erase", ADA, "--reason", "letter of 2 March", "--yes")
    assert found.exit_code == 0, found.output
    assert "1 identity and 1 proof file deleted" in found.stdout
    assert gateway("contacts", "show", ADA).exit_code == 1
    assert not [path for path in (ada / "proofs").rglob("*") if path.is_file()]
    again = gateway("contacts", "import", "people.csv", "--proof-files", ".")
    assert again.stdout.splitlines()[:2] == [
        "0  imported with their proof",
        "1  were erased and are not stored again",
    ]
    assert "was erased at this person's request" in again.stdout
    assert gateway("contacts", "show", ADA).exit_code == 1
    check = gateway("contacts", "import", "people.csv", "--check", "--json")
    assert json.loads(check.stdout)["suppressed"] == 1


def test_what_was_erased_is_in_no_byte_of_the_database(gateway, ada):
    gateway("contacts", "erase", ADA, "--yes")
    files = [path for path in ada.rglob("gateway.sqlite*/**/*") if path.is_file()]
    assert files, "the replay file is looked at, too"
    for path in (*files, *(one for one in ada.glob("gateway.sqlite*") if one.is_file())):
        content = path.read_bytes()
        assert b"3920055" not in content, path
        assert b"stand at the fair" not in content, path


def test_a_held_contact_is_not_erased(gateway, ada):
    assert gateway("contacts", "hold", ADA, "--reason", "7 O 12/26").exit_code == 0
    assert "7 O 12/26" in gateway("contacts", "show", ADA).stdout
    refused = gateway("contacts", "erase", ADA, "--yes")
    assert refused.exit_code == 1
    assert "is held (7 O 12/26)" in refused.stderr
    assert "agreed" in gateway("contacts", "show", ADA).stdout, "nothing was half done"
    assert gateway("contacts", "release", ADA).exit_code == 0
    assert gateway("contacts", "release", ADA).exit_code == 1
    assert gateway("contacts", "erase", ADA, "--yes").exit_code == 0


def test_who_looked_is_told(gateway, ada, monkeypatch):
    monkeypatch.setenv("SUDO_USER", "anna")
    gateway("contacts", "show", ADA)
    shown = gateway("contacts", "show", ADA).stdout
    assert "anna" in shown
    assert "contacts show" in shown


def test_what_was_written_to_one_person_is_that_person_s_data(gateway, ada, monkeypatch):
    """Its words are looked at like the person; those of a post to everybody are nobody's."""
    monkeypatch.setenv("SUDO_USER", "anna")
    gateway("send", "--to", ADA, "--kind", "service", "--text", "Liebe Ada, Ihr Termin ist am 3.")
    gateway("send", "--topic", "blog", "--title", "Drei Dächer")
    for number in ("1", "2"):
        assert gateway("message", "show", number).exit_code == 0
    told = json.loads(gateway("contacts", "show", ADA, "--json").stdout)["lookups"]
    looks = [(one["who"], one["what"]) for one in told]
    assert looks == [("anna", "contacts show"), ("anna", "message show #1")]


def test_retention(gateway, ada):
    page = gateway("retention").stdout
    assert "evidence of consents, from their end" in page
    told = json.loads(gateway("retention", "--now", "--json").stdout)
    assert told["purged"] == {}, "all of it is young"
    assert {one["what"] for one in told["classes"]} >= {"raw", "proof", "sent", "journal"}
