"""What the editors hear of a post after they were asked: it runs, it stands still, it is stuck.

It follows the journal, so that what a colleague did at the command line is told like a press.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.api import Context, Event, Message, MessageView
from gateway_plugins.middleware.approval.asking import CODE, OPEN
from gateway_plugins.middleware.approval.cards import REASON, Cards, Press
from gateway_plugins.middleware.approval.editors import Editor, all_editors
from gateway_plugins.middleware.approval.posts import Post, Posts, Said
from gateway_plugins.middleware.approval.settings import ApprovalConfig

WITHOUT = "gateway"
"""Who decided, if the command line did not say."""


class Telling:
    """Tells those who were asked."""

    def __init__(
        self, context: Context, config: ApprovalConfig, posts: Posts, cards: Cards
    ) -> None:
        self._context = context
        self._config = config
        self._posts = posts
        self._cards = cards

    async def tell(self, event: Event) -> list[Message]:
        """Return what the editors hear of an event of a post that they know."""
        id = event.message or 0
        post = self._posts.get(id)
        view = await self._context.message(id) if post is not None else None
        if post is None or view is None:
            return []
        await self._keep(event, id, post)
        editors = [
            editor
            for editor in await all_editors(self._context, self._config.ask, view.message.sender)
            if editor.id in post.asked and editor.sender is not None
        ]
        found = [await self._about(event, editor, view, post) for editor in editors]
        return [message for message in found if message is not None]

    async def _keep(self, event: Event, id: int, post: Post) -> None:
        """Remember a decision that came from the command line."""
        said = Said(by=event.detail or WITHOUT, contact=0, at=event.at, inbound=0)
        if post.decided is not None:
            return
        if event.name == "message.approve" and event.code == CODE:
            await self._posts.put(id, post.but(approved=said))
        elif event.name == "message.cancel":
            await self._posts.put(id, post.but(refused=said))

    async def _about(
        self, event: Event, editor: Editor, view: MessageView, post: Post
    ) -> Message | None:
        number, by = view.message.number, event.detail or WITHOUT
        key = f"told:{event.id}:{editor.id}"
        gone, left = (
            self._cards.number(editor, sum(view.counts.get(state, 0) for state in states))
            for states in (set(view.counts) - {*OPEN, "dropped"}, OPEN)
        )
        press = {name: Press(name, view.message.id) for name in ("hold", "go", "cancel")}
        match event.name:
            case "message.started":
                return await self._runs(event, editor, view, post, press["hold"])
            case "message.pause":
                return self._cards.say(
                    editor, key, "stands", presses=(press["go"], press["cancel"]),
                    number=number, by=by, gone=gone, left=left,
                )  # fmt: skip
            case "message.resume":
                return self._cards.say(
                    editor,
                    key,
                    "goes_on",
                    presses=(press["hold"],),
                    number=number,
                    by=by,
                    left=left,
                )
            case "message.cancel" if view.counts:
                return self._cards.say(editor, key, "stopped", number=number, by=by, gone=gone)
            case "message.cancel":
                return self._cards.say(editor, key, "refused", number=number, by=by)
            case "message.dropped" if event.code == "unanswered":
                return self._cards.say(editor, key, "unanswered", number=number)
            case "message.held" | "message.dropped":
                # Once for each reason: what is held is looked at again and again.
                key = f"stuck:{view.message.id}:{post.version}:{event.code}:{editor.id}"
                name = "stuck" if event.name == "message.held" else "dropped"
                return self._cards.say(editor, key, name, number=number, why=event.detail[:REASON])
        return None

    async def _runs(
        self, event: Event, editor: Editor, view: MessageView, post: Post, hold: Press
    ) -> Message:
        key = f"told:{event.id}:{editor.id}"
        number = view.message.number
        reached = int(event.detail) if event.detail.isdecimal() else 0
        people = max(0, reached - view.left_out.get("paused", 0))  # they are dropped at their turn
        if not people:
            return self._cards.say(editor, key, "reaches_nobody", number=number)
        shown = await self._context.preview(view.message.id)
        plan = await self._context.plan(shown.message if shown is not None else view.message)
        begins, seconds = max(event.at, plan.begins), plan.seconds
        if post.approved is not None:
            time = self._cards.time(editor, post.approved.at)
            who = self._cards.text(editor, "by", by=post.approved.by, time=time)
        else:
            who = self._cards.text(editor, "by_silence")
        return self._cards.say(
            editor, key, "runs", presses=(hold,),
            number=number, who=who, n=self._cards.number(editor, people),
            end=self._cards.time(editor, begins + timedelta(seconds=seconds)),
        )  # fmt: skip
