"""The settings of a website: `[inputs.NAME]` with `plugin = "forms"`, and its forms."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from gateway.api import Duration, PluginConfig, Secret

from .signatures import PROFILES
from .tools import COMMON, TOOLS

SignUpWay = Literal["whatsapp", "template"]
Reply = Literal["auto", "redirect", "json", "200"]
NumberType = Literal["mobile", "fixed_or_mobile", "landline", "voip"]

ACCEPTED = ("yes", "ja", "on", "true", "1", "x")
"""What a tick sends in most tools."""

_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_ORIGIN = re.compile(r"https?://[^/\s?#@]+|null")

Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class FormTable(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`[inputs.NAME.forms.FORM]`: a form of another tool, posted to `/in/NAME/f/FORM`."""

    kind: Literal["newsletter", "callback", "enquiry"]
    tool: str = "html"
    """Who posts: a browser (`html`), a program of your own (`json`), or a form tool."""
    fields: dict[str, str | tuple[str, ...]] = {}
    """Field of ours → its name, label or path in the form; several are tried in turn."""
    keep: tuple[str, ...] = ()
    """More fields that stand in the case, by name, label or path."""
    accepted: tuple[str, ...] = ACCEPTED
    """What the tick sends when it says yes, as the form writes it, in any case."""
    topics: tuple[str, ...] = ()
    """What a newsletter form subscribes to; without, those of the website."""
    wording: str = ""
    """What stands beside the tick, word for word: the evidence of every consent."""
    version: str = "1"
    """Of the wording."""
    sign_up: SignUpWay | None = None
    secret: Secret | None = None
    """Signs what the tool posts."""
    previous_secret: Secret | None = None
    """Accepted too while the secret is being changed."""
    signature: str = ""
    """How it is signed, if not in the tool's own way."""
    signature_id: str = ""
    """What is signed beside the body: TYPO3's UUID of the webhook."""
    key: Secret | None = None
    """For tools that cannot sign: the last part of the address, or a Bearer token."""
    reply: Reply = "auto"
    thank_you: str = ""
    """Page where a browser goes when all went well."""
    error_page: str = ""
    """Page where a browser goes when something was wrong."""
    origins: tuple[str, ...] = ()
    """Websites whose pages may post, beside those of the whole input."""
    due: Duration = Duration(86_400)
    """Time until somebody should have called back or answered."""
    token: Literal["optional", "required"] = "optional"
    """Whether a browser's post needs the token of the page; then it has to come by script."""
    captcha: bool | None = None
    language: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot work, with a sentence for the operator."""
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        tool = TOOLS.get(self.tool)
        if tool is None:
            yield f"tool: there is no {self.tool!r}; known: {', '.join(sorted(TOOLS))}"
            return
        if self.signature and self.signature not in PROFILES:
            known = ", ".join(sorted(PROFILES))
            yield f"signature: there is no {self.signature!r}; known: {known}"
        if unknown := sorted(self.fields.keys() - COMMON.keys()):
            yield f"fields: there is no {unknown[0]!r}; known: {', '.join(COMMON)}"
        if self.secret is not None and not self.profile:
            yield f"secret: {self.tool} does not sign; use key, or name a signature"
        if self.secret is None and (self.signature or self.previous_secret):
            yield "secret: is missing; without it no signature can be checked"
        needed = self.secret and self.profile and PROFILES[self.profile].id_needed
        if needed and not self.signature_id:
            yield "signature_id: is missing; it is signed together with the body"
        if not tool.shows and self.secret is None and self.key is None:
            yield (
                f"secret: is missing; {self.tool} posts from a server, and without a secret"
                " (or a key in its address) anybody could post in its name"
            )
        if self.kind == "newsletter" and not self.wording.strip():
            yield "wording: is missing; write what stands beside the tick, word for word"
        if not self.accepted:
            yield "accepted: is empty, so no tick would count"
        for key in ("thank_you", "error_page"):
            if getattr(self, key) and not _web(getattr(self, key)):
                yield f"{key}: is no address of a page"
        if self.reply == "redirect" and self.kind != "newsletter" and not self.thank_you:
            yield "thank_you: is missing; reply is redirect"
        yield from _wrong_origins("origins", self.origins)

    @property
    def profile(self) -> str:
        """Name of the signature profile, "" if nothing is signed."""
        return self.signature or TOOLS[self.tool].signature

    def names(self, field: str) -> tuple[str, ...]:
        """The names under which one of our fields is looked for; those of the settings alone, if
        they give any."""
        given = self.fields.get(field)
        if given is not None:
            return (given,) if isinstance(given, str) else given
        return (*TOOLS[self.tool].names.get(field, ()), *COMMON[field])


class FormsConfig(PluginConfig):
    """Settings of `[inputs.NAME]` with `plugin = "forms"`."""

    topics: tuple[str, ...] = ()
    """What the sign-up page offers.  Empty: every topic that is not closed."""
    sign_up: SignUpWay = "whatsapp"
    """`whatsapp`: the visitor sends START and a code from the own phone.  `template`: a number is
    typed in, and asked by an approved template whether it is theirs."""
    number: str = ""
    """WhatsApp number of the links, if it is another one than the sender's."""
    wa_me: str = "https://wa.me"
    """What links begin with; another one leads into the sandbox."""
    code_valid: Duration = Duration(86_400)
    """How long a sign-up waits for its message."""
    honeypot: str = "website"
    """A field that people do not see; whoever fills it in is a robot."""
    min_seconds: Duration = Duration(3)
    """Nobody fills in a form faster than that."""
    captcha: bool = False
    """Ask browsers for a proof of work (ALTCHA), which needs JavaScript."""
    origins: tuple[str, ...] = ()
    """Websites whose pages may post: `https://www.blog.example`."""
    embed: tuple[str, ...] = ()
    """Websites that may show our pages in a frame."""
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1")
    """Whose X-Forwarded-For is believed: addresses or networks."""
    per_address: Count = 20
    """Posts in an hour from one visitor's address (IPv6: from one /64)."""
    in_all: Count = 1000
    """Posts in an hour of all forms together."""
    per_number: Count = 3
    """How often one typed number is asked, at most once a day, until it answers with yes."""
    number_types: tuple[NumberType, ...] = ("mobile", "fixed_or_mobile")
    """Kinds of numbers that may be typed in to subscribe."""
    forms: dict[str, FormTable] = {}
    """Forms of other tools, by name."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, with a sentence for the operator."""
        for problem in self._problems():
            raise ValueError(problem)

    def _problems(self) -> Iterator[str]:
        if not re.fullmatch(r"[A-Za-z][\w-]{0,60}", self.honeypot):
            yield "honeypot has to be a field's name such as website"
        if self.honeypot in {"phone", "topics", "consent", "token", "altcha", "lang"}:
            yield f"honeypot: {self.honeypot!r} is a field of the form"
        if self.code_valid < 600:
            yield "code_valid: people need at least 10min to open WhatsApp and press Send"
        if not _web(self.wa_me) or self.wa_me.endswith("/"):
            yield "wa_me has to be an address without a slash at its end"
        if self.number and sum(char.isdigit() for char in self.number) < 7:
            yield 'number: is no phone number; write it as "+49 30 1234567"'
        yield from _wrong_origins("origins", self.origins)
        yield from _wrong_origins("embed", self.embed)
        for proxy in self.trusted_proxies:
            try:
                ipaddress.ip_network(proxy)
            except ValueError:
                yield f"trusted_proxies: {proxy!r} is no address and no network"
        for name, form in self.forms.items():
            if not _NAME.fullmatch(name):
                yield f"forms: {name!r} stands in an address: small letters, digits and - only"
            way = form.sign_up or self.sign_up
            if form.kind == "newsletter" and way == "whatsapp" and not TOOLS[form.tool].shows:
                yield (
                    f"forms: {name}: {form.tool} shows our answer to nobody, so the visitor would"
                    ' not get the code; write sign_up = "template", or link to our own page'
                )


def _web(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and url.isprintable()
    except ValueError:
        return False


def _wrong_origins(key: str, origins: tuple[str, ...]) -> Iterator[str]:
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            yield f'{key}: write a website as "https://www.blog.example", without a path'
