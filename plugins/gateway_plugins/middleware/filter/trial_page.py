"""The page of `gateway filter try`: verdict, score by signal, and the phone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import urlsplit

import click

from gateway.api import Content, Message, Template, cut, fitting, width
from gateway_plugins.middleware.filter.score import Signal
from gateway_plugins.middleware.filter.trial import Trial

LABEL = 10
BUBBLE = 46  # columns of text; about what a phone shows in a line
BAR = 12  # columns of the longest bar
COLOURS = {"passed": "green", "held": "yellow", "dropped": "red"}

_BOLD = re.compile(r"(?<!\w)\*(?=\S)([^*\n]+?)(?<=\S)\*(?!\w)")


def render(trial: Trial, wide: int) -> list[str]:
    """Return the lines of one post."""
    word = click.style(f"{trial.word.upper():{LABEL}}", fg=COLOURS[trial.word], bold=True)
    title = trial.message.title or trial.message.text or trial.message.link
    page = [word + cut(safe(f'"{" ".join(title.split())}"'), wide - LABEL)]
    if isinstance(trial.verdict, Message):
        said = ", ".join(trial.verdict.notes)
        page += _labelled("", wrapped(said, wide - LABEL))
    else:
        said = f"{trial.verdict.code}: {trial.verdict.text}"
        if trial.verdict.code == "advertising":  # the rest stands below
            said = f"advertising: score {trial.score.points} of {trial.threshold}"
        page += _labelled("why", wrapped(said, wide - LABEL))
    page += _score(trial, wide)
    for content in trial.contents:
        page += ["", *_phone(content, wide)]
    for text in trial.missing:
        page += ["", *_labelled("missing", wrapped(text, wide - LABEL))]
    return page


def line(trial: Trial, number: int, wide: int) -> str:
    """Return one line, for a list."""
    points = f"{trial.score.points:>2} of {trial.threshold}" if trial.threshold else "no score"
    word = click.style(f"{trial.word:<7}", fg=COLOURS[trial.word])
    code = "" if isinstance(trial.verdict, Message) else trial.verdict.code
    title = " ".join((trial.message.title or trial.message.text).split())
    head = f"{number:>3}  {points}  {word}  "
    room = wide - 24 - (len(code) + 2 if code else 0)
    return head + padded(cut(safe(title), room), room) + (f"  {code}" if code else "")


def _score(trial: Trial, wide: int) -> Iterator[str]:
    if not trial.threshold:
        return
    yield ""
    signals = trial.score.signals
    if not signals:
        yield from _labelled("score", [f"0 of {trial.threshold}, nothing in it sells"])
        return
    names = max(len(one.name) for one in signals)
    most = max(abs(one.points) for one in signals)
    room = wide - LABEL - names - BAR - 8
    for index, one in enumerate(signals):
        bar = ("█" if one.points > 0 else "░") * max(1, abs(one.points) * BAR // max(most, 6))
        colour = "yellow" if one.points > 0 else "green"
        label = click.style(f"{'score' if not index else '':{LABEL}}", bold=True)
        bar = click.style(f"{bar:<{BAR}}", fg=colour)
        seen = wrapped(", ".join(one.found[:6]) + _more(one), room)
        yield f"{label}{one.name:<{names}}  {one.points:>+2}  {bar}  {seen[0]}"
        yield from (" " * (wide - room) + text for text in seen[1:3])
    total = f"{trial.score.points:>2} of {trial.threshold}"
    yield " " * LABEL + f"{'sum':<{names}}  " + click.style(total, bold=True)


def _more(signal: Signal) -> str:
    return f" and {len(signal.found) - 6} more" if len(signal.found) > 6 else ""


# --- the phone ----------------------------------------------------------------------------------
def _phone(content: Content, wide: int) -> Iterator[str]:
    room = min(BUBBLE, wide - LABEL - 4)
    template = content if isinstance(content, Template) else None
    what = "free text, while the 24 hours after a person's message last"
    if template is not None:
        what = f"template {template.name} in {template.language}, at any time"
    yield from _labelled("phone", wrapped(what, wide - LABEL))
    yield " " * LABEL + "╭" + "─" * (room + 2) + "╮"
    for text, style in _inside(content, template):
        for plain, bold in _bold_lines(text, room) if text else [("", [])]:
            shown = _styled(plain, bold) if style is None else click.style(plain, **style)
            yield " " * LABEL + f"│ {shown}{' ' * (room - width(plain))} │"
    yield " " * LABEL + "╰" + "─" * (room + 2) + "╯"
    for button in content.buttons:
        yield " " * LABEL + f"  [ {safe(button.text)} ]"


def _inside(
    content: Content, template: Template | None
) -> Iterator[tuple[str, dict[str, bool] | None]]:
    faint: dict[str, bool] = {"dim": True}
    if content.image:
        yield f"▣ {urlsplit(content.image).path.rpartition('/')[2][-40:] or 'picture'}", faint
        yield "", None
    if template is not None and template.header:
        header = template.header
        for name, value in template.header_parameters.items():
            header = header.replace("{{" + name + "}}", value)
        yield header, {"bold": True}
    for paragraph in content.rendered.split("\n"):
        yield paragraph, None
    if template is not None and template.footer:
        yield "", None
        yield template.footer, faint


def _bold_lines(text: str, room: int) -> list[tuple[str, list[tuple[int, int]]]]:
    """Break a paragraph; also which parts of each line WhatsApp shows in bold."""
    text = " ".join(safe(text).split())
    spans: list[tuple[int, int]] = []
    plain, at = "", 0
    for found in _BOLD.finditer(text):
        plain += text[at : found.start()]
        spans.append((len(plain), len(plain) + len(found[1])))
        plain += found[1]
        at = found.end()
    plain += text[at:]
    lines, place = [], 0
    for part in wrapped(plain, room):
        place = plain.find(part.split(" ")[0], place)
        end = place + len(part)
        bold = [(max(a, place) - place, min(b, end) - place) for a, b in spans]
        lines.append((part, [(a, b) for a, b in bold if a < b]))
        place = end
    return lines


def _styled(text: str, bold: list[tuple[int, int]]) -> str:
    shown, at = "", 0
    for start, end in bold:
        shown += text[at:start] + click.style(text[start:end], bold=True)
        at = end
    return shown + text[at:]


# --- columns ------------------------------------------------------------------------------------
def safe(text: str) -> str:
    """Replace what would steer a terminal."""
    return "".join(
        c if c == "\n" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") else ""
        for c in text
    )


def padded(text: str, to: int) -> str:
    """Fill up to so many columns."""
    return text + " " * (to - width(text))


def wrapped(text: str, room: int) -> list[str]:
    """Break at spaces, and a word that is too long anywhere."""
    lines = [""]
    for word in safe(text).split():
        if lines[-1] and width(f"{lines[-1]} {word}") > room:
            lines.append("")
        while width(word) > room:
            head = fitting(word, room)
            lines[-1] = head
            lines.append("")
            word = word[len(head) :]
        lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines


def _labelled(label: str, lines: list[str]) -> list[str]:
    head = click.style(f"{label:{LABEL}}", bold=True)
    return [head + lines[0], *(" " * LABEL + text for text in lines[1:])]
