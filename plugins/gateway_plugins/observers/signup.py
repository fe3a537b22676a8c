"""Talks with people about their consent: asks the question, welcomes, says goodbye.

Asks once for every request, in one question for all that were made together; whatever a person
does gets one answer, and none goes out beside that person's own act.  Nothing here decides about
a consent: the core did before its journal told, and looks again before a question goes out.

It begins at the journal's beginning (`replayable`), so no request is lost between the start of the
web server and its own; what is old is passed over, and what was answered is known by its id.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar
from urllib.parse import urlsplit

from gateway.api import (
    Button,
    ConfigError,
    Contact,
    Context,
    Event,
    Message,
    Observer,
    PluginConfig,
    Standing,
    Topic,
    hookimpl,
)
from gateway_plugins.observers.telling import (
    BODY,
    BUTTONS,
    ROW_TITLE,
    TITLE,
    Teller,
    choices,
    confirmed,
    offered,
    paragraphs,
    reply,
)

STOPPED = ("word", "button")
NEAR_MISS = "near miss"
"""How somebody withdrew who is told so, as the journal says it."""


class SignUpConfig(PluginConfig):
    """`[observers.signup]`."""

    question_template: str = ""
    """Approved template for the question to somebody who did not just write; without one, such
    people are not asked."""
    withdraw_page: str = ""
    """The label of the forms whose page withdraws, or the page's address, before its token."""


class SignUp(Observer):
    """Asks, welcomes, explains, confirms."""

    name = "signup"
    config: SignUpConfig
    always: ClassVar[bool] = True
    max_age: ClassVar[float] = 86400.0
    """A day: after that no window is open in which an answer could go."""

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Find the page that withdraws.  Raises ConfigError if it has no address."""
        self._context = context
        self._tell = Teller(context)
        page = self.config.withdraw_page
        if page and not urlsplit(page).scheme:
            if not context.public_url:
                raise ConfigError(
                    f"[observers.{self.label}] withdraw_page: {page!r} has no address before"
                    " [server] public_url says how this gateway is reached"
                )
            page = f"{context.public_url}/in/{page}/w/"
        self._page = page if not page or page.endswith("/") else f"{page}/"
        yield

    async def notice(self, event: Event) -> Sequence[Message]:
        """Answer what happened to a consent."""
        answer = _ANSWERS.get(event.name)
        if answer is None or event.contact is None:
            return ()
        contact = await self._context.contact(event.contact)
        if contact is None:
            return ()
        found = await answer(self, event, contact)
        service = any(message.kind == "service" for message in found)
        return () if service and not self._tell.open(contact, event.sender) else found

    # --- asking -------------------------------------------------------------------------------------
    async def _ask(self, event: Event, contact: Contact) -> Sequence[Message]:
        """One question for all that was requested together; two if it would not fit in one."""
        if not self.config.question_template and not self._tell.open(contact, event.sender):
            return ()
        together = [one for one in self._together(event, contact, "requested") if not one.asked]
        questions: list[Message] = []
        while together:
            n = len(together)
            while n > 1 and len(self._question(contact, together[:n])) > BODY:
                n -= 1
            questions.append(self._asked(event, contact, together[:n]))
            together = together[n:]
        return questions

    def _asked(self, event: Event, contact: Contact, requests: Sequence[Standing]) -> Message:
        text = self._question(contact, requests)
        numbers = "+".join(str(one.event) for one in requests)
        yes, no = (self._tell.say(f"signup.{key}", contact.language) for key in ("yes", "no"))
        return Message(
            external_id=f"question:{requests[0].event}",
            kind="confirmation",
            to=contact.id,
            topic=requests[0].topic,
            requests=tuple(one.event for one in requests),
            sender=event.sender,
            language=contact.language,
            text=text,
            preview=False,
            buttons=(
                Button(kind="quick_reply", text=yes, payload=f"yes:{numbers}"),
                Button(kind="quick_reply", text=no, payload=f"no:{numbers}"),
            ),
            # A purpose that leaves no room beside buttons: a list may be longer.
            menu="" if len(text) <= BODY else self._tell.say("signup.menu", contact.language),
            template=self.config.question_template or None,
        )

    def _question(self, contact: Contact, requests: Sequence[Standing]) -> str:
        language = contact.language
        company = self._context.company
        privacy = company.privacy and self._tell.say(
            "telling.privacy", language, link=company.privacy
        )
        return paragraphs(
            self._tell.say("signup.question", language),
            self._lines(requests, language),
            self._tell.say("signup.anytime", language),
            privacy,
        )

    # --- answering ----------------------------------------------------------------------------------
    async def _welcome(self, event: Event, contact: Contact) -> Sequence[Message]:
        """Who writes from now on, what, and how to stop, pause and ask; then the card to save."""
        agreed = self._together(event, contact, "confirmed")
        if not agreed or event.sender is None:
            return ()
        language = contact.language
        link = self._page and self._tell.say(
            "signup.page",
            language,
            link=f"{self._page}{self._context.links.token('withdraw', contact.id)}",
        )
        text = paragraphs(
            self._tell.say("signup.welcome", language),
            self._lines(agreed, language),
            "\n".join(part for part in (self._tell.say("signup.ways", language), link) if part),
            self._tell.links(language),
        )
        first = agreed[0].event
        messages = [reply(f"welcome:{first}", contact, event.sender, text)]
        card = self._tell.card(event.sender)
        if card is not None:
            saved = reply(f"card:{first}", contact, event.sender, "")
            messages.append(saved.replace(card=card))
        return messages

    async def _refused(self, event: Event, contact: Contact) -> Sequence[Message]:
        refused = self._together(event, contact, "refused")
        if not refused:
            return ()
        text = self._tell.say("signup.refused", contact.language)
        return [reply(f"refused:{refused[0].event}", contact, event.sender, text)]

    async def _late(self, event: Event, contact: Contact) -> Sequence[Message]:
        """A yes to a request that was over."""
        topics = [self._context.topics[one.topic] for one in self._alike(event.code, contact)]
        name = _hourly("late", event, contact)
        return [self._offer(name, "signup.late", event, contact, topics)]

    async def _waiting(self, event: Event, contact: Contact) -> Sequence[Message]:
        """START once more, while the question waits for its answer: it is not asked again."""
        about = contact.standing(event.code)
        if about is None or not about.asked:
            return ()  # it is about to be asked
        text = self._tell.say("signup.waiting", contact.language)
        return [reply(_hourly("waiting", event, contact), contact, event.sender, text)]

    async def _again(self, event: Event, contact: Contact) -> Sequence[Message]:
        """START by somebody who gets everything that was asked for."""
        language = contact.language
        lines = self._tell.topics(confirmed(contact, self._context.topics), language)
        head, ways = (self._tell.say(f"signup.{key}", language) for key in ("again", "ways"))
        text = paragraphs(head, lines, ways)
        return [reply(_hourly("again", event, contact), contact, event.sender, text)]

    async def _which(self, event: Event, contact: Contact) -> Sequence[Message]:
        """START where there are several topics and none was named."""
        topics = offered(self._context.topics.values())
        if not topics:
            return ()
        language = contact.language
        lines = self._tell.topics(topics, language)
        text = paragraphs(self._tell.say("signup.which", language), lines)
        listed = len(topics) > BUTTONS or len(text) > BODY
        rows = [(f"start:{topic.name}", topic.title, topic.purpose) for topic in topics]
        return [
            reply(
                _hourly("which", event, contact),
                contact,
                event.sender,
                text,
                buttons=choices(rows, ROW_TITLE if listed else TITLE),
                menu=self._tell.say("signup.menu", language) if listed else "",
            )
        ]

    async def _withdrawn(self, event: Event, contact: Contact) -> Sequence[Message]:
        """The last message: from what somebody withdrew; after a near miss, the way back.

        Only to a message of that person.  A command, an import, the API and WhatsApp's own
        switch say nothing; the page of the link has said it.
        """
        if event.inbound is None or event.detail not in (*STOPPED, NEAR_MISS):
            return ()
        topics = [self._context.topics[one.topic] for one in self._alike(event.code, contact)]
        some = event.code in self._context.topics and bool(topics)
        key = "signup.stopped_topic" if some else "signup.stopped"
        name, back = f"stopped:{event.inbound}", topics if some else []
        if event.detail == NEAR_MISS:
            return [self._offer(name, f"{key}_near", event, contact, back)]
        text = self._tell.say(key, contact.language, titles=_titles(back))
        return [reply(name, contact, event.sender, text)]

    def _offer(
        self, name: str, key: str, event: Event, contact: Contact, topics: Sequence[Topic]
    ) -> Message:
        """An answer with START as the way back to the topics; which, if it was all of them."""
        text = self._tell.say(key, contact.language, titles=_titles(topics))
        payload = f"start:{topics[0].name}" if len(topics) == 1 else "START"
        button = Button(kind="quick_reply", text="START", payload=payload)
        return reply(name, contact, event.sender, text, buttons=(button,))

    def _together(self, event: Event, contact: Contact, state: str) -> list[Standing]:
        """Return the consents that one act brought into a state, if that of the event is still in
        it and by it."""
        about = contact.standing(event.code)
        if about is None or (about.state, about.event) != (state, event.consent):
            return []
        return self._alike(event.code, contact)

    def _alike(self, topic: str, contact: Contact) -> list[Standing]:
        """Return the consents that came into the same state at the same moment as a topic's."""
        about = contact.standing(topic)
        found = [
            one
            for one in contact.consents
            if about and (one.state, one.since) == (about.state, about.since)
        ]
        known = [one for one in found if one.topic in self._context.topics]
        return sorted(known, key=lambda one: one.event)

    def _lines(self, standings: Sequence[Standing], language: str | None) -> str:
        topics = self._context.topics
        return self._tell.topics((topics[one.topic] for one in standings), language)


def _hourly(what: str, event: Event, contact: Contact) -> str:
    """An id that lets the same answer go once an hour: two robots must not talk for ever."""
    return f"{what}:{contact.id}:{event.at:%Y%m%d%H}"


def _titles(topics: Sequence[Topic]) -> str:
    return ", ".join(topic.title for topic in topics)


_ANSWERS = {
    "consent.requested": SignUp._ask,
    "consent.confirmed": SignUp._welcome,
    "consent.refused": SignUp._refused,
    "consent.late": SignUp._late,
    "consent.waiting": SignUp._waiting,
    "consent.again": SignUp._again,
    "consent.which": SignUp._which,
    "consent.withdrawn": SignUp._withdrawn,
}
SignUp.listens = frozenset(_ANSWERS)


@hookimpl
def register() -> list[type[SignUp]]:
    """Hand over the class."""
    return [SignUp]
