"""What an editor reads: the preview, the card with its buttons, and the short answers.

Limits: Meta, "Interactive messages": body 1024 with reply buttons, which are at most three of 20
characters; captions 1024.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from gateway.api import (
    Button,
    Content,
    Context,
    Message,
    MessageView,
    Plan,
    Preview,
    Received,
    Template,
)
from gateway_plugins.middleware.approval.editors import Editor
from gateway_plugins.middleware.approval.posts import Post
from gateway_plugins.middleware.approval.settings import ApprovalConfig

CAPTION = 900  # characters; longer ones go beside the picture: below it they would be shortened
ROOM = 3900  # … and of one message; the footer took its share already
TITLE = 60
REASON = 200
LEFT_OUT = (
    "paused", "later", "capped", "unreachable", "refused_by_provider", "no_form",
    "withdrawn", "requested", "refused", "expired", "unconfirmed",
)  # fmt: skip
_PRESS = re.compile(r"(approve|reject|later|hold|go|cancel):(\d{1,19})(?::(\d{1,9}))?")


class Press(msgspec.Struct, frozen=True):
    """A button of a card: what, of which message, in which version (0: any)."""

    action: str
    message: int
    version: int = 0

    @property
    def payload(self) -> str:
        """What comes back when it is pressed."""
        return f"{self.action}:{self.message}" + (f":{self.version}" if self.version else "")


def read_press(received: Received) -> Press | None:
    """Return which button of ours was pressed; words that only look like one are none."""
    found = _PRESS.fullmatch(received.words) if received.button else None
    return Press(found[1], int(found[2]), int(found[3] or 0)) if found else None


class Cards:
    """Writes to editors."""

    def __init__(self, context: Context, config: ApprovalConfig) -> None:
        self._context = context
        self._config = config
        self._zone = ZoneInfo(context.company.time_zone)

    # --- messages -------------------------------------------------------------------------------
    def say(
        self,
        editor: Editor,
        external_id: str,
        key: str,
        *,
        presses: tuple[Press, ...] = (),
        **values: object,
    ) -> Message:
        """Return a sentence of the texts, with buttons."""
        return self.write(editor, external_id, self.text(editor, key, **values), presses=presses)

    def write(
        self, editor: Editor, external_id: str, text: str, *, presses: tuple[Press, ...] = ()
    ) -> Message:
        """Return a text to an editor, inside the open window."""
        return Message(
            external_id=external_id,
            kind="service",
            to=editor.id,
            sender=editor.sender,
            language=editor.language,
            text=text,
            preview=False,
            buttons=tuple(
                Button(
                    kind="quick_reply",
                    text=self.text(editor, f"button_{press.action}"),
                    payload=press.payload,
                )
                for press in presses
            ),
        )

    def text(self, editor: Editor, key: str, **values: object) -> str:
        """Return a text in the editor's language."""
        return self._context.texts.say(f"approval.{key}", editor.language, **values)

    def preview(self, editor: Editor, external_id: str, shown: Preview) -> list[Message]:
        """Return the post as its readers will see it; what is too long for one message follows."""
        content = as_shown(shown)
        if content is None:
            return []
        text = rendered(content)
        parts = [text[at : at + ROOM] for at in range(0, len(text), ROOM)]
        if content.image and len(text) > CAPTION:
            parts.insert(0, "")
        first, *rest = (
            self.write(editor, f"{external_id}:{n}", part).replace(preview=n == 0)
            for n, part in enumerate(parts)
        )
        return [first.replace(image=content.image), *rest]

    def card(
        self, editor: Editor, external_id: str, view: MessageView, post: Post, plan: Plan,
        *, trouble: str, four_eyes: bool,
    ) -> Message:  # fmt: skip
        """Return the card to decide by."""
        id, version = view.message.id, post.version
        presses = tuple(Press(action, id, version) for action in ("approve", "reject", "later"))
        text = "\n".join(self._card(editor, view, post, plan, trouble, four_eyes))
        return self.write(editor, external_id, text, presses=presses)

    def _card(
        self, editor: Editor, view: MessageView, post: Post, plan: Plan, trouble: str,
        four_eyes: bool,
    ) -> Iterator[str]:  # fmt: skip
        message = view.message
        topic = self._context.topics.get(message.topic or "")
        yield self.text(editor, "card", number=message.number, title=_title(message))
        yield ""
        if message.to is not None:
            yield self.text(editor, "to_one")
        else:
            yield self.text(
                editor, "reach", n=self.number(editor, post.reach),
                people=self.number(editor, post.people), topic=topic.title if topic else "",
            )  # fmt: skip
        left_out = ", ".join(
            self.text(editor, f"left_{why}", n=self.number(editor, plan.left_out[why]))
            for why in LEFT_OUT
            if plan.left_out.get(why)
        )
        if left_out:
            yield self.text(editor, "left_out", reasons=left_out)
        if plan.closed:
            yield self.text(editor, "closed", time=self.time(editor, plan.begins))
        if plan.seconds >= 60:
            yield self.text(editor, "duration", span=self.span(editor, plan.seconds))
        elif not plan.closed:
            yield self.text(editor, "at_once")
        if plan.waits:
            yield self.text(editor, "between", time=self.time(editor, plan.ends))
        if plan.too_late and plan.expires_at is not None:
            yield self.text(editor, "not_in_time", time=self.time(editor, plan.expires_at))
        yield from self._places(editor, plan)
        yield from self._costs(editor, plan)
        if post.expires is not None:
            time = self.time(editor, post.expires)
            yield self.text(editor, f"silence_{self._config.silence}", time=time)
        if four_eyes:
            yield self.text(editor, "four_eyes")
        if trouble:
            yield self.text(editor, "trouble", why=trouble[:REASON])
        yield ""
        yield self.text(editor, "change")

    def _places(self, editor: Editor, plan: Plan) -> Iterator[str]:
        """How many may be reached in a day, if that says something."""
        short = plan.tightest
        if short is not None:
            yield self.text(
                editor, "tier_short", today=self.number(editor, short.today),
                people=self.number(editor, plan.reached), limit=self.number(editor, short.n),
            )  # fmt: skip
            if short.last_at is not None:
                yield self.text(editor, "tier_rest", time=self.time(editor, short.last_at))
        elif plan.places:
            most = max(plan.places, key=lambda places: (places.used + places.needed) / places.n)
            taken = self.number(editor, most.used + most.needed)
            yield self.text(editor, "tier", n=taken, limit=self.number(editor, most.n))

    def _costs(self, editor: Editor, plan: Plan) -> Iterator[str]:
        price = plan.price
        if price is None:
            return
        amount = self.amount(editor, price.amount)
        dated = f"{price.rates_of:%d.%m.%Y}" if self._german(editor) else str(price.rates_of)
        yield self.text(editor, "cost", amount=amount, currency=price.currency, date=dated)
        if price.unpriced:
            n = self.number(editor, sum(price.unpriced.values()))
            yield self.text(editor, "unpriced", n=n, countries=", ".join(price.unpriced))
        if price.left is not None:
            key = "budget_short" if price.too_much else "budget"
            left = self.amount(editor, price.left)
            yield self.text(editor, key, left=left, currency=price.currency)

    # --- words ----------------------------------------------------------------------------------
    def number(self, editor: Editor, n: int) -> str:
        """`7962` → `7.962` in German, `7,962` elsewhere."""
        return self._local(editor, f"{n:,}")

    def amount(self, editor: Editor, amount: float) -> str:
        """An amount, to the cent while that says something."""
        return self._local(editor, f"{amount:,.2f}" if amount < 100 else f"{amount:,.0f}")

    def _local(self, editor: Editor, figure: str) -> str:
        return figure.translate(str.maketrans(",.", ".,")) if self._german(editor) else figure

    def _german(self, editor: Editor) -> bool:
        return self._context.texts.language(editor.language) == "de"

    def time(self, editor: Editor | None, at: datetime) -> str:
        """A time on the company's clock, with the day if that is not today."""
        here = at.astimezone(self._zone)
        if here.date() == self._context.clock.now().astimezone(self._zone).date():
            return f"{here:%H:%M}"
        language = self._context.texts.language(editor.language) if editor is not None else "en"
        return f"{here:%d.%m. %H:%M}" if language == "de" else f"{here.day} {here:%b %H:%M}"

    def span(self, editor: Editor, seconds: float) -> str:
        """A length of time: `2 h`, `40 min`."""
        unit, n = ("hours", seconds / 3600) if seconds >= 5400 else ("minutes", seconds / 60)
        return self.text(editor, unit, n=round(n))


def as_shown(shown: Preview) -> Content | None:
    """What nearly all will see: the template if there is one, else the text."""
    forms = {content.form: content for content in shown.contents}
    return forms.get("template") or forms.get("text")


def rendered(content: Content) -> str:
    """The whole of what a person sees, buttons named; the picture stands beside it."""
    if not isinstance(content, Template):
        return content.body
    header = content.header
    for name, value in content.header_parameters.items():
        header = header.replace("{{" + name + "}}", value)
    parts = [f"*{header}*" if header else "", content.rendered]
    parts += [f"_{content.footer}_" if content.footer else ""]
    parts += [content.below]
    return "\n\n".join(part for part in parts if part)


def _title(message: Message) -> str:
    title = " ".join((message.title or message.text or message.link).split())
    return title if len(title) <= TITLE else title[: TITLE - 1].rstrip() + "…"
