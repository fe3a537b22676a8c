"""The picture of states and the table in docs/delivery.md are those of the code."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from gateway.store.states import MOVES, Cause, DeliveryState
from tests.states_page import MARKS, PAGE, PICTURE, causes, name, page, picture, table

AGAIN = "python -m tests.states_page"


def test_the_picture_is_of_this_table() -> None:
    """Drawn again it is the same."""
    assert PICTURE.read_text(encoding="utf-8") == picture(), AGAIN


def test_the_page_has_this_table() -> None:
    """Made again it is the same, and the marks are there."""
    text = PAGE.read_text(encoding="utf-8")
    assert all(mark in text for mark in MARKS)
    assert table() in text, AGAIN
    assert page(text) == text


def test_the_picture_shows_every_move() -> None:
    """As many words stand in its grid as the table has moves, and each state has its name."""
    words = [
        "".join(part.itertext()) for part in ElementTree.fromstring(picture()).iter() if part.text
    ]
    grid = words[words.index("gone") :]
    for cause in Cause:
        moves = sum(len(after) for after in MOVES[cause].values())
        assert grid.count(cause) == moves, cause
    for state in DeliveryState:
        assert words.count(name(state)) >= 3  # its box, its column, its row


def test_every_arrow_is_a_move() -> None:
    """No label of the flow is empty: what is drawn is in the table."""
    assert not re.search(r'paint-order="stroke"></text>', picture())
    assert causes(DeliveryState.READ, DeliveryState.QUEUED) == []
