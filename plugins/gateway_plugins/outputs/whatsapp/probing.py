"""Asks Meta, without sending, which causes of a stop are gone and which templates are back."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.api import DeliveryError, Effect, FetchError
from gateway_plugins.outputs.whatsapp.codes import ALL
from gateway_plugins.outputs.whatsapp.number import BLOCKED, Number
from gateway_plugins.outputs.whatsapp.templates import TemplateList

APPROVED = "APPROVED"


async def probe(number: Number, templates: TemplateList) -> Sequence[Effect]:
    """Return what is mended.

    That Meta answers shows that token and number are right.  What concerns the account is over
    only if the number's health says so.  Raises FetchError or DeliveryError.
    """
    told = await number.ask()
    if any((one.what, one.code) == ("stop", BLOCKED) for one in told):
        return told
    healthy = any((one.what, one.code) == ("resume", BLOCKED) for one in told)
    mended = [
        Effect(what="resume", scope=rule.scope, code=rule.name)
        for rule in ALL
        if rule.action == "stop" and rule.pause is not None
        if healthy or (rule.family == "ACC" and rule.scope == "sender")
    ]
    return (*told, *mended, *await _back(templates))


async def _back(templates: TemplateList) -> list[Effect]:
    try:
        known = await templates.sync()
    except (FetchError, DeliveryError):
        return []  # what is known of the number counts all the same
    return [
        Effect(what="template_back", scope="template", name=one.name, language=one.language)
        for one in known
        if one.status == APPROVED
    ]
