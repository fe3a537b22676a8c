"""Commands by name, imported when they are called; those of plugins by entry point.

`--help` imports none of them: names and lines of help of the gateway's own commands are given,
those of plugins are read from files.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from gateway.errors import ConfigError, GatewayError

if TYPE_CHECKING:
    from gateway.cli.reach import Session
    from gateway.services import Http

ENTRY_POINTS = "gateway.commands"
PLACES = (Path("gateway.toml"), Path("/etc/message-gateway/gateway.toml"))

Sections = Mapping[str, Mapping[str, tuple[str, str]]]
"""Title → command → (module:attribute, one line of help)."""


class Trouble(Exception):
    """What went wrong, in sentences for the person at the terminal, and the exit status."""

    def __init__(self, *sentences: str, code: int = 1) -> None:
        super().__init__("\n".join(sentences))
        self.sentences = sentences
        self.code = code


class Target:
    """Which gateway is meant; commands of plugins get it by `click.pass_obj`."""

    def __init__(self, given: Path | None = None) -> None:
        self.given = given

    @property
    def found(self) -> Path | None:
        """The settings file; None if none was named and none is found."""
        if self.given is not None:
            return self.given
        named = os.environ.get("GATEWAY_CONFIG")
        if named:
            return Path(named)
        return next((place for place in PLACES if place.exists()), None)

    @property
    def file(self) -> Path:
        """The settings file.  Raises Trouble if none was named and none is found."""
        found = self.found
        if found is not None:
            return found
        looked = " and no ".join(str(place) for place in PLACES)
        raise Trouble(f"there is no {looked}; name the settings with --config FILE", code=2)

    def http(self) -> AbstractAsyncContextManager[Http]:
        """The gateway's HTTP client for a command of its own, which runs trio itself."""
        from gateway.http import open_client

        return open_client()

    def opened(self) -> AbstractContextManager[Session]:
        """Reach the gateway for several operations; see gateway.cli.reach."""
        from gateway.cli.reach import opened

        return opened(self.file)

    def call(self, operation: str, **arguments: Any) -> Any:
        """Run one operation, in the running daemon or, without one, here."""
        with self.opened() as session:
            return session.call(operation, **arguments)


class Group(click.Group):
    """A group whose commands are imported late."""

    def __init__(self, *args: Any, sections: Sections, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sections = sections
        self._own = {name: line for table in sections.values() for name, line in table.items()}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self._own, *sorted(_of_plugins().keys() - self._own.keys())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self._own:
            return _with_config(_load(self._own[cmd_name][0]))
        point = _of_plugins().get(cmd_name)
        if point is None:
            return None
        why = f"{point.value} is no click command"
        try:
            command = _load(point.value)
        except Exception as error:  # noqa: BLE001 - whatever a plugin's module raises
            why = f"importing {point.value} failed: {type(error).__name__}: {error}"
            command = None
        if isinstance(command, click.Command):
            return _with_config(command)
        if ctx.resilient_parsing:
            return None  # while a shell completes words
        raise Trouble(f"the command {cmd_name!r} of {point.origin} cannot be used: {why}")

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(ctx), n=1)
            if not near:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        plugins = _of_plugins()
        groups = {
            title: [(name, help) for name, (_, help) in table.items()]
            for title, table in self._sections.items()
        }
        groups["From plugins"] = [
            (name, _help_of(point))
            for name, point in sorted(plugins.items())
            if name not in self._own
        ]
        longest = max(len(name) for rows in groups.values() for name, _ in rows)
        for title, rows in groups.items():
            if rows:
                with formatter.section(title):
                    formatter.write_dl([(name.ljust(longest), help) for name, help in rows])

    def invoke(self, ctx: click.Context) -> Any:
        """Turn errors that are meant for people into sentences on stderr and an exit status."""
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        try:
            return super().invoke(ctx)
        except Exception as error:
            trouble = _trouble(error)
            if trouble is None:
                raise
            for sentence in trouble.sentences:
                click.echo(sentence, err=True)
            raise click.exceptions.Exit(trouble.code) from error


def _trouble(error: Exception) -> Trouble | None:
    """What to say about an error; None if it is a bug."""
    if isinstance(error, Trouble):
        return error
    if isinstance(error, ConfigError):
        return Trouble(*error.problems, code=2)
    if isinstance(error, GatewayError):
        return Trouble(str(error))
    if isinstance(error, ExceptionGroup):
        leaves = list(_leaves(error))
        if all(isinstance(leaf, GatewayError) for leaf in leaves):
            settings = all(isinstance(leaf, ConfigError) for leaf in leaves)
            return Trouble(*map(str, leaves), code=2 if settings else 1)
    return None


def _leaves(group: BaseExceptionGroup[Any]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _load(value: str) -> Any:
    from importlib import import_module

    module, _, attribute = value.partition(":")
    found = import_module(module.strip())
    for part in attribute.split("[")[0].strip().split("."):
        found = getattr(found, part)
    return found


def _with_config(command: click.Command) -> click.Command:
    """Take `--config` also behind the command's name, where many write it."""
    if not any("--config" in parameter.opts for parameter in command.params):
        command.params.append(
            click.Option(
                ["--config"],
                type=click.Path(dir_okay=False, path_type=Path),
                expose_value=False,
                hidden=True,
                callback=_choose,
            )
        )
    if isinstance(command, click.Group):
        for below in command.commands.values():
            _with_config(below)
    return command


def _choose(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    target = ctx.find_object(Target)
    if value is not None and target is not None:
        target.given = value


# --- commands of plugins ------------------------------------------------------------------------
class Point(NamedTuple):
    """An entry point: `module:attribute`, and the distribution it is of."""

    value: str
    origin: str


def _of_plugins() -> dict[str, Point]:
    """Read the entry points from the files of the installed distributions.

    importlib.metadata gives the same, and costs as much time again as all the rest of `--help`.
    """
    found: dict[str, Point] = {}
    for folder in dict.fromkeys(sys.path):
        try:
            with os.scandir(folder or ".") as entries:
                names = [e.name for e in entries if e.name.endswith((".dist-info", ".egg-info"))]
        except OSError:
            continue
        for name in sorted(names):
            try:
                text = Path(folder, name, "entry_points.txt").read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            origin = " ".join(
                name.rpartition(".")[0].replace("_", "-").split("-py3")[0].rsplit("-", 1)
            )
            for key, value in _section(text):
                found.setdefault(key, Point(value, origin))
    return found


def _section(text: str) -> Iterator[tuple[str, str]]:
    inside = False
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("["):
            inside = line == f"[{ENTRY_POINTS}]"
        elif inside and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _help_of(point: Point) -> str:
    """Return the first line of the function's docstring, read from its source, not imported."""
    module, _, attribute = point.value.partition(":")
    below = module.strip().replace(".", "/")
    for folder in dict.fromkeys(sys.path):
        for path in (Path(folder, f"{below}.py"), Path(folder, below, "__init__.py")):
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            name = re.escape(attribute.strip())
            line = re.search(
                rf'^def {name}\((?:.|\n)*?\n    """(.+?)(?:"""|\n)', text, re.MULTILINE
            )
            return line[1].strip() if line else f"of {point.origin}"
    return f"of {point.origin}"
