"""Forms of other tools: checks who posts, finds the fields, and answers as the tool expects."""

from __future__ import annotations

import hmac
from base64 import b64decode
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api import Secret, Topic, Wording

from .agreement import offered, purpose_of
from .fields import agreed, find, plain, text, texts
from .guard import Caller, Refused
from .settings import FormTable
from .signatures import PROFILES, Signed, verify
from .signing_up import Step, Wish
from .site import Site, as_json, later, see_other
from .tools import TOOLS, Posted


class Foreign:
    """Takes what the forms of `[inputs.NAME.forms.…]` post."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._forms: Mapping[str, FormTable] = site.config.forms

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/f/{form}", self.post, methods=["POST"]),
            Route("/f/{form}/{key}", self.post, methods=["POST"]),
            Route("/f/{form}", self.preflight, methods=["OPTIONS"]),
            Route("/f/{form}/token", self.token, methods=["GET"]),
            Route("/f/{form}/thanks", self.thanks, methods=["GET"]),
        ]

    async def post(self, request: Request) -> Response:
        """Take one submission.  What is answered with 2xx is on disk, or was meant to be dropped."""
        name = request.path_params["form"]
        form = self._forms.get(name)
        if form is None:
            return as_json({"ok": False, "error": "there is no such form"}, 404)
        language = self._site.texts.language(form.language or self._site.pages.language(request))
        reply = _reply(request, form)
        origin: str | None = ""
        try:
            origin = self._site.guard.allowed(request, form.origins)
            if origin is None:
                raise Refused("origin", 403)
            answer = await self._take(request, name, form, language, reply)
        except Refused as error:
            answer = self._refuse(error, form, language, reply)
        return _across(answer, origin)

    async def _take(
        self, request: Request, name: str, form: FormTable, language: str, reply: str
    ) -> Response:
        caller = self._site.guard.caller(request)
        shows = TOOLS[form.tool].shows
        self._site.guard.count(caller if shows else None)
        await self._prove(request, form)
        body = await self._site.body(request)
        posted = TOOLS[form.tool].read(body)
        if not posted.told:
            self._site.refused("unfinished")
            return as_json({"ok": True, "stored": False})
        language = self._language(form, posted, language)
        page = text(find(posted.fields, form.names("page")), 500) or posted.page
        if form.tool == "html":
            if self._site.guard.robot(posted.fields):
                return self._please(name, form, language, reply)
            captcha = self._site.config.captcha if form.captcha is None else form.captcha
            self._site.guard.check(
                posted.fields, name, needs_token=form.token == "required", needs_captcha=captcha
            )
        if not shows:  # the address and browser are those of the tool's server
            caller = Caller("", "", "")
        caller = Caller(caller.ip, caller.agent, page or caller.page)
        if form.kind == "newsletter":
            return await self._sign_up(name, form, posted, caller, language, reply)
        await self._site.asking.open(name, form, posted, caller, language)
        self._site.taken(form.kind)
        return self._well(name, form, language, reply)

    async def _prove(self, request: Request, form: FormTable) -> None:
        """Raise Refused (401) unless it was signed, or names the key, as the settings ask for."""
        if form.secret is not None:
            given = (form.secret, form.previous_secret)
            context = self._site.context
            signed = Signed(
                body=await request.body(),
                headers=request.headers,
                method=request.method,
                url=f"{context.public_url}/in/{context.label}/f/{request.path_params['form']}",
            )
            why = verify(
                PROFILES[form.profile],
                [secret for secret in given if secret is not None],
                signed,
                context.clock.now(),
                id=form.signature_id,
            )
            if why is not None:
                raise Refused("signature", 401)
        if form.key is not None and not _names(request, form.key):
            raise Refused("signature", 401)

    def _language(self, form: FormTable, posted: Posted, otherwise: str) -> str:
        """Return the language of the form's fields, if it is one that we speak."""
        wanted = text(find(posted.fields, form.names("language")), 20).lower()
        code = wanted.partition("-")[0].partition("_")[0]
        return code if self._site.texts.language(code) == code else otherwise

    # --- newsletters ----------------------------------------------------------------------------
    async def _sign_up(
        self,
        name: str,
        form: FormTable,
        posted: Posted,
        caller: Caller,
        language: str,
        reply: str,
    ) -> Response:
        tick = find(posted.fields, form.names("consent"))
        topics = self._topics(form, posted)
        if not agreed(tick, form.accepted) or not topics:
            if reply == "200":  # a contact form whose newsletter was not wanted
                self._site.refused("not_agreed")
                return as_json({"ok": True, "stored": False})
            raise Refused("not_agreed")
        wish = Wish(
            topics=topics,
            wording=Wording(
                text=form.wording,
                language=form.language or language,
                version=form.version,
                purpose=purpose_of(topics),
            ),
            language=language,
            source=f"form {self._site.context.label}/{name}",
            evidence=caller.evidence(tick=text(tick, 300), submission=posted.id[:200]),
        )
        if (form.sign_up or self._site.config.sign_up) == "template":
            typed = text(find(posted.fields, form.names("phone")), 60)
            fresh = await self._site.signing_up.by_number(wish, typed)
            self._site.taken("asked" if fresh else "known")
            return self._well(name, form, language, reply)
        step = await self._site.signing_up.by_code(wish)
        self._site.taken("stored")
        return self._next(step, language, reply)

    def _topics(self, form: FormTable, posted: Posted) -> tuple[Topic, ...]:
        """Return those of the form; if it has a field for them, those that were chosen."""
        offer = (
            offered(self._site.context.topics, form.topics) if form.topics else self._site.topics
        )
        value = find(posted.fields, form.names("topics"))
        if value is None:
            return () if "topics" in form.fields else offer
        chosen = {plain(one) for one in texts(value)}
        return tuple(one for one in offer if {plain(one.name), plain(one.title)} & chosen)

    def _next(self, step: Step, language: str, reply: str) -> Response:
        if reply == "redirect":
            return see_other(self._site.step_address(step, language))
        return as_json(self._site.step_json(step))

    # --- answers --------------------------------------------------------------------------------
    def _well(self, name: str, form: FormTable, language: str, reply: str) -> Response:
        if reply != "redirect":
            return as_json({"ok": True})
        own = f"{self._site.pages.base}/f/{name}/thanks?lang={language}"
        return see_other(form.thank_you or own)

    def _please(self, name: str, form: FormTable, language: str, reply: str) -> Response:
        """Answer a robot as if all went well, and keep nothing."""
        self._site.refused("honeypot")
        way = form.sign_up or self._site.config.sign_up
        if form.kind == "newsletter" and way == "whatsapp":
            return self._next(self._site.signing_up.step(self._site.topics), language, reply)
        return self._well(name, form, language, reply)

    def _refuse(self, error: Refused, form: FormTable, language: str, reply: str) -> Response:
        self._site.refused(error.reason)
        if error.reason == "signature":
            answer = as_json({"ok": False, "error": "not signed, or with another secret"}, 401)
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        sentence = self._site.texts.say(error.text, language, **error.values)
        if reply != "redirect":
            return later(as_json({"ok": False, "error": sentence}, error.status), error)
        if form.error_page:
            return see_other(form.error_page)
        return later(self._site.pages.refusal(sentence, language, error.status), error)

    async def thanks(self, request: Request) -> Response:
        """Thank whoever asked for a call or an answer."""
        language = self._site.pages.language(request)
        form = self._forms.get(request.path_params["form"])
        if form is None:
            return self._site.pages.notice("forms.not_found", language, 404)
        asked = form.kind == "newsletter"
        return self._site.pages.notice(
            "forms.asked" if asked else f"forms.thanks_{form.kind}", language
        )

    async def token(self, request: Request) -> Response:
        """Answer a page's script with the token that says when the page was shown."""
        form = self._forms.get(request.path_params["form"])
        if form is None:
            return as_json({"ok": False, "error": "there is no such form"}, 404)
        token = self._site.guard.token(request.path_params["form"])
        origin = self._site.guard.allowed(request, form.origins)
        return _across(as_json({"token": token}), origin)

    async def preflight(self, request: Request) -> Response:
        """Answer a browser that asks whether a page may post JSON (Fetch standard, CORS)."""
        form = self._forms.get(request.path_params["form"])
        origin = self._site.guard.allowed(request, form.origins) if form else None
        answer = Response(status_code=204 if origin else 403)
        if origin:
            answer.headers["access-control-allow-methods"] = "POST"
            answer.headers["access-control-allow-headers"] = "content-type"
            answer.headers["access-control-max-age"] = "600"
        return _across(answer, origin)


def _reply(request: Request, form: FormTable) -> str:
    """Return how to answer: a server gets exactly 200, a browser a page, a script JSON."""
    if form.reply != "auto":
        return form.reply
    if not TOOLS[form.tool].shows:
        return "200"
    accepts = request.headers.get("accept", "")
    return "redirect" if form.tool == "html" and "text/html" in accepts else "json"


def _across(answer: Response, origin: str | None) -> Response:
    """Let a page of an allowed origin read the answer; never any page."""
    if origin and origin != "null":
        answer.headers["access-control-allow-origin"] = origin
    answer.headers["vary"] = "Origin, Accept"
    return answer


def _names(request: Request, key: Secret) -> bool:
    """Return whether a request names the key: in its address, as a Bearer token, by password."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            given = b64decode(given, validate=True).decode().partition(":")[2]
        except ValueError:
            given = ""
    elif kind.lower() != "bearer":
        given = ""
    claims = [request.path_params.get("key", ""), given, request.headers.get("x-api-key", "")]
    wanted = key.reveal().encode()
    found = [hmac.compare_digest(claim.encode("utf-8", "replace"), wanted) for claim in claims]
    return bool(wanted) and any(found)
