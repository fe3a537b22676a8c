"""One person and the gateway, from START to the silence after STOP, through the whole daemon."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wire.inprocess import Running, running

PHONE = "+4917139200001"
MORE = """
[observers.answers]
opening_hours = "24/7"
reply_within  = "2h"
"""


class Talk:
    """What one person sees and does."""

    def __init__(self, gateway: Running) -> None:
        self._gateway = gateway
        self._read = 0

    async def says(self, text: str | None = None, **members: Any) -> None:
        said = await self._gateway.sandbox.say(PHONE, text, **members)
        assert said.status == 200

    async def taps(self, payload: str, title: str) -> None:
        await self.says(button_reply={"id": payload, "title": title})

    async def hears(self, n: int = 1) -> list[Any]:
        """Return the next messages, as they stand on the phone."""
        await self._gateway.until(lambda: len(self._all()) >= self._read + n)
        found = self._all()[self._read : self._read + n]
        self._read += n
        return found

    async def hears_nothing(self) -> None:
        """Everything is read, answered and sent: nothing is on its way."""
        await self._gateway.until(self._quiet)
        await self._gateway.sandbox.settled()
        assert len(self._all()) == self._read, self._all()[self._read :]

    def _all(self) -> list[Any]:
        return [one for one in self._gateway.sandbox.received() if one.contact == PHONE]

    async def _quiet(self) -> bool:
        """Whether the observers have read the journal, and no delivery waits."""
        store = self._gateway.daemon.store
        if any([await store.events_after(name, limit=1) for name in ("signup", "answers")]):
            return False
        unscreened = await store.to_screen("", at=0, limit=1)
        depths = await store.depths()
        waits = [n for (*_, state), n in depths.items() if state in ("queued", "leased", "sending")]
        return not unscreened and not sum(waits)


async def test_from_start_to_stop(tmp_path: Path) -> None:
    async with running(tmp_path, more=MORE) as gateway:
        talk = Talk(gateway)
        await talk.says("Start")
        (question,) = await talk.hears()
        assert "Hinweise auf neue Blogbeiträge" in question.text
        assert "STOP" in question.text
        yes, no = question.buttons
        assert (yes.text, no.text) == ("Ja", "Nein")
        assert no.payload == yes.payload.replace("yes:", "no:")

        await talk.says("Start")  # impatient: the question is not asked again
        (reminder,) = await talk.hears()
        assert "noch offen" in reminder.text
        assert not reminder.buttons

        await talk.taps(yes.payload, yes.text)
        welcome, card = await talk.hears(2)
        assert "Das schreibt dir Beispiel GmbH ab jetzt" in welcome.text
        assert card.contacts[0]["name"]["formatted_name"] == "Beispiel GmbH"

        await gateway.send("1")
        (post,) = await talk.hears()
        assert "Titel 1" in post.text

        await talk.says("Was kostet das?")
        (received,) = await talk.hears()
        assert "spätestens" in received.text
        await talk.says("Hallo?")
        await talk.hears_nothing()  # it is known that the question arrived

        await talk.says("Pause")
        assert "Pause bis" in (await talk.hears())[0].text
        await gateway.send("2")
        await talk.hears_nothing()
        await talk.says("Weiter")
        assert "Die Pause ist vorbei" in (await talk.hears())[0].text

        await talk.says("Stop!")
        (goodbye,) = await talk.hears()
        assert "Du bist abgemeldet" in goodbye.text
        await talk.says("STOP")
        await gateway.send("3")
        await talk.hears_nothing()

        await talk.taps(yes.payload, yes.text)  # the old question, found again
        (late,) = await talk.hears()
        assert "zu spät" in late.text
        assert [button.payload for button in late.buttons] == ["start:blog"]
        await talk.hears_nothing()
