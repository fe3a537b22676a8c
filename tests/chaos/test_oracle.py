"""The judge: each kind of harm is found in a log that has it, and none where there is none."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from tests.chaos.books import Attempt, Books, Row
from tests.chaos.campaign import Done
from tests.chaos.oracle import Oracle
from tests.chaos.plan import Plan, faults, small
from tests.chaos.wire import Sent, Told, Wire

ANNA, BERT = "+491713000001", "+491713000002"
PLAN = Plan(seed="x", people=2, messages=1, kills=0, rate=5.0)
DELIVERED, READ, FAILED, DROPPED, QUEUED, SENDING, HELD, UNKNOWN = 8, 9, 10, 11, 0, 2, 3, 5


@dataclasses.dataclass
class Case:
    """A campaign of one message to two people; both read it."""

    wire: Wire
    done: Done
    books: Books

    def __init__(self) -> None:
        self.wire, self.books = Wire(), Books(marks={"Beitrag 1b"}, read_at=1000.0)
        self.done = Done(phones=[ANNA, BERT], handed_in=["Beitrag 1b"])
        for n, phone in enumerate(self.done.phones, 1):
            self.send(phone, n, at=100.0 + n)
            self.books.deliveries["Beitrag 1b", phone] = Row(n, READ, 1, "", "", 0.0)

    def send(self, phone: str, delivery: int, *, at: float, attempt: int = 1) -> Sent:
        """One more send that was accepted, and read."""
        names = ("sent", "delivered", "read")
        callback = f"{delivery}:{attempt}"
        sent = Sent("main", phone, callback, "Beitrag 1b", True, at)
        sent.wamid, sent.answered, sent.ended = f"wamid.{callback}", True, at + 0.1
        self.wire.sends.append(sent)
        for name in names:
            self.wire.statuses[f"wamid.{callback}", name] = Told(None, at + 1, at + 1)
        self.books.attempts.append(Attempt(callback, 6, sent.wamid, frozenset(names), "", ""))
        return sent

    def stop(self, phone: str, at: float) -> None:
        """A person stops, and that is answered at this time."""
        self.done.stops[phone] = "wamid.stop"
        self.wire.inbound["wamid.stop"] = at
        self.books.inbound.add("wamid.stop")
        self.books.withdrawn.add(phone)

    def end(self, state: int, code: str = "") -> None:
        """Anna's delivery ended otherwise: of its attempt nothing was heard."""
        self.books.deliveries["Beitrag 1b", ANNA] = Row(1, state, 1, code, "", 0.0)
        for name in ("sent", "delivered", "read"):
            del self.wire.statuses["wamid.1:1", name]
        self.wire.sends[0].answered = False
        self.noted(state=1, provider_id=None, noted=frozenset())

    def order(self, *, answered: bool) -> None:
        """An order went to Anna twice, the second time because nothing was heard of the first."""
        for attempt in (1, 2):
            sent = self.send(ANNA, 7, at=200.0 + attempt, attempt=attempt)
            sent.what, sent.marketing = "Bestellung 1", False
        for name in ("sent", "delivered", "read"):
            del self.wire.statuses["wamid.7:1", name]
        self.wire.sends[-2].answered = answered
        self.books.attempts[-2] = Attempt("7:1", 1, None, frozenset(), "reset", "")

    def noted(self, **changes: object) -> None:
        """What the gateway noted of the first attempt is another thing."""
        self.books.attempts[0] = dataclasses.replace(self.books.attempts[0], **changes)  # type: ignore[arg-type]

    def judged(self) -> dict[str, int]:
        """The figures that are not 0."""
        oracle = Oracle(PLAN, self.wire, self.done, self.books)
        oracle.judge()
        return {name: len(all) for name, all in oracle.findings.items() if all}


def failed_first(case: Case) -> None:
    """Anna's first try failed at the provider, and its status says so."""
    case.wire.statuses = {
        key: told for key, told in case.wire.statuses.items() if key[0] != "wamid.1:1"
    }
    case.wire.statuses["wamid.1:1", "failed"] = Told(131026, 102.0, 102.0)
    case.noted(state=4, noted=frozenset({"failed"}), detail="Meta 131026: no")


HARMS: dict[str, tuple[Callable[[Case], object], set[str]]] = {
    "nothing": (lambda case: None, set()),
    "a second copy": (lambda case: case.send(ANNA, 1, at=200.0, attempt=2), {"sent_twice"}),
    "a second copy, by another delivery": (
        lambda case: case.send(ANNA, 3, at=200.0), {"sent_twice"}
    ),
    "a second try after a failure": (
        lambda case: (failed_first(case), case.send(ANNA, 1, at=200.0, attempt=2)), set()
    ),
    "a send after a STOP": (lambda case: case.stop(ANNA, 100.5), {"sent_after_stop"}),
    "a send before a STOP": (lambda case: case.stop(ANNA, 150.0), set()),
    "a STOP that is not noted": (
        lambda case: (case.stop(ANNA, 150.0), case.books.withdrawn.clear()), {"differences"}
    ),
    "a withdrawal that nobody made": (
        lambda case: case.books.withdrawn.add(BERT), {"differences"}
    ),
    "a STOP that got lost": (
        lambda case: (case.stop(ANNA, 150.0), case.books.inbound.clear()), {"lost"}
    ),
    "too many in a second": (
        lambda case: [case.send(f"+4917130000{n}", n, at=300.0 + n / 100) for n in range(10, 18)],
        {"beyond_limits"},
    ),
    "too many in a second, as it says itself": (
        lambda case: [
            case.books.first_bytes.update({case.send(f"+4917130000{n}", n, at=300.0 + n).callback: 300.0})
            for n in range(10, 18)
        ],
        {"beyond_limits"},
    ),
    "too many in a second, and the clock was set meanwhile": (
        lambda case: [
            setattr(case.send(f"+4917130000{n}", n, at=300.0 + n), "ahead", float(n))
            for n in range(10, 18)
        ],
        {"beyond_limits"},
    ),
    "a clock that is set back": (
        lambda case: [
            setattr(case.send(f"+4917130000{n}", n, at=300.0), "ahead", float(-n))
            for n in range(10, 18)
        ],
        set(),
    ),
    "too many in a second, or perhaps not": (
        lambda case: [
            setattr(case.send(f"+4917130000{n}", n, at=300.0 + n / 100), "unsure", 0.5 * (n % 3))
            for n in range(10, 18)
        ],
        set(),
    ),
    "two for one person at once": (
        lambda case: setattr(case.send(ANNA, 3, at=101.05), "what", "Beitrag 2b"),
        {"together_in_the_air"},
    ),
    "a message that got lost": (
        lambda case: case.done.handed_in.append("Beitrag 7b"), {"lost"}
    ),
    "no delivery": (lambda case: case.books.deliveries.clear(), {"lost"}),
    "still queued": (lambda case: case.end(QUEUED, "limit"), {"lost"}),
    "still in the air": (lambda case: case.end(SENDING), {"lost"}),
    "unknown, for a person": (lambda case: case.end(UNKNOWN, "reset"), set()),
    "failed for no reason": (lambda case: case.end(FAILED, "made_up"), {"lost"}),
    "dropped for no reason": (lambda case: case.end(DROPPED, "made_up"), {"lost"}),
    "dropped as withdrawn, by nobody": (
        lambda case: case.end(DROPPED, "withdrawn"), {"lost"}
    ),
    "an attempt sent again under its number": (
        lambda case: case.wire.sends.append(dataclasses.replace(case.wire.sends[0], wamid=None)),
        {"differences", "together_in_the_air"},
    ),
    "a status not noted": (
        lambda case: case.noted(noted=frozenset({"sent", "delivered"})), {"differences"}
    ),
    "a status made up": (
        lambda case: case.wire.statuses.pop(("wamid.1:1", "read")), {"differences"}
    ),
    "another id": (lambda case: case.noted(provider_id="wamid.other"), {"differences"}),
    "a send that the gateway does not know": (
        lambda case: case.books.attempts.pop(), {"differences"}
    ),
    "a failure under another code": (
        lambda case: (failed_first(case), case.noted(detail="Meta 100: no")), {"differences"}
    ),
    "held for no reason": (lambda case: case.end(HELD, "made_up"), {"lost"}),
    "behind what was told": (
        lambda case: case.books.deliveries.update({("Beitrag 1b", ANNA): Row(1, DELIVERED, 1, "", "", 0)}),
        {"differences"},
    ),
    "what nobody wrote": (lambda case: case.books.inbound.add("wamid.x"), {"differences"}),
    "an order again, of which nothing was heard": (lambda case: case.order(answered=False), set()),
    "an order again, though it was answered": (
        lambda case: case.order(answered=True), {"sent_twice", "differences"}
    ),
    "a damaged file": (lambda case: setattr(case.books, "damage", "page 7"), {"damage"}),
    "it crashed": (lambda case: case.done.trouble.append("it ended"), {"trouble"}),
}  # fmt: skip


@pytest.mark.parametrize("what", HARMS)
def test_each_harm_is_found(what: str) -> None:
    """And nothing else beside it."""
    case = Case()
    harm, found = HARMS[what]
    harm(case)
    assert set(case.judged()) == found


def test_what_a_kill_explains_is_no_difference() -> None:
    """An answer that came in the last moments of a life need not be written down."""
    case = Case()
    sent = case.wire.sends[0]
    case.end(UNKNOWN, "stopped_while_sending")
    case.noted(code="stopped_while_sending")
    sent.answered = True
    assert set(case.judged()) == {"differences"}
    case.wire.deaths.append(sent.ended + 1.0)
    assert case.judged() == {}
    case.noted(code="reset")
    assert set(case.judged()) == {"differences"}, "it was answered, and nobody was killed"


def test_what_nobody_received_has_a_reason() -> None:
    """A connection that ended behind an answer may swallow the next request."""
    case = Case()
    case.end(UNKNOWN, "reset")
    case.noted(code="reset")
    case.wire.sends.pop(0)
    case.wire.deaths.append(500.0)  # so that one may be unknown at all
    assert set(case.judged()) == {"differences"}
    case.wire.hung_up = 1
    assert case.judged() == {}


def test_what_a_restore_forgets_is_no_difference() -> None:
    """Attempts between a backup and its restore are gone, and only they."""
    case = Case()
    del case.books.attempts[0]
    assert set(case.judged()) == {"differences"}
    case.wire.backed_up, case.wire.restored = 100.9, 101.5
    assert case.judged() == {}


def test_each_that_is_in_the_air_beside_another_is_found() -> None:
    """Also behind one that was over before."""
    case = Case()
    case.wire.sends[0].ended = 110.0
    for n, at in enumerate((102.0, 105.0), 3):
        case.send(ANNA, n, at=at).what = f"Beitrag {n}b"
    assert case.judged() == {"together_in_the_air": 2}


def test_what_a_kill_found_in_the_air_is_not_lost() -> None:
    """It had begun and never left; the restored gateway drops it, and counts as one that is unknown:
    there are no more of them than the kills can have found."""
    case = Case()
    case.end(DROPPED, "sent_before")
    case.wire.sends.pop(0)
    case.books.attempts.pop(0)
    assert set(case.judged()) == {"differences"}, "nobody was killed"
    case.wire.backed_up, case.wire.restored = 50.0, 60.0
    case.wire.deaths.append(55.0)
    assert case.judged() == {}


def test_the_seed_fixes_every_fault() -> None:
    """The same seed, the same faults; another seed, others."""
    assert faults(small("a")) == faults(small("a"))
    assert faults(small("a")) != faults(small("b"))
    assert len({fault["seed"] for fault in faults(small("a"))}) == len(faults(small("a")))
