"""No statement that runs while messages are sent may look at a whole table.

Each constant is named, here or in a `plans_….py` beside this file, with the index that it must
use; one that is not named fails, and so does any statement that a day's work executes and that
scans a table that grows.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import apsw
import pytest

import gateway.store.sqlite
from gateway.store.sqlite import plumbing
from gateway.store.sqlite.connection import open_reader, open_writer
from tests.gateway.store import plans_ledger, plans_rights
from tests.gateway.store.day import work

GROWING = "|".join(
    [
        "deliveries",
        "attempts",
        "journal",
        "consents",
        "consent_events",
        "identities",
        "contacts",
        "external_ids",
        "inbound",
        "quota_uses",
        "contents",
        "windows",
        "cases",
        "sign_ups",
        "echoes",
        "lookups",
        "suppressed",
        "proof_files",
        "consent_evidence",
        "troubles",
        "delivered_before",
    ]
)
SCAN = re.compile(rf"SCAN ({GROWING}|[acdefvw])\b(?! USING INDEX contacts_held)")

OPEN_CASES = "SCAN cases USING INDEX cases_open"
"""What waits for a person: the partial index holds nothing else."""

FIRST_ROW = re.compile(r"ORDER BY number DESC LIMIT 1|FROM delivered_before LIMIT 1")
"""Reads one row from an end of a table, which SQLite calls a scan."""

COUNTED = ("reports.CHANGES", "reports.WAITING", "reports.WINDOWS")

PLANS: dict[str, list[str]] = {
    "accepting.CHUNK_END": ["PRIMARY KEY (topic=? AND contact_id>?)"],
    "accepting.FAN_OUT": ["SEARCH c USING PRIMARY KEY (topic=? AND contact_id>? AND contact_id<?)"],
    "accepting.NUMBER": ["SEARCH counters USING PRIMARY KEY (name=?)"],
    "accepting.SCREENABLE": ["SEARCH messages USING INTEGER PRIMARY KEY"],
    "accepting.SWEEP": ["sqlite_autoindex_deliveries_1 (message_id=? AND contact_id>?)"],
    "accepting.TO_SCREEN": ["SEARCH messages USING INDEX messages_by_state (state=?)"],
    "beginning.CONTENT": [],
    "beginning.FORGET": [
        "SEARCH quota_uses USING PRIMARY KEY (key=? AND at=? AND delivery_id=?)",
        "SEARCH quota_uses USING COVERING INDEX quota_uses_over (until<?)",
    ],
    "beginning.LOOK": [
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH c USING PRIMARY KEY (topic=? AND contact_id=?)",
        "SEARCH p USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH s USING PRIMARY KEY (scope=?)",
    ],
    "beginning.USES": ["SEARCH quota_uses USING COVERING INDEX quota_uses_over (until>?)"],
    "beginning.WINDOW": ["SEARCH windows USING PRIMARY KEY (sender=? AND contact_id=?)"],
    "cases.CLOSE": ["SEARCH cases USING INTEGER PRIMARY KEY"],
    "cases.CLOSED": ["SEARCH cases USING INDEX cases_closed"],
    "cases.ECHOED": [
        "SEARCH i USING INTEGER PRIMARY KEY",
        "SEARCH e USING COVERING INDEX echoes_of_contact (contact_id=? AND at>?)",
    ],
    "cases.INSERT": [],
    "cases.NUMBER": ["SEARCH counters USING PRIMARY KEY (name=?)"],
    "cases.OPEN": ["SCAN cases USING INDEX cases_open"],  # few: what nobody did yet
    "cases.TAKEN": ["SEARCH cases USING COVERING INDEX"],
    "echoing.ANSWERED": [
        "SEARCH c USING INDEX cases_of_contact (contact_id=?)",
        "SEARCH i USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "echoing.KEEP": [],
    "incoming.ERASED": ["SEARCH contacts USING INTEGER PRIMARY KEY (rowid=?)"],
    "incoming.IN_THE_AIR": ["COVERING INDEX deliveries_open (contact_id=?"],
    "incoming.SEEN": ["sqlite_autoindex_inbound_1 (sender=? AND provider_id=?)"],
    "leasing.DELIVERY": ["SEARCH deliveries USING INTEGER PRIMARY KEY (rowid=?)"],
    "leasing.LEASE": [
        "SEARCH d USING INDEX deliveries_due (sender=? AND priority=? AND due_at<?)",
        "SEARCH m USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH c USING PRIMARY KEY (topic=? AND contact_id=?)",
        "SEARCH p USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH f USING PRIMARY KEY (sender=? AND contact_id=?)",
        "SEARCH identities USING COVERING INDEX identities_of_contact (contact_id=? AND retired_at=?)",
        "SEARCH w USING PRIMARY KEY (sender=? AND contact_id=?)",
    ],
    "leasing.NEXT_DUE": ["COVERING INDEX deliveries_due (sender=? AND priority=? AND due_at>?)"],
    "leasing.STOPPED": ["SEARCH stops USING PRIMARY KEY (scope=?)"],
    "leasing.TAKE": ["SEARCH d USING INTEGER PRIMARY KEY (rowid=?)"],
    "noticing.ADVANCE": ["SEARCH replays USING PRIMARY KEY (observer=? AND position<?)"],
    "noticing.AGAIN": ["SEARCH replays USING PRIMARY KEY (observer=?)"],
    "noticing.DEAD": ["SEARCH j USING INTEGER PRIMARY KEY (rowid=?)"],
    "noticing.DONE": [
        "SEARCH replays USING PRIMARY KEY (observer=?)",
        "SEARCH journal USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)",
    ],
    "noticing.ENDS": ["SEARCH journal"],
    "noticing.EVENTS": ["SEARCH journal USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"],
    "noticing.NEAREST": ["SEARCH journal USING INTEGER PRIMARY KEY (rowid>?)"],
    "noticing.POSITION": ["SEARCH positions USING PRIMARY KEY (observer=?)"],
    "operating.DEPTHS": ["SCAN p"],
    "operating.EXPIRED": [
        "SEARCH m USING INDEX messages_expiring (expires_at>? AND expires_at<?)",
        "SEARCH p EXISTS USING PRIMARY KEY (message_id=? AND state=?)",
    ],
    "operating.LEARN": [],
    "operating.STOPS": ["SCAN stops"],
    "operating.TO_FAN_OUT": ["SEARCH messages USING INDEX messages_by_state (state=?)"],
    "operating.TO_SWEEP": ["messages_to_sweep"],
    "reports.CHANGES": ["consent_events_by_time (recorded_at>?)"],
    "reports.MESSAGES": ["SCAN messages"],  # a list for people; a message is not a delivery
    "reports.SENDING": ["SEARCH journal USING INTEGER PRIMARY KEY (rowid>?)"],  # of one day
    "reports.SENT": [
        "SEARCH deliveries USING INDEX sqlite_autoindex_deliveries_1 (message_id=?)",
        "SEARCH attempts USING PRIMARY KEY (delivery_id=?)",
        "SEARCH contents USING PRIMARY KEY (hash=?)",
    ],
    "reports.WAITING": [
        "SEARCH deliveries USING COVERING INDEX deliveries_waiting (state=?)",
        "SEARCH d USING INDEX deliveries_waiting (state=? AND code=?)",
    ],
    "reports.WINDOWS": ["SEARCH windows USING COVERING INDEX windows_by_end (until>?)"],
    "moving.ATTEMPTS": ["SEARCH attempts USING PRIMARY KEY (delivery_id=?)"],
    "settling.BY_NUMBER": [
        "SEARCH a USING PRIMARY KEY (delivery_id=? AND n=?)",
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "settling.BY_PROVIDER_ID": [
        "SEARCH a USING INDEX attempts_by_provider_id (provider_id=?)",
        "SEARCH d USING INTEGER PRIMARY KEY (rowid=?)",
    ],
    "leasing.STATE_OF": ["SEARCH messages USING INTEGER PRIMARY KEY (rowid=?)"],
    "settling.SAID_OF": ["SEARCH attempts USING PRIMARY KEY (delivery_id=?)"],
    "settling.TAKEN": ["deliveries_taken"],
    "talking.ECHOED": ["SEARCH echoes USING COVERING INDEX echoes_of_contact (contact_id=?)"],
    "talking.OURS": [
        "SEARCH m USING INDEX messages_to_contact (contact_id=?)",
        "SEARCH d USING INDEX sqlite_autoindex_deliveries_1 (message_id=? AND contact_id=?)",
    ],
    "talking.THEIRS": ["SEARCH inbound USING INDEX inbound_of_contact (contact_id=?)"],
    **plans_rights.PLANS,
    **plans_ledger.PLANS,
}


for _part in sorted(Path(__file__).parent.glob("plans_*.py")):
    PLANS |= importlib.import_module(f"tests.gateway.store.{_part.stem}").PLANS


def statements() -> dict[str, list[str]]:
    """Every constant of the engine that holds SQL, under the module that made it."""
    found: dict[str, list[str]] = {}
    seen: set[int] = set()
    for info in pkgutil.iter_modules(gateway.store.sqlite.__path__):
        module = importlib.import_module(f"gateway.store.sqlite.{info.name}")
        source = Path(str(module.__file__)).read_text()
        for name, value in vars(module).items():
            if not re.search(rf"^{name} = ", source, re.MULTILINE) or name.startswith("_"):
                continue
            texts = list(value.values()) if isinstance(value, dict) else [value]
            verbs = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
            sql = [text for text in texts if isinstance(text, str) and verbs.match(text)]
            if sql and id(value) not in seen:
                seen.add(id(value))
                found[f"{info.name}.{name}"] = sql
    return found


def plan(connection: apsw.Connection, sql: str) -> str:
    for count in range(40):
        try:
            rows = connection.execute("EXPLAIN QUERY PLAN " + sql, (None,) * count)
            return "\n".join(str(row[3]) for row in rows)
        except apsw.BindingsError:
            continue
    raise AssertionError(f"no plan for {sql}")


async def test_the_plan_of_every_constant(tmp_path: Path) -> None:
    """Each named statement uses the index that was made for it, without sorting."""
    path = tmp_path / "store.db"
    await work(path)
    connection = open_writer(path)
    analysed = "SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'"
    assert list(connection.execute(analysed)) == [(0,)]
    found = statements()
    assert sorted(found) == sorted(PLANS), "a statement without a plan, or a plan without one"
    for name, texts in found.items():
        for sql in texts:
            how = plan(connection, sql)
            for part in PLANS[name]:
                assert part in how, f"{name}:\n{how}"
            how = how.replace(OPEN_CASES, "")
            assert not SCAN.search(how) or FIRST_ROW.search(sql), f"{name}:\n{how}"
            # One row per message; and one topic's consents, when an editor is asked.
            # And what is counted for people, in groups that are few.
            if name not in ("operating.DEPTHS", "people_reports.STATES", *COUNTED):
                assert "TEMP B-TREE" not in how, f"{name}:\n{how}"
    connection.close()


async def test_nothing_that_runs_scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of all statements that a day's work executes none looks at a whole table that grows."""
    executed: set[str] = set()

    def traced(connection: apsw.Connection) -> apsw.Connection:
        def note(cursor: object, sql: str, bindings: object) -> bool:
            executed.add(sql)
            return True

        connection.exec_trace = note
        return connection

    monkeypatch.setattr(plumbing, "open_writer", lambda path: traced(open_writer(path)))
    monkeypatch.setattr(plumbing, "open_reader", lambda path: traced(open_reader(path)))
    path = tmp_path / "store.db"
    await work(path)
    connection = open_writer(path)
    plain = [sql for sql in executed if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", sql)]
    assert len(plain) > 50
    for sql in plain:
        how = plan(connection, sql)
        assert not SCAN.search(how) or FIRST_ROW.search(sql), f"{sql}\n{how}"
    connection.close()
