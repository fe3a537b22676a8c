"""What the routes of one input share, and how they answer whoever posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.api import Context, Topic

from .agreement import Agreement, offered
from .asking import Asking
from .bodies import BodyError, Value, read_body
from .guard import REASONS, Guard, Refused
from .pages import Pages
from .qr import qr_code
from .settings import FormsConfig
from .signing_up import SigningUp, Step

STEP = "step"
"""Purpose of the signed address of the page that says what to send."""

OUTCOMES = ("stored", "asked", "known", "callback", "enquiry", "robot")


class Site:
    """The parts of one input, made once."""

    def __init__(self, context: Context, config: FormsConfig) -> None:
        self.context = context
        self.config = config
        self.topics: tuple[Topic, ...] = offered(context.topics, config.topics)
        self.texts = context.texts
        self.pages = Pages(context, config.embed)
        self.guard = Guard(context, config)
        self.agreement = Agreement(context)
        self.signing_up = SigningUp(context, config)
        self.asking = Asking(context)
        metrics = context.metrics
        self._taken = metrics.counter(
            "sign_ups", "What was posted and taken, by what became of it", ("result",)
        )
        self._refused = metrics.counter(
            "refused", "What was posted and not taken, by reason", ("reason",)
        )
        for result in OUTCOMES:
            self._taken.labels(result)
        for reason in REASONS:
            self._refused.labels(reason)

    def taken(self, result: str) -> None:
        """Count a post that was taken."""
        self._taken.labels(result).inc()

    def refused(self, reason: str) -> None:
        """Count a post that was not taken."""
        self._refused.labels(reason).inc()

    async def body(self, request: Request) -> dict[str, Value]:
        """Read a body.  Raises Refused."""
        try:
            return read_body(request.headers.get("content-type", ""), await request.body())
        except BodyError as error:
            raise Refused("unreadable", error.status) from error

    def step_address(self, step: Step, language: str) -> str:
        """Return the address of the page that says what to send: it can be reloaded, and holds
        nothing but a code."""
        # Of several topics the code says which; a token has to stay short.
        topic = step.topics[0] if len(step.topics) == 1 else ""
        extra = "\n".join((step.code, step.number, topic))
        token = self.context.links.token(STEP, int(step.until.timestamp()), extra=extra)
        return f"{self.pages.base}/s/{token}?lang={language}"

    def step_of(self, token: str) -> Step | None:
        """Return the step that an address is about, None if it is forged or over."""
        now = self.context.clock.now()
        read = self.context.links.read(STEP, token, now)
        if read is None or read[0] <= now.timestamp():
            return None
        code, number, topic = read[1].split("\n")
        until = datetime.fromtimestamp(read[0], now.tzinfo)
        return Step((topic,) if topic else (), code, number, until)

    def step_json(self, step: Step) -> dict[str, Any]:
        """Return what a script shows to the visitor."""
        link = self.signing_up.link(step)
        return {
            "ok": True,
            "link": link,
            "text": step.text,
            "number": step.number,
            "code": step.code,
            "expires_at": step.until.isoformat(),
            "qr": qr_code(link),
        }


def see_other(address: str) -> Response:
    """Send a browser to a page of ours or of the settings, never of the request."""
    return RedirectResponse(address, 303)


def as_json(value: dict[str, Any], status: int = 200) -> Response:
    """Answer a program."""
    return Response(
        msgspec.json.encode(value), status, {"cache-control": "no-store"}, "application/json"
    )


def later(response: Response, error: Refused) -> Response:
    """Say when to try again."""
    if error.wait:
        response.headers["retry-after"] = str(round(error.wait))
    return response
