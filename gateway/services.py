"""What stands behind a plugin's context: clock, state, HTTP, metrics, texts, links, the company."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from gateway.inbound import Wording


class Clock(Protocol):
    """The time, injected so that tests decide it."""

    def now(self) -> datetime:
        """Return the time, aware, in UTC."""
        ...


class State(Protocol):
    """A plugin's own durable values, by key; small (an ETag, a cursor, a list)."""

    async def get(self, key: str) -> bytes | None: ...
    async def put(self, values: Mapping[str, bytes | None]) -> None:
        """Store all values in one transaction; None deletes."""
        ...


class HttpResponse(Protocol):
    """An answer: `status`, `headers` (names in lower case), `body`, the final `url`.

    `moved` is the address reached by permanent redirects (301, 308) alone, None without any.
    """

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    @property
    def url(self) -> str: ...
    @property
    def moved(self) -> str | None: ...


class Http(Protocol):
    """The shared HTTP client.  It never repeats a POST."""

    async def post(
        self, url: str, content: bytes, headers: Mapping[str, str], *, public_only: bool = False
    ) -> HttpResponse:
        """Send.  Raises NotSent if surely no byte left, Unknown if one may have."""
        ...

    async def get(
        self,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        max_bytes: int = 2_000_000,
        follow_redirects: int = 0,
        public_only: bool = False,
    ) -> HttpResponse:
        """Read.  Raises FetchError (gateway.api) with a reason code.

        `public_only` refuses, on every hop, a host whose addresses are not all public: for
        addresses that somebody else chose.
        """
        ...


class PluginMetrics(Protocol):
    """A plugin's own series.  A broken one is left out of the page and counted."""

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Any: ...
    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Any: ...
    def histogram(self, name: str, help: str, labels: Sequence[str] = ()) -> Any: ...


class Texts(Protocol):
    """Every sentence that a person reads: shipped in texts/LANGUAGE.toml, changed by the settings.

    `language` is a code such as `de` or `en-GB`; without a text in it, the company's language
    answers, then English.
    """

    def say(self, key: str, language: str | None = None, **values: object) -> str:
        """Return the text `section.name` with {values} filled in.  Raises KeyError for a key or a
        value that the shipped texts do not know."""
        ...

    def wording(self, key: str, language: str | None, purpose: str, **values: object) -> Wording:
        """Return the text as evidence: with language, version and purpose."""
        ...

    def language(self, wanted: str | None) -> str:
        """Return the language that `say` answers in."""
        ...


class Links(Protocol):
    """Signed tokens for pages of people without a password: `withdraw`, `answer`, …"""

    def token(
        self, purpose: str, subject: int, *, until: datetime | None = None, extra: str = ""
    ) -> str:
        """Return a token for a URL: who has it may do this one thing."""
        ...

    def read(self, purpose: str, token: str, now: datetime) -> tuple[int, str] | None:
        """Return (subject, extra); None if it is forged, for something else, or too old."""
        ...


class CompanyFacts(Protocol):
    """Who sends: `[company]`, and where the public pages are (`[server] public_url`, "" if unset)."""

    @property
    def name(self) -> str: ...
    @property
    def imprint(self) -> str: ...
    @property
    def privacy(self) -> str: ...
    @property
    def mail(self) -> str: ...
    @property
    def language(self) -> str: ...
    @property
    def time_zone(self) -> str: ...
    @property
    def region(self) -> str: ...
