"""What happens, as figures: deliveries once each, tries as often as they are made."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from gateway.api import NotSent, Rejected
from gateway.attempt import TRIES, Attempts
from gateway.consequences import Consequences
from gateway.figures import RECENT, Figures, said
from gateway.limiter import Limiter
from gateway.metrics import Metrics
from gateway.senders import Senders
from gateway.stopping import Stop
from gateway.store.protocol import Settlement
from gateway.testing import delivery

SECOND = 1_000_000


class Clock:
    def micros(self) -> int:
        return 100 * SECOND


class Kept:
    """A store that takes every settlement."""

    def __init__(self) -> None:
        self.settled: list[Settlement] = []

    async def settle(self, settlements: list[Settlement]) -> None:
        self.settled += settlements

    async def stop(self, scope: str, reason: str, at: int) -> None:
        pass


class Answers:
    """An output that answers with what it was given, one after another."""

    label = "main"
    send_deadline = 5.0

    def __init__(self, answers: list[Any]) -> None:
        self._answers = answers

    async def send(self, _: Any) -> str:
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


def metrics_of(figures: Figures, name: str) -> dict[str, float]:
    """Return outcome → value of a counter, without what is zero."""
    found: dict[str, float] = {}
    for family in figures.metrics._registry.collect():
        for sample in family.samples:
            if sample.name == f"gateway_{name}_total" and sample.value:
                outcome = sample.labels["outcome"]
                found[outcome] = found.get(outcome, 0) + sample.value
    return found


async def after(*answers: Any, attempt: int = 1) -> Figures:
    """Make one attempt per answer."""
    figures = Figures(Metrics(CollectorRegistry()))
    store: Any = Kept()
    output: Any = Answers(list(answers))
    consequences = Consequences({}, Senders({}, store), store, Clock())
    attempts = Attempts(
        "main", output, store, Clock(), figures, "n", lambda s: None, consequences, lambda: 0.5
    )
    for n in range(attempt, attempt + len(answers)):
        grant = Limiter(0.0).take([], 1.0, 1.0)
        assert not hasattr(grant, "until")
        await attempts.send(delivery(attempt=n, failures=n - 1), grant)  # type: ignore[arg-type]
    return figures


@pytest.mark.parametrize(
    ("answers", "attempt", "tries", "ended"),
    [
        (["wamid.1"], 1, {"accepted": 1}, {"accepted": 1}),
        (
            [NotSent("refused", "no connection"), NotSent("refused", "again"), "wamid.1"],
            1,
            {"failed": 2, "accepted": 1},
            {"accepted": 1},
        ),
        (
            [Rejected("busy", "later", retry_after=1.0)],
            1,
            {"failed": 1},
            {},
        ),
        ([Rejected("gone", "no such number")], 1, {"failed": 1}, {"failed": 1}),
        (
            [Rejected("busy", "later", retry_after=1.0)],
            TRIES,
            {"failed": 1},
            {"held": 1},
        ),
        ([ValueError("a bug")], 1, {"unknown": 1}, {"unknown": 1}),
    ],
)
async def test_a_try_that_is_repeated_ends_no_delivery(
    answers: list[Any], attempt: int, tries: dict[str, int], ended: dict[str, int]
) -> None:
    figures = await after(*answers, attempt=attempt)
    assert metrics_of(figures, "attempts") == tries
    assert metrics_of(figures, "deliveries") == ended


def test_a_decision_that_is_given_back_ends_nothing() -> None:
    figures = Figures(Metrics(CollectorRegistry()))
    for outcome in ("dropped", "held", "given_back"):
        figures.decided(delivery(), outcome, "why")
    assert metrics_of(figures, "deliveries") == {"dropped": 1, "held": 1}
    assert metrics_of(figures, "not_sent") == {"dropped": 1, "held": 1, "given_back": 1}


def test_the_rate_is_that_of_the_last_seconds() -> None:
    figures = Figures(Metrics(CollectorRegistry()))
    for n in range(20):
        figures.first_byte(delivery(), n * SECOND)
    sender = delivery().sender
    assert figures.rate(sender, 19 * SECOND) == pytest.approx(1.0)
    assert figures.rate(sender, 19 * SECOND + RECENT) == 0
    assert figures.rate("other", 0) == 0


@pytest.mark.parametrize(
    ("stops", "line"),
    [
        ([], "sending"),
        ([Stop("all", "person", "Wartung", 1)], "nothing is sent: Wartung"),
        (
            [
                Stop("all", "person", "lunch", 2),
                Stop("sender:main", "token_invalid", "token of +4917139200033", 1),
            ],
            "nothing is sent: lunch; nothing from main is sent: token of +49 171 *** 033",
        ),
        (
            [
                Stop("marketing", "restored", "from a backup", 2),
                Stop("marketing:a", "deaf", "x", 1),
            ],
            "no marketing is sent: from a backup; no marketing from a is sent: x",
        ),
    ],
)
def test_one_line_for_systemd(stops: list[Stop], line: str) -> None:
    assert said(stops) == line
