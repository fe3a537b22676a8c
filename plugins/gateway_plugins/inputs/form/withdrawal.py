"""The page behind a personal link: unsubscribe from a topic or everything, pause, less often.

Looking at it (GET, HEAD: also what mail scanners and previews do) changes nothing; only its buttons
do.  The address holds a signed token and no personal data.
"""

from __future__ import annotations

from datetime import timedelta

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from gateway.api import Contact, Preference, Standing, mask_phone
from gateway_plugins.pages import escape

from .fields import text
from .guard import Caller, Refused
from .pages import hidden
from .site import Site, later

PURPOSE = "withdraw"
"""Of the signed tokens; whoever makes a link uses it with the contact's id."""
PAUSE = timedelta(days=28)
ACTIVE = ("confirmed", "requested", "unconfirmed")
WAYS = ("all", "topic", "pause", "resume", "once", "often", "one_click")


class Withdrawal:
    """Shows what a person gets, and ends it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pages = site.pages
        self._count = site.context.metrics.counter(
            "page_acts", "What people did on their own page", ("act",)
        )
        for way in WAYS:
            self._count.labels(way)

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/w/{token}", self.show, methods=["GET"]),
            Route("/w/{token}", self.act, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the page, and do nothing."""
        language = self._pages.language(request)
        contact = await self._contact(request)
        if contact is None:
            return self._unknown(language)
        if contact.language and "lang" not in request.query_params:
            language = self._site.texts.language(contact.language)
        return self._page(contact, language, request.path_params["token"])

    async def act(self, request: Request) -> Response:
        """Do what a button says; it is in force when this is answered."""
        language = self._pages.language(request)
        contact = await self._contact(request)
        if contact is None:
            return self._unknown(language)
        try:
            caller = self._site.guard.caller(request)
            fields = await self._site.body(request)
        except Refused as error:
            sentence = self._site.texts.say(error.text, language, **error.values)
            return later(self._pages.refusal(sentence, language, error.status), error)
        if text(fields.get("List-Unsubscribe")) == "One-Click":  # RFC 8058
            await self._withdraw(contact, None, caller)
            self._count.labels("one_click").inc()
            return PlainTextResponse("ok")
        language = self._site.texts.language(text(fields.get("lang"), 20) or language)
        way = text(fields.get("act"), 20)
        topic = text(fields.get("topic"), 100)
        if way not in WAYS or (way == "topic" and contact.standing(topic) is None):
            sentence = self._site.texts.say("forms.unreadable", language)
            return self._pages.refusal(sentence, language, 400)
        done = await self._do(way, contact, topic, caller, language)
        self._count.labels(way).inc()
        fresh = await self._contact(request) or contact
        return self._page(fresh, language, request.path_params["token"], done=done)

    async def _do(
        self, way: str, contact: Contact, topic: str, caller: Caller, language: str
    ) -> str:
        """Do it; returns the sentence that says so."""
        say, context = self._site.texts.say, self._site.context
        now = context.clock.now()
        if way in ("all", "one_click"):
            await self._withdraw(contact, None, caller)
            return say("withdraw.done_all", language)
        if way == "topic":
            await self._withdraw(contact, topic, caller)
            return say("withdraw.done_topic", language, topic=self._title(topic))
        wish = {
            "pause": Preference(contact=contact.id, paused_until=now + PAUSE),
            "resume": Preference(contact=contact.id, paused_until=now),
            "once": Preference(contact=contact.id, per_week=1),
            "often": Preference(contact=contact.id, per_week=0),
        }[way]
        await context.accept(preferences=[wish])
        when = {"time": self._pages.time(now + PAUSE, language)} if way == "pause" else {}
        return say(f"withdraw.done_{way}", language, **when)

    async def _withdraw(self, contact: Contact, topic: str | None, caller: Caller) -> None:
        page = f"{self._site.context.public_url}/in/{self._site.context.label}/w/"
        evidence = Caller(caller.ip, caller.agent, page).evidence(way="personal link")
        await self._site.context.withdraw(contact.id, topic=topic, evidence=evidence)

    async def _contact(self, request: Request) -> Contact | None:
        token = request.path_params["token"]
        context = self._site.context
        read = context.links.read(PURPOSE, token, context.clock.now())
        return await context.contact(read[0]) if read else None

    # --- the page -------------------------------------------------------------------------------
    def _unknown(self, language: str) -> Response:
        return self._pages.notice("withdraw.unknown", language, 404)

    def _title(self, topic: str) -> str:
        known = self._site.context.topics.get(topic)
        return known.title if known else topic

    def _page(self, contact: Contact, language: str, token: str, *, done: str = "") -> Response:
        say = self._pages.say
        company = self._site.context.company.name
        now = self._site.context.clock.now()
        rows = [one for one in contact.consents if one.topic != "*" and one.state in ACTIVE]
        phone = next((one.value for one in contact.identities if one.kind == "phone"), "")
        body = f'<p class="done" role="status">{escape(done)}</p>' if done else ""
        if phone:
            body += (
                f'<p class="quiet">{say("withdraw.about", language, number=mask_phone(phone))}</p>'
            )
        if not rows:
            body += f"<p>{say('withdraw.nothing', language, company=company)}</p>"
            if number := self._site.signing_up.number():
                body += f'<p class="quiet">{say("withdraw.back", language, number=number)}</p>'
        else:
            listed = "".join(self._row(one, language, token) for one in rows)
            everything = self._button("all", say("withdraw.stop_all", language), language, token)
            body += (
                f'<p>{say("withdraw.lead", language)}</p><ul class="rows">{listed}</ul>{everything}'
            )
        if any(one.state == "confirmed" for one in rows):
            paused = contact.paused_until is not None and contact.paused_until > now
            body += f"<h2>{say('withdraw.less', language)}</h2>"
            if paused and contact.paused_until:
                until = self._pages.time(contact.paused_until, language)
                body += f"<p>{say('withdraw.paused', language, time=until)}</p>"
            if contact.per_week:
                body += f"<p>{say('withdraw.weekly', language, count=contact.per_week)}</p>"
            ways = ("resume" if paused else "pause", "often" if contact.per_week else "once")
            choices = (
                self._button(way, say(f"withdraw.{way}", language), language, token, plain=True)
                for way in ways
            )
            body += f'<div class="actions">{"".join(choices)}</div>'
        title = self._site.texts.say("withdraw.title", language, company=company)
        return self._pages.page(title, body, language)

    def _row(self, one: Standing, language: str, token: str) -> str:
        say, title = self._pages.say, self._title(one.topic)
        known = self._site.context.topics.get(one.topic)
        state = (
            say("withdraw.since", language, time=self._pages.time(one.since, language))
            if one.state == "confirmed"
            else say("withdraw.waiting", language)
        )
        purpose = f"<span>{escape(known.purpose)}</span>" if known else ""
        label = say("withdraw.stop_topic_label", language, topic=title)
        button = self._button(
            "topic", say("withdraw.stop_topic", language), language, token,
            plain=True, label=label, topic=one.topic,
        )  # fmt: skip
        return (
            f'<li><div><strong>{escape(title)}</strong>{purpose}<span class="quiet">{state}</span>'
            f"</div>{button}</li>"
        )

    def _button(
        self,
        way: str,
        shown: str,
        language: str,
        token: str,
        *,
        plain: bool = False,
        label: str = "",
        **fields: str,
    ) -> str:
        """Return a button that posts; `shown` and `label` are HTML."""
        look = ' class="plain"' if plain else ""
        told = f' aria-label="{label}"' if label else ""
        return (
            f'<form method="post" action="{escape(self._pages.base)}/w/{escape(token)}">'
            f"{hidden(act=way, lang=language, **fields)}<button{look}{told}>{shown}</button></form>"
        )
