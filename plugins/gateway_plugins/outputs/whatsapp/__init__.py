"""Sends WhatsApp messages by Meta's Cloud API, and hears its webhooks.

settings   the sender's table                  codes     every error code, as data
payloads   a delivery as JSON                  errors    an answer of the API, by name
compose    a message as it would be sent       templates the account's approved templates
webhook    a signed body as an Intake          incoming  one inbound message, who and what
endpoint   the two routes                      output    the plugin that joins them
"""

from __future__ import annotations

from gateway.api import hookimpl
from gateway_plugins.outputs.whatsapp.output import WhatsApp


@hookimpl
def register() -> list[type[WhatsApp]]:
    """Hand over the output."""
    return [WhatsApp]
