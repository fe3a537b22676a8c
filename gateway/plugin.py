"""The plugin contract: base classes, and what the context gives them.

Behaviour lives in async methods of these classes; hooks (hookspecs.py) only hand the classes
over.  One class may be several kinds and then has one instance and one settings table.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import msgspec

from gateway import API_VERSION
from gateway.errors import ConfigError
from gateway.inbound import Event, Intake, Person
from gateway.message import Content, Delivery, Message, Topic, Value
from gateway.verdicts import Drop, Hold, Limit

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


class PluginConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Settings of one plugin instance.  A misspelt key is an error."""


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

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> HttpResponse:
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


class Health(Value, frozen=True, kw_only=True):
    """How an input fares, in the operator's words; `gateway status` shows the latest.

    `note` says how it went ("unchanged"); `trouble` what keeps it from its job, "" if nothing
    does, and `needs_person` that waiting will not mend it.  `next_at`: when it reads next.
    `at`: since when that is so, if it was before this start; None is now.
    """

    note: str = ""
    trouble: str = ""
    needs_person: bool = False
    next_at: datetime | None = None
    at: datetime | None = None


class Context(Protocol):
    """What every plugin gets in `lifespan`, and an input in `run`."""

    @property
    def label(self) -> str:
        """The name of this instance in the settings: `blog` for `[inputs.blog]`."""
        ...

    @property
    def http(self) -> Http: ...
    @property
    def state(self) -> State: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]: ...
    @property
    def metrics(self) -> PluginMetrics: ...
    @property
    def topics(self) -> Mapping[str, Topic]: ...
    @property
    def stop_words(self) -> frozenset[str]:
        """Words that withdraw when they are the whole message, in lower case."""
        ...

    async def accept(
        self,
        messages: Sequence[Message] = (),
        *,
        state: Mapping[str, bytes | None] | None = None,
        people: Sequence[Person] = (),
    ) -> list[int | None]:
        """Hand in messages and people together with own state, in one transaction.

        Returns each message's id, None for one that was accepted before.  When it returns, all
        is on disk.  Waits while the gateway is full.
        """
        ...

    async def intake(self, intake: Intake) -> None:
        """Hand in what came back (outputs).  When it returns, it is on disk and in force.

        A withdrawal in it is final: no marketing to that contact starts afterwards.
        """
        ...

    def succeeded(
        self, note: str = "", *, next_at: datetime | None = None, at: datetime | None = None
    ) -> None:
        """Tell the operator that this input did its job (a metric and `status`): just now, or,
        for one that starts and remembers, at `at`."""
        ...

    def failed(
        self,
        why: str,
        *,
        next_at: datetime | None = None,
        needs_person: bool = False,
        at: datetime | None = None,
    ) -> None:
        """Tell the operator what keeps this input from its job, in one sentence.

        `needs_person`: waiting will not mend it.  `at`: since when, if before this start.  The
        next `succeeded` takes it back.
        """
        ...


class Plugin(ABC):
    """Base of all kinds.  `name` is the plugin's one name, everywhere.

    `config` is annotated by the subclass with its own PluginConfig; that is how its settings
    are read.  `timeout` bounds one call of process or screen in seconds.
    """

    name: ClassVar[str]
    api_version: ClassVar[int] = API_VERSION
    config: Any

    def __init__(self, config: Any, label: str) -> None:
        self.config = config
        self.label = label

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Open what the plugin needs; close it after the yield.  Entered before any other call."""
        yield

    def routes(self) -> Iterable[BaseRoute]:
        """Return Starlette routes; the core mounts them on the public listener.

        An input's lie below `/in/LABEL`, an output's below `/hook/LABEL`.
        """
        return ()

    async def command(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Answer a command of the plugin's own (entry-point group `gateway.commands`).

        Called through the admin socket; arguments and answer are plain JSON values.  Raises
        ConfigError with a sentence for whoever typed it.
        """
        raise ConfigError(f"{self.label} has no command {name!r}")


class Input(Plugin):
    """Produces messages."""

    async def run(self, context: Context) -> None:
        """Run as a supervised task: restarted after a crash, with a growing pause.

        Returning ends it for good.  ConfigError parks it until the settings change.
        """


class Middleware(Plugin):
    """Looks at every message once (`screen`) and at every delivery (`process`, `limits`).

    Each method defaults to letting pass.  A middleware that raises, hangs past `timeout`,
    answers nonsense or changes id, contact or sender holds what it was asked about.
    """

    codes: ClassVar[frozenset[str]] = frozenset()
    approvable: ClassVar[frozenset[str]] = frozenset()
    """Codes of holds that a person may release (`gateway message approve`)."""
    timeout: ClassVar[float] = 5.0

    async def screen(self, message: Message) -> Message | Drop | Hold:
        """Judge a message, once, before its audience is looked up."""
        return message

    async def process(self, delivery: Delivery) -> Delivery | Drop | Hold:
        """Judge one delivery, just before it goes out."""
        return delivery

    def limits(self, delivery: Delivery) -> Sequence[Limit]:
        """Declare the limits that this delivery counts against.  Pure, no I/O."""
        return ()


class Output(Plugin):
    """Sends deliveries.  One instance per sender; its settings are the sender's table."""

    identity_kinds: ClassVar[tuple[str, ...]]
    """Kinds of identity it can reach, the best first."""
    windows: ClassVar[bool] = False
    """True if free text may only go inside a window that the person opened."""
    codes: ClassVar[frozenset[str]] = frozenset()
    """Codes of its DeliveryErrors; they become metric labels."""
    send_deadline: ClassVar[float] = 60.0
    """Seconds after which `send` is cut off and its outcome is unknown."""
    display: str = ""
    """The address that people know this sender by, such as its number; set once it is known."""

    @abstractmethod
    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content] | Hold:
        """Return the message as it would be sent, one content per form; or why it cannot be."""

    @abstractmethod
    async def send(self, delivery: Delivery) -> str:
        """Send and return the provider's id.

        Raises NotSent, Rejected or Unknown.  Never repeats by itself: the core does.
        """


class Observer(Plugin):
    """Learns what happened, with a durable position in the journal."""

    replayable: ClassVar[bool] = True
    """False for those that answer people: they start at the end of the journal."""
    max_age: ClassVar[float] = 7 * 86400.0
    """Events older than this (seconds) are passed over."""

    @abstractmethod
    async def notice(self, event: Event) -> Sequence[Message]:
        """Return messages that follow from the event; committed together with the position."""
