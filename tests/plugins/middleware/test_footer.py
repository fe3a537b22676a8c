"""A way out in every message: counted exactly, never twice, in the reader's language."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api import Button, ConfigError, Content, Delivery, Hold, Message, Template, Text
from gateway.testing import FakeContext, delivery, judged, make, message, started
from gateway_plugins.middleware.footer import Footer

LINE = "Abmelden: antworte STOP"
ENGLISH = "Unsubscribe: reply STOP"
FULL = len(LINE) + 2  # with the blank line before it
PICTURE = "https://blog.example/1.jpg"


async def footed(
    content: Content, language: str = "de", kind: Any = "marketing", **settings: Any
) -> object:
    """Return the content after the footer, or the code of its hold."""
    leased = delivery(message=message(kind=kind, language=language), content=content)
    async with started(make(Footer, **settings)) as plugin:
        answer = await judged(plugin, leased)
    if isinstance(answer, Delivery):
        assert answer == leased.replace(content=answer.content)
        return answer.content
    assert isinstance(answer, Hold)
    assert answer.until is None
    return answer.code


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Hallo", f"Hallo\n\n{LINE}"),
        ("", LINE),
        (LINE, LINE),
        (f"Hallo\n\n{LINE}", f"Hallo\n\n{LINE}"),
        (f"Hallo\n{LINE}", f"Hallo\n{LINE}"),
        (f"Hallo\n\n{LINE}\n", f"Hallo\n\n{LINE}\n"),
        (f"Hallo\n\n  {LINE} ", f"Hallo\n\n  {LINE} "),
        # it has to be a line of its own, and the last one
        (f"Bitte nicht: {LINE}", f"Bitte nicht: {LINE}\n\n{LINE}"),
        (f"{LINE}\n\nHallo", f"{LINE}\n\nHallo\n\n{LINE}"),
        ("Antworte STOP", f"Antworte STOP\n\n{LINE}"),
    ],
)
async def test_text(before: str, after: str) -> None:
    """The line stands last, after a blank line, once."""
    assert await footed(Text(body=before)) == Text(body=after, footer=LINE)
    again = await footed(Text(body=after))
    assert again == Text(body=after, footer=LINE)


@pytest.mark.parametrize(("image", "limit"), [(None, 4096), (PICTURE, 1024)])
async def test_text_is_counted_with_the_line(image: str | None, limit: int) -> None:
    """4096 characters in a text, 1024 in a caption: the last that fits goes, one more waits."""
    fits = await footed(Text(body="x" * (limit - FULL), image=image))
    assert isinstance(fits, Text)
    assert len(fits.body) == limit
    assert await footed(Text(body="x" * (limit - FULL + 1), image=image)) == "no_room"
    there = "x" * (limit - FULL) + f"\n\n{LINE}"
    assert await footed(Text(body=there, image=image)) == Text(body=there, image=image, footer=LINE)
    assert await footed(Text(body=f"x{there}", image=image)) == "no_room"


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("de", LINE),
        ("en", ENGLISH),
        ("EN", ENGLISH),
        ("en-GB", ENGLISH),
        ("en_US", ENGLISH),
        ("pt-BR", "Sair: responda STOP"),
        ("pt", LINE),
        ("eng", LINE),
        ("fr", LINE),
        ("", LINE),
    ],
)
async def test_languages(language: str, line: str) -> None:
    """The line of the message's language, of its main language, or the one for all."""
    texts = {"en": ENGLISH, "pt_br": "Sair: responda STOP"}
    assert await footed(Text(body="x"), language, texts=texts) == Text(
        body=f"x\n\n{line}", footer=line
    )


async def test_a_message_without_language_gets_the_line_for_all() -> None:
    """No language is no error."""
    leased = delivery(message=message(language=None), content=Text(body="x"))
    async with started(make(Footer)) as plugin:
        answer = await judged(plugin, leased)
    assert isinstance(answer, Delivery)
    assert answer.content.footer == LINE


def template(**changes: Any) -> Template:
    values = {"name": "post", "language": "de", "body": "{{title}}", "parameters": {"title": "T"}}
    return Template(**(values | changes))


def button(kind: str, text: str, payload: str = "") -> dict[str, Any]:
    return {"buttons": (Button(kind=kind, text=text, payload=payload),)}


@pytest.mark.parametrize(
    ("changes", "lets_out"),
    [
        ({}, False),
        ({"footer": "Abmelden: antworte STOP"}, True),
        ({"footer": "Mit „Stop“ abmelden"}, True),
        ({"footer": "Reply stop to opt out"}, True),
        ({"footer": "Genug? KÜNDIGEN"}, True),
        ({"footer": "Beispiel GmbH"}, False),
        ({"footer": "Nonstop gut: blog.example"}, False),
        ({"footer": "Impressum: blog.example"}, False),
        (button("quick_reply", "Abmelden", "STOP"), True),
        (button("quick_reply", "Keine Beiträge mehr", "stop"), True),
        (button("quick_reply", "Abmelden", "leave-42"), False),
        (button("quick_reply", "Abmelden", "STOP please"), False),
        (button("quick_reply", "Mehr", "Mehr"), False),
        (button("quick_reply", "STOP", ""), False),
        (button("url", "STOP", "STOP"), False),
        ({"body": "{{title}}\n{{opt_out}}", "parameters": {"title": "T", "opt_out": ""}}, True),
        ({"body": "{{title}} STOP"}, False),
        ({"header": "STOP"}, False),
        ({"parameters": {"title": "STOP"}}, False),
        ({"parameters": {"title": "T", "leave": "x"}}, False),
    ],
)
async def test_a_template_has_to_bring_its_way_out(changes: dict[str, Any], lets_out: bool) -> None:
    """Footer, quick reply or parameter: without one the message is held before anybody gets it."""
    content = template(**changes)
    written = message(forms=(Text(body="T"), content))
    async with started(make(Footer)) as plugin:
        for kind in ("marketing", "utility"):
            answer = await judged(plugin, written.replace(kind=kind))
            if lets_out:
                assert isinstance(answer, Message)
                assert answer.notes == ("free text ends with “Abmelden: antworte STOP”",)
                assert answer.replace(notes=()) == written.replace(kind=kind)
            else:
                assert isinstance(answer, Hold)
                assert answer.code == "no_way_out"
                assert '"post" (de)' in answer.text
    assert isinstance(await footed(content), Template) is lets_out
    assert (await footed(content) == "no_way_out") is not lets_out


async def test_a_hold_without_way_out_cannot_be_released() -> None:
    """Nobody may approve a message that lets nobody out."""
    written = message(forms=(template(),), approved=("no_way_out",))
    async with started(make(Footer)) as plugin:
        assert isinstance(await judged(plugin, written), Hold)


async def test_the_parameter_takes_the_line() -> None:
    """A one-line named parameter is filled, in the reader's language, and nothing else changes."""
    content = template(body="{{title}}\n{{opt_out}}", parameters={"title": "T", "opt_out": "?"})
    filled = await footed(content, "en-US", texts={"en": ENGLISH})
    assert filled == content.replace(parameters={"title": "T", "opt_out": ENGLISH})
    named = template(body="{{title}} {{leave}}", parameters={"title": "T", "leave": ""})
    filled = await footed(named, parameter="leave")
    assert filled == named.replace(parameters={"title": "T", "leave": LINE})


async def test_a_filled_template_is_counted() -> None:
    """With the line in its parameter a template has at most 1024 characters."""

    def long(n: int) -> Template:
        return template(body="{{title}}\n{{opt_out}}", parameters={"title": "x" * n, "opt_out": ""})

    room = 1024 - len(LINE) - 1
    fits = await footed(long(room))
    assert isinstance(fits, Template)
    assert len(fits.rendered) == 1024
    assert await footed(long(room + 1)) == "no_room"


@pytest.mark.parametrize("kind", ["service", "confirmation"])
async def test_answers_and_questions_need_no_way_out(kind: Any) -> None:
    """An acknowledgment that ends with "reply STOP" would be a joke."""
    for content in (Text(body="Hallo"), template(), Text(body="x" * 4096)):
        assert await footed(content, kind=kind) == content
        async with started(make(Footer)) as plugin:
            written = message(kind=kind, forms=(content,))
            assert await judged(plugin, written) == written


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"text": ""}, "one line of 1 to 60"),
        ({"text": " "}, "one line of 1 to 60"),
        ({"text": "STOP\nSTOP"}, "one line of 1 to 60"),
        ({"text": "STOP " * 13}, "one line of 1 to 60"),
        ({"texts": {"en": ""}}, "one line of 1 to 60"),
        ({"txt": "STOP"}, "did you mean 'text'"),
    ],
)
def test_the_line_has_to_be_a_line(settings: dict[str, Any], said: str) -> None:
    """One line that Meta would take as a footer too."""
    with pytest.raises(ConfigError, match=said):
        make(Footer, **settings)


async def test_the_line_has_to_name_a_word_that_withdraws() -> None:
    """A line that nobody can follow is a refusal to start; own stop words count."""
    for settings in ({"text": "Schreib Schluss"}, {"texts": {"fr": "Répondez ARRÊT"}}):
        with pytest.raises(ConfigError, match=r"\[middleware.footer\].*names no stop word"):
            async with started(make(Footer, **settings)):
                pass
    more = FakeContext(stop_words=["Schluss", "arrêt"])
    async with started(make(Footer, text="Schreib Schluss"), more):
        pass
    assert len("STOP" * 15) == 60
    async with started(make(Footer, text="x" * 55 + " STOP")):
        pass
