"""Before a message starts: whom it reaches, how long it takes by its limits, and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from gateway.clock import SystemClock
from gateway.message import Content, Delivery, Message, Permissions, Template
from gateway.month import this_month
from gateway.pipeline import Pipeline
from gateway.plans import Places, Plan, Price
from gateway.plugin import Output
from gateway.pricing import Cost, Rates, bill, prefixed
from gateway.store.planning import Group, OwnCap
from gateway.store.protocol import Store, moment
from gateway.verdicts import Closed, Limit, Quota, Rate

MARGIN = 120_000_000
"""Microseconds a window must still be open for free text (delivery.py)."""

ONE, OTHER = -1, -2
"""Two people who are not there; what differs between their limits is each person's own."""

MINUTE = timedelta(minutes=1)
STEPS = 100
"""Looks at whether it is closed, in the time that a message takes."""
MOST_STEPS = 1_000
"""The same, if it is closed again and again."""
LONGEST = timedelta(days=3650)
"""A plan looks no farther ahead."""

_NO_TEMPLATE = Template(name="", language="", body="", parameters={})


class Planning:
    """Makes plans.  Nothing is stored, taken or counted."""

    def __init__(
        self,
        store: Store,
        pipeline: Pipeline,
        outputs: Mapping[str, Output],
        clock: SystemClock,
        zone: str,
        home: str,
        cost: Cost,
        rates: Rates | None,
    ) -> None:
        """`zone`: whose months count; `home`: the company's country, for prices of those whose own
        is not known."""
        self._store = store
        self._pipeline = pipeline
        self._outputs = outputs
        self._clock = clock
        self._zone = zone
        self._home = home
        self._cost = cost
        self._rates = rates

    async def of(self, message: Message) -> Plan:
        """Return what a message would do now, if it passed its checks as it is.

        Without `forms` it is taken for one that goes by template.  Raises StoreError.
        """
        now, at = self._clock.now(), self._clock.micros()
        output = self._outputs[message.sender or ""]
        one, other = (_limits(self._pipeline, message, contact) for contact in (ONE, OTHER))
        quotas = _places(one, other)
        groups = await self._store.audience(
            message,
            at=at,
            windows=output.windows,
            margin=MARGIN,
            kinds=output.identity_kinds,
            quotas=[quota.key for quota in quotas],
            caps=_own_caps(one),
        )
        reached = [_in_form(message, output, group) for group in groups]
        left_out: dict[str, int] = {}
        for group in reached:
            if group.left_out:
                left_out[group.left_out] = left_out.get(group.left_out, 0) + group.n
        going = [group for group in reached if not group.left_out]
        people = sum(group.n for group in going)
        free = [group for group in going if _by_text(message, output, group)]
        places = tuple([await self._standing(quota, going, free, at) for quota in quotas])
        shared = {limit.key for limit in other if isinstance(limit, Rate)}
        rates = [limit for limit in one if isinstance(limit, Rate) and limit.key in shared]
        per_second = min((rate.per_second for rate in rates), default=None)
        closed = _closed(one)
        begins = max(now, closed.until) if closed is not None else now
        ends, waits = _ends(
            message, people, per_second, places, begins, one,
            lambda when: _closed(_limits(self._pipeline, message, ONE, when)),
        )  # fmt: skip
        return Plan(
            at=now,
            reached=people,
            left_out=left_out,
            by_text=sum(group.n for group in free),
            places=places,
            per_second=per_second,
            begins=begins,
            closed=closed.reason if closed is not None else "",
            seconds=(ends - begins) / timedelta(seconds=1),
            waits=waits,
            expires_at=message.expires_at,
            price=await self._price(message, going, free, at),
        )

    async def _standing(
        self, quota: Quota, going: Sequence[Group], free: Sequence[Group], at: int
    ) -> Places:
        leaving = await self._store.standing(quota.key, at=at)
        needed = sum(
            group.n for group in going if group not in free and quota.key not in group.counted
        )
        room = max(0, quota.n - len(leaving))
        last_at: int | None = at
        if needed > room and not quota.n:
            last_at = None
        elif needed > room:
            # Who has no place now follows those who leave; whoever goes now leaves a window later.
            rounds, index = divmod(needed - room - 1, quota.n)
            behind = max(0, len(leaving) - quota.n) + index
            leaves = leaving[behind] if behind < len(leaving) else at + int(quota.window * 1e6)
            last_at = leaves + rounds * int(quota.window * 1e6)
        return Places(
            key=quota.key,
            said=quota.said,
            n=quota.n,
            used=len(leaving),
            needed=needed,
            today=min(needed, room) + sum(g.n for g in going) - needed,
            last_at=None if last_at is None else moment(last_at),
        )

    # --- prices ---------------------------------------------------------------------------------
    async def _price(
        self, message: Message, going: Sequence[Group], free: Sequence[Group], at: int
    ) -> Price | None:
        rates = self._rates
        if rates is None:
            return None
        parts = [
            ("service" if group in free else message.kind, prefixed(group.prefix), group.n)
            for group in going
        ]
        own = bill(rates, parts)
        spent, promised = 0.0, 0.0
        if self._cost.per_month is not None:
            month = await this_month(
                self._store, rates, self._zone, self._home, at=at, besides=message.id
            )
            spent, promised = month.spent.amount, month.promised.amount
        return Price(
            amount=own.amount,
            currency=rates.currency,
            rates_of=rates.date,
            billed=sum(n for kind, identity, n in parts if rates.price(kind, identity)),
            unpriced=own.unpriced,
            spent=spent,
            promised=promised,
            budget=self._cost.per_month,
        )


def shared_places(pipeline: Pipeline, message: Message) -> list[Quota]:
    """Return the limits on how many different people a message's sender may write to."""
    return _places(*(_limits(pipeline, message, contact) for contact in (ONE, OTHER)))


def _limits(
    pipeline: Pipeline, message: Message, contact: int, when: datetime | None = None
) -> list[Limit]:
    """The limits of a delivery by template, outside windows, to somebody who is not there; `when` it
    goes, None: now."""
    content: Content = next(
        (form for form in message.forms if form.form == "template"),
        message.forms[0] if message.forms else _NO_TEMPLATE,
    )
    sample = Delivery(
        id=0, message=message, contact=contact, sender=message.sender or "", attempt=1,
        content=content, permissions=Permissions(consent=1), when=when,
    )  # fmt: skip
    limits = pipeline.limits(sample)
    return limits if isinstance(limits, list) else []


def _places(one: Sequence[Limit], other: Sequence[Limit]) -> list[Quota]:
    """Quotas that all people share, each person once."""
    keys = {limit.key for limit in other if isinstance(limit, Quota)}
    shared = [
        limit
        for limit in one
        if isinstance(limit, Quota) and limit.distinct is not None and limit.key in keys
    ]
    return list({limit.key: limit for limit in shared}.values())


def _own_caps(limits: Sequence[Limit]) -> list[OwnCap]:
    """Quotas that each person has alone: the contact stands in the key."""
    found = []
    for limit in limits:
        if isinstance(limit, Quota) and limit.distinct is None and not limit.once:
            prefix, own, suffix = limit.key.partition(f":{ONE}")
            if own:
                found.append(OwnCap(f"{prefix}:", suffix, limit.n, limit.window))
    return found


def _by_text(message: Message, output: Output, group: Group) -> bool:
    """Whether they get free text, which takes no place outside windows."""
    return (group.open or not output.windows) and message.form("text") is not None


def _in_form(message: Message, output: Output, group: Group) -> Group:
    """The same people; left out if there is no form that may go to them."""
    if group.left_out or not message.forms or _by_text(message, output, group):
        return group
    if output.windows and message.form("template") is not None:
        return group
    return Group("no_form", group.open, group.counted, group.prefix, group.n)


def _closed(limits: Sequence[Limit]) -> Closed | None:
    """What keeps all of it from going, the longest."""
    closed = (limit for limit in limits if isinstance(limit, Closed))
    return max(closed, key=lambda limit: limit.until, default=None)


def _ends(
    message: Message,
    people: int,
    per_second: float | None,
    places: Sequence[Places],
    begins: datetime,
    limits: Sequence[Limit],
    closed: Callable[[datetime], Closed | None],
) -> tuple[datetime, str]:
    """When the last one goes, if nothing else is sent, and what it waits for in between.

    `closed` tells what keeps it from going at a time.
    """
    starts = begins
    for limit in limits:  # a first batch, and the look at what it did
        if isinstance(limit, Quota) and limit.once and people > limit.n:
            starts += timedelta(seconds=limit.window)
    sending = _span(people / per_second if per_second else 0.0)
    spread = _span(message.spread)
    found, why = _last(people, sending, spread, starts, closed)
    for place in places:
        if place.last_at is not None and place.last_at > found:
            found = place.last_at
            shut = closed(found)
            if shut is not None and shut.until > found:
                found, why = shut.until, shut.reason
    return found, why


def _span(seconds: float) -> timedelta:
    return timedelta(seconds=min(seconds, LONGEST.total_seconds()))


def _last(
    people: int,
    sending: timedelta,
    spread: timedelta,
    starts: datetime,
    closed: Callable[[datetime], Closed | None],
) -> tuple[datetime, str]:
    """When the last of them goes by rate (`sending`: what all of them take) and spread; what came due
    while it was closed follows at the full rate."""
    takes = max(sending, spread)
    step = max(takes / STEPS, MINUTE)
    at, gone, why = starts, 0.0, ""
    for _ in range(MOST_STEPS):
        if gone >= people:
            break
        shut = closed(at)
        if shut is not None and shut.until > at:
            at, why = shut.until, shut.reason
            continue
        due = people * min(1.0, (at + step - starts) / spread) if spread else people
        able = people * (step / sending) if sending else people
        if gone + able >= people == due:
            at = max(at + (people - gone) / people * sending, min(at + step, starts + spread))
        else:
            at += step
        gone = min(due, gone + able)
    return (at, why) if why else (starts + takes, "")
