"""People from a table: what becomes of each row, and what is said."""

import csv
import json

import pytest

GOOD = "2025-03-02 10:15:02;form blog.example;blog-de v3"
HEAD = "phone;name;topic;confirmed_at;source;wording"
PEOPLE = "\r\n".join(
    [
        HEAD,
        f"+49 171 3920033;Jürgen;blog;{GOOD}",
        "+49 171 3920034;Ohne;blog;;;",
        f"0171 3920033;Doppelt;blog;{GOOD}",
        f"012;Kurz;blog;{GOOD}",
        f"+49 171 3920035;Anna;andere;{GOOD}",
        f"+49 171 3920036;Zu;viel;{GOOD};mehr",
        "",
        "+49 171 3920037;Zeit;blog;gestern;form;v3",
        "+49 171 3920038;Zukunft;blog;2999-01-01 10:00:00;form;v3",
    ]
)


@pytest.fixture
def people(folder):
    path = folder / "people.csv"
    path.write_bytes(PEOPLE.encode("cp1252"))
    return path


def test_import(gateway, people):
    found = gateway("contacts", "import", "people.csv")
    assert found.exit_code == 1  # rows were refused
    assert "is no UTF-8; it is read as Windows-1252" in found.stderr
    assert found.stdout.splitlines() == [
        "1  imported with their proof",
        "1  kept as they were",
        "   - 1: the same person stands in the file before",
        "4  stored without consent: nothing is ever sent to them",
        "2  refused",
        "",
        "Refused:",
        "    phone: no valid phone number; write it as +49 171 …: line 5",
        "    has 7 fields, the first line names 6 columns: line 7",
        "",
        "Without consent:",
        "    no proof: confirmed_at, source, wording missing: line 3",
        "    there is no topic 'andere' in the settings: line 6",
        "    confirmed_at is no time; write it as 2025-03-02 10:15:02: line 9",
        "    confirmed_at lies in the future: line 10",
        "",
        "--rejects OUT.csv writes these rows.",
    ]
    shown = gateway("contacts", "show", "+491713920033").stdout
    assert "Jürgen" in shown
    assert "blog: agreed" in shown
    assert "wording: blog-de v3" in shown
    assert "consent  none" in gateway("contacts", "show", "+491713920034").stdout


def test_check_says_the_same_and_writes_nothing(gateway, people, folder):
    told = gateway("contacts", "import", "people.csv", "--check", "--rejects", "out.csv")
    assert told.exit_code == 1
    assert "Nothing was written: this is what an import would do." in told.stdout
    assert (folder / "out.csv").exists()
    as_json = json.loads(gateway("contacts", "import", "people.csv", "--check", "--json").stdout)
    assert as_json["written"] is False
    assert gateway("contacts", "show", "+491713920033").exit_code != 0
    done = gateway("contacts", "import", "people.csv")
    assert told.stdout.splitlines()[:6] == done.stdout.splitlines()[:6]
    again = json.loads(gateway("contacts", "import", "people.csv", "--check", "--json").stdout)
    assert (again["consent"], again["kept"]) == (0, 2)


ROWS = [
    ("+49 171 3920033;Eva;blog;2025-03-03;form;v3", "a row before says otherwise about this person"
     " (confirmed_at, source, wording); that counts"),
    ("0171 39ABCDE;Eva;blog;2025-03-03;form;v3", "phone: holds letters; write it as +49 171 …"),
    ("+49 171 39200;Eva;blog;2025-03-03;form;v3", "phone: no valid phone number"),
    ("+49 171 392003333333;Eva;blog;2025-03-03;form;v3", "phone: no valid phone number"),
    ("4.91714E+11;Eva;blog;2025-03-03;form;v3", "phone lost digits in a spreadsheet"),
    ("+49 171 3920034;=1+1;blog;2025-03-03;form;v3", "name holds a formula"),
    ("+49 171 3920034;E\0va;blog;2025-03-03;form;v3", "holds a NUL byte"),
    ('+49 171 3920034;"Eva;blog;2025-03-03;form;v3', "a quotation mark may be open from line 3"),
    (";Eva;blog;2025-03-03;form;v3", "neither phone nor user_id is filled in"),
    ("+49 171 3920034;Eva;blog;2025-03-03;form;v3;x", "has 7 fields, the first line names 6"),
    ("+49 171 3920034;Eva;+49 171 3920099;2025-03-03;form;v3", "there is no topic '+49 171 *** 099'"),
    ("+49 171 3920034;Eva;blog;03.03.2025;form;v3", "confirmed_at is no time"),
    ("+49 171 3920034;Eva;blog;2999-03-03;form;v3", "confirmed_at lies in the future"),
    ("+49 171 3920034", "no proof: topic, confirmed_at, source, wording missing"),
]  # fmt: skip


@pytest.mark.parametrize(("row", "said"), ROWS, ids=[said for _, said in ROWS])
def test_a_bad_row_is_told_and_the_others_are_taken(gateway, folder, row, said):
    """Its line, what is wrong, no number in full; before and after it people are imported."""
    good = [f"+49 171 392003{n};Gut;blog;{GOOD}" for n in (3, 5)]
    (folder / "p.csv").write_text("\n".join([HEAD, good[0], row, good[1]]), encoding="utf-8")
    found = json.loads(gateway("contacts", "import", "p.csv", "--json").stdout)
    assert found["consent"] == 2
    assert [line["line"] for line in found["rows"]] == [3]
    assert found["rows"][0]["reason"].startswith(said)
    text = gateway("contacts", "import", "p.csv").stdout
    assert "line 3" in text
    assert "39200" not in text
    for n, known in ((3, 0), (5, 0)):
        assert gateway("contacts", "show", f"+49171392003{n}").exit_code == known


def test_rejects_run_nothing_in_a_spreadsheet(gateway, folder):
    rows = [f"{HEAD};note", "+49 171 3920034;Eva;;;;;@SUM(1)", "0171;Eva;;;;;-1+cmd|x"]
    (folder / "p.csv").write_text("\n".join(rows))
    gateway("contacts", "import", "p.csv", "--rejects", "out.csv")
    with (folder / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file, delimiter=";"))
    assert [row["note"] for row in found] == ["'@SUM(1)", "'-1+cmd|x"]
    assert found[0]["phone"] == "+49 171 3920034"


def test_hints_and_empty_tables(gateway, folder):
    (folder / "p.csv").write_text("phone;comfirmed_at;source;wording\n")
    found = gateway("contacts", "import", "p.csv")
    assert found.stdout == "There is no row below the names of the columns.\n"
    assert "p.csv: the column 'comfirmed_at' is kept as evidence only; did you mean" in found.stderr
    (folder / "p.csv").write_text("+49 171 3920034;Eva\n")
    found = gateway("contacts", "import", "p.csv")
    assert found.exit_code == 1
    assert "3920034" not in found.stderr
    found = gateway("contacts", "import", "p.csv", "--topic", "blgo")
    assert found.exit_code == 1


def test_repeating_changes_nothing(gateway, people):
    gateway("contacts", "import", "people.csv")
    before = json.loads(gateway("contacts", "show", "+491713920033", "--json").stdout)
    again = json.loads(gateway("contacts", "import", "people.csv", "--json").stdout)
    assert (again["consent"], again["kept"], again["no_consent"], again["refused"]) == (0, 2, 4, 2)
    after = json.loads(gateway("contacts", "show", "+491713920033", "--json").stdout)
    assert [one["what"] for one in after.pop("lookups")] == ["contacts show"] * 2
    assert before.pop("lookups") != []
    assert after == before


def test_an_import_does_not_lift_a_withdrawal(gateway, people):
    gateway("contacts", "import", "people.csv")
    gateway("contacts", "withdraw", "+491713920033")
    found = gateway("contacts", "import", "people.csv")
    assert "this person withdrew; only the person's own new sign-up lifts that" in found.stdout
    assert "blog: withdrew" in gateway("contacts", "show", "+491713920033").stdout


def test_a_list_that_asks_lifts_no_withdrawal(gateway, people, folder):
    """Neither a sign-up elsewhere nor a proof of it, dated after the STOP: both are a list's."""
    gateway("contacts", "import", "people.csv")
    gateway("contacts", "withdraw", "+491713920033")
    for columns, values in (
        ("phone;topic;requested_at", "+49 171 3920033;blog;2998-01-01"),
        (HEAD, f"+49 171 3920033;Jürgen;blog;{GOOD}"),
    ):
        (folder / "later.csv").write_text(f"{columns}\n{values}\n", encoding="utf-8")
        said = gateway("contacts", "import", "later.csv").stdout
        assert "1  kept as they were" in said
        assert "this person withdrew" in said
    shown = gateway("contacts", "show", "+491713920033").stdout
    assert "signed up" not in shown
    assert "blog: withdrew" in shown


def test_a_list_withdraws(gateway, people, folder):
    """Who unsubscribed in the system before gets nothing here."""
    gateway("contacts", "import", "people.csv")
    row = f"+49 171 3920033;blog;{GOOD};2025-06-01 09:00"
    columns = "phone;topic;confirmed_at;source;wording;withdrawn_at"
    (folder / "left.csv").write_text(f"{columns}\n{row}\n", encoding="utf-8")
    assert "taken as a withdrawal" in gateway("contacts", "import", "left.csv").stdout
    assert "blog: withdrew" in gateway("contacts", "show", "+491713920033").stdout


def test_rejects(gateway, people, folder):
    found = gateway("contacts", "import", "people.csv", "--rejects", "out.csv")
    assert found.stdout.endswith("Written to out.csv.\n")
    assert (folder / "out.csv").stat().st_mode & 0o777 == 0o600
    with (folder / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    assert [row["line"] for row in rows] == ["3", "5", "6", "7", "9", "10"]
    assert rows[0]["name"] == "Ohne"
    assert rows[0]["verdict"] == "no_consent"
    bad = gateway("contacts", "import", "people.csv", "--rejects", "none/out.csv")
    assert bad.exit_code == 1
    assert "none/out.csv: not written: No such file" in bad.stderr


def test_topic_for_rows_without_one(gateway, folder):
    (folder / "a.csv").write_text(
        "phone,confirmed_at,source,wording\n+491713920033,2025-03-02,form,v3\n"
    )
    unknown = gateway("contacts", "import", "a.csv", "--topic", "none")
    assert (unknown.exit_code, unknown.stderr) == (1, "there is no topic 'none'; known: blog\n")
    without = json.loads(gateway("contacts", "import", "a.csv", "--json").stdout)
    assert without["rows"][0]["reason"] == "no proof: topic missing"
    assert gateway("contacts", "import", "a.csv", "--topic", "blog").stdout.startswith(
        "1  imported"
    )


def test_many_rows_go_in_portions(gateway, folder, monkeypatch):
    monkeypatch.setattr("gateway.cli.importing.PORTION_CHARACTERS", 2000)
    lines = [f"+49 151 2{n:07d};N;blog;{GOOD}" for n in range(450)]
    lines += [f"+49 151 3{n:07d};N;blog;;;" for n in range(20)]
    (folder / "many.csv").write_text("\n".join([HEAD, *lines]))
    found = gateway("contacts", "import", "many.csv")
    assert found.exit_code == 0
    assert found.stdout.startswith("450  imported with their proof\n 20  stored without")
    assert "20 rows, lines 452-471" in found.stdout


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"Telefon\n1", "has to name a column phone or user_id"),
        (b"phone\n\x81", "is no text in UTF-8"),
        (b"\x1b[31m,x\n1,2", "it names �[31m, x"),
    ],
)
def test_files_that_cannot_be_read(gateway, folder, data, said):
    (folder / "bad.csv").write_bytes(data)
    found = gateway("contacts", "import", "bad.csv")
    assert (found.exit_code, found.stdout) == (1, "")
    assert said in found.stderr
    assert not (folder / "gateway.sqlite").exists()


def test_a_missing_file(gateway, folder):
    assert gateway("contacts", "import", "none.csv").exit_code == 2
