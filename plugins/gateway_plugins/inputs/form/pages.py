"""What the pages of one input have in common: their language, their address, their sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import HTMLResponse

from gateway.api import Context
from gateway_plugins.pages import escape, page

SCRIPT = files(__package__).joinpath("captcha.js").read_text(encoding="utf-8")

BOTH = ("de", "en")
"""Languages between which the pages have a link."""


class Pages:
    """Makes pages of one input."""

    def __init__(self, context: Context, embed: Sequence[str] = ()) -> None:
        self._context = context
        self._embed = embed
        self.base = f"{urlsplit(context.public_url).path}/in/{context.label}"
        """Path under which the public reaches this input, without a slash at its end."""

    def say(self, key: str, language: str, **values: object) -> str:
        """Return a text, ready to stand in HTML; so are its values."""
        return escape(self._context.texts.say(key, language, **values))

    def time(self, at: datetime, language: str) -> str:
        """Return a time as people of the company's zone write it."""
        local = at.astimezone(ZoneInfo(self._context.company.time_zone))
        return local.strftime(self._context.texts.say("forms.time", language))

    def language(self, request: Request) -> str:
        """Return the language of whoever asks: by `?lang=`, then as the browser says."""
        texts = self._context.texts
        wanted = request.query_params.get("lang", "")[:20]
        accepted = request.headers.get("accept-language", "")[:200].split(",")
        for one in (wanted, *(part.partition(";")[0].strip() for part in accepted)):
            code = one.lower().replace("_", "-").partition("-")[0]
            if code and texts.language(code) == code:
                return code
        return texts.language(None)

    def page(
        self,
        title: str,
        body: str,
        language: str,
        *,
        status: int = 200,
        script: bool = False,
        switch: bool = True,
    ) -> HTMLResponse:
        """Return a page; `body` is HTML.  `script` solves the captcha, `switch` is a link to the
        same page in the other language."""
        if switch and language in BOTH:
            code = self.say("forms.other_code", language)
            shown = self.say("forms.other_language", language)
            link = f'<a href="?lang={code}" lang="{code}" hreflang="{code}">{shown}</a>'
            body += f'<p class="quiet switch">{link}</p>'
        scripts = [SCRIPT] if script else []
        return page(
            self._context, title, body, language=language, status=status, scripts=scripts,
            embedded_by=self._embed,
        )  # fmt: skip

    def notice(
        self, name: str, language: str, status: int = 200, *, again: bool = False
    ) -> HTMLResponse:
        """Return a page of the texts `NAME_title` and `NAME`, and perhaps the way to start again."""
        body = f'<p class="lead">{self.say(name, language)}</p>'
        if again:
            start = self.say("forms.again", language)
            body += f'<p><a class="button" href="{self.base}/?lang={language}">{start}</a></p>'
        title = self._context.texts.say(f"{name}_title", language)
        return self.page(title, body, language, status=status)

    def refusal(self, sentence: str, language: str, status: int) -> HTMLResponse:
        """Return a page that says why a form was not taken; `sentence` is plain text."""
        back = self.say("forms.back", language)
        body = f'<p class="error" role="alert">{escape(sentence)}</p><p>{back}</p>'
        title = self._context.texts.say("forms.refused_title", language)
        return self.page(title, body, language, status=status, switch=False)


def hidden(**fields: Any) -> str:
    """Return hidden fields of a form."""
    return "".join(
        f'<input type="hidden" name="{escape(name)}" value="{escape(str(value))}">'
        for name, value in fields.items()
    )
