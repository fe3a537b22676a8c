"""A visitor of a website who signs up: ticks every box, presses the button, reads what to send.

Knows of the pages no more than a browser does: one form, and then a link that opens WhatsApp.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

LANGUAGE = "de"
OPENS_WHATSAPP = "/wa.me/"


class NotOffered(Exception):
    """The website did not offer what a visitor needs; the text says what."""


class Offered(NamedTuple):
    """What to send: its text, and the link that types it in."""

    text: str
    link: str


class _Page(HTMLParser):
    """The one form of a page, as it is posted with every box ticked, and the page's links."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and "name" in given:
            self.fields[given["name"]] = given.get("value", "")
        elif tag == "a":
            self.links.append(given.get("href", ""))


async def sign_up(address: str) -> Offered:
    """Sign up on the page of this address.  Raises NotOffered."""
    headers = {"Accept-Language": LANGUAGE, "User-Agent": "Mozilla/5.0 (demo)"}
    try:
        async with httpx.AsyncClient(
            headers=headers, follow_redirects=True, trust_env=False, timeout=10
        ) as browser:
            form = _Page((await browser.get(address)).raise_for_status().text)
            if form.action is None:
                raise NotOffered(f"there is no form on {address}")
            posted = await browser.post(urljoin(address, form.action), data=form.fields)
            found = _Page(posted.raise_for_status().text)
    except httpx.HTTPError as error:
        raise NotOffered(f"{address}: {error or type(error).__name__}") from error
    for link in found.links:
        text = parse_qs(urlsplit(link).query).get("text")
        if OPENS_WHATSAPP in link and text:
            return Offered(text[0], link)
    raise NotOffered(f"no link on {posted.url} opens WhatsApp")
