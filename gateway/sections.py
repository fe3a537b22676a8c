"""The core's own tables of gateway.toml: what each key is, and what it must not be."""

from __future__ import annotations

import difflib
import re
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from gateway.errors import ConfigError
from gateway.values import Duration, Size

LOCAL = {"localhost", "127.0.0.1", "::1"}
FIELDS = ("title", "text", "link", "topic")
"""What a template parameter may be filled with."""

LEAST_RESERVE = 1 << 20
"""Bytes; a reserve is given up in parts (space.py), and each has to be worth something."""

_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z0-9]{2,8})*")
_LISTENER = re.compile(r"fd://\d+|unix:.+|(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+):(?P<port>\d+)")
_FIELD = re.compile(r"\{([a-z_]+)\}")


def refuse(*claims: tuple[bool, str]) -> None:
    """Raise ConfigError with every sentence whose claim is true; each begins with its key."""
    problems = [problem for wrong, problem in claims if wrong]
    if problems:
        raise ConfigError(*problems)


class Company(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Who sends; stands in sign-ups, welcomes and proofs."""

    name: str
    imprint: str = ""
    privacy: str = ""
    mail: str = ""
    language: str = "de"
    time_zone: str = "Europe/Berlin"
    region: str = "DE"
    texts: str = ""
    """Folder beside the settings with own texts (`de.toml`, …)."""

    def __post_init__(self) -> None:
        page = 'is no address of a page; write one such as "https://blog.example/impressum"'
        refuse(
            (not self.name.strip(), "name: is empty; people have to know who writes"),
            (not web(self.imprint), f"imprint: {page}"),
            (not web(self.privacy), f"privacy: {page}"),
            (
                bool(self.mail) and not re.fullmatch(r"[^@\s]+@[^@\s]+", self.mail),
                'mail: is no address; write one such as "redaktion@blog.example"',
            ),
            (
                not _LANGUAGE.fullmatch(self.language),
                f'language: write a code such as "de" or "en_GB", not {self.language!r}',
            ),
            (not _is_zone(self.time_zone), f"time_zone: {_other_zone(self.time_zone)}"),
            (
                not re.fullmatch(r"[A-Z]{2}", self.region),
                f'region: write a country such as "DE", not {self.region!r}',
            ),
        )


class Server(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where it listens.  `public` is for nginx or Caddy in front of it."""

    public_url: str = ""
    public: str = "127.0.0.1:8080"
    metrics: str = "127.0.0.1:9400"
    admin: str = ""
    """Path of the admin socket; by default `admin.sock` beside the database."""

    def __post_init__(self) -> None:
        refuse(
            (
                not web(self.public_url, secure=True),
                'public_url: has to be an https:// address such as "https://wa.blog.example"'
                " (http:// only on this machine)",
            ),
            (not _listens(self.public), f"public: {_how_to_listen(self.public)}"),
            (not _listens(self.metrics), f"metrics: {_how_to_listen(self.metrics)}"),
            (
                self.public == self.metrics and not self.public.endswith(":0"),
                "metrics: is the address of public too; what is inside must not be seen there",
            ),
        )


class Storage(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Where everything is kept."""

    path: str = "gateway.sqlite"
    reserve: Size = Size(64 << 20)
    """Room beside the database that is given up on a full disk, so that withdrawals and outcomes
    still get in; at most an eighth of the disk, 0: none."""

    gap: Duration = Duration(3600)
    """Marketing is held after so long without a sign of life, until a person looked."""
    replay_keep: Duration = Duration(60 * 86400)
    """How long withdrawals and sends are kept beside the database for when it is restored."""

    def __post_init__(self) -> None:
        refuse(
            (not self.path.strip(), 'path: is empty; name a file such as "gateway.sqlite"'),
            (
                0 < self.reserve < LEAST_RESERVE,
                "reserve: is at least 1MB, a part of which a withdrawal can use; or 0 for none",
            ),
            (self.gap < 300, "gap: has to be at least five minutes; a sign is kept every minute"),
            (self.replay_keep < 86400, "replay_keep: at least a day, and longer than your backups"),
        )


class Service(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """How the daemon itself behaves.  `grace` bounds a clean stop."""

    grace: Duration = Duration(20)
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class TopicTable(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`[topics.NAME]`: what people subscribe to."""

    title: str
    purpose: str
    template: str | None = None
    parameters: dict[str, str] = {}
    sender: str | None = None
    owner: str | None = None
    frequency: str = ""
    """How often at most, as people read it: "höchstens dreimal pro Woche"."""
    version: str = "1"
    """Of the purpose's wording; stands in every proof."""
    words: tuple[str, ...] = ()
    """By which START names it, beside its name and title."""
    closed: bool = False
    """Only for those whom `[people]` names; not in the list of topics."""

    def __post_init__(self) -> None:
        unknown = [
            (key, field)
            for key, text in self.parameters.items()
            for field in _FIELD.findall(text)
            if field not in FIELDS
        ]
        known = ", ".join(f"{{{field}}}" for field in FIELDS)
        refuse(
            (not self.title.strip(), "title: is empty; it is what people see"),
            (not self.purpose.strip(), "purpose: is empty; it is what people agree to"),
            (self.template == "", "template: is empty; name an approved one, or leave it out"),
            *(
                (True, f"parameters: {key} names {{{field}}}; known are {known}")
                for key, field in unknown
            ),
        )


def web(text: str, *, secure: bool = False) -> bool:
    """Whether a text is a web address or empty; `secure`: http only for this machine."""
    if not text:
        return True
    if any(c.isspace() or not c.isprintable() for c in text):
        return False
    try:
        parts = urlsplit(text)
        usual = parts.scheme == "https" or (
            parts.scheme == "http" and (not secure or parts.hostname in LOCAL)
        )
        return usual and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port out of range, half an IPv6 address
        return False


def _listens(text: str) -> bool:
    form = _LISTENER.fullmatch(text)
    return form is not None and int(form["port"] or 0) <= 65535


def _how_to_listen(text: str) -> str:
    forms = '"127.0.0.1:8080", "[::1]:8080", "unix:/path" or "fd://3"'
    return f"nobody can listen on {text!r}; write {forms}, with a port up to 65535"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _other_zone(name: str) -> str:
    near = difflib.get_close_matches(name, sorted(available_timezones()), n=1)
    hint = f"did you mean {near[0]!r}?" if near else 'write one such as "Europe/Berlin"'
    return f"there is no time zone {name!r}; {hint}"
