"""Who should have got which post of the demo, who did, and whom nobody judges any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gateway_sandbox.blog import Post
from gateway_sandbox.events import Event, FaultStruck, Forgotten, SomebodyWrote
from gateway_sandbox.received import Received
from gateway_sandbox.serve import Sandbox
from gateway_sandbox.talking import Said
from gateway_sandbox.world import SUBSCRIBED, WHO, masked

GONE = {"en": "wrote STOP", "de": "schrieb STOP"}
"""What the page says about a person who left, by language."""


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
        self._expected: Counter[tuple[str, str]] = Counter()  # (contact, link)
        self._left: set[str] = set()
        self._yours: set[str] = set()
        self._acting: set[str] = set()
        sandbox.state.listeners.append(self._notice)

    def _notice(self, event: Event) -> None:
        if isinstance(event, SomebodyWrote) and event.status == 200 and _stops(event.message):
            self._sandbox.chats.introduce(event.contact, GONE, "no")
        if isinstance(event, SomebodyWrote) and event.contact not in self._acting:
            self._yours.add(event.contact)
            answer = f"answered with {event.status}" if event.status else "not answered"
            self._say(f"you: {masked(event.contact)} {_wrote(event.message)}, {answer}")
        elif isinstance(event, FaultStruck):
            self._yours.update([event.contact] if event.contact else WHO)
        elif isinstance(event, Forgotten):
            self._yours.update(WHO)

    async def write(self, contact: str, text: str, leaving: bool = False) -> Said:
        """A person writes by the script; `leaving`: and expects no more posts."""
        if leaving:
            self._left.add(contact)
        self._acting.add(contact)
        try:
            return await self._sandbox.say(contact, text)
        finally:
            self._acting.discard(contact)

    def expect(self, post: Post) -> None:
        """All who subscribed should get it."""
        for contact in SUBSCRIBED:
            if contact not in self._left:
                self._expected[contact, post.link] += 1

    def post_of(self, line: Received) -> Post | None:
        """Return the post that a message is about."""
        text = line.text or ""
        about = (post for post in reversed(self._posts) if post.link in text.split())
        return next(about, None)

    def _arrived(self) -> Counter[tuple[str, str]]:
        found = ((line.contact, self.post_of(line)) for line in self._sandbox.received())
        return Counter((contact, post.link if post else "?") for contact, post in found)

    def differences(self) -> list[tuple[str, str]]:
        """Return what arrived and should not have, or did not arrive yet: (contact, link)."""
        arrived = self._arrived()
        differing = (arrived - self._expected) + (self._expected - arrived)
        return [(contact, link) for contact, link in differing if contact not in self._yours]

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
        """Return whether all is as it should be, and a sentence that says it."""
        wrong = self.differences()
        without = [
            line
            for line in self._sandbox.received()
            if line.contact not in self._yours and "STOP" not in f"{line.text} {line.footer}"
        ]
        if wrong or without:
            return False, (
                f"{len(wrong)} differ from what was expected, {len(without)} without a way out"
            )
        read = self._sandbox.stats()["statuses"].get("read", 0)
        total = sum(self._arrived().values())
        if self._yours:
            n = len(self._yours)
            return True, (
                f"{total} messages, {read} read · you took part: {n} {'person' if n == 1 else 'people'}"
                " not judged, all others got what they should"
            )
        return True, (
            f"{total} messages for {sum(self._expected.values())} expected,"
            f" {read} read · nobody twice, nobody without consent, a way out in each"
        )


def _stops(message: Mapping[str, Any]) -> bool:
    """Whether this is the demo's way out: its word, or its button."""
    said = message.get("text", {}).get("body") or message.get("button", {}).get("payload") or ""
    return said.strip(" .!").upper() == "STOP"


def _wrote(message: Mapping[str, Any]) -> str:
    """What a person did, in a few words; `message`: as the webhook has it."""
    kind = message.get("type", "message")
    if kind == "text":
        return f"writes “{' '.join(message['text']['body'].split())[:40]}”"
    if kind == "button":
        return f"taps “{message['button']['text']}”"
    return f"sends: {kind}"
