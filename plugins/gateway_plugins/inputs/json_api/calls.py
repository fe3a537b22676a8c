"""What becomes of a call: messages, withdrawals, people, and what is known of one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from gateway.api import ConsentEvent, Contact, Context, Identity, Message, Person, Wording

from .requests import (
    CallError,
    NewMessage,
    NewPeople,
    NewPerson,
    Who,
    Withdrawing,
    identity,
    known_topic,
    sensible,
)
from .settings import ApiConfig

PROOF = ("topic", "confirmed_at", "source", "wording")
"""What proves a consent, all of them; a claim is not a proof (BGH, 10 Feb 2011, I ZR 164/09)."""

Json = dict[str, Any]


class Calls:
    """Does what clients ask for; nothing is half done."""

    def __init__(self, context: Context, config: ApiConfig) -> None:
        self._context = context
        self._config = config
        self._topics: Collection[str] = config.topics or context.topics.keys()

    async def message(self, call: NewMessage, client: str) -> tuple[int, Json]:
        """Accept a message: 201 if it is new, 200 if its external id was accepted before."""
        if call.kind not in self._config.kinds:
            raise CallError(f"kind: you may hand in {', '.join(self._config.kinds)}", 403)
        if bool(call.topic) == (call.to is not None):
            raise CallError("topic: give either topic, for its subscribers, or to, for one person")
        if call.kind == "marketing" and not call.topic:
            raise CallError("topic: marketing goes to the subscribers of a topic")
        if call.kind == "utility" and not call.basis:
            raise CallError("basis: is missing; a utility message names what it rests on")
        if not (call.title or call.text):
            raise CallError("text: is missing, and so is title: nothing to send")
        for key in ("link", "image"):
            if not _web(getattr(call, key)):
                raise CallError(f"{key}: is no address of a page; it begins with https://")
        sensible(call.expires_at, "expires_at")
        if call.expires_at is not None and call.expires_at <= self._now():
            raise CallError("expires_at: lies in the past")
        contact = None
        if call.to is not None:
            contact = await self._context.find(identity(call.to, self._context, "to."))
            if contact is None:
                raise CallError("to: nobody here is known by this number or id", 404)
        made = Message(
            external_id=f"{client}:{call.external_id}",
            kind=call.kind,
            topic=known_topic(call.topic, self._topics) if call.topic else None,
            to=contact,
            title=call.title,
            text=call.text,
            link=call.link,
            image=call.image or None,
            language=call.language or None,
            basis=call.basis or None,
            sender=call.sender or None,
            expires_at=call.expires_at,
        )
        (id,) = await self._context.accept([made])
        answer: Json = {"external_id": call.external_id, "new": id is not None}
        return (201, answer | {"id": str(id)}) if id is not None else (200, answer)

    async def withdrawal(self, call: Withdrawing, client: str) -> tuple[int, Json]:
        """Withdraw: in force when it is answered, also for a person who is not known yet."""
        who = identity(Who(phone=call.phone, user_id=call.user_id), self._context)
        topic = known_topic(call.topic, self._context.topics) if call.topic else None
        evidence = {**call.evidence, "client": client}
        contact = await self._context.find(who)
        if contact is not None:
            await self._context.withdraw(contact, topic=topic, evidence=evidence)
        else:
            event = ConsentEvent(
                name="withdrawn", at=self._now(), topic=topic, source=f"api {client}",
                evidence=evidence,
            )  # fmt: skip
            await self._context.accept(people=[Person(identities=(who,), events=(event,))])
        return 200, {"withdrawn": True, "known": contact is not None}

    async def people(self, call: NewPeople, client: str) -> tuple[int, Json]:
        """Take people, all or none, with a verdict on each: `consent`, `no_consent` or `kept`."""
        ready, verdicts = [], []
        for at, one in enumerate(call.people):
            person, verdict = await self._person(one, client, f"people[{at}].")
            ready.append(person)
            verdicts.append(verdict)
        await self._context.accept(people=ready)
        return 200, {"people": verdicts}

    async def _person(self, one: NewPerson, client: str, where: str) -> tuple[Person, Json]:
        who = identity(Who(phone=one.phone, user_id=one.user_id), self._context, where)
        person = Person(identities=(who,), language=one.language or None, name=one.name)
        if one.topic:
            known_topic(one.topic, self._topics, where)
        sensible(one.confirmed_at, f"{where}confirmed_at")
        if one.confirmed_at is not None and one.confirmed_at > self._now():
            raise CallError(f"{where}confirmed_at: lies in the future")
        missing = [key for key in PROOF if not getattr(one, key)]
        if missing or one.confirmed_at is None:
            reason = f"no proof: {', '.join(missing)} missing"
            return person, {"verdict": "no_consent", "reason": reason}
        if kept := _against(await self._known(who), one.topic):
            return person, {"verdict": "kept", "reason": kept}
        event = ConsentEvent(
            name="imported",
            at=one.confirmed_at,
            topic=one.topic,
            source=one.source,
            wording=Wording(
                text=one.wording,
                language=one.language or self._context.company.language,
                version=one.version,
                purpose=self._context.topics[one.topic].purpose,
            ),
            evidence={**one.evidence, "client": client},
        )
        return person.replace(events=(event,)), {"verdict": "consent", "reason": ""}

    async def query(self, call: Who, client: str) -> tuple[int, Json]:
        """Tell what a person agreed to."""
        contact = await self._known(identity(call, self._context))
        if contact is None:
            return 200, {"known": False}
        until = contact.paused_until
        return 200, {
            "known": True,
            "language": contact.language,
            "paused_until": until.isoformat() if until else None,
            "per_week": contact.per_week,
            "consents": [
                {"topic": one.topic, "state": one.state, "since": one.since.isoformat()}
                for one in contact.consents
            ],
        }

    async def _known(self, who: Identity) -> Contact | None:
        found = await self._context.find(who)
        return await self._context.contact(found) if found is not None else None

    def _now(self) -> datetime:
        return self._context.clock.now()


def _against(contact: Contact | None, topic: str) -> str:
    """Return why what is known here wins over an import, "" if it does not."""
    found = (contact.standing(topic), contact.standing("*")) if contact else ()
    states = {one.state for one in found if one}
    if states & {"withdrawn", "refused"}:
        return "this person withdrew; only the person's own new sign-up lifts that"
    return "consent is known already" if "confirmed" in states else ""


def _web(url: str) -> bool:
    if not url:
        return True
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False
