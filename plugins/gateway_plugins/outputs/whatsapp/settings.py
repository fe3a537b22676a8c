"""The settings of a WhatsApp sender, and how long a version of the Graph API lives."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal
from urllib.parse import urlsplit

from gateway.api import Duration, PluginConfig, Secret

# Last day of each version (Meta, "Graph API changelog").  Newer ones have no end date yet.
VERSION_ENDS = {
    "v19.0": date(2026, 5, 21),
    "v20.0": date(2026, 9, 24),
    "v21.0": date(2027, 1, 21),
    "v22.0": date(2027, 5, 20),
    "v23.0": date(2027, 10, 8),
    "v24.0": date(2028, 2, 18),
    "v25.0": date(2028, 7, 29),
}
WARN_DAYS = 90
LOCAL = {"localhost", "127.0.0.1", "::1"}


class MediaConfig(PluginConfig):
    """What is fetched of that which people attach (`media = { kinds = ["image"] }`).

    `folder` begins where the gateway runs (its state folder, under systemd).  A file of more than
    `max_bytes` is left at Meta, and one that was kept is removed after `keep`.
    """

    kinds: tuple[Literal["image", "document", "audio", "video", "sticker"], ...]
    max_bytes: int = 16_000_000
    folder: str = "media"
    keep: Duration = Duration(30 * 86400)

    def __post_init__(self) -> None:
        if not 1 <= self.max_bytes <= 100_000_000:
            raise ValueError("media: max_bytes lies between 1 and 100000000, Meta's own limit")
        if not self.folder.strip():
            raise ValueError("media: folder names a folder")


class WhatsAppConfig(PluginConfig):
    """One business number (`[senders.NAME]` with `output = "whatsapp"`).

    `phone_number_id` and `account_id` are Meta's numeric ids, not phone numbers.  `app_secret`
    signs the webhooks; `previous_app_secret` is accepted too while it is being changed.
    `verify_token` is asked for once, when the webhook's address is entered at Meta.
    `auth_header` and `auth_scheme` differ at partners (`D360-API-KEY` and an empty scheme).
    """

    phone_number_id: str
    account_id: str
    token: Secret
    app_secret: Secret
    previous_app_secret: Secret | None = None
    verify_token: Secret | None = None
    version: str = "v25.0"
    base_url: str = "https://graph.facebook.com"
    auth_header: str = "Authorization"
    auth_scheme: str = "Bearer"
    number: str = ""
    """The number as people dial it, for links and contact cards; Meta's webhooks tell it too."""
    templates_every: Duration = Duration(600)
    """The list of templates is asked for again when it is older than this."""
    number_every: Duration = Duration(21600)
    """Quality, pace, tier and templates are asked for at the start and so often; 0 never asks."""
    portfolio: str = ""
    """What owns the tier: the name of the business portfolio, the same for all of its numbers, if
    they have several accounts; the account without it."""
    media: MediaConfig | None = None
    """What people attach is not fetched without it."""

    def __post_init__(self) -> None:
        for key in ("phone_number_id", "account_id"):
            if not re.fullmatch(r"[0-9]{3,30}", getattr(self, key)):
                raise ValueError(f"{key} is a number that Meta shows, and no phone number")
        if not re.fullmatch(r"v[0-9]{1,3}\.[0-9]{1,2}", self.version):
            raise ValueError('version is written "v25.0"')
        self.base_url = self.base_url.rstrip("/")
        address = urlsplit(self.base_url)
        if not address.hostname or address.query or address.fragment or "@" in address.netloc:
            raise ValueError("base_url is an address such as https://graph.facebook.com")
        if address.scheme != "https" and not (
            address.scheme == "http" and address.hostname in LOCAL
        ):
            raise ValueError("base_url begins with https:// (http:// only on this machine)")
        if not re.fullmatch(r"[A-Za-z0-9-]+", self.auth_header):
            raise ValueError("auth_header is the name of one HTTP header")
        if not re.fullmatch(r"[A-Za-z0-9-]*", self.auth_scheme):
            raise ValueError('auth_scheme is one word such as "Bearer", or empty')
        # A line break or blank in a secret is a slip of the clipboard, and breaks the header.
        for key in ("token", "app_secret", "previous_app_secret", "verify_token"):
            secret: Secret | None = getattr(self, key)
            if secret is not None and not re.fullmatch(r"[!-~]+", secret.reveal()):
                raise ValueError(f"{key} is empty or holds a blank or a line break")

    @property
    def headers(self) -> dict[str, str]:
        """What every call carries; holds the token."""
        return {
            self.auth_header: f"{self.auth_scheme} {self.token.reveal()}".lstrip(),
            "content-type": "application/json",
        }

    @property
    def messages_url(self) -> str:
        return f"{self.base_url}/{self.version}/{self.phone_number_id}/messages"

    @property
    def number_url(self) -> str:
        return f"{self.base_url}/{self.version}/{self.phone_number_id}"

    @property
    def templates_url(self) -> str:
        return f"{self.base_url}/{self.version}/{self.account_id}/message_templates"

    @property
    def signing_keys(self) -> tuple[bytes, ...]:
        """The app secrets that a webhook may be signed with."""
        secrets = (self.app_secret, self.previous_app_secret)
        return tuple(secret.reveal().encode() for secret in secrets if secret is not None)


def version_warning(version: str, today: date) -> str | None:
    """Return a sentence if the version ended or ends within WARN_DAYS, else None."""
    end = VERSION_ENDS.get(version)
    if end is None or (end - today).days > WARN_DAYS:
        return None
    verb = "ended" if today > end else "ends"
    return f"Graph API {version} {verb} on {end}; set version to a newer one"
