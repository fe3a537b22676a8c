"""The page of `gateway trace`: the answer, then consent, message and delivery, each with its times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway import ids
from gateway.cli.evidence import evidence, shortened
from gateway.cli.trace_answer import answer, of_topic
from gateway.cli.words import Times, identity, lines, number, quoted, span, wrapped
from gateway.logs import masked
from gateway.store.outcomes import POLICY

LABEL = 10
_STAMP = 21
"""Columns of a date and time, and two spaces."""

Story = Mapping[str, Any]

EVENTS = {
    "requested": "asked to sign up",
    "asked": "was asked to confirm",
    "confirmed": "confirmed",
    "imported": "imported with proof",
    "withdrawn": "withdrew",
    "refused": "said no",
    "expired": "the question expired",
    "moved": "moved here from another identity",
}

JOURNAL = {
    "message.ready": "passed all checks",
    "message.held": "held",
    "message.dropped": "dropped",
    "message.sender": "another sender took over",
}

AGAIN = {
    "delivery.superseded": "sent again, first outcome unknown: decided by {}",
    "delivery.retried": "sent again after it failed: decided by {}",
    "delivery.resolved": "settled by {}",
    "delivery.twice": "went out twice: attempt {} is one too many",
}
"""What happens to an attempt afterwards → how a line says it, with who decided."""

RESOLVED = {
    "sent": "{} says that it was sent",
    "not_sent": "{} says that it was not sent",
}

DECIDED = {
    "message.cancel": "cancelled",
    "message.pause": "paused",
    "message.resume": "resumed",
    "message.approve": "approved",
    "message.revise": "given another text",
    "message.screen": "put to the checks again",
}


def happened(name: str, said: str, code: str = "") -> str:
    """Return a line of a message's journal; what a person decided, with the name."""
    if name in ("message.pause", "message.resume") and code:
        return f"{DECIDED[name]} by itself ({code})" + (f": {said}" if said else "")
    if name in DECIDED:
        return f"{DECIDED[name]} by {said or 'a person'}"
    return JOURNAL.get(name, name) + (f": {said}" if said else "")


def render(story: Story, wide: int, *, text: bool = False) -> list[str]:
    """Return the page's lines."""
    times = Times(story["time_zone"], story["now"])
    message, person = story["message"], story["contact"]
    word, said = answer(story, times)
    who = ", ".join(
        [ids.show("c", person["id"])]
        + [identity(known["kind"], known["value"], whole=True) for known in person["identities"]]
    )
    page = lines(word, said, wide, indent=LABEL)
    page += lines("", [f"#{message['number']} {quoted(message['title'])}", f"→ {who}"], wide,
                  between=" ", indent=LABEL)  # fmt: skip
    page += _Section("CONSENT", times, wide).lines(_consent(story, times))
    page += _Section("MESSAGE", times, wide).lines(_message(message))
    if story.get("delivery"):
        page += _Section("DELIVERY", times, wide).lines(_delivery(story, times))
    if text:
        page += _text(story, wide)
    return page


Entry = tuple[int | None, str]
"""When, and what."""


class _Section:
    """A part of the page; the date stands where it changes."""

    def __init__(self, label: str, times: Times, wide: int) -> None:
        self._label = label
        self._times = times
        self._wide = wide

    def lines(self, entries: Iterable[Entry]) -> list[str]:
        found: list[str] = []
        day = ""
        for at, what in entries:
            stamp = "" if at is None else self._times.stamp(at)
            if stamp and stamp[:10] == day:
                stamp = " " * 11 + stamp[11:]
            elif stamp:
                day = stamp[:10]
            label = self._label if not found else ""
            indent = LABEL + _STAMP
            head = f"{label:{LABEL}}{stamp:{_STAMP}}"
            broken = _broken(what, self._wide - indent)
            found.append(head + broken[0])
            found.extend(" " * indent + line for line in broken[1:])
        return found


def _broken(text: str, room: int) -> list[str]:
    """Break between the pieces, so that a label stays with its value; inside one only if it must."""
    return lines("", " ".join(text.split()).split(" · "), room, indent=0) or [""]


def _consent(story: Story, times: Times) -> list[Entry]:
    message, person = story["message"], story["contact"]
    entries: list[Entry] = []
    events = [event for event in person["events"] if of_topic(event, message["topic"])]
    for event in events:
        what = EVENTS.get(event["name"], event["name"])
        if event["topic"] == "*":
            what += " from everything"
        elif event["name"] == "withdrawn":
            what += f" from {event['topic']}"
        said = evidence(event, times)
        entries.append((event["at"], f"{what}{said} · event {number(event['number'])}"))
    for window in person.get("windows", ()):
        if message["kind"] == "service" and window["sender"] == message["sender"]:
            entries.append((window["until"], "end of the window for answers"))
    current = {c["topic"]: c["state"] for c in person["consents"]}
    if current.get(message["topic"]) == "confirmed" and current.get("*") != "withdrawn":
        since = " since" if events else ""
        entries.append((None, f"no stop{since}"))
    elif not events and message["topic"]:
        entries.append((None, f"nothing is known of a consent to {message['topic']}"))
    return entries


def _message(message: Story) -> list[Entry]:
    entries: list[Entry] = []
    for line in message.get("journal", ()):
        name, detail = line["name"], masked(line["detail"])
        if name == "message.accepted":
            what = f"came from {detail}"
        elif name == "message.started":
            what = f"queued for {number(int(detail))} people" if detail.isdecimal() else "queued"
            what = what.replace("1 people", "1 person") if detail == "1" else what
        else:
            code = line["code"]
            what = happened(name, detail or (code if name not in DECIDED else ""), code)
        entries.append((line["at"], what))
    return entries


def _delivery(story: Story, times: Times) -> list[Entry]:
    delivery, message = story["delivery"], story["message"]
    started, due_at = message.get("started_at"), delivery["due_at"]
    same = started is not None and times.stamp(started)[:10] == times.stamp(due_at)[:10]
    due = times.clock(due_at) if same else times.stamp(due_at)
    head = f"{ids.show('d', delivery['id'])}, due {due}"
    if started is not None:
        head = f"queued as {head}"
    if message.get("spread"):
        head += f", spread over {span(int(message['spread'] * 1e6))}"
    first: Entry = (started, head)
    timed: list[tuple[int, list[Entry]]] = [
        (attempt["began_at"], _attempt(attempt, story, delivery)) for attempt in story["attempts"]
    ]
    for line in story.get("journal", ()):
        if line["name"] in ("delivery.held", "delivery.dropped"):
            word = "held" if line["name"] == "delivery.held" else "not sent"
            why = masked(line["detail"]) or line["code"]
            timed.append((line["at"], [(line["at"], f"{word}: {why}" if why else word)]))
        elif line["name"] == "delivery.moved":
            moved = f"another sender took over: {masked(line['detail'])}"
            timed.append((line["at"], [(line["at"], moved)]))
        elif line["name"] in AGAIN:
            timed.append((line["at"], [(line["at"], _again(line))]))
    timed.sort(key=lambda pair: pair[0])
    waits = [
        (None, f"not before {times.stamp(wait['until'])}: {masked(wait['reason'])}")
        for wait in story.get("waits", ())
    ]
    return [first, *(entry for _, entries in timed for entry in entries), *waits]


def _again(line: Story) -> str:
    """What was decided about an attempt that did not end well, or that there was one too many."""
    who = "the settings" if line["detail"] == POLICY else masked(line["detail"]) or "a person"
    words = AGAIN[line["name"]]
    if line["name"] == "delivery.resolved":
        words = RESOLVED.get(line["code"], words)
    return words.format(who)


def _attempt(attempt: Story, story: Story, delivery: Story) -> list[Entry]:
    intent = f"attempt {attempt['n']} of {len(story['attempts'])}: intent stored"
    if delivery.get("basis") and attempt["n"] == delivery.get("tries"):
        event = delivery.get("basis_event")
        intent += f" · basis {delivery['basis']}" + (f" (event {number(event)})" if event else "")
    content = attempt.get("content") or {}
    if content.get("type") == "template":
        version = content.get("version") or ""
        if version:  # v2, or a hash, which says nothing by itself
            version = f" {version}" if version.startswith("v") else f" version {version}"
        intent += f" · template {content['name']}/{content['language']}{version}"
    elif attempt.get("form"):
        intent += " · free text"
    entries: list[Entry] = [(attempt["began_at"], intent)]
    if attempt.get("settled_at") is not None:
        lost = any(
            line["name"] == "delivery.unknown" and line["detail"] == str(attempt["n"])
            for line in story.get("journal", ())
        )
        entries.append((attempt["settled_at"], _settled(attempt, lost=lost)))
    for key, word in (("sent_at", "sent"), ("delivered_at", "delivered"), ("read_at", "read")):
        if attempt.get(key) is not None:
            entries.append((attempt[key], word))
    if attempt.get("failed_at") is not None and attempt["failed_at"] != attempt.get("settled_at"):
        entries.append((attempt["failed_at"], f"failed{_why(attempt)}"))
    return entries


def _settled(attempt: Story, *, lost: bool) -> str:
    """What the provider answered; `lost`: nothing clear, a later status told the rest."""
    took = ""
    if attempt.get("first_byte") is not None:
        took = f" after {(attempt['settled_at'] - attempt['first_byte']) / 1000:,.0f} ms"
    provider = attempt.get("provider_id") or ""
    if provider:
        by = " by WhatsApp" if provider.startswith("wamid.") else ""
        word = f"no clear answer{took}{_why(attempt)}" if lost else f"accepted{by}{took}"
        return f"{word} · {shortened(provider)}"
    if attempt["state"] == "failed":
        return f"refused{took}{_why(attempt)}"
    return f"no clear answer{took}{_why(attempt)}"


def _why(attempt: Story) -> str:
    why = ", ".join(filter(None, (attempt.get("code"), masked(attempt.get("detail") or ""))))
    return f": {why}" if why else ""


def _text(story: Story, wide: int) -> list[str]:
    found: list[str] = []
    for attempt in story["attempts"]:
        footer = (attempt.get("content") or {}).get("footer") or ""
        words = attempt.get("rendered") or ""
        if footer and footer not in words:
            words += f"\n{footer}"
        if attempt.get("below"):
            words += f"\n{attempt['below']}"
        for line in words.splitlines():
            for part in wrapped(line, wide - LABEL):
                found.append(f"{'TEXT' if not found else '':{LABEL}}{part}")
        break
    return found
