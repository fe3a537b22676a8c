"""The pages of `gateway message list` and `show`."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from gateway import ids
from gateway.cli.queue import go_on
from gateway.cli.trace_page import happened
from gateway.cli.words import (
    LABEL,
    Times,
    lines,
    number,
    padded,
    quoted,
    several,
    short,
    steps,
    table,
    wrapped,
)
from gateway.logs import masked

Data = Mapping[str, Any]

ORDER = (
    "queued", "leased", "sending", "held", "paused", "unknown",
    "accepted", "sent", "failed", "dropped",
)  # fmt: skip


REASONS = {
    "limit": "wait for a limit: gateway trace says which",
    "paused": "were about to go when it was paused",
}
"""Codes of deliveries that say little by themselves."""


def render_list(messages: Sequence[Data], zone: str, wide: int) -> list[str]:
    """Return the table, the newest first."""
    if not messages:
        return ["No message yet.  The first comes from an input, or by: gateway send"]
    times = Times(zone, time.time_ns() // 1000)
    rows = [
        [
            f"#{m['number']}",
            times.short(m["accepted_at"]),
            short(m["topic"] or m["kind"], 12),
            "paused" if m["paused"] else _word(m),
            number(m["reached"]),
            "",
        ]
        for m in messages
    ]
    bare = table([["", "came", "topic", "state", "people", ""], *rows], right=(0, 4))
    room = wide - max(map(len, bare)) - 2
    titles = ["title", *(short(m["title"], max(20, room)) for m in messages)]
    most = max(map(len, bare))
    return [f"{line:{most}}  {title}" for line, title in zip(bare, titles, strict=True)]


def render(message: Data, zone: str, wide: int) -> list[str]:
    """Return the page of one message."""
    times = Times(zone, time.time_ns() // 1000)
    page = lines(f"#{message['number']}", [quoted(message["title"], wide - LABEL - 2)], wide)
    page += lines("state", _state(message, times), wide)
    about = [
        f"{message['kind']} of {message['input']}" if message["input"] else message["kind"],
        f"topic {message['topic']}" if message["topic"] else "to one contact",
        f"sender {message['sender']}",
        f"language {message['language']}" if message["language"] else "",
        ids.show("m", message["id"]),
    ]
    page += lines("about", about, wide)
    counts = message["counts"]
    if counts:
        read = counts.get("read", 0)
        figures = [f"{number(counts[s])} {s}" for s in ORDER if counts.get(s)]
        arrived = counts.get("delivered", 0) + read
        if arrived:
            figures.append(f"{number(arrived)} delivered, {number(read)} of them read")
        page += lines("people", [f"{number(message['reached'])} in all", *figures], wide)
    page += _reasons(message, wide)
    page += _history(message, times, wide)
    page += _words(message, wide)
    page += lines("checks", message["notes"], wide)
    return page + steps("do", _do(message), wide)


def _word(message: Data) -> str:
    """The state; `started` says nothing to a reader, how far it is does."""
    state: str = message["state"]
    if state != "started":
        return state
    if message["paused"]:
        return "paused"
    counts = message["counts"]
    if any(counts.get(s) for s in ("queued", "leased", "sending", "paused")):
        return "sending"
    for open_ in ("held", "unknown"):
        if counts.get(open_):
            return f"partly {open_}"
    return "done"


def _state(message: Data, times: Times) -> list[str]:
    said = [_word(message)]
    if message["paused"] and said != ["paused"]:
        said.append("paused")
    if message["paused"] and message.get("pause_code"):
        said.append(f"{message['pause_code']}: {masked(message['pause_reason'])}")
    why = ": ".join(filter(None, (message["code"], masked(message["reason"]))))
    if message["state"] in ("held", "dropped") and why:
        said.append(why)
    if message["state"] == "held":
        until = message["until"]
        said.append(f"until {times.short(until)}" if until else "until a person decides")
    if message["expires_at"]:
        said.append(f"expires {times.short(message['expires_at'])}")
    return said


def _reasons(message: Data, wide: int) -> list[str]:
    said = [f"{number(r['n'])} {REASONS.get(r['code'], r['code'])}" for r in message["reasons"]]
    return lines("why", said, wide)


def _history(message: Data, times: Times, wide: int) -> list[str]:
    found: list[str] = []
    for line in message["journal"]:
        name, detail = line["name"], masked(line["detail"])
        if name == "message.accepted":
            what = f"came from {detail}"
        elif name == "message.started":
            people = several(int(detail), "person", "people") if detail.isdecimal() else ""
            what = f"queued for {people}" if people else "queued"
        else:
            said = detail if name != "message.ready" else ""  # the checks stand below
            what = happened(name, said, line["code"])
        label = "history" if not found else ""
        head = f"{label:{LABEL}}{times.stamp(line['at'])}"
        found += lines(head, [what], wide, indent=LABEL + 21)
    return found


def _words(message: Data, wide: int) -> list[str]:
    """What went out; of a form that did not yet, what goes into the checks of each delivery."""
    found: list[str] = []
    went = {form["type"] for form in message["sent"]}
    forms = [*message["sent"], *(form for form in message["forms"] if form["type"] not in went)]
    came = message["came"]
    changed = any(came[name] != message[name] for name in ("text", "link", "image"))
    if changed or came["title"] not in ("", message["title"]) or not forms:
        words = filter(None, (came["title"], came["text"], came["link"]))
        forms.insert(0, {"type": "", "rendered": "\n".join(words), "image": came["image"]})
    for form in forms:
        kind = form["type"]
        if kind == "template":
            head = f"as template {form['name']}/{form['language']}"
        else:
            head = "as free text" if kind else "as it came"
        head += ", as it went out:" if kind in went else ":"
        body = "\n".join(filter(None, (form["rendered"], form.get("footer"))))
        if form.get("footer") and form["rendered"].endswith(form["footer"]):
            body = form["rendered"]
        if form.get("below"):
            body = f"{body}\n{form['below']}".strip()
        image = [f"with the picture {form['image']}"] if form.get("image") else []
        block = [
            head,
            *image,
            *(part for line in body.splitlines() for part in _quoted(line, wide)),
        ]
        found += [
            padded("words" if not found and not i else "", LABEL) + b for i, b in enumerate(block)
        ]
    return found


def _quoted(line: str, wide: int) -> list[str]:
    return [f"│ {part}".rstrip() for part in wrapped(line, wide - LABEL - 2)]


def _do(message: Data) -> list[str]:
    n, state = message["number"], message["state"]
    said = []
    if state == "held" or message["counts"].get("held"):
        said.append(f"release: gateway message approve {n}")
    if message["paused"]:
        said.append(go_on(message))
    open_ = sum(message["counts"].get(s, 0) for s in ("queued", "held", "paused"))
    if state in ("accepted", "held", "ready") or open_:
        if not message["paused"]:
            said.append(f"pause: gateway message pause {n}")
        said.append(f"stop for good: gateway message cancel {n}")
    return said
