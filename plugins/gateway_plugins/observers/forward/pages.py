"""The pages to answer on: what was asked, what was said before, and a field for the answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.responses import HTMLResponse

from gateway.api import Answered, Case, Context, Said
from gateway_plugins.observers.forward.answers import MOST, PHONE_APP, Reach
from gateway_plugins.observers.forward.facts import Facts
from gateway_plugins.pages import escape, page, paragraphs

LATELY = timedelta(days=7)
"""How far back a conversation is shown: for an answer older lines are not needed."""

STATES = {
    "queued": "state_queued", "leased": "state_queued", "sending": "state_queued",
    "held": "state_queued", "paused": "state_queued", "unknown": "state_queued",
    "accepted": "state_sent", "sent": "state_sent", "delivered": "state_delivered",
    "read": "state_read", "failed": "state_failed", "dropped": "state_failed",
}  # fmt: skip


class Pages:
    """Makes them."""

    def __init__(self, context: Context, facts: Facts) -> None:
        self._context = context
        self._facts = facts

    def over(self) -> HTMLResponse:
        """Return what a link shows that is no longer valid."""
        say = self._facts.say
        return self._page(say("over_title"), f"<p>{escape(say('over'))}</p>", 410)

    async def shown(
        self,
        case: Case,
        reach: Reach | None,
        *,
        open: bool,
        refused: Answered | None = None,
        text: str = "",
    ) -> HTMLResponse:
        """Return a case as it stands; with what was `refused`, and the `text` that was not sent."""
        parts = [self._head(case)]
        if refused and case.closed_at is not None and text.strip():
            parts.append(self._not_sent(text))
        parts.append(self._known(case, reach))
        if case.closed_at is None:
            parts.append(await self._said(case, reach))
            parts.append(self._form(case, reach, open=open, refused=refused, text=text))
        elif case.contact is not None:
            parts.append(await self._said(case, reach))
        status = 200 if refused is None else 409 if case.closed_at is not None else 422
        return self._page(self._facts.title(case), "".join(parts), status)

    # --- parts ----------------------------------------------------------------------------------
    def _head(self, case: Case) -> str:
        if case.closed_at is None:
            return ""
        when = self._facts.when(case.closed_at)
        if case.closed_by == PHONE_APP:
            words = self._facts.say("by_phone", when=when)
        else:
            key = "answered" if case.answer else "closed"
            words = self._facts.say(key, by=case.closed_by, when=when)
        return f'<div class="done" role="status"><p>{escape(words)}</p></div>'

    def _not_sent(self, text: str) -> str:
        words = escape(self._facts.say("not_sent"))
        return f'<div class="warn" role="alert"><p>{words}</p>{paragraphs(text)}</div>'

    def _known(self, case: Case, reach: Reach | None) -> str:
        rows = "".join(
            f"<dt>{escape(fact.name)}</dt><dd>{escape(fact.value)}</dd>"
            for fact in self._facts.lines(case, reach)
        )
        return f'<dl class="facts">{rows}</dl>'

    async def _said(self, case: Case, reach: Reach | None) -> str:
        lines: list[Said] = []
        if reach is not None and case.kind == "question":
            since = self._context.clock.now() - LATELY
            talk = await self._context.conversation(reach.contact.id)
            lines = [line for line in talk if line.at >= since]
        if case.text.strip() and not any(
            not line.ours and line.text.strip() == case.text.strip() for line in lines
        ):
            at = case.opened_at or self._context.clock.now()
            lines.append(Said(at=at, ours=False, text=case.text, kind="text"))
        if case.answer and not any(line.ours and line.text == case.answer for line in lines):
            at = case.closed_at or self._context.clock.now()
            lines.append(Said(at=at, ours=True, text=case.answer, kind="service"))
        lines.sort(key=lambda line: line.at)
        if not lines:
            return ""
        title = escape(self._facts.say("asked"))
        return f'<h2>{title}</h2><ol class="talk">{self._bubbles(lines)}</ol>'

    def _bubbles(self, lines: Sequence[Said]) -> str:
        say, found = self._facts.say, []
        for line in lines:
            words = line.text
            if line.kind == "echo":
                words = say("wrote_outside")
            elif not words.strip():
                words = say("without_words", kind=line.kind)
            about = self._facts.when(line.at)
            if line.ours and line.kind != "echo" and line.state in STATES:
                about += f" · {say(STATES[line.state])}"
            side = "ours" if line.ours else "theirs"
            found.append(
                f'<li class="{side}">{paragraphs(words)}<span class="who">{escape(about)}</span></li>'
            )
        return "".join(found)

    def _form(
        self, case: Case, reach: Reach | None, *, open: bool, refused: Answered | None, text: str
    ) -> str:
        say = self._facts.say
        close = (
            '<hr><form method="post">'
            f'<p class="quiet" id="done">{escape(say("done_hint"))}</p>'
            '<button class="plain" name="do" value="close" aria-describedby="done">'
            f"{escape(say('done'))}</button></form>"
        )
        if not open or reach is None or reach.until is None:
            lost = self._lost(text)
            return f'<p class="warn">{escape(self._why(reach))}</p>{lost}{close}'
        wrong, attribute = "", ""
        if refused in ("empty", "too_long"):
            words = say(refused, length=len(text), most=MOST)
            wrong = f'<p class="error" id="wrong" role="alert">{escape(words)}</p>'
            attribute = ' aria-invalid="true"'
        hint = say(
            "hint", who=self._facts.who(case, reach.contact), until=self._facts.when(reach.until)
        )
        described = "hint wrong" if wrong else "hint"
        return (
            f'<form method="post">{wrong}<label for="text">{escape(say("label"))}</label>'
            f'<span class="hint" id="hint">{escape(hint)}</span>'
            f'<textarea id="text" name="text" maxlength="{MOST}" required'
            f' aria-describedby="{described}"{attribute}>\n{escape(text)}</textarea>'
            f'<button name="do" value="send">{escape(say("send"))}</button></form>{close}'
        )

    def _lost(self, text: str) -> str:
        return self._not_sent(text) if text.strip() else ""

    def _why(self, reach: Reach | None) -> str:
        if reach is None:
            return self._facts.say("unknown_person")
        if reach.until is None:
            return self._facts.say("no_window")
        return self._facts.say("window_closed", until=self._facts.when(reach.until))

    def _page(self, title: str, body: str, status: int = 200) -> HTMLResponse:
        return page(self._context, title, body, language=self._facts.language, status=status)
