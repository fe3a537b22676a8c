"""`gateway status`: does it send, and does anything need you?  The answer stands first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import click

from gateway.cli import case_page, status_page
from gateway.cli.group import Target, Trouble
from gateway.cli.output import json_option, show, show_json
from gateway.cli.words import clean, columns, paint, quoted, several, span
from gateway.errors import ConfigError
from gateway.store.causes import TEMPLATE_PAUSED
from gateway.store.watching import FAILURES, WITHDRAWALS

FINE, LOOK, STOPPED, NOT_RUNNING = 0, 1, 2, 3

HOUR = 3600 * 1_000_000
DAY = 24 * HOUR
LONG = 6 * HOUR
"""An input that reads by itself and had no success for so long needs somebody."""


class Item(NamedTuple):
    """Something that needs a person: what it is, and what to do."""

    what: str
    do: str


class Verdict(NamedTuple):
    """The exit status, and why."""

    code: int
    items: tuple[Item, ...] = ()


def judge(data: Mapping[str, Any], *, running: bool) -> Verdict:
    """Decide what the figures mean for somebody who wants to sleep."""
    items = tuple(_items(data))
    if not running:
        return Verdict(NOT_RUNNING, items)
    if data.get("stops") or (data.get("live") or {}).get("storage"):
        return Verdict(STOPPED, items)
    return Verdict(LOOK if items else FINE, items)


def _items(data: Mapping[str, Any]) -> list[Item]:
    found = []
    for group in data.get("waiting", ()):
        n, code, reason = group["n"], group.get("code", ""), group.get("reason", "")
        why = ": ".join(filter(None, (code, reason)))
        if group["state"] == "unknown":
            found.append(
                Item(
                    f"{several(n, 'delivery', 'deliveries')} without a clear answer ({why})",
                    "nothing is sent twice; a late status settles it: gateway queue unknown",
                )
            )
        else:
            found.append(
                Item(f"{several(n, 'delivery', 'deliveries')} held: {why}", "gateway queue")
            )
    found += _twice(data)
    found += _held(data.get("messages", ()))
    found += _paused(data.get("messages", ()))
    live = data.get("live") or {}
    found += _templates(data, live.get("senders") or {})
    for name, state in (live.get("senders") or {}).items():
        if state.get("trouble"):
            code, since = state["trouble"]
            found.append(
                Item(
                    f"sender {name} gets no answer ({code}) for {span(data['now'] - since)};"
                    " what waits is kept, and tried again by itself",
                    "is the provider, or the network, down?",
                )
            )
    for label, state in (live.get("inputs") or {}).items():
        if state.get("state") == "parked":
            found.append(
                Item(f"input {label} is parked: only other settings can help", "gateway check")
            )
        elif state.get("needs_person"):
            found.append(
                Item(f"input {label}: {state['trouble']}", f"mend [inputs.{label}] in the settings")
            )
        elif _silent(state, data["now"], live.get("up_since")):
            why = f": {state['trouble']}" if state.get("trouble") else ""
            found.append(
                Item(f"input {label} had no success for long{why}", "journalctl -u message-gateway")
            )
    return [*found, *_asked(data), *_untold(data, live.get("waits") or {})]


def _asked(data: Mapping[str, Any]) -> Iterator[Item]:
    """What people asked and nobody answered in time."""
    for kind, figures in (data.get("cases") or {}).items():
        words = case_page.WORDS[kind]
        if figures["overdue"]:
            command = "gateway requests" if kind in ("access", "erasure") else "gateway cases"
            yield Item(f"{several(figures['overdue'], *words)} overdue", command)
        elif kind == "question" and data["now"] - figures["oldest"] > DAY:
            waits = span(data["now"] - figures["oldest"])
            yield Item(f"a question has waited {waits} for its answer", "gateway cases")


def _untold(data: Mapping[str, Any], waits: Mapping[str, Any]) -> Iterator[Item]:
    """What observers could not take, and those that wait for long."""
    for label, one in waits.items():
        if data["now"] - one["since"] > HOUR:
            yield Item(
                f"{label} waits for {span(data['now'] - one['since'])}: {one['why']}", "mend it"
            )
    for label, figures in (data.get("observers") or {}).items():
        if figures["dead"]:
            what = f"{label} could not take {several(figures['dead'], 'event')}"
            yield Item(what, f"gateway observers dead-letters {label}")


def _twice(data: Mapping[str, Any]) -> Iterator[Item]:
    """What went out twice within a day: it is done, and somebody should know why."""
    found = [one for one in data.get("twice", ()) if data["now"] - one["at"] < DAY]
    if found:
        what = f"{several(len(found), 'person got a message', 'people got a message')} twice"
        yield Item(what, f"gateway message report {found[-1]['number']}")


def _held(messages: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
    """Messages that wait for a person, those with one reason together."""
    reasons: dict[str, list[Mapping[str, Any]]] = {}
    for message in messages:
        if message["state"] == "held" and message.get("until") is None:
            why = message.get("reason") or message.get("code", "")
            reasons.setdefault(why, []).append(message)
    for why, held in reasons.items():
        newest, oldest = held[0]["number"], held[-1]["number"]
        what = f"#{newest} {quoted(held[0]['title'], 30)} is held"
        if len(held) > 1:
            what = f"{several(len(held), 'message')} from #{oldest} to #{newest} are held"
        yield Item(f"{what} for a person: {why}", f"gateway message show {newest}")


def _paused(messages: Iterable[Mapping[str, Any]]) -> Iterator[Item]:
    """Messages that are paused for a cause, those with one reason together."""
    reasons: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for message in messages:
        if message["paused"] and message.get("pause_code"):
            why = (message["pause_code"], message["pause_reason"])
            reasons.setdefault(why, []).append(message)
    for (code, reason), paused in reasons.items():
        newest, oldest = paused[0]["number"], paused[-1]["number"]
        what = f"#{newest} {quoted(paused[0]['title'], 30)} is paused"
        if len(paused) > 1:
            what = f"{several(len(paused), 'message')} from #{oldest} to #{newest} are paused"
        do = f"gateway message show {newest}"
        if code in (FAILURES, WITHDRAWALS):
            do = f"when it may go on: gateway message resume {newest}"
        elif code == TEMPLATE_PAUSED:
            do = "it goes on by itself once the template may be sent again"
        yield Item(f"{what} ({code}): {reason}", do)


def _templates(data: Mapping[str, Any], senders: Mapping[str, Any]) -> Iterator[Item]:
    """Templates that keep a topic's posts waiting, unless a message that waits says so already."""
    paused = [message for message in data.get("messages", ()) if message["paused"]]
    told = " ".join(message.get("pause_reason") or "" for message in paused)
    used = {name: one for s in senders.values() for name, one in (s.get("templates") or {}).items()}
    for name, languages in used.items():
        if name in told:
            continue
        for one in languages:
            if one["state"] == "paused":
                left = (one["until"] or 0) - data["now"]
                rest = f", {span(left)} more" if left > 0 else ""
                yield Item(
                    f"template {name}/{one['language']} is paused by the provider{rest}",
                    "posts wait and go on by themselves; change what people dislike in it",
                )
        states = {one["state"] for one in languages}
        if states == {"review"}:
            what, do = "is not approved yet", "posts wait for the provider's review"
        elif states <= {"review", "gone"}:
            said = ", ".join(dict.fromkeys(one["said"] for one in languages))
            what = f"may not be sent ({said})" if said else "does not exist at the provider"
            do = "submit another one, and name it in [topics.…] template"
        else:
            continue
        yield Item(f"template {name} {what}", do)


def _silent(state: Mapping[str, Any], now: int, up_since: int | None) -> bool:
    """Only an input that has work of its own can be late; the others wait to be called."""
    if state.get("state") not in ("running", "pausing"):
        return False
    upcoming = state.get("next_at")
    if upcoming is not None and not state.get("trouble"):
        return bool(now - upcoming > LONG)  # some feeds are read once a day
    since = state.get("failing_since")
    if since is not None:
        return bool(now - since > LONG)
    last = state.get("last_success")
    if last is not None:
        return bool(now - last > LONG)
    return up_since is not None and now - up_since > HOUR


@click.command()
@json_option
@click.pass_context
def status(context: click.Context, as_json: bool) -> None:
    """Does it send, and does anything need you?

    \b
    Exit status
      0  fine
      1  look today: something is held, unknown or late
      2  sending stopped
      3  the gateway is not running (then this is read from disk), or does not answer
    """
    target = context.ensure_object(Target)
    try:
        with target.opened() as session:
            data = session.call("status")
            running = session.running
    except Trouble as error:
        raise Trouble(*error.sentences, code=NOT_RUNNING) from error
    except ConfigError as error:  # what it does is not known, so this is no 2
        raise Trouble(*error.problems, code=NOT_RUNNING) from error
    verdict = judge(data, running=running)
    if as_json:
        needs = [item._asdict() for item in verdict.items]
        show_json(data | {"running": running, "exit": verdict.code, "needs": needs})
    else:
        colour = {FINE: "green", LOOK: "yellow"}.get(verdict.code, "red")
        page = status_page.render(clean(data), clean_verdict(verdict), columns())
        show(paint(page, colour))
    context.exit(verdict.code)


def clean_verdict(verdict: Verdict) -> Verdict:
    """The same with texts that are safe to print."""
    return Verdict(verdict.code, tuple(Item(clean(i.what), clean(i.do)) for i in verdict.items))
