"""Checks the consent ledger: rows against their hashes, evidence against its commitments, and the
whole against heads that were signed and kept outside.

Pure: rows are whatever can be iterated, in the order of their numbers, and are read once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from gateway.consent_chain import BEGINNING, Row, commit_to, row_digest
from gateway.heads import KeyRing, SignedHead
from gateway.merkle import Frontier

MOST = 20
"""Findings that are told one by one; after that something has happened to the whole."""

SEARCHED = 200_000
"""Hashes that may be computed to find where rows that changed places belong."""


class Entry(NamedTuple):
    """A row with its evidence; salt and evidence are None once they were erased."""

    row: Row
    salt: bytes | None
    evidence: str | None


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as it was written.  `event` is the number of the consent event."""

    code: str
    """changed, moved, missing, order, link, evidence, format, signature, head, cut or key."""
    event: int
    text: str


class Checked(msgspec.Struct, kw_only=True):
    """What was read and found.  `last` is the number of the last event."""

    events: int = 0
    last: int = 0
    hash: bytes = BEGINNING
    root: bytes = b""
    evidence: int = 0
    erased: int = 0
    heads: int = 0
    """Signed heads that fit."""
    outside: int = 0
    """Of them, those that were brought from outside."""
    findings: list[Finding] = []
    more: int = 0
    """Findings that are not told."""

    @property
    def sound(self) -> bool:
        """Nothing was found."""
        return not self.findings

    def find(self, code: str, event: int, text: str) -> None:
        """Note a finding."""
        if len(self.findings) < MOST:
            self.findings.append(Finding(code, event, text))
        else:
            self.more += 1


class Checkpoint(NamedTuple):
    """A signed head and where it was found."""

    signed: SignedHead
    where: str
    outside: bool = False


def check(
    entries: Iterable[Entry], ring: KeyRing, checkpoints: Sequence[Checkpoint] = ()
) -> Checked:
    """Check everything.  The rows have to be in the order of their numbers."""
    found = Checked()
    for problem in ring.problems:
        found.find("key", 0, problem)
    wanted = _by_number(found, ring, checkpoints)
    tree = Frontier()
    misplaced: list[Row] = []
    fitted = True
    for entry in entries:
        row = entry.row
        fits = _fits(row, found)
        if not fits and len(misplaced) < MOST:
            misplaced.append(row)
        elif not fits:
            found.more += 1
        if row.number != found.last + 1:
            _number(found, row.number)
        elif row.previous != found.hash and fits and fitted:
            found.find(
                "link",
                row.number,
                f"event {row.number:,} does not follow from event {found.last:,}:"
                " one of the two was replaced",
            )
        fitted = fits
        _evidence(entry, found)
        found.events += 1
        found.last, found.hash = row.number, row.hash
        tree.add(row.hash)
        for checkpoint in wanted.pop(row.number, ()):
            _compare(found, checkpoint, tree)
    found.root = tree.root()
    for number in sorted(wanted):
        for checkpoint in wanted[number]:
            _beyond(found, checkpoint)
    _places(found, misplaced)
    return found


def _by_number(
    found: Checked, ring: KeyRing, checkpoints: Sequence[Checkpoint]
) -> dict[int, list[Checkpoint]]:
    """Return the checkpoints whose signature counts, by the number of their last event."""
    wanted: dict[int, list[Checkpoint]] = {}
    for checkpoint in checkpoints:
        head = checkpoint.signed.head
        doubt = ring.doubt_head(checkpoint.signed)
        if doubt:
            found.find(
                "signature", head.number, f"the head of {head.number:,} {checkpoint.where} {doubt}"
            )
        else:
            wanted.setdefault(head.number, []).append(checkpoint)
    return wanted


def _number(found: Checked, number: int) -> None:
    first, last = found.last + 1, number - 1
    if first == last:
        found.find("missing", first, f"event {first:,} is gone")
    elif first < last:
        found.find("missing", first, f"events {first:,} to {last:,} are gone")
    else:
        found.find("order", number, f"event {number:,} stands behind event {found.last:,}")


def _fits(row: Row, found: Checked) -> bool:
    """Return whether a row is what its hash says; one that is not is told of later."""
    try:
        unhashed = row.format == 1 and any((row.sender, row.wording, row.request))
        return not unhashed and row_digest(row) == row.hash
    except ValueError as error:
        found.find("format", row.number, str(error))
        return True


def _evidence(entry: Entry, found: Checked) -> None:
    if entry.salt is None or entry.evidence is None:
        found.erased += 1
        return
    found.evidence += 1
    if commit_to(entry.salt, entry.evidence) != entry.row.commitment:
        found.find(
            "evidence",
            entry.row.number,
            f"the evidence of event {entry.row.number:,} is not what it was when it was recorded",
        )


def _compare(found: Checked, checkpoint: Checkpoint, tree: Frontier) -> None:
    head = checkpoint.signed.head
    if head.hash != found.hash.hex() or head.root != tree.root().hex():
        found.find(
            "head",
            head.number,
            f"up to event {head.number:,} the ledger is not the one whose head was signed"
            f" ({checkpoint.where}): it was written anew, or events were changed",
        )
    else:
        found.heads += 1
        found.outside += checkpoint.outside


def _beyond(found: Checked, checkpoint: Checkpoint) -> None:
    number = checkpoint.signed.head.number
    if number > found.last:
        found.find(
            "cut",
            number,
            f"the ledger ends at event {found.last:,}, but a signed head ({checkpoint.where})"
            f" counts {number:,}: the end was cut off",
        )
    elif number:  # the row itself is missing, and that was told
        found.find(
            "head", number, f"the head of {number:,} ({checkpoint.where}) has no event to it"
        )


def _places(found: Checked, misplaced: Sequence[Row]) -> None:
    """Tell of rows that do not fit their hash: was it changed, or does it stand elsewhere?"""
    budget = SEARCHED
    near = [other.number for other in misplaced]
    for row in misplaced:
        belongs = None
        for number in chain(near, range(1, found.last + 2)):
            budget -= 1
            if budget < 0 or row_digest(row._replace(number=number)) == row.hash:
                belongs = number if budget >= 0 else None
                break
        if belongs is None:
            text = f"event {row.number:,} was changed after it was recorded"
            found.find("changed", row.number, text)
        else:
            text = f"what stands as event {row.number:,} was recorded as event {belongs:,}"
            found.find("moved", row.number, text)
