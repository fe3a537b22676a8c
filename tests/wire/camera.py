"""Pictures of what a test sees in the browser: `PICTURES=DIR` keeps them, else none is made.

Those of docs/ are made so: `PICTURES=docs/images make test TESTS="tests/wire -k story"`.
"""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import NamedTuple

from tests.sandbox.browser import Tab
from tests.wire.png import smaller

MARGIN = 8
"""Pixels around a phone."""
SHARP = 1.5
"""Pixels of the picture for one of the page: sharp, and not too large to load."""
WIDTH, HEIGHT = 390, 870
"""Pixels of a phone, its caption included."""


class Box(NamedTuple):
    """A part of a page, in its pixels."""

    x: float
    y: float
    width: float
    height: float


class Camera:
    """Takes pictures of one tab."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        folder = os.environ.get("PICTURES")
        self._folder = Path(folder) if folder else None

    async def page(self, name: str) -> None:
        """A page of the company, as far down as it goes; nothing in it may be cut at the side."""
        wide, width, height = await self._tab.evaluate(
            "[document.documentElement.scrollWidth, innerWidth,"
            " document.querySelector('main').getBoundingClientRect().bottom"
            " + document.querySelector('footer').offsetHeight + scrollY]"
        )
        assert wide <= width, f"{name} is {wide} pixels wide, the window {width}"
        await self.take(name, Box(0, 0, width, height), SHARP)

    async def phone(self, name: str, contact: str) -> None:
        """One phone, at the end of its chat."""
        await self._spread([contact])
        await self.take(name, await self._around(contact, ".device"), SHARP)

    async def phones(self, name: str, left: str, top: str, right: str) -> None:
        """Two phones side by side, the left one scrolled up to the message that says `top`."""
        await self._spread([left, right])
        await self._tab.evaluate(
            f"(() => {{ const chat = document.querySelector('{_phone(left)} .chat');"
            " const first = [...chat.querySelectorAll('.message')]"
            f".find((one) => one.textContent.includes('{top}'));"
            " chat.scrollTop += first.getBoundingClientRect().top"
            " - chat.getBoundingClientRect().top - 2; })()"
        )
        one, other = await self._around(left), await self._around(right)
        width = other.x + other.width - one.x
        await self.take(name, one._replace(width=width), SHARP)

    async def _spread(self, contacts: list[str]) -> None:
        """Put these phones first, as wide as phones are, with what came last in view."""
        await self._tab.evaluate(
            "document.activeElement?.blur();"
            f" for (const contact of {json.dumps(contacts[::-1])}) {{"
            ' const phone = document.querySelector(`.phone[data-contact="${contact}"]`);'
            f" phone.style.flex = '0 0 {WIDTH}px';"
            f" phone.style.maxHeight = '{HEIGHT}px'; phone.parentNode.prepend(phone); }}"
            " document.querySelector('.phones').scrollLeft = 0;"
            " for (const chat of document.querySelectorAll('.chat')) chat.scrollTop = 1e6;"
            " document.querySelectorAll('.fresh').forEach((one) => { one.hidden = true; });"
        )

    async def _around(self, contact: str, part: str = "") -> Box:
        x, y, width, height = await self._tab.evaluate(
            f"(() => {{ const box = document.querySelector('{_phone(contact)} {part}')"
            ".getBoundingClientRect(); return [box.x, box.y, box.width, box.height]; })()"
        )
        return Box(x - MARGIN, y - MARGIN, width + 2 * MARGIN, height + 2 * MARGIN)

    async def take(self, name: str, box: Box, scale: float) -> None:
        """A part of what the tab shows."""
        if self._folder is None:
            return
        shot = await self._tab.command(
            "Page.captureScreenshot",
            format="png",
            captureBeyondViewport=True,
            clip={**box._asdict(), "scale": scale},
        )
        picture = base64.b64decode(shot["data"])
        (self._folder / f"{name}.png").write_bytes(smaller(picture))


def _phone(contact: str) -> str:
    return f'.phone[data-contact="{contact}"]'
