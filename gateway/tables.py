"""One TOML table into one typed Struct, with every problem found, each with its key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from gateway.errors import ConfigError
from gateway.secret import Secret, SecretSource
from gateway.values import Duration

S = TypeVar("S", bound=msgspec.Struct)


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
            problems.add(f"{where} {key}", _plain(error))
        except ConfigError as error:
            problems.add(f"{where} {key}", str(error))
    if len(problems.found) > before:
        return None
    try:
        return type_(**values)
    except (ValueError, TypeError, ConfigError) as error:  # from __post_init__
        problems.add(where, str(error))
        return None


def meant(name: str, known: Iterable[str]) -> str:
    """Return what somebody who wrote `name` may have meant."""
    near = difflib.get_close_matches(name, known := sorted(known), n=1)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known) or 'none'}"


def _special(type_: type, value: Any, beside: Path) -> Any:
    if type_ is Duration:
        return Duration.parse(value)
    if type_ is Secret:
        if not isinstance(value, dict):
            raise ConfigError(
                'a secret is never written here; use { secret = "NAME" } or { file = "PATH" }'
            )
        return msgspec.convert(value, SecretSource).read(beside)
    raise ConfigError(f"settings cannot hold a {type_.__name__}")


def _plain(error: msgspec.ValidationError) -> str:
    text = str(error)
    for theirs, ours in (("`", ""), ("Expected", "expected"), ("Object", "table")):
        text = text.replace(theirs, ours)
    return text.replace(" - at $", ", at ")


def shown(value: Any) -> Any:
    """Return settings as plain values for TOML; secrets masked, what is unset left out."""
    if isinstance(value, Secret):
        return repr(value)
    if isinstance(value, Duration):
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
