"""Checks a proof or a signed answer from its file alone: on any machine, without settings or database."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

import msgspec
from cryptography.x509 import Certificate

from gateway.consent_chain import Row, commit_to, row_digest, wording_hash
from gateway.consent_state import Fact, state_of
from gateway.heads import Head, KeyRing, read_token
from gateway.inbound import Wording
from gateway.merkle import climbed
from gateway.proofs import (
    Answer,
    Proof,
    ProofEvent,
    ProofHead,
    Seal,
    SealedProof,
    Signed,
    SignedAnswer,
    read_signed,
    ring_of,
)
from gateway.stamping import Stamp, StampError, read_stamp

EVERYTHING = "*"


class Verdict(msgspec.Struct, kw_only=True):
    """What was checked.  `key` is the key that all rests on; `given` says that the reader brought
    it: otherwise all that is shown is that the file fits itself."""

    proof: Proof | None = None
    answer: Answer | None = None
    problems: list[str] = []
    key: str | None = None
    given: bool = False
    sealed_at: int | None = None
    evidence: int = 0
    erased: int = 0
    heads: dict[int, Head] = {}
    """The heads that count, by their number."""
    stamps: list[tuple[Head, Stamp]] = []

    @property
    def sound(self) -> bool:
        """Nothing was found, and there was something to look at."""
        return not self.problems and (self.proof is not None or self.answer is not None)


def verify(
    content: bytes, trusted: bytes | None = None, roots: Sequence[Certificate] = ()
) -> Verdict:
    """Check a file.  `trusted`: the 32 bytes of a public key that the reader has from elsewhere;
    `roots`: certificates of time-stamping services."""
    verdict = Verdict(given=trusted is not None)
    try:
        sealed = msgspec.json.decode(content, type=SealedProof)
        proof = msgspec.json.decode(sealed.proof, type=Proof)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _answer(content, trusted, verdict)
    ring = _ring(verdict, proof, trusted)
    if ring is not None:
        verdict.proof = proof
        _seal(verdict, ring, bytes(sealed.proof), sealed.seal, proof)
        _heads(verdict, ring, proof.heads, roots)
        for event in proof.events:
            _event(verdict, event, proof)
        _states(verdict, proof)
    return verdict


def _answer(content: bytes, trusted: bytes | None, verdict: Verdict) -> Verdict:
    try:
        file = msgspec.json.decode(content, type=SignedAnswer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        verdict.problems.append("the file is no proof of a message-gateway, or it was damaged")
        return verdict
    ring = _ring(verdict, file, trusted)
    if ring is not None:
        verdict.answer, doubt = read_signed(file.answer, Answer, ring)
        if doubt:
            verdict.problems.append(f"the answer {doubt}")
        if verdict.answer is not None and verdict.answer.head is not None:
            head = read_token(verdict.answer.head)
            doubt = "is none" if head is None else ring.doubt_head(head)
            if doubt:
                verdict.problems.append(f"the ledger's head that the answer names {doubt}")
    return verdict


def _ring(verdict: Verdict, file: Proof | SignedAnswer, trusted: bytes | None) -> KeyRing | None:
    try:
        ring = ring_of(file.keys, trusted)
    except ValueError:
        verdict.problems.append("a key in the file is none")
        return None
    verdict.key = ring.anchor
    verdict.problems += ring.problems
    return ring


def _seal(verdict: Verdict, ring: KeyRing, body: bytes, signed: Signed, proof: Proof) -> None:
    seal, doubt = read_signed(signed, Seal, ring)
    if doubt:
        verdict.problems.append(f"the seal {doubt}")
    elif seal.sha256 != hashlib.sha256(body).hexdigest():
        verdict.problems.append("the proof was changed after it was sealed")
    elif seal.company != proof.company.get("name"):
        verdict.problems.append("the seal is of another company")
    else:
        verdict.sealed_at = seal.at


def _heads(
    verdict: Verdict, ring: KeyRing, heads: Sequence[ProofHead], roots: Sequence[Certificate]
) -> None:
    for one in heads:
        signed = read_token(one.token)
        if signed is None:
            verdict.problems.append("a head in the file is none")
            continue
        head = signed.head
        doubt = ring.doubt_head(signed)
        if doubt:
            verdict.problems.append(f"the head of {head.number:,} events {doubt}")
            continue
        known = verdict.heads.setdefault(head.number, head)
        if (known.hash, known.root) != (head.hash, head.root):
            verdict.problems.append(f"two heads of {head.number:,} events contradict each other")
        if one.stamp is not None:
            _stamp(verdict, head, one, roots)


def _stamp(verdict: Verdict, head: Head, one: ProofHead, roots: Sequence[Certificate]) -> None:
    try:
        answer = base64.b64decode(one.stamp or "", validate=True)
        stamp = read_stamp(answer, one.token.encode(), roots)
    except (ValueError, StampError) as error:
        verdict.problems.append(f"the time stamp of the head of {head.number:,} events: {error}")
        return
    verdict.stamps.append((head, stamp))


def _event(verdict: Verdict, event: ProofEvent, proof: Proof) -> None:
    """Check an event's hash, evidence and wording, and its way to the heads."""
    named = f"event {event.number:,}"
    try:
        row = _row(event)
        digest = row_digest(row)
        salt = None if event.salt is None else bytes.fromhex(event.salt)
        paths = {
            int(number): [bytes.fromhex(beside) for beside in path]
            for number, path in event.paths.items()
        }
    except ValueError:
        verdict.problems.append(f"{named} cannot be read")
        return
    if digest != row.hash:
        verdict.problems.append(f"{named} does not fit its hash")
    if event.contact not in proof.contacts:
        verdict.problems.append(f"{named} is about somebody else")
    if salt is None or event.evidence is None:
        verdict.erased += 1
    elif commit_to(salt, event.evidence) != row.commitment:
        verdict.problems.append(f"the evidence of {named} is not what was recorded")
    else:
        verdict.evidence += 1
    _wording(verdict, event, proof)
    if not paths:
        verdict.problems.append(f"{named} has no way to a signed head")
    for number, path in paths.items():
        head = verdict.heads.get(number)
        root = climbed(digest, event.number - 1, number, path)
        if head is None or root is None or root.hex() != head.root:
            verdict.problems.append(f"{named} is not in the ledger whose head {number:,} is signed")


def _row(event: ProofEvent) -> Row:
    fields = {name: getattr(event, name) for name in Row._fields}
    for name in ("commitment", "previous", "hash"):
        fields[name] = bytes.fromhex(fields[name])
    if event.wording is not None:
        fields["wording"] = bytes.fromhex(event.wording)
    return Row(**fields)


def _wording(verdict: Verdict, event: ProofEvent, proof: Proof) -> None:
    if event.wording is None:
        return
    try:
        wording = msgspec.convert(proof.wordings.get(event.wording), Wording)
    except msgspec.ValidationError:
        verdict.problems.append(f"the wording of event {event.number:,} is missing")
        return
    if wording_hash(wording).hex() != event.wording:
        verdict.problems.append(f"the wording of event {event.number:,} is not what was shown")


def _states(verdict: Verdict, proof: Proof) -> None:
    """Compare the states that are told with those that follow from the events."""
    if proof.erased_at is not None:
        return
    told = {
        str(state.get("topic")): (state.get("state"), state.get("event"), state.get("since"))
        for state in proof.states
    }
    for topic in sorted({*told, *(event.topic for event in proof.events)}):
        facts = [
            Fact(e.number, e.at, e.recorded_at, e.name, e.source, e.request)
            for e in proof.events
            if e.topic in (topic, EVERYTHING)
        ]
        follows = state_of(facts)
        if (follows and tuple(follows)) != told.get(topic):
            about = "everything" if topic == EVERYTHING else topic
            verdict.problems.append(f"what is said of the consent to {about} does not follow")
