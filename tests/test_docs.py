"""The manuals: links lead somewhere, commands and their options exist, words mean what they say,
quotations are so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import click
import pytest

from gateway.cli import cli
from gateway.inbound import Inbound
from gateway.message import Identity, Topic
from gateway.texts import TextFiles
from gateway.words import Words
from gateway_plugins.observers.words import Words as Wishes
from tests.plugins.observers.talk import NOW, wrote

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
ALERTS = ROOT / "config" / "prometheus" / "alerts.yml"
SUBSCRIBERS = (ROOT / "docs" / "subscribers.md").read_text(encoding="utf-8")
ACTS = ("stop", "stop near", "start", "yes", "no")

LINK = re.compile(r"\]\(([^)\s]+)\)|\b(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^gateway(?:_offline)?((?: [a-z][a-z-]*)+)(.*)", re.MULTILINE)
OPTION = re.compile(r"(?<= )--[a-z][a-z-]*")


def _named(page: Path) -> str:
    return str(page.relative_to(ROOT))


# --- links --------------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_links_and_pictures_lead_somewhere(page: Path) -> None:
    """Every file that a page links or shows is there, and so is the heading after a #."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    for one, other in LINK.findall(text):
        target, _, anchor = unquote(one or other).partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{_named(page)} links {target}"
        if anchor:
            assert anchor in _anchors(file), f"{_named(page)} links {target}#{anchor}"


def _anchors(page: Path) -> set[str]:
    """The names of a page's headings, as GitHub makes them."""
    headings = HEADING.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


# --- commands -----------------------------------------------------------------------------------
@pytest.mark.parametrize("page", PAGES, ids=_named)
def test_the_commands_exist(page: Path) -> None:
    """What a page tells to type is a command that there is, with options that it has; or the page
    itself brings it."""
    text = page.read_text(encoding="utf-8")
    brought = set(re.findall(r'^(\w+) = "\w+_command:', text, re.MULTILINE))
    for words, options in _typed(text):
        if words[0] not in brought:
            _assert_exists(words, options, _named(page))


def test_the_commands_of_alerts_exist() -> None:
    advice = re.findall(r"^ +do: (.+)$", ALERTS.read_text(encoding="utf-8"), re.MULTILINE)
    text = "".join(f"`{one.strip()}`\n" for do in advice for one in do.split(";"))
    typed = [*_typed(text)]
    assert len(typed) > 20
    for words, options in typed:
        _assert_exists(words, options, ALERTS.name)


def _assert_exists(words: list[str], options: list[str], where: str) -> None:
    typed = f"{where}: gateway {' '.join(words)}"
    command: click.Command = cli
    for word in words:
        if not isinstance(command, click.Group):
            break
        found = command.get_command(click.Context(command), word)
        assert found is not None, typed
        command = found
    known = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
    assert known.issuperset(options), f"{typed}: no {set(options) - known}"


def _typed(text: str) -> Iterator[tuple[list[str], list[str]]]:
    """The words after `gateway` and the options behind them, in code between backticks and at the
    beginning of lines."""
    codes = re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    for code in (*codes, *FENCED.findall(text)):
        for found in COMMAND.finditer(code.replace("\\\n", " ")):
            yield found[1].split(), OPTION.findall(found[2].partition("gateway ")[0])


# --- what people write --------------------------------------------------------------------------
def _rows() -> Iterator[tuple[str, str]]:
    """(what, a word) of the table of docs/subscribers.md."""
    table = SUBSCRIBERS.partition("<!-- words -->")[2].strip().partition("\n\n")[0]
    for line in table.splitlines()[2:]:
        what, german, english, _ = (cell.strip() for cell in line.strip("|").split("|"))
        for word in re.findall(r"`([^`]+)`", f"{german} {english}"):
            yield what, word


def test_the_table_of_words_is_whole() -> None:
    """It has every wish that there is, and every act."""
    shown = {what for what, _ in _rows()}
    assert shown == {
        *ACTS, "info", "topics", "pause", "resume", "less", "more", "access", "erase", "help",
    }  # fmt: skip


@pytest.mark.parametrize(("what", "word"), [*_rows()])
def test_the_words_mean_what_the_table_says(what: str, word: str) -> None:
    topic = Topic(name="blog", title="Neue Beiträge", purpose="Hinweise")
    inbound = Inbound(
        provider_id="wamid.1",
        identities=(Identity("phone", "+491713920011"),),
        at=NOW,
        kind="text",
        words=word,
    )
    act = Words(topics={"blog": topic}).act_of(inbound)
    if what in ACTS:
        assert act is not None
        assert (act.kind, act.near) == (what.removesuffix(" near"), what.endswith(" near"))
    else:
        assert act is None
        wish = Wishes({}, ()).wish(wrote(word))
        assert wish is not None
        assert wish.name == what


def test_quotations_are_what_people_read() -> None:
    """Every sentence in a grey block of docs/subscribers.md is one of the texts."""
    german = TextFiles().keys("de")
    sentences = [re.escape(line) for text in german.values() for line in text.splitlines()]
    known = re.compile("|".join(re.sub(r"\\\{\w+\\\}", ".+", one) for one in sentences if one))
    quoted = re.findall(r"^> (.+)$", SUBSCRIBERS, re.MULTILINE)
    assert len(quoted) > 4
    for sentence in quoted:
        assert known.fullmatch(sentence), sentence
