"""A preview is what people would get, and leaves no trace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from gateway.api import (
    Content,
    Delivery,
    Drop,
    Hold,
    Message,
    MessageView,
    Middleware,
    Output,
    Text,
    Topic,
)
from gateway.pipeline import Pipeline
from gateway.previewing import Previews
from gateway.testing import TOPIC, message
from gateway_plugins.middleware.consent import Consent, ConsentConfig


class Composer(Output):
    """Writes the title."""

    name = "composer"
    windows = True

    async def compose(self, message: Message, topic: Topic | None) -> Sequence[Content] | Hold:
        return [Text(body=message.title)]

    async def send(self, delivery: Delivery) -> str:
        raise AssertionError("a preview is not sent")


class Gate(Middleware):
    """Holds what nobody released."""

    name = "gate"
    codes: ClassVar[frozenset[str]] = frozenset({"gate"})
    approvable: ClassVar[frozenset[str]] = frozenset({"gate"})

    async def screen(self, message: Message) -> Message | Hold:
        return Hold("gate", "not yet")


class Works(Middleware):
    """What stands behind the gate."""

    name = "works"
    codes: ClassVar[frozenset[str]] = frozenset({"works"})
    at_screen: Any = None
    at_process: Any = None

    async def screen(self, message: Message) -> Any:
        return self.at_screen or message.replace(title="Besser", spread=60.0)

    async def process(self, delivery: Delivery) -> Any:
        assert delivery.contact <= 0, "nobody"
        footed = delivery.content.replace(body=f"{delivery.content.rendered}, STOP")
        return self.at_process or delivery.replace(content=footed)


class Later(Works):
    """Holds for something that a person may release too."""

    name = "later"
    codes: ClassVar[frozenset[str]] = frozenset({"money"})
    approvable: ClassVar[frozenset[str]] = frozenset({"money"})

    async def screen(self, message: Message) -> Any:
        if "money" in message.approved:
            return await super().screen(message)
        return Hold("money", "costs too much")


def of(works: Works, sender: str = "main") -> tuple[Previews, MessageView]:
    chain = [Consent(ConsentConfig(), "consent"), Gate(None, "gate"), works]
    view = MessageView(
        message=message(sender=sender), state="held", paused=False, code="gate", reason="not yet",
        audience=1, left_out={}, counts={},
    )  # fmt: skip
    return Previews(Pipeline(chain), {"main": Composer(None, "main")}, {"blog": TOPIC}), view


async def test_it_is_what_the_chain_makes_of_it() -> None:
    """Past the hold that is looked at, with what later middleware adds, for nobody's account."""
    previews, view = of(Works(None, "works"))
    shown = await previews.of(view)
    assert shown.contents == (Text(body="Besser, STOP"),)
    assert shown.trouble == ""
    assert shown.message.spread == 60.0


async def test_what_a_person_may_release_as_well_is_shown_with_what_holds_it() -> None:
    """Whoever looks sees the post, and that it waits once more."""
    previews, view = of(Later(None, "later"))
    shown = await previews.of(view)
    assert shown.contents == (Text(body="Besser, STOP"),)
    assert shown.trouble == "costs too much"


@pytest.mark.parametrize(
    ("screen", "process", "trouble"),
    [
        (Hold("works", "no room"), None, "no room"),
        (Drop("works", "too old"), None, "too old"),
        (None, Hold("works", "no way out"), "no way out"),
        (None, "nonsense", "works failed in process (answered str)"),
    ],
)
async def test_what_would_stop_it_is_told(screen: Any, process: Any, trouble: str) -> None:
    works = Works(None, "works")
    works.at_screen, works.at_process = screen, process
    previews, view = of(works)
    shown = await previews.of(view)
    assert shown.contents == ()
    assert shown.trouble.startswith(trouble)


async def test_a_sender_that_is_gone_is_told() -> None:
    previews, view = of(Works(None, "works"), sender="other")
    assert (await previews.of(view)).trouble == "there is no sender 'other' in the settings"
