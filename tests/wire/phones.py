"""The sandbox's page of phones in a browser: what stands on them, what is typed and pressed."""

from __future__ import annotations

import json

from tests.sandbox.browser import Tab
from tests.wire.world import World

SIZE = (1400, 1000)
"""Pixels of the window."""


class Phones:
    """The page of phones in a browser."""

    def __init__(self, tab: Tab, world: World) -> None:
        self.tab = tab
        self.url = f"http://127.0.0.1:{world.sandbox_port}"
        self.public = f"http://127.0.0.1:{world.public}"

    async def open(self) -> None:
        """Look at them."""
        await self.tab.open(self.url, *SIZE)
        await self.tab.until("document.querySelector('.link.on')", 10)

    async def write(self, phone: str, text: str) -> None:
        """Type a text on a phone, and send it."""
        await self.tab.click(f'.phone[data-contact="{phone}"] .compose input[type=text]')
        await self.tab.write(text)

    async def texts(self, phone: str) -> list[str]:
        """What stands in the bubbles of a phone."""
        return list(
            await self.tab.evaluate(
                f"[...document.querySelectorAll({on(phone, '.text')})].map((one) => one.textContent)"
            )
        )

    async def until_says(self, phone: str, words: str) -> None:
        """Wait until a bubble of a phone holds these words."""
        await self.tab.until(
            f"[...document.querySelectorAll({on(phone, '.text')})]"
            f".some((one) => one.textContent.includes({json.dumps(words)}))",
            20,
        )

    async def until_read(self, phone: str) -> None:
        """Wait until all that came to a phone has been read there."""
        await self.tab.until(
            f"[...document.querySelectorAll({on(phone, '.status')})]"
            ".every((one) => one.classList.contains('read'))",
            20,
        )

    async def press(self, phone: str, caption: str, at: int = 1) -> None:
        """Press the button with that caption that came `at` so many."""
        await self.tab.until(
            f"(() => {{ const all = [...document.querySelectorAll({on(phone, '.press')})]"
            f".filter((one) => one.textContent.trim() === {json.dumps(caption)});"
            f" if (all.length < {at}) return false; all[{at} - 1].click(); return true; }})()",
            20,
        )


def on(phone: str, selector: str) -> str:
    """A selector within one phone, as JavaScript."""
    return json.dumps(f'.phone[data-contact="{phone}"] {selector}')
