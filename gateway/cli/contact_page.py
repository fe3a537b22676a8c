"""The page of `gateway contacts show`: numbers in full, for it answers the person's own question."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway import ids
from gateway.cli.trace_page import EVENTS
from gateway.cli.words import LABEL, Times, identity, lines, number, quoted, several, short

STATES = {
    "confirmed": "agreed",
    "requested": "asked to sign up, not confirmed",
    "withdrawn": "withdrew",
    "refused": "said no",
    "expired": "did not confirm in time",
    "unconfirmed": "in doubt: the number may have a new owner",
}


def render(person: Mapping[str, Any], zone: str, now: int, wide: int) -> list[str]:
    """Return the page's lines."""
    times = Times(zone, now)
    page = lines(
        "contact",
        [
            ids.show("c", person["id"]),
            person["name"],
            f"language {person['language']}" if person["language"] else "",
            f"known since {times.stamp(person['created_at'])}",
        ],
        wide,
    )
    for known in person["identities"]:
        gone = f"until {times.stamp(known['retired_at'])}" if known.get("retired_at") else ""
        page += lines("", [identity(known["kind"], known["value"], whole=True), gone], wide)
    page += _standing(person, times, wide)
    page += _troubles(person, times, wide)
    page += _consents(person, times, wide)
    page += _events(person, times, wide)
    for index, said in enumerate(person["inbound"]):
        words = said.get("caption") or said["words"]
        words = quoted(words, wide) if words else f"({said['kind']})"
        label = "wrote" if not index else ""
        page += lines(label, [times.stamp(said["at"]), words], wide, between="  ")
    for window in person["windows"]:
        ends = "answers may go until" if window["until"] > now else "the window closed"
        page += lines("window", [window["sender"], f"{ends} {times.stamp(window['until'])}"], wide)
    for index, look in enumerate(person.get("lookups", ())):
        label = "seen by" if not index else ""
        page += lines(label, [times.stamp(look["at"]), look["who"], look["what"]], wide)
    return page


def _standing(person: Mapping[str, Any], times: Times, wide: int) -> list[str]:
    """What holds for the contact as a whole: erased, held, merged, paused."""
    page = []
    if person.get("erased_at"):
        page += lines("erased", [times.stamp(person["erased_at"])], wide)
    if person.get("legal_hold"):
        page += lines("held", [person["legal_hold"], "not erased, not purged"], wide)
    if person.get("merged"):
        others = ", ".join(ids.show("c", other) for other in person["merged"])
        page += lines("also", [f"{others}: two contacts that were this one person"], wide)
    if person.get("paused_until"):
        page += lines("paused", [f"until {times.stamp(person['paused_until'])}"], wide)
    if person.get("per_week"):
        page += lines("wishes", [f"at most {person['per_week']} a week"], wide)
    return page


def _troubles(person: Mapping[str, Any], times: Times, wide: int) -> list[str]:
    """What a provider said of the person: why no marketing goes, or soon will not."""
    found: list[str] = []
    for one in person.get("troubles", ()):
        last = f"the last time {times.stamp(one['last_at'])}"
        said = f"{one['sender']}: {one['code']}, {several(one['n'], 'time')}, {last}"
        if one["sign"]:
            what = "UNREACHABLE: gets no marketing until there is a sign of life"
        elif one["until"] is None:
            what = "counted only; marketing still goes"
        elif one["until"] > times.now:
            what = f"gets no marketing before {times.stamp(one['until'])}: the provider lets none through"
        else:
            what = "over; marketing goes again"
        found += lines("" if found else "trouble", [what, said], wide)
    return found


def _consents(person: Mapping[str, Any], times: Times, wide: int) -> list[str]:
    consents = person["consents"]
    if not consents:
        return lines("consent", ["none; nothing but answers is ever sent to this person"], wide)
    found: list[str] = []
    acted = {event["number"]: event["at"] for event in person["events"]}
    for consent in consents:
        topic = "everything" if consent["topic"] == "*" else consent["topic"]
        state = STATES.get(consent["state"], consent["state"])
        at = acted.get(consent["event"], consent["since"])  # the person's own act; else as noted
        noted = times.stamp(consent["since"])
        found += lines(
            "consent" if not found else "",
            [
                f"{topic}: {state}, {times.stamp(at)}",
                f"event {number(consent['event'])}",
                f"noted here {noted}" if noted != times.stamp(at) else "",
            ],
            wide,
        )
    return found


def _events(person: Mapping[str, Any], times: Times, wide: int) -> list[str]:
    found: list[str] = []
    indent = " " * (LABEL + 21)
    for event in person["events"]:
        topic = "everything" if event["topic"] == "*" else event["topic"]
        what = f"{EVENTS.get(event['name'], event['name'])} ({topic})"
        pieces = [what, event["source"], f"event {number(event['number'])}"]
        label = "proof" if not found else ""
        found += lines(
            label.ljust(LABEL) + times.stamp(event["at"]), pieces, wide, indent=LABEL + 21
        )
        if event.get("wording"):
            found += _wording(event["wording"], event["shown"], indent, wide)
        if event["evidence"] is None:
            found.append(f"{indent}evidence erased")
        for key, value in (event["evidence"] or {}).items():
            found += _below([f"{key}: {short(str(value), 300)}"], indent, wide)
    return found


def _wording(name: str, text: str, indent: str, wide: int) -> list[str]:
    """What the person agreed to, word for word."""
    found = _below([f"wording: {name}"], indent, wide)
    for line in text.split("\n"):
        found += _below([line], indent + "│ ", wide)
    return found


def _below(pieces: list[str], indent: str, wide: int) -> list[str]:
    return [indent + line for line in lines("", pieces, wide - len(indent), indent=0)]
