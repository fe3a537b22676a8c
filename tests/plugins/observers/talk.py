"""What tests of observers talk about: a person, what that person wrote, and what was answered."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from gateway.api import (
    Card,
    Contact,
    Event,
    Hold,
    Identity,
    Message,
    Received,
    Standing,
    Template,
    Text,
    Topic,
)
from gateway.testing import NOW, FakeContext
from gateway_plugins.outputs.whatsapp.compose import as_text

BLOG = Topic(
    name="blog",
    title="Neue Beiträge",
    purpose="Hinweise auf neue Blogbeiträge",
    frequency="höchstens dreimal pro Woche",
)
OFFERS = Topic(name="angebote", title="Angebote", purpose="Rabatte und Aktionen")
STAFF = Topic(name="team", title="Team", purpose="Internes", closed=True)
PHONE = Identity("phone", "+4917139200001")


def context(label: str, *topics: Topic) -> FakeContext:
    return FakeContext(label, topics or (BLOG, OFFERS, STAFF))


def standing(
    topic: str, state: str, event: int, since: datetime = NOW, asked: bool = False
) -> Standing:
    return Standing(topic=topic, state=state, event=event, since=since, asked=asked)


def person(*consents: Standing, **changes: Any) -> Contact:
    """Somebody who wrote an hour ago to the sender `main`."""
    values: dict[str, Any] = {
        "id": 7, "identities": (PHONE,), "language": "de", "name": "", "consents": consents,
        "windows": {"main": NOW + timedelta(hours=23)},
    }  # fmt: skip
    return Contact(**(values | changes))


def wrote(words: str = "", **changes: Any) -> Received:
    values: dict[str, Any] = {
        "id": 70, "contact": 7, "sender": "main", "provider_id": "wamid.70", "kind": "text",
        "words": words, "caption": "", "button": False, "quoted": None, "at": NOW, "act": "",
        "raw": b"",
    }  # fmt: skip
    return Received(**(values | changes))


def event(name: str, **changes: Any) -> Event:
    values: dict[str, Any] = {"id": 700, "at": NOW, "name": name, "contact": 7, "sender": "main"}
    return Event(**(values | changes))


def as_sent(message: Message) -> Text:
    """Return the message as WhatsApp gets it.  Fails if something does not fit, or was cut."""
    composed = as_text(message, "Auswählen")
    assert not isinstance(composed, Hold), composed
    assert not isinstance(composed, Template)
    assert composed.body == message.text.strip(), "a text was shortened"
    return composed


def taps(message: Message) -> dict[str, str]:
    """Return what stands on the buttons → what comes back."""
    return {button.text: button.payload for button in message.buttons}


CARD = Card(
    name="Beispiel GmbH",
    phone="+49301234567",
    mail="redaktion@blog.example",
    web="https://blog.example/impressum",
)
