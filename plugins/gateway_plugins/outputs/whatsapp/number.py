"""What Meta says of a number when it is asked: quality, pace, the portfolio's tier, its health.

    GET /{phone_number_id}?fields=quality_rating,throughput,… →
        {"display_phone_number": "…", "quality_rating": "GREEN", "throughput": {"level": "HIGH"},
         "whatsapp_business_manager_messaging_limit": "TIER_10K",
         "health_status": {"can_send_message": "BLOCKED", "entities": [{"entity_type": "WABA",
          "can_send_message": "BLOCKED", "errors": [{"error_code": 131031, …}]}]}}

Shapes: Meta, "Phone numbers", "Messaging limits", "Health status".
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec
import trio

from gateway.api import Context, DeliveryError, Effect, FetchError, Rejected, cut
from gateway_plugins.outputs.whatsapp import news
from gateway_plugins.outputs.whatsapp.beside import carefully
from gateway_plugins.outputs.whatsapp.errors import failure
from gateway_plugins.outputs.whatsapp.incoming import inside, string

FIELDS = (
    "display_phone_number,quality_rating,throughput,is_on_biz_app,"
    "whatsapp_business_manager_messaging_limit,health_status"
)
BLOCKED = "number_blocked"
"""Why a sender stops whose health says that it cannot send."""

DEADLINE = 30.0
SOON = 300.0
"""Seconds until a question that failed is asked again."""


class Number:
    """One number at Meta.  `url` is its address, `headers` hold the token, `secret` is in them."""

    def __init__(
        self,
        context: Context,
        url: str,
        headers: dict[str, str],
        secret: str,
        named: Callable[[str], None],
    ) -> None:
        """`named` hears how Meta writes the number."""
        self._context = context
        self._url = f"{url}?fields={FIELDS}"
        self._headers = headers
        self._secret = secret
        self._named = named
        self._told = ""  # the trouble that the log has already
        self._went = False

    async def ask(self) -> tuple[Effect, ...]:
        """Ask, and return what the answer means.  Raises FetchError or DeliveryError."""
        answer = await self._context.http.get(self._url, self._headers)
        if answer.status != 200:
            refused = failure(answer.status, answer.body, (self._secret,))
            raise Rejected(refused.rule.name, refused.detail, scope=refused.rule.scope)
        try:
            told = msgspec.json.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise Rejected("no_number", "Meta's answer is no description of a number")
        self._named(string(told.get("display_phone_number")))
        known = self._context.sender(self._context.label).quality
        return effects(told, self._context.clock.now(), known)

    async def run(self, every: float) -> None:
        """Ask now and every so many seconds, until cancelled.  What fails is tried again."""
        while True:
            self._went = False
            await carefully(self._context, "the number's state could not be kept", self._once)
            await trio.sleep(every if self._went else min(SOON, every))

    async def _once(self) -> None:
        try:
            with trio.fail_after(DEADLINE):
                found = await self.ask()
        except (FetchError, DeliveryError, trio.TooSlowError) as error:
            if type(error).__name__ != self._told:  # one line for an outage, not one for each try
                self._told = type(error).__name__
                self._context.log.warning("Meta does not describe the number: %s", error)
            return
        self._told = ""
        await self._context.learned(found)
        self._went = True


def effects(told: dict[str, Any], at: datetime, known: str = "") -> tuple[Effect, ...]:
    """Return what a number's description means; `known` is the quality known before."""
    found = list(news.quality(string(told.get("quality_rating")).upper(), at, known=known))
    found += news.limit(told.get("whatsapp_business_manager_messaging_limit"))
    level = string(inside(told.get("throughput"), "level")).upper()
    if told.get("is_on_biz_app") is True:
        found.append(Effect(what="pace", value=news.WITH_APP))
    elif level in ("STANDARD", "HIGH"):
        pace = news.HIGH if level == "HIGH" else news.STANDARD
        found.append(Effect(what="pace", value=pace))
    return (*found, *_health(told.get("health_status"), at))


def _health(health: Any, at: datetime) -> tuple[Effect, ...]:
    able = string(inside(health, "can_send_message")).upper()
    if able in ("AVAILABLE", "LIMITED"):
        return (Effect(what="resume", code=BLOCKED, reason="Meta says that it may send"),)
    if able != "BLOCKED":
        return ()
    why = [
        _error(string(inside(entity, "entity_type")), error)
        for entity in _listed(health, "entities")
        for error in _listed(entity, "errors")
        if string(inside(entity, "can_send_message")).upper() == "BLOCKED"
    ]
    reason = f"{at:%d %b %Y}: Meta says that the number cannot send"
    if why:
        reason += f": {cut('; '.join(why), 2 * news.LONGEST)}"
    return (Effect(what="stop", code=BLOCKED, reason=reason),)


def _listed(value: Any, key: str) -> list[Any]:
    found = inside(value, key)
    return found if isinstance(found, list) else []


def _error(entity: str, error: Any) -> str:
    code = string(inside(error, "error_code"))
    words = (string(inside(error, key)) for key in ("error_description", "possible_solution"))
    return f"{entity} {code}: {'. '.join(word.rstrip('.') for word in words if word)}"
