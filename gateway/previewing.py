"""A message as people would get it, before anybody does: the chain on a delivery that is none."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.given import MessageView, Preview
from gateway.message import Content, Delivery, Message, Permissions, Topic
from gateway.pipeline import Pipeline
from gateway.plugin import Output
from gateway.verdicts import Hold


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
        contents: list[Content] = []
        trouble = ""
        judged = await self._pipeline.screen(message, output, topic)
        while isinstance(judged, Hold) and self._releasable(judged, message):
            # A person may release this one as well: shown with what holds it.
            trouble = trouble or judged.text
            message = message.replace(approved=(*message.approved, judged.code))
            judged = await self._pipeline.screen(message, output, topic)
        if not isinstance(judged, Message):
            return _stuck(message, judged.text)
        for form in judged.forms:
            verdict = await self._pipeline.process(_sample(judged, form))
            if isinstance(verdict, Delivery):
                contents.append(verdict.content)
            else:
                trouble = verdict.text
        return Preview(message=judged, contents=tuple(contents), trouble=trouble)

    def _releasable(self, hold: Hold, message: Message) -> bool:
        known = any(hold.code in type(one).approvable for one in self._pipeline.chain)
        return known and hold.code not in message.approved


def _sample(message: Message, form: Content) -> Delivery:
    """A delivery to somebody who agreed, wants everything, and is not there."""
    return Delivery(
        id=0,
        message=message,
        contact=0,
        sender=message.sender or "",
        attempt=1,
        content=form,
        permissions=Permissions(consent=1),
    )


def _stuck(message: Message, trouble: str) -> Preview:
    return Preview(message=message, contents=(), trouble=trouble)
