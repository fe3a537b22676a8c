"""Outcomes, statuses, doubts and second attempts in any order: the store against a model.

The model keeps what was said of each attempt, and asks the questions afterwards; the store moves a
state along.  Nothing that may have reached the person may ever be begun again.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.message import Basis, Delivery
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import House

FOLLOWS = {"fail": "failed", "hold": "held", "retry": "queued", "stop": "queued", "count": "failed"}
"""What a failure asks for → where a delivery rests of which nothing may have arrived."""

BEST_FIRST = ("read", "delivered", "sent", "accepted", "unknown")


class Tried:
    """One attempt: what was said of it, and by whom."""

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.told: set[str] = set()  # statuses
        self.answer = ""  # to our own request: accepted, failed, unknown
        self.person = ""  # sent, not_sent
        self.given_up = False
        self.follows = ""  # of the first failure that was told

    @property
    def is_now(self) -> str:
        """What it is, by all that was said."""
        for word in ("read", "delivered"):
            if word in self.told:
                return word
        if "failed" in self.told or self.answer == "failed" or self.person == "not_sent":
            return "failed"
        if "sent" in self.told:
            return "sent"
        if self.answer == "accepted" or self.person == "sent":
            return "accepted"
        return "given up" if self.given_up else "unknown"

    def failed(self, action: str) -> None:
        """A failure was told; the first one says what follows."""
        if not self.follows and self.is_now not in ("failed", "delivered", "read"):
            self.follows = FOLLOWS[action]


class Model:
    """One delivery."""

    def __init__(self) -> None:
        self.tried: list[Tried] = []
        self.rests = "queued"  # where it is while nothing of it may have arrived

    @property
    def in_the_air(self) -> bool:
        return bool(self.tried) and not self.tried[-1].answer

    @property
    def state(self) -> str:
        if self.in_the_air:
            return "sending"
        words = {tried.is_now for tried in self.tried}
        return next((word for word in BEST_FIRST if word in words), self.rests)

    def came_down(self, before: str, tried: Tried) -> None:
        """After news: if nothing of it may have arrived any more, it rests where the failure says."""
        if before in ("sending", "unknown", "accepted", "sent") and self.state == self.rests:
            self.rests = tried.follows or self.rests


FAILURES = [f"failed:{action}" for action in FOLLOWS]
OPS = st.lists(
    st.sampled_from(
        [
            *[("begin", "", 0)] * 8,
            *[("settle", "unknown", 0)] * 6,
            *[("settle", "accepted", 0)] * 3,
            *[("settle", word, 0) for word in FAILURES],
            *[("status", word, which) for word in ("sent", *FAILURES) for which in (0, 1)],
            *[("status", word, which) for word in ("delivered", "read") for which in (0, 1)],
            *[("resolve", "resend", 0)] * 6,
            ("resolve", "not_sent", 0),
            ("resolve", "sent", 0),
            *[("retry", "", 0)] * 3,
            ("recover", "", 0),
        ]
    ),
    min_size=6,
    max_size=24,
)
"""Mostly what leads to several attempts."""


class Play:
    """Does to the store what is done to the model."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.model = Model()

    async def begin(self) -> None:
        (self.contact,) = await self.house.confirmed(1)
        self.message = await self.house.started(to=self.contact)

    async def do(self, what: str, word: str, which: int) -> None:
        word, _, action = word.partition(":")
        await getattr(self, f"do_{what}")(word, action, which)
        assert await self.house.state(self.message, self.contact) == self.model.state

    async def do_begin(self, word: str, action: str, which: int) -> None:
        leased = await self.house.lease()
        assert len(leased) == (self.model.state == "queued")
        if leased:
            basis = Basis(kind="consent", event=leased[0].permissions.consent)
            delivery = leased[0].replace(basis=basis)
            assert {tried.is_now for tried in self.model.tried} <= {"failed", "given up"}
            assert await self.house.begin(delivery) is None
            self.model.tried.append(Tried(delivery))

    async def do_settle(self, word: str, action: str, which: int) -> None:
        if not self.model.in_the_air:
            return
        tried, fields = self.model.tried[-1], dict[str, Any]()
        if word == "failed":
            tried.failed(action)
            fields = {"action": action, "hold": action == "hold"}
            fields |= {"retry_at": self.house.now} if action in ("retry", "stop") else {}
        await self.house.settle(
            tried.delivery, word, provider_id=f"w{tried.delivery.callback}", **fields
        )
        tried.answer = word
        self.model.came_down("sending", tried)

    async def do_status(self, word: str, action: str, which: int) -> None:
        if which >= len(self.model.tried):
            return
        tried, before = self.model.tried[which], self.model.state
        fields: dict[str, Any] = {"provider_id": f"w{tried.delivery.callback}"}
        if word == "failed":
            tried.failed(action)
            after = {"retry_after": 0.0} if action == "retry" else {}
            fields |= {"action": action, "code": "x"} | after
        await self.house.status(tried.delivery, word, **fields)  # type: ignore[arg-type]
        tried.told.add(word)
        self.model.came_down(before, tried)

    async def do_resolve(self, word: str, action: str, which: int) -> None:
        if not self.model.tried:
            return
        tried, unknown = self.model.tried[-1], self.model.state == "unknown"
        (why,) = await self.house.store.resolve(
            [tried.delivery.id],
            word,
            at=self.house.at(),
            by="anna",  # type: ignore[arg-type]
        )
        assert (why == "") is unknown
        if unknown:
            self.model.rests = "queued"
            tried.given_up = word == "resend"
            tried.person = word if word != "resend" else ""

    async def do_retry(self, word: str, action: str, which: int) -> None:
        if not self.model.tried:
            return
        failed = self.model.state == "failed"
        sure = all(tried.is_now == "failed" for tried in self.model.tried)
        id = self.model.tried[-1].delivery.id
        (why,) = await self.house.store.retry([id], at=self.house.at(), by="anna")
        assert (why == "") is (failed and sure)
        if why == "":
            self.model.rests = "queued"

    async def do_recover(self, word: str, action: str, which: int) -> None:
        found = await self.house.store.recover(at=self.house.at())
        assert found.unknown == self.model.in_the_air
        if self.model.in_the_air:
            tried = self.model.tried[-1]
            tried.answer = "unknown"
            self.model.came_down("sending", tried)


@given(ops=OPS)
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_is_heard(engine: Sqlite, ops: list[tuple[str, str, int]]) -> None:
    """After each step the delivery is what its attempts say, and begins only when none of them
    can have arrived."""
    engine.remove()
    async with engine.open(unreachable_after=1000) as store:
        play = Play(House(store))
        await play.begin()
        for op in ops:
            await play.do(*op)
    engine.check()
