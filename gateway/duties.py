"""The core's tables of gateway.toml about people's rights: consent, mail, proof, retention."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from gateway.secret import Secret
from gateway.sections import refuse, web
from gateway.values import Duration, said

YEAR = 365 * 86400


class Consent(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How people sign up and withdraw.  The words are beside those that always count."""

    stop_words: tuple[str, ...] = ()
    start_words: tuple[str, ...] = ()
    yes_words: tuple[str, ...] = ()
    no_words: tuple[str, ...] = ()
    double_opt_in: bool = True
    """Ask back before anything is sent; without, START alone is the consent."""
    request_valid: Duration = Duration(7 * 86400)
    """How long the question waits for its answer; then the request has expired."""

    def __post_init__(self) -> None:
        refuse(
            *(
                (not said(word), f"{key}: nobody can write {word!r}: it has no letters")
                for key in ("stop_words", "start_words", "yes_words", "no_words")
                for word in getattr(self, key)
            ),
            (self.request_valid < 3600, "request_valid: people need at least an hour to answer"),
        )


class Mail(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How mail leaves: an SMTP server.  Without `host` none is sent."""

    host: str = ""
    port: int = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    """`none` only for a server on this machine."""
    user: str = ""
    password: Secret | None = None
    sender: str = ""
    """The From address; without, `[company] mail`."""

    def __post_init__(self) -> None:
        refuse(
            (not 0 < self.port < 65536, "port: has to be between 1 and 65535"),
            (
                self.security == "none" and self.host not in ("", "localhost", "127.0.0.1", "::1"),
                'security: "none" would send personal data in the clear; only for this machine',
            ),
            (
                bool(self.user) != (self.password is not None),
                "user: and password belong together",
            ),
            (
                bool(self.sender) and not re.fullmatch(r"[^@\s]+@[^@\s]+", self.sender),
                'sender: is no address; write one such as "gateway@blog.example"',
            ),
        )


class Proof(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Where the signed head of the consent chain is kept outside, every day."""

    officer: str = ""
    """E-mail address of the data protection officer."""
    timestamp_url: str = ""
    """An RFC 3161 time-stamping service."""
    timestamp_ca: str = ""
    """File with that service's root certificates (PEM); without it a stamp's signature is looked at
    only when somebody verifies with one."""
    keys: str = "keys"
    """Folder of the gateway's own keys, beside the database; back it up apart from it."""
    every: Duration = Duration(86400)

    def __post_init__(self) -> None:
        refuse(
            (
                bool(self.officer) and not re.fullmatch(r"[^@\s]+@[^@\s]+", self.officer),
                'officer: is no address; write one such as "datenschutz@blog.example"',
            ),
            (
                not web(self.timestamp_url),
                "timestamp_url: is no web address",
            ),
            (not self.keys.strip(), 'keys: is empty; name a folder such as "keys"'),
            (self.every < 60, "every: at most once a minute"),
        )


class Retention(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How long what is kept; docs/law.md explains the defaults.  0 keeps for ever."""

    proof: Duration = Duration(5 * YEAR)
    """Evidence of a consent, from its end."""
    sent: Duration = Duration(3 * YEAR)
    """What was sent to whom."""
    conversation: Duration = Duration(180 * 86400)
    """What people wrote, and closed cases."""
    unconfirmed: Duration = Duration(30 * 86400)
    """People who asked and never confirmed, and sign-ups that nobody bound."""
    raw: Duration = Duration(30 * 86400)
    """Raw webhooks."""
    journal: Duration = Duration(365 * 86400)
