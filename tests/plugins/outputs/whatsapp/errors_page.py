"""The table of docs/errors.md, made from the code's own.

`python -m tests.plugins.outputs.whatsapp.errors_page` writes it anew.
"""

from __future__ import annotations

from pathlib import Path

from gateway_plugins.outputs.whatsapp.codes import RULES, WITHOUT_CODE
from gateway_plugins.outputs.whatsapp.rules import Pause, Rule

PAGE = Path(__file__).parents[4] / "docs" / "errors.md"
BEGIN, END = "<!-- the table: made from codes.py -->\n", "<!-- the end of the table -->\n"

HAPPENS = {
    "retry": "goes again",
    "later": "this person gets no marketing for a day, then two, four, up to seven",
    "fail": "fails",
    "count": "fails; too many of these, and the person gets no marketing until a sign of life",
    "withdraw": "fails; the person is withdrawn, as by STOP",
    "hold": "the message is paused, for a person",
    "slow": "goes again; the sender is slowed down to half its rate",
    "stop": "waits; the sender stops",
    "template": "waits; so does all that uses the template",
}
WIDE = {"sender": "the sender waits", "portfolio": "the account waits", "app": "the account waits"}
STOPS = {"portfolio": "waits; all senders of the account stop"}
STOPS["app"] = STOPS["portfolio"]
THEN = {"hold": "then the message is paused", "fail": "then it fails"}
LIFTED = {"": "", "webhook": "Meta's webhook, a probe", "probe": "a probe", "person": "a person"}


def seconds(n: float) -> str:
    """Say a duration in its largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if n >= size and n % size == 0:
            return f"{n / size:g} {unit}"
    return f"{n:g} s"


def paused(rule: Rule, pause: Pause | None) -> str:
    """Say how long it waits."""
    if pause is None or rule.action == "later":
        return ""
    said = seconds(pause.start)
    if pause.factor != 1 and pause.tries != 2:
        said += f", ×{pause.factor:g} up to {seconds(pause.cap)}"
    return said if pause.tries is None else f"{said}; {pause.tries} tries, {THEN[rule.then]}"


def row(code: str, rule: Rule) -> str:
    """One line of the table."""
    if rule.outcome == "unknown":
        happens = "unknown: its status settles it, or a person"
        if rule.pause is not None:
            happens += "; in a webhook it failed and goes again"
    elif rule.action == "stop":
        happens = STOPS.get(rule.scope, HAPPENS["stop"])
    else:
        happens = HAPPENS[rule.action]
        if rule.action == "retry" and rule.scope in WIDE:
            happens += f"; {WIDE[rule.scope]}"
    if rule.action == "template" and rule.pause is None:
        happens = "waits; so does all that uses the template, for a person"
    if rule.name == "window_closed":
        happens = "goes by its template; without one it is dropped"
    cells = (
        code,
        f"`{rule.name}`",
        happens,
        paused(rule, rule.pause),
        LIFTED[rule.lifted],
        rule.advice,
    )
    return "| " + " | ".join(cells) + " |"


def table() -> str:
    """The whole table, by code."""
    head = [
        "| code | name | what happens | waits | ends by | what to do |",
        "|---|---|---|---|---|---|",
    ]
    rows = [row(str(code), rule) for code, rule in sorted(RULES.items())]
    rows += [row("–", rule) for rule in WITHOUT_CODE]
    return "\n".join([*head, *rows]) + "\n"


def written() -> str:
    """The table as the page has it."""
    return PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]


if __name__ == "__main__":
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(text.replace(written(), table()), encoding="utf-8")
