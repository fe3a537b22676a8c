"""The observer: a new case goes out by mail or webhook; pages and webhooks bring answers back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import ClassVar
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from gateway.api import (
    Answered,
    Case,
    Close,
    ConfigError,
    Context,
    Event,
    Later,
    MailError,
    Observer,
    Outcome,
)
from gateway_plugins.observers.forward.answers import SENTENCES, Reach, answerable, reach_of
from gateway_plugins.observers.forward.facts import Facts
from gateway_plugins.observers.forward.hook import Hook, payload
from gateway_plugins.observers.forward.letter import written
from gateway_plugins.observers.forward.pages import Pages
from gateway_plugins.observers.forward.settings import ForwardConfig

AGAIN = 120.0
"""Seconds until a mail that failed for now is tried again."""
BODY = 65_536
FIELDS = 8
PURPOSE = "answer"
OPEN_FOR = timedelta(days=30)
"""How long a page lasts whose person cannot be answered by WhatsApp anyway."""


class Reply(msgspec.Struct):
    """What a webhook answers with: `case` as it was told, `by` whose answer it is."""

    case: str
    text: str
    by: str = ""


class Forward(Observer):
    """Tells those who answer, and takes their answers."""

    name = "forward"
    config: ForwardConfig
    listens: ClassVar[frozenset[str]] = frozenset({"case.opened"})
    # A mail server that is down over the holidays loses no question.
    max_age: ClassVar[float] = 30 * 86400.0

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Find out who is told.  Raises ConfigError if nobody can be."""
        where = f"[observers.{self.label}]"
        self._context = context
        self._hook = Hook(self.config.webhook, context) if self.config.webhook else None
        self._to = self.config.to or ("" if self._hook else context.company.mail)
        if not self._to and self._hook is None:
            raise ConfigError(f"{where} to: is missing, and so is [company] mail: nobody is told")
        if self._to and not context.has_mail:
            raise ConfigError(f"{where}: to send mail, name a server: [mail] host")
        self._facts = Facts(context, show_numbers=self.config.show_numbers)
        self._pages = Pages(context, self._facts)
        yield

    def routes(self) -> Iterable[BaseRoute]:
        """The page to answer on; where a webhook's answers come in."""
        found = [Route("/answer/{token}", self._page, methods=["GET", "POST"])]
        if self.config.webhook is not None:
            found.append(Route("/reply", self._reply, methods=["POST"]))
        return found

    async def notice(self, event: Event) -> Sequence[Outcome]:
        """Tell of a new case.  Raises Later while it cannot be told."""
        if event.name != "case.opened" or event.code not in self.config.kinds:
            return ()
        case = await self._context.case(event.case) if event.case is not None else None
        if case is None or case.closed_at is not None:
            return ()
        reach = await reach_of(self._context, case)
        told = f"told:{case.id}"  # one of two ways worked, and the other is tried again
        if self._to and not await self._context.state.get(told):
            await self._mail(case, reach)
            if self._hook is not None:
                await self._context.state.put({told: b"mail"})
        if self._hook is not None:
            until = reach.until.isoformat() if reach and reach.until else None
            topics = [
                one.topic for one in (reach.contact.consents if reach else ())
                if one.state == "confirmed"
            ]  # fmt: skip
            data = payload(case, topics=topics, answer_until=until)
            await self._hook.tell(f"{self.label}-case-{case.id}", data)
            await self._context.state.put({told: None})
        return ()

    async def _mail(self, case: Case, reach: Reach | None) -> None:
        letter = written(
            self._facts, case, reach, self._link(case, reach), open=answerable(reach, self._now)
        )
        domain = self._to.rpartition("@")[2]
        try:
            await self._context.mail(
                self._to,
                letter.subject,
                letter.text,
                html=letter.html,
                reply_to=self.config.reply_to or self._to,
                headers={"Message-ID": f"<{self.label}.case-{case.id}@{domain}>"},
            )
        except MailError as error:
            if error.passing:
                raise Later(AGAIN, str(error)) from None
            raise ConfigError(str(error)) from None

    def _link(self, case: Case, reach: Reach | None) -> str:
        if not self._context.public_url:
            return ""
        opened = case.opened_at or self._context.clock.now()
        until = opened + OPEN_FOR
        if reach is not None and reach.until is not None:
            until = reach.until + timedelta(seconds=self.config.link_valid)
        if case.due_at is not None:
            until = max(until, case.due_at)
        token = self._context.links.token(PURPOSE, case.id, until=until)
        return f"{self._context.public_url}/on/{self.label}/answer/{token}"

    # --- answers --------------------------------------------------------------------------------
    async def _page(self, request: Request) -> Response:
        token: str = request.path_params["token"]
        claim = self._context.links.read(PURPOSE, token, self._now)
        case = await self._context.case(claim[0]) if claim else None
        if case is None:
            return self._pages.over()
        refused: Answered | None = None
        text = ""
        if request.method == "POST":
            given = await _fields(request)
            if given is None:
                return Response(status_code=400)
            text = given.get("text", "")
            by = self._to or self.label
            result: Answered = "answered"
            if given.get("do") == "close":
                await self._context.accept(closes=[Close(case=case.id, by=by)])
            else:
                result = await self._context.answer(case.id, text, by=by)
            if result in ("answered", "repeated"):
                return RedirectResponse(token, 303)  # so that reloading sends nothing
            refused = result
            case = await self._context.case(case.id)
            if case is None:
                return self._pages.over()
        reach = await reach_of(self._context, case)
        return await self._pages.shown(
            case, reach, open=answerable(reach, self._now), refused=refused, text=text
        )

    async def _reply(self, request: Request) -> Response:
        """Take a signed answer.  Whatever is wrong is said in one sentence."""
        assert self._hook is not None  # there is no route without it
        body = await request.body()
        problem = self._hook.signer.check(request.headers, body, self._now.timestamp())
        if problem:
            return JSONResponse({"error": problem}, 401)
        try:
            reply = msgspec.json.decode(body, type=Reply)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return JSONResponse({"error": f"expected case, text and by as JSON: {error}"}, 400)
        if not (reply.case.isascii() and reply.case.isdecimal() and len(reply.case) < 20):
            return JSONResponse({"error": SENTENCES["unknown"][1]}, 404)
        by = " ".join(reply.by.split())[:100] or self.label
        result = await self._context.answer(int(reply.case), reply.text, by=by)
        status, sentence = SENTENCES[result]
        if sentence:
            return JSONResponse({"error": sentence}, status)
        return JSONResponse({"case": reply.case, "repeated": result == "repeated"}, status)

    @property
    def _now(self) -> datetime:
        return self._context.clock.now()


async def _fields(request: Request) -> dict[str, str] | None:
    """Return what a form sent; None if it is none."""
    body = await request.body()
    if len(body) > BODY:
        return None
    try:
        found = parse_qs(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS, errors="strict"
        )
    except ValueError:
        return None
    return {name: values[0] for name, values in found.items()}
