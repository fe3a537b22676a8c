"""Our own pages: the sign-up, what to send then, and thanks."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api import Topic, start_text
from gateway_plugins.pages import escape

from .agreement import offered
from .bodies import Value
from .fields import text, texts
from .guard import TOKEN, Refused
from .pages import hidden
from .qr import qr_code
from .signing_up import Step, Wish
from .site import Site, as_json, later, see_other


class Website:
    """Shows the sign-up page and takes what it posts."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._pages = site.pages
        self._by_number = site.config.sign_up == "template"

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/", self.show, methods=["GET"]),
            Route("/", self.post, methods=["POST"]),
            Route("/s/{token}", self.step, methods=["GET"]),
            Route("/asked", self.asked, methods=["GET"]),
            Route("/captcha", self.challenge, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """Show the form; `?topic=` leaves out the other topics."""
        language = self._pages.language(request)
        wanted = request.query_params.getlist("topic")[:20]
        found = offered(self._site.context.topics, wanted) if wanted else ()
        topics = tuple(one for one in self._site.topics if one in found) or self._site.topics
        return self._form(topics, language, self._site.guard.token(""))

    async def post(self, request: Request) -> Response:
        """Take a sign-up: then a page that can be reloaded (303), or the form once more."""
        language = self._pages.language(request)
        fields: Mapping[str, Value] = {}
        chosen: tuple[Topic, ...] = ()
        try:
            caller = self._site.guard.caller(request, self._address())
            if self._site.guard.allowed(request, ()) is None:
                raise Refused("origin", 403)
            self._site.guard.count(caller)
            fields = await self._site.body(request)
            language = self._site.texts.language(text(fields.get("lang"), 20) or language)
            ticked = texts(fields.get("topics"))
            chosen = tuple(topic for topic in self._site.topics if topic.name in ticked)
            if self._site.guard.robot(fields):
                return self._please(chosen or self._site.topics, language)
            self._site.guard.check(
                fields, "", needs_token=True, needs_captcha=self._site.config.captcha
            )
            return await self._take(fields, chosen, language, caller.evidence())
        except Refused as error:
            self._site.refused(error.reason)
            sentence = self._site.texts.say(error.text, language, **error.values)
            if not fields:
                return later(self._pages.refusal(sentence, language, error.status), error)
            shown = [one for one in self._site.topics if one.name in texts(fields.get("shown"))]
            form = self._form(
                tuple(shown) or self._site.topics,
                language,
                self._token(fields, error.reason),
                status=error.status,
                error=sentence,
                ticked=chosen,
                number=text(fields.get("phone"), 60),
            )
            return later(form, error)

    async def _take(
        self,
        fields: Mapping[str, Value],
        chosen: tuple[Topic, ...],
        language: str,
        evidence: dict[str, str],
    ) -> Response:
        if not chosen:
            raise Refused("not_agreed", text="tick_one")
        wish = Wish(
            topics=chosen,
            wording=self._site.agreement.wording(chosen, language),
            language=language,
            source=f"form {self._site.context.label}",
            evidence=evidence,
        )
        if self._by_number:
            fresh = await self._site.signing_up.by_number(wish, text(fields.get("phone"), 60))
            self._site.taken("asked" if fresh else "known")
            return see_other(f"{self._pages.base}/asked?lang={language}")
        step = await self._site.signing_up.by_code(wish)
        self._site.taken("stored")
        return see_other(self._site.step_address(step, language))

    def _please(self, topics: tuple[Topic, ...], language: str) -> Response:
        """Answer a robot as if all went well, and keep nothing."""
        self._site.refused("honeypot")
        if self._by_number:
            return see_other(f"{self._pages.base}/asked?lang={language}")
        step = self._site.signing_up.step(topics)
        return see_other(self._site.step_address(step, language))

    def _token(self, fields: Mapping[str, Value], reason: str) -> str:
        """Keep the page's time, so that who was told to be slower is not told so again."""
        old = text(fields.get(TOKEN), 500)
        return old if old and reason != "stale" else self._site.guard.token("")

    def _address(self) -> str:
        return f"{self._site.context.public_url}/in/{self._site.context.label}/"

    # --- pages ----------------------------------------------------------------------------------
    def _form(
        self,
        topics: tuple[Topic, ...],
        language: str,
        token: str,
        *,
        status: int = 200,
        error: str = "",
        ticked: tuple[Topic, ...] = (),
        number: str = "",
    ) -> Response:
        say, site = self._pages.say, self._site
        before, after = site.agreement.around(language)
        ticks = "".join(
            f'<label class="choice"><input type="checkbox" name="topics"'
            f' value="{escape(topic.name)}"{" checked" if topic in ticked else ""}>'
            f"<span>{_emphasised(site.agreement.line(topic, language), topic.title)}</span></label>"
            for topic in topics
        )
        typed = ""
        if self._by_number:
            typed = (
                f'<label for="phone">{say("forms.number", language)}</label>'
                f'<span class="hint" id="how">{say("forms.number_hint", language)}</span>'
                f'<input id="phone" name="phone" type="tel" autocomplete="tel" required'
                f' aria-describedby="how" maxlength="60" value="{escape(number)}">'
            )
        captcha, no_script = "", ""
        if site.config.captcha:
            captcha = f' data-captcha="{escape(self._pages.base)}/captcha"'
            way = say(
                "forms.captcha_needs_script", language, number=site.signing_up.number(topics),
                text=start_text(tuple(topic.name for topic in topics)),
            )  # fmt: skip
            no_script = f'<noscript><p class="warn">{way}</p></noscript>{hidden(altcha="")}'
        wrong = f'<p class="error" role="alert">{escape(error)}</p>' if error else ""
        trap = escape(site.config.honeypot)
        privacy = site.context.company.privacy
        more = (
            f'<p class="quiet">{say("forms.privacy_hint", language)} <a href="{escape(privacy)}"'
            f' target="_blank" rel="noopener">{say("pages.privacy", language)}</a></p>'
            if privacy
            else ""
        )
        button = "forms.next_number" if self._by_number else "forms.next"
        lead = "forms.lead_number" if self._by_number else "forms.lead"
        body = (
            f'<p class="lead">{say(lead, language)}</p>{wrong}'
            f'<form method="post" action="{escape(self._pages.base)}/"{captcha}>'
            f"<fieldset><legend>{escape(before)}</legend>{ticks}</fieldset>"
            f"<p>{escape(after)}</p>{typed}"
            f'<div class="visually-hidden" aria-hidden="true"><label>{say("forms.check", language)}'
            f' <input name="{trap}" tabindex="-1" autocomplete="off"></label></div>'
            f"{hidden(token=token, lang=language, shown=','.join(one.name for one in topics))}"
            f"{more}{no_script}<button>{say(button, language)}</button></form>"
        )
        title = site.texts.say("forms.title", language, company=site.context.company.name)
        script = site.config.captcha
        return self._pages.page(title, body, language, status=status, script=script)

    async def step(self, request: Request) -> Response:
        """Show what to send, as long as the code is valid."""
        language = self._pages.language(request)
        step = self._site.step_of(request.path_params["token"])
        if step is None:
            return self._pages.notice("forms.over", language, 410, again=True)
        return self._step(step, language)

    def _step(self, step: Step, language: str) -> Response:
        say = self._pages.say
        link = self._site.signing_up.link(step)
        company = self._site.context.company.name
        body = (
            f'<p class="lead">{say("forms.step_lead", language)}</p>'
            f'<p class="send">{escape(step.text)}</p>'
            f'<p><a class="button" href="{escape(link)}" target="_blank" rel="noopener">'
            f"{say('forms.step_button', language)}</a></p>"
            f'<div class="scan"><div role="img" aria-label="{say("forms.step_qr_label", language)}">'
            f"{qr_code(link)}</div><p>{say('forms.step_qr', language)}</p></div>"
            f"<p>{say('forms.step_then', language, company=company)}</p>"
            f'<p class="quiet">{say("forms.step_by_hand", language, number=step.number)}'
            f" {say('forms.step_until', language, time=self._pages.time(step.until, language))}</p>"
        )
        return self._pages.page(self._site.texts.say("forms.step_title", language), body, language)

    async def asked(self, request: Request) -> Response:
        """Say that a question waits in WhatsApp: the same, whoever the number belongs to."""
        return self._pages.notice("forms.asked", self._pages.language(request))

    async def challenge(self, request: Request) -> Response:
        """Answer with a challenge of the captcha; pages of the settings' websites may ask too."""
        origin = self._site.guard.allowed(request, self._every_origin())
        try:
            answer = as_json(self._site.guard.challenge(self._site.guard.caller(request)))
        except Refused as error:
            answer = later(as_json({"error": error.reason}, error.status), error)
        if origin:
            answer.headers["access-control-allow-origin"] = origin
        answer.headers["vary"] = "Origin"
        return answer

    def _every_origin(self) -> tuple[str, ...]:
        return tuple(one for form in self._site.config.forms.values() for one in form.origins)


def _emphasised(line: str, title: str) -> str:
    """Return what stands beside a tick as HTML, its title in bold; the words stay the same."""
    before, found, after = line.partition(title)
    return f"{escape(before)}<strong>{escape(found)}</strong>{escape(after)}"
