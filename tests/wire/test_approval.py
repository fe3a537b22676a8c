"""The editors decide on their phones: preview and card, another text, yes, stop, and silence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway_sandbox.received import Received
from tests.wire.inprocess import Running, running
from tests.wire.world import numbers

ANNA, BERT, STRANGER = "+4917139200901", "+4917139200902", "+4917139200903"
CHAIN = ("consent", "filter", "approval", "ratelimit", "footer")
RATES = """
currency = "EUR"
date     = 2025-07-01
source   = "of this test"
[marketing]
other = 0.1131
"""
SETTINGS = f"""
[cost]
rates = "rates.toml"
[people]
redaktion = "{ANNA}"
vertretung = "{BERT}"
[middleware.approval]
ask = ["redaktion", "vertretung"]
{{approval}}
[middleware.ratelimit]
{{ratelimit}}
"""


class Office:
    """The editors' phones, and what is on them."""

    def __init__(self, gateway: Running) -> None:
        self.gateway = gateway
        self.read: dict[str, int] = {}

    def on(self, phone: str) -> list[Received]:
        return [one for one in self.gateway.sandbox.received() if one.contact == phone]

    async def next(self, phone: str) -> Received:
        """Return the next message on a phone."""
        seen = self.read.get(phone, 0)
        await self.gateway.until(lambda: len(self.on(phone)) > seen)
        self.read[phone] = seen + 1
        return self.on(phone)[seen]

    async def asked(self, phone: str) -> tuple[Received, Received]:
        """Return preview and card."""
        return await self.next(phone), await self.next(phone)

    async def press(self, phone: str, card: Received, n: int) -> None:
        button = card.buttons[n]
        reply = {"title": button.text, "id": button.payload}
        await self.gateway.sandbox.say(phone, button_reply=reply, context=card.wamid)

    async def state(self, number: int) -> str:
        shown = await self.gateway.call("message_show", message=str(number))
        return str(shown["state"])

    async def history(self, number: int) -> list[tuple[str, str]]:
        shown = await self.gateway.call("message_show", message=str(number))
        return [(line["name"], line["detail"]) for line in shown["journal"]]


@asynccontextmanager
async def office(
    folder: Path, *, approval: str = "", ratelimit: str = "", write: tuple[str, ...] = (ANNA, BERT)
) -> AsyncIterator[Office]:
    (folder / "rates.toml").write_text(RATES)
    more = SETTINGS.format(approval=approval, ratelimit=ratelimit)
    async with running(folder, chain=CHAIN, more=more) as gateway:
        for phone in write:
            await gateway.sandbox.say(phone, "Guten Morgen")
        await gateway.sandbox.settled()
        yield Office(gateway)


class Later(SystemClock):
    """The machine's clock, put forward."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def micros(self) -> int:
        return int(self.now().timestamp() * 1e6)


async def test_a_post_goes_the_way_of_the_editors(tmp_path: Path) -> None:
    """Preview and card, another text, its preview, yes: each subscriber gets the new text once."""
    people = numbers(20)
    async with office(tmp_path) as o:
        await o.gateway.import_confirmed(people)
        number = await o.gateway.send("post")
        preview, card = await o.asked(ANNA)
        assert "Ein Satz." in preview.text
        assert "An 20 von 20, die „Neue Beiträge“ abonniert haben." in card.text
        assert [button.text for button in card.buttons] == ["Senden", "Nicht senden", "Später"]
        _, berts = await o.asked(BERT)
        await o.gateway.sandbox.say(BERT, "Ein besserer Satz.", context=berts.wamid)
        preview, fresh = await o.asked(ANNA)
        assert "Ein besserer Satz." in preview.text
        await o.asked(BERT)
        await o.press(ANNA, card, 0)
        assert "neuere Fassung" in (await o.next(ANNA)).text
        await o.press(STRANGER, fresh, 0)
        assert await o.state(number) == "held"
        assert [one for one in o.gateway.sandbox.received() if one.contact in people] == []

        await o.press(ANNA, fresh, 0)
        await o.press(ANNA, fresh, 1)  # too late: the first decision wins
        told = [(await o.next(ANNA)).text for _ in range(2)]
        assert sum("#1 läuft (Ja von redaktion" in text for text in told) == 1
        assert sum("schon entschieden: gesendet" in text for text in told) == 1
        assert "20 in der Warteschlange" in (await o.next(BERT)).text
        await o.gateway.until(
            lambda: sum(one.contact in people for one in o.gateway.sandbox.received()) == 20
        )
        got = {one.contact: one for one in o.gateway.sandbox.received() if one.contact in people}
        assert set(got) == set(people)
        for one in got.values():  # the very words that the editors saw
            assert one.text in preview.text
            assert one.footer is not None
            assert one.footer in preview.text
        assert o.on(STRANGER) == []
        history = await o.history(number)
        assert ("message.revise", "vertretung") in history
        assert ("message.approve", "redaktion") in history
        (ready,) = [detail for name, detail in history if name == "message.ready"]
        assert "· approved by redaktion " in ready
        assert "for 20 of 20, about 2.26 EUR" in ready


async def test_two_have_to_say_yes_and_one_may_stop_it(tmp_path: Path) -> None:
    """Four eyes; then stopped in the middle: what is left waits, and goes on or not."""
    people = numbers(30)
    settings = {"approval": "four_eyes_above = 10", "ratelimit": "per_second = 4.0"}
    async with office(tmp_path, **settings) as o:
        await o.gateway.import_confirmed(people)
        number = await o.gateway.send("post")
        _, annas = await o.asked(ANNA)
        _, berts = await o.asked(BERT)
        assert "Zwei von euch müssen Ja sagen." in annas.text
        for _ in range(2):
            await o.press(ANNA, annas, 0)
            assert "fehlt noch eines" in (await o.next(ANNA)).text
        assert "Dein Ja fehlt noch" in (await o.next(BERT)).text
        assert await o.state(number) == "held"
        await o.press(BERT, berts, 0)
        while not (runs := await o.next(BERT)).buttons:
            assert "Dein Ja fehlt noch" in runs.text  # of Anna's second press
        assert "redaktion + vertretung" in runs.text

        await o.press(BERT, runs, 0)
        stands = await o.next(BERT)
        assert "steht (vertretung)" in stands.text
        counts = await o.gateway.counts(number)
        assert counts.get("paused", 0) > 0
        before = sum(one.contact in people for one in o.gateway.sandbox.received())
        assert before < 30
        await o.press(BERT, stands, 0)
        goes = await o.next(BERT)
        assert "läuft weiter" in goes.text
        await o.press(BERT, goes, 0)
        stands = await o.next(BERT)
        await o.press(BERT, stands, 1)
        assert "ist abgebrochen (vertretung)" in (await o.next(BERT)).text

        async def settled() -> bool:
            counts = await o.gateway.counts(number)
            return sum(counts.get(s, 0) for s in ("queued", "leased", "sending", "paused")) == 0

        await o.gateway.until(settled)
        got = [one.contact for one in o.gateway.sandbox.received() if one.contact in people]
        assert before <= len(got) < 30
        assert len(got) == len(set(got))
        assert (await o.gateway.counts(number))["dropped"] == 30 - len(got)


async def test_no_sends_nothing(tmp_path: Path) -> None:
    people = numbers(3)
    async with office(tmp_path) as o:
        await o.gateway.import_confirmed(people)
        number = await o.gateway.send("post")
        _, card = await o.asked(ANNA)
        await o.asked(BERT)
        await o.press(ANNA, card, 1)
        for phone in (ANNA, BERT):
            assert (await o.next(phone)).text == "#1 wird nicht gesendet (redaktion)."
        assert await o.state(number) == "cancelled"
        assert {one.contact for one in o.gateway.sandbox.received()} == {ANNA, BERT}


async def test_silence_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One wrote to the number only later, asks for time, and then nobody says anything."""
    monkeypatch.setattr("gateway.foreground.SystemClock", Later)
    monkeypatch.setattr(Later, "ahead", timedelta(0))
    people = numbers(3)
    async with office(tmp_path, approval='expires = "3h"', write=()) as o:
        await o.gateway.import_confirmed(people)
        number = await o.gateway.send("post")
        await o.gateway.until(lambda: held(o, number))
        shown = await o.gateway.call("message_show", message=str(number))
        assert "nobody can be asked: redaktion, vertretung" in shown["reason"]
        await o.gateway.sandbox.say(ANNA, "Guten Morgen")
        _, card = await o.asked(ANNA)
        await o.press(ANNA, card, 2)
        assert "frage ich um" in (await o.next(ANNA)).text
        Later.ahead = timedelta(hours=1, minutes=31)
        again = await o.next(ANNA)
        assert again.buttons == card.buttons
        Later.ahead = timedelta(hours=3, minutes=1)
        assert (await o.next(ANNA)).text == "Niemand hat über #1 entschieden: nicht gesendet."
        assert await o.state(number) == "dropped"
        await o.press(ANNA, again, 0)
        assert "Zu spät: #1" in (await o.next(ANNA)).text
        assert {one.contact for one in o.gateway.sandbox.received()} == {ANNA}


async def held(o: Office, number: int) -> bool:
    return await o.state(number) == "held"
