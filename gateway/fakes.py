"""Stand-ins for what the context gives a plugin, whose parts a test looks into and moves.

Plugin authors import them from `gateway.testing`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal

from gateway.answering import answer_to
from gateway.consent import StopWords
from gateway.context import prepared
from gateway.errors import CodeTaken, MailError
from gateway.fake_services import FakeClock, FakeHttp, FakeState, Mailed
from gateway.given import Answered, Health, MessageView, Preview, Said, SenderFacts
from gateway.inbound import (
    Case,
    Close,
    Contact,
    Effect,
    Intake,
    Person,
    Preference,
    Received,
    SignUp,
)
from gateway.links import SignedLinks
from gateway.message import Identity, Message, Topic
from gateway.plans import Plan
from gateway.sections import Company
from gateway.series import PluginMetrics
from gateway.texts import TextFiles

TOPIC = Topic(name="blog", title="Neue Beiträge", purpose="Hinweise auf neue Blogbeiträge")


class FakeContext:
    """A gateway.api.Context whose parts the test looks into and moves."""

    def __init__(
        self, label: str = "test", topics: Sequence[Topic] = (), stop_words: Sequence[str] = ()
    ) -> None:
        self.label = label
        self.http = FakeHttp()
        self.state = FakeState()
        self.clock = FakeClock()
        self.log = logging.LoggerAdapter(logging.getLogger(f"gateway.plugin.{label}"), {})
        self.metrics = PluginMetrics(label)
        self.topics = {topic.name: topic for topic in topics or (TOPIC,)}
        self.stop_words = StopWords(stop_words).words
        self.texts = TextFiles()
        self.links = SignedLinks(b"of this test")
        self.company = Company(
            name="Beispiel GmbH",
            imprint="https://blog.example/impressum",
            privacy="https://blog.example/datenschutz",
            mail="redaktion@blog.example",
        )
        self.public_url = "https://wa.blog.example"
        self.people: dict[str, Identity] = {}
        self.addresses = {"main": "+49 30 1234567"}
        """Sender → number that people know."""
        self.contacts: dict[int, Contact] = {}
        self.inbound: dict[int, Received] = {}
        self.cases: dict[int, Case] = {}
        self.conversations: dict[int, list[Said]] = {}
        self.views: dict[int, MessageView] = {}
        """What the gateway knows, by id; the test fills them."""
        self.previews: dict[int, Preview] = {}
        """Message → how it would go out; without one, as it was composed."""
        self.plans: dict[int, Plan] = {}
        """Message → what it would do; without one, what its view says, at once and for nothing."""
        self.provider_ids: dict[str, int] = {}
        """Provider's id → message."""
        self.accepted: list[Message] = []
        self.new_people: list[Person] = []
        self.sign_ups: list[SignUp] = []
        self.closes: list[Close] = []
        self.preferences: list[Preference] = []
        self.withdrawn: list[tuple[int, str | None]] = []
        """(contact, topic) of each withdrawal."""
        self.steered: list[tuple[int, str, str, str]] = []
        """(message, action, by, text) of each decision."""
        self.refusal: str | None = None
        """What `steer` answers."""
        self.senders: dict[str, SenderFacts] = {}
        """What is known of a sender; the test fills it."""
        self.effects: list[Effect] = []
        """What an output learnt of its sender."""
        self.mails: list[Mailed] = []
        self.has_mail = True
        self.mail_error: MailError | None = None
        """What `mail` raises."""
        self.intakes: list[Intake] = []
        self.successes = 0
        self.health: list[Health] = []
        """What the plugin told of itself, the latest last."""

    async def accept(
        self,
        messages: Sequence[Message] = (),
        *,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Person] = (),
        sign_ups: Sequence[SignUp] = (),
        cases: Sequence[Case] = (),
        closes: Sequence[Close] = (),
        preferences: Sequence[Preference] = (),
    ) -> list[int | None]:
        """Keep them in `accepted` and `new_people`; a known external id gives None, as in earnest."""
        ready = [prepared(one, self.clock, lambda whole: whole) for one in messages]
        ids: list[int | None] = []
        for one in ready:
            known = any(one.external_id == before.external_id for before in self.accepted)
            ids.append(None if known else one.id)
            self.accepted += [] if known else [one.replace(input=self.label)]
        self.new_people += people
        taken = {one.code for one in self.sign_ups}
        if any(one.code in taken and not one.reusable for one in sign_ups):
            raise CodeTaken("another sign-up has this code")
        self.sign_ups += sign_ups
        for case in cases:
            if all(case.external_id != before.external_id for before in self.cases.values()):
                id = case.id or len(self.cases) + 1
                self.cases[id] = case.replace(
                    id=id, number=len(self.cases) + 1, source=self.label, opened_at=self.clock.now()
                )
        for close in closes:
            self.cases[close.case] = self.cases[close.case].replace(
                closed_at=self.clock.now(), closed_by=close.by, answer=close.answer
            )
        self.closes += closes
        self.preferences += preferences
        await self.state.put(state or {})
        return ids

    async def withdraw(
        self, contact: int, *, topic: str | None = None, evidence: Mapping[str, str] | None = None
    ) -> None:
        self.withdrawn.append((contact, topic))

    async def find(self, identity: Identity) -> int | None:
        known = self.contacts.values()
        return next((one.id for one in known if identity in one.identities), None)

    async def contact(self, contact: int) -> Contact | None:
        return self.contacts.get(contact)

    async def received(self, inbound: int) -> Received | None:
        return self.inbound.get(inbound)

    async def case(self, case: int) -> Case | None:
        return self.cases.get(case)

    async def answer(self, case: int, text: str, *, by: str) -> Answered:
        """Answer as in earnest: the message is in `accepted`, the case closed."""
        known = self.cases.get(case)
        if known is None:
            return "unknown"
        contact = self.contacts.get(known.contact or 0)
        message = answer_to(known, contact, text, self.clock.now())
        if isinstance(message, Message):
            await self.accept([message], closes=[Close(case=case, by=by, answer=message.text)])
            return "answered"
        return message

    async def open_cases(self, *, contact: int | None = None, kind: str = "") -> list[Case]:
        return [
            case
            for case in self.cases.values()
            if case.closed_at is None
            and contact in (None, case.contact)
            and kind in ("", case.kind)
        ]

    async def conversation(self, contact: int, *, limit: int = 10) -> list[Said]:
        return self.conversations.get(contact, [])[-limit:]

    async def message(self, message: int) -> MessageView | None:
        return self.views.get(message)

    async def preview(self, message: int) -> Preview | None:
        view = self.views.get(message)
        if view is None or message in self.previews:
            return self.previews.get(message)
        return Preview(message=view.message, contents=view.message.forms)

    async def plan(self, message: Message) -> Plan:
        if message.id in self.plans:
            return self.plans[message.id]
        now, view = self.clock.now(), self.views.get(message.id)
        return Plan(
            at=now, begins=now, seconds=message.spread, reached=view.audience if view else 0,
            left_out=view.left_out if view else {},
        )  # fmt: skip

    async def sent_as(self, provider_id: str) -> int | None:
        return self.provider_ids.get(provider_id)

    async def steer(
        self,
        message: int,
        action: Literal["approve", "cancel", "pause", "resume", "revise", "screen"],
        *,
        by: str,
        text: str = "",
    ) -> str | None:
        self.steered.append((message, action, by, text))
        return self.refusal

    def sender_address(self, sender: str) -> str:
        return self.addresses.get(sender or next(iter(self.addresses), ""), "")

    def sender(self, name: str) -> SenderFacts:
        return self.senders.get(name) or SenderFacts(name=name, portfolio=name)

    async def learned(self, effects: Sequence[Effect]) -> None:
        self.effects += effects

    async def mail(
        self,
        to: str,
        subject: str,
        text: str,
        *,
        html: str = "",
        reply_to: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if self.mail_error is not None:
            raise self.mail_error
        self.mails.append(Mailed(to, subject, text, html, reply_to, dict(headers or {})))

    async def intake(self, intake: Intake) -> None:
        self.intakes.append(intake)

    def succeeded(
        self, note: str = "", *, next_at: datetime | None = None, at: datetime | None = None
    ) -> None:
        self.successes += 1
        self.health.append(Health(note=note, next_at=next_at, at=at))

    def failed(
        self,
        why: str,
        *,
        next_at: datetime | None = None,
        needs_person: bool = False,
        at: datetime | None = None,
    ) -> None:
        health = Health(trouble=why, next_at=next_at, needs_person=needs_person, at=at)
        self.health.append(health)

    def figure(self, name: str, **labels: str) -> float | None:
        """Return the value of one of the plugin's series, such as `figure("seen_total")`."""
        samples = (s for c in self.metrics.collectors for f in c.collect() for s in f.samples)
        wanted = (self.metrics.prefix + name, labels)
        return next((float(s.value) for s in samples if (s.name, s.labels) == wanted), None)
