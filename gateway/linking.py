"""Links that open WhatsApp with the first step typed in: START, the topic, and a short code.

The person presses Send: nothing happens before that.  Shape: Meta, "Click to chat"
(`https://wa.me/NUMBER?text=…`, the number without + and spaces).
"""

from __future__ import annotations

import hmac
import itertools
import secrets
from html import escape
from urllib.parse import quote

from gateway.errors import ConfigError
from gateway.numbers import digits

WA_ME = "https://wa.me"
ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Of codes: what people read aloud and mistake for another is left out (0 and O, 1 and I)."""
CODE = 5


def start_text(topics: tuple[str, ...], code: str = "") -> str:
    """Return the message that a visitor sends; a code of several topics stands for all of them."""
    topic = topics[0] if len(topics) == 1 else ""
    return " ".join(part for part in ("START", topic, code) if part)


def start_link(number: str, text: str, *, base: str = WA_ME) -> str:
    """Return the link that opens a chat with `number` and has a text typed in.

    Raises ConfigError if the number has no digits.
    """
    dialled = digits(number)
    if not dialled:
        raise ConfigError("the sender's number is not known yet; write [senders.…] number")
    return f"{base}/{dialled}?text={quote(text, safe='')}"


def new_code() -> str:
    """Return a code of which nobody can guess the next: some 33 million there are."""
    while True:
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE))
        if _mixed(code):
            return code


def code_for(key: bytes, topic: str, name: str) -> str:
    """Return the code of a link that is used again and again: the same for the same name."""
    turns = (_code(key, f"link\0{topic}\0{name}\0{turn}") for turn in itertools.count())
    return next(code for code in turns if _mixed(code))


def _code(key: bytes, said: str) -> str:
    value = int.from_bytes(hmac.digest(key, said.encode(), "sha256")[:8], "big")
    return "".join(ALPHABET[value >> 5 * digit & 31] for digit in range(CODE + 1))


def _mixed(code: str) -> bool:
    """With a digit and a letter it is no word and no number."""
    return not code.isalpha() and not code.isdigit()


def share_button(link: str, label: str) -> str:
    """Return a link for a website: plain HTML, no script, nothing loaded from anywhere."""
    return (
        f'<a href="{escape(link)}" rel="noopener" style="display:inline-block;padding:.7em 1.2em;'
        "border-radius:.5em;background:#0b6b50;color:#fff;text-decoration:none;"
        f'font:600 1rem/1.3 system-ui,sans-serif">{escape(label)}</a>'
    )
