"""The page of `gateway consent verify FILE`: whether a proof or an answer is what it claims to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway import ids
from gateway.cli.words import Times, identity, lines, number, several

if TYPE_CHECKING:
    from gateway.proof_check import Verdict

ITSELF = (
    "no key was given: this shows that the file fits itself, not who made it; take --key, from"
    " the company or from somebody who kept it"
)


def verdict_values(verdict: Verdict) -> dict[str, Any]:
    """Return a check of a file as plain values."""
    return {
        "sound": verdict.sound,
        "kind": "proof" if verdict.proof else "answer" if verdict.answer else None,
        "problems": verdict.problems,
        "key": verdict.key,
        "key_given": verdict.given,
        "sealed_at": verdict.sealed_at,
        "events": len(verdict.proof.events) if verdict.proof else 0,
        "evidence": verdict.evidence,
        "erased": verdict.erased,
        "heads": [
            {"number": head.number, "at": head.at, "hash": head.hash}
            for head in verdict.heads.values()
        ],
        "stamps": [
            {"number": head.number, "at": stamp.at.isoformat(), "by": stamp.by,
             "trusted": stamp.trusted}
            for head, stamp in verdict.stamps
        ],
    }  # fmt: skip


def verdict_page(verdict: Verdict, file: str, wide: int) -> list[str]:
    """Return the page of `gateway consent verify FILE`."""
    zone = verdict.proof.company.get("time_zone", "UTC") if verdict.proof else "UTC"
    try:
        times = Times(str(zone), 0)
    except (KeyError, ValueError, OSError):
        times = Times("UTC", 0)
    if not verdict.sound:
        page = lines("FALSE", [f"{file} is not what it claims to be"], wide)
        for index, problem in enumerate(verdict.problems):
            page += lines("" if index else "found", [problem], wide)
        return page
    page = lines("HOLDS" if verdict.given else "FITS", [f"{file}: nothing was changed"], wide)
    if verdict.answer is not None:
        answer = verdict.answer
        page += lines("answer", [answer_said(answer.answer, times, answer.since)], wide)
        page += lines("about", [identity(answer.kind, answer.value, whole=True)], wide)
        page += lines("by", [answer.company, f"{times.stamp(answer.at)} UTC"], wide)
    elif verdict.proof is not None:
        page += _proof_lines(verdict, times, wide)
    page += lines("key", [f"{verdict.key}", "the one that you gave" if verdict.given else ""], wide)
    return page if verdict.given else page + lines("", [ITSELF], wide)


def _proof_lines(verdict: Verdict, times: Times, wide: int) -> list[str]:
    assert verdict.proof is not None
    proof = verdict.proof
    page = lines(
        "about",
        [
            str(proof.company.get("name", "")),
            ids.show("c", proof.contact),
            f"sealed {times.stamp(verdict.sealed_at)}" if verdict.sealed_at else "",
        ],
        wide,
    )
    events = len(proof.events)
    page += lines(
        "events",
        [
            f"{several(events, 'fits its hash', 'fit their hashes')}",
            f"evidence of {number(verdict.evidence)} is what was recorded",
            f"of {number(verdict.erased)} it was erased" if verdict.erased else "",
        ],
        wide,
    )
    for index, head in enumerate(verdict.heads.values()):
        covered = sum(str(head.number) in event.paths for event in proof.events)
        page += lines(
            "" if index else "ledger",
            [
                f"{several(covered, 'event is', 'events are')} in the ledger of"
                f" {number(head.number)} that was signed {times.stamp(head.at)}"
            ],
            wide,
        )
    for head, stamp in verdict.stamps:
        how = f"by {stamp.by}" if stamp.trusted else "its signature not checked: --timestamp-ca"
        page += lines(
            "stamped",
            [f"head of {number(head.number)}: {stamp.at:%Y-%m-%d %H:%M:%S} UTC", how],
            wide,
        )
    return page


def answer_said(answer: str, times: Times, since: int | None) -> str:
    """Return an answer as a sentence."""
    if answer == "known":
        return "this person is known"
    if answer == "erased" and since is not None:
        return f"this person was erased on {times.stamp(since)}; a keyed hash keeps them away"
    return "this person was never known here"
