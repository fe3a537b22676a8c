"""Who should have got what in the demo, who did, and whom nobody judges any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from gateway_sandbox.blog import Post
from gateway_sandbox.events import Event, FaultStruck, Forgotten, SomebodyWrote
from gateway_sandbox.received import Received
from gateway_sandbox.serve import Sandbox
from gateway_sandbox.talking import Said
from gateway_sandbox.world import SUBSCRIBED, WHO, masked

Brought = Literal["question", "welcome", "card", "goodbye", "answer"]
"""What a deed of a person brings: is that really wanted, hello, whom to save, the confirmation of
a STOP, and the answer to anything else."""

KINDS = ("post", "question", "welcome", "card", "goodbye", "answer", "other")
WITH_A_WAY_OUT = ("post", "question", "welcome")
"""What somebody who wants no more of it may be reading: STOP stands there."""

GONE = {"en": "wrote STOP", "de": "schrieb STOP"}
AGREED = {"en": "signed up, said yes", "de": "angemeldet, sagte Ja"}
"""What the page says about a person who left or came, by language."""


class Ledger:
    """`posts`: all of the blog, the list that grows.

    What somebody does on the page is theirs to judge: a person they acted for, or on whom a
    fault struck, is left out from then on.
    """

    def __init__(
        self, sandbox: Sandbox, posts: list[Post], say: Callable[[str], None] = lambda text: None
    ) -> None:
        """`say`: tell what somebody does on the page."""
        self._sandbox = sandbox
        self._say = say
        self._posts = posts
        self._expected: Counter[tuple[str, str]] = Counter()  # (contact, link or what was brought)
        self._subscribed = dict.fromkeys(SUBSCRIBED)
        self._yours: set[str] = set()
        self._acting: set[str] = set()
        sandbox.state.listeners.append(self._notice)

    def _notice(self, event: Event) -> None:
        if isinstance(event, SomebodyWrote) and event.status == 200:
            if _said(event.message).strip(" .!").upper() == "STOP":
                self._sandbox.chats.introduce(event.contact, GONE, "no")
            elif _pressed(event.message).get("title") in ("Ja", "Yes"):
                self._sandbox.chats.introduce(event.contact, AGREED, "yes")
        if isinstance(event, SomebodyWrote) and event.contact not in self._acting:
            self._yours.add(event.contact)
            answer = f"answered with {event.status}" if event.status else "not answered"
            self._say(f"you: {masked(event.contact)} {_wrote(event.message)}, {answer}")
        elif isinstance(event, FaultStruck):
            self._yours.update([event.contact] if event.contact else WHO)
        elif isinstance(event, Forgotten):
            self._yours.update(WHO)

    # --- what should happen -----------------------------------------------------------------------
    async def act(
        self, contact: str, brings: Iterable[Brought], text: str | None = None, **members: Any
    ) -> Said:
        """A person does something by the script; `text`, `members`: what, as for Sandbox.say."""
        self._expected.update((contact, what) for what in brings)
        self._acting.add(contact)
        try:
            return await self._sandbox.say(contact, text, **members)
        finally:
            self._acting.discard(contact)

    def joins(self, contact: str) -> None:
        """This person gets posts from now on."""
        self._subscribed[contact] = None

    def leaves(self, contact: str) -> None:
        """This person gets no posts any more."""
        self._subscribed.pop(contact, None)

    def expect(self, post: Post) -> None:
        """All who subscribed should get it."""
        self._expected.update((contact, post.link) for contact in self._subscribed)

    # --- what did happen --------------------------------------------------------------------------
    def post_of(self, line: Received) -> Post | None:
        """Return the post that a message is about."""
        text = line.text or ""
        about = (post for post in reversed(self._posts) if post.link in text.split())
        return next(about, None)

    def labelled(self) -> list[tuple[Received, str]]:
        """Return what came: each message with its kind, "other" if nobody was to get it."""
        due = self._expected.copy()
        found = []
        for line in self._sandbox.received():
            kind = "post" if self.post_of(line) else "other"
            if kind == "other":
                fitting = (what for what in _kinds(line) if due[line.contact, what] > 0)
                kind = next(fitting, "other")
                due[line.contact, kind] -= 1
            found.append((line, kind))
        return found

    def _arrived(self) -> Counter[tuple[str, str]]:
        found: Counter[tuple[str, str]] = Counter()
        for line, kind in self.labelled():
            post = self.post_of(line)
            found[line.contact, post.link if post else kind] += 1
        return found

    def differences(self) -> list[tuple[str, str]]:
        """Return what arrived and should not have, or did not arrive yet: (contact, link or kind)."""
        arrived = self._arrived()
        differing = (arrived - self._expected) + (self._expected - arrived)
        return [(contact, what) for contact, what in differing if contact not in self._yours]

    # --- what is said about it --------------------------------------------------------------------
    def table(self, wide: int = 120) -> Iterable[str]:
        """Yield a line for each person: who got which of the newest posts, as many as fit."""
        arrived = self._arrived()
        first = max(2, len(self._posts) - (wide - 50) // 10)
        posts = self._posts[first:]
        heads = "".join(f"  {f'post {n - 1}':<8}" for n in range(first, len(self._posts)))
        yield f"\n  {'person':<19} {'consent':<27}{heads}".rstrip()
        for contact, state in WHO.items():
            marks = ""
            for post in posts:
                got, due = arrived[contact, post.link], self._expected[contact, post.link]
                mark = "got it" if got == 1 else "–" if got == 0 else f"{got} times"
                wrong = got != due and contact not in self._yours
                marks += f"  {f'{mark} (!)' if wrong else mark:<8}"
            yield f"  {masked(contact):<19} {state:<27}{marks}".rstrip()

    def verdict(self) -> tuple[bool, str]:
        """Return whether all is as it should be, and what says it: a line for the counts, one for
        what they mean."""
        lines = self.labelled()
        wrong = self.differences()
        without = [
            line
            for line, kind in lines
            if line.contact not in self._yours
            and kind in WITH_A_WAY_OUT
            and "STOP" not in f"{line.text} {line.footer}"
        ]
        if wrong or without:
            return False, (
                f"{len(wrong)} differ from what was expected, {len(without)} without a way out"
            )
        counts = Counter(kind for _, kind in lines)
        of_each = ", ".join(_counted(counts[kind], kind) for kind in KINDS if counts[kind])
        read = self._sandbox.stats()["statuses"].get("read", 0)
        if self._yours:
            return True, (
                f"{len(lines)} messages: {of_each}; {read} read\n"
                f"you took part: {_counted(len(self._yours), 'phone')} not judged,"
                " all others got what they should"
            )
        return True, (
            f"{len(lines)} messages for {self._expected.total()} expected: {of_each}; {read} read\n"
            "nobody twice, nobody without consent, a way out in each post"
        )


def _kinds(line: Received) -> tuple[Brought, ...]:
    """What a message may be, by its looks."""
    if line.contacts:
        return ("card",)
    if line.buttons:
        return ("question",)
    return ("welcome", "goodbye", "answer") if line.form == "text" else ()


def _counted(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _said(message: Mapping[str, Any]) -> str:
    """What a person wrote, or what the button of a template means that was pressed."""
    written = message.get("text", {}).get("body")
    return str(written or message.get("button", {}).get("payload") or "")


def _pressed(message: Mapping[str, Any]) -> Mapping[str, Any]:
    """The button or row of an interactive message that was chosen: `title` and `id`."""
    interactive = message.get("interactive", {})
    found: Mapping[str, Any] = interactive.get(interactive.get("type"), {})
    return found


def _wrote(message: Mapping[str, Any]) -> str:
    """What a person did, in a few words; `message`: as the webhook has it."""
    kind = message.get("type", "message")
    if kind == "text":
        return f"writes “{' '.join(message['text']['body'].split())[:40]}”"
    if kind == "button":
        return f"taps “{message['button']['text']}”"
    if title := _pressed(message).get("title"):
        return f"taps “{title}”"
    return f"sends: {kind}"
