"""Asks the editors about a post: the preview first, then the card."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec
import trio

from gateway.api import Context, Event, MailError, Message, MessageView, Plan, Preview
from gateway_plugins.middleware.approval.cards import Cards, as_shown, rendered
from gateway_plugins.middleware.approval.editors import Editor, all_editors
from gateway_plugins.middleware.approval.posts import Post, Posts
from gateway_plugins.middleware.approval.settings import ApprovalConfig

CODE = "approval"
"""Code of the hold of a post that waits for a yes."""

NOT_OF_IT = frozenset({"withdrawn", "requested", "refused", "expired", "unconfirmed"})
"""Those who are left out and have not agreed, or no more."""

OPEN = ("queued", "leased", "held", "paused")
"""States of deliveries that have not gone out."""

MAIL_PATIENCE = 20.0  # seconds; an observer has 30 for an event


def deadline(config: ApprovalConfig, message: Message) -> datetime | None:
    """Return until when somebody may say yes; None for a message that was never accepted."""
    if message.accepted_at is None:
        return message.expires_at
    end = message.accepted_at + timedelta(seconds=config.expires)
    return min(end, message.expires_at or end)


def needs_two(config: ApprovalConfig, reach: int) -> bool:
    """Whether two people have to say yes."""
    return 0 < config.four_eyes_above < reach


class Asking:
    """Asks.  What was accepted under an external id is not accepted again, so that everything may
    be handed in again and again: after a crash, or when the post is judged once more."""

    def __init__(
        self, context: Context, config: ApprovalConfig, posts: Posts, cards: Cards
    ) -> None:
        self._context = context
        self._config = config
        self._posts = posts
        self._cards = cards

    async def ask(self, event: Event) -> list[Message]:
        """Return what the editors get about a post that is held for them."""
        id = event.message or 0
        view = await self._context.message(id)
        known = self._posts.get(id)
        if view is None or (view.state, view.code) != ("held", CODE) or (known and known.decided):
            return []
        shown = await self._context.preview(id)
        if shown is None:
            return []
        plan = await self._context.plan(shown.message)
        post = self._shown(known or Post(touched=event.at), view, shown, plan)
        editors = await all_editors(self._context, self._config.ask, view.message.sender)
        asked = [editor for editor in editors if editor.sender is not None]
        messages = [one for editor in asked for one in self._to(editor, view, post, shown, plan)]
        messages += self._told_by_template(editors, view, post)
        post = post.but(
            asked={**post.asked, **{editor.id: post.version for editor in asked}},
            asked_at=post.asked_at or (event.at if asked else None),
        )
        if not asked and post.mailed != post.version:
            await self._mail(view, post, shown)
            post = post.but(mailed=post.version)
        await self._posts.put(id, post)
        return messages

    def _shown(self, post: Post, view: MessageView, shown: Preview, plan: Plan) -> Post:
        """What is shown now; if it is not what was shown before, every yes is void."""
        content = as_shown(shown)
        digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:16]
        if post.shown not in ("", digest):
            post = post.renewed()
        left_out = sum(n for why, n in plan.left_out.items() if why not in NOT_OF_IT)
        ends = [deadline(self._config, view.message), shown.message.expires_at]
        return post.but(
            shown=digest,
            reach=plan.reached,
            people=plan.reached + left_out,
            cost=plan.price.amount if plan.price is not None else 0.0,
            currency=plan.price.currency if plan.price is not None else "",
            expires=min((end for end in ends if end is not None), default=None),
        )

    def _to(
        self, editor: Editor, view: MessageView, post: Post, shown: Preview, plan: Plan
    ) -> list[Message]:
        key = f"{view.message.id}:{post.version}:{editor.id}"
        two = needs_two(self._config, post.reach)

        def card(name: str) -> Message:
            return self._cards.card(
                editor, name, view, post, plan, trouble=shown.trouble, four_eyes=two
            )

        messages = [*self._cards.preview(editor, f"preview:{key}", shown), card(f"card:{key}")]
        later = post.later.get(editor.id)
        if later is not None and later.at <= self._context.clock.now():
            messages.append(card(f"card:{key}:{later.inbound}"))
        return messages

    def _told_by_template(
        self, editors: list[Editor], view: MessageView, post: Post
    ) -> list[Message]:
        """Outside a window only an approved template goes, and only to those who want it."""
        topic = self._config.topic
        messages = []
        for editor in editors if topic is not None else ():
            if editor.sender is None and editor.contact is not None:
                standing = editor.contact.standing(topic or "")
                if standing is not None and standing.state == "confirmed":
                    values = {"number": view.message.number, "title": view.message.title}
                    messages.append(
                        Message(
                            external_id=f"waits:{view.message.id}:{post.version}:{editor.id}",
                            topic=topic,
                            to=editor.id,
                            language=editor.language,
                            title=self._cards.text(editor, "waits_title", **values),
                            text=self._cards.text(editor, "waits", **values),
                            link=view.message.link,
                        )
                    )
        return messages

    async def _mail(self, view: MessageView, post: Post, shown: Preview) -> None:
        """Nobody can be asked by phone: tell the log, and the company's mailbox if there is one."""
        number, roles = view.message.number, ", ".join(self._config.ask)
        self._context.log.warning(
            "nobody can be asked about #%d: %s have to write to the sender's number first; or"
            " gateway message approve %d",
            number, roles, number,
        )  # fmt: skip
        company, say = self._context.company, self._context.texts.say
        if not company.mail:
            return
        content = as_shown(shown)
        until = self._cards.time(None, post.expires) if post.expires is not None else ""
        text = say(
            "approval.mail",
            number=number,
            roles=roles,
            time=until,
            post=rendered(content) if content is not None else view.message.title,
        )
        domain = company.mail.rpartition("@")[2]
        known_by = {"Message-ID": f"<approval-{view.message.id}-{post.version}@{domain}>"}
        subject = say("approval.mail_subject", number=number)
        try:
            with trio.move_on_after(MAIL_PATIENCE):
                await self._context.mail(company.mail, subject, text, headers=known_by)
        except MailError as error:
            self._context.log.warning("no mail about #%d either: %s", number, error)
