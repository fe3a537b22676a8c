"""Middleware for tests: each does what it is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, ClassVar

from gateway.message import Delivery, Identity, Message, Permissions, Template, Text
from gateway.plugin import Middleware
from gateway.verdicts import Hold

MESSAGE = Message(external_id="post-1", id=7, topic="blog", title="Ein Beitrag")
DELIVERY = Delivery(
    id=1,
    message=MESSAGE,
    contact=2,
    sender="main",
    attempt=1,
    content=Text(body="Hallo"),
    identities=(Identity("phone", "+491713920001"),),
    permissions=Permissions(consent=5),
)
TEMPLATE = Template(name="post", language="de", body="{{1}}", parameters={"1": "Hallo"})
NAIVE = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point
AWARE = datetime(2026, 1, 1, tzinfo=UTC)


class Does(Middleware):
    """Does to every delivery what it is told."""

    name = "does"
    codes: ClassVar[frozenset[str]] = frozenset({"no"})

    def __init__(self, act: Callable[[Delivery], Any], label: str = "does") -> None:
        super().__init__(None, label)
        self.act = act

    async def process(self, delivery: Delivery) -> Any:
        answer = self.act(delivery)
        return await answer if hasattr(answer, "__await__") else answer


class Limits(Middleware):
    """Declares what it is told."""

    name = "limits"

    def __init__(self, act: Callable[[Delivery], Any]) -> None:
        super().__init__(None, "limits")
        self.act = act

    def limits(self, delivery: Delivery) -> Any:
        return self.act(delivery)


def adds(mark: str) -> Does:
    def act(delivery: Delivery) -> Delivery:
        return delivery.replace(content=Text(body=f"{delivery.content.rendered}{mark}"))

    return Does(act, mark)


class Failures(list[tuple[str, str, str]]):
    def __call__(self, *what: str) -> None:
        self.append(what)  # type: ignore[arg-type]


def raises(error: BaseException) -> Callable[[Delivery], Any]:
    def act(delivery: Delivery) -> Any:
        raise error

    return act


def held(verdict: object, reason: str, label: str = "does") -> None:
    assert isinstance(verdict, Hold), verdict
    assert verdict.code == f"plugin_{reason}"
    assert verdict.until is None
    assert verdict.text.startswith(label)
    assert verdict.text.endswith("release what is held")
