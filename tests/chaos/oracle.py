"""The judge: compares what went over the wire with what the gateway's database says at the end.

It shares no code with the gateway.  Numbers of states: docs/images/states.svg.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from tests.chaos.books import ATTEMPT_FAILED, ATTEMPT_UNKNOWN, STATES, Attempt, Books
from tests.chaos.campaign import Done
from tests.chaos.ends import Ends
from tests.chaos.plan import SENDERS, Plan
from tests.chaos.seen import DYING, GIVES_UP, WITHDRAWN, Seen
from tests.chaos.wire import Sent, Told, Wire

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
        self._ends = Ends(wire, done, books, self.seen)
        self._cut_off = {one.callback for one in books.attempts if one.code in CUT_OFF}
        self._excused: Counter[int] = Counter()  # life of the gateway → answers not written down

    def judge(self) -> None:
        """Look at everything."""
        damage = [self._books.damage] if self._books.damage else []
        self.findings = {
            "lost": list(self._ends.lost()),
            "sent_twice": list(self.seen.twice()),
            "sent_after_stop": list(self.seen.after_stop()),
            "beyond_limits": list(self.seen.beyond_limits(self._books.first_bytes)),
            "together_in_the_air": list(self.seen.together()),
            "differences": list(self._differences()),
            "damage": damage,
            "trouble": self._done.trouble,
        }

    @property
    def windows_as_told(self) -> dict[str, int]:
        """The most sends that one second had, by sender, by what the gateway noted of their start."""
        return self.seen.windows(self._books.first_bytes)

    @property
    def unknown_allowed(self) -> int:
        """Attempts that began and never left, at most: those that a kill found in the air."""
        return len(SENDERS) * self._plan.in_the_air * len(self._wire.deaths)

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
    def _unwritten(self, sent: Sent) -> bool:
        """Did its life of the gateway end, or nobody wait any more, before its answer was written
        down?  By what the gateway says itself: `_excused` counts whether that can be."""
        if sent.ended - sent.first_byte > GIVES_UP:
            return True
        return sent.callback in self._cut_off and self._wire.killed(sent)

    def _differences(self) -> Iterator[str]:
        """Every attempt, every delivery and every count is what the wire says."""
        yield from self._ends.differences()
        wire: Counter[str] = Counter()
        gateway: Counter[str] = Counter()
        hung_up = 0
        for attempt in self._books.attempts:
            sends = self.seen.by_callback.get(attempt.callback, [])
            if len(sends) > 1:
                yield f"{attempt.callback} was sent {len(sends)} times"
            sent = sends[0] if sends else None
            if sent is None:
                if attempt.state == ATTEMPT_UNKNOWN:
                    self.unknown_never_received += 1
                    hung_up += attempt.code not in CUT_OFF
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
        yield from self._written(wire, gateway)
        self.unknown_never_received += len(self._ends.never_left)
        if self.unknown_never_received > self.unknown_allowed:
            yield f"{self.unknown_never_received} are unknown and were never received"
        if hung_up > self._wire.hung_up:
            yield f"{hung_up} were never received, and no kill nor a closed connection is why"
        for life, count in self._excused.items():
            if count > len(SENDERS) * self._plan.in_the_air:
                yield f"{count} answers to life {life} were not written down"
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
        if told and not attempt.provider_id and not list(heard) and self._unwritten(sent):
            self._excused[self._wire.life(sent)] += 1
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
            unwritten = sent.refused is not None and self._unwritten(sent)
            self._excused[self._wire.life(sent)] += unwritten
            ambiguous = sent.refused in (1, 131000) or unwritten
            if "failed" in heard or (sent.refused is not None and not ambiguous):
                yield f"{attempt.callback}: failed with {codes}, not noted"
            return
        code = int(said[1]) if said else None
        if code not in codes:
            yield f"{attempt.callback}: failed with {code}, the wire said {codes or 'nothing'}"
        wire[f"failed {min(codes, default=0)}"] += 1
        gateway[f"failed {code}"] += 1

    def _written(self, wire: Counter[str], gateway: Counter[str]) -> Iterator[str]:
        """What people wrote: that none of it is missing, Ends.lost says."""
        told = self._ends.written()
        forgotten = {wamid for wamid, at in self._wire.inbound.items() if at is not None} - told
        noted = self._books.inbound - forgotten
        wire["written"], gateway["written"] = len(told), len(noted)
        yield from (f"{wamid} is noted, and nobody wrote it" for wamid in noted - told)

    def _withdrawals(self, wire: Counter[str], gateway: Counter[str]) -> Iterator[str]:
        withdrawn = self._books.withdrawn
        told = set(self.seen.stopped)
        for sent in self._wire.sends:
            if sent.refused == WITHDRAWN and (sent.contact in withdrawn or not self._gone(sent)):
                told.add(sent.contact)
        wire["withdrawn"], gateway["withdrawn"] = len(told), len(withdrawn)
        yield from (f"{phone} stopped, and that is not noted" for phone in told - withdrawn)
        yield from (f"{phone} is noted as withdrawn, and never was" for phone in withdrawn - told)

    def _gone(self, sent: Sent) -> bool:
        """May nobody know of its answer, because a kill came first?  Of an attempt that a restore
        forgot only the time can tell."""
        forgotten = self._wire.forgotten(sent.first_byte)
        return self._unwritten(sent) or (forgotten and self._wire.dying(sent, DYING))
