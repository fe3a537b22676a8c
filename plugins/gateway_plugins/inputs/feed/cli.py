"""`gateway feeds`: how the feeds fare, what they show, and what of them waits for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec
import trio

from gateway.api import Duration

from . import page
from .fetching import Asked, Trouble, fetch, of_refusal, of_status
from .settings import RssConfig
from .taking import preview
from .wire import Document, Feed
from .worker import Worker

NEWEST = 1000
"""Messages among which those that wait are looked for."""

label_argument = click.argument("label")
json_option = click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def feeds(context: click.Context, as_json: bool) -> None:
    """Feeds: how they fare, what they show, what waits for you.

    \b
    Exit status
      0  all are read
      1  one fails, or posts wait for a person
    """
    if context.invoked_subcommand is not None:
        return
    with context.obj.opened() as gateway:
        rows = {label: _row(gateway, label, "feed") for label in _labels(gateway)}
        waiting = {label: len(found) for label, found in _waiting(gateway).items()}
        times = _times(gateway)
    if as_json:
        _json({label: row | {"waiting": waiting.get(label, 0)} for label, row in rows.items()})
    elif rows:
        _show(page.listed(rows, waiting, times, page.columns()))
    else:
        _show(["the settings have no feed; gateway feeds try URL shows what one would give"])
    fine = all(row["state"] in ("ok", "new") for row in rows.values())
    context.exit(0 if fine and not any(waiting.get(label) for label in rows) else 1)


@feeds.command()
@label_argument
@click.option("-n", "posts", default=3, type=click.IntRange(0, 10), help="How many posts.")
@json_option
@click.pass_obj
def show(target: Any, label: str, posts: int, as_json: bool) -> None:
    """One feed, with its newest posts as they would be sent."""
    with target.opened() as gateway:
        row = _row(gateway, _known(gateway, label), "feed")
        waiting = len(_waiting(gateway).get(label, ()))
        times = _times(gateway)
    if as_json:
        _json(row | {"waiting": waiting})
    else:
        _show(page.told(label, row, waiting, posts, times, page.columns()))


@feeds.command()
@label_argument
@click.pass_obj
def poll(target: Any, label: str) -> None:
    """Read a feed now; one that stopped goes on."""
    with target.opened() as gateway:
        row = _row(gateway, _known(gateway, label), "poll")
        waiting = {label: len(_waiting(gateway).get(label, ()))}
        times, running = _times(gateway), gateway.running
    if not running:
        _show([f"{label} is read when the gateway starts"])
        return
    _show(page.listed({label: row}, waiting, times, page.columns()))
    raise SystemExit(0 if row["state"] == "ok" else 1)


@feeds.command()
@label_argument
@click.option("--newest", type=click.IntRange(min=1), help="Only so many, the newest.")
@yes_option
@click.pass_obj
def release(target: Any, label: str, newest: int | None, yes: bool) -> None:
    """Send the posts of a feed that wait for a person."""
    with target.opened() as gateway:
        found = _waiting(gateway).get(_known(gateway, label), [])
        _decide(gateway, found[-newest:] if newest else found, "approve", "Send", "released", yes)


@feeds.command()
@label_argument
@yes_option
@click.pass_obj
def refuse(target: Any, label: str, yes: bool) -> None:
    """Never send the posts of a feed that wait for a person."""
    with target.opened() as gateway:
        found = _waiting(gateway).get(_known(gateway, label), [])
        _decide(gateway, found, "cancel", "Never send", "refused", yes)


@feeds.command("try")
@click.argument("url")
@click.option("--private", is_flag=True, help="Its host may lie in a private network.")
@click.option("--category", "categories", multiple=True, help="Only posts with this category.")
@click.option("--teaser-length", default=300, type=click.IntRange(40, 1000), show_default=True)
@click.option("-n", "posts", default=5, type=click.IntRange(0, 100), help="How many posts.")
@json_option
@click.pass_obj
def try_(
    target: Any,
    url: str,
    private: bool,
    categories: tuple[str, ...],
    teaser_length: int,
    posts: int,
    as_json: bool,
) -> None:
    """Read any feed and show what it would give.  Sends nothing, needs no gateway."""
    try:
        config = RssConfig(
            url=url,
            topic="",
            private=private,
            only_categories=categories,
            teaser_length=teaser_length,
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    feed, address = trio.run(_read, target, config)
    if isinstance(feed, Trouble):
        raise click.ClickException(f"{url}: {feed.why}")
    shown = [msgspec.to_builtins(post) for post in preview(feed, config, posts)]
    if as_json:
        about = {"url": address, "title": feed.title, "language": feed.language}
        _json(about | {"found": len(feed.entries), "posts": shown})
        return
    _show(_tried(feed, address, config, shown))


async def _read(target: Any, config: RssConfig) -> tuple[Feed | Trouble, str]:
    worker = Worker()
    async with target.http() as http:
        answer = await fetch(http, Asked(config.url, config.private, switch="--private"))
        if isinstance(answer, Trouble):
            return answer, ""
        if answer.status != 200:
            return of_status(answer.status), ""
        kind = answer.headers.get("content-type", "")
        try:
            feed = await worker.parse(Document(answer.body, answer.url, kind, config.teaser_length))
        finally:
            with trio.CancelScope(shield=True):
                await worker.aclose()
        return (feed if isinstance(feed, Feed) else of_refusal(feed)), answer.url


def _tried(
    feed: Feed, address: str, config: RssConfig, shown: Sequence[dict[str, Any]]
) -> list[str]:
    wide = page.columns()
    lines = [f"{'feed':<{page.LABEL}}{page.clean(feed.title or 'without a title')}"]
    if address != config.url:
        lines.append(f"{'at':<{page.LABEL}}{page.clean(address)}")
    said = [f"{len(feed.entries)} found", f"language {feed.language or 'not said'}"]
    if feed.wishes.seconds:
        said.append(f"asks to be read every {Duration(round(feed.wishes.seconds))}")
    if not feed.whole:
        said.append("breaks off before its end")
    lines.append(f"{'posts':<{page.LABEL}}{' · '.join(said)}")
    lines.append(f"{'':<{page.LABEL}}The first look sends none of them, unless first = … says so.")
    return lines + page.shown(shown, page.Times(datetime.now(UTC)), wide)


# --- the gateway that was found -----------------------------------------------------------------
def _labels(gateway: Any) -> list[str]:
    return [label for label, table in gateway.config.inputs.items() if table.plugin == "rss"]


def _known(gateway: Any, label: str) -> str:
    labels = _labels(gateway)
    if label not in labels:
        raise click.UsageError(f"there is no feed {label!r}; known: {', '.join(labels) or 'none'}")
    return label


def _row(gateway: Any, label: str, command: str) -> dict[str, Any]:
    row: dict[str, Any] = gateway.call("plugin", label=label, command=command)
    return row


def _waiting(gateway: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the messages that wait because a feed doubted them, by feed, the oldest first."""
    found: dict[str, list[dict[str, Any]]] = {}
    for message in reversed(gateway.call("message_list", limit=NEWEST)):
        held = message["state"] == "held" and message["until"] is None
        if held and message["code"] == "doubted":
            found.setdefault(message["input"], []).append(message)
    return found


def _decide(
    gateway: Any,
    found: Sequence[dict[str, Any]],
    action: str,
    question: str,
    done: str,
    yes: bool,
) -> None:
    if not found:
        _show(["nothing waits"])
        return
    for message in found:
        _show([f"#{message['number']}  {page.clean(message['title'])}"])
    posts = "this post" if len(found) == 1 else f"these {len(found)} posts"
    if not yes:
        _ask(f"{question} {posts}?")
    for message in found:
        gateway.call("message_set", message=str(message["number"]), action=action)
    _show([f"{done}: {len(found)}"])


def _ask(question: str) -> None:
    """Go on only if somebody agrees."""
    try:
        agreed = click.confirm(question)
    except click.Abort:
        if sys.stdin.isatty():  # Ctrl-C or Ctrl-D
            raise
        click.echo()  # ends the line of the question
        raise click.UsageError("nobody is here to answer: say --yes to go on unasked") from None
    if not agreed:
        raise click.Abort


def _times(gateway: Any) -> page.Times:
    return page.Times(datetime.now(UTC), ZoneInfo(gateway.config.company.time_zone))


def _show(lines: Sequence[str]) -> None:
    click.echo("\n".join(lines))


def _json(value: Any) -> None:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo("".join(f"\\u{ord(c):04x}" if "\x7f" <= c <= "\x9f" else c for c in text))
