"""The pages of `gateway consent …`: what was checked, in a sentence each, and what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.cli.verdict_page import answer_said
from gateway.cli.words import LABEL, Times, lines, number, several, table

if TYPE_CHECKING:
    from gateway.cli.ledger import Look

Values = Mapping[str, Any]

STATE = "state"
"""Code of a finding about what is kept beside the ledger, which is whole all the same."""

WHERE = {"log": "log", "mail": "mail to the officer", "timestamp": "time stamp"}


# --- the whole ledger ---------------------------------------------------------------------------
def look_values(look: Look, *, brought: bool, given: bool) -> dict[str, Any]:
    """Return a check of the ledger as plain values."""
    checked = look.checked
    return {
        "sound": checked.sound,
        "events": checked.events,
        "last": checked.last,
        "hash": checked.hash.hex(),
        "evidence": checked.evidence,
        "erased": checked.erased,
        "heads": checked.heads,
        "outside": checked.outside,
        "brought": brought,
        "stamps": look.stamps,
        "trusted_stamps": look.trusted_stamps,
        "keys": [{"key": key.id, "since": key.since} for key in look.ring.keys],
        "given": given,
        "findings": [
            {"code": one.code, "event": one.event, "text": one.text} for one in checked.findings
        ],
        "more": checked.more,
        "seconds": round(look.seconds, 3),
    }


def look_page(values: Values, zone: str, wide: int) -> list[str]:
    """Return the page of `gateway consent verify`."""
    n = values["events"]
    if _changed(values):
        word, said = "BROKEN", f"the ledger of {several(n, 'event')} is not what it was"
    elif values["findings"]:
        word = "BROKEN"
        said = f"the ledger of {several(n, 'event')} is whole; what is kept beside it differs"
    elif n:
        word, said = "SOUND", f"{several(n, 'event')} fit their hashes, from the first to the last"
    else:
        word, said = "EMPTY", "nobody ever agreed to anything"
    page = lines(word, [said, f"checked in {values['seconds']:.2f} s"], wide)
    for index, finding in enumerate(values["findings"]):
        page += lines("" if index else "found", [finding["text"]], wide)
    if values["more"]:
        page += lines("", [f"and {number(values['more'])} more"], wide)
    if not n:
        return page
    erased = (
        f"that of {several(values['erased'], 'event')} was erased, which breaks nothing"
        if values["erased"]
        else "none was erased"
    )
    page += lines("evidence", [f"of {several(values['evidence'], 'event')} is there", erased], wide)
    page += lines("heads", _heads_said(values), wide)
    times = Times(zone, 0)
    for index, key in enumerate(values["keys"]):
        said = f"{key['key']} since {times.stamp(key['since'])}"
        page += lines("" if index else "keys", [said], wide)
    return page + lines("shows", [_shown(values)], wide)


def _changed(values: Values) -> bool:
    """Whether the ledger itself is not what it was."""
    return any(finding["code"] != STATE for finding in values["findings"])


def _heads_said(values: Values) -> list[str]:
    heads, outside = values["heads"], values["outside"]
    if not heads:
        why = "no signed head fits" if values["findings"] else "none was signed yet"
        return [f"{why}: whether the end was cut off, nobody can tell"]
    said = [f"{several(heads, 'signed head fits', 'signed heads fit')}"]
    if outside:
        said.append(f"{number(outside)} of them brought from outside")
    if values["stamps"]:
        trusted = values["trusted_stamps"]
        how = (
            "by a service whose root you gave"
            if trusted == values["stamps"]
            else "whose signature was not checked: --timestamp-ca"
        )
        said.append(f"{several(values['stamps'], 'time stamp')} {how}")
    return said


def _shown(values: Values) -> str:
    if _changed(values):
        return (
            "what was changed cannot be read from hashes: compare with a backup from before, and"
            " find out who could write to the database"
        )
    if values["outside"]:
        return "nothing was changed, deleted or inserted before the newest head from outside"
    return (
        "the ledger fits itself and the heads kept beside it.  Who holds database and keys could"
        " write all of it anew: bring a head that was mailed or logged, --anchor FILE"
    )


# --- the other commands -------------------------------------------------------------------------
def proof_page(values: Values, wide: int) -> list[str]:
    """Return the page of `gateway consent proof`."""
    page = lines(
        "written",
        [
            values["file"],
            f"{several(values['events'], 'event')}, {several(values['sent'], 'message')}",
            f"{number(max(1, values['bytes'] // 1024))} KB",
        ],
        wide,
    )
    if values["page"]:
        page += lines("to read", [values["page"]], wide)
    for index, problem in enumerate(values["problems"]):
        page += lines("" if index else "FALSE", [f"it does not hold: {problem}"], wide)
    said = f"gateway consent verify {values['file']} --key PUBLIC.pem"
    page += lines("check", [said], wide)
    return page + lines(
        "note",
        ["both files hold personal data, readable by you alone; that you looked is kept"],
        wide,
    )


def answer_page(
    answer: Values, contact: str | None, zone: str, wide: int, out: Path | None
) -> list[str]:
    """Return the page of `gateway consent find`."""
    times = Times(zone, 0)
    said = answer_said(answer["answer"], times, answer["since"])
    page = lines(answer["answer"].upper(), [said, contact or ""], wide)
    for index, (topic, state) in enumerate(sorted(answer["states"].items())):
        about = "everything" if topic == "*" else topic
        page += lines("" if index else "consent", [f"{about}: {state}"], wide)
    if out is not None:
        page += lines("written", [f"{out}: the answer, signed with key {answer['key']}"], wide)
    return page


def heads_page(values: Sequence[Values], zone: str, now: int) -> list[str]:
    """Return the table of `gateway consent heads`, the newest first."""
    if not values:
        return ["No head was signed yet.  Now: gateway consent anchor"]
    times = Times(zone, now)
    rows = [
        [
            times.stamp(head["at"]),
            number(head["number"]),
            head["key"],
            times.stamp(head["mailed_at"]) if head["mailed_at"] else "no",
            times.stamp(head["stamped_at"]) if head["stamped_at"] else "no",
        ]
        for head in values
    ]
    return table([["signed", "events", "key", "mailed", "time stamp"], *rows], right=(1,))


def anchor_page(done: Values, zone: str, wide: int) -> list[str]:
    """Return the page of `gateway consent anchor`."""
    page = lines(
        "signed",
        [f"{several(done['number'], 'event')}", Times(zone, 0).stamp(done["at"]), done["hash"]],
        wide,
    )
    for index, (anchor, problem) in enumerate(done["anchors"].items()):
        said = f"{WHERE[anchor]}: {problem or 'kept'}"
        page += lines("" if index else "kept", [said], wide)
    return [*page, "head".ljust(LABEL) + done["token"]]  # one word, to be copied: not broken


def rotation_page(done: Values, folder: str, wide: int) -> list[str]:
    """Return the page of `gateway consent rotate-key`."""
    vouched = (
        f"the old one, {done['before']}, vouches for it and signs nothing more"
        if done["vouched"]
        else f"nobody vouches for it: proofs signed with {done['before']} need that public key"
    )
    page = lines("key", [f"{done['now']} signs from now on", vouched], wide)
    said = (
        f"back up {folder} apart from the database, and give the new public key to whoever checks"
    )
    return page + lines("do", [said, "gateway consent public-key"], wide)


def rebuilt_page(changed: Sequence[Values], wide: int) -> list[str]:
    """Return the page of `gateway consent rebuild`."""
    if not changed:
        return lines("SOUND", ["every state is what its events say; nothing was changed"], wide)
    page = lines(
        "CHANGED", [f"{several(len(changed), 'state')} did not follow from the events"], wide
    )
    for one in changed:
        about = "everything" if one["topic"] == "*" else one["topic"]
        was, now = one["kept"] or "nothing", one["derived"] or "nothing"
        page += lines("", [one["contact"], f"{about}: was {was}, is {now}"], wide)
    return page
