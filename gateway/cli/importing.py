"""Bring a table to the gateway in portions, and say what became of every row."""

from __future__ import annotations

import csv
import os
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from gateway.cli.group import Trouble
from gateway.cli.proof_folder import ProofFolder
from gateway.cli.reach import Session
from gateway.cli.sheet import Row, Sheet
from gateway.cli.words import clean, lines, number, several
from gateway.importing import PROOF
from gateway.logs import masked
from gateway.values import PhoneNumberError, phone

PORTION = 200
"""Rows of one call; a call is one transaction."""

PORTION_CHARACTERS = 500_000
"""Or fewer rows, if they are long: the admin socket takes 8 MiB."""

LISTED, RANGES = 12, 10
"""Reasons, and line numbers of one, that are listed; `--rejects` and `--json` have all rows."""


class Line(NamedTuple):
    """What became of a row."""

    row: Row
    verdict: str
    reason: str


class Outcome:
    """What became of a table, or with `check` would become of it."""

    def __init__(self, check: bool = False) -> None:
        self.check = check
        self.counts: Counter[str] = Counter()
        self.lines: list[Line] = []
        """Rows that somebody should look at: without consent, or refused."""
        self.kept: Counter[str] = Counter()

    def add(self, row: Row, verdict: str, reason: str) -> None:
        """Count a row, and keep it if somebody has to look at it."""
        self.counts[verdict] += 1
        if verdict == "kept":
            self.kept[reason] += 1
        elif verdict != "consent":
            self.lines.append(Line(row, verdict, reason))

    def as_json(self, table: Sheet) -> dict[str, Any]:
        """Return it as plain values, every row that was not taken among them."""
        names = ("consent", "kept", "no_consent", "suppressed", "refused")
        return {
            "written": not self.check,
            "encoding": table.encoding,
            "delimiter": table.delimiter,
            "hints": list(table.hints),
            **{name: self.counts[name] for name in names},
            "rows": [
                {"line": line.row.line, "verdict": line.verdict, "reason": masked(line.reason)}
                for line in sorted(self.lines, key=_number)
            ],
        }


def run(
    session: Session,
    table: Sheet,
    name: str,
    topic: str | None,
    *,
    check: bool = False,
    files: ProofFolder | None = None,
) -> Outcome:
    """Import all rows, with a progress bar on a terminal; with `check` write nothing.  `files`
    are what the column `file` names."""
    outcome = Outcome(check)
    seen = _Seen(session.config.company.region, topic)
    with click.progressbar(
        length=table.lines, label="importing", file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        at = 0
        for portion in _portions(table.rows):
            good = []
            for row in portion:
                problem = row.problem or (files.attach(row, session, check) if files else "")
                known = ("refused", problem) if problem else seen.before(row)
                if known is None:
                    good.append(row)
                else:
                    outcome.add(row, *known)
            arguments: dict[str, Any] = {"rows": [row.fields for row in good], "file": name}
            if check:
                arguments["check"] = True
            try:
                verdicts = session.call("contacts_import", topic=topic, **arguments)
            except Trouble as error:
                done = f"lines up to {at:,} are imported; repeating the import is safe"
                raise Trouble(
                    *error.sentences, *([] if check else [done]), code=error.code
                ) from error
            for row, verdict in zip(good, verdicts, strict=True):
                outcome.add(row, str(verdict["verdict"]), str(verdict.get("reason") or ""))
            bar.update(portion[-1].line - at)
            at = portion[-1].line
        bar.update(max(0, table.lines - at))
    return outcome


def _portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    portion: list[Row] = []
    size = 0
    for row in rows:
        portion.append(row)
        size += sum(map(len, row.fields.values()))
        if len(portion) >= PORTION or size >= PORTION_CHARACTERS:
            yield portion
            portion, size = [], 0
    if portion:
        yield portion


class _Seen:
    """Who stood in the table before, with which proof.

    The gateway keeps a person once, so the summary counts once; and of two proofs that differ
    nobody knows which is true.
    """

    def __init__(self, region: str, topic: str | None) -> None:
        self._region = region
        self._topic = topic
        self._first: dict[tuple[str, str], tuple[int, tuple[str, ...]]] = {}

    def before(self, row: Row) -> tuple[str, str] | None:
        """Return verdict and reason if the person stands in the file before; else remember."""
        proof = tuple(row.fields.get(name, "") for name in PROOF)
        who = row.fields.get("phone", "")
        if not all(proof) or not (who or row.fields.get("user_id")):
            return None  # proves nothing: a later row of the same person may
        try:
            who = phone(who, self._region) if who else row.fields["user_id"]
        except PhoneNumberError:
            return None
        key = (who, row.fields.get("topic") or self._topic or "")
        line, known = self._first.setdefault(key, (row.line, proof))
        if line == row.line:
            return None
        other = [name for name, a, b in zip(PROOF, known, proof, strict=True) if a != b]
        if other:
            what = ", ".join(other)
            return "refused", f"a row before says otherwise about this person ({what}); that counts"
        return "kept", "the same person stands in the file before"


# --- what is said -------------------------------------------------------------------------------
def render(outcome: Outcome, wide: int, rejects: Path | None = None) -> list[str]:
    """Return the summary, then the rows that somebody should look at."""
    counts = outcome.counts
    rows = [
        ("consent", "imported with their proof"),
        ("kept", "kept as they were"),
        ("no_consent", "stored without consent: nothing is ever sent to them"),
        ("suppressed", "were erased and are not stored again"),
        ("refused", "refused"),
    ]
    if not outcome.counts.total():
        return ["There is no row below the names of the columns."]
    widest = max(len(number(counts[name])) for name, _ in rows)
    page = []
    for name, words in rows:
        if counts[name] or name == "consent":
            page.append(f"{number(counts[name]):>{widest}}  {words}")
            if name == "kept":
                page += [
                    f"{'':{widest}}  - {number(n)}: {reason}"
                    for reason, n in outcome.kept.most_common()
                ]
    for verdict, title in (
        ("refused", "Refused"),
        ("suppressed", "Not stored"),
        ("no_consent", "Without consent"),
    ):
        reasons: dict[str, list[int]] = {}
        for line in sorted(outcome.lines, key=_number):
            if line.verdict == verdict:
                reasons.setdefault(masked(clean(line.reason)), []).append(line.row.line)
        if not reasons:
            continue
        page += ["", f"{title}:"]
        for reason, found in sorted(reasons.items(), key=lambda pair: -len(pair[1]))[:LISTED]:
            where = "line" if len(found) == 1 else f"{number(len(found))} rows, lines"
            pieces = [f"{reason}:", f"{where} {_ranges(found)}"]
            page += lines("  ", pieces, wide, between=" ", indent=4)
        if len(reasons) > LISTED:
            page.append(f"    and {several(len(reasons) - LISTED, 'more reason')}")
    if outcome.check:
        page += ["", "Nothing was written: this is what an import would do."]
    if outcome.lines:
        page.append("")
        page.append(f"Written to {rejects}." if rejects else "--rejects OUT.csv writes these rows.")
    return page


def _number(line: Line) -> int:
    return line.row.line


def _ranges(numbers: Sequence[int]) -> str:
    """`3, 5-9, 12`; the first few."""
    found: list[list[int]] = []
    for n in numbers:
        if found and n == found[-1][1] + 1:
            found[-1][1] = n
        else:
            found.append([n, n])
    shown = [f"{a}" if a == b else f"{a}-{b}" for a, b in found[:RANGES]]
    return ", ".join(shown) + (", …" if len(found) > RANGES else "")


def write_rejects(path: Path, table: Sheet, outcome: Outcome) -> None:
    """Write the rows that were not taken, with line and reason, readable for their owner only."""
    with open(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        "w",
        encoding="utf-8-sig",
        newline="",
    ) as file:
        writer = csv.writer(file, delimiter=table.delimiter)
        names = [name for name in table.columns if name]
        writer.writerow(["line", "verdict", "reason", *names])
        for line in sorted(outcome.lines, key=_number):
            fields = line.row.fields
            cells = (fields.get(name, "") for name in names)
            writer.writerow([line.row.line, line.verdict, line.reason, *map(_harmless, cells)])


def _harmless(cell: str) -> str:
    """Keep a spreadsheet from running what stands in a cell; a phone number is left alone."""
    return f"'{cell}" if re.match(r"[=@]|[+-](?![\d ()]*$)", cell) else cell
