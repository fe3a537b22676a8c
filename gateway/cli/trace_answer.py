"""The first line of a trace: what became of it, and why, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.cli import stops
from gateway.cli.queue import go_on
from gateway.cli.words import Times, quoted, several, span
from gateway.logs import masked

Story = Mapping[str, Any]

WORDS = {
    "queued": "WAITING",
    "leased": "WAITING",
    "sending": "SENDING",
    "held": "HELD",
    "paused": "PAUSED",
    "unknown": "UNKNOWN",
    "accepted": "ACCEPTED",
    "sent": "SENT",
    "delivered": "DELIVERED",
    "read": "READ",
    "failed": "FAILED",
    "dropped": "NOT SENT",
}


def of_topic(row: Story, topic: str | None) -> bool:
    """Whether a consent or its event concerns a topic: its own, or everything."""
    return row["topic"] in (topic, "*")


def answer(story: Story, times: Times) -> tuple[str, list[str]]:
    """Return the word, and what to say behind it."""
    delivery = story.get("delivery")
    if not delivery:
        word, said = _none(story, times)
        return word, [*said, *_stands(story, times)] if word == "NOT YET" else said
    state = delivery["state"]
    return WORDS.get(state, state.upper()), _because(state, story, times)


def _because(state: str, story: Story, times: Times) -> list[str]:
    delivery, message = story["delivery"], story["message"]
    why = ": ".join(filter(None, (delivery["code"], masked(delivery["reason"]))))
    attempts = story["attempts"]
    if state in ("read", "delivered", "sent"):
        key = f"{state}_at"
        at = max((a[key] for a in attempts if a.get(key)), default=None)
        late = {
            "read": "",
            "delivered": "not read, or the person does not show it",
            "sent": "the phone did not confirm it yet",
        }[state]
        return [times.stamp(at) if at else "", late]
    if state == "accepted":
        at = max((a["settled_at"] for a in attempts if a.get("settled_at")), default=None)
        return [times.stamp(at) if at else "", "no status came yet"]
    if state in ("queued", "leased"):
        return _stands(story, times) or _limits(story, times) or _waits(delivery, why, times)
    if state == "sending":
        return ["on the wire at this moment"]
    if state == "paused":
        return _paused(message)
    if state == "held":
        return [why, f"when mended: gateway message approve {message['number']}"]
    if state == "unknown":
        return [why, "it is not sent again; a late status settles it", "or: gateway queue unknown"]
    if state == "dropped":
        return _dropped(story, times)
    return [why or "the provider refused it", f"after {several(len(attempts), 'attempt')}"]


def _paused(message: Story) -> list[str]:
    why = masked(message.get("pause_reason") or "")
    return [f"the message is paused{f': {why}' if why else ''}", go_on(message)]


def _stands(story: Story, times: Times) -> list[str]:
    """Why nothing of this sender, or of this message, goes at all, and what lets it go on."""
    message = story["message"]
    if message["paused"]:
        return _paused(message)
    found = story.get("stops") or {}
    marketing = message["kind"] == "marketing"
    for scope in stops.concerning(found, message["sender"], marketing=marketing):
        reason = "; ".join(stops.reasons(found[scope]))
        since = f"since {times.stamp(found[scope]['since'])}"
        return [f"{stops.what(scope)} is stopped {since}{f': {reason}' if reason else ''}",
                *stops.lifts({scope: found[scope]})]  # fmt: skip
    if story.get("trouble"):
        code, since = story["trouble"]
        return [f"the provider does not answer ({code}), since {times.stamp(since)}",
                "tried again by itself"]  # fmt: skip
    if not story.get("running", True):
        return ["the gateway is not running", "systemctl start message-gateway"]
    return []


def _limits(story: Story, times: Times) -> list[str]:
    """The limit that lasts longest, of those that hold it now."""
    longest = max(story.get("waits", ()), key=lambda wait: int(wait["until"]), default=None)
    if longest is None or longest["until"] <= times.now:
        return []
    ahead = span(longest["until"] - times.now)
    return [f"not before {times.stamp(longest['until'])}, in {ahead}", masked(longest["reason"])]


def _waits(delivery: Story, why: str, times: Times) -> list[str]:
    ahead = delivery["due_at"] - times.now
    due = f"due {times.stamp(delivery['due_at'])}"
    due += f", in {span(ahead)}" if ahead > 0 else ", its turn comes"
    return [due, why]


def _dropped(story: Story, times: Times) -> list[str]:
    delivery, message = story["delivery"], story["message"]
    if delivery["code"] != "withdrawn":
        return [masked(delivery["reason"]) or delivery["code"] or "dropped"]
    events = [
        event
        for event in story["contact"]["events"]
        if event["name"] == "withdrawn" and of_topic(event, message["topic"])
    ]
    if not events:
        return ["the person withdrew"]
    event = events[-1]
    words = (event.get("evidence") or {}).get("words")
    said = f"the person wrote {quoted(words)}" if words else "the person withdrew"
    early = delivery["due_at"] - event["at"]
    before = f"dropped at once, {span(early)} before it was due" if early > 0 else "dropped at once"
    return [f"{said}, {times.stamp(event['at'])}", before]


def _none(story: Story, times: Times) -> tuple[str, list[str]]:
    """There is no delivery: say why, as far as the data tells."""
    message = story["message"]
    state, number = message["state"], message["number"]
    why = masked(message["reason"]) or message["code"]
    if state == "dropped":
        return "NOT SENT", [f"#{number} goes to nobody: {why}"]
    if state == "cancelled":
        return "NOT SENT", [f"#{number} was cancelled before it came to this person"]
    unasked = _without_consent(story, times)
    if unasked:
        return "NOT SENT", [unasked]
    if state == "accepted":
        return "NOT YET", [f"#{number} was not looked at yet"]
    if state == "held":
        until = message.get("until")
        ends = f"until {times.stamp(until)}" if until else f"gateway message approve {number}"
        return "NOT YET", [f"#{number} is held: {why}", ends]
    if state == "ready":
        return "NOT YET", [f"#{number} is being queued at this moment"]
    if not message["topic"]:
        return "NOT SENT", [f"#{number} went to somebody else alone"]
    return "NOT SENT", ["there is no delivery, though this person had agreed"]


def _without_consent(story: Story, times: Times) -> str:
    """Say why this person is not in the audience; empty if the person is, or may be."""
    message, person = story["message"], story["contact"]
    topic = message["topic"]
    if not topic or message["kind"] != "marketing":
        return ""
    found = {c["topic"]: c for c in person["consents"] if of_topic(c, topic)}
    everything, consent = found.get("*"), found.get(topic)
    if everything is not None and everything["state"] == "withdrawn":
        by = [e for e in person["events"] if e["number"] == everything["event"]]
        words = str((by[0].get("evidence") or {}).get("words") or "") if by else ""
        wrote = f"wrote {quoted(words, 30)} and " if words else ""
        return f"this person {wrote}withdrew from everything, {times.stamp(everything['since'])}"
    if consent is None:
        return f"this person never agreed to {topic}"
    since = times.stamp(consent["since"])
    if consent["state"] != "confirmed":
        word = {
            "requested": "asked for it and did not confirm",
            "withdrawn": "withdrew",
            "refused": "said no",
            "expired": "did not confirm in time",
        }.get(consent["state"], consent["state"])
        return f"no consent to {topic}: this person {word}, {since}"
    if consent["since"] >= message["accepted_at"]:
        return f"this person agreed to {topic} later, {since}; what came before is not sent"
    return ""
