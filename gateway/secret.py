"""Secrets: a value that never prints itself, and where it is read from."""

from __future__ import annotations

import difflib
import os
import re
from contextlib import suppress
from pathlib import Path

import msgspec

from gateway.errors import ConfigError

LARGEST = 1 << 16
"""Bytes of a secret."""

# What a person would not call a file: long, with capitals and digits (a token), or only hex.
_SECRET = re.compile(r"(?=.*[A-Z])(?=.*[a-z])(?=.*\d)[\w.~+=|-]{20,}|[0-9a-fA-F]{32,}")

CREDENTIALS = "CREDENTIALS_DIRECTORY"  # set by systemd for LoadCredential=


class Secret:
    """A secret value.  Printing, formatting or encoding it yields `<secret>`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself; call it only where it is put on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("a Secret is never pickled")


class SecretSource(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """How settings name a secret: `{ secret = "NAME" }` or `{ file = "PATH" }`, never both.

    `secret` is a systemd credential of that name, or a file of that name in the folder
    `secrets/` beside the settings.
    """

    secret: str | None = None
    file: str | None = None

    def read(self, beside: Path) -> Secret:
        """Read the secret.  `beside` is the folder of the settings file.

        Raises ConfigError with a sentence that says what to change; the trailing line break
        that editors add is not part of a secret.
        """
        if (self.secret is None) == (self.file is None):
            raise ConfigError('give either { secret = "NAME" } or { file = "PATH" }')
        if not f"{self.secret}{self.file}".isprintable():
            raise ConfigError("the name of a secret has no line breaks or control characters")
        if self.file is not None:
            candidates = [beside / self.file]
        else:
            name = self.secret or ""
            if "/" in name or name in {"", ".", ".."}:
                raise ConfigError(f"a secret's name cannot be {name!r}")
            folder = os.environ.get(CREDENTIALS)
            candidates = [Path(folder) / name] if folder else []
            candidates.append(beside / "secrets" / name)
        given = (self.file or self.secret or "").rpartition("/")[2]
        for path in candidates:
            try:
                with path.open("rb") as opened:
                    raw = opened.read(LARGEST + 1)
                value = raw.decode("utf-8-sig").rstrip("\r\n")
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                if _SECRET.fullmatch(given):
                    break
                why = getattr(error, "strerror", None) or "it is no text in UTF-8"
                raise ConfigError(f"cannot read the secret in {path}: {why}") from None
            if not value:
                raise ConfigError(f"the secret in {path} is empty")
            if len(raw) > LARGEST:
                raise ConfigError(f"what lies in {path} is too long for a secret")
            return Secret(value)
        if _SECRET.fullmatch(given):
            raise ConfigError(
                "the secret itself seems to stand here; put it into a file, such as"
                " secrets/token, and name that"
            )
        looked = " or ".join(str(path) for path in candidates)
        near = difflib.get_close_matches(given, _beside(candidates), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"no secret found: put it into {looked}{hint}")


def _beside(candidates: list[Path]) -> list[str]:
    """The files where a secret was looked for."""
    names: set[str] = set()
    for path in candidates:
        with suppress(OSError):
            names.update(os.listdir(path.parent))
    return sorted(names)
