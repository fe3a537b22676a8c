"""`gateway consent …`: the ledger is checked, a consent proven, a question answered."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import apsw
import pytest
import trio
from click.testing import CliRunner

from gateway.cli import cli
from gateway.heads import tokens_in
from gateway.keys import Keys
from gateway.store.sqlite import SqliteStore
from tests.gateway.story import told

ERIKA = "+491510000001"
STRANGER = "+49 171 3920099"


@pytest.fixture
def ledger(folder):
    """The story in the database of the settings."""

    async def tell():
        key = Keys(folder / "keys").secret("suppression")
        async with SqliteStore(folder / "gateway.sqlite", suppression_key=key) as store:
            await told(store)

    trio.run(tell)
    return folder


def sql(folder, *statements):
    connection = apsw.Connection(str(folder / "gateway.sqlite"))
    rows = [row for statement in statements for row in connection.execute(statement)]
    connection.close()
    return rows


def elsewhere(folder, *arguments):
    """The command on another machine: a process in an empty folder, without settings."""
    folder.mkdir(exist_ok=True)
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GATEWAY")}
    return subprocess.run(
        [sys.executable, "-m", "gateway", "consent", *map(str, arguments)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


# --- the ledger ---------------------------------------------------------------------------------
def test_a_sound_ledger(gateway, ledger):
    """Checked before the first head, and with it."""
    first = gateway("consent", "verify")
    assert first.exit_code == 0
    assert first.stdout.startswith("SOUND    9 events fit their hashes")
    assert "none was signed yet" in first.stdout
    gateway("consent", "anchor")
    page = gateway("consent", "verify").stdout
    assert "heads    1 signed head fits" in page
    assert "bring a head that was mailed or logged, --anchor FILE" in " ".join(page.split())


def test_nothing_was_ever_agreed(gateway, folder):
    assert "there is no database" in gateway("consent", "verify").stderr

    async def empty():
        async with SqliteStore(folder / "gateway.sqlite"):
            pass

    trio.run(empty)
    page = gateway("consent", "verify")
    assert page.exit_code == 0
    assert page.stdout.startswith("EMPTY    nobody ever agreed to anything")
    assert "the ledger is empty" in gateway("consent", "anchor").stderr
    assert "No head was signed yet" in gateway("consent", "heads").stdout


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("UPDATE consent_events SET source = 'farm' WHERE number = 4", "event 4 was changed"),
        ("DELETE FROM consent_events WHERE number = 4", "event 4 is gone"),
        ("DELETE FROM consent_events WHERE number = 9", "the end was cut off"),
        ("UPDATE consent_evidence SET evidence = '{}' WHERE number = 4", "evidence of event 4"),
        ("UPDATE wordings SET text = 'Anything'", "of the wordings are not what people were shown"),
        ("UPDATE wordings SET version = 'v0'", "of the wordings are not what people were shown"),
        ("DELETE FROM wordings", "of the wordings are not what people were shown"),
        ("INSERT INTO consent_evidence VALUES (99, x'00', '')", "belong to no event"),
        ("UPDATE ledger_heads SET statement = replace(statement, 'GmbH', 'AG')", "not by key"),
        ("UPDATE ledger_heads SET statement = 'x'", "none any more"),
        ("UPDATE ledger_heads SET stamp = x'00'", "time stamp of the head of 9 events"),
        (
            "UPDATE consents SET state = 'confirmed' WHERE topic = '*' AND state = 'withdrawn'",
            "everything is kept as confirmed, and its events say withdrawn",
        ),
        ("DELETE FROM consents WHERE topic <> '*'", "is kept as nothing, and its events say"),
        ("UPDATE ledger_keys SET public = zeroblob(32)", "not what it says of itself"),
    ],
)
def test_damage(gateway, ledger, damage, told):
    """What was found stands there with its place, and the exit status says it too."""
    gateway("consent", "anchor")
    sql(ledger, damage)
    found = gateway("consent", "verify")
    assert found.exit_code == 1
    assert found.stdout.startswith("BROKEN   the ledger of")
    assert told in " ".join(found.stdout.split())
    values = json.loads(gateway("consent", "verify", "--json").stdout)
    assert values["sound"] is False
    assert any(told in finding["text"] for finding in values["findings"])


def test_a_ledger_that_was_written_anew_does_not_fit_the_mail(gateway, ledger):
    """Whoever holds database and keys writes all of it anew; the head outside tells."""
    (token,) = tokens_in(gateway("consent", "anchor").stdout)
    (ledger / "mail.eml").write_text(f"Subject: x\n\n{token}\n")
    fine = gateway("consent", "verify", "--anchor", "mail.eml").stdout
    assert "1 of them brought from outside" in fine
    assert "nothing was changed, deleted or inserted before" in " ".join(fine.split())
    database = ledger / "gateway.sqlite"
    database.unlink()
    shutil.rmtree(ledger / "gateway.sqlite-replay")
    for log in ledger.glob("gateway.sqlite-*"):
        log.unlink()

    async def anew():
        async with SqliteStore(database) as store:
            await told(store)

    trio.run(anew)
    gateway("consent", "anchor")
    assert gateway("consent", "verify").exit_code == 0
    found = gateway("consent", "verify", "--anchor", "mail.eml")
    assert found.exit_code == 1
    assert "is not the one whose head was signed (from mail.eml)" in " ".join(found.stdout.split())
    (ledger / "mail.eml").write_text("nothing")
    assert "holds no signed head" in gateway("consent", "verify", "--anchor", "mail.eml").stderr


def test_erasing_breaks_nothing(gateway, ledger):
    gateway("consent", "anchor")
    sql(ledger, "DELETE FROM consent_evidence WHERE number IN (2, 6)")
    page = gateway("consent", "verify")
    assert page.exit_code == 0
    assert "that of 2 events was erased, which breaks nothing" in page.stdout


def test_states_are_derived_again(gateway, ledger):
    assert gateway("consent", "rebuild").stdout.startswith("SOUND    every state is what")
    sql(ledger, "UPDATE consents SET state = 'confirmed' WHERE state = 'withdrawn'")
    page = gateway("consent", "rebuild").stdout
    assert page.startswith("CHANGED  2 states did not follow from the events")
    assert "everything: was confirmed, is withdrawn" in page
    assert gateway("consent", "rebuild").stdout.startswith("SOUND")


# --- proofs -------------------------------------------------------------------------------------
def test_a_proof_is_checked_on_another_machine(gateway, ledger, tmp_path_factory):
    """With nothing but the file and a key; and a changed file is found there too."""
    gateway("consent", "public-key", "--out", "public.pem")
    made = gateway("consent", "proof", ERIKA, "--out", "proof.json")
    assert made.exit_code == 0
    assert made.stdout.startswith("written  proof.json · 3 events, 3 messages")
    assert "Nachweis der Einwilligung" in Path("proof.html").read_text(encoding="utf-8")
    assert Path("proof.json").stat().st_mode & 0o777 == 0o600
    assert Path("proof.html").stat().st_mode & 0o777 == 0o600
    machine = tmp_path_factory.mktemp("machine")
    content = Path("proof.json").read_bytes()
    (machine / "proof.json").write_bytes(content)
    (machine / "public.pem").write_bytes(Path("public.pem").read_bytes())
    done = elsewhere(machine, "verify", "proof.json", "--key", "public.pem")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("HOLDS    proof.json: nothing was changed")
    assert "events   3 fit their hashes · evidence of 3 is what was recorded" in done.stdout
    alone = elsewhere(machine, "verify", "proof.json")
    assert alone.returncode == 0
    assert alone.stdout.startswith("FITS     proof.json")
    assert "not who made it" in " ".join(alone.stdout.split())
    (machine / "proof.json").write_bytes(content.replace(b"START blog", b"START news"))
    forged = elsewhere(machine, "verify", "proof.json", "--key", "public.pem")
    assert forged.returncode == 1
    assert forged.stdout.startswith("FALSE    proof.json is not what it claims to be")
    assert [path.name for path in machine.iterdir()] == ["proof.json", "public.pem"]


def test_who_looks_is_recorded(gateway, ledger):
    gateway("consent", "proof", ERIKA, "--out", "proof.json", "--no-page")
    gateway("consent", "find", STRANGER)
    assert not Path("proof.html").exists()
    looked = sql(ledger, "SELECT what, contact_id IS NULL, who <> '' FROM lookups ORDER BY id")
    assert looked == [("consent proof", 0, 1), ("consent find", 1, 1)]


def test_nothing_is_overwritten(gateway, ledger):
    Path("proof.html").write_text("mine")
    done = gateway("consent", "proof", ERIKA, "--out", "proof.json")
    assert done.exit_code == 1
    assert "proof.html is there already" in done.stderr
    assert not Path("proof.json").exists()
    assert "there already" in gateway("consent", "proof", ERIKA, "--out", "proof.html").stderr


def test_a_proof_from_a_broken_ledger_is_not_made(gateway, ledger):
    gateway("consent", "anchor")
    sql(ledger, "UPDATE consent_events SET hash = randomblob(32) WHERE number = 9")
    done = gateway("consent", "proof", ERIKA, "--out", "proof.json")
    assert done.exit_code == 1
    assert "gateway consent verify" in done.stderr
    assert not Path("proof.json").exists()


def test_a_proof_that_does_not_hold_says_so(gateway, ledger):
    gateway("consent", "anchor")
    sql(ledger, "UPDATE consent_evidence SET evidence = '{}' WHERE number = 6")
    done = gateway("consent", "proof", ERIKA, "--out", "proof.json")
    assert done.exit_code == 1
    assert "it does not hold: the evidence of event 6 is not what was recorded" in done.stdout


def test_nobody_to_prove(gateway, ledger):
    done = gateway("consent", "proof", STRANGER, "--out", "proof.json")
    assert done.exit_code == 1
    assert "no contact is known" in done.stderr


# --- answers ------------------------------------------------------------------------------------
def test_known_erased_and_unknown(gateway, ledger, tmp_path_factory):
    """Each with a signed answer that holds elsewhere."""

    async def erase():
        key = Keys(ledger / "keys").secret("suppression")
        async with SqliteStore(ledger / "gateway.sqlite", suppression_key=key) as store:
            contact = await store.report("find_contact", identity="+491510000010")
            await store.erase(contact, by="a person", reason="asked for it", at=2 * 10**15)

    trio.run(erase)
    machine = tmp_path_factory.mktemp("machine")
    gateway("consent", "public-key", "--out", str(machine / "public.pem"))
    for who, word, said in (
        (ERIKA, "KNOWN", "blog: confirmed"),
        ("+491510000010", "ERASED", "was erased on 2033-"),
        (STRANGER, "UNKNOWN", "was never known here"),
    ):
        out = machine / f"{word}.json"
        page = gateway("consent", "find", who, "--out", str(out))
        assert page.exit_code == 0
        assert page.stdout.startswith(word)
        assert said in page.stdout
        done = elsewhere(machine, "verify", out.name, "--key", "public.pem")
        assert done.returncode == 0, done.stdout
        out.write_text(out.read_text().replace("Beispiel", "Beispeil"))
        assert elsewhere(machine, "verify", out.name, "--key", "public.pem").returncode == 1


@pytest.mark.parametrize("who", ["Erika", "12", ""])
def test_what_is_no_identity(gateway, ledger, who):
    assert "no number and no user id" in gateway("consent", "find", who).stderr


# --- keys and heads -----------------------------------------------------------------------------
def test_a_key_is_rotated_and_old_proofs_hold(gateway, ledger):
    gateway("consent", "public-key", "--out", "old.pem")
    gateway("consent", "proof", ERIKA, "--out", "old.json")
    page = gateway("consent", "rotate-key").stdout
    assert "vouches for it and signs nothing more" in page
    gateway("consent", "public-key", "--out", "new.pem")
    gateway("consent", "proof", ERIKA, "--out", "new.json")
    for proof in ("old.json", "new.json"):
        done = gateway("consent", "verify", proof, "--key", "old.pem")
        assert done.exit_code == 0, done.stdout
    assert gateway("consent", "verify", "new.json", "--key", "new.pem").exit_code == 0
    assert gateway("consent", "verify", "--key", "old.pem").exit_code == 0
    assert (ledger / "keys" / "ledger-2.pem").stat().st_mode & 0o777 == 0o600
    assert (
        "holds no public Ed25519 key"
        in gateway("consent", "verify", "--key", "gateway.toml").stderr
    )


def test_heads_are_listed(gateway, ledger):
    gateway("consent", "anchor")
    gateway("consent", "anchor")
    head, *rows = gateway("consent", "heads").stdout.splitlines()
    assert head.split() == ["signed", "events", "key", "mailed", "time", "stamp"]
    assert [row.split()[2] for row in rows] == ["9", "9"]


def test_an_anchor_that_fails_says_so(gateway, ledger, settings):
    text = settings.read_text()
    settings.write_text(
        text
        + '\n[mail]\nhost = "127.0.0.1"\nport = 1\nsecurity = "none"\nsender = "a@blog.example"\n'
        '[proof]\nofficer = "b@blog.example"\n'
    )
    done = gateway("consent", "anchor")
    assert done.exit_code == 1
    assert "mail to the officer: the mail server 127.0.0.1:1 cannot be reached" in done.stdout


def test_checking_a_file_needs_no_settings(tmp_path):
    (tmp_path / "x.json").write_text("{}")
    done = CliRunner().invoke(cli, ["consent", "verify", str(tmp_path / "x.json")])
    assert done.exit_code == 1
    assert "is no proof of a message-gateway" in done.stdout
