"""The engine's verbs about people, and the two that take them in: accept and noticed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from gateway.inbound import (
    Act,
    Case,
    Close,
    Contact,
    Intake,
    Person,
    Preference,
    Received,
    SignUp,
)
from gateway.message import Identity, Message
from gateway.store.people import NO_TERMS, Difference, Taken, Terms
from gateway.store.sqlite import (
    accepting,
    asking,
    cases,
    consents,
    incoming,
    knowing,
    noticing,
    people,
    people_reports,
)
from gateway.store.sqlite.connection import SqliteTransaction
from gateway.store.sqlite.identities import current
from gateway.store.sqlite.plumbing import Plumbing
from gateway.store.writer import Lane

ANSWERS = "answers of people"
"""Stands as the input of what somebody of the company wrote."""

_cases = cases
_people = people


class PeopleVerbs(Plumbing):
    """Implements gateway.store.people.PeopleStore."""

    async def accept(
        self,
        input: str,
        messages: Sequence[Message],
        *,
        at: int,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Person] = (),
        sign_ups: Sequence[SignUp] = (),
        cases: Sequence[Case] = (),
        closes: Sequence[Close] = (),
        preferences: Sequence[Preference] = (),
    ) -> list[int | None]:
        def job(tx: SqliteTransaction) -> list[int | None]:
            for person in people:
                _people.take_person(tx, person, at)
            for sign_up in sign_ups:
                knowing.put_sign_up(tx, sign_up)
            _follow(tx, input, cases, closes, preferences, at)
            if state:
                accepting.put_state(tx, input, state)
            return accepting.accept_messages(tx, input, messages, at)

        return await self._write(Lane.ACCEPT, job, "messages")

    async def noticed(
        self,
        observer: str,
        position: int,
        messages: Sequence[Message],
        *,
        at: int,
        cases: Sequence[Case] = (),
        closes: Sequence[Close] = (),
        preferences: Sequence[Preference] = (),
        dead: Sequence[tuple[int, str]] = (),
        again: bool = False,
    ) -> None:
        def job(tx: SqliteTransaction) -> None:
            _follow(tx, observer, cases, closes, preferences, at)
            noticing.noticed(tx, observer, position, messages, at, dead, again)

        await self._write(Lane.ACCEPT, job, "messages")

    # --- what people do -------------------------------------------------------------------------
    async def intake(
        self, intake: Intake, acts: Mapping[str, Act], *, at: int, terms: Terms = NO_TERMS
    ) -> Taken:
        # A withdrawal is as urgent as a send: it has to overtake what has not begun.
        urgent = any(act.kind == "stop" for act in acts.values())
        return await self._write(
            Lane.SEND if urgent else Lane.WEBHOOK,
            lambda tx: incoming.intake(tx, intake, acts, terms, at),
            "deliveries",
        )

    async def withdraw(
        self,
        contacts: Sequence[int],
        *,
        source: str,
        at: int,
        topic: str | None = None,
        evidence: Mapping[str, str] | None = None,
    ) -> Taken:
        def job(tx: SqliteTransaction) -> Taken:
            whom = tuple(current(tx, contact) for contact in contacts)
            done = [
                people.withdraw(tx, contact, source, at, topic=topic, evidence=dict(evidence or {}))
                for contact in whom
            ]
            return Taken(
                withdrawn=whom,
                sending=incoming.in_the_air(tx, whom),
                dropped=sum(one.dropped for one in done),
            )

        return await self._write(Lane.SEND, job, "deliveries")

    async def sending(self, contacts: Sequence[int]) -> list[int]:
        return await self._read(
            lambda tx: [c for c in contacts if tx.one(incoming.IN_THE_AIR, (c,))]
        )

    async def expire_requests(self, *, asked_before: int, at: int, limit: int) -> int:
        return await self._write(Lane.ACCEPT, lambda tx: asking.expire(tx, asked_before, at, limit))

    async def rebuild_consents(
        self, *, after: int = 0, limit: int = 100
    ) -> tuple[int | None, list[Difference]]:
        following, found = await self._write(
            Lane.BULK, lambda tx: consents.rebuild(tx, after, limit)
        )
        return following, [
            Difference(contact=contact, topic=topic, kept=change.before, derived=change.after)
            for contact, topic, change in found
        ]

    # --- what is known --------------------------------------------------------------------------
    async def find(self, identity: Identity) -> int | None:
        return await self._read(lambda tx: people.find(tx, [identity]))

    async def contact(self, contact: int) -> Contact | None:
        return await self._read(lambda tx: knowing.contact(tx, contact))

    async def received(self, inbound: int) -> Received | None:
        return await self._read(lambda tx: knowing.received(tx, inbound))

    async def case(self, case: int) -> Case | None:
        return await self._read(lambda tx: cases.one_case(tx, case))

    async def answer(self, case: int, message: Message, *, by: str, at: int) -> bool:
        def job(tx: SqliteTransaction) -> bool:
            if not cases.close_case(tx, Close(case=case, by=by, answer=message.text), at):
                return False
            accepting.accept_messages(tx, ANSWERS, [message], at)
            return True

        return await self._write(Lane.SEND, job, "messages")

    async def cases(
        self,
        *,
        contact: int | None = None,
        kind: str = "",
        closed: bool = False,
        limit: int = 100,
    ) -> list[Case]:
        return await self._read(
            lambda tx: _cases.list_cases(tx, contact=contact, kind=kind, closed=closed, limit=limit)
        )

    async def people_report(self, name: str, **parameters: Any) -> Any:
        return await self._read(partial(people_reports.REPORTS[name], **parameters))


def _follow(
    tx: SqliteTransaction,
    source: str,
    cases: Sequence[Case],
    closes: Sequence[Close],
    preferences: Sequence[Preference],
    at: int,
) -> None:
    """Take what an input or observer hands in beside messages."""
    for case in cases:
        _cases.open_case(tx, source, case, at)
    for close in closes:
        _cases.close_case(tx, close, at)
    for preference in preferences:
        knowing.prefer(tx, preference, at)
