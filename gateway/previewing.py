"""A message as people would get it, before anybody does: the chain on a delivery that is none."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.given import MessageView, Preview
from gateway.message import Content, Delivery, Message, Permissions, Topic
from gateway.pipeline import Pipeline
from gateway.plugin import Output
from gateway.verdicts import Closed, Limit, Rate


class Previews:
    """Shows messages.  Nothing is stored, sent or counted; middleware that gives something away
    with every delivery gives it to nobody (contact 0)."""

    def __init__(
        self, pipeline: Pipeline, outputs: Mapping[str, Output], topics: Mapping[str, Topic]
    ) -> None:
        self._pipeline = pipeline
        self._outputs = outputs
        self._topics = topics

    async def of(self, view: MessageView) -> Preview:
        """Return the message as if a person had released what holds it."""
        message = view.message.replace(approved=(*view.message.approved, view.code))
        output = self._outputs.get(message.sender or "")
        if output is None:
            return _stuck(message, f"there is no sender {message.sender!r} in the settings")
        topic = self._topics.get(message.topic or "")
        judged = await self._pipeline.screen(message, output, topic)
        if not isinstance(judged, Message):
            return _stuck(message, judged.text)
        contents: list[Content] = []
        trouble = ""
        for form in judged.forms:
            verdict = await self._pipeline.process(_sample(judged, form))
            if isinstance(verdict, Delivery):
                contents.append(verdict.content)
            else:
                trouble = verdict.text
        one, other = (self._limits(judged, contact) for contact in (-1, -2))
        return Preview(
            message=judged,
            contents=tuple(contents),
            trouble=trouble,
            per_second=_shared(one, other),
            closed_until=max(
                (limit.until for limit in one if isinstance(limit, Closed)), default=None
            ),
        )

    def _limits(self, message: Message, contact: int) -> list[Limit]:
        limits = self._pipeline.limits(_sample(message, message.forms[0], contact))
        return limits if isinstance(limits, list) else []


def _shared(one: list[Limit], other: list[Limit]) -> float | None:
    """The slowest rate whose key is the same for two people."""
    keys = {limit.key for limit in other if isinstance(limit, Rate)}
    rates = [limit for limit in one if isinstance(limit, Rate) and limit.key in keys]
    return min((limit.per_second for limit in rates), default=None)


def _stuck(message: Message, trouble: str) -> Preview:
    return Preview(message=message, contents=(), trouble=trouble)


def _sample(message: Message, form: Content, contact: int = 0) -> Delivery:
    """A delivery to somebody who agreed, is not there, and wants everything."""
    return Delivery(
        id=0,
        message=message,
        contact=contact,
        sender=message.sender or "",
        attempt=1,
        content=form,
        permissions=Permissions(consent=1),
    )
