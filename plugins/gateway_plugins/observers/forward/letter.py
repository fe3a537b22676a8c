"""The mail about a new case: plain text, and the same as HTML with a button."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from gateway.api import Case
from gateway_plugins.observers.forward.answers import Reach
from gateway_plugins.observers.forward.facts import Fact, Facts

SUBJECT = 60
"""Characters of somebody's words in a subject."""


class Letter(NamedTuple):
    """What is mailed."""

    subject: str
    text: str
    html: str


def written(facts: Facts, case: Case, reach: Reach | None, link: str, *, open: bool) -> Letter:
    """Return the mail about a case; `link` "" if there are no pages to lead to."""
    contact = reach.contact if reach else None
    known = list(facts.lines(case, reach, mailed=True))
    lead = facts.say(f"lead_{case.kind}", who=facts.who(case, contact))
    words = case.text.replace("\r\n", "\n").strip()
    subject = facts.say(
        f"subject_{case.kind}",
        number=case.number,
        text=_short(words) or facts.who(case, contact),
        due=facts.day(case.due_at),
    )
    way = facts.say("answer_here" if open else "see_here") if link else ""
    command = facts.say("by_command", number=case.number)
    closed = "" if open or case.kind != "question" else _why(facts, reach)
    small = [facts.say("link_is_yours")] if link else [command]
    small.append(facts.say("no_reply"))
    text = "\n\n".join(
        part
        for part in (
            lead,
            "\n".join(f"> {line}" for line in words.split("\n")) if words else "",
            "\n".join(f"{fact.name}: {fact.value}" for fact in known),
            closed,
            f"{way}\n{link}" if link else "",
            "\n".join(small),
        )
        if part
    )
    return Letter(subject, text + "\n", _html(facts, lead, words, known, closed, way, link, small))


def _why(facts: Facts, reach: Reach | None) -> str:
    if reach is None:
        return facts.say("unknown_person")
    if reach.until is None:
        return facts.say("no_window")
    return facts.say("window_closed", until=facts.stamp(reach.until))


def _short(words: str) -> str:
    line = " ".join(words.split())
    return line if len(line) <= SUBJECT else line[: SUBJECT - 1].rstrip() + "…"


# Mail programs know no style sheets worth the name: every element brings its own.
def _html(
    facts: Facts,
    lead: str,
    words: str,
    known: Sequence[Fact],
    closed: str,
    way: str,
    link: str,
    small: Sequence[str],
) -> str:
    quote = escape(words).replace("\n", "<br>")
    rows = "".join(
        '<tr><td style="padding:2px 16px 2px 0;color:#55605c;vertical-align:top">'
        f'{escape(fact.name)}</td><td style="padding:2px 0">{escape(fact.value)}</td></tr>'
        for fact in known
    )
    button = (
        f'<p style="margin:24px 0"><a href="{escape(link)}" style="display:inline-block;padding:12px 24px;'
        "background:#0a6350;color:#ffffff;border-radius:8px;text-decoration:none;font-weight:600"
        f'">{escape(way.rstrip(":"))}</a></p>'
        if link
        else ""
    )
    return (
        f'<!doctype html><html lang="{escape(facts.language)}"><meta charset="utf-8">'
        '<body style="margin:0;padding:24px;font:16px/1.5 system-ui,-apple-system,Segoe UI,Roboto,'
        'sans-serif;color:#1c2321"><div style="max-width:560px">'
        f"<p>{escape(lead)}</p>"
        + (
            '<blockquote style="margin:16px 0;padding:12px 16px;background:#eeede8;border-radius:12px">'
            f"{quote}</blockquote>"
            if words
            else ""
        )
        + f'<table style="border-collapse:collapse;font-size:15px">{rows}</table>'
        + (f"<p>{escape(closed)}</p>" if closed else "")
        + button
        + "".join(
            f'<p style="margin:8px 0;font-size:13px;color:#55605c">{escape(line)}</p>'
            for line in small
        )
        + "</div></body></html>"
    )
