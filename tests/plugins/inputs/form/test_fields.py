"""Fields: found by name, label or path; read whatever their shape; a tick is a tick."""

from __future__ import annotations

from typing import Any

import pytest

from gateway_plugins.inputs.form.fields import agreed, find, text, texts
from gateway_plugins.inputs.form.settings import ACCEPTED

FIELDS: dict[str, Any] = {
    "Telefon (mobil)": "0171 3920001",
    "Ich möchte es": "on",
    "5.1": "1",
    "contact": {"phones": [{"value": "0171 3920002"}], "name": {"first": "A", "last": "B"}},
    "fields[phone][value]": "0171 3920003",
    "empty": "",
    "none": None,
    "list": ["a", "b"],
}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["Telefon (mobil)"], "0171 3920001"),
        (["telefon (MOBIL)"], "0171 3920001"),
        (["  Telefon   (mobil) "], "0171 3920001"),
        (["ich mo\u0308chte es"], "on"),
        (["5.1"], "1"),
        (["contact.phones.0.value"], "0171 3920002"),
        (["fields.phone.value"], "0171 3920003"),
        (["empty", "none", "5.1"], "1"),
        (["missing"], None),
        (["contact.phones.1.value"], None),
        (["contact.phones.x"], None),
        (["list.0"], "a"),
        ([], None),
    ],
)
def test_found(names: list[str], found: object) -> None:
    assert find(FIELDS, names) == found


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, ""),
        ("  a ", "a"),
        (True, "true"),
        (491713920001, "491713920001"),
        (491713920001.0, "491713920001"),
        (1.5, "1.5"),
        (["a", None, "b"], "a, b"),
        ({"full": "(0171) 3920001"}, "(0171) 3920001"),
        ({"first": "Testkäufer", "last": "Süd"}, "Testkäufer Süd"),
        ([[[[[["deep"]]]]]], ""),
        ({}, ""),
    ],
)
def test_read_as_text(value: object, read: str) -> None:
    assert text(value) == read


def test_several() -> None:
    assert texts(["a, b", "c"]) == ["a, b", "c"]
    assert texts("a, b;c\n") == ["a", "b", "c"]
    assert texts(None) == []


@pytest.mark.parametrize(
    ("value", "yes"),
    [
        ("on", True), ("ON", True), ("1", True), (1, True), (True, True), ("Ja", True),
        (["yes"], True), (["nein", "ja"], True),
        ("", False), (None, False), ([], False), (False, False), (0, False), ("0", False),
        ("off", False), ("nein", False), ("ja, aber nicht", False), ("no", False), ({}, False),
    ],
)  # fmt: skip
def test_a_tick_says_yes_only_by_its_value(value: object, yes: bool) -> None:
    assert agreed(value, ACCEPTED) is yes


def test_a_tick_by_its_text() -> None:
    accepted = ["Ja, per WhatsApp informieren"]
    assert agreed(["Ja,  per WhatsApp informieren"], accepted)
    assert not agreed("on", accepted)
