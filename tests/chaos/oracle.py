"""The judge: compares what went over the wire with what the gateway's database says at the end.

It shares no code with the gateway.  Numbers of states: docs/images/states.svg.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.chaos.books import (
    ATTEMPT_FAILED,
    ATTEMPT_UNKNOWN,
    DROPPED,
    FAILED,
    HELD,
    STATES,
    UNKNOWN,
    Attempt,
    Books,
)
from tests.chaos.campaign import Done
from tests.chaos.plan import SENDERS, Plan
from tests.chaos.seen import GIVES_UP, WITHDRAWN, Seen
from tests.chaos.wire import Sent, Told, Wire

IN_THE_AIR = 256
"""Most requests of one sender at a time, if it is fast (gateway/delivery.py)."""
DYING = 5.0
"""Seconds before its end within which a gateway may not have got to writing an answer down."""
CUT_OFF = ("stopped_while_sending", "restored")
"""Codes of attempts that a life of the gateway left without an outcome."""
SAID = re.compile(r"Meta ([0-9]+)")


class Oracle:
    """Judges one campaign.  `judge` fills `findings` (figure → a sentence for each that broke a
    promise) and `counts` (what → how often by the wire, and by the gateway)."""

    def __init__(self, plan: Plan, wire: Wire, done: Done, books: Books) -> None:
        self._plan, self._wire, self._done, self._books = plan, wire, done, books
        self.findings: dict[str, list[str]] = {}
        self.counts: dict[str, dict[str, int]] = {}
        self.unknown_never_received = 0
        self.seen = Seen(plan, wire, done.stops)
        self._unwritten = {one.callback for one in books.attempts if one.code in CUT_OFF}

    def judge(self) -> None:
        """Look at everything."""
        damage = [self._books.damage] if self._books.damage else []
        self.findings = {
            "lost": list(self._lost()),
            "sent_twice": list(self.seen.twice()),
            "sent_after_stop": list(self.seen.after_stop()),
            "beyond_limits": list(self.seen.beyond_limits()),
            "together_in_the_air": list(self.seen.together()),
            "differences": list(self._differences()),
            "damage": damage,
            "trouble": self._done.trouble,
        }

    @property
    def unknown_allowed(self) -> int:
        """Attempts that began and never left, at most: those that a kill found in the air."""
        return len(SENDERS) * IN_THE_AIR * len(self._wire.deaths)

    @property
    def ends(self) -> dict[str, int]:
        """What became of the marketing deliveries, by state, and by code where there is one."""
        ends = Counter(
            f"{STATES[row.state]} {row.code}".strip()
            for (mark, _), row in self._books.deliveries.items()
            if mark.startswith("Beitrag")
        )
        return dict(ends.most_common())

    # --- against the books --------------------------------------------------------------------------
    def _dying(self, sent: Sent) -> bool:
        """May nobody have been there any more to write the answer down?"""
        if sent.ended - sent.first_byte > GIVES_UP or self._wire.dying(sent, DYING):
            return True
        return sent.callback in self._unwritten and self._wire.killed(sent)

    def _lost(self) -> Iterator[str]:
        """What was accepted is accounted for: messages, each of their deliveries, what people wrote."""
        marks = self._books.marks
        for mark in self._done.handed_in:
            if mark not in marks:
                yield f"{mark} was accepted, and is not there"
        for mark in (mark for mark in self._done.handed_in if mark.startswith("Beitrag")):
            for phone in self._done.phones:
                why = self._unexplained(mark, phone)
                if why:
                    yield f"{mark} for {phone}: {why}"
        for wamid, at in self._wire.inbound.items():
            if at is not None and not self._wire.forgotten(at) and wamid not in self._books.inbound:
                yield f"what a person wrote: {wamid}"

    def _unexplained(self, mark: str, phone: str) -> str:
        """Why the end of this delivery is no end, or has no reason on the wire; "" if it has."""
        row = self._books.delivery(mark, phone)
        if row is None:
            gone = phone in self.seen.stopped or phone in self.seen.refused_for_good
            return "" if gone else "there is no delivery"
        tries = [
            sent
            for n in range(1, row.tries + 1)
            for sent in self.seen.by_callback.get(f"{row.id}:{n}", ())
        ]
        if row.state in (HELD, UNKNOWN):
            return "" if row.code or row.state == UNKNOWN else "it is held for no reason"
        if row.state == FAILED:
            failed = any(
                sent.refused is not None or "failed" in self.seen.heard(sent) for sent in tries
            )
            return "" if failed or not tries else "it failed, and nothing said so"
        if row.state == DROPPED:
            if row.code == "withdrawn":
                known = phone in self.seen.stopped or phone in self.seen.refused_for_good
                return "" if known else "it was dropped, and nobody withdrew"
            before = row.code == "sent_before" and (phone, mark) in self.seen.forgotten
            known = before or phone in self.seen.troubled
            return "" if known else f"it was dropped: {row.code} {row.reason}"
        if row.state > UNKNOWN:
            return "" if any(sent.wamid for sent in tries) else "nobody accepted it"
        if row.due_at > self._books.read_at and row.code and phone in self.seen.troubled:
            return ""  # put off until tomorrow, because the provider said so
        return f"it still waits: state {row.state} {row.code} {row.reason}"

    def _differences(self) -> Iterator[str]:
        """Every attempt, and every count, is what the wire says."""
        wire: Counter[str] = Counter()
        gateway: Counter[str] = Counter()
        for attempt in self._books.attempts:
            sends = self.seen.by_callback.get(attempt.callback, [])
            if len(sends) > 1:
                yield f"{attempt.callback} was sent {len(sends)} times"
            sent = sends[0] if sends else None
            if sent is None:
                if attempt.state == ATTEMPT_UNKNOWN:
                    self.unknown_never_received += 1
                elif attempt.state != ATTEMPT_FAILED:
                    yield f"{attempt.callback} is in state {attempt.state}, and was never received"
                continue
            if self._wire.forgotten(sent.first_byte) or self._wire.forgotten(sent.ended):
                continue
            heard = self.seen.heard(sent)
            for name in ("sent", "delivered", "read"):
                if name in heard and self._wire.forgotten(heard[name].heard or 0.0):
                    continue
                wire[name] += name in heard
                gateway[name] += name in attempt.noted
                if (name in heard) != (name in attempt.noted):
                    yield f"{attempt.callback}: {name} {'not noted' if name in heard else 'made up'}"
            if any(self._wire.forgotten(told.heard or 0.0) for told in heard.values()):
                continue
            yield from self._accepted(sent, attempt, heard, wire, gateway)
            yield from self._failed(sent, attempt, heard, wire, gateway)
        known = {attempt.callback for attempt in self._books.attempts}
        for callback in self.seen.by_callback.keys() - known:
            if self._wire.forgotten(self.seen.by_callback[callback][0].first_byte):
                continue
            yield f"{callback} was received, and there is no such attempt"
        yield from self._withdrawals(wire, gateway)
        if self.unknown_never_received > self.unknown_allowed:
            yield f"{self.unknown_never_received} are unknown and were never received"
        self.counts = {
            name: {"wire": wire[name], "gateway": gateway[name]} for name in sorted(wire | gateway)
        }

    def _accepted(
        self, sent: Sent, attempt: Attempt, heard: Iterable[str], wire: Counter[str],
        gateway: Counter[str],
    ) -> Iterator[str]:  # fmt: skip
        if attempt.provider_id and attempt.provider_id != sent.wamid:
            yield f"{attempt.callback} has the id of another message"
        told = sent.wamid is not None and (sent.answered or bool(list(heard)))
        if told and not attempt.provider_id and not list(heard) and self._dying(sent):
            told = False
        wire["accepted"] += told
        gateway["accepted"] += attempt.provider_id is not None
        if told != (attempt.provider_id is not None):
            yield f"{attempt.callback}: accepted {'not noted' if told else 'made up'}"

    def _failed(
        self, sent: Sent, attempt: Attempt, heard: dict[str, Told], wire: Counter[str],
        gateway: Counter[str],
    ) -> Iterator[str]:  # fmt: skip
        told = (sent.refused, heard["failed"].code if "failed" in heard else None)
        codes = {code for code in told if code is not None}
        said = SAID.search(attempt.detail)
        if "failed" not in attempt.noted:
            ambiguous = sent.refused in (1, 131000) or self._dying(sent)
            if "failed" in heard or (sent.refused is not None and not ambiguous):
                yield f"{attempt.callback}: failed with {codes}, not noted"
            return
        code = int(said[1]) if said else None
        if code not in codes:
            yield f"{attempt.callback}: failed with {code}, the wire said {codes or 'nothing'}"
        wire[f"failed {min(codes, default=0)}"] += 1
        gateway[f"failed {code}"] += 1

    def _withdrawals(self, wire: Counter[str], gateway: Counter[str]) -> Iterator[str]:
        withdrawn = self._books.withdrawn
        told = set(self.seen.stopped)
        for sent in self._wire.sends:
            if sent.refused == WITHDRAWN and (sent.contact in withdrawn or not self._dying(sent)):
                told.add(sent.contact)
        wire["withdrawn"], gateway["withdrawn"] = len(told), len(withdrawn)
        yield from (f"{phone} stopped, and that is not noted" for phone in told - withdrawn)
        yield from (f"{phone} is noted as withdrawn, and never was" for phone in withdrawn - told)
