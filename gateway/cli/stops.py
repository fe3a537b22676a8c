"""How stops are said: what does not go, since when, for which causes, and what lifts each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from gateway.cli.words import Times
from gateway.logs import masked
from gateway.stopping import (
    ALL,
    BEHIND,
    CLOCK,
    DAMAGED,
    DEAF,
    GAP,
    MARKETING,
    PERSON,
    REPLACED,
    RESTORED,
    sender_scope,
)

Stops = Mapping[str, Mapping[str, Any]]

_LOOK = (
    "what would go: gateway message list",
    "end what must not go: gateway message cancel NUMBER",
)
FIRST: Mapping[str, tuple[str, ...]] = {
    DEAF: ("it goes on by itself as soon as a webhook comes: can the public address be reached?",),
    RESTORED: _LOOK,
    GAP: ("wait some minutes: what people wrote meanwhile comes now", *_LOOK),
    CLOCK: ("timedatectl: is the clock right?", *_LOOK),
    BEHIND: ("timedatectl: set the clock right, then it goes on by itself",),
    DAMAGED: ("keep a copy, then: gateway restore, from the last backup",),
}
"""What to do before a stop is lifted, by its cause; what an output's own causes need, their
reasons say."""
UNASKED = {"", PERSON, REPLACED, *FIRST}
"""Causes of which no provider knows."""


def what(scope: str) -> str:
    """Name what does not go."""
    kind, _, sender = scope.partition(":")
    if not sender:
        return "all marketing" if kind == MARKETING else "all sending"
    return f"marketing of {sender}" if kind == MARKETING else f"sender {sender}"


def marketing_only(scope: str) -> bool:
    """Whether answers and confirmations still go."""
    return scope.partition(":")[0] == MARKETING


def lift(scope: str) -> str:
    """Return the command that lets a scope go on."""
    sender = scope.partition(":")[2]
    return f"gateway sender resume {sender}" if sender else "gateway resume"


def lifts(stops: Stops) -> list[str]:
    """Return what to do, step by step: what each cause needs first, then each command once."""
    codes = [cause["code"] for stop in stops.values() for cause in _causes(stop)]
    commands = list(dict.fromkeys(lift(scope) for scope in stops))
    if not commands:
        return []
    found = dict.fromkeys(step for code in codes for step in FIRST.get(code, ()))
    mended = [
        f"mend it (docs/alerts.md), then: gateway sender probe {name}" for name in refused(stops)
    ]
    anyway = "or, whatever the provider says" if mended else "when it may go on"
    return [*found, *mended, f"{anyway}: {commands[0]}", *commands[1:]]


def refused(stops: Stops) -> list[str]:
    """Return the senders of which their provider stopped something: it can be asked whether that is
    over."""
    senders = (
        scope.partition(":")[2]
        for scope, stop in stops.items()
        if any(cause["code"] not in UNASKED for cause in _causes(stop))
    )
    return [name for name in dict.fromkeys(senders) if name]


def unheard(stops: Stops) -> bool:
    """Whether what people write may not arrive, STOPs neither."""
    return any(cause["code"] == DEAF for stop in stops.values() for cause in _causes(stop))


def concerning(stops: Stops, sender: str, *, marketing: bool) -> list[str]:
    """Return the scopes that keep a sender's messages from going, the widest first."""
    scopes = [ALL, sender_scope(sender)]
    if marketing:
        scopes += [MARKETING, sender_scope(sender, marketing=True)]
    return [scope for scope in scopes if scope in stops]


def sentence(stop: Mapping[str, Any]) -> str:
    """Say why, all causes of it."""
    return " ".join(_whole(reason) for reason in reasons(stop)) or "no reason was given."


def reasons(stop: Mapping[str, Any]) -> list[str]:
    """Return the reasons, the oldest first, each without a full stop at its end."""
    found = (masked(cause["reason"]).strip().removesuffix(".") for cause in _causes(stop))
    return [reason for reason in dict.fromkeys(found) if reason]


def _causes(stop: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    causes: Iterable[Mapping[str, Any]] = stop.get("causes") or ({"code": ""} | dict(stop),)
    return causes


def _codes(stop: Mapping[str, Any]) -> str:
    """The causes by name, as errors.md and the alerts have them; "" if only a person did it."""
    codes = [cause["code"] for cause in _causes(stop) if cause["code"] not in ("", PERSON)]
    return f" ({', '.join(codes)})" if codes else ""


def _whole(text: str) -> str:
    return text if text.endswith((".", "!", "?", ".)", "))")) else f"{text}."


def answer(stops: Stops, senders: Iterable[str], times: Times) -> str:
    """Return the first line of the status while something is stopped."""
    if ALL in stops:
        return f"NO since {times.short(stops[ALL]['since'])}: {sentence(stops[ALL])}"
    parts = []
    for scope, stop in stops.items():
        named = what(scope)
        parts.append(f"{named[0].upper()}{named[1:]}{_codes(stop)}: {sentence(stop)}")
    word = "NO" if {sender_scope(name) for name in senders} <= set(stops) else "only in part"
    since = min(stop["since"] for stop in stops.values())
    return " ".join([f"{word} since {times.short(since)}.", *parts])
