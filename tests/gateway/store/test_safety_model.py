"""Stops, pauses, templates, senders, STOPs, crashes and restores in any order: the store against
what must never happen, and at the end against what must not be lost.

The model knows less than the store: who may not be written to, and why.  Whenever the store lets a
delivery begin, the model has to agree.
"""

from __future__ import annotations

import shutil
from contextlib import AsyncExitStack
from typing import Any, NamedTuple

import apsw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.message import Basis, Delivery, Template
from gateway.stopping import MARKETING, REPLACED, RESTORED, Stop, sender_scope
from gateway.store.causes import TEMPLATE_PAUSED
from gateway.store.copying import copy
from tests.gateway.store.conftest import Sqlite
from tests.gateway.store.house import House

PEOPLE = 3
SENDERS = ("wa", "wb")
TEMPLATES = ("one", "two")
SCOPES = ("all", "sender:wa", "marketing:wb", MARKETING)
CODES = ("person", "payment", "deaf")
ABOUT_ITSELF = "parameter"
"""Code by which a message pauses itself and holds the delivery that met it."""

Pair = tuple[int, int]


class Kept(NamedTuple):
    """What the model knew when the backup was made."""

    stops: frozenset[tuple[str, str]]
    paused: dict[int, str]
    agreed: frozenset[int]


class Model:
    """What is forbidden, by all that was said and done."""

    def __init__(self) -> None:
        self.stops: set[tuple[str, str]] = set()
        self.paused: dict[int, str] = {}  # message → cause; "": a person's
        self.agreed: set[int] = set()
        self.maybe: dict[Pair, set[int]] = {}  # attempts that may have reached somebody
        self.kept: Kept | None = None
        self.left_since: set[int] = set()

    def forbids(self, delivery: Delivery) -> str:
        """Return why a delivery must not begin; "" if nothing is known."""
        pair = (delivery.message.id, delivery.contact)
        for scope, code in self.stops:
            if Stop(scope, code, "", 0).concerns(delivery.sender):
                return f"{scope} is stopped by {code}"
        if delivery.message.id in self.paused:
            return "the message is paused"
        if delivery.contact not in self.agreed:
            return "the person withdrew"
        if self.maybe.get(pair):
            return "an attempt may have arrived"
        return ""

    def keep(self) -> None:
        self.kept = Kept(frozenset(self.stops), dict(self.paused), frozenset(self.agreed))
        self.left_since = set()

    def restore(self) -> None:
        assert self.kept is not None
        self.stops = {*self.kept.stops, (MARKETING, RESTORED)}
        self.paused = dict(self.kept.paused)
        self.agreed = set(self.kept.agreed - self.left_since)
        # What statuses said since is lost; what was begun since is not.
        self.maybe = {pair: {n for n in some if n > 0} for pair, some in self.maybe.items()}


class Play:
    """Does to the store what is done to the model, and asks both."""

    def __init__(self, engine: Sqlite) -> None:
        self.engine = engine
        self.model = Model()
        self.copy = engine.path.with_name("kept.db")
        self.stack = AsyncExitStack()
        self.now = 0
        self.hands: list[Delivery] = []  # leased, as somebody holds them in memory
        self.air: list[Delivery] = []
        self.tried: list[Delivery] = []

    async def open(self) -> None:
        store = await self.stack.enter_async_context(self.engine.open(unreachable_after=10**6))
        self.house = House(store)
        self.house.now = max(self.house.now, self.now)
        self.store = store

    async def close(self) -> None:
        self.now = self.house.now
        self.hands, self.air = [], []
        await self.stack.aclose()

    async def begin(self) -> None:
        self.copy.unlink(missing_ok=True)
        await self.open()
        self.people = await self.house.confirmed(PEOPLE)
        self.model.agreed = set(self.people)
        self.messages = []
        for name in TEMPLATES:
            form = Template(name=name, language="de", body="{{t}}", parameters={"t": "x"})
            message = await self.house.started(forms=(form,))
            self.messages.append(message)

    # --- delivery -------------------------------------------------------------------------------
    async def do_lease(self, a: int, b: int) -> None:
        for found in await self.house.lease(sender=SENDERS[a % 2], limit=1 + b):
            basis = Basis(kind="consent", event=found.permissions.consent)
            self.hands.append(found.replace(basis=basis))

    async def do_begin(self, a: int, b: int) -> None:
        if not self.hands:
            return
        delivery = self.hands.pop(a % len(self.hands))
        why_not = self.model.forbids(delivery)
        refusal = await self.house.begin(delivery)
        if refusal is None:
            assert why_not == "", why_not
            self.air.append(delivery)
            self.tried.append(delivery)
            pair = (delivery.message.id, delivery.contact)
            self.model.maybe.setdefault(pair, set()).add(delivery.attempt)

    async def do_give_back(self, a: int, b: int) -> None:
        if self.hands:
            to = ("queued", "held")[b % 2]
            await self.house.give_back(self.hands.pop(a % len(self.hands)), to, code="approval")

    def cannot_have_arrived(self, delivery: Delivery) -> None:
        pair = (delivery.message.id, delivery.contact)
        self.model.maybe.get(pair, set()).discard(delivery.attempt)

    async def do_settle(self, a: int, b: int) -> None:
        if not self.air:
            return
        delivery = self.air.pop(a % len(self.air))
        how = ("accepted", "unknown", "retry", "hold", "template", "fail")[b % 6]
        if how in ("accepted", "unknown"):
            await self.house.settle(delivery, how, provider_id=f"w{delivery.callback}")
            return
        self.cannot_have_arrived(delivery)
        again = {"retry_at": self.house.now} if how in ("retry", "template") else {}
        await self.house.settle(
            delivery, "failed", action=how, hold=how == "hold", code=ABOUT_ITSELF,
            provider_id=None, **again,
        )  # fmt: skip
        if how == "hold" and await self.store.pause_message(
            delivery.message.id, ABOUT_ITSELF, "why", at=self.house.at()
        ):
            assert delivery.message.id not in self.model.paused
            self.model.paused[delivery.message.id] = ABOUT_ITSELF

    async def do_status(self, a: int, b: int) -> None:
        if not self.tried:
            return
        delivery = self.tried[a % len(self.tried)]
        word = ("sent", "delivered", "failed", "failed")[b % 4]
        fields: dict[str, Any] = {}
        if word == "failed":
            fields = {"action": ("retry", "fail")[b // 4 % 2], "code": "x"}
            fields |= {"retry_after": 0.0} if fields["action"] == "retry" else {}
        told = {"provider_id": f"w{delivery.callback}", "said_at": self.house.now}
        await self.house.status(delivery, word, **(told | fields))  # type: ignore[arg-type]
        pair = (delivery.message.id, delivery.contact)
        if word == "delivered":
            self.model.maybe.setdefault(pair, set()).add(-delivery.attempt)  # for good
        elif word == "failed":
            self.cannot_have_arrived(delivery)

    async def do_resolve(self, a: int, b: int) -> None:
        how = ("sent", "not_sent", "resend")[b % 3]
        for delivery in self.tried:
            row = await self.house.row(delivery.message, delivery.contact)
            if row is None or row["state"] != "unknown":
                continue
            (why,) = await self.store.resolve(
                [delivery.id], how, at=self.house.at(), by="anna"  # type: ignore[arg-type]
            )  # fmt: skip
            if why == "" and how != "sent":
                pair = (delivery.message.id, delivery.contact)
                self.model.maybe[pair] = {n for n in self.model.maybe[pair] if n < 0}

    async def do_retry(self, a: int, b: int) -> None:
        for delivery in self.tried:
            await self.store.retry([delivery.id], at=self.house.at(), by="anna")

    # --- people ---------------------------------------------------------------------------------
    async def do_leave(self, a: int, b: int) -> None:
        self.house.later()
        n = a % PEOPLE
        await self.house.says(n + 1, "STOP", stop=True)
        self.model.agreed.discard(self.people[n])
        self.model.left_since.add(self.people[n])
        self.house.later()

    async def do_come_back(self, a: int, b: int) -> None:
        self.house.later()
        n = a % PEOPLE
        await self.house.tell(n + 1, "confirmed")
        if await self.house.consent_of(self.people[n]) == "confirmed":
            self.model.agreed.add(self.people[n])
        self.house.later()

    # --- what stops and pauses ------------------------------------------------------------------
    async def do_stop(self, a: int, b: int) -> None:
        scope, code = SCOPES[a % len(SCOPES)], CODES[b % len(CODES)]
        await self.store.stop(scope, "why", at=self.house.at(), code=code)
        self.model.stops.add((scope, code))

    async def do_go_on(self, a: int, b: int) -> None:
        scope = SCOPES[a % len(SCOPES)]
        code = (*CODES, None)[b % (len(CODES) + 1)]
        await self.store.resume(scope, at=self.house.at(), code=code)
        self.model.stops = {
            one for one in self.model.stops if one[0] != scope or code not in (None, one[1])
        }

    async def do_pause(self, a: int, b: int) -> None:
        message = self.messages[a % 2].id
        why = await self.store.set_message(message, "pause", at=self.house.at())
        taken = self.model.paused.get(message, TEMPLATE_PAUSED) == TEMPLATE_PAUSED
        assert (why is None) is taken
        if taken:
            self.model.paused[message] = ""

    async def do_resume(self, a: int, b: int) -> None:
        message = self.messages[a % 2].id
        why = await self.store.set_message(message, "resume", at=self.house.at())
        assert (why is None) is (message in self.model.paused)
        self.model.paused.pop(message, None)

    async def do_template(self, a: int, b: int) -> None:
        at = self.house.at()
        about = (SENDERS[b % 2], TEMPLATES[a % 2], "de")
        message = self.messages[a % 2].id
        if b // 2 % 2:
            await self.store.resume_template(*about, at=at, limit=9)
        else:
            await self.store.pause_template(*about, TEMPLATE_PAUSED, "why", at=at, limit=9)
        row = await self.store.report("message", id=message)
        paused = self.model.paused.get(message)
        if paused not in (None, TEMPLATE_PAUSED):
            assert row["paused"]
            assert row["pause_code"] == paused, "another cause has come in its place"
        elif row["paused"]:
            self.model.paused[message] = TEMPLATE_PAUSED
        else:
            self.model.paused.pop(message, None)

    async def do_sweep(self, a: int, b: int) -> None:
        for message in await self.store.to_sweep(at=self.house.at(), limit=1 + a % 2):
            await self.store.sweep(message, at=self.house.at(), limit=1 + b)

    async def do_replace(self, a: int, b: int) -> None:
        old, new = SENDERS[a % 2], SENDERS[1 - a % 2]
        if (sender_scope(new), REPLACED) in self.model.stops:
            return
        await self.store.stop(sender_scope(old), "gone", at=self.house.at(), code=REPLACED)
        self.model.stops.add((sender_scope(old), REPLACED))
        await self._replace(old, new, steps=1 + b)

    async def _replace(self, old: str, new: str, steps: int = 10**6) -> None:
        position: tuple[int, int] | None = (0, 0)
        while position is not None and steps:
            moved = await self.store.replace_sender(
                old, new, position, same_portfolio=True, at=self.house.at(), limit=2, really=True
            )
            position, steps = moved.position, steps - 1

    # --- what ends it ---------------------------------------------------------------------------
    async def do_crash(self, a: int, b: int) -> None:
        await self.close()
        await self.open()
        await self.store.recover(at=self.house.at())

    async def do_back_up(self, a: int, b: int) -> None:
        connection = apsw.Connection(str(self.engine.path))
        copy(connection, self.copy, pause=0.0, check=False)
        connection.close()
        self.model.keep()

    async def do_restore(self, a: int, b: int) -> None:
        if self.model.kept is None:
            return
        await self.close()
        for suffix in ("", "-wal", "-shm"):
            path = self.engine.path
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copy(self.copy, self.engine.path)
        connection = apsw.Connection(str(self.engine.path))
        connection.execute("INSERT INTO marks VALUES ('restored', 1)")  # as `gateway restore` does
        connection.close()
        self.model.restore()
        await self.open()
        await self.store.recover(at=self.house.at())

    async def end(self) -> None:
        """Lift everything: what is left goes, to whom agreed, and nothing is stuck."""
        for delivery in self.air:
            await self.house.settle(delivery, provider_id=f"w{delivery.callback}")
        for delivery in self.hands:
            await self.house.give_back(delivery)
        self.hands, self.air = [], []
        lost = {scope for scope, code in self.model.stops if code == REPLACED}
        for old, new in (SENDERS, SENDERS[::-1]):
            if sender_scope(old) in lost and sender_scope(new) not in lost:
                await self._replace(old, new)
        for stop in await self.store.stops():
            await self.store.resume(stop.scope, at=self.house.at())
        self.model.stops = set()
        for message in self.messages:
            await self.store.set_message(message.id, "resume", at=self.house.at())
            await self.house.sweep()
            await self.store.set_message(message.id, "approve", at=self.house.at())
            await self.house.sweep()
        self.model.paused = {}
        while True:
            for sender in range(2):
                await self.do_lease(sender, 9)
            if not self.hands:
                break
            while self.hands:
                await self.do_begin(0, 0)
            while self.air:
                await self.do_settle(0, 0)
        stuck = [key for key, n in (await self.store.depths()).items() if n and key[2] in OPEN]
        assert not stuck
        await self.close()


OPEN = ("queued", "leased", "sending", "held", "paused")
WEIGHTS = {
    "lease": 6, "begin": 8, "settle": 6, "status": 3, "give_back": 1, "resolve": 2, "retry": 1,
    "leave": 2, "come_back": 1, "stop": 2, "go_on": 2, "pause": 1, "resume": 2, "template": 2,
    "sweep": 3, "replace": 2, "crash": 1, "back_up": 3, "restore": 2,
}  # fmt: skip
OPS = st.lists(
    st.tuples(
        st.sampled_from([name for name, weight in WEIGHTS.items() for _ in range(weight)]),
        st.integers(0, 7),
        st.integers(0, 7),
    ),
    min_size=15,
    max_size=60,
)


@given(ops=OPS)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_whatever_happens(engine: Sqlite, ops: list[tuple[str, int, int]]) -> None:
    """Nothing begins that is stopped, paused, withdrawn from or may have arrived; nothing is lost."""
    engine.remove()
    play = Play(engine)
    await play.begin()
    try:
        for name, a, b in ops:
            await getattr(play, f"do_{name}")(a, b)
        await play.end()
    finally:
        await play.stack.aclose()
    engine.check()
