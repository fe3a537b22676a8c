"""Keeps a sign-up: under a code that the visitor sends, or for a typed number that is asked."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import phonenumbers
import trio

from gateway.api import (
    CodeTaken,
    ConsentEvent,
    Context,
    Identity,
    Person,
    PhoneNumberError,
    SignUp,
    Topic,
    Wording,
    new_code,
    phone,
    start_link,
    start_text,
)

from .guard import Refused
from .settings import FormsConfig

TRIES = 5
"""New codes that are tried; that several are another's happens to nobody."""
DAY = 86_400

NOT_ASKED = {"confirmed", "withdrawn", "refused"}
"""Who said yes need not be asked; who said no must not be, because somebody typed that number: the
person's own START always works."""

TYPES = {
    phonenumbers.PhoneNumberType.MOBILE: "mobile",
    phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    phonenumbers.PhoneNumberType.FIXED_LINE: "landline",
    phonenumbers.PhoneNumberType.VOIP: "voip",
}
"""Kinds of numbers that can be allowed; premium, shared cost and pagers never are."""


class Step(msgspec.Struct, array_like=True, frozen=True):
    """What the visitor does next: send START and the code to `number`, before `until`."""

    topics: tuple[str, ...]
    code: str
    number: str
    until: datetime

    @property
    def text(self) -> str:
        """The message to send."""
        return start_text(self.topics, self.code)


NO_NUMBER = (
    "the sender's number is not known yet; write [senders.…] number, or let one message come in"
)


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody agreed to on a page."""

    topics: tuple[Topic, ...]
    wording: Wording
    language: str
    source: str
    evidence: dict[str, str]


class SigningUp:
    """Keeps sign-ups of one input."""

    def __init__(self, context: Context, config: FormsConfig) -> None:
        self._context = context
        self._config = config
        self._one = trio.Lock()
        self._today: tuple[str, int] = ("", 0)
        self._told = False  # the log knows that nobody can sign up

    def number(self, topics: Sequence[Topic] = ()) -> str:
        """Return the WhatsApp number to write to, "" while it is unknown."""
        sender = next((topic.sender for topic in topics if topic.sender), "") or ""
        return self._config.number or self._context.sender_address(sender)

    def link(self, step: Step) -> str:
        """Return the link that opens WhatsApp with the step's text typed in."""
        return start_link(step.number, step.text, base=self._config.wa_me)

    def step(self, topics: Sequence[Topic]) -> Step:
        """Return a next step with a new code, behind which nothing stands yet.

        Raises Refused while nobody knows the number.
        """
        number = self.number(topics)
        if not number:
            if not self._told:
                self._told = True
                self._context.log.warning("nobody can sign up: %s", NO_NUMBER)
            raise Refused("not_possible", 503)
        until = self._context.clock.now() + timedelta(seconds=self._config.code_valid)
        return Step(tuple(topic.name for topic in topics), new_code(), number, until)

    async def by_code(self, wish: Wish) -> Step:
        """Keep a sign-up under a new code.  Raises Refused while nobody knows the number."""
        now = self._context.clock.now()
        for left in reversed(range(TRIES)):
            step = self.step(wish.topics)
            sign_up = SignUp(
                code=step.code, topics=step.topics, source=wish.source, at=now,
                expires_at=step.until, language=wish.language, wording=wish.wording,
                evidence=wish.evidence,
            )  # fmt: skip
            try:
                today = msgspec.json.encode(self._one_more())
                await self._context.accept(sign_ups=[sign_up], state={"today": today})
                break
            except CodeTaken:
                if not left:
                    raise
        self._kept()
        return step

    async def by_number(self, wish: Wish, typed: str) -> bool:
        """Keep a request of a typed number, which a template then asks whether it is theirs.

        False: it was asked enough, or answered before; nobody is told which.  Raises Refused for
        what is no number of a mobile phone.
        """
        number = self._mobile(typed)
        async with self._one:  # of two posts at once the second has to see the first
            return await self._ask(wish, number)

    async def _ask(self, wish: Wish, number: str) -> bool:
        identity = Identity("phone", number)
        now = self._context.clock.now()
        known = await self._context.find(identity)
        contact = await self._context.contact(known) if known is not None else None
        standing = [contact.standing(topic.name) if contact else None for topic in wish.topics]
        open_ones = [
            topic
            for topic, found in zip(wish.topics, standing, strict=True)
            if found is None or found.state not in NOT_ASKED
        ]
        gone = contact.standing("*") if contact else None
        if gone is not None and gone.state in NOT_ASKED:
            open_ones = []
        key = f"asked:{await self._mark(number)}"
        times = msgspec.json.decode(await self._context.state.get(key) or b"[]", type=list[int])
        answered = contact is not None and any(one.state == "confirmed" for one in contact.consents)
        second = int(now.timestamp())
        if not open_ones or any(time > second - DAY for time in times):
            return False
        if len(times) >= self._config.per_number and not answered:
            return False
        events = tuple(
            ConsentEvent(
                name="requested", at=now, topic=topic.name, source=wish.source,
                wording=wish.wording, evidence=wish.evidence,
            )
            for topic in open_ones
        )  # fmt: skip
        person = Person(identities=(identity,), language=wish.language, events=events)
        kept = msgspec.json.encode([*times, second][-self._config.per_number :])
        today = msgspec.json.encode(self._one_more())
        await self._context.accept(people=[person], state={key: kept, "today": today})
        self._kept()
        return True

    def _mobile(self, typed: str) -> str:
        try:
            number = phone(typed[:60], self._context.company.region)
        except PhoneNumberError:
            raise Refused("bad_number" if typed.strip() else "no_number") from None
        kind = phonenumbers.number_type(phonenumbers.parse(number, None))
        if TYPES.get(kind) not in self._config.number_types:
            raise Refused("no_mobile")
        return number

    async def _mark(self, number: str) -> str:
        """Return what stands for a number in the state: it says nothing once that is erased."""
        key = await self._context.state.get("key")
        if key is None:
            key = secrets.token_bytes(32)
            await self._context.state.put({"key": key})
        return hmac.digest(key, number.encode(), "sha256").hex()[:32]

    # --- what the operator is told --------------------------------------------------------------
    async def recall(self) -> None:
        """Read how many there were today."""
        if stored := await self._context.state.get("today"):
            self._today = msgspec.json.decode(stored, type=tuple[str, int])
        self._tell()

    def _one_more(self) -> tuple[str, int]:
        """Return the day and how many it has with one more."""
        day = self._context.clock.now().date().isoformat()
        return day, (self._today[1] if self._today[0] == day else 0) + 1

    def _kept(self) -> None:
        self._today = self._one_more()
        self._tell()

    def _tell(self) -> None:
        day, count = self._today
        today = count if day == self._context.clock.now().date().isoformat() else 0
        self._context.succeeded(f"{today} sign-up{'' if today == 1 else 's'} today")
