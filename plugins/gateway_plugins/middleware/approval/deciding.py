"""What an editor presses or writes: yes, no, later, another text, stop, go on.

A press may be noticed twice, if the gateway crashed in between; so what it means is kept first,
with the id of the inbound message, and steering it once more is refused by the core.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Literal

from gateway.api import Context, Event, Message, MessageView, Received
from gateway_plugins.middleware.approval.asking import CODE, OPEN, needs_two
from gateway_plugins.middleware.approval.cards import Cards, Press, read_press
from gateway_plugins.middleware.approval.editors import Editor, all_editors
from gateway_plugins.middleware.approval.posts import Later, Post, Posts, Said
from gateway_plugins.middleware.approval.settings import ApprovalConfig

LATER = timedelta(hours=2)
"""When to ask again, or after half of the time that is left."""

STEERS: dict[str, Literal["pause", "resume", "cancel"]] = {
    "hold": "pause",
    "go": "resume",
    "cancel": "cancel",
}
_ABOUT = re.compile(r"(?:preview|card):(\d+):")


class Deciding:
    """Takes decisions of editors, and nobody else's."""

    def __init__(
        self, context: Context, config: ApprovalConfig, posts: Posts, cards: Cards
    ) -> None:
        self._context = context
        self._config = config
        self._posts = posts
        self._cards = cards

    async def heard(self, event: Event) -> list[Message]:
        """Return the answers to what somebody pressed or wrote."""
        received = await self._context.received(event.inbound or 0)
        if received is None:
            return []
        editors = await all_editors(self._context, self._config.ask, received.sender)
        editor = next((one for one in editors if one.id == received.contact), None)
        press = read_press(received)
        if press is not None and editor is None:
            self._context.log.warning(
                "contact %d pressed %r and is not asked; it counts for nothing",
                received.contact, press.action,
            )  # fmt: skip
        if editor is None:
            return []
        if press is None:
            return [] if received.act else await self._wrote(editor, received)
        view = await self._context.message(press.message)
        if view is None:
            return [self._say(editor, received, "gone")]
        if press.action in ("approve", "reject", "later"):
            return await self._decided(press, view, editor, editors, received)
        return await self._steered(press, view, editor, received)

    def _say(self, editor: Editor, received: Received, key: str, **values: object) -> Message:
        external_id = f"answer:{received.id}:{editor.id}"
        return self._cards.write(editor, external_id, self._cards.text(editor, key, **values))

    # --- before it goes -------------------------------------------------------------------------
    async def _decided(
        self, press: Press, view: MessageView, editor: Editor, editors: list[Editor],
        received: Received,
    ) -> list[Message]:  # fmt: skip
        post, number = self._posts.get(press.message), view.message.number
        if post is None:
            return [self._say(editor, received, "gone")]
        said = Said(by=editor.role, contact=editor.id, at=received.at, inbound=received.id)
        if post.decided is not None and post.decided.inbound == received.id:
            return await self._carried_out(press, post, view, editor, received, again=True)
        if post.decided is not None:
            time = self._cards.time(editor, post.decided.at)
            key = "was_approved" if post.approved else "was_refused"
            answer = {"number": number, "by": post.decided.by, "time": time}
            return [self._say(editor, received, key, **answer)]
        if press.version != post.version:
            return [self._say(editor, received, "newer", number=number)]
        late = post.expires is not None and self._context.clock.now() >= post.expires
        if late or (view.state, view.code) != ("held", CODE):
            return [self._say(editor, received, "too_late", number=number)]
        if press.action == "later":
            return await self._later(post, view, editor, received)
        if press.action == "reject":
            post = post.but(refused=said)
        else:
            yes = (*(one for one in post.yes if one.contact != editor.id), said)
            post = post.but(yes=yes, reach=view.audience)
            if not needs_two(self._config, view.audience) or len(yes) > 1:
                by = " + ".join(one.by for one in yes)
                post = post.but(approved=said.but(by=by))
        await self._posts.put(press.message, post)
        if post.decided is None:
            return self._one_more(view, editor, editors, received)
        return await self._carried_out(press, post, view, editor, received)

    async def _carried_out(
        self, press: Press, post: Post, view: MessageView, editor: Editor, received: Received,
        *, again: bool = False,
    ) -> list[Message]:  # fmt: skip
        assert post.decided is not None
        action: Literal["approve", "cancel"] = "approve" if post.approved else "cancel"
        problem = await self._context.steer(press.message, action, by=post.decided.by)
        if problem is None or again:
            return []  # the journal tells it to everybody
        yes = tuple(one for one in post.yes if one.inbound != received.id)
        await self._posts.put(press.message, post.but(yes=yes, approved=None, refused=None))
        return [self._say(editor, received, "failed", why=problem)]

    def _one_more(
        self, view: MessageView, editor: Editor, editors: list[Editor], received: Received
    ) -> list[Message]:
        number = view.message.number
        key = f"yes:{received.id}"
        others = [one for one in editors if one.sender is not None and one.id != editor.id]
        return [
            self._say(editor, received, "one_more", number=number),
            *(
                self._cards.say(
                    one, f"{key}:{one.id}", "other_said_yes", number=number, by=editor.role
                )
                for one in others
            ),
        ]

    async def _later(
        self, post: Post, view: MessageView, editor: Editor, received: Received
    ) -> list[Message]:
        left = (post.expires or received.at + 2 * LATER) - received.at
        at = received.at + min(LATER, left / 2)
        asked_for = Later(at=at, inbound=received.id)
        await self._posts.put(view.message.id, post.but(later={**post.later, editor.id: asked_for}))
        await self._context.steer(view.message.id, "screen", by=editor.role)
        time = self._cards.time(editor, at)
        return [self._say(editor, received, "asks_again", number=view.message.number, time=time)]

    # --- words ----------------------------------------------------------------------------------
    async def _wrote(self, editor: Editor, received: Received) -> list[Message]:
        """An answer to a preview or card is the new text; anything opens the window."""
        about = await self._about(received)
        text = received.words.strip()
        if about is not None and received.kind == "text" and not received.button and text:
            return await self._revised(about, text, editor, received)
        for id, post in self._posts.waiting():
            if post.asked.get(editor.id) != post.version:
                await self._context.steer(id, "screen", by=editor.role)
        return []

    async def _about(self, received: Received) -> int | None:
        sent = await self._context.sent_as(received.quoted) if received.quoted else None
        view = await self._context.message(sent) if sent is not None else None
        if view is None or view.message.input != self._context.label:
            return None
        found = _ABOUT.match(view.message.external_id)
        return int(found[1]) if found else None

    async def _revised(
        self, id: int, text: str, editor: Editor, received: Received
    ) -> list[Message]:
        view, post = await self._context.message(id), self._posts.get(id)
        if view is None or post is None:
            return [self._say(editor, received, "gone")]
        if view.state != "held":
            return [self._say(editor, received, "text_stays", number=view.message.number)]
        if post.revised != received.id:
            await self._posts.put(id, post.renewed().but(revised=received.id))
        problem = await self._context.steer(id, "revise", by=editor.role, text=text)
        if problem is not None:
            return [self._say(editor, received, "failed", why=problem)]
        return []

    # --- while it goes --------------------------------------------------------------------------
    async def _steered(
        self, press: Press, view: MessageView, editor: Editor, received: Received
    ) -> list[Message]:
        number = view.message.number
        if view.state == "started" and not any(view.counts.get(state) for state in OPEN):
            return [self._say(editor, received, "through", number=number)]
        action = STEERS[press.action]
        problem = await self._context.steer(press.message, action, by=editor.role)
        return [] if problem is None else [self._say(editor, received, "failed", why=problem)]
