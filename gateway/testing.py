"""For tests of plugins: values with defaults, a plugin made as the daemon makes it, and a context
that needs no gateway, no clock and no network.

    plugin = make(Kicker, tag="Neu: ")
    async with started(plugin):
        assert (await judged(plugin, message(title="Titel"))).title == "Neu: Titel"
"""

from __future__ import annotations

import logging
import tempfile
import traceback
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

from gateway.discovery import discover
from gateway.errors import ConfigError
from gateway.fake_services import NOW, Answer, Asked, FakeClock, FakeHttp, FakeState, Mailed
from gateway.fakes import TOPIC, FakeContext
from gateway.given import Context
from gateway.hookspecs import hookimpl
from gateway.message import Content, Delivery, Identity, Message, Permissions, Text, Topic
from gateway.pipeline import Pipeline
from gateway.plugin import Middleware, Output, Plugin
from gateway.secret import Secret
from gateway.tables import Problems, read_table
from gateway.verdicts import Drop, Hold, Limit

__all__ = [
    "NOW",
    "TOPIC",
    "Answer",
    "Asked",
    "FakeClock",
    "FakeContext",
    "FakeHttp",
    "FakeState",
    "Mailed",
    "assert_keeps_secret",
    "delivery",
    "judged",
    "limits",
    "make",
    "message",
    "started",
]

P = TypeVar("P", bound=Plugin)
V = TypeVar("V", Message, Delivery)


def make(cls: type[P], /, label: str = "", **settings: Any) -> P:
    """Return a plugin with settings as they stand in gateway.toml, checked as at start-up.

    A Secret may be given as it is.  Raises ConfigError with every problem.
    """
    module = ModuleType("of_this_test")
    module.register = hookimpl(lambda: [cls])  # type: ignore[attr-defined]
    point: Any = SimpleNamespace(name="", value="this test", dist=None, load=lambda: module)
    catalogue = discover([point])
    for broken in catalogue.broken:
        raise ConfigError(f"{cls.__qualname__} is no plugin: {broken.reason}")
    (found,) = catalogue.plugins.values()
    label = label or found.name
    problems = Problems("test")
    with tempfile.TemporaryDirectory() as folder:
        table = _with_files(settings, Path(folder))
        config = read_table(table, found.settings, f"[{label}]", problems, Path(folder))
    problems.check()
    return cls(config, label)


def _with_files(value: Any, folder: Path) -> Any:
    """Settings never hold a secret: put each into a file, as an operator does."""
    if isinstance(value, Secret):
        file = folder / str(len(list(folder.iterdir())))
        file.write_text(value.reveal(), encoding="utf-8")
        return {"file": str(file)}
    if isinstance(value, Mapping):
        return {key: _with_files(item, folder) for key, item in value.items()}
    return value


def message(**changes: Any) -> Message:
    """Return a message as `screen` gets it: accepted, and composed as free text."""
    made = Message(
        external_id="post-1", id=1, number=1, input="blog", topic="blog", sender="main",
        title="Ein Beitrag", text="Ein Satz.", link="https://blog.example/1", language="de",
        accepted_at=NOW,
    ).replace(**changes)  # fmt: skip
    if "forms" in changes:
        return made
    parts = (f"*{made.title}*" if made.title else "", made.text, made.link)
    body = "\n\n".join(part for part in parts if part)
    return made.replace(forms=(Text(body=body, image=made.image),))


def delivery(**changes: Any) -> Delivery:
    """Return a delivery as `process` gets it: leased for a person who agreed to the topic."""
    about = changes.pop("message", None) or message()
    values: dict[str, Any] = {
        "id": 1, "message": about, "contact": 1, "sender": "main", "attempt": 1,
        "content": about.forms[0] if about.forms else Text(body=about.text),
        "identities": (Identity("phone", "+4917139200001"),),
        "permissions": Permissions(consent=1),
    }  # fmt: skip
    return Delivery(**(values | changes))


async def judged(plugin: Middleware, value: V) -> V | Drop | Hold:
    """Return what the gateway makes of the plugin's answer to `screen` or `process`.

    A crash, a hang, an undeclared code or a change of what is not its own is a Hold
    `plugin_raised`, `plugin_timeout` or `plugin_nonsense`, as in the daemon.
    """
    chain = Pipeline([plugin])
    if isinstance(value, Delivery):
        return await chain.process(value)
    return await chain.screen(value, _Composed(None, "main"), TOPIC)


def limits(plugin: Middleware, about: Delivery) -> list[Limit] | Hold:
    """Return the limits that the plugin declares, or the Hold that follows from a mistake."""
    return Pipeline([plugin]).limits(about)


class _Composed(Output):
    """Composes what `message` composed."""

    name = "composed"

    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content]:
        return message.forms

    async def send(self, delivery: Delivery) -> str:
        raise AssertionError("nothing is sent here")


@asynccontextmanager
async def started(plugin: P, context: Context | None = None) -> AsyncIterator[P]:
    """Keep a plugin alive for a block: its lifespan is entered before and left after it."""
    async with plugin.lifespan(context or FakeContext(plugin.label)):
        yield plugin


def assert_keeps_secret(what: Callable[[], object] | BaseException, secret: str | Secret) -> None:
    """Fail if a secret shows in an error, or in what a call raises, returns or logs."""
    value = secret.reveal() if isinstance(secret, Secret) else secret
    assert value, "an empty secret is in everything"
    shown = StringIO()
    error = what if isinstance(what, BaseException) else None
    if not isinstance(what, BaseException):
        handler, root = logging.StreamHandler(shown), logging.getLogger()
        level = root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            print(repr(what()), file=shown)
        except Exception as raised:  # noqa: BLE001 - whatever it is, it is looked into
            error = raised
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
    if error is not None:
        print(repr(error), vars(error), *traceback.format_exception(error), file=shown)
    assert value not in shown.getvalue(), "the secret shows"
