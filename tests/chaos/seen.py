"""What the wire alone tells: who was told what when, and which promises that already breaks."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import pairwise
from types import MappingProxyType

from tests.chaos.plan import Plan
from tests.chaos.wire import Sent, Told, Wire

NOTHING: Mapping[str, float] = MappingProxyType({})
SLACK = 2
"""Sends that a one-second window at the provider may have above the rate."""
PAIR_BURST, PAIR_SECONDS = 45, 6.0
GIVES_UP = 29.0
"""Seconds after which a client may have stopped waiting for an answer."""
DYING = 5.0
"""Seconds before its end within which a gateway may not have got to writing an answer down."""
BEGUN = 1.0
"""Seconds before its first byte within which an attempt may have begun."""
WITHDRAWN = 131050
STATUSES = ("sent", "delivered", "read", "failed")


class Seen:
    """One campaign's wire; `stops` as People.stops.

    `stopped`: who stopped, and when the webhook was answered that told it.  `forgotten`: (person,
    message) of what was sent between a backup and its restore.  `refused_for_good`: people who had
    stopped by the switch, as the answer to a send told.  `troubled`: people about whom the
    provider said that something failed.
    """

    def __init__(self, plan: Plan, wire: Wire, stops: Mapping[str, str]) -> None:
        self._plan, self._wire = plan, wire
        self.by_callback: dict[str, list[Sent]] = defaultdict(list)
        for sent in wire.sends:
            self.by_callback[sent.callback].append(sent)
        self.stopped = self._stops(stops)
        self.refused_for_good = {sent.contact for sent in wire.sends if sent.refused == WITHDRAWN}
        self.forgotten = {
            (sent.contact, sent.what) for sent in wire.sends if wire.forgotten(sent.first_byte)
        }
        self.troubled = {
            sent.contact
            for sent in wire.sends
            if sent.refused is not None or self.told(sent, "failed") is not None
        }

    def told(self, sent: Sent, name: str) -> Told | None:
        """A status of this send, if it left at all."""
        return self._wire.statuses.get((sent.wamid or "", name))

    def heard(self, sent: Sent) -> dict[str, Told]:
        """The statuses of this send that the gateway answered with 200."""
        found = ((name, self.told(sent, name)) for name in STATUSES)
        return {name: told for name, told in found if told is not None and told.heard is not None}

    def twice(self) -> Iterator[str]:
        """One message was accepted for one person again, though the first had not failed."""
        copies: dict[tuple[str, str], list[Sent]] = defaultdict(list)
        for sent in self._wire.sends:
            if sent.wamid is not None:
                copies[sent.contact, sent.what].append(sent)
        for (contact, what), all in copies.items():
            all.sort(key=lambda sent: sent.first_byte)
            for earlier, later in pairwise(all):
                if what.startswith("Bestellung") and self._unknown(earlier, later):
                    continue  # the settings let such a one be sent again
                failed = self.told(earlier, "failed")
                reached = any(self.told(earlier, name) for name in ("delivered", "read"))
                if failed is None or failed.left > later.first_byte or reached:
                    yield f"{what} to {contact}: {earlier.callback} and {later.callback}"

    def _unknown(self, earlier: Sent, later: Sent) -> bool:
        """Could nobody know what had become of one when the other began?"""
        waited = earlier.ended <= _over(earlier)
        if earlier.answered and waited and not self._wire.unsure(earlier, DYING):
            return False
        heard = [told.heard or 0.0 for told in self.heard(earlier).values()]
        begun = later.first_byte - BEGUN
        return not any(at < begun and not self._wire.forgotten(at) for at in heard)

    def _stops(self, stops: Mapping[str, str]) -> dict[str, float]:
        """Who stopped → when the webhook was answered that told it."""
        found: dict[str, float] = {}
        for phone, wamid in stops.items():
            at = self._wire.inbound.get(wamid) if wamid else self._wire.switched.get(phone)
            if at is not None:
                found[phone] = at
        for sent in self._wire.sends:
            failed = self.heard(sent).get("failed")
            if failed is not None and failed.code == WITHDRAWN and failed.heard is not None:
                found[sent.contact] = min(failed.heard, found.get(sent.contact, failed.heard))
        return found

    def after_stop(self) -> Iterator[str]:
        for sent in self._wire.sends:
            at = self.stopped.get(sent.contact)
            late = sent.first_byte - sent.unsure - at if at is not None else 0.0
            if sent.marketing and late > 0:
                yield f"{sent.what} to {sent.contact}: {late:.3f} s after ({sent.callback})"

    def windows(self, left: Mapping[str, float] = NOTHING) -> dict[str, int]:
        """The most sends that surely left within one second of the steady clock, by sender; `left`:
        callback → unix seconds, which count instead of the arrival."""
        times: dict[str, list[tuple[float, float]]] = defaultdict(list)
        for sent in self._wire.sends:
            told = left.get(sent.callback)
            latest = (sent.first_byte if told is None else told) - sent.ahead
            earliest = latest - sent.unsure if told is None else latest
            times[sent.sender].append((earliest, latest))
        return {sender: _worst_window(all) for sender, all in times.items()}

    def beyond_limits(self, left: Mapping[str, float] = NOTHING) -> Iterator[str]:
        """`left`: when the gateway says that each began."""
        began = self.windows(left)
        for sender, worst in self.windows().items():
            if worst > self._plan.rate + SLACK:
                yield f"{sender} sent {worst} within a second; {began[sender]} as it says itself"
            elif left and began[sender] > self._plan.rate + SLACK:
                yield f"{sender} sent {began[sender]} within a second, as it says itself"
        pairs: dict[tuple[str, str], list[float]] = defaultdict(list)
        for sent in self._wire.sends:
            if sent.wamid is not None:
                pairs[sent.sender, sent.contact].append(sent.first_byte)
        for (sender, contact), times in pairs.items():
            level, since = float(PAIR_BURST), 0.0
            for at in sorted(times):
                level = min(PAIR_BURST, level + (at - since) / PAIR_SECONDS) - 1
                since = at
                if level < -0.01:
                    yield f"{sender} wrote to {contact} too often"
                    break

    def together(self) -> Iterator[str]:
        """Two requests for one person were in the air at once, of one life of the gateway."""
        latest: dict[tuple[str, str], Sent] = {}  # of each pair, the one that ended last
        for sent in sorted(self._wire.sends, key=lambda sent: sent.first_byte):
            pair = sent.sender, sent.contact
            before = latest.get(pair)
            if before is None or self._wire.life(before) != self._wire.life(sent):
                latest[pair] = sent
                continue
            if sent.first_byte < _over(before):
                yield f"{before.callback} and {sent.callback}, {sent.contact}"
            latest[pair] = max(before, sent, key=_over)


def _over(sent: Sent) -> float:
    """When nobody waited for its answer any more."""
    return min(sent.ended, sent.first_byte + GIVES_UP)


def _worst_window(times: list[tuple[float, float]]) -> int:
    """The most that have both their earliest and their latest time within one second."""
    earliest = sorted(early for early, _ in times)
    latest = sorted(late for _, late in times)
    return max(
        (bisect_left(latest, early + 1.0) - bisect_left(earliest, early) for early in earliest),
        default=0,
    )
