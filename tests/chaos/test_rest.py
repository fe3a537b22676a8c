"""When a campaign is over: each thing that may still happen keeps it going."""

from __future__ import annotations

import re
import time
from pathlib import Path

import apsw
import pytest

from tests.chaos.gateway import Gateway
from tests.chaos.rest import waits

TABLES = """
CREATE TABLE messages (id INTEGER PRIMARY KEY, kind TEXT, state TEXT);
CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY, message_id INTEGER, state INTEGER, code TEXT, due_at INTEGER,
    changed_at INTEGER
);
CREATE TABLE positions (observer TEXT PRIMARY KEY, position INTEGER);
CREATE TABLE journal (id INTEGER PRIMARY KEY);
INSERT INTO messages VALUES (1, 'marketing', 'started'), (2, 'utility', 'started');
INSERT INTO positions VALUES ('answers', 7);
INSERT INTO journal VALUES (7);
"""
NOW = int(time.time() * 1e6)
LONG_AGO, TOMORROW = NOW - 100_000_000, NOW + 86_400_000_000
JUST_NOW = NOW + 600_000_000  # whenever the test runs
DELIVERY = "INSERT INTO deliveries VALUES (1, {message}, {state}, '{code}', {due}, {changed})"


def delivery(
    state: int, *, message: int = 1, code: str = "", due: int = NOW, changed: int = LONG_AGO
) -> str:
    """A statement that adds one."""
    return DELIVERY.format(message=message, state=state, code=code, due=due, changed=changed)


@pytest.mark.parametrize(
    ("statement", "running", "expected"),
    [
        ("SELECT 1", 60.0, False),
        ("UPDATE messages SET state = 'ready' WHERE id = 1", 60.0, True),
        ("UPDATE messages SET state = 'held' WHERE id = 1", 60.0, True),
        (delivery(0), 60.0, True),
        (delivery(0, due=TOMORROW), 60.0, False),
        (delivery(2), 60.0, True),
        (delivery(4), 60.0, True),
        (delivery(9), 60.0, False),
        (delivery(5), 60.0, False),
        (delivery(5, message=2, code="reset"), 60.0, False),
        (delivery(5, message=2, code="reset"), 5.0, True),
        (delivery(5, message=2, code="reset", changed=JUST_NOW), 60.0, True),
        (delivery(5, message=2, code="restored", changed=JUST_NOW), 60.0, False),
        ("INSERT INTO journal VALUES (8)", 60.0, True),
    ],
    ids=lambda value: re.sub(r"\d{16}", "then", str(value)),  # the same in every process
)
def test_what_keeps_it_going(
    tmp_path: Path, statement: str, running: float, expected: bool
) -> None:
    gateway = Gateway(tmp_path, 1, None)
    database = apsw.Connection(str(gateway.database))
    database.execute(TABLES)
    database.execute(statement)
    database.close()
    assert waits(gateway, running) is expected
