"""The plugin contract: base classes.  What they are given stands in given.py.

Behaviour lives in async methods of these classes; hooks (hookspecs.py) only hand the classes
over.  One class may be several kinds and then has one instance and one settings table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from gateway import API_VERSION
from gateway.errors import ConfigError
from gateway.given import Context, TemplateFacts
from gateway.inbound import Case, Close, Effect, Event, Preference
from gateway.message import Content, Delivery, Message, Topic
from gateway.verdicts import Concern, Drop, Hold, Limit

if TYPE_CHECKING:
    from starlette.routing import BaseRoute


class PluginConfig(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Settings of one plugin instance.  A misspelt key is an error."""


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

        An input's lie below `/in/LABEL`, an output's below `/hook/LABEL`, an observer's (also of
        a middleware that observes) below `/on/LABEL`.
        """
        return ()

    async def concerns(self) -> Sequence[Concern]:
        """Say what is missing for lawful operation, as far as this plugin's settings go.

        Called inside the lifespan, by `gateway check --compliance`.
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
    reports: ClassVar[bool] = False
    """True if it hands in what became of each send (Context.intake): only then does silence say
    that nothing is heard any more, and that a STOP would be lost too."""
    codes: ClassVar[frozenset[str]] = frozenset()
    """Codes of its DeliveryErrors; they become metric labels."""
    personal: ClassVar[frozenset[str]] = frozenset()
    """Of them, those that are about one person, and not about what was sent."""
    advice: ClassVar[Mapping[str, str]] = {}
    """Code → one sentence for the person who can mend it."""
    probed: ClassVar[Mapping[str, tuple[float, float]]] = {}
    """Codes of stops and of paused templates that `probe` can lift: seconds until the first probe
    that the core makes by itself, and between two of them at most."""
    send_deadline: ClassVar[float] = 60.0
    """Seconds after which `send` is cut off and its outcome is unknown."""
    portfolio: str = ""
    """What owns the limit that several senders share, such as a business account; "" if nothing
    is shared."""
    sends_as: str = ""
    """The provider's name of what it sends from, such as the id of a number; two senders that name
    the same are refused at the start."""
    display: str = ""
    """The address that people know this sender by, such as its number; set once it is known."""

    @property
    def templates(self) -> Sequence[TemplateFacts] | None:
        """The provider's templates as last heard of; None if it has no such thing, or did not tell
        yet.  Pure, no I/O: `gateway status` shows those that topics name."""
        return None

    @abstractmethod
    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content] | Hold:
        """Return the message as it would be sent, one content per form; or why it cannot be."""

    @abstractmethod
    async def send(self, delivery: Delivery) -> str:
        """Send and return the provider's id.

        Raises NotSent, Rejected or Unknown.  Never repeats by itself: the core does.
        """

    async def probe(self) -> Sequence[Effect]:
        """Ask the provider, without sending, whether it may send again.

        Returns what is mended (`resume` with the code of the stop, `template_back`) and what is
        not (`stop`).  Raises FetchError or DeliveryError: nothing is known, or all is as before.
        """
        return ()


Outcome = Message | Case | Close | Preference
"""What may follow from an event."""


class Observer(Plugin):
    """Learns what happened, with a durable position in the journal.

    A middleware in the chain that is an observer too is one without being named again.
    """

    always: ClassVar[bool] = False
    """True for one that works without being named in the settings, under its own name."""
    replayable: ClassVar[bool] = True
    """False for those that answer people: they start at the end of the journal."""
    listens: ClassVar[frozenset[str]] = frozenset()
    """Names of the events that it is given; empty: all.  Who names them is not woken, and costs
    nothing, while thousands of deliveries are reported."""
    max_age: ClassVar[float] = 7 * 86400.0
    """Events older than this (seconds) are passed over."""

    @abstractmethod
    async def notice(self, event: Event) -> Sequence[Outcome]:
        """Return what follows from the event; committed together with the position.

        Raises Later (gateway.api) if it can be taken in so many seconds: it and those behind it
        wait, up to `max_age`.  ConfigError sends it to the dead letters at once, with its
        sentence; any other error does so after some tries.
        """
