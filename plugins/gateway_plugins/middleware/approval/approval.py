"""Holds every post until a person says yes, and asks the editors by phone.

The middleware holds; the observer in it asks when the hold stands in the journal, and carries out
what the editors press.  Whoever is asked has written to the company's number: only inside the
24 hours after that free text may go to a person, also to one's own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from gateway.api import (
    ConfigError,
    Context,
    Drop,
    Event,
    Hold,
    Message,
    Middleware,
    Observer,
    Outcome,
)
from gateway_plugins.middleware.approval.asking import CODE, Asking, deadline
from gateway_plugins.middleware.approval.cards import Cards
from gateway_plugins.middleware.approval.deciding import Deciding
from gateway_plugins.middleware.approval.editors import all_editors
from gateway_plugins.middleware.approval.posts import Post, Posts
from gateway_plugins.middleware.approval.settings import ApprovalConfig
from gateway_plugins.middleware.approval.telling import Telling

TOLD = frozenset(
    f"message.{what}"
    for what in ("held", "dropped", "started", "approve", "cancel", "pause", "resume")
)


class Approval(Middleware, Observer):
    """Nothing goes out that no person said yes to.

    It may read the journal from its beginning: a post may be held before the observer is there,
    and what was answered once is not answered again.
    """

    name = "approval"
    config: ApprovalConfig
    codes: ClassVar[frozenset[str]] = frozenset({CODE, "unanswered"})
    approvable: ClassVar[frozenset[str]] = frozenset({CODE})
    listens: ClassVar[frozenset[str]] = TOLD | {"inbound"}

    @asynccontextmanager
    async def lifespan(self, context: Context) -> AsyncIterator[None]:
        """Read what was kept.  Raises ConfigError if [people] lacks somebody who is asked."""
        for role in self.config.ask:
            if role not in context.people:
                known = ", ".join(context.people) or "nobody"
                raise ConfigError(
                    f"[middleware.{self.label}] ask: [people] names no {role!r}; known: {known}"
                )
        people = {context.people[role] for role in self.config.ask}
        if self.config.four_eyes_above and len(people) == 1:
            raise ConfigError(
                f"[middleware.{self.label}] four_eyes_above: everybody in ask has one number"
            )
        self._context = context
        self._posts = Posts(context)
        await self._posts.load()
        self._cards = Cards(context, self.config)
        parts = (context, self.config, self._posts, self._cards)
        self._asking, self._deciding, self._telling = (
            Asking(*parts),
            Deciding(*parts),
            Telling(*parts),
        )
        yield

    async def screen(self, message: Message) -> Message | Drop | Hold:
        """Hold a post until somebody says yes, or its time is over."""
        if not self.config.ask or message.kind != "marketing":
            return message
        if self.config.topic is not None and message.topic == self.config.topic:
            return message  # what tells the editors that they are asked
        post = self._posts.get(message.id)
        if CODE in message.approved:
            return message.replace(notes=(*message.notes, self._approved(post)))
        end, now = deadline(self.config, message), self._context.clock.now()
        if end is not None and now >= end:
            said = f"nobody decided by {self._cards.time(None, end)}"
            if self.config.silence == "send":
                return message.replace(notes=(*message.notes, f"{said}: sent as the settings say"))
            return Drop("unanswered", said)
        again = [later.at for later in post.later.values() if later.at > now] if post else []
        pieces = [await self._asked(message, post)]
        pieces += [f"asks again {self._cards.time(None, min(again))}"] if again else []
        if end is not None:
            what = "skipped" if self.config.silence == "skip" else "sent"
            pieces.append(f"{what} {self._cards.time(None, end)} without an answer")
        return Hold(CODE, " · ".join(pieces), min([*again, *([end] if end else [])], default=None))

    async def _asked(self, message: Message, post: Post | None) -> str:
        editors = await all_editors(self._context, self.config.ask, message.sender)
        roles = [editor.role for editor in editors if editor.sender is not None]
        if not roles:
            everybody = ", ".join(self.config.ask)
            return f"nobody can be asked: {everybody} have to write to the sender's number first"
        at = post.asked_at if post is not None else None
        return f"asked {', '.join(roles)} {self._cards.time(None, at or self._context.clock.now())}"

    def _approved(self, post: Post | None) -> str:
        if post is None or post.approved is None:
            return "approved"
        said = f"approved by {post.approved.by} {self._cards.time(None, post.approved.at)}"
        if post.people:
            said += f" for {post.reach:,} of {post.people:,}"
        if post.currency:
            figure = f"{post.cost:,.0f}" if post.cost >= 10 else f"{post.cost:.2f}"
            said += f", about {figure} {post.currency}"
        return said

    async def notice(self, event: Event) -> Sequence[Outcome]:
        """Ask, decide, tell."""
        if not self.config.ask:
            return ()
        if event.name == "inbound":
            return await self._deciding.heard(event)
        if event.name == "message.held" and event.code == CODE:
            return await self._asking.ask(event)
        return await self._telling.tell(event) if event.name in TOLD else ()
