"""`[observers.forward]`: who is told of which cases, and how."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import get_args
from urllib.parse import urlsplit

from gateway.api import CaseKind, Duration, PluginConfig, Secret

KINDS: tuple[CaseKind, ...] = get_args(CaseKind)


class WebhookConfig(PluginConfig):
    """A system of the company's own that is told, and answers (Standard Webhooks)."""

    url: str
    secret: Secret
    """Signs what goes there and what comes back: `whsec_…`, or any text of 16 characters."""
    private: bool = False
    """The name may lead to a private address; one that is written as such may anyway."""

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            host, fine = parts.hostname or "", parts.port != 0
        except ValueError:
            host, fine = "", False
        local = _local(host)
        if not host or not fine or parts.scheme not in ("https", "http"):
            raise ValueError("url is no web address")
        if parts.scheme == "http" and not local and not self.private:
            raise ValueError("url: http is only for this machine or a private network; use https")
        if parts.username or parts.password:
            raise ValueError("url holds a password; what comes is signed instead")

    @property
    def public_only(self) -> bool:
        """Whether the name may lead to public addresses alone."""
        return not (self.private or _local(urlsplit(self.url).hostname or ""))


class ForwardConfig(PluginConfig):
    """`[observers.forward]`."""

    to: str = ""
    """Mail address that gets them; "" is `[company] mail`, or nobody if there is a webhook."""
    kinds: tuple[CaseKind, ...] = KINDS
    reply_to: str = ""
    """Where a reply to the mail goes, "" for `to`: the person who asked never gets it."""
    show_numbers: bool = False
    """Numbers in full; of somebody who wants to be called it is shown anyway."""
    link_valid: Duration = Duration(7 * 86400)
    """How long the page can be opened after the last moment for an answer by WhatsApp."""
    webhook: WebhookConfig | None = None

    def __post_init__(self) -> None:
        for key, address in (("to", self.to), ("reply_to", self.reply_to)):
            if address and not re.fullmatch(r"[^@\s]+@[^@\s]+", address):
                raise ValueError(f'{key} is no address; write one such as "redaktion@blog.example"')
        if not self.kinds:
            raise ValueError("kinds is empty: nobody is told of anything")


def _local(host: str) -> bool:
    """Whether a host is named as this machine, or by a private address."""
    if host == "localhost":
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
