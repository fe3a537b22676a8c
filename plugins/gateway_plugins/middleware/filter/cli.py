"""`gateway filter try`: what the filter makes of a post, and how a phone would show it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.api import ConfigError, FetchError

STATUS = {"passed": 0, "held": 1, "dropped": 2}
FAILED = 3


class Failure(click.ClickException):
    """Why nothing could be tried."""

    exit_code = FAILED


@click.group("filter")
def filter_() -> None:
    """The content filter: try it on a post, without sending."""


@filter_.command("try")
@click.argument("source", metavar="FILE|URL")
@click.option("--topic", default=None, help="Its rules and template; default: the first topic.")
@click.option("--item", type=click.IntRange(1), default=1, help="Of a feed: 1 is the newest.")
@click.option("--all", "every", is_flag=True, help="One line for each item of a feed.")
@click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")
@click.pass_context
def try_(
    context: click.Context, source: str, topic: str | None, item: int, every: bool, as_json: bool
) -> None:
    """Show verdict, score, and the post as a phone shows it.  Nothing is sent.

    A post is text or Markdown, a web page, a feed (RSS, Atom, JSON Feed), or a message as JSON; "-"
    reads it from standard input.  The settings in reach count, the defaults if there are none.

    Exit status 0 passed, 1 held, 2 dropped, 3 it could not be tried.
    """
    import trio

    from gateway_plugins.middleware.filter.posts import UnreadableError
    from gateway_plugins.middleware.filter.trial import read_settings

    target: Any = context.obj
    try:
        settings = read_settings(target.found)
        document = _opened(source)
        wanted = None if every else item
        trials = trio.run(_run, target, source, document, topic, settings, wanted)
    except* (ConfigError, FetchError, UnreadableError) as group:
        raise Failure(_first(group, source)) from None
    if as_json:
        text = json.dumps([_plain(trial) for trial in trials], ensure_ascii=False, indent=2)
        click.echo("".join(f"\\u{ord(c):04x}" if "\x7f" <= c <= "\x9f" else c for c in text))
    else:
        _show(trials, settings.file, every)
    context.exit(max(STATUS[trial.word] for trial in trials))


async def _run(
    target: Any,
    source: str,
    document: tuple[bytes, str, str] | None,
    topic: str | None,
    settings: Any,
    item: int | None,
) -> list[Any]:
    from gateway_plugins.middleware.filter.posts import posts_of
    from gateway_plugins.middleware.filter.trial import tried

    async with target.http() as http:
        posts = posts_of(*(document or await _fetched(source, http)))
        if item is not None:
            if item > len(posts):
                raise ConfigError(f"{source} has {len(posts)} items, no number {item}")
            posts = posts[item - 1 : item]
        chosen = topic or next(iter(settings.topics), None)
        return [
            await tried(post.replace(topic=topic or post.topic or chosen), settings, http)
            for post in posts
        ]


def _opened(source: str) -> tuple[bytes, str, str] | None:
    """Return the bytes of a file, its address and type, which it has not; None for an address."""
    if source.startswith(("http://", "https://")):
        return None
    try:
        return sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes(), "", ""
    except OSError as error:
        raise ConfigError(f"{source}: {error.strerror}") from error


async def _fetched(source: str, http: Any) -> tuple[bytes, str, str]:
    from gateway_plugins.middleware.filter.posts import LARGEST

    answer = await http.get(source, max_bytes=LARGEST, follow_redirects=5)
    if answer.status != 200:
        raise ConfigError(f"{source} answers {answer.status}")
    return answer.body, answer.url, answer.headers.get("content-type", "")


def _show(trials: list[Any], file: Path | None, every: bool) -> None:
    from gateway_plugins.middleware.filter import trial_page

    wide = max(60, min(100, shutil.get_terminal_size((80, 24)).columns))
    for number, trial in enumerate(trials, start=1):
        if every:
            click.echo(trial_page.line(trial, number, wide))
        else:
            click.echo("\n".join(trial_page.render(trial, wide)))
    click.echo()
    if every:
        words = [trial.word for trial in trials]
        counts = [f"{words.count(word)} {word}" for word in STATUS if word in words]
        click.echo(f"{len(trials)} items: {', '.join(counts)}")
    where = f"settings: {file}" if file else "no settings in reach, so with the defaults"
    click.echo(click.style(where, dim=True))


def _plain(trial: Any) -> dict[str, Any]:
    verdict = trial.verdict
    passed = trial.word == "passed"
    return {
        "verdict": trial.word,
        "code": "" if passed else verdict.code,
        "reason": ", ".join(verdict.notes) if passed else verdict.text,
        "score": trial.score.points,
        "threshold": trial.threshold,
        "signals": msgspec.to_builtins(trial.score.signals),
        "title": trial.message.title,
        "forms": [
            msgspec.to_builtins(form) | {"rendered": form.rendered} for form in trial.contents
        ],
        "missing": list(trial.missing),
    }


def _first(group: BaseExceptionGroup[BaseException], source: str) -> str:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{source}: {_unreached(error)}" if isinstance(error, FetchError) else str(error)


def _unreached(error: FetchError) -> str:
    from gateway_plugins.inputs.feed.fetching import UNREACHED
    from gateway_plugins.middleware.filter.posts import LARGEST

    words = UNREACHED | {"too_large": f"it is larger than {LARGEST // 1_000_000} MB"}
    return f"{words[error.code]} ({error})"
