"""One TOML table into one typed Struct, with every problem found, each with its key."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

import msgspec

from gateway.errors import ConfigError
from gateway.secret import Secret, SecretSource
from gateway.values import Duration, Size

S = TypeVar("S", bound=msgspec.Struct)

WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}
"""Types by the words of people who write settings."""

HINTS = (
    (("int", "float", "bool", "datetime", "date", "time"), "str", "write it in quotes"),
    (("str",), "int", "write it without quotes"),
    (("str",), "float", "write it without quotes"),
    (("str",), "bool", "write it without quotes"),
    (("str", "int", "float"), "array", "write it in [ ]"),
)
"""(types that came, the one that was missed, what to do)"""

_TYPES = re.compile(r"Expected `([^`]*)`, got `([^`]*)`")
_ABOUT = re.compile(r"([a-z_]+)(?:: | (?=(?:has|have|must|may|can|cannot|is|are|begins?)\b))")


class Problems:
    """Collects what is wrong, so that it can be said all at once."""

    def __init__(self, file: str) -> None:
        self._file = file
        self.found: list[str] = []

    def add(self, where: str, what: str) -> None:
        """Note a problem; `where` is the key, such as `[inputs.blog] url`."""
        self.found.append(f"{self._file}: {where}: {what}")

    def check(self) -> None:
        """Raise ConfigError if there is any."""
        if self.found:
            raise ConfigError(*self.found)


def read_table(
    table: object, type_: type[S], where: str, problems: Problems, beside: Path
) -> S | None:
    """Convert a table, field by field, so that one mistake does not hide the next.

    Returns None if anything was wrong; the problems say what.  `beside` is the folder of the
    file, for secrets.
    """
    if not isinstance(table, Mapping):
        problems.add(where, "this has to be a table")
        return None
    before = len(problems.found)
    fields = {field.encode_name: field for field in msgspec.structs.fields(type_)}
    for key in table:
        if key not in fields:
            problems.add(f"{where} {key}", f"unknown key; {meant(str(key), fields)}")
    values: dict[str, Any] = {}
    for key, field in fields.items():
        if key not in table:
            if field.required:
                problems.add(f"{where} {key}", "is missing")
            continue
        try:
            values[field.name] = msgspec.convert(
                table[key], field.type, dec_hook=lambda t, v: _special(t, v, beside)
            )
        except msgspec.ValidationError as error:
            problems.add(f"{where} {key}", _plain(error, table[key], field.type))
        except ConfigError as error:
            problems.add(f"{where} {key}", str(error))
    if len(problems.found) > before:
        return None
    try:
        return type_(**values)
    except (ValueError, TypeError, ConfigError) as error:  # from __post_init__
        for problem in getattr(error, "problems", (str(error),)):
            _add(problem, fields, where, problems)
        return None


def _add(problem: str, fields: Iterable[str], where: str, problems: Problems) -> None:
    """Note what a table says of itself; `url has to …` and `url: …` are about its key."""
    about = _ABOUT.match(problem)
    if about is None or about[1] not in fields:
        problems.add(where, problem)
    else:
        problems.add(f"{where} {about[1]}", problem[about.end() :])


def meant(name: str, known: Iterable[str]) -> str:
    """Return what somebody who wrote `name` may have meant."""
    near = nearest(name, known := sorted(known))
    return f"did you mean {near!r}?" if near else f"known: {', '.join(known) or 'none'}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that looks most like `name`, None if none does."""
    given = {one.casefold(): one for one in sorted(known)}
    near = difflib.get_close_matches(name.casefold(), given, n=1)
    return given[near[0]] if near else None


def _special(type_: type, value: Any, beside: Path) -> Any:
    if type_ is Duration:
        return Duration.parse(value)
    if type_ is Size:
        return Size.parse(value)
    if type_ is Secret:
        if not isinstance(value, dict):
            raise ConfigError(
                'a secret is never written here; use { secret = "NAME" } or { file = "PATH" }'
            )
        for key in value.keys() - {"secret", "file"}:
            raise ConfigError(f"unknown key {key!r}; {meant(key, ('secret', 'file'))}")
        return msgspec.convert(value, SecretSource).read(beside)
    raise ConfigError(f"settings cannot hold a {type_.__name__}")


def _plain(error: msgspec.ValidationError, value: object, type_: Any) -> str:
    """What msgspec says, in the words of somebody who writes TOML, and what to write instead."""
    text = str(error)
    choices = [name for name in _choices(type_) if isinstance(name, str)]
    if text.startswith("Invalid enum value") and isinstance(value, str) and choices:
        return f"there is no {value!r}; {meant(value, choices)}"
    text, _, path = text.partition(" - at `$")
    place = path.rstrip("`").lstrip(".")
    if place:
        place = ", at one of its values" if place == "[...]" else f", at {place}"
    types = _TYPES.fullmatch(text)
    if types is None:
        for theirs, ours in (("`", ""), ("Object", "table"), ("Expected", "expected")):
            text = text.replace(theirs, ours)
        return re.sub(r"\b(int|float|str|array)\b", lambda one: WORDS[one[0]], text) + place
    given, wanted = types[2], types[1].split(" | ")
    words = " or ".join(WORDS.get(one, one) for one in wanted if one != "null")
    hints = (f"; {hint}" for got, missed, hint in HINTS if given in got and missed in wanted)
    return f"expected {words}, got {WORDS.get(given, given)}{place}{next(hints, '')}"


def _choices(type_: Any) -> tuple[Any, ...]:
    """The words of a Literal, also of one that may be left out."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    return tuple(choice for part in get_args(type_) for choice in _choices(part))


def shown(value: Any) -> Any:
    """Return settings as plain values for TOML; secrets masked, what is unset left out."""
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, Duration | Size):
        return str(value)
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        return {
            field.encode_name: shown(getattr(value, field.name))
            for field in fields
            if getattr(value, field.name) is not None
        }
    if isinstance(value, Mapping):
        return {str(key): shown(item) for key, item in value.items() if item is not None}
    if isinstance(value, set | frozenset):
        return sorted((shown(item) for item in value), key=str)  # the same in every process
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return value
