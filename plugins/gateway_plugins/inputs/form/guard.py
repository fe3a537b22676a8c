"""Keeps robots and floods out: limits, honeypot, time, captcha, and whose pages may post."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.requests import Request

from gateway.api import Context

from .bodies import Value
from .captcha import Captcha
from .fields import text
from .limits import Sliding, networks, per_visitor, visitor
from .settings import FormsConfig

TOKEN = "token"
PURPOSE = "form"
"""Of the signed token that says when a page was shown."""
OLD = 86_400.0
"""Seconds after which a page that needs a token has to be shown again."""

REASONS = (
    "rate", "origin", "honeypot", "too_fast", "stale", "captcha", "signature", "unreadable",
    "not_agreed", "no_number", "no_phone", "bad_number", "no_mobile", "no_question", "asked_enough",
    "not_possible", "unfinished",
)  # fmt: skip
"""Why something that was posted was not taken; labels of the metric."""


class Refused(Exception):
    """A post is not taken.

    `reason` is one of REASONS; the sentence for people is the text `forms.REASON`, or another one.
    `wait`: seconds until it may be tried again.
    """

    def __init__(
        self, reason: str, status: int = 422, *, wait: float = 0.0, text: str = "", **values: object
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.wait = wait
        self.text = f"forms.{text or reason}"
        self.values = values


class Caller(msgspec.Struct, frozen=True):
    """Who posts: address ("" if unknown), browser, and the page it came from."""

    ip: str
    agent: str
    page: str

    def evidence(self, **more: str) -> dict[str, str]:
        """Return what is kept as evidence; what is empty is left out."""
        found = {"page": self.page, "ip": self.ip, "user_agent": self.agent, **more}
        return {key: value for key, value in found.items() if value}


class Guard:
    """Judges what comes, before anything is kept."""

    def __init__(self, context: Context, config: FormsConfig) -> None:
        self._context = context
        self._config = config
        self._proxies = networks(config.trusted_proxies)
        self._addresses = Sliding(config.per_address)
        self._all = Sliding(config.in_all, keys=1)
        self._challenges = Sliding(config.per_address * 5)
        self.captcha = Captcha()

    def caller(self, request: Request, page: str = "") -> Caller:
        """Return who asks."""
        found = page or request.headers.get("referer", "")
        return Caller(
            visitor(request, self._proxies),
            request.headers.get("user-agent", "")[:300],
            found[:500] if found.startswith(("https://", "http://", "/")) else "",
        )

    def count(self, caller: Caller | None) -> None:
        """Count a post; `caller` None is a form tool, whose servers have few addresses."""
        now = self._now()
        wait = self._addresses.wait(per_visitor(caller.ip), now) if caller else 0.0
        wait = wait or self._all.wait("", now)
        if wait:
            raise Refused("rate", 429, wait=wait, minutes=max(1, round(wait / 60)))

    def challenge(self, caller: Caller) -> dict[str, Any]:
        """Return a challenge of the captcha."""
        wait = self._challenges.wait(per_visitor(caller.ip), self._now())
        if wait:
            raise Refused("rate", 429, wait=wait, minutes=max(1, round(wait / 60)))
        return self.captcha.challenge(self._context.clock.now())

    def allowed(self, request: Request, origins: Sequence[str]) -> str | None:
        """Return the Origin of a page that may post here, "" if the request names none (a
        server, or an old browser); None: it may not."""
        origin = request.headers.get("origin", "")
        if not origin:
            crossed = request.headers.get("sec-fetch-site", "none") == "cross-site"
            return None if crossed else ""
        if origin in self._config.origins or origin in origins:
            return origin
        own = urlsplit(self._context.public_url)
        ours = origin == f"{own.scheme}://{own.netloc}"
        same = origin.partition("://")[2] == request.headers.get("host")
        return origin if ours or same else None

    def token(self, form: str) -> str:
        """Return a token that says when the page was shown."""
        return self._context.links.token(PURPOSE, int(self._now()), extra=form)

    def robot(self, fields: Mapping[str, Value]) -> bool:
        """Return whether the field that people do not see is filled in."""
        return bool(text(fields.get(self._config.honeypot)))

    def check(
        self, fields: Mapping[str, Value], form: str, *, needs_token: bool, needs_captcha: bool
    ) -> None:
        """Check what only browsers send: the page's token and the captcha.  Raises Refused."""
        token = text(fields.get(TOKEN), 500)
        if token or needs_token:
            now = self._context.clock.now()
            read = self._context.links.read(PURPOSE, token, now)
            if read is None or read[1] != form:
                raise Refused("stale")
            age = now.timestamp() - read[0]
            if age < self._config.min_seconds:
                raise Refused("too_fast")
            if needs_token and age > OLD:
                raise Refused("stale")
        if needs_captcha and self.captcha.check(
            text(fields.get("altcha"), 4000), self._context.clock.now()
        ):
            raise Refused("captcha")

    def _now(self) -> float:
        return self._context.clock.now().timestamp()
