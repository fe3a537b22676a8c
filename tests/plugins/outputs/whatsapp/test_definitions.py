"""Templates as Meta lists them, and which one is the right one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.api import Hold
from gateway_plugins.outputs.whatsapp.definitions import DefinedButton, Definition, definition, find

Make = Callable[..., Any]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def read(value: Any) -> Definition | None:
    return definition(json.dumps(value).encode())


def test_definition(listed: Make) -> None:
    one = read(
        listed(
            status="Approved",
            body="{{ a }} {{b}} {{a}}",
            header={"format": "text", "text": "{{c}}"},
            buttons=[{"type": "url", "text": "Los", "url": "https://x.example/{{1}}", "more": 1}],
            quality_score={"score": "GREEN"},
        )
    )
    assert one is not None
    assert (one.name, one.language, one.status, one.named) == ("blog_post", "de", "APPROVED", True)
    assert one.body == "{{a}} {{b}} {{a}}"
    assert one.placeholders == ("a", "b")
    assert (one.header_format, one.header, one.header_placeholders) == ("TEXT", "{{c}}", ("c",))
    assert one.footer == "Abmelden: antworte STOP"
    assert one.buttons == (DefinedButton("URL", "Los", "https://x.example/{{1}}"),)


def test_positional(listed: Make) -> None:
    one = read(listed(body="{{10}} {{2}} {{1}}", parameter_format=None))
    assert one is not None
    assert (one.named, one.placeholders) == (False, ("1", "2", "10"))


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"name": "a", "language": "de", "status": "APPROVED"},
        {"name": "a", "language": "de", "status": "APPROVED", "components": "x"},
        {"name": "a", "language": "de", "status": 1, "components": []},
        {"name": "a", "language": "de", "status": "APPROVED", "components": [{"type": "BODY"}]},
    ],
)
def test_unreadable(value: Any) -> None:
    assert read(value) is None


def test_version_is_of_the_wording(listed: Make) -> None:
    image = {"format": "IMAGE", "example": {"header_handle": ["https://a.example/1"]}}
    again = {"format": "IMAGE", "example": {"header_handle": ["https://a.example/2"]}}
    first, second = read(listed(header=image)), read(listed(header=again, status="PAUSED"))
    other = read(listed(header=image, body="Anders: {{title}}"))
    assert first is not None
    assert second is not None
    assert other is not None
    assert first.version == second.version != other.version


def known(*templates: tuple[str, str, str]) -> list[Definition]:
    return [
        Definition(name=name, language=language, status=status, body="x")
        for name, language, status in templates
    ]


A, P = "APPROVED", "PENDING"


@pytest.mark.parametrize(
    ("templates", "language", "expected"),
    [
        ([("a", "de", A), ("a", "en", A)], "de", "de"),
        ([("a", "de", A), ("a", "de_DE", A)], "de", "de"),
        ([("a", "de", A), ("a", "de_DE", A)], "de-de", "de_DE"),
        ([("a", "de_DE", A), ("a", "en", A)], "de", "de_DE"),
        ([("a", "de", A), ("a", "en", A)], "de_AT", "de"),
        ([("a", "de_DE", A), ("a", "de_AT", P)], "de", "de_DE"),
        ([("a", "de", A)], None, "de"),
        ([("a", "de", A), ("a", "en", P)], None, "de"),
    ],
)
def test_found(templates: list[tuple[str, str, str]], language: str | None, expected: str) -> None:
    found = find(known(*templates, ("b", "fr", A)), "a", language, "blog", NOW)
    assert isinstance(found, Definition)
    assert found.language == expected


LATER = NOW + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("templates", "language", "code", "text", "until"),
    [
        ([], "de", "template_missing", '"a" does not exist; submit it to Meta, or', None),
        ([("a", "en", A)], "de", "template_missing", 'in en, not clearly for "de"', None),
        (
            [("a", "de_DE", A), ("a", "de_AT", A)],
            "de",
            "template_missing",
            'exists in de_AT, de_DE, not clearly for "de"; submit it to Meta, or name another '
            "one in [topics.blog]",
            None,
        ),
        ([("a", "de", A), ("a", "en", A)], None, "template_missing", "without language", None),
        (
            [("a", "de", P), ("a", "de_DE", A)],
            "de",
            "template_not_approved",
            'template "a" is not approved in "de" (Meta: PENDING); wait for the review',
            LATER,
        ),
        ([("a", "de", "REJECTED")], "de", "template_not_approved", "(Meta: REJECTED); sub", None),
        ([("a", "de", "DISABLED")], "de", "template_not_approved", "DISABLED", None),
        ([("a", "de", "NEW_STATUS")], "de", "template_not_approved", "NEW_STATUS", None),
        ([("a", "de", "PAUSED")], "de", "template_paused", "Meta paused template", LATER),
    ],
)
def test_not_found(
    templates: list[tuple[str, str, str]],
    language: str | None,
    code: str,
    text: str,
    until: datetime | None,
) -> None:
    hold = find(known(*templates), "a", language, "blog", NOW)
    assert isinstance(hold, Hold)
    assert (hold.code, hold.until) == (code, until)
    assert text in hold.text
