"""Free text with more than words: reply buttons, a list, a contact card.

    {"type": "button", "body": {"text": "…"}, "action": {"buttons": [
        {"type": "reply", "reply": {"id": "yes:12", "title": "Ja"}}]}}
    {"type": "list", "body": {"text": "…"}, "action": {"button": "Auswählen", "sections": [
        {"rows": [{"id": "INFO", "title": "Was ist das?", "description": "…"}]}]}}

Shapes and limits: Meta, "Interactive reply buttons messages", "Interactive list messages",
"Contacts messages".
"""

from __future__ import annotations

import re
from typing import Any

from gateway.api import Button, Card, Text

Json = dict[str, Any]

CODES = frozenset(
    {
        "buttons_too_many",
        "button_text",
        "button_payload",
        "list_caption",
        "list_with_image",
        "card_incomplete",
    }
)
BUTTON_TITLE, BUTTON_ID = 20, 256  # characters
ROWS, ROW_TITLE, ROW_ID, ROW_DESCRIPTION = 10, 24, 200, 72
CAPTION = 20

_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")


def trouble(content: Text) -> tuple[str, str] | None:
    """Return why Meta would not take card or buttons: one of CODES and a sentence; else None."""
    if content.card is not None:
        if not content.card.name.strip() or not _PHONE.fullmatch(content.card.phone):
            return "card_incomplete", "a contact card needs a name, and a number as +49 30 …"
        return None
    if not content.buttons:
        return None
    if not content.listed:
        return _buttons(content.buttons, BUTTON_TITLE, BUTTON_ID)
    if content.image is not None:
        return "list_with_image", "a list has no picture: leave it out, or have three buttons"
    if not 0 < len(content.menu.strip()) <= CAPTION:
        return "list_caption", f"the words that open a list have 1 to {CAPTION} characters"
    if len(content.buttons) > ROWS:
        return "buttons_too_many", f"a list has at most {ROWS} rows, not {len(content.buttons)}"
    for row in content.buttons:
        if len(row.value) > ROW_DESCRIPTION:
            return "button_text", f'below "{row.text}" stand more than {ROW_DESCRIPTION} characters'
    return _buttons(content.buttons, ROW_TITLE, ROW_ID)


def _buttons(buttons: tuple[Button, ...], longest: int, id: int) -> tuple[str, str] | None:
    for button in buttons:
        if not 0 < len(button.text.strip()) <= longest:
            return "button_text", f'the button "{button.text}" has not 1 to {longest} characters'
        if len(_id(button)) > id:
            return "button_payload", f'the payload of "{button.text}" has over {id} characters'
    if len({button.text.strip() for button in buttons}) < len(buttons):
        return "button_text", "two buttons bear the same words"
    if len({_id(button) for button in buttons}) < len(buttons):
        return "button_payload", "two buttons have the same payload"
    return None


def interactive(content: Text) -> Json:
    """Return the object `interactive` of a text with buttons."""
    if content.listed:
        action: Json = {"button": content.menu, "sections": [{"rows": _rows(content.buttons)}]}
        return {"type": "list", "body": {"text": content.body}, "action": action}
    replies = [{"id": _id(button), "title": button.text.strip()} for button in content.buttons]
    payload: Json = {
        "type": "button",
        "body": {"text": content.body},
        "action": {"buttons": [{"type": "reply", "reply": reply} for reply in replies]},
    }
    if content.image is not None:
        payload["header"] = {"type": "image", "image": {"link": content.image}}
    return payload


def _rows(buttons: tuple[Button, ...]) -> list[Json]:
    rows: list[Json] = []
    for button in buttons:
        row = {"id": _id(button), "title": button.text.strip()}
        if button.value:
            row["description"] = button.value
        rows.append(row)
    return rows


def _id(button: Button) -> str:
    return button.payload or button.text.strip()


def contacts(card: Card) -> list[Json]:
    """Return the array `contacts` of a card; with `wa_id` the phone offers to write there."""
    name = card.name.strip()
    found: Json = {
        # Meta wants one more part of the name beside the whole.
        "name": {"formatted_name": name, "first_name": name},
        "phones": [{"phone": card.phone, "type": "WORK", "wa_id": card.phone.removeprefix("+")}],
        "org": {"company": name},
    }
    if card.mail:
        found["emails"] = [{"email": card.mail, "type": "WORK"}]
    if card.web:
        found["urls"] = [{"url": card.web, "type": "WORK"}]
    return [found]
